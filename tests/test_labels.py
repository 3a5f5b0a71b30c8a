import pytest

from emopipe.faces.classes import FER2013_CLASSES, label_lookup


@pytest.mark.parametrize(
    "classes", [FER2013_CLASSES, tuple(reversed(FER2013_CLASSES)), ("happy", "sad", "contempt"), ("anger", "happiness")]
)
def test_the_integers_of_fer2013_mean_its_emotions_whatever_the_classes(classes):
    lookup = label_lookup(classes)
    for code, emotion in enumerate(FER2013_CLASSES):
        assert lookup.get(str(code)) == lookup.get(emotion)


def test_an_emotion_that_is_no_class_has_no_integer_either():
    assert "1" not in label_lookup([name for name in FER2013_CLASSES if name != "disgust"])


def test_the_names_of_one_emotion_stand_for_each_other():
    assert label_lookup(["anger", "happy"])["angry"] == "anger"
    assert label_lookup(["anger", "happy"])["happiness"] == "happy"


def test_integers_are_places_where_no_class_is_an_emotion():
    assert label_lookup(["cat", "dog"]) == {"cat": "cat", "dog": "dog", "0": "cat", "1": "dog"}
