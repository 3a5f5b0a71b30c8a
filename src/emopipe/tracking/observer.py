"""The observer that logs train, evaluate and ensemble to MLflow; `emopipe.core.stage` finds it by name."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from emopipe.core.params import Params, load_params
from emopipe.core.state import StageState, project_root
from emopipe.tracking.champion_comparison import compare_with_champion
from emopipe.tracking.naming import NOTE_TAG
from emopipe.tracking.origin import workspace_origin
from emopipe.tracking.rebuild import class_balance, project, workspace_run
from emopipe.tracking.report import Evaluation, report_note
from emopipe.tracking.runs import ModelRun


class MlflowObserver:
    """Logs a training epoch by epoch, and an evaluation from its outs, as `emopipe sync` does."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._run: ModelRun | None = None
        self._state: StageState | None = None

    def start(self, state: StageState) -> None:
        """Open the run of a training."""
        self._state = state
        kind, _, model = state.stage.partition("@")
        if kind == "train":
            run = ModelRun(project_root(), model, state, _params(), locate=_in_workspace).start()
            self._run = self._stack.enter_context(run)
            run.log_balance(class_balance(state, _in_workspace))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int) -> None:
        """Log the metrics of one epoch."""
        if self._run is not None:
            self._run.log_metrics(metrics, step=step)

    def finish(self, outs: Mapping[str, Path]) -> None:
        """Close the run of a training, or log an evaluation."""
        assert self._state is not None, "start comes first"
        if self._run is None:
            _log_evaluation(self._state.stage)
        else:
            self._run.complete()
            self._stack.close()

    def fail(self, error: BaseException) -> None:
        """Close the run as FAILED or KILLED."""
        self._stack.__exit__(type(error), error, error.__traceback__)


def make_observer() -> MlflowObserver:
    """The observer of one stage."""
    return MlflowObserver()


def _log_evaluation(stage: str) -> None:
    params = _params()
    expected = workspace_run(stage, params)
    assert expected.evaluated is not None
    origin = workspace_origin(Path.cwd(), expected.evaluated)
    run, evaluation = project(expected, _in_workspace, params=params, origin=origin)
    if evaluation is not None and run.is_connected:
        _log_comparison(run, evaluation, params)


def _log_comparison(run: ModelRun, evaluation: Evaluation, params: Params) -> None:
    """Log the comparison with the present champion, which `emopipe sync` cannot rebuild."""
    comparison = compare_with_champion(run, evaluation.report["model"], evaluation.predictions, params)
    note = [f"**{comparison.headline}**", report_note(evaluation.report), comparison.details]
    for name, value in {NOTE_TAG: "\n\n".join(note).strip(), **comparison.tags}.items():
        run.set_tag(name, value)


def _in_workspace(path: str, _md5: str) -> Path:
    return Path(path)


def _params() -> Params:
    return load_params(Path("params.yaml"))
