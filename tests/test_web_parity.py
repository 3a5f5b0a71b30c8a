"""The page computes what Python computes: its modules run in Node on the same numbers as their counterparts.

Shapes: H, W height and width of a picture, N faces, K classes.
"""

import json
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from emopipe.inference import tracker
from emopipe.inference.tracker import Tracker
from emopipe.inference.web.site import PAGE
from emopipe.vision import detector
from emopipe.vision.centerface import _network_input, decode
from emopipe.vision.crops import MARGIN, square_around

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
RNG = np.random.default_rng(0)
TRACKING = {"min_iou": tracker.MIN_IOU, "memory": tracker.MEMORY, "time_constant": tracker.TIME_CONSTANT}


@pytest.fixture(scope="module")
def javascript(tmp_path_factory):
    """`javascript(code, value)`: the value of an expression of `value`, with the page's modules to import."""
    folder = tmp_path_factory.mktemp("node") / "page"
    shutil.copytree(PAGE, folder)
    (folder / "package.json").write_text('{"type": "module"}')

    def call(imports: str, expression: str, value):
        code = "import { readFileSync } from 'node:fs';\nconst value = JSON.parse(readFileSync(0, 'utf8'));\n"
        code += f"{imports}\nconsole.log(JSON.stringify({expression}));"
        (folder / "test.js").write_text(code)
        done = subprocess.run(
            [NODE, "test.js"], cwd=folder, input=json.dumps(value), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def image_data(picture):
    """uint8 RGB (H, W, 3) as a browser's ImageData."""
    height, width = picture.shape[:2]
    alpha = np.full((height, width, 1), 255, np.uint8)
    return {"data": np.concatenate([picture, alpha], 2).ravel().tolist(), "width": width, "height": height}


@pytest.mark.parametrize(("height", "width"), [(48, 64), (61, 47), (33, 100), (40, 30), (64, 64), (1, 90)])
def test_frames_are_shrunk_as_opencv_does(javascript, height, width):
    picture = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    scale = min(1.0, 32 / max(height, width))
    expected = _network_input(picture, scale)[0]  # (3, rows, stride)
    target = {"width": max(1, round(width * scale)), "height": max(1, round(height * scale))}
    target |= {"stride": expected.shape[2], "rows": expected.shape[1]}
    imports = "import { shrinkToPlanes } from './resize.js';"
    actual = javascript(imports, "Array.from(shrinkToPlanes(...value))", [image_data(picture), target])
    difference = np.abs(np.reshape(actual, expected.shape) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.01  # OpenCV adds up in another order: a tie may fall to the other side


def test_the_output_of_the_detector_is_decoded_alike(javascript):
    heatmap = RNG.random((1, 12, 16)).astype(np.float32)
    log_size, offset = (RNG.random((2, 12, 16)).astype(np.float32) * 3, RNG.random((2, 12, 16)).astype(np.float32))
    expected = decode(heatmap, log_size, offset, min_score=0.6)
    imports = "import { decode } from './detector.js';\nimport { suppress } from './boxes.js';"
    value = [heatmap.ravel().tolist(), log_size.ravel().tolist(), offset.ravel().tolist(), 16, 0.6]
    actual = javascript(imports, f"suppress(decode(...value), {detector.MAX_OVERLAP})", value)
    assert 5 < len(expected) < (heatmap > 0.6).sum(), "some overlap, and some do not"
    assert [face["score"] for face in actual] == pytest.approx(expected.scores.tolist())
    assert np.array([face["box"] for face in actual]) == pytest.approx(expected.boxes, abs=1e-3)


@pytest.mark.parametrize("channels", [1, 3])
def test_faces_are_cropped_alike(javascript, channels):
    picture = RNG.integers(0, 256, (30, 41, 3), dtype=np.uint8)
    boxes = [[5, 6, 15, 19], [0, 0, 4, 4], [-3, 2, 12, 9], [30, 20, 41, 30], [0, 0, 41, 30], [7.5, 3.25, 7.5, 3.25]]
    imports = "import { cut, squareAround } from './crops.js';"
    call = f"value[1].map((box) => Array.from(cut(value[0], squareAround(box, value[0], {MARGIN}), {channels})))"
    for box, actual in zip(boxes, javascript(imports, call, [image_data(picture), boxes]), strict=True):
        crop = square_around(picture, box)
        expected = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY) if channels == 1 else crop
        assert actual == expected.ravel().tolist(), box


def test_faces_are_tracked_and_smoothed_alike(javascript):
    """Five faces that wander, hide for a while and meet, seen at uneven times."""
    at, frames, seconds = RNG.random((5, 2)) * 200, [], 0.0
    for _ in range(60):
        at += RNG.normal(0, 12, at.shape)
        seconds += float(RNG.choice([0.03, 0.1, 0.4, 1.3], p=[0.4, 0.4, 0.15, 0.05]))
        seen = at[RNG.random(5) < 0.8]
        frames.append((np.concatenate([seen, seen + 40], 1), RNG.dirichlet(np.ones(3), len(seen)), seconds))
    python = Tracker()
    expected = [sorted(python.update(*frame), key=lambda pair: pair[0]) for frame in frames]
    value = [
        [[{"box": b.tolist(), "probabilities": p.tolist()} for b, p in zip(*frame[:2], strict=True)], frame[2]]
        for frame in frames
    ]
    imports = f"import {{ Tracker }} from './tracker.js';\nconst tracker = new Tracker({json.dumps(TRACKING)});"
    call = "value.map(([faces, at]) => tracker.update(faces, at).map(({ id, probabilities }) => [id, probabilities]))"
    actual = javascript(imports, call, value)
    assert [[face[0] for face in frame] for frame in actual] == [[face[0] for face in frame] for frame in expected]
    assert len({face[0] for frame in actual for face in frame}) > 8, "some were lost and came anew"
    for ours, theirs in zip(actual, expected, strict=True):
        for (_, actual_row), (_, expected_row) in zip(ours, theirs, strict=True):
            assert actual_row == pytest.approx(expected_row.tolist(), abs=1e-6)


@pytest.mark.slow
def test_the_csv_holds_no_formula_and_loses_no_row_silently(javascript):
    imports = "import { Log } from './log.js';\nconst log = new Log(['happy', 'a,b']);\n"
    imports += "const face = { id: 3, label: 'happy', box: [1, 2, 3, 4], score: 0.5, probabilities: [0.75, 0.25] };\n"
    imports += "log.add([face], { source: '=1+\"2\".png', seconds: 1.5 });"
    imports += "log.add([], { source: 'camera', frame: 7, seconds: 2 });"
    header, row, without, end = javascript(imports, "log.csv()", None).split("\r\n")
    assert header == 'time,path,frame,seconds,face,left,top,right,bottom,score,label,happy,"a,b",error'
    assert row.split(",", 1)[1] == '"\'=1+""2"".png",,1.500,3,1.0,2.0,3.0,4.0,0.5000,happy,0.750000,0.250000,'
    assert without.split(",", 1)[1] == "camera,7,2.000,,,,,,,,,,"
    assert end == ""
    imports += "for (let i = 2; i < 500_003; i++) log.add([face], { source: 'camera', seconds: i });"
    assert javascript(imports, "[log.rows.length, log.left_out]", None) == [500_000, 3]
