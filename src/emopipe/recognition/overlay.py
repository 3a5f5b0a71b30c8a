"""Faces drawn into a picture: box, id, label, and a bar per class.

Shapes: H, W height and width of the picture.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from emopipe.recognition.recogniser import Face, Recogniser

COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
"""RGB, tellable apart by colour-blind people (Okabe and Ito 2008)."""
GREY, WHITE, BLACK = (170, 170, 170), (255, 255, 255), (0, 0, 0)
LINE, BAR_WIDTH = 15, 110  # height of a line of text and width of the bars' panel, in a picture of 480 lines
FONT = cv2.FONT_HERSHEY_SIMPLEX  # knows ASCII; other letters become question marks


def draw_faces(image: np.ndarray, faces: Sequence[Face], recogniser: Recogniser) -> np.ndarray:
    """A copy of uint8 (H, W, 3 or 1) with its faces marked: uint8 RGB (H, W, 3)."""
    drawn = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.shape[2] == 1 else image.copy()
    unit = max(min(image.shape[:2]) / 480, 0.5)
    for face in faces:
        _draw_bars(drawn, face, recogniser.classes, unit)
        left, top, right, bottom = (round(edge) for edge in face.box)
        label = recogniser.label(face)
        colour = COLOURS[recogniser.classes.index(label) % len(COLOURS)] if label in recogniser.classes else GREY
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, max(1, round(2 * unit)))
        name = "" if face.id is None else f"{face.id} "
        write(drawn, f"{name}{label} {face.probabilities.max():.0%}", (left, top - round(4 * unit)), unit, colour)
    return drawn


def write(image: np.ndarray, text: str, at: tuple[int, int], unit: float, colour: tuple[int, int, int] = WHITE) -> None:
    """Write on a dark ground; `at` is the lower left corner, moved into the picture where it lies outside."""
    (width, height), below = cv2.getTextSize(text, FONT, 0.5 * unit, max(1, round(unit)))
    left = max(0, min(at[0], image.shape[1] - width))
    bottom = max(height, min(at[1], image.shape[0] - below))
    _darken(image, left, bottom - height - 1, left + width, bottom + below)
    cv2.putText(image, text, (left, bottom), FONT, 0.5 * unit, colour, max(1, round(unit)), cv2.LINE_AA)


def _draw_bars(image: np.ndarray, face: Face, classes: Sequence[str], unit: float) -> None:
    """At the right of the face where there is room, else at its left."""
    line, width = round(LINE * unit), round(BAR_WIDTH * unit)
    left = round(face.box[2]) + round(4 * unit)
    if left + width > image.shape[1]:
        left = max(0, round(face.box[0]) - round(4 * unit) - width)
    top = max(0, min(round(face.box[1]), image.shape[0] - line * len(classes)))
    _darken(image, left, top, left + width, top + line * len(classes))
    for number, (name, share) in enumerate(zip(classes, face.probabilities.tolist(), strict=True)):
        upper, lower = top + line * number, top + line * (number + 1)
        end = left + round(width * share)
        cv2.rectangle(image, (left, upper + 1), (end, lower - 2), COLOURS[number % len(COLOURS)], cv2.FILLED)
        at = (left + round(3 * unit), lower - round(4 * unit))
        for colour, weight in ((BLACK, 3), (WHITE, 1)):
            cv2.putText(image, name, at, FONT, 0.38 * unit, colour, max(1, round(weight * unit)), cv2.LINE_AA)


def _darken(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> None:
    area = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    area[:] = area // 3
