"""The workflow of CI: what it may do, and the comment that it writes, by its own script and a stand-in for `gh`."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from conftest import PARTS
from emopipe.compare.check.text import MAX_BYTES
from projects import ROOT, commit, succeed

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
JOBS = WORKFLOW["jobs"]
STEPS = [step for job in JOBS.values() for step in job["steps"]]
COMMENT_LIMIT = 65_536

GH = r"""#!/usr/bin/env bash
# Answers as GitHub would with the comments in $WORLD, one file each; those of others begin with "other:".
set -euo pipefail
[ ! -e "$WORLD/read-only" ] || { echo "gh: Resource not accessible by integration (HTTP 403)" >&2; exit 1; }
method=GET body=
while [ $# -gt 0 ]; do
  case "$1" in
    --method) method=$2; shift ;;
    --field) body=${2#body=@}; shift ;;
    --jq) query=$2; shift ;;
    repos/*) path=$1 ;;
  esac
  shift
done
case "$method $path" in
  "GET repos/o/r/issues/7/comments")
    for file in "$WORLD"/[0-9]*; do
      [ -e "$file" ] || continue
      login=github-actions[bot]
      ! grep -q ^other: "$file" || login=someone
      jq -n --arg login "$login" --rawfile body "$file" --argjson id "$(basename "$file")" \
        '{id: $id, user: {login: $login}, body: ($body | ltrimstr("other:"))}'
    done | jq -s . | jq -r "$query" ;;
  "POST repos/o/r/issues/7/comments") cp "$body" "$WORLD/$((100 + $(ls "$WORLD" | wc -l)))" ;;
  "PATCH repos/o/r/issues/comments/"*) cp "$body" "$WORLD/${path##*/}" ;;
  *) echo "gh: $method $path (HTTP 404)" >&2; exit 1 ;;
esac
"""
MARKER = "<!-- emopipe check -->\n"


@pytest.fixture
def say(tmp_path):
    """The step that writes the comment, as GitHub's runner would run it."""
    if shutil.which("jq") is None:
        pytest.skip("jq, which the stand-in for gh needs, is not installed")
    (step,) = JOBS["comment"]["steps"]
    world, tools, work = (tmp_path / name for name in ("world", "bin", "work"))
    for folder in (world, tools, work):
        folder.mkdir()
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)

    def run(text: str) -> tuple[str, dict[str, str]]:
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=work,
            env={
                "PATH": f"{tools}:/usr/bin:/bin",
                "WORLD": str(world),
                "GITHUB_REPOSITORY": "o/r",
                "PULL": "7",
                "COMMENT": text,
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout, {path.name: path.read_text() for path in world.glob("[0-9]*")}

    run.world = world
    return run


def test_the_comment_is_written_once_and_then_kept_up_to_date(say):
    (say.world / "50").write_text(f"other:{MARKER}of another hand")
    (say.world / "51").write_text("another one of this hand")
    (first,) = {name for name in say("**Passed.**")[1] if int(name) > 100}
    out, comments = say("**Failed.** $(touch x) `id` \\n \"'")
    assert out == ""
    assert comments == {
        "50": f"other:{MARKER}of another hand",
        "51": "another one of this hand",
        first: f"{MARKER}**Failed.** $(touch x) `id` \\n \"'\n",
    }


def test_a_token_that_can_only_read_fails_no_job(say):
    (say.world / "read-only").touch()
    out, comments = say("**Passed.**")
    assert out.startswith("::warning::the comment could not be written")
    assert comments == {}


def test_two_checks_and_the_marker_fit_into_a_comment():
    assert 2 * MAX_BYTES + len(MARKER) + 200 < COMMENT_LIMIT


def test_the_jobs_run_each_test_in_one_part():
    files = {path.stem for path in Path(ROOT / "tests").glob("test_*.py")}
    named = [name for names in PARTS.values() for name in names]
    assert len(set(named)) == len(named)
    assert set(named) <= files
    assert {*JOBS["test"]["strategy"]["matrix"]["part"], "browser"} == {"unit", *PARTS}


def test_only_the_job_that_comments_may_write_and_it_runs_nothing_of_the_pull_request():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert {name: job["permissions"] for name, job in JOBS.items() if "permissions" in job} == {
        "comment": {"pull-requests": "write"}
    }
    assert [step for step in JOBS["comment"]["steps"] if "uses" in step] == []
    assert "github.event.pull_request.head.repo.full_name == github.repository" in JOBS["comment"]["if"]


def test_untrusted_code_meets_no_secret_and_untrusted_text_no_script():
    assert "pull_request_target" not in (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert [step["run"] for step in STEPS if "${{" in step.get("run", "")] == []
    checkouts = [step for step in STEPS if step.get("uses", "").startswith("actions/checkout")]
    assert {step["with"]["persist-credentials"] for step in checkouts} == {False}


def test_actions_are_githubs_own_by_their_commit():
    used = {step["uses"] for step in STEPS if "uses" in step}
    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name)] == []


