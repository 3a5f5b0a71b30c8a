"""Faces drawn into a picture: box, id, label, and a bar per class.

Shapes: H, W height and width of the picture.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from emopipe.inference.recogniser import Face, Recogniser

COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
"""RGB, tellable apart by colour-blind people (Okabe and Ito 2008)."""
GREY, WHITE = (170, 170, 170), (255, 255, 255)
LINE, BAR = 15, 60  # height of a line of text and length of a bar that means 1, in a picture of 480 lines
FONT = cv2.FONT_HERSHEY_SIMPLEX  # knows ASCII; other letters become question marks


def draw_faces(image: np.ndarray, faces: Sequence[Face], recogniser: Recogniser) -> np.ndarray:
    """A copy of uint8 (H, W, 3 or 1) with its faces marked: uint8 RGB (H, W, 3)."""
    drawn = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.shape[2] == 1 else image.copy()
    unit = max(min(image.shape[:2]) / 480, 0.5)
    for face in faces:
        _draw_bars(drawn, face, recogniser.classes, unit)
        left, top, right, bottom = (round(edge) for edge in face.box)
        label = recogniser.label(face)
        colour = _colour(recogniser.classes.index(label)) if label in recogniser.classes else GREY
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
    """Names and bars, at the right of the face where there is room, else at its left."""
    line, gap, size = round(LINE * unit), round(4 * unit), 0.38 * unit
    names = gap + max(cv2.getTextSize(name, FONT, size, 1)[0][0] for name in classes)
    width = names + gap + round(BAR * unit) + gap
    left = round(face.box[2]) + gap
    if left + width > image.shape[1]:
        left = max(0, round(face.box[0]) - gap - width)
    top = max(0, min(round(face.box[1]), image.shape[0] - line * len(classes)))
    _darken(image, left, top, left + width, top + line * len(classes))
    for number, (name, share) in enumerate(zip(classes, face.probabilities.tolist(), strict=True)):
        below, start = top + line * (number + 1), left + names + gap
        cv2.putText(image, name, (left + gap, below - gap), FONT, size, WHITE, max(1, round(unit)), cv2.LINE_AA)
        end = start + round(BAR * unit * share)
        cv2.rectangle(image, (start, below - line + gap), (end, below - gap), _colour(number), cv2.FILLED)


def _colour(number: int) -> tuple[int, int, int]:
    return COLOURS[number % len(COLOURS)]


def _darken(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> None:
    area = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    area[:] = area // 3
