"""Two models on the same test faces: what is compared, what is refused, and what the text and the page say."""

import hashlib
import io
import re

import numpy as np
import pytest
from rich.console import Console

from emopipe.compare.page import NUM_IMAGES, comparison_page, shown_flips
from emopipe.core.errors import DataError
from emopipe.evaluate.comparison import changes, compare
from emopipe.evaluate.pairing import digest_of_test_faces, pair
from emopipe.faces.png import encode_png
from emopipe.faces.predictions import Predictions
from emopipe.tracking.comparison_tables import markdown, rich_text, sections
from predicted import evaluated, predict

TRUTH = "hhhhhhssssff"
A, B = "hhhhsfsshhfs", "hhhhhfsssshf"  # of 12 faces B gets one more happy, and two more sad


def comparison(truth=TRUTH, a=A, b=B, **options):
    models = (evaluated(name, predict(truth, said, **options)) for name, said in (("old", a), ("new", b)))
    return compare(*models, confidence=0.95, resamples=500, seed=0)


def shuffled(predictions: Predictions, classes=None) -> Predictions:
    """The same faces in another order."""
    classes = tuple(classes or predictions.classes)
    frame = predictions.frame[["id", "split", "label", *classes]].sample(frac=1, random_state=0)
    return Predictions(frame.reset_index(drop=True), classes)


# What is compared


def test_the_digest_is_the_md5_of_the_sorted_ids_and_labels_of_test():
    predictions = predict("hs", "hh")
    lines = f"{0:032x},happy\n{1:032x},sad\n"
    assert digest_of_test_faces(predictions) == hashlib.md5(lines.encode()).hexdigest()
    assert digest_of_test_faces(shuffled(predictions)) == digest_of_test_faces(predictions)
    assert digest_of_test_faces(predict("hs", "ss")) == digest_of_test_faces(predictions), "predictions do not count"
    assert digest_of_test_faces(predict("hh", "hh")) != digest_of_test_faces(predictions), "labels do"


def test_neither_the_order_of_faces_nor_that_of_classes_matters():
    old, new = predict(TRUTH, A), predict(TRUTH, B)
    first, second = pair(evaluated("old", old), evaluated("new", shuffled(new, ("fear", "happy", "sad"))))
    assert first.classes == second.classes == ("happy", "sad", "fear")
    assert list(first.frame["id"]) == list(second.frame["id"])
    np.testing.assert_array_equal(second.probabilities, new.split("test").probabilities)


def test_a_face_that_is_there_twice_is_compared_with_itself():
    twice = [Predictions(p.frame.assign(id=["x", "x", "y", "z"]), p.classes) for p in (predict("hhs", "hhs"),) * 2]
    first, second = pair(evaluated("old", twice[0]), evaluated("new", shuffled(twice[1])))
    assert list(first.frame["id"]) == list(second.frame["id"]) == ["x", "x", "y"]


def test_other_test_faces_are_refused_with_what_to_do():
    with pytest.raises(DataError) as error:
        pair(evaluated("version 1", predict("hs", "hs")), evaluated("version 2", predict("hss", "hss")))
    first, second = (digest_of_test_faces(predict(truth, truth))[:8] for truth in ("hs", "hss"))
    assert str(error.value) == (
        f"version 1 was evaluated on 2 test faces ({first}), but version 2 was evaluated on 3 test faces ({second}): "
        "evaluate both on one table of faces, a registered version by `emopipe reevaluate VERSION`, another model by "
        "`dvc repro` with the same data"
    )


def test_a_model_that_was_measured_again_is_compared_where_both_were():
    old = evaluated("version 1", predict("hs", "hs"), predict(TRUTH, A))
    first, second = pair(old, evaluated("version 2", predict(TRUTH, B)))
    assert len(first.frame) == len(second.frame) == len(TRUTH)


def test_models_of_other_classes_are_refused():
    two = predict("hs", "hs", classes=("happy", "sad"))
    with pytest.raises(DataError) as error:
        pair(evaluated("old", predict("hs", "hs")), evaluated("new", two))
    assert str(error.value) == (
        "old has the classes happy, sad, fear, but new has happy, sad: only models of the same classes can be compared"
    )


# The figures


def test_the_figures_are_those_of_each_model_and_their_difference():
    figures = comparison()
    assert (figures.num_faces, figures.support) == (12, (6, 4, 2))
    assert (figures.accuracy.a, figures.accuracy.b) == (7 / 12, 10 / 12)
    assert [(each.a, each.b) for each in figures.recall] == [(4 / 6, 5 / 6), (2 / 4, 4 / 4), (1 / 2, 1 / 2)]
    assert (figures.mcnemar.only_a, figures.mcnemar.only_b) == (1, 4)
    assert figures.f1[0].a == 2 * 4 / (6 + 6)
    assert figures.accuracy.low < figures.accuracy.delta < figures.accuracy.high


def test_a_model_compared_with_itself_flips_nothing_and_is_noise_throughout():
    figures = comparison(b=A)
    assert len(figures.flips) == 0
    assert figures.noise.all()
    assert not figures.confusion.any()
    assert {each.is_noise for each in (figures.accuracy, figures.macro_f1, figures.ece, *figures.f1)} == {True}


