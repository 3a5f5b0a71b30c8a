"""The comparison of a run's model with the champion, for MLflow's pages."""

from dataclasses import dataclass

from emopipe.core.errors import DataError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import Comparison, compare
from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import Predictions
from emopipe.tracking.comparison_tables import interval, sections, tone
from emopipe.tracking.error_text import error_text
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.table_text import markdown
from emopipe.tracking.versions import find_champion, run_of

CONFIDENCE = 0.95
OUTCOME_TAG, CHAMPION_TAG = "emopipe.against_champion", "emopipe.champion"


@dataclass(frozen=True, kw_only=True)
class ChampionComparison:
    """The present champion, and its comparison with a model."""

    champion: str = ""
    """Number of its version; empty if unknown."""
    comparison: Comparison | None = None
    message: str = ""
    """Why there is no comparison."""

    @property
    def headline(self) -> str:
        """One sentence, which MLflow's pages show first."""
        if self.comparison is None:
            return self.message
        macro_f1 = self.comparison.macro_f1
        outcome = {"noise": "within noise"}.get(tone(macro_f1), tone(macro_f1))
        difference = f"macro-F1 {macro_f1.delta:+.3f} ({interval(macro_f1)})"
        return f"Compared with the champion, version {self.champion}: {difference}, {outcome}."

    @property
    def details(self) -> str:
        """Tables in Markdown; empty without a comparison."""
        return "" if self.comparison is None else markdown(sections(self.comparison, (), ())[:2])

    @property
    def tags(self) -> dict[str, str]:
        """Tags to group runs by."""
        if not self.champion:
            return {}
        outcome = "not comparable" if self.comparison is None else tone(self.comparison.macro_f1)
        return {CHAMPION_TAG: f"version {self.champion}", OUTCOME_TAG: outcome}


def compare_with_champion(run: ModelRun, name: str, predictions: Predictions, params: Params) -> ChampionComparison:
    """Compare a model with the present champion; an error of the store becomes the message."""
    try:
        client, run_id = run.connection()
        champion = find_champion(client)
        if champion is None:
            return ChampionComparison(message="There is no champion yet.")
        number = str(champion.version)
        if champion.run_id == run_id:
            return ChampionComparison(champion=number, message=f"This is the run of the champion, version {number}.")
        of_champion = predictions_of_run(client, run_of(champion))
    except Exception as error:  # noqa: BLE001 - MLflow's stores raise errors of many libraries
        return ChampionComparison(message=f"The champion could not be read ({error_text(error)}).")
    try:
        comparison = compare(
            ModelPredictions(name=f"version {number}, the champion", predictions=of_champion),
            ModelPredictions(name=name, predictions=(predictions,)),
            confidence=CONFIDENCE,
            resamples=params.evaluate.bootstrap_resamples,
            seed=params.base.seed,
        )
    except DataError as error:
        return ChampionComparison(champion=number, message=f"{error}.")
    return ChampionComparison(champion=number, comparison=comparison)
