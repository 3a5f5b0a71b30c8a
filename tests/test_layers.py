"""The structure: modules import only downwards, and DVC knows every module that a stage depends on."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "emopipe"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def imports(path: Path) -> set[Path]:
    """The project's modules that `path` imports, anywhere in it, with the packages around them."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {found for name in names for found in modules(name)}


def modules(name: str) -> set[Path]:
    parts = name.split(".")
    if parts[0] != "emopipe":
        return set()
    folders = [PACKAGE.joinpath(*parts[1:end]) for end in range(1, len(parts) + 1)]
    candidates = [*(folder / "__init__.py" for folder in folders), folders[-1].with_suffix(".py")]
    return {path for path in candidates if path.exists()}


def closure(path: Path) -> set[Path]:
    found, waiting = {path}, [path]
    while waiting:
        new = imports(waiting.pop()) - found
        found |= new
        waiting += new
    return found


def code_deps(paths: set[Path]) -> list[str]:
    """As dvc.yaml writes them: a package as a folder where all of it is needed, else file by file."""
    whole = {
        folder
        for folder in {path.parent for path in paths}
        if folder not in (PACKAGE, ROOT / "stages") and set(folder.rglob("*.py")) <= paths
    }
    folders = {folder for folder in whole if folder.parent not in whole}
    files = {path for path in paths if not folders & set(path.parents)}
    return sorted(str(path.relative_to(ROOT)) for path in folders | files)


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_the_deps_of_a_stage_are_its_modules(stage):
    listed = sorted(dep for dep in STAGES[stage]["deps"] if dep.endswith(".py") or dep.startswith("src/"))
    extra = {PACKAGE / "serving" / "pyfunc.py"} if stage == "register" else set()  # logged as a file
    expected = code_deps(closure(ROOT / "stages" / f"{stage}.py") | extra)
    assert listed == expected, "dvc.yaml should list:\n" + "\n".join(f"      - {dep}" for dep in expected)
