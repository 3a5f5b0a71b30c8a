"""Kills `dvc repro` at random moments, runs it again, and compares everything with a run that nobody killed.

`python benchmarks/torture.py --kills 200` (`make torture`). Each trial begins with neither outs nor a store, and with a
cache of the data alone. It ends DVC, the running stage, or both by SIGKILL or SIGTERM, or both by SIGINT as Ctrl-C
does, and then expects that the stage is gone within two seconds (after SIGTERM and SIGINT once it has cleaned up), that
`emopipe preflight` and one further `dvc repro`, which is what `emopipe run` does, succeed, that dvc.lock and all outs
have the bytes of the reference, that MLflow has the same runs and versions, and that no temporary file is left. Status
1 if a trial differs.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "models": "[cnn]",
    "image.size": "32",
    "validate.min_train_faces": "4",
    "validate.label_folds": "2",
    "train.epochs": "12",
    "evaluate.bootstrap_resamples": "100",
}
KILLS = [(kind, target) for kind in (signal.SIGKILL, signal.SIGTERM) for target in ("dvc", "stage", "group")]
KILLS.append((signal.SIGINT, "group"))
OUTS = ("build", "reports", "metrics", "exports")
MAX_SECONDS = 2.0
"""For a stage to end after DVC, or after SIGKILL."""
CLEANING_SECONDS = 20.0
"""For DVC and a stage to end after SIGTERM or SIGINT."""
TIMEOUT = 600.0


def main() -> None:
    """Print a line per trial, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell in the background has it ignored, by children too
    rng, verdicts = random.Random(options.seed), Counter[str]()
    with tempfile.TemporaryDirectory() as temporary:
        project = Path(temporary, "project")
        prepare(project)
        reference = shutil.copytree(project, Path(temporary, "reference"), symlinks=True)
        start = time.monotonic()
        repro(reference, check=True)
        seconds = time.monotonic() - start
        expected = state(reference)
        print(f"reference: {seconds:.0f} s, {len(expected['files'])} files", flush=True)
        for number in range(options.kills):
            trial = shutil.copytree(project, Path(temporary, "trial"), symlinks=True)
            when, (kind, target) = rng.uniform(0, seconds), rng.choice(KILLS)
            stage, faults = kill(trial, when, kind, target)
            try:
                faults += judge(trial, expected)
            except Exception as error:  # noqa: BLE001 - whatever fails is a verdict
                faults.append(f"{type(error).__name__}: {str(error)[:100]}")
            verdicts[", ".join(faults) or "equal"] += 1
            outcome = ", ".join(faults) or "equal"
            print(f"{number + 1:4} {kind.name} to {target:5} after {when:5.1f} s in {stage:14} {outcome}", flush=True)
            shutil.rmtree(trial)
    for verdict, count in verdicts.most_common():
        print(f"{count} of {options.kills}: {verdict}")
    sys.exit(set(verdicts) != {"equal"})


def prepare(project: Path) -> None:
    """A clone with a small drawn sample and fast settings, committed, without cache, outs and store."""
    git = ("git", "-c", "user.name=torture", "-c", "user.email=torture@localhost")
    run(project.parent, *git, "clone", "--quiet", str(ROOT), str(project))
    for name in ("reports", "metrics", "dvc.lock", "data.dvc"):
        path = project / name
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    sys.path.insert(0, str(ROOT / "src"))
    from dvc.utils.serialize import modify_yaml

    from emopipe.core.yaml_text import load_yaml
    from emopipe.ingest.sample.table import write_sample

    with modify_yaml(str(project / "params.yaml")) as params:
        for name, value in SETTINGS.items():
            *parents, last = name.split(".")
            section: Any = params
            for parent in parents:
                section = section[parent]
            section[last] = load_yaml(value)
    (project / "data").mkdir()
    write_sample(project / "data" / "faces.csv.xz", num_faces=260, size=48, seed=0)
    run(project, *dvc("add", "--quiet", "data"))
    run(project, *git, "add", "-A")
    run(project, *git, "commit", "--quiet", "-m", "torture")


