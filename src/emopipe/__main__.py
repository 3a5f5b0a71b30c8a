"""`python -m emopipe`: the command line."""

from emopipe.cli.app import main

main()
