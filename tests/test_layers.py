"""The structure: modules import only downwards, and DVC knows every module that a stage depends on."""

import ast
import subprocess
from functools import reduce
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "emopipe"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]

LAYERS = (
    {
        "atomic",
        "balance_params",
        "calibration",
        "data_docs",
        "errors",
        "images",
        "label_quality",
        "labels",
        "markdown",
        "measures",
        "metrics",
        "promote_params",
        "terminal",
        "validation_template",
        "votes",
    },
    {"corrections", "decode", "faces", "figures", "files", "gradient_histograms", "pages", "sample", "training", "why"},
    {"face_file", "params", "predictions", "progress", "serving", "sources", "summary", "training_set"},
    {
        "agreement",
        "comparing",
        "evaluation",
        "face_pictures",
        "near_duplicates",
        "pretrained",
        "splits",
        "stage",
        "tensors",
    },
    {"balance", "candidate", "data_use", "findings", "predict", "promotion", "tracking"},
    {
        "compare",
        "experiments",
        "expectations",
        "exporting",
        "look",
        "promotion_text",
        "recognition",
        "reproduce",
        "revisions",
        "teaching",
        "ui_view",
    },
    {"api", "candidates", "checking", "fit", "ingest", "reevaluate", "store_commands", "validation_page", "web"},
    {"check", "promote", "use_commands", "validate"},
    {"check_command", "model_commands"},
    {"cli"},
)
"""Parts of the package, lowest first: each imports only from layers below its own."""


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
    body = STAGES[stage].get("do", STAGES[stage])
    listed = sorted(dep for dep in body["deps"] if dep.endswith(".py") or dep.startswith("src/"))
    extra = {PACKAGE / "serving" / "pyfunc.py"} if stage == "register" else set()  # logged as a file
    expected = code_deps(closure(ROOT / "stages" / f"{stage}.py") | extra)
    assert listed == expected, "dvc.yaml should list:\n" + "\n".join(f"      - {dep}" for dep in expected)


def part(path: Path) -> str:
    """The module or package, right below `emopipe`, that `path` belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_modules_import_only_downwards():
    level = {name: height for height, names in enumerate(LAYERS) for name in names}
    paths = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    assert {part(path) for path in paths} == set(level), "each part of the package has its layer"
    upward = {
        f"{part(path)} -> {part(found)}"
        for path in paths
        for found in imports(path) - {PACKAGE / "__init__.py"}
        if part(found) != part(path) and level[part(found)] >= level[part(path)]
    }
    assert not upward


def test_the_note_of_what_is_registered_is_not_in_git():
    """A fresh clone has no registry: with the note there, DVC would hold that nothing is left to register."""
    subprocess.run(["git", "check-ignore", "--quiet", "reports/register.json"], cwd=ROOT, check=True)


def test_what_is_pushed_to_the_remote_of_the_sample_stays_out_of_git():
    """Faces that somebody brought would go along with the next commit else; the sample's own files are in git."""
    subprocess.run(["git", "check-ignore", "--quiet", "--no-index", "dvcstore/files/md5/00/1"], cwd=ROOT, check=True)
    listed = subprocess.run(["git", "ls-files", "dvcstore"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert len(listed.stdout.split()) == 2


def test_the_committed_lock_is_of_the_committed_parameters():
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    for stage in lock["stages"].values():
        for name, value in stage.get("params", {}).get("params.yaml", {}).items():
            assert value == reduce(lambda section, key: section[key], name.split("."), params), name
