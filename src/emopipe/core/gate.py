"""The report and the page of a gate that stops the pipeline.

They are no outs of a stage, since DVC removes those before the stage runs and keeps none of a stage that fails.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emopipe.core.errors import GateError
from emopipe.core.files import write_folder
from emopipe.core.state import project_root

FAILED = Path("reports/failed")
PAGE = "index.html"


@contextmanager
def keep_evidence(stage: str) -> Iterator[None]:
    """Write the evidence of a `GateError` to `reports/failed/STAGE`, and name its page; a success removes the folder.

    A DVC experiment in a temporary folder writes to the project that it belongs to, and leaves there what a run of the
    project itself has written.
    """
    root = project_root()
    folder, is_experiment = root / FAILED / stage, root != Path.cwd().resolve()
    try:
        yield
    except GateError as error:
        write_folder(folder, error.evidence)
        page = folder / PAGE if is_experiment else FAILED / stage / PAGE
        raise GateError(f"{error}. See {page}", error.evidence) from error
    if not is_experiment:
        shutil.rmtree(folder, ignore_errors=True)
