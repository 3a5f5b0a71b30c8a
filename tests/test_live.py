"""`emopipe live`: cameras, the loop, the log, and the window on a desktop of its own."""

import csv
import os
import re
import shutil
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from emopipe.core.errors import DataError, ParamsError
from emopipe.inference.camera import Camera, camera_error
from emopipe.inference.live import FaceLog, run_live, track
from emopipe.inference.overlay import COLOURS
from emopipe.inference.video import VideoFile, VideoWriter
from emopipe.inference.window import NO_DISPLAY
from projects import BIN, ROOT, run
from scenes import CLASSES, write_clip

SOURCE = str(ROOT / "src")
MEDIUM = CLASSES.index("medium")  # what the drawn faces are to the made-up model
NUM_FACES = [*[0] * 4, *[1] * 6, *[3] * 6, 0, 0]


class Scripted:
    """A camera that gives a frame, numbered by its shade, for each release of `may`; then it is unplugged."""

    def __init__(self, num_frames: int) -> None:
        self.num_frames, self.num_read, self.released = num_frames, 0, threading.Event()
        self.may = threading.Semaphore(0)

    def read(self):
        self.may.acquire()
        if self.num_read == self.num_frames:
            return False, None
        self.num_read += 1
        return True, np.full((4, 4, 3), (0, 0, self.num_read), np.uint8)

    def release(self) -> None:
        self.released.set()

    def give(self, num_frames: int) -> None:
        """Let the reader read so many, and wait until it has begun to wait for the next one."""
        self.may.release(num_frames)
        while self.num_read < min(self.num_frames, num_frames) or self.may._value:
            time.sleep(0.001)
        time.sleep(0.02)


def test_a_camera_yields_its_newest_frame_only():
    capture = Scripted(5)
    with Camera(capture) as camera:
        frames = iter(camera)
        capture.give(4)
        first = next(frames)
        assert (first.index, first.image[0, 0].tolist()) == (3, [4, 0, 0]), "the last of four, in RGB"
        assert camera.num_dropped == 3
        capture.may.release()
        assert next(frames).index == 4
        capture.may.release()
        with pytest.raises(DataError, match=r"^the camera has stopped: check its connection$"):
            next(frames)
    assert capture.released.wait(1)


def test_a_camera_without_frames_is_an_error(monkeypatch):
    monkeypatch.setattr("emopipe.inference.camera.TIMEOUT", 0.05)
    with (
        Camera(Scripted(0)) as camera,
        pytest.raises(DataError, match=r"^the camera gave no frame for 0 seconds: check its connection$"),
    ):
        next(iter(camera))


def test_a_camera_that_does_not_open_is_one_line_with_the_reason(tmp_path):
    assert camera_error(0, tmp_path) == (
        "there is no camera 0 (this machine has none): name one with --camera, or a video with --source"
    )
    for name in ("video0", "video10", "video2", "vcs"):
        (tmp_path / name).touch()
    assert camera_error(1, tmp_path) == (
        "there is no camera 1 (there are 0, 2, 10): name one with --camera, or a video with --source"
    )
    assert camera_error(2, tmp_path) == (
        f"camera 2 gives no frame: close other programs that use it, and check access to {tmp_path}/video2"
    )
    assert camera_error(2, None).startswith("camera 2 does not open: ")


@pytest.mark.slow
def test_all_frames_of_a_file_are_tracked_and_logged(tmp_path, clip, recogniser):
    log = tmp_path / "log.csv"
    before = datetime.now().astimezone()
    seen = run_live(0, clip, recogniser, headless=True, log=log)
    assert (seen.num_frames, seen.num_faces) == (18, 3)
    assert re.fullmatch(r"18 frames in \d+\.\d s \(\d+\.\d per second\), 3 faces", seen.line())
    rows = list(csv.DictReader(log.read_text().splitlines()))
    per_frame = [[row["face"] for row in rows if row["frame"] == str(frame)] for frame in range(18)]
    assert per_frame == [[""] if n == 0 else [str(k + 1) for k in range(n)] for n in NUM_FACES]
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    assert times == sorted(times)
    assert abs((times[0] - before).total_seconds()) < 600
    with pytest.raises(
        ParamsError, match=r"^\S+log.csv cannot be written \(File exists\): name another file for --log$"
    ):
        run_live(0, clip, recogniser, headless=True, log=log)
    with pytest.raises(ParamsError, match=r"^\S+ cannot be written \(No such file or directory\): name another file"):
        FaceLog(tmp_path / "no" / "log.csv", "a", CLASSES)


@pytest.mark.slow
def test_ctrl_c_ends_the_loop(clip, recogniser):
    def interrupted():
        for frame in VideoFile(clip):
            if frame.index == 12:
                raise KeyboardInterrupt
            yield frame

    seen = track(interrupted(), recogniser, viewer=None, log=None)
    assert (seen.num_frames, seen.num_faces) == (12, 3)


