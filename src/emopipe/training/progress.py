"""Progress of a training: a live bar on a terminal, and a line per epoch everywhere."""

import sys
import time
from typing import Any

from torch import Tensor
from tqdm import tqdm

from emopipe.training.training_state import Epoch


class TrainingBar:
    """A bar over the faces of all epochs, with loss, validation accuracy, images/s and remaining time."""

    def __init__(self, model: str, num_faces: int) -> None:
        """`num_faces` per epoch."""
        self._model, self._num_faces, self._accuracy = model, num_faces, ""
        self._num_resumed = 0  # faces of epochs before an interruption
        self._bar: tqdm[Any] | None = None

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, num_epochs: int, num_faces: int, loss: Tensor) -> None:
        """Advance by one step; the loss leaves its device only when the bar is redrawn."""
        if self._bar is None:
            total = num_epochs * self._num_faces
            self._bar = tqdm(
                desc=self._model, total=total, initial=self._num_resumed, unit=" images", leave=False, disable=None
            )
        if self._bar.update(num_faces):
            self._bar.set_postfix_str(f"loss {loss.item():.3f}{self._accuracy}", refresh=False)

    def epoch(self, epoch: Epoch) -> None:
        """Print a line with the results of an epoch, speed and remaining time."""
        self._accuracy = f", val accuracy {epoch.val_accuracy:.3f}"
        if self._bar is None:  # no step yet: an epoch before an interruption
            if not self._num_resumed:
                tqdm.write(f"{self._model}: resuming an interrupted training")
            self._num_resumed += self._num_faces
        left = time.strftime("%H:%M:%S", time.gmtime(epoch.seconds * (epoch.num_epochs - epoch.epoch)))
        best = "  best so far" if epoch.is_best else ""
        tqdm.write(
            f"{self._model}  epoch {epoch.epoch}/{epoch.num_epochs}  loss {epoch.train_loss:.3f}  "
            f"val loss {epoch.val_loss:.3f}  val accuracy {epoch.val_accuracy:.3f}  "
            f"{self._num_faces / epoch.seconds:.0f} images/s  {left} left{best}"
        )
        sys.stdout.flush()
