"""The structure: packages import only downwards and in no circle, and DVC knows all that decides a stage's outs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache, reduce
from importlib.metadata import packages_distributions
from pathlib import Path

import networkx as nx
import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import dumps_yaml as dumped
from dvc.utils.serialize import parse_yaml_for_update

from emopipe.core.stage_names import stage_names
from projects import ROOT, make_project

sys.path.insert(0, str(ROOT / "tools"))
from libraries import GROUPS, LOCK, TARGET, libraries

PACKAGE = ROOT / "src" / "emopipe"
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
STAGES = {name: body.get("do", body) for name, body in PIPELINE["stages"].items()}

MAY_IMPORT = {
    "core": (),
    "faces": ("core",),
    "vision": ("faces",),
    "reports": ("faces",),
    "ingest": ("vision",),
    "validate": ("vision", "reports"),
    "balance": ("vision", "reports"),
    "training": ("faces",),
    "evaluate": ("training", "vision"),
    "export": ("evaluate", "reports"),
    "overview": ("training", "vision", "reports"),
    "tracking": ("export", "reports"),
    "compare": ("tracking",),
    "inference": ("export", "vision", "tracking"),
    "cli": ("ingest", "validate", "balance", "overview", "compare", "inference"),
}
"""Packages, lowest first; each may import those that it names, and what these may import."""
NO_RESULT = {
    "annotated_types",
    "dvc",
    "dvc_data",
    "filelock",
    "huggingface_hub",
    "mlflow",
    "psutil",
    "pydantic",
    "ruamel",
    "tqdm",
    "yaml",
    "zstandard",
}
"""Libraries that can stop a stage but not change what it computes."""


@cache
def statements(path: Path) -> list[ast.stmt]:
    """The import statements of a module, anywhere in it, but those for type checkers alone."""
    return list(_imports(ast.parse(path.read_text(encoding="utf-8"))))


def _imports(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        yield from _imports(node)


def imports(path: Path) -> set[Path]:
    """The project's modules that `path` imports."""
    names = set()
    for node in statements(path):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {found for name in names for found in modules(name)}


def modules(name: str) -> set[Path]:
    """The files of a dotted name, with the packages around it."""
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


