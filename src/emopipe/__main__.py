"""The program `emopipe`, also as `python -m emopipe`: the command line."""

import signal

from emopipe.core.interrupt import stop_at_once


def main() -> None:
    """Import the command line and run it."""
    former = stop_at_once("emopipe")
    from emopipe.cli.app import main as run

    signal.signal(signal.SIGINT, former)
    run()


if __name__ == "__main__":
    main()
