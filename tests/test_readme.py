"""README and docs: figures are those of the reports, links resolve, names of parameters and packages exist."""

import hashlib
import json
import re
import runpy
import subprocess
from functools import reduce

import pytest
import yaml

from emopipe.core.params import parse_params
from emopipe.ingest.import_data import summarise
from emopipe.ingest.sources import recognise
from projects import ROOT
from test_structure import MAY_IMPORT

PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
DOCS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
PAGES = [*DOCS, ROOT / "CONTRIBUTING.md", ROOT / "EXPERIMENTS.md", ROOT / "CHANGELOG.md"]
SECTIONS = [
    "Results",
    "Three commands",
    "Pipeline",
    "Use a model",
    "Bring your data",
    "Packages",
    "Limits",
    "Licences",
]
FENCED = re.compile(r"^```.*?^```$", re.M | re.S)
NUMBER = re.compile(r"\b[\d,]*\d")
LINK = re.compile(r"\]\(([^)\s]+)\)")
IMAGES_AND_NEXT = "images: 48x48 pixels, grey (image.size, image.channels)\nnext: emopipe run\n"
"""The last lines of `emopipe data import`; tests/test_import_data.py compares them with its output."""
SAMPLE = ROOT / "results" / "sample"
PARAMETER = re.compile(rf"`((?:{'|'.join(name for name, value in PARAMS.items() if isinstance(value, dict))})\.[\w.]+)")
tables = runpy.run_path(str(ROOT / "tools" / "readme_tables.py"))


def read(path):
    return path.read_text(encoding="utf-8")


def headings(text):
    return re.findall(r"^#+ (.*)$", FENCED.sub("", text), re.M)


def anchor(heading):
    """The id that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def known(name):
    """Whether params.yaml has the parameter, or the mapping in which it would be."""
    try:
        reduce(lambda section, key: section[key], name.rstrip(".").split("."), PARAMS)
    except (KeyError, TypeError):
        return False
    return True


def merged(base, changes):
    """`base` with nested `changes`; a change of a mapping that is no section replaces it."""
    nested = {key: merged(base[key], value) for key, value in changes.items() if isinstance(value, dict)}
    return base | changes | {key: value for key, value in nested.items() if key != "split_map"}


def test_the_readme_is_short():
    lines = read(ROOT / "README.md").splitlines()
    assert len(lines) <= 130
    assert [line for line in lines if len(line) > 160] == []


def test_the_readme_has_its_sections_in_order():
    assert headings(read(ROOT / "README.md"))[1:] == SECTIONS


@pytest.mark.parametrize("name", tables["PAGES"])
def test_the_result_tables_show_what_the_reports_hold(name):
    text = read(ROOT / name)
    assert text == tables["with_tables"](text, ROOT), "the tables are old: make tables"


def test_every_report_is_in_a_table():
    text = read(ROOT / "docs" / "results.md")
    for folder in tables["FOLDERS"].values():
        assert [path.stem for path in (ROOT / folder).glob("*.json") if f"\n| {path.stem} | 0." not in text] == []


def test_the_quoted_reports_are_those_that_the_lock_records():
    committed = subprocess.run(["git", "show", "HEAD:dvc.lock"], cwd=ROOT, check=True, capture_output=True, text=True)
    lock = yaml.safe_load(committed.stdout)["stages"].values()  # `make repro` on another machine may change the file
    recorded = {out["path"]: out["md5"] for stage in lock for out in stage.get("outs", [])}
    for path in SAMPLE.rglob("*.json"):
        out = f"reports/{path.relative_to(SAMPLE).as_posix()}"
        assert hashlib.md5(path.read_bytes()).hexdigest() == recorded[out], "the quoted reports are old: make tables"


def test_the_quoted_summary_is_of_the_reports():
    (quoted,) = tables["SUMMARY"].findall(read(ROOT / "README.md"))
    export, validate = (json.loads(read(SAMPLE / f"{name}.json")) for name in ("export", "validate"))
    for path in (SAMPLE / "evaluate").glob("*.json"):
        report = json.loads(read(path))
        metrics = [
            f"{report['val'][metric]:.3f} {report['test'][metric]:.3f}"
            for metric in ("accuracy", "balanced_accuracy", "macro_f1", "ece")
        ]
        assert re.search(rf"│ {path.stem} +│ {' │ '.join(metrics)} │", quoted), "the summary is old: make tables"
    assert f"{export['model']} is in exports/" in quoted
    assert f"{validate['rows_out']:,} of {validate['rows_in']:,} faces kept" in quoted


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    for target in LINK.findall(FENCED.sub("", read(page))):
        if re.match(r"https?:", target):
            continue
        name, _, fragment = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        if fragment:
            assert fragment in [anchor(heading) for heading in headings(read(path))], target


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_parameters_named_in_the_documentation_exist(page):
    assert [name for name in PARAMETER.findall(read(page)) if not known(name)] == []


def test_the_quoted_import_is_what_the_command_prints(tmp_path):
    """Of a FER2013 without PrivateTest; numbers apart."""
    rows = [f"{label},{' '.join(['0'] * 16)},{usage}" for label in range(7) for usage in ("Training", "PublicTest")]
    (tmp_path / "fer.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]), encoding="utf-8")
    params = parse_params(PARAMS)
    source = recognise(tmp_path, params.ingest.split_map)
    (quoted,) = re.findall(r"^\$ emopipe data import \S+\n(.*?)^\$ ", read(ROOT / "docs" / "data.md"), re.M | re.S)
    printed = "\n".join(summarise(source, base=params.base, ingest=params.ingest).lines()) + "\n"
    assert NUMBER.sub("N", quoted) == NUMBER.sub("N", printed + IMAGES_AND_NEXT)


def test_every_package_has_its_purpose():
    assert re.findall(r"^src/emopipe/(\w+)/ +\S", read(ROOT / "README.md"), re.M) == list(MAY_IMPORT)
    rows = re.findall(r"^\| `(\w+)` \| .* \|(.*)\|$", read(ROOT / "docs" / "architecture.md"), re.M)
    assert {name: tuple(re.findall(r"`(\w+)`", allowed)) for name, allowed in rows} == MAY_IMPORT


def test_files_that_a_face_passes_exist():
    files = re.findall(r"^\| \d+ \| `(\S+)` \|", read(ROOT / "docs" / "architecture.md"), re.M)
    assert 0 < len(files) <= 14
    assert [name for name in files if not (ROOT / "src" / "emopipe" / name).exists()] == []


def test_the_index_of_the_experiments_lists_all_of_them():
    text = read(ROOT / "EXPERIMENTS.md")
    trials = [heading for heading in headings(text) if re.match(r"\d{4}-", heading)]
    index = re.findall(r"^- (\S+): \[(.*)\]\(#(\S+)\)$", text, re.M)
    assert index == [(*heading.split(": ", 1), anchor(heading)) for heading in trials]