def kill(project: Path, seconds: float, kind: signal.Signals, target: str) -> tuple[str, list[str]]:
    """Start the pipeline and end it after `seconds`; the stage that ran, and whether a process outlives its time."""
    process = psutil.Popen(
        dvc("repro"), cwd=project, env=environment(project), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    with suppress(psutil.TimeoutExpired):
        process.wait(seconds)
    family = [process, *process.children(recursive=True)] if process.is_running() else []
    stage = next((name for each in family if (name := stage_of(each))), "DVC")
    if family and target == "group":
        os.killpg(process.pid, kind)
    elif family:
        chosen = [process] if target == "dvc" else [each for each in family if stage_of(each)] or [process]
        for each in chosen:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(kind)
    abrupt = kind == signal.SIGKILL or target == "dvc"  # DVC dies at once of a SIGTERM
    patience = MAX_SECONDS if abrupt else CLEANING_SECONDS
    alive = [each for each in psutil.wait_procs(family, timeout=patience)[1] if not abrupt or stage_of(each)]
    faults = [f"{len(alive)} processes after {patience:g} s"] * bool(alive)
    psutil.wait_procs(family, timeout=TIMEOUT)
    return stage, faults


def stage_of(process: psutil.Process) -> str:
    """`train` for a process that runs stages/train.py; else nothing."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return ""
    return Path(words[1]).stem if len(words) > 1 and words[1].startswith("stages/") else ""


def judge(project: Path, expected: dict[str, Any]) -> list[str]:
    """What is wrong after the next run; nothing if all is as in the reference."""
    run(project, sys.executable, "-m", "emopipe", "preflight")
    if repro(project, check=False):
        return ["the next run fails"]
    found = state(project)
    faults = [name for name in expected if found[name] != expected[name]]
    temporary = [path for name in OUTS for path in (project / name).rglob("*") if path.name.endswith(".tmp")]
    return faults + ["temporary files"] * bool(temporary)


def state(project: Path) -> dict[str, Any]:
    """All that a user keeps: outs by their hash, dvc.lock, runs by model and status, versions with their aliases."""
    from mlflow import MlflowClient

    files = {
        str(path.relative_to(project)): hashlib.md5(path.read_bytes()).hexdigest()
        for name in OUTS
        for path in sorted((project / name).rglob("*"))
        if path.is_file() and path.name != ".gitignore"
    }
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    (experiment,) = [each for each in client.search_experiments() if each.name == "emopipe"]
    runs = client.search_runs([experiment.experiment_id])
    versions = client.search_model_versions("name = 'emopipe'")
    return {
        "files": files,
        "dvc.lock": (project / "dvc.lock").read_text(encoding="utf-8"),
        "runs": sorted((run.data.tags.get("mlflow.runName", ""), run.info.status) for run in runs),
        "versions": [(version.tags["emopipe.bundle"], sorted(version.tags)) for version in versions],
        "aliases": dict(client.get_registered_model("emopipe").aliases),
    }


def repro(project: Path, *, check: bool) -> int:
    """`dvc repro`; its status."""
    done = subprocess.run(
        dvc("repro"), cwd=project, env=environment(project), capture_output=True, text=True, timeout=TIMEOUT,
        check=False,
    )  # fmt: skip
    if done.returncode:
        print(*(done.stdout + done.stderr).splitlines()[-5:], sep="\n")
        if check:
            sys.exit("the reference fails")
    return done.returncode


def dvc(*words: str) -> list[str]:
    """A command of DVC in this environment."""
    return [sys.executable, "-m", "dvc", *words]


def environment(project: Path) -> dict[str, str]:
    """Variables for a command in the project."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"}


def run(folder: Path, *command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, cwd=folder, env=environment(folder), check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
