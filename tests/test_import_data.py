"""`emopipe data import`: a source comes into data/, DVC tracks it, and nothing that DVC lacks is lost."""

import os
import re
import resource
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emopipe.core.errors import DataError, EmopipeError, WorkspaceError
from emopipe.core.params import BaseParams, load_params
from emopipe.ingest.import_data import SourceSummary, import_source, labels_of, summarise
from emopipe.ingest.labels import known_labels
from emopipe.ingest.sources import recognise
from emopipe.ingest.splits import split_lookup
from face_tables import ingest_params
from projects import ROOT, make_project, succeed

BASE = BaseParams(seed=0, classes=("happy", "sad"))
INGEST = ingest_params()
OUTCOME = "so data/ is unchanged"
TABLE = "emotion,pixels,Usage\n3,1 2 3 4,Training\n4,1 2 3 4,Training\n4,1 2 3 4,PublicTest\n"


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A DVC project without git; all that DVC keeps elsewhere is in `tmp_path` too."""
    for name in ("SYSTEM_CONFIG", "GLOBAL_CONFIG", "SITE_CACHE"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / "dvc"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    root = tmp_path / "project"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    no_scm = true\n")  # as `dvc init --no-scm` makes it
    return root


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "faces.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def tree(tmp_path) -> Path:
    for name in ("train/happy/1.jpg", "train/sad/1.jpg", "test/sad/1.jpg", "notes.txt", ".DS_Store"):
        (tmp_path / "fer" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fer" / name).write_text(name)
    return tmp_path / "fer"


def use(path: Path, root: Path, **options) -> list[str]:
    return import_source(path, root, base=BASE, ingest=INGEST, **options).lines()


def summary_of(path: Path, **changes) -> SourceSummary:
    params = ingest_params(**changes)
    source = recognise(path, split_lookup(params.split_map), known_labels(BASE.classes, params.label_map))
    return summarise(source, base=BASE, ingest=params)


def error_of(path: Path, root: Path) -> EmopipeError:
    with pytest.raises(EmopipeError) as caught:
        use(path, root)
    return caught.value


def held(root: Path) -> list[str]:
    return sorted(path.relative_to(root / "data").as_posix() for path in (root / "data").rglob("*") if path.is_file())


@pytest.mark.slow
def test_one_source_replaces_another_that_dvc_has(root, table, tree):
    use(table, root)
    assert held(root) == ["faces.csv"]
    first = (root / "data.dvc").read_text()
    use(tree, root)
    assert held(root) == ["notes.txt", "test/sad/1.jpg", "train/happy/1.jpg", "train/sad/1.jpg"]
    assert (root / "data/train/sad/1.jpg").read_text() == "train/sad/1.jpg"
    assert (root / "data.dvc").read_text() != first


@pytest.mark.slow
def test_the_votes_beside_a_csv_come_with_it(root, table):
    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"
    votes = ("Training", "Training", "PublicTest")
    (table.parent / "votes.csv").write_text(header + "".join(f"{usage},,1,2,0,0,0,0,0,0,0,0\n" for usage in votes))
    use(table, root)
    assert held(root) == ["faces.csv", "votes.csv"]


@pytest.mark.slow
def test_what_dvc_does_not_have_is_only_replaced_by_force(root, table, tree):
    refused = (
        f"{root}/data holds files that DVC does not have: keep them with `dvc add data`, or replace them with --force"
    )
    (root / "data").mkdir()
    (root / "data/mine.txt").write_text("mine")
    error = error_of(table, root)
    assert (type(error), str(error)) == (WorkspaceError, refused)
    assert held(root) == ["mine.txt"]
    use(table, root, force=True)
    assert held(root) == ["faces.csv"]

    (root / "data/faces.csv").unlink()
    (root / "data/faces.csv").write_text(TABLE + "0,4 3 2 1,Training\n")
    assert str(error_of(tree, root)) == refused
    assert held(root) == ["faces.csv"]


@pytest.mark.slow
def test_what_lies_in_data_is_tracked_where_it_is(root):
    (root / "data").mkdir()
    (root / "data/faces.csv").write_text(TABLE)
    use(root / "data/faces.csv", root)
    assert held(root) == ["faces.csv"]
    assert (root / "data.dvc").exists()


def test_a_path_that_is_no_source_changes_nothing(tmp_path):
    error = error_of(tmp_path / "no.csv", tmp_path / "project")
    assert (type(error), str(error)) == (
        DataError,
        f"{tmp_path}/no.csv does not exist: name a CSV file or a folder of pictures",
    )
    assert list(tmp_path.iterdir()) == []


def test_outside_a_project_nothing_is_written(tmp_path, table):
    error = error_of(table, tmp_path)
    assert (type(error), str(error)) == (
        WorkspaceError,
        f"{tmp_path} is no DVC project: run from the root of the project",
    )
    assert list(tmp_path.iterdir()) == [table]


def everything(root: Path) -> dict[str, bytes]:
    """The files of a project, without what DVC keeps for itself."""
    files = {path.relative_to(root): path for path in root.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if name.parts[0] != ".dvc"}


@pytest.fixture
def tracked(root) -> Path:
    """A project whose data/ DVC has."""
    (root / "data").mkdir()
    (root / "data/old.csv").write_text(TABLE)
    use(root / "data/old.csv", root)
    return root


def test_a_broken_configuration_of_dvc_is_one_line(tmp_path, table):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("not a config")
    before = everything(tmp_path)
    error = error_of(table, tmp_path)
    assert type(error) is WorkspaceError
    assert re.fullmatch(rf"DVC fails, {OUTCOME}: config file error: [^\n]*", str(error))
    assert everything(tmp_path) == before


@contextmanager
def no_room(root: Path) -> Iterator[None]:
    """No file may grow: as on a full disk, but with the kernel's error for a file that is too large."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_room_in_the_cache(root: Path) -> Iterator[None]:
    """DVC cannot make the folders of its cache."""
    shutil.rmtree(root / ".dvc/cache")
    (root / ".dvc/cache").touch()
    yield


