"""Detecting, cropping, classifying and tracking faces."""

import hashlib
import subprocess
import sys

import cv2
import numpy as np
import pytest

from emopipe.core.errors import ModelError
from emopipe.inference.model import open_model
from emopipe.inference.recogniser import UNCERTAIN, Recogniser, VideoRecogniser, whole_image
from emopipe.inference.tracker import Tracker, iou
from emopipe.vision.centerface import CenterFace, decode
from emopipe.vision.crops import crop_faces, square_around
from emopipe.vision.detector import Detections
from emopipe.vision.weights import read_weights
from emopipe.vision.yunet import YuNet
from scenes import SIDE, scene, write_bundle, yunet_like

PLACES = ((60, 90), (300, 60), (480, 300))


@pytest.fixture(scope="module")
def detector():
    return CenterFace(longest=640, num_threads=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return open_model(str(write_bundle(tmp_path_factory.mktemp("bundle"))))


def middles(boxes):
    return sorted((round((box[0] + box[2]) / 2), round((box[1] + box[3]) / 2)) for box in boxes)


@pytest.mark.slow
def test_the_core_imports_nothing_but_numpy_onnxruntime_opencv_and_pillow():
    code = (
        "import sys, emopipe.inference.recogniser, emopipe.inference.model, emopipe.vision.centerface, "
        "emopipe.vision.yunet; foreign = ('torch', 'mlflow', 'dvc', 'pandas', 'pyarrow', 'sklearn', 'onnx', "
        "'pydantic', 'filelock'); print([m for m in foreign if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


@pytest.mark.parametrize("num_faces", [0, 1, 2, 3])
def test_drawn_faces_are_detected_in_their_places(detector, num_faces):
    found = detector.detect(scene(*PLACES[:num_faces]))
    centres = [(left + SIDE / 2, top + SIDE / 2) for left, top in PLACES[:num_faces]]
    assert len(found) == num_faces
    assert (np.diff(found.scores) <= 0).all()
    for actual, expected in zip(middles(found.boxes), sorted(centres), strict=True):
        assert actual == pytest.approx(expected, abs=SIDE / 4)


@pytest.mark.slow
def test_boxes_are_in_pixels_of_the_picture_however_far_it_is_shrunk():
    picture = scene(*PLACES[:2])
    large = cv2.resize(picture, (1920, 1440), interpolation=cv2.INTER_CUBIC)
    at_640 = CenterFace(longest=640, num_threads=1).detect(large).boxes
    same = CenterFace(longest=640, num_threads=1).detect(picture).boxes
    assert at_640 == pytest.approx(3 * same, abs=12)


@pytest.mark.parametrize("shape", [(1, 1), (5, 900), (900, 5), (33, 31)])
def test_an_image_of_any_shape_is_accepted(detector, shape):
    assert len(detector.detect(np.zeros((*shape, 3), np.uint8))) == 0


def test_a_cell_of_the_heatmap_becomes_its_box():
    heatmap, log_size, offset = (np.zeros((n, 8, 8), np.float32) for n in (1, 2, 2))
    heatmap[0, 3, 5], log_size[:, 3, 5], offset[:, 3, 5] = 0.9, np.log([4, 2]), [0.25, -0.5]  # height and y first
    heatmap[0, 3, 6], log_size[:, 3, 6], offset[:, 3, 6] = 0.8, np.log([4, 2]), [0.25, -1.5]  # the same face again
    found = decode(heatmap, log_size, offset, min_score=0.5)
    assert found.boxes.tolist() == [pytest.approx([16.0, 7.0, 24.0, 23.0])]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_a_crop_is_a_square_around_the_face_and_stays_inside():
    picture = np.arange(40 * 60, dtype=np.uint32).reshape(40, 60, 1)
    inside = square_around(picture, (20.0, 10.0, 30.0, 20.0))
    assert inside.shape == (11, 11, 1)
    assert inside[0, 0, 0] == 10 * 60 + 20, "11 pixels around the middle (25, 15)"
    assert square_around(picture, (0.0, 30.0, 20.0, 40.0))[0, 0, 0] == 18 * 60 + 0, "moved inside"
    assert square_around(picture, (0.0, 0.0, 60.0, 40.0)).shape == (40, 40, 1), "made smaller"
    assert square_around(picture, (59.9, 39.9, 60.0, 40.0)).shape == (1, 1, 1)


def test_crops_are_squares_around_the_detected_faces(detector):
    picture = scene(*PLACES)
    crops = crop_faces(picture, detector)
    assert middles(crop.box for crop in crops) == middles(detector.detect(picture).boxes)
    for crop in crops:
        left, top, right, bottom = crop.box
        side = crop.pixels.shape[0]
        assert crop.pixels.shape == (side, side, 3)
        assert side == pytest.approx(1.1 * max(right - left, bottom - top), abs=1)
        assert crop.score > 0.5


@pytest.mark.parametrize("channels", [1, 3])
def test_faces_are_classified_in_their_order_whatever_their_sizes(tmp_path, channels):
    recogniser = Recogniser(open_model(str(write_bundle(tmp_path, channels=channels))), None, uncertain_below=0.5)
    shades = {(20, 20): 0, (30, 30): 128, (21, 20): 255, (20, 20, 0): 127}
    images = [np.full((*size[:2], channels), shade, np.uint8) for size, shade in shades.items()]
    faces = recogniser.classify([whole_image(image) for image in images])
    assert [face.label for face in faces] == ["dark", "medium", "bright", "medium"]
    assert [face.box[2:] for face in faces] == [(20, 20), (30, 30), (20, 21), (20, 20)]
    assert [face.probabilities.sum() for face in faces] == pytest.approx(np.ones(4))
    assert recogniser.classify([]) == []


def test_a_grey_model_gets_grey_crops(model):
    class EverythingIsAFace:
        def detect(self, image):
            return Detections(boxes=np.array([[0, 0, 9, 9]], np.float32), scores=np.ones(1, np.float32))

    red = np.full((9, 9, 3), (200, 30, 60), np.uint8)
    grey = np.full((1, 9, 9, 1), round(0.299 * 200 + 0.587 * 30 + 0.114 * 60), np.uint8)
    [face] = Recogniser(model, EverythingIsAFace(), uncertain_below=0).recognise(red)
    assert face.probabilities == pytest.approx(model.predict(grey)[0])


def test_a_face_below_the_threshold_is_uncertain(model):
    recogniser = Recogniser(model, None, uncertain_below=0.6)
    assert [recogniser.label(np.array(p)) for p in ([0.6, 0.4, 0], [0.5, 0.5, 0])] == ["dark", UNCERTAIN]


@pytest.mark.slow
def test_ids_are_stable_while_faces_come_move_and_go(model, detector):
    """No face, one, several, none; the first moves all the time, and is hidden in one frame."""
    video = VideoRecogniser(Recogniser(model, detector, uncertain_below=0.5))
    frames = [scene(), scene(), *(scene((60 + 12 * k, 90)) for k in range(4)), scene()]
    frames += [scene((108 + 12 * k, 90), (300, 60), (480, 300)) for k in range(4)] + [scene(), scene()]
    seen = [[face.id for face in video.recognise(frame, k / 10)] for k, frame in enumerate(frames)]
    assert seen == [[], [], [1], [1], [1], [1], [], *[[1, 2, 3]] * 4, [], []]


def test_a_face_that_is_undetected_for_long_gets_a_new_id():
    tracker, box, shown = Tracker(), np.array([[0, 0, 9, 9]], np.float32), np.array([[1.0]])
    ids = [tracker.update(box, shown, seconds)[0][0] for seconds in (0.0, 0.9, 1.9, 2.91)]
    assert ids == [1, 1, 1, 2]


def test_the_largest_overlap_is_matched_first():
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10]], np.float32)
    tracker = Tracker()
    tracker.update(boxes, np.ones((2, 1)), 0.0)
    shifted = tracker.update(boxes[::-1] + np.float32([1, 0, 1, 0]), np.ones((2, 1)), 0.1)
    assert [number for number, _ in shifted] == [2, 1]
    assert iou(boxes, boxes)[0] == pytest.approx([1.0, 60 / 140])


