"""Two models that were found: what is printed of their comparison, and the files that say the same."""

from pathlib import Path

from emopipe.candidate import Candidate
from emopipe.comparing.comparison import changes, compare
from emopipe.comparing.page import comparison_page, shown_flips
from emopipe.comparing.sections import Section, sections
from emopipe.comparing.text import markdown
from emopipe.face_pictures import find_pictures
from emopipe.params import Params
from emopipe.tracking.against_champion import CONFIDENCE

TABLE_OF_FACES = "clean"


def compare_candidates(
    root: Path, a: Candidate, b: Candidate, params: Params
) -> tuple[list[Section], dict[str, bytes]]:
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
