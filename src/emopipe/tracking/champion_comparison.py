"""How a run's model compares with the champion, for MLflow's pages."""

from dataclasses import dataclass

from emopipe.core.errors import DataError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import Comparison, compare
from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import Predictions
from emopipe.tracking.comparison_tables import interval, markdown, sections, tone, tone_text
from emopipe.tracking.error_text import error_text
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.versions import find_champion, run_of

CONFIDENCE = 0.95
TAG, CHAMPION_TAG = "emopipe.against_champion", "emopipe.champion"


@dataclass(frozen=True, kw_only=True)
class AgainstChampion:
    """The champion of the moment, and what can be said of it and a model."""

    champion: str = ""
    """Its version."""
    figures: Comparison | None = None
    says: str = ""
    """Why there are no figures."""

    @property
    def headline(self) -> str:
        """One sentence, which MLflow's pages show before the rest is unfolded."""
        if self.figures is None:
            return self.says
        figure = self.figures.macro_f1
        difference = f"macro-F1 {figure.delta:+.3f} ({interval(figure)})"
        return f"Against the champion, version {self.champion}: {difference}, {tone_text(tone(figure))}."

    @property
    def details(self) -> str:
        """Tables in Markdown; none where there are no figures."""
        return "" if self.figures is None else markdown(sections(self.figures, (), ())[:2])

    @property
    def tags(self) -> dict[str, str]:
        """To group runs by."""
        if not self.champion:
            return {}
        outcome = "not comparable" if self.figures is None else tone(self.figures.macro_f1)
        return {CHAMPION_TAG: f"version {self.champion}", TAG: outcome}


def against_champion(run: ModelRun, name: str, predictions: Predictions, params: Params) -> AgainstChampion:
    """Compare a model with the champion that the store has now. A store that fails costs the comparison alone."""
    try:
        client, run_id = run.connection()
        champion = find_champion(client)
        if champion is None:
            return AgainstChampion(says="There is no champion yet.")
        number = str(champion.version)
        if champion.run_id == run_id:
            return AgainstChampion(champion=number, says=f"This run is of the champion, version {number}.")
        return _compared(
            number,
            ModelPredictions(
                name=f"version {number}, the champion", predictions=predictions_of_run(client, run_of(champion))
            ),
            ModelPredictions(name=name, predictions=(predictions,)),
            params,
        )
    except Exception as error:  # noqa: BLE001 - MLflow's stores raise errors of many libraries
        return AgainstChampion(says=f"The champion could not be read ({error_text(error)}).")


def _compared(number: str, champion: ModelPredictions, model: ModelPredictions, params: Params) -> AgainstChampion:
    try:
        resamples, seed = params.evaluate.bootstrap_resamples, params.base.seed
        figures = compare(champion, model, confidence=CONFIDENCE, resamples=resamples, seed=seed)
    except DataError as error:
        return AgainstChampion(champion=number, says=f"{error}.")
    return AgainstChampion(champion=number, figures=figures)
