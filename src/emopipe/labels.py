"""Class names, and the other names by which data sets call them."""

from collections.abc import Sequence

FER2013_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The default classes, in the order of FER2013's integer labels."""

_ALIASES = {
    "angry": ("anger",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "scared", "afraid"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised",),
    "neutral": ("neutrality", "normal"),
}


def label_lookup(classes: Sequence[str]) -> dict[str, str]:
    """Map every accepted spelling (lower case) to its class in `classes`.

    Accepted are the class itself, its index in `classes` as FER2013 writes it ("0", "1", ...), and the names of one
    emotion among each other: with the class `anger`, a folder `angry` counts as it.
    """
    lookup = {}
    for emotion, aliases in _ALIASES.items():
        names = (emotion, *aliases)
        for name in classes:
            if name.lower() in names:
                lookup.update(dict.fromkeys(names, name))
    lookup.update({name.lower(): name for name in classes})
    lookup.update({str(index): name for index, name in enumerate(classes)})
    return lookup