def package(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


def below(name: str) -> set[str]:
    """Packages that `name` may import."""
    return {found for direct in MAY_IMPORT[name] for found in {direct, *below(direct)}}


def code_deps(stage: str) -> list[Path]:
    """The code that dvc.yaml lists for a stage."""
    listed = [dep.replace("${src}", "src/emopipe") for dep in STAGES[stage]["deps"]]
    return [ROOT / dep for dep in listed if dep.startswith(("src/", "stages/"))]


def stage_closure(stage: str) -> set[Path]:
    logged = {PACKAGE / "export" / "pyfunc.py"} if stage == "register" else set()  # by its path
    return closure(ROOT / "stages" / f"{stage}.py") | logged


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_the_deps_of_a_stage_cover_what_its_script_imports(stage):
    deps = code_deps(stage)
    assert all(dep.exists() for dep in deps)
    init = PACKAGE / "__init__.py"  # imports nothing, see below
    missing = {path for path in stage_closure(stage) - {init} if not any(path.is_relative_to(dep) for dep in deps)}
    assert not missing
    unused = [dep for dep in deps if not any(path.is_relative_to(dep) for path in stage_closure(stage))]
    assert not unused


@pytest.mark.slow
@pytest.mark.parametrize("stage", sorted(STAGES))
def test_the_libraries_of_a_stage_cover_what_computes_its_outs(stage):
    groups = [
        name for entry in STAGES[stage].get("params", []) if isinstance(entry, dict) for name in entry["libraries.yaml"]
    ]
    known = {name for group in groups for name in GROUPS[group]}
    roots = {
        name.split(".")[0]
        for path in stage_closure(stage)
        for node in statements(path)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    third = roots - set(sys.stdlib_module_names) - NO_RESULT - {"emopipe", "environment", ""}
    distributions = packages_distributions()
    lacking = {root for root in third if not known & {name.lower().replace("_", "-") for name in distributions[root]}}
    assert not lacking or stage == "register", f"{stage} computes with {lacking}"


def test_the_versions_of_the_libraries_are_those_of_the_lock():
    assert TARGET.read_text(encoding="utf-8") == libraries(LOCK.read_text(encoding="utf-8")), "run `make lock`"


@pytest.mark.slow
def test_packages_import_only_downwards():
    paths = [path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE]
    assert {package(path) for path in paths} == set(MAY_IMPORT), "each package has its place in MAY_IMPORT"
    upward = {
        f"{path.relative_to(PACKAGE)} -> {found.relative_to(PACKAGE)}"
        for path in paths
        for found in imports(path) - {PACKAGE / "__init__.py"}
        if package(found) not in {package(path), *below(package(path))}
    }
    assert not upward


@pytest.mark.slow
def test_no_modules_import_each_other_in_a_circle():
    paths = list(PACKAGE.rglob("*.py"))
    graph = nx.DiGraph(
        (path, found)
        for path in paths
        for found in imports(path)
        if found != path and not (found.name == "__init__.py" and found.parent in path.parents)
    )
    circles = [
        sorted(str(path.relative_to(PACKAGE)) for path in group) for group in nx.strongly_connected_components(graph)
    ]
    assert [group for group in circles if len(group) > 1] == []


def test_the_root_of_the_package_imports_no_code():
    assert sorted(path.name for path in PACKAGE.glob("*.py")) == ["__init__.py", "__main__.py"]
    assert imports(PACKAGE / "__init__.py") == set(), "every stage imports it, and dvc.yaml does not list it"


@pytest.mark.parametrize(
    "stage", ["ingest", "validate", "balance", "train", "evaluate", "ensemble", "export", "report"]
)
def test_a_stage_does_not_know_the_tracker(stage):
    assert not [path for path in stage_closure(stage) if path.is_relative_to(PACKAGE / "tracking")]


def test_the_names_of_the_stages_are_those_that_dvc_finds(tmp_path):
    root = make_project(tmp_path / "project", models=["cnn", "resnet18"], ensembles={"both": ["cnn", "resnet18"]})
    with Repo(str(root)) as repo:
        names = {stage.name for stage in repo.index.stages}
    pipeline, params = ((root / name).read_text(encoding="utf-8") for name in ("dvc.yaml", "params.yaml"))
    assert stage_names(pipeline, {"params.yaml": params}) == names


def test_dvc_writes_the_pipeline_and_the_parameters_in_the_form_that_they_have():
    """`dvc freeze` and `dvc exp run --set-param` rewrite whole files: the difference is the line that they change."""
    for name in ("dvc.yaml", "params.yaml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert dumped(parse_yaml_for_update(text, name)) == text
    for stage in STAGES.values():  # DVC writes them in this order when it freezes a stage
        names = [name for name in stage["params"] if isinstance(name, str)]
        groups = [values for name in stage["params"] if isinstance(name, dict) for values in name.values()]
        assert [stage["deps"], names, *groups] == [sorted(part) for part in (stage["deps"], names, *groups)]


def test_what_is_pushed_to_the_remote_of_the_sample_stays_out_of_git():
    """Faces that somebody brought would go along with the next commit else; the sample's own files are in git."""
    subprocess.run(["git", "check-ignore", "--quiet", "--no-index", "dvcstore/files/md5/00/1"], cwd=ROOT, check=True)
    listed = subprocess.run(["git", "ls-files", "dvcstore"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert len(listed.stdout.split()) == 2


def test_the_committed_lock_is_of_the_committed_parameters():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
    for stage in lock["stages"].values():
        for file, values in stage.get("params", {}).items():
            params = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
            for name, value in values.items():
                assert value == reduce(lambda section, key: section[key], name.split("."), params), name
