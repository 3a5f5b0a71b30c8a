"""An OpenCV window and its keys."""

import ctypes
import sys
from contextlib import AbstractContextManager

import cv2
import numpy as np

from emopipe.core.errors import WorkspaceError

TITLE = "emopipe live"
ESCAPE, CLOSED = "\x1b", "q"
NO_DISPLAY = "there is no display for a window: run it on a desktop, or with --headless (and --log FILE.csv)"
NO_WINDOWS = "this OpenCV is built without windows: pip install opencv-python in place of opencv-python-headless"


class Window(AbstractContextManager["Window"]):
    """Open until the context ends."""

    def __init__(self) -> None:
        """Raises `WorkspaceError` if no window can be opened."""
        if sys.platform == "linux" and not _has_display():
            raise WorkspaceError(NO_DISPLAY)
        try:
            cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        except cv2.error as error:
            raise WorkspaceError(NO_WINDOWS) from error
        self._sized = False

    def show(self, image: np.ndarray) -> None:
        """Show uint8 RGB (H, W, 3); OpenCV draws it in the next call of `key`."""
        if not self._sized:
            cv2.resizeWindow(TITLE, image.shape[1], image.shape[0])
            self._sized = True
        cv2.imshow(TITLE, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def key(self, seconds: float) -> str:
        """The key pressed within `seconds` (at least a millisecond), or ""; q if the window was closed."""
        code = cv2.waitKey(max(1, int(1000 * seconds)))
        if cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1:
            return CLOSED
        return "" if code < 0 else chr(code & 0xFF)

    def __exit__(self, *_: object) -> None:
        cv2.destroyAllWindows()


def _has_display() -> bool:
    """Whether DISPLAY names a running X server; without one, Qt would abort the process."""
    try:
        x11 = ctypes.CDLL("libX11.so.6")
    except OSError:  # then OpenCV has no windows, and raises an error of its own
        return True
    x11.XOpenDisplay.restype = ctypes.c_void_p
    connection = x11.XOpenDisplay(None)
    if not connection:
        return False
    x11.XCloseDisplay(ctypes.c_void_p(connection))
    return True