def test_the_difference_of_confusion_matrices_marks_what_chance_does_not_explain():
    """Forty faces move from the cell (sad, happy) to (sad, sad); two fears change places with two others."""
    a = "h" * 60 + "h" * 40 + "s" * 10 + "sf"
    b = "h" * 60 + "s" * 40 + "s" * 10 + "fs"
    figures = comparison("h" * 60 + "s" * 50 + "ff", a, b)
    assert figures.confusion.tolist() == [[0, 0, 0], [-40, 40, 0], [0, 0, 0]]
    assert (~figures.noise).tolist() == [[False, False, False], [True, True, False], [False, False, False]]


def test_a_few_faces_in_a_cell_are_noise():
    figures = comparison("hhhhss", "hhhhhh", "hhhhss")
    assert figures.confusion.tolist() == [[0, 0, 0], [-2, 2, 0], [0, 0, 0]]
    assert figures.noise.all()


def test_flips_are_the_faces_with_two_answers():
    flips = comparison("hss", "hsh", "hhs").flips
    assert flips[["id", "label", "a", "b"]].to_numpy().tolist() == [
        [f"{1:032x}", "sad", "sad", "happy"],
        [f"{2:032x}", "sad", "happy", "sad"],
    ]
    assert flips["p_b"].round(6).tolist() == [0.9, 0.9]


def test_changes_are_the_values_that_differ():
    found = changes({"epochs": "3", "seed": "0", "gone": "x"}, {"epochs": "4", "seed": "0", "new": "y"})
    assert found == (("epochs", "3", "4"), ("gone", "x", "-"), ("new", "-", "y"))


# Text and page

CHANGES = (("train.epochs", "3", "4"),)


def test_markdown_has_every_table_and_marks_what_is_beyond_noise():
    text = markdown(sections(comparison(times=20), CHANGES, ()))
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "B = new against A = old, on 240 test faces",
        "Each class",
        "Confusion matrix, B - A",
        "Faces with different predictions",
        "Parameters that differ",
        "Data that differ",
    ]
    assert "20 faces only A got right, 80 only B: McNemar's test (chi-square) gives p &lt; 0.0001." in text
    assert "| accuracy | 0.583 | 0.833 | **+0.250** |" in text
    assert "| train.epochs | 3 | 4 |" in text
    assert text.endswith("## Data that differ\n\nNone.\n")


def test_what_chance_may_explain_is_not_marked():
    assert "**" not in markdown(sections(comparison("hhhhss", "hhhhhh", "hhhhhs"), (), ()))


def test_the_terminal_says_the_same():
    console = Console(width=120, record=True, file=io.StringIO())
    parts = sections(comparison(times=20), CHANGES, ())
    console.print(rich_text(parts))
    shown = console.export_text()
    for part in parts:
        assert part.title in shown
        for row in part.rows:
            assert all(cell.text in shown for cell in row)


def test_a_class_of_any_name_is_text():
    awkward = "a|b <i>*[red]"
    predictions = [
        Predictions(
            p.frame.replace({"label": {"happy": awkward}}).rename(columns={"happy": awkward}), (awkward, "sad", "fear")
        )
        for p in (predict(TRUTH, A), predict(TRUTH, B))
    ]
    models = (evaluated(name, each) for name, each in zip("ab", predictions, strict=True))
    figures = compare(*models, confidence=0.95, resamples=100, seed=0)
    parts = sections(figures, (), ())
    assert r"| a\|b &lt;i>\*[red] | 6 |" in markdown(parts)
    assert "<i>*" not in comparison_page(figures, parts, {})


def page_of(figures, pictures=None):
    return comparison_page(figures, sections(figures, CHANGES, ()), pictures or {})


def test_the_page_shows_the_faces_that_flipped():
    figures = comparison("hss", "hsh", "hhs")
    pictures = {face: encode_png(np.full((4, 4, 1), 50, np.uint8)) for face in shown_flips(figures.flips)}
    page = page_of(figures, pictures)
    assert page.count('<img src="data:image/png;base64,') == 2
    assert [page.index(f"<h3>Only {name}") < page.index("<img") for name in "AB"] == [False, True]
    assert "without an image" not in page


def test_the_page_says_how_many_faces_it_leaves_out_and_which_have_no_picture():
    page = page_of(comparison("s", "h", "s", times=NUM_IMAGES + 5))
    assert page.count('<div class="blank">') == NUM_IMAGES
    assert "5 more." in page
    assert f"{NUM_IMAGES} without an image: no table of faces here or in DVC's cache has them." in page


def test_the_page_is_one_file_without_scripts_and_says_what_markdown_says():
    page = page_of(comparison())
    assert not re.findall(r"https?:|<script|<link|@import|url\(", page)
    for text in ("new", "old", "Each class", "Confusion matrix, B - A", "train.epochs"):
        assert text in page
    assert "prefers-color-scheme: dark" in page


def test_intervals_are_drawn_inside_their_track():
    places = re.findall(r"left: ([\d.-]+)%(?:; width: ([\d.-]+)%)?", page_of(comparison()))
    assert len(places) == 2 * (2 + 3 + 3)
    assert all(float(left) >= 0 and float(left) + float(width or 0) <= 100.01 for left, width in places)
