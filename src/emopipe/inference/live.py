"""The loop of `emopipe live`: frames in, faces followed, a window and a log out."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from emopipe.core.errors import DataError, ParamsError
from emopipe.inference.annotated import VideoWriter
from emopipe.inference.camera import Camera, open_camera
from emopipe.inference.formats import Csv
from emopipe.inference.frames import Frame, VideoFile
from emopipe.inference.overlay import draw_faces, write
from emopipe.inference.reading import Reading
from emopipe.inference.recogniser import Face, Follower, Recogniser
from emopipe.inference.window import ESCAPE, Window

RECORDED_RATE = 25.0
HELP = "q quit, space pause, r record"


@dataclass(kw_only=True)
class Seen:
    """What a run of the loop saw."""

    num_frames: int = 0
    num_faces: int = 0
    """Different ones: the highest id."""
    seconds: float = 0.0
    """On the clock, pauses included."""

    def line(self) -> str:
        """For a person."""
        rate = self.num_frames / self.seconds if self.seconds else 0.0
        return f"{self.num_frames} frames in {self.seconds:.1f} s ({rate:.1f} a second), {self.num_faces} faces"


class FaceLog(AbstractContextManager["FaceLog"]):
    """A CSV file with a row per face and frame, or an empty one for a frame without a face; written as it comes."""

    def __init__(self, path: Path, source: str, recogniser: Recogniser) -> None:
        """Raises `ParamsError` when `path` exists already, or cannot be written."""
        self._source, self._form = Path(source), Csv(recogniser)
        try:
            self._file = path.open("x", encoding="utf-8", errors="surrogateescape", buffering=1)
        except FileExistsError as error:
            raise ParamsError(f"{path} exists: name another file for --log") from error
        except OSError as error:
            raise ParamsError(f"{path} cannot be written ({error.strerror}): name another file for --log") from error
        self._file.write(f"time,{self._form.head[0]}\n")

    def add(self, frame: Frame, faces: list[Face]) -> None:
        """The rows of a frame, with the time on the clock in UTC."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        reading = Reading(path=self._source, faces=faces, frame=frame.index, seconds=frame.seconds)
        for line in self._form.lines(reading):
            self._file.write(f"{now},{line}\n")

    def __exit__(self, *_: object) -> None:
        self._file.close()


class Screen(AbstractContextManager["Screen"]):
    """The window with its keys: what is shown, paused and recorded."""

    def __init__(self, recogniser: Recogniser, *, paced: bool) -> None:
        """`paced`: frames are shown at their times, as those of files should be. Recordings go into this folder."""
        self._recogniser, self._paced = recogniser, paced
        self._window = Window()
        self._start = 0.0
        self._shown: deque[float] = deque(maxlen=30)
        self._recording = ExitStack()
        self._recorder: VideoWriter | None = None

    def add(self, frame: Frame, faces: Sequence[Face]) -> bool:
        """Show a frame; False when the user wants to stop."""
        now = time.monotonic()
        self._start = self._start or now - frame.seconds
        self._shown.append(now)
        drawn = draw_faces(frame.image, faces, self._recogniser)
        if self._recorder is not None:
            self._recorder.add(drawn, frame.seconds)
        self._write_status(drawn)
        self._window.show(drawn)
        early = frame.seconds - (time.monotonic() - self._start) if self._paced else 0.0
        return self._obey(self._window.key(early))

    def _obey(self, key: str) -> bool:
        if key == "r":
            self._toggle_recording()
        elif key == " ":
            began = time.monotonic()
            while (key := self._window.key(0.05)) not in (" ", "q", ESCAPE):
                pass
            self._start += time.monotonic() - began
            self._shown.clear()
            key = "" if key == " " else key
        return key not in ("q", ESCAPE)

    def _toggle_recording(self) -> None:
        if self._recorder is not None:
            self._recording.close()
            self._recorder = None
        else:
            path = Path(f"emopipe-{datetime.now():%Y%m%d-%H%M%S}.mp4")
            self._recorder = self._recording.enter_context(VideoWriter(path, RECORDED_RATE))

    def _write_status(self, drawn: np.ndarray) -> None:
        unit = max(min(drawn.shape[:2]) / 480, 0.5)
        spent = self._shown[-1] - self._shown[0]
        rate = f"{(len(self._shown) - 1) / spent:.0f} frames/s, " if spent else ""
        recording = f", recording {self._recorder.path.name}" if self._recorder is not None else ""
        write(drawn, f"{rate}{HELP}{recording}", (round(6 * unit), drawn.shape[0] - round(8 * unit)), unit)

    def __exit__(self, *_: object) -> None:
        self._recording.close()
        self._window.__exit__()


def run_live(camera: int, source: Path | None, recogniser: Recogniser, *, headless: bool, log: Path | None) -> Seen:
    """Open the camera or the video, the window and the log, and follow the faces until the end, q or Ctrl-C."""
    if source is not None:
        try:
            return _run(VideoFile(source), str(source), recogniser, headless=headless, log=log)
        except DataError as error:
            raise DataError(f"{source}: {error}") from error
    with Camera(open_camera(camera)) as frames:
        return _run(frames, f"camera {camera}", recogniser, headless=headless, log=log)


def _run(frames: VideoFile | Camera, name: str, recogniser: Recogniser, *, headless: bool, log: Path | None) -> Seen:
    with ExitStack() as opened:
        screen = None if headless else opened.enter_context(Screen(recogniser, paced=isinstance(frames, VideoFile)))
        writer = None if log is None else opened.enter_context(FaceLog(log, name, recogniser))
        return follow(frames, recogniser, screen=screen, log=writer)


def follow(frames: Iterable[Frame], recogniser: Recogniser, *, screen: Screen | None, log: FaceLog | None) -> Seen:
    """Follow the faces of `frames` until they end, the user wants to stop, or Ctrl-C."""
    follower, seen, start = Follower(recogniser), Seen(), time.monotonic()
    try:
        for frame in frames:
            faces = follower.recognise(frame.image, frame.seconds)
            seen.num_frames += 1
            seen.num_faces = max([seen.num_faces, *(face.id or 0 for face in faces)])
            if log is not None:
                log.add(frame, faces)
            if screen is not None and not screen.add(frame, faces):
                break
    except KeyboardInterrupt:  # the usual end of a camera without a window
        pass
    seen.seconds = time.monotonic() - start
    return seen
