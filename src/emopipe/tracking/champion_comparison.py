"""The comparison of a run's model with the champion, for MLflow's pages."""

from typing import NamedTuple

from emopipe.core.errors import DataError
from emopipe.core.params import Params
from emopipe.evaluate.comparison import compare
from emopipe.evaluate.pairing import ModelPredictions
from emopipe.faces.predictions import Predictions
from emopipe.tracking.comparison_tables import interval, markdown, sections, tone, tone_text
from emopipe.tracking.error_text import error_text
from emopipe.tracking.prediction_store import predictions_of_run
from emopipe.tracking.runs import ModelRun
from emopipe.tracking.versions import find_champion, run_of

CONFIDENCE = 0.95
OUTCOME_TAG, CHAMPION_TAG = "emopipe.against_champion", "emopipe.champion"
NOT_COMPARABLE = "not comparable"


class ChampionComparison(NamedTuple):
    """The comparison of a model with the present champion."""

    headline: str
    """One sentence: the difference in macro-F1, or why there is no comparison."""
    details: str = ""
    """Tables in Markdown; empty without a comparison."""
    champion: str = ""
    """Number of its version; empty if unknown."""
    outcome: str = ""

    @property
    def tags(self) -> dict[str, str]:
        """Tags to group runs by."""
        return {CHAMPION_TAG: f"version {self.champion}", OUTCOME_TAG: self.outcome} if self.champion else {}


def compare_with_champion(run: ModelRun, name: str, predictions: Predictions, params: Params) -> ChampionComparison:
    """Compare a model with the present champion; an error of the store becomes the headline."""
    try:
        client, run_id = run.connection()
        champion = find_champion(client)
        if champion is None:
            return ChampionComparison("There is no champion yet.")
        number = str(champion.version)
        if champion.run_id == run_id:
            headline = f"This is the run of the champion, version {number}."
            return ChampionComparison(headline, champion=number, outcome=NOT_COMPARABLE)
        of_champion = predictions_of_run(client, run_of(champion))
    except Exception as error:  # noqa: BLE001 - MLflow's stores raise errors of many libraries
        return ChampionComparison(f"The champion could not be read ({error_text(error)}).")
    try:
        comparison = compare(
            ModelPredictions(name=f"version {number}, the champion", predictions=of_champion),
            ModelPredictions(name=name, predictions=(predictions,)),
            confidence=CONFIDENCE,
            resamples=params.evaluate.bootstrap_resamples,
            seed=params.base.seed,
        )
    except DataError as error:
        return ChampionComparison(f"{error}.", champion=number, outcome=NOT_COMPARABLE)
    macro_f1, outcome = comparison.macro_f1, tone(comparison.macro_f1)
    headline = f"Compared with the champion, version {number}: macro-F1 {macro_f1.delta:+.3f} ({interval(macro_f1)}), "
    headline += f"{tone_text(outcome)}."
    return ChampionComparison(headline, markdown(sections(comparison, (), ())[:2]), number, outcome)