@contextmanager
def another_process_at_work(root: Path) -> Iterator[None]:
    from dvc.repo import Repo

    with Repo(str(root)) as repo, repo.lock:
        yield


@contextmanager
def without_git(root: Path) -> Iterator[None]:
    """DVC expects git, and there is none: a downloaded archive of a repository."""
    (root / ".dvc/config").write_text("")
    yield


@contextmanager
def without_dvc(root: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in sys.modules if name.split(".")[0] == "dvc"]:
            patch.delitem(sys.modules, name)
        patch.setitem(sys.modules, "dvc", None)
        yield


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "line"),
    [
        (no_room, r"{table} could not be copied to {root}/data \(File too large: {table}\)"),
        (no_room_in_the_cache, rf"DVC fails, {OUTCOME}: Not a directory: {{root}}/.dvc/cache/\S+"),
        (
            another_process_at_work,
            f"another DVC process holds {{root}}/.dvc/tmp/lock, {OUTCOME}: wait until it has ended",
        ),
        (
            without_git,
            f"{{root}} is in no git repository, {OUTCOME}: run `git init`, or `emopipe preflight` to go without",
        ),
    ],
)
def test_after_a_failure_all_is_as_it_was(tracked, table, fault, line):
    table.write_text(TABLE + "3,1 2 3 4,Training\n" * 20_000)
    before = everything(tracked)
    with fault(tracked):
        error = error_of(table, tracked)
    assert type(error) is WorkspaceError
    assert re.fullmatch(line.format(root=re.escape(str(tracked)), table=re.escape(str(table))), str(error))
    assert everything(tracked) == before


@pytest.mark.slow
def test_a_file_that_dvc_cannot_write_to_its_cache_is_a_failure(tracked):
    """DVC only logs it, and reports success."""
    (tracked / "data/old.csv").write_text(TABLE + "3,1 2 3 4,Training\n" * 20_000)
    before = everything(tracked)
    with no_room(tracked):
        error = error_of(tracked / "data", tracked)
    assert (type(error), str(error)) == (
        WorkspaceError,
        f"DVC fails, {OUTCOME}: File too large: {tracked}/data/old.csv",
    )
    assert everything(tracked) == before


