"""Stage `register`: the bundle becomes a version of the registered model in MLflow, once."""

from pathlib import Path

from emopipe.core.files import read_json, write_json
from emopipe.core.params import Params
from emopipe.core.stage import Out, run_stage
from emopipe.core.state import project_root, stage_record, stage_state
from emopipe.export.latency import latency_ms
from emopipe.tracking.origin import workspace_origin
from emopipe.tracking.registry import bundle_digest, register, version_details
from emopipe.tracking.restore import example_face, restore_champion
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.store import NAME


def main(params: Params, *, bundle: Path, export: Path, clean: Path, report: Out) -> None:
    """Register the exported model."""
    exported, digest, example = read_json(export), bundle_digest(bundle), example_face(clean)
    model = exported["model"]
    details = version_details(exported, params.export, latency_ms(bundle, example))
    origin = workspace_origin(Path.cwd(), stage_record("export", Path.cwd()))
    with ModelRun(project_root(), model, stage_state(f"train@{model}", Path.cwd()), params).find() as run:
        restore_champion(run)
        version = register(bundle, run, example, *details, origin=origin)
    print(f"{model} is version {version} of the registered model {NAME}")
    write_json(report, {"registered_model": NAME, "model": model, "bundle": digest})


if __name__ == "__main__":
    run_stage(main)
