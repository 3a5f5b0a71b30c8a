"""Annotations drawn into an image: box, id, label, and a bar per class.

Shapes: H, W height and width of the image.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from emopipe.inference.recogniser import Face

Colour = tuple[int, int, int]
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
"""RGB, distinct for colour-blind people (Okabe and Ito 2008)."""
GREY, WHITE = (170, 170, 170), (255, 255, 255)
LINE_HEIGHT, BAR_LENGTH = 15, 60  # of a line of text, and of a bar for 1, in an image of 480 lines
FONT = cv2.FONT_HERSHEY_SIMPLEX  # ASCII only; other characters become question marks


def draw_faces(image: np.ndarray, faces: Sequence[Face], classes: Sequence[str]) -> np.ndarray:
    """An annotated copy of uint8 (H, W, 3 or 1): uint8 RGB (H, W, 3)."""
    drawn = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB) if image.shape[2] == 1 else image.copy()
    unit = scale(image)
    for face in faces:
        _draw_bars(drawn, face, classes, unit)
        left, top, right, bottom = (round(edge) for edge in face.box)
        colour = COLOURS[classes.index(face.label) % len(COLOURS)] if face.label in classes else GREY
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, max(1, round(2 * unit)))
        track = "" if face.id is None else f"{face.id} "
        text = f"{track}{face.label} {face.probabilities.max():.0%}"
        draw_text(drawn, text, (left, top - round(4 * unit)), unit, colour)
    return drawn


def scale(image: np.ndarray) -> float:
    """Size of the annotations, relative to an image of 480 lines."""
    return max(float(min(image.shape[:2])) / 480, 0.5)


def draw_text(image: np.ndarray, text: str, at: tuple[int, int], unit: float, colour: Colour = WHITE) -> None:
    """Draw text on a dark background; `at` is the lower left corner, moved into the image if it is outside."""
    (width, height), baseline = cv2.getTextSize(text, FONT, 0.5 * unit, max(1, round(unit)))
    left = max(0, min(at[0], image.shape[1] - width))
    bottom = max(height, min(at[1], image.shape[0] - baseline))
    _darken(image, left, bottom - height - 1, left + width, bottom + baseline)
    cv2.putText(image, text, (left, bottom), FONT, 0.5 * unit, colour, max(1, round(unit)), cv2.LINE_AA)


def _draw_bars(image: np.ndarray, face: Face, classes: Sequence[str], unit: float) -> None:
    """Names and bars, to the right of the face if there is space, else to its left."""
    line, gap, size = round(LINE_HEIGHT * unit), round(4 * unit), 0.38 * unit
    names = gap + max(cv2.getTextSize(name, FONT, size, 1)[0][0] for name in classes)
    width = names + gap + round(BAR_LENGTH * unit) + gap
    left = round(face.box[2]) + gap
    if left + width > image.shape[1]:
        left = max(0, round(face.box[0]) - gap - width)
    top = max(0, min(round(face.box[1]), image.shape[0] - line * len(classes)))
    _darken(image, left, top, left + width, top + line * len(classes))
    for index, (name, probability) in enumerate(zip(classes, face.probabilities.tolist(), strict=True)):
        bottom, start = top + line * (index + 1), left + names + gap
        cv2.putText(image, name, (left + gap, bottom - gap), FONT, size, WHITE, max(1, round(unit)), cv2.LINE_AA)
        end = start + round(BAR_LENGTH * unit * probability)
        colour = COLOURS[index % len(COLOURS)]
        cv2.rectangle(image, (start, bottom - line + gap), (end, bottom - gap), colour, cv2.FILLED)


def _darken(image: np.ndarray, left: int, top: int, right: int, bottom: int) -> None:
    area = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    area[:] = area // 3
