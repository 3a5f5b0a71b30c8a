"""The loop of `emopipe live`: frames in, tracked faces to a window and a log."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from emopipe.core.errors import DataError, ParamsError
from emopipe.inference.camera import Camera, open_camera
from emopipe.inference.formats import csv_header, csv_lines
from emopipe.inference.overlay import draw_faces, draw_text, scale
from emopipe.inference.recogniser import Face, Recogniser, VideoRecogniser
from emopipe.inference.results import Result
from emopipe.inference.video import Frame, VideoFile, VideoWriter
from emopipe.inference.window import ESCAPE, Window

RECORDED_RATE = 25.0
HELP = "q quit, space pause, r record"


@dataclass(kw_only=True)
class Totals:
    """Totals of a run."""

    num_frames: int = 0
    num_faces: int = 0
    """Tracks."""
    seconds: float = 0.0
    """Wall time, pauses included."""

    def line(self) -> str:
        """The totals in a line."""
        rate = self.num_frames / self.seconds if self.seconds else 0.0
        return f"{self.num_frames} frames in {self.seconds:.1f} s ({rate:.1f} per second), {self.num_faces} faces"


class FaceLog(AbstractContextManager["FaceLog"]):
    """A CSV file with a row per face and frame, or an empty one for a frame without a face; flushed line by line."""

    def __init__(self, path: Path, source: str, classes: Sequence[str]) -> None:
        """Raises `ParamsError` if `path` exists already, or cannot be written."""
        self._source, self._classes = Path(source), classes
        try:
            self._file = path.open("x", encoding="utf-8", errors="surrogateescape", buffering=1)
        except OSError as error:
            raise ParamsError(f"{path} cannot be written ({error.strerror}): name another file for --log") from error
        self._file.write(f"time,{csv_header(classes)[0]}\n")

    def add(self, frame: Frame, faces: list[Face]) -> None:
        """Write the rows of a frame, with the time of day in UTC."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        result = Result(path=self._source, faces=faces, frame=frame.index, seconds=frame.seconds)
        for line in csv_lines(result, self._classes):
            self._file.write(f"{now},{line}\n")

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Viewer(AbstractContextManager["Viewer"]):
    """Shows annotated frames in a window, whose keys pause, record and quit."""

    def __init__(self, classes: Sequence[str], *, paced: bool) -> None:
        """`paced`: show frames at their times, as for files. Recordings go into the working folder."""
        self._classes, self._paced = classes, paced
        self._window = Window()
        self._start = 0.0
        self._shown: deque[float] = deque(maxlen=30)
        self._recording: VideoWriter | None = None

    def add(self, frame: Frame, faces: Sequence[Face]) -> bool:
        """Show a frame; False if the user quits."""
        now = time.monotonic()
        self._start = self._start or now - frame.seconds
        self._shown.append(now)
        drawn = draw_faces(frame.image, faces, self._classes)
        if self._recording is not None:
            self._recording.add(drawn, frame.seconds)
        self._draw_status(drawn)
        self._window.show(drawn)
        ahead = frame.seconds - (time.monotonic() - self._start) if self._paced else 0.0
        return self._handle(self._window.key(ahead))

    def _handle(self, key: str) -> bool:
        if key == "r":
            self._toggle_recording()
        elif key == " ":
            paused = time.monotonic()
            while (key := self._window.key(0.05)) not in (" ", "q", ESCAPE):
                pass
            self._start += time.monotonic() - paused
            self._shown.clear()
        return key not in ("q", ESCAPE)

    def _toggle_recording(self) -> None:
        if self._recording is not None:
            self._recording.close()
            self._recording = None
        else:
            self._recording = VideoWriter(Path(f"emopipe-{datetime.now():%Y%m%d-%H%M%S}.mp4"), RECORDED_RATE)

    def _draw_status(self, drawn: np.ndarray) -> None:
        unit = scale(drawn)
        elapsed = self._shown[-1] - self._shown[0]
        rate = f"{(len(self._shown) - 1) / elapsed:.0f} frames/s, " if elapsed else ""
        recording = f", recording {self._recording.path.name}" if self._recording is not None else ""
        draw_text(drawn, f"{rate}{HELP}{recording}", (round(6 * unit), drawn.shape[0] - round(8 * unit)), unit)

    def __exit__(self, *_: object) -> None:
        if self._recording is not None:
            self._recording.close()
        self._window.__exit__()


def run_live(camera: int, source: Path | None, recogniser: Recogniser, *, headless: bool, log: Path | None) -> Totals:
    """Open the camera or the video, the window and the log, and track faces until the end, q or Ctrl-C."""
    with ExitStack() as stack:
        try:
            frames = VideoFile(source) if source else stack.enter_context(Camera(open_camera(camera)))
            classes, name = recogniser.classes, str(source or f"camera {camera}")
            viewer = None if headless else stack.enter_context(Viewer(classes, paced=source is not None))
            face_log = stack.enter_context(FaceLog(log, name, classes)) if log else None
            return track(frames, recogniser, viewer=viewer, log=face_log)
        except DataError as error:
            raise DataError(f"{source}: {error}" if source else str(error)) from error


def track(frames: Iterable[Frame], recogniser: Recogniser, *, viewer: Viewer | None, log: FaceLog | None) -> Totals:
    """Track the faces of `frames` until they end, the user quits, or Ctrl-C."""
    video_recogniser, totals, start = VideoRecogniser(recogniser), Totals(), time.monotonic()
    try:
        for frame in frames:
            faces = video_recogniser.recognise(frame.image, frame.seconds)
            totals.num_frames += 1
            totals.num_faces = max([totals.num_faces, *(face.id or 0 for face in faces)])
            if log is not None:
                log.add(frame, faces)
            if viewer is not None and not viewer.add(frame, faces):
                break
    except KeyboardInterrupt:  # ends a camera without a window
        pass
    totals.seconds = time.monotonic() - start
    return totals
