"""Draw faces in any number and size, each a function of the seed, its index and its label alone."""

from collections.abc import Sequence

import numpy as np

from emopipe.core.errors import ParamsError
from emopipe.faces.classes import FER2013_CLASSES
from emopipe.ingest.sample.drawing import render
from emopipe.ingest.sample.expressions import PROTOTYPES, sample_expression
from emopipe.ingest.sample.eyes import draw_eyes
from emopipe.ingest.sample.head import draw_hair, draw_head
from emopipe.ingest.sample.identity import sample_identity
from emopipe.ingest.sample.mouth import draw_mouth
from emopipe.ingest.sample.occlusion import sample_occlusion
from emopipe.ingest.sample.photo import develop, sample_background, sample_photo
from emopipe.ingest.sample.pose import sample_pose

FER2013_TRAINING_FACES = (3995, 436, 4097, 7215, 4830, 3171, 4965)
"""Faces of each class in FER2013's Training, in the order of `FER2013_CLASSES`."""
MIN_SHARE = 0.03
"""Least share of a class; FER2013's own `disgust` has 1.5 %, too few faces for a split of a small sample."""
MIN_SIZE = 16
_LABELS_STREAM = 1  # third word of the seed of the labels; faces have two words, which count as three with a 0


def draw_faces(labels: Sequence[str], *, size: int, seed: int) -> np.ndarray:
    """Draw one face per label: uint8 (N, H, W, 1) with H = W = `size`.

    Face i depends on `seed`, i and `labels[i]` alone; another label changes its expression and nothing else, and
    another size yields the same image at another resolution. Raises `ParamsError` for a label that is not in
    `PROTOTYPES`, a size below `MIN_SIZE` or a negative seed.
    """
    _check_seed(seed)
    if size < MIN_SIZE:
        raise ParamsError(f"expected a size of at least {MIN_SIZE} pixels, got {size}")
    unknown = sorted(set(labels) - set(PROTOTYPES))
    if unknown:
        raise ParamsError(f"expected labels among {', '.join(PROTOTYPES)}; got {', '.join(unknown)}")
    faces = np.empty((len(labels), size, size, 1), np.uint8)
    for index, label in enumerate(labels):
        faces[index, :, :, 0] = _draw_face(label, size, np.random.default_rng([seed, index]))
    return faces


def sample_labels(num_faces: int, seed: int) -> list[str]:
    """Shuffled labels with FER2013's class shares, but at least `MIN_SHARE` of each class.

    Raises `ParamsError` when there are fewer faces than classes.
    """
    _check_seed(seed)
    if num_faces < len(FER2013_CLASSES):
        raise ParamsError(f"expected at least {len(FER2013_CLASSES)} faces, one of each class; got {num_faces}")
    ordered = np.repeat(FER2013_CLASSES, _class_counts(num_faces))
    return [str(label) for label in np.random.default_rng([seed, 0, _LABELS_STREAM]).permutation(ordered)]


def _draw_face(label: str, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one face: uint8 (H, W)."""
    expression = sample_expression(label, rng.spawn(1)[0])
    identity, pose, photo = sample_identity(rng), sample_pose(rng), sample_photo(rng)
    gaze = (float(rng.normal(0, 0.012)), float(rng.normal(0, 0.006)))
    shapes = [
        *draw_head(identity, expression, clothes=rng.uniform(20, 220)),
        *draw_mouth(identity, expression),
        *draw_eyes(identity, expression, gaze),
        *draw_hair(identity),
        *sample_occlusion(identity, rng),
    ]
    return develop(render(shapes, pose, sample_background(size, rng)), photo, pose, rng)


def _class_counts(num_faces: int) -> np.ndarray:
    """Faces of each class (7,): the rare ones at their least number, the others in proportion (largest remainders)."""
    shares = np.array(FER2013_TRAINING_FACES) / sum(FER2013_TRAINING_FACES)
    least = int(np.ceil(MIN_SHARE * num_faces))
    rare = shares * num_faces < least
    counts = np.where(rare, least, 0)
    exact = np.where(rare, 0, shares / shares[~rare].sum() * (num_faces - counts.sum()))
    counts += exact.astype(int)
    remainders = np.argsort(exact.astype(int) - exact, kind="stable")
    counts[remainders[: num_faces - counts.sum()]] += 1
    return counts


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ParamsError(f"expected a seed of at least 0, got {seed}")
