"""The first import of each stage script: in an interpreter without emopipe it ends with the remedy, in one line."""

import sys
from pathlib import Path

__all__ = ["begin_stage"]

try:
    from emopipe.core.interrupt import begin_stage
except ModuleNotFoundError as error:
    sys.exit(
        f"{Path(sys.argv[0]).stem}: {sys.executable} has no {error.name}: activate the project's environment "
        "(source .venv/bin/activate), or use `emopipe run`"
    )
