"""The page of `emopipe data show`: what the faces are, and what augmentation makes of them, before any training.

Shapes: N images, S side, C channels.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from emopipe.faces.png import decode_png, encode_png
from emopipe.faces.resize import stack_images
from emopipe.faces.table import SPLITS, Faces
from emopipe.reports.html import data_uri
from emopipe.reports.templates import render
from emopipe.training.augment import (
    apply_affine,
    jitter_brightness_contrast,
    mixup_or_cutmix,
    random_affine,
    random_erasing,
)
from emopipe.training.config import AugmentConfig
from emopipe.vision.image_stats import measure

NUM_IMAGES = 24
"""On the sheet of a class."""
NUM_AUGMENTED, NUM_DRAWS = 16, 7
"""Faces that are augmented, and how often each."""
PROPERTIES = ("brightness", "contrast", "sharpness", "width", "height")
QUANTILES = (0.05, 0.5, 0.95)


def data_page(faces: Faces, classes: Sequence[str], augment: AugmentConfig, *, size: int, seed: int) -> str:
    """The page as HTML, one file without remote resources. size: side of a network's input, in pixels."""
    frame, rng = faces.frame, np.random.default_rng(seed)
    train = np.flatnonzero((frame["split"] == "train").to_numpy())
    sheets = {name: _sample(np.flatnonzero((frame["label"] == name).to_numpy()), NUM_IMAGES, rng) for name in classes}
    chosen = _sample(train, NUM_AUGMENTED, rng)
    originals = stack_images([decode_png(png) for png in frame["png"].iloc[chosen]], size)
    draws = [augmented(originals, augment, seed=seed + number) for number in range(NUM_DRAWS)]
    return render(
        "overview/data_page.html.j2",
        num_faces=len(faces),
        classes=classes,
        counts=pd.crosstab(frame["split"], frame["label"]).reindex(SPLITS, columns=list(classes), fill_value=0),
        properties=_properties(faces, classes),
        sheets={name: [_shown(frame, row) for row in rows] for name, rows in sheets.items()},
        augment={name: value for name, value in vars(augment).items() if value},
        size=size,
        augmentations=[
            [data_uri(encode_png(image)) for image in (original, *versions)]
            for original, *versions in zip(originals.numpy(), *draws, strict=True)
        ],
    )


def augmented(images: torch.Tensor, config: AugmentConfig, *, seed: int) -> np.ndarray:
    """One draw of the augmentation of a training, on uint8 (N, S, S, C), same shape; blanks have the mean value."""
    generator = torch.Generator().manual_seed(seed)
    affine = random_affine(len(images), config, generator)
    scaled = images.permute(0, 3, 1, 2).float() / 255
    jittered = jitter_brightness_contrast(apply_affine(scaled, affine), config, generator)
    mean = scaled.mean()
    erased = random_erasing(jittered - mean, config.random_erasing, generator)
    mixed = mixup_or_cutmix(erased, torch.zeros(len(images), 1), config, generator)[0] + mean
    pixels: np.ndarray = (mixed.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def _properties(faces: Faces, classes: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Quantiles of each property by class."""
    frame = measure(map(decode_png, faces.frame["png"])).frame
    frame[["width", "height"]] = faces.frame[["width", "height"]]
    by_class = frame.groupby(faces.frame["label"].to_numpy())[list(PROPERTIES)].quantile(np.array(QUANTILES))
    known = set(by_class.index.get_level_values(0))
    return {name: {prop: by_class.loc[name][prop].tolist() for prop in PROPERTIES} for name in classes if name in known}


def _sample(rows: np.ndarray, num: int, rng: np.random.Generator) -> np.ndarray:
    return np.sort(rng.choice(rows, min(num, len(rows)), replace=False))


def _shown(frame: pd.DataFrame, row: int) -> tuple[str, str]:
    """The image and where it comes from."""
    return data_uri(frame["png"].iloc[row]), str(frame["source"].iloc[row])
