import subprocess
import sys

import pytest


def test_the_runtime_imports_neither_torch_nor_mlflow_nor_dvc():
    code = (
        "import sys, emopipe.export.runtime; print([m for m in ('torch', 'mlflow', 'dvc', 'cv2') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.slow
def test_the_training_loop_imports_none_of_the_libraries_above_it():
    code = (
        "import sys, emopipe.training.loop, emopipe.training.checkpoint; "
        "print([m for m in ('mlflow', 'dvc', 'pydantic', 'pandas', 'timm', 'ultralytics') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