def test_a_recording_plays_in_real_time(tmp_path):
    """Three frames a second, of which the last comes late, in a file of ten a second."""
    with VideoWriter(tmp_path / "r.mp4", 10) as writer:
        for shade, seconds in ((50, 5.0), (100, 5.33), (200, 6.0)):
            writer.add(np.full((48, 64, 3), shade, np.uint8), seconds)
        assert list(tmp_path.glob("*.mp4")) == []
    shades = [int(frame.image.mean().round(-1)) for frame in VideoFile(tmp_path / "r.mp4")]
    assert shades == [50, *[100] * 3, *[200] * 7]


def live(folder: Path, *words: str, **environment: str):
    return run(folder, str(BIN / "emopipe"), "live", *words, PYTHONPATH=SOURCE, **environment)


@pytest.mark.slow
def test_failures_of_the_command_are_one_line(tmp_path, bundle, clip, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    (tmp_path / "text.mp4").write_text("no video")
    model = ("--model", str(bundle))
    lines = {
        ("--source", "no.mp4"): "no.mp4: No such file or directory",
        ("--source", "text.mp4"): "text.mp4: OpenCV does not read it as a video",
        ("--source", str(clip)): NO_DISPLAY,
    }
    if not list(Path("/dev").glob("video*")):
        lines[("--headless",)] = camera_error(0, Path("/dev"))
    for words, line in lines.items():
        done = live(tmp_path, *words, *model)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", f"emopipe: {line}\n")
    gone = live(tmp_path, "--source", str(clip), *model, DISPLAY=":7654")
    assert (gone.returncode, gone.stdout, gone.stderr) == (1, "", f"emopipe: {NO_DISPLAY}\n")


@pytest.fixture
def desktop(monkeypatch):
    """A display of its own, without a window manager, and a connection to it."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed (Debian: apt-get install xvfb)")
    from Xlib import display

    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as file:
        name = f":{file.readline().strip()}"
    monkeypatch.setenv("DISPLAY", name)
    connection = display.Display(name)
    yield connection
    connection.close()
    server.terminate()
    server.wait()


def windows(connection):
    """The visible windows."""
    from Xlib import X

    tree = connection.screen().root.query_tree().children
    return [window for window in tree if window.get_attributes().map_state == X.IsViewable]


def screenshot(connection) -> np.ndarray:
    """uint8 RGB (H, W, 3) of the whole display."""
    from Xlib import X

    root = connection.screen().root
    size = root.get_geometry()
    pixels = root.get_image(0, 0, size.width, size.height, X.ZPixmap, 0xFFFFFFFF).data
    return np.frombuffer(pixels, np.uint8).reshape(size.height, size.width, 4)[:, :, 2::-1]


def num_pixels(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((picture == colour).all(-1).sum())


def press(connection, window, key: str) -> None:
    from Xlib import XK, X
    from Xlib.ext import xtest

    window.set_input_focus(X.RevertToParent, X.CurrentTime)
    code = connection.keysym_to_keycode(XK.string_to_keysym(key))
    for event in (X.KeyPress, X.KeyRelease):
        xtest.fake_input(connection, event, code)
    connection.sync()


def wait_for(condition, process, seconds: float = 600):
    """The first true value of `condition`; the timeout allows for a busy machine."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)
    return value


@pytest.mark.slow
def test_the_keys_of_the_window_pause_record_and_quit(tmp_path, bundle, desktop):
    """The real loop in one window; the clip is long, so that it only ends by the key."""
    clip = tmp_path / "long.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), 10, (640, 480))
    frames = [frame.image[:, :, ::-1] for frame in VideoFile(write_clip(tmp_path / "clip.mp4"))]
    for frame in [*frames[:16], *[frames[15]] * 600]:
        writer.write(np.ascontiguousarray(frame))
    writer.release()
    command = [str(BIN / "emopipe"), "live", "--source", str(clip), "--model", str(bundle), "--log", "log.csv"]
    environment = os.environ | {"PYTHONPATH": SOURCE}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=-1, stderr=-1, text=True)
    log = tmp_path / "log.csv"

    def num_rows() -> int:
        return log.read_text().count("\n") if log.exists() else 0

    def steady_number_of_rows() -> int:
        before = num_rows()
        time.sleep(3)
        return before if num_rows() == before else 0

    try:
        [window] = wait_for(lambda: windows(desktop), process)
        wait_for(lambda: num_rows() > 40, process)
        wait_for(lambda: num_pixels(screenshot(desktop), COLOURS[MEDIUM]) > 3 * 60, process)
        Image.fromarray(screenshot(desktop)).save(tmp_path / "screenshot.png")
        press(desktop, window, "r")
        wait_for(lambda: num_rows() > 70, process)
        press(desktop, window, "r")
        wait_for(lambda: list(tmp_path.glob("emopipe-*.mp4")), process)
        press(desktop, window, "space")
        paused = wait_for(steady_number_of_rows, process)
        press(desktop, window, "space")
        wait_for(lambda: num_rows() > paused + 5, process)
        assert len(windows(desktop)) == 1
        press(desktop, window, "q")
        out, err = process.communicate(timeout=600)
    finally:
        process.kill()
    assert (process.returncode, err) == (0, "")
    assert re.fullmatch(r"\d+ frames in \d+\.\d s \(\d+\.\d per second\), 3 faces\n", out)
    [recording] = tmp_path.glob("emopipe-*.mp4")
    assert sum(1 for _ in VideoFile(recording)) > 0
