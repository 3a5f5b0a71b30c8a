"""Printing tables."""

import sys

from rich.console import Console


def console() -> Console:
    """Standard output, 120 columns wide if it is no terminal."""
    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)
