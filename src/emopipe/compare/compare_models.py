"""Two models compared: the tables to print, and the files to write."""

from pathlib import Path

from emopipe.compare.face_images import find_images
from emopipe.compare.model_ref import ModelRef
from emopipe.compare.page import comparison_page, shown_flips
from emopipe.core.params import Params
from emopipe.evaluate.comparison import changes, compare
from emopipe.tracking.champion_comparison import CONFIDENCE
from emopipe.tracking.comparison_tables import Section, markdown, sections

TABLE_OF_FACES = "clean"


def compare_models(root: Path, a: ModelRef, b: ModelRef, params: Params) -> tuple[list[Section], dict[str, bytes]]:
    """The tables, and the page and the Markdown by file name.

    Raises `DataError` where the two were evaluated on different test faces.
    """
    resamples, seed = params.evaluate.bootstrap_resamples, params.base.seed
    comparison = compare(a, b, confidence=CONFIDENCE, resamples=resamples, seed=seed)
    parts = sections(comparison, changes(a.params, b.params), changes(a.data, b.data))
    digests = [model.data[TABLE_OF_FACES] for model in (a, b) if TABLE_OF_FACES in model.data]
    images = find_images(root, shown_flips(comparison.flips), digests)
    page = comparison_page(comparison, parts, images)
    return parts, {"index.html": page.encode(), "comparison.md": markdown(parts).encode()}
