"""Tables of faces to tensors of images.

Shapes: N faces, H height, W width, C channels, K classes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from emopipe.faces.classes import label_indices
from emopipe.faces.png import decode_png
from emopipe.faces.resize import stack_images
from emopipe.faces.table import Faces
from emopipe.faces.training_set import TrainingSet
from emopipe.training.data import LabelledImages


def labelled_images(faces: Faces, classes: Sequence[str], size: int) -> LabelledImages:
    """Decode faces, resized to `size`."""
    images = stack_images([decode_png(png) for png in faces.frame["png"]], size)
    return LabelledImages(images=images, labels=torch.from_numpy(label_indices(faces.frame["label"], classes)))


def training_images(training_set: TrainingSet, clean: Faces, classes: Sequence[str], size: int) -> LabelledImages:
    """Decode the training set: real and repeated rows by id from `clean`, synthetic rows from their own bytes."""
    rows = training_set.frame
    real = clean.split("train").frame.drop_duplicates("id").set_index("id")["png"]
    pngs = rows["png"].where(rows["png"].notna(), rows["id"].map(real))
    images = stack_images([decode_png(png) for png in pngs], size)
    return LabelledImages(images=images, labels=torch.from_numpy(label_indices(rows["label"], classes)))


def same_size_batches(faces: Faces, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (N,) and images uint8 (N, H, W, C) of all faces, in batches of one H and W, N at most `size`."""
    for rows in faces.frame.groupby(["height", "width"]).indices.values():
        for first in range(0, len(rows), size):
            batch = np.asarray(rows[first : first + size])
            images = [decode_png(png) for png in faces.frame["png"].iloc[batch]]
            yield batch, np.stack(images)
