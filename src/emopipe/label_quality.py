"""Which labels are probably wrong: confident learning over what models say of faces that they were not trained on.

Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", as cleanlab has it.
Shapes: N faces, S side, C channels, K classes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor
from tqdm import tqdm

from emopipe.training.classifier import Classifier
from emopipe.training.config import AugmentConfig, ImbalanceConfig, TrainConfig
from emopipe.training.data import LabelledImages
from emopipe.training.loop import EVALUATION_BATCH, train
from emopipe.training.networks import architecture

SIDE = 32
"""Side at which faces are judged, in pixels: less than half the work of 48."""
RECIPE = TrainConfig(
    max_stride=16,
    epochs=3,
    batch_size=64,
    optimizer="muon",
    learning_rate=0.008,
    warm_up=0.15,
    weight_decay=0.05,
    ema_decay=0.998,
    label_smoothing=0.1,
    augment=AugmentConfig(
        flip=True, rotation=12.0, scale=0.12, shift=0.08, brightness=0.0, contrast=0.0, erase=0.0, mixup=0.0, cutmix=0.0
    ),
    imbalance=ImbalanceConfig(
        class_weights="none", class_balanced_beta=0.999, logit_adjustment=0.0, sampling=0.0, focal_gamma=0.0
    ),
    test_time_augmentation="flip",
    precision="auto",
    compile=False,
    max_minutes=None,
)
_NUM_WATCHED = 256  # training faces on which an epoch is measured: the fold itself must select nothing


COLUMNS = ("quality", "suspect", "suggested")


def judge_labels(
    faces: LabelledImages, groups: np.ndarray, *, classes: Sequence[str], folds: int, seed: int
) -> pd.DataFrame:
    """Judge each label by a model that saw neither the face nor another of its group.

    groups: (N,), the same for faces that would give each other away. Returns a row for each face: `quality`, 0 to 1,
    how well the picture supports the label; `suspect`, whether the label is probably wrong; `suggested`, the class that
    the model gives. Deterministic on one machine type.
    """
    labels = faces.labels.numpy()
    probabilities = np.zeros((len(labels), len(classes)))
    deal = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    for rest, fold in tqdm(deal, total=folds, desc="judge labels", unit=" folds", disable=None):
        probabilities[fold] = _predict(_trained(faces, rest, len(classes), seed), faces.images[fold])
    quality = get_label_quality_scores(labels, probabilities, method="normalized_margin")
    suspect = find_label_issues(labels, probabilities, n_jobs=1)
    suggested = np.array(classes)[probabilities.argmax(axis=1)]
    return pd.DataFrame(dict(zip(COLUMNS, (quality, suspect, suggested), strict=True)))


def _trained(faces: LabelledImages, rows: np.ndarray, num_classes: int, seed: int) -> Classifier:
    part = LabelledImages(images=faces.images[rows], labels=faces.labels[rows])
    watched = LabelledImages(images=part.images[:_NUM_WATCHED], labels=part.labels[:_NUM_WATCHED])
    channels = part.images.shape[3]
    wanted = architecture("cnn", num_classes=num_classes, size=SIDE, channels=channels, max_stride=RECIPE.max_stride)
    mean, std = part.pixel_statistics()
    torch.manual_seed(seed)
    classifier = Classifier(wanted, mean=mean, std=std, views=RECIPE.test_time_augmentation)
    for _ in train(classifier, part, watched, RECIPE, seed=seed, device="cpu"):
        pass
    return classifier


def _predict(classifier: Classifier, images: Tensor) -> np.ndarray:
    return torch.cat([classifier.predict(batch) for batch in images.split(EVALUATION_BATCH)]).double().numpy()