def test_smoothing_depends_on_time_and_not_on_the_number_of_frames():
    box, before, after = np.array([[0, 0, 9, 9]], np.float32), np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    ends = []
    for num_frames in (1, 10):
        tracker = Tracker()
        tracker.update(box, before, 0.0)
        for k in range(1, num_frames + 1):
            [(_, smoothed)] = tracker.update(box, after, 0.3 * k / num_frames)
        ends.append(smoothed)
    assert ends[0] == pytest.approx([np.exp(-1), 1 - np.exp(-1)])
    assert ends[1] == pytest.approx(ends[0])


def test_weights_are_verified_by_their_hash(tmp_path):
    path = tmp_path / "yunet.onnx"
    with pytest.raises(
        ModelError, match=r"^\S+ is not readable \(No such file or directory\): name the detector's ONNX"
    ):
        YuNet(path, longest=320)
    path.write_bytes(b"other")
    with pytest.raises(ModelError, match=r"^\S+yunet.onnx has sha256 d9298a10\w+, expected 8f23\w+ or ebaf\w+: fetch "):
        YuNet(path, longest=320)
    assert read_weights(path, ["d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"]) == b"other"


def test_boxes_of_yunet_are_in_pixels_of_the_image(tmp_path, monkeypatch):
    """Through OpenCV's own decoding, with a network that detects white cells."""
    path = tmp_path / "yunet.onnx"
    path.write_bytes(yunet_like())
    monkeypatch.setattr("emopipe.vision.yunet.DIGESTS", {hashlib.sha256(path.read_bytes()).hexdigest(): "it"})
    detector = YuNet(path, longest=320)
    picture = np.zeros((480, 640, 3), np.uint8)
    assert len(detector.detect(picture)) == 0
    picture[96:112, 160:176] = picture[400:416, 16:32] = 255  # cells of 8 pixels when shrunk to half
    found = detector.detect(picture)
    assert sorted(found.boxes.tolist()) == [[0, 392, 48, 424], [144, 88, 192, 120]], "the first is cut at the edge"
    assert found.scores == pytest.approx([1, 1])


def test_a_folder_that_is_no_model_is_one_line(tmp_path):
    with pytest.raises(
        ModelError, match=r"^\S+ holds no exported model: name one with --model, or run `dvc repro export`$"
    ):
        open_model(str(tmp_path))