@pytest.mark.slow
def test_without_dvc_nothing_is_touched(tracked, table):
    before = everything(tracked)
    with without_dvc(tracked), pytest.raises(ModuleNotFoundError) as caught:  # `emopipe` names the extra to install
        use(table, tracked)
    assert (caught.value.name or "").split(".")[0] == "dvc"
    assert everything(tracked) == before


@pytest.mark.slow
def test_an_interrupted_import_leaves_all_as_it_was(tracked, table, monkeypatch):
    from dvc.repo import Repo

    def interrupt(*_):
        raise KeyboardInterrupt

    before = everything(tracked)
    monkeypatch.setattr(Repo, "add", interrupt)
    with pytest.raises(KeyboardInterrupt):
        use(table, tracked)
    assert everything(tracked) == before


def test_a_file_name_that_is_not_utf_8_is_refused_before_anything_is_copied(tmp_path):
    folder = tmp_path / "faces"
    (folder / "happy").mkdir(parents=True)
    Path(os.fsdecode(os.fsencode(folder / "happy") + b"/caf\xe9.png")).touch()
    (tmp_path / "project/.dvc").mkdir(parents=True)
    error = error_of(folder, tmp_path / "project")
    assert (type(error), str(error)) == (
        DataError,
        rf"{folder}/happy/caf\xe9.png is a name that is not UTF-8: rename it, as with `convmv -f latin1 -t utf8`",
    )
    assert everything(tmp_path / "project") == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.symlink_to("/etc/passwd"), "is a link out of {}: put the file itself in its place"),
        (lambda path: path.symlink_to("/dev/zero"), "is a link out of {}: put the file itself in its place"),
        (os.mkfifo, "is no file but a pipe, a socket or a device: remove it"),
    ],
    ids=["a link to a file", "a link to a device", "a pipe"],
)
def test_what_lies_outside_a_folder_is_not_copied(tree, root, make, message):
    make(tree / "train/happy/2.jpg")
    error = error_of(tree, root)
    assert (type(error), str(error)) == (DataError, f"{tree}/train/happy/2.jpg {message.format(tree)}")
    assert not (root / "data").exists()


def test_a_link_within_a_folder_and_a_table_that_is_a_link_are_copied(tree, table, root):
    (tree / "train/happy/2.jpg").symlink_to("../sad/1.jpg")
    use(tree, root)
    assert (root / "data/train/happy/2.jpg").read_text() == "train/sad/1.jpg"
    assert not (root / "data/train/happy/2.jpg").is_symlink()
    (table.parent / "linked").mkdir()
    (table.parent / "linked/faces.csv").symlink_to(table)
    use(table.parent / "linked/faces.csv", root)
    assert (root / "data/faces.csv").read_text() == TABLE


def test_for_a_csv_without_private_test_a_note_tells_how_to_test_on_public_test(table):
    summary = summary_of(table)
    assert summary.lines() == [
        "recognised: FER2013 CSV, 3 rows",
        "splits: PublicTest 1, Training 2",
        "sampled from train: test (20% of train)",
        "labels: happy 1, sad 2",
        "numbers as labels: 3 = happy, 4 = sad",
        "note: no row is test, so test is sampled from train; to test on PublicTest instead, set `PublicTest: test` "
        "under ingest.split_map in params.yaml (val is sampled then)",
    ]


