"""Stage `register`: the bundle becomes a version of the registered model in MLflow, once."""

if __name__ == "__main__":
    from environment import begin_stage

    begin_stage("register")

import os
from pathlib import Path

from emopipe.core.files import read_json, write_json
from emopipe.core.params import Params
from emopipe.core.stage import Out, run_stage
from emopipe.tracking.registration import EXPERIMENT, register_workspace
from emopipe.tracking.registry import bundle_digest
from emopipe.tracking.store import NAME


def main(params: Params, *, bundle: Path, export: Path, report: Out) -> None:
    """Register the exported model; of a DVC experiment only if `register.experiments` is set."""
    digest, experiment = bundle_digest(bundle), os.environ.get(EXPERIMENT)
    if experiment and not params.register.experiments:
        print(f"not registered, as this is a DVC experiment: `emopipe register {experiment}` registers its model")
    else:
        print(register_workspace(params, bundle=bundle, exported=export))
    write_json(report, {"registered_model": NAME, "model": read_json(export)["model"], "bundle": digest})


if __name__ == "__main__":
    run_stage(main)