STAND_IN = r"""#!/usr/bin/env bash
# Answers as emopipe, dvc and make would, and logs each call: its path, folder, store of MLflow and arguments.
set -euo pipefail
echo "$0|$PWD|${MLFLOW_TRACKING_URI:-}|$*" >> "$CALLS"
case "$(basename "$0") $1 ${2:-}" in
  "emopipe check "*) while [ "$1" != --markdown ]; do shift; done; echo "a check" > "$2" ;;
  "emopipe data sample") touch "$3" ;;
  "dvc exp run") mkdir -p reports/failed; [ ! -e stop ] || { touch reports/failed/page; exit 1; } ;;
  "make -C "*) mkdir -p "$2/.venv/bin"; cp "$(dirname "$0")/dvc" "$2/.venv/bin" ;;
esac
"""


@pytest.fixture
def pipeline(tmp_path):
    """`.ci/pipeline` in a checkout whose last commit changes one file, and the calls that it makes."""
    checkout, tools, calls = tmp_path / "checkout", tmp_path / "bin", tmp_path / "calls"
    tools.mkdir()
    for name in ("emopipe", "dvc", "make"):
        (tools / name).write_text(STAND_IN)
        (tools / name).chmod(0o755)
    shutil.copytree(ROOT / ".ci", checkout / ".ci")
    (checkout / "requirements.lock").write_text("torch==1")
    succeed(checkout, "git", "init", "--quiet", "--initial-branch", "main")
    commit(checkout, "base")

    def run(changed: str) -> tuple[int, str, list[list[str]]]:
        (checkout / changed).write_text("changed")
        commit(checkout, "change")
        done = subprocess.run(
            [".ci/pipeline", str(tmp_path / "out"), "HEAD~1"],
            cwd=checkout,
            env={"PATH": f"{tools}:/usr/bin:/bin", "CALLS": str(calls), "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        comment = (tmp_path / "out" / "comment.md").read_text()
        return done.returncode, comment, [line.split("|") for line in calls.read_text().splitlines()]

    return run


def test_both_sides_are_rerun_with_one_cache_and_one_store(pipeline):
    status, comment, calls = pipeline("README.md")
    assert (status, comment) == (0, "a check\n\na check\n")
    caches = {arguments for _, _, _, arguments in calls if arguments.startswith("cache dir")}
    reruns = [call for call in calls if call[3].startswith("exp run")]
    assert [Path(folder).name for _, folder, _, _ in reruns] == ["here", "base"]
    assert len(caches) == 1
    (store,) = {uri for _, _, uri, _ in reruns}
    assert store == f"sqlite:///{Path(reruns[0][1]).parent / 'mlflow.db'}"
    assert len({tool for tool, *_ in reruns}) == 1
    assert [tool for tool, *_ in calls if tool.endswith("make")] == [], "with equal locks they share the libraries"


def test_a_base_with_other_libraries_runs_with_its_own(pipeline):
    status, _, calls = pipeline("requirements.lock")
    here, base = [(tool, folder) for tool, folder, _, arguments in calls if arguments.startswith("exp run")]
    assert status == 0
    assert base[0] == f"{base[1]}/.venv/bin/dvc"
    assert here[0] != base[0]
    assert "--title Both rerun on 600 drawn faces (cnn, 4 epochs), each with its own libraries " in calls[-1][3]


def test_a_gate_that_stops_the_rerun_leaves_its_page_in_the_artifact(pipeline, tmp_path):
    status, comment, _ = pipeline("stop")
    assert status == 1
    assert "**Failed: the stages do not run on a small sample.**" in comment
    assert (tmp_path / "out" / "reports" / "failed" / "page").exists()


def test_the_scripts_of_ci_are_bash_and_may_be_run():
    scripts = sorted(Path(ROOT / ".ci").iterdir())
    assert [path.name for path in scripts] == ["fixture", "pipeline", "run"]
    for path in scripts:
        subprocess.run(["bash", "-n", str(path)], check=True)
        assert path.stat().st_mode & 0o111