def test_the_summary_names_what_the_parameters_do_not_cover(tmp_path):
    for name in ("happy/1.jpg", "contempt/1.jpg", "contempt/2.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    summary = summary_of(tmp_path)
    assert summary.lines() == [
        "recognised: class folders, 3 rows",
        "splits: none",
        "sampled from train: val (10% of train), test (20% of train)",
        "labels: happy 1, sad 0, contempt 2",
        "will be rejected: at least 2 of 3 rows (unknown label 2)",
        "note: 2 rows have labels that are no class (contempt 2); to keep them, "
        "map each to a class under ingest.label_map in params.yaml, or add it to base.classes",
        "note: no row has the class sad: add some, or take it out of base.classes in params.yaml",
    ]


def test_an_unknown_split_stops_before_anything_is_copied(tmp_path, table):
    table.write_text(TABLE.replace("PublicTest", "Holdout"))
    assert str(error_of(table, tmp_path)) == (
        f"{table} names the splits Holdout, which ingest.split_map in params.yaml does not know: "
        "add each there, as train, val or test"
    )
    assert list(tmp_path.iterdir()) == [table]


def test_what_will_be_rejected_is_counted_by_reason(tmp_path):
    names = (
        "train/happy/1.jpg",
        "train/sad/1.jpg",
        "test/sad/1.jpg",
        "sad/1.jpg",
        "train/happy/notes.txt",
        "train/1.jpg",
    )
    for name in (*names, "test/contempt/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    summary = summary_of(tmp_path, label_map={"contempt": "reject"})
    assert summary.lines() == [
        "recognised: class folders, 7 rows",
        "splits: test 2, train 2",
        "sampled from train: val (10% of train)",
        "labels: happy 1, sad 3, contempt 1",
        "will be rejected: at least 4 of 7 rows (no split 1, not an image 1, unknown label 2)",
        "note: not read, by suffix: .txt 1; convert those that are pictures to png",
    ]


def test_a_source_of_which_nothing_would_be_left_is_an_error(tmp_path):
    for name in ("train/1.jpg", "train/contempt/1.jpg", "happy/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        summary_of(tmp_path)
    assert str(caught.value) == f"{tmp_path}: all 3 rows would be rejected (no split 1, unknown label 2)"


def test_folders_that_can_be_read_in_two_ways_stop_with_an_example(tmp_path):
    for name in ("train/Val/happy/1.jpg", "train/Val/sad/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        summary_of(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} has paths that can be read in several ways, as train/Val/happy/1.jpg: several splits in its path "
        "(train, Val); rename the folders that name neither a split nor a class"
    )


def test_the_labels_of_a_source_without_those_that_are_mapped(tmp_path):
    for name in ("Smile/1.jpg", "smile/2.jpg", "frown/1.jpg", "contempt/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    params = ingest_params(label_map={"Contempt": "reject"})
    assert labels_of(tmp_path, base=BASE, ingest=params) == ["Smile", "frown"]


def test_the_labels_of_folders_of_persons_are_the_classes_in_them(tmp_path):
    for person in ("p01", "p02"):
        for label in ("happy", "sad"):
            (tmp_path / person / label).mkdir(parents=True)
            (tmp_path / person / label / "1.jpg").touch()
    assert labels_of(tmp_path, base=BASE, ingest=INGEST) == ["happy", "sad"]


def test_a_mapped_label_is_the_class_that_it_is_mapped_to(tmp_path):
    for name in ("joy/1.jpg", "Sad/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert labels_of(tmp_path, base=BASE, ingest=ingest_params(label_map={"joy": "happy"})) == ["happy", "sad"]


def test_numbers_are_classes_only_where_their_meaning_is_known(table, tmp_path):
    assert labels_of(table, base=BASE, ingest=INGEST) == ["happy", "sad"], "FER2013's codes"
    for name in ("3/1.jpg", "4/1.jpg"):
        (tmp_path / "numbers" / name).parent.mkdir(parents=True)
        (tmp_path / "numbers" / name).touch()
    with pytest.raises(DataError, match=r"has numbers as labels \(3, 4\), which name no class: set base.classes"):
        labels_of(tmp_path / "numbers", base=BASE, ingest=INGEST)


@pytest.mark.slow
def test_set_params_makes_the_labels_the_classes(tmp_path, tree):
    root = make_project(tmp_path / "project")
    shutil.copy(ROOT / "params.yaml", root)
    before = (root / "params.yaml").read_text(encoding="utf-8")
    output = succeed(root, "emopipe", "data", "import", tree, "--set-params")
    after = (root / "params.yaml").read_text(encoding="utf-8")
    assert load_params(root / "params.yaml").base.classes == ("happy", "sad")
    (new,) = set(after.splitlines()) - set(before.splitlines())
    assert [part.strip() for part in new.split("  # ")] == ["classes: [happy, sad]", "the outputs of a model, in order"]
    assert "params.yaml: base.classes is now [happy, sad]\nrecognised: class folders" in output
    assert output.endswith("images: 48x48 pixels, grey (image.size, image.channels)\nnext: emopipe run\n")
