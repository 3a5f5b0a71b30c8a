"""Two models that were found: what is printed of their comparison, and the files that say the same."""

from pathlib import Path

from emopipe.compare.face_pictures import find_pictures
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.page import comparison_page, shown_flips
from emopipe.core.params import Params
from emopipe.evaluate.comparison import changes, compare
from emopipe.tracking.champion_comparison import CONFIDENCE
from emopipe.tracking.comparison_tables import Section, sections
from emopipe.tracking.table_text import markdown

TABLE_OF_FACES = "clean"


def compare_models(root: Path, a: ModelRef, b: ModelRef, params: Params) -> tuple[list[Section], dict[str, bytes]]:
    """What is to be shown, and the files by name.

    Raises `DataError` where the two were measured on different test faces.
    """
    resamples, seed = params.evaluate.bootstrap_resamples, params.base.seed
    figures = compare(a.measured, b.measured, confidence=CONFIDENCE, resamples=resamples, seed=seed)
    parts = sections(figures, changes(a.params, b.params), changes(a.data, b.data))
    digests = [each.data[TABLE_OF_FACES] for each in (a, b) if TABLE_OF_FACES in each.data]
    pictures = find_pictures(root, shown_flips(figures.flips), digests)
    page = comparison_page(figures, parts, pictures)
    return parts, {"index.html": page.encode(), "comparison.md": markdown(parts).encode()}
