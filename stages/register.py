"""Stage `register`: the bundle becomes a version in MLflow's registry, once."""

from pathlib import Path

from emopipe.faces import faces_from_arrow
from emopipe.files import read_json, read_parquet, write_json
from emopipe.params import Params
from emopipe.serving.latency import latency_ms
from emopipe.stage import run_stage
from emopipe.tracking.evidence import evidence_tags
from emopipe.tracking.registry import bundle_digest, register
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.state import stage_state
from emopipe.tracking.store import NAME, project_root


def main(params: Params, *, bundle: Path, export: Path, clean: Path, report: Path) -> None:
    """Register the exported model."""
    exported = read_json(export)
    model, figure = exported["model"], exported["select_by"]
    example = faces_from_arrow(read_parquet(clean)).split("val").frame["png"].iloc[0]
    tags = {"emopipe.model": model, f"val/{figure}": f"{exported['candidates'][model]:.4f}"}
    about = f"{model}: the best of {', '.join(exported['candidates'])} by {figure} on validation"
    digest = bundle_digest(bundle)
    tags |= evidence_tags(exported["parity"], params.export, latency_ms(bundle, example))
    with ModelRun(project_root(), model, stage_state(f"train@{model}", Path.cwd()), params).find() as run:
        version = register(bundle, run, example, tags, about)
    print(f"{model} is version {version} of the registered model {NAME}")
    write_json(report, {"registered_model": NAME, "model": model, "bundle": digest})


if __name__ == "__main__":
    run_stage(main)
