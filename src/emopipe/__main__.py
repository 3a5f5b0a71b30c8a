"""The program `emopipe`, also as `python -m emopipe`: the command line."""

import signal

from emopipe.core.interrupt import stop_at_once


def main() -> None:
    """Import the command line and run it."""
    former = stop_at_once("emopipe")
    from emopipe.cli.app import main as run

    signal.signal(signal.SIGINT, former)
    try:
        run()
    finally:
        stop_at_once("emopipe")  # the end of the process waits for threads


if __name__ == "__main__":
    main()
