"""The parts of the service, without a network."""

import asyncio
import io
import json
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from emopipe.core.errors import DataError, ModelError, TooManyPixels
from emopipe.inference.http.app import make_app
from emopipe.inference.http.batching import Batcher
from emopipe.inference.http.limits import Limits
from emopipe.inference.http.metrics import Metrics
from emopipe.inference.http.predictor import Predictor, Upload
from emopipe.inference.http.server import _listen
from emopipe.inference.recogniser import MAX_BATCH_PIXELS
from scenes import CLASSES, scene


def upload(pixels, *, is_face):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Upload(content=file.getvalue(), is_face=is_face)


def flat(level, side):
    return upload(np.full((side, side), level, np.uint8), is_face=True)


@pytest.mark.slow
def test_predictions_keep_the_order_of_the_uploads_whatever_their_kinds_and_sizes(recogniser):
    uploads = [
        flat(250, 30),
        upload(scene((60, 90), (300, 60)), is_face=False),
        Upload(content=b"rubbish", is_face=True),
        flat(0, 20),
        flat(128, 30),
    ]
    first, second, third, fourth, fifth = Predictor(recogniser, Limits()).predict(uploads)
    assert isinstance(third, DataError)
    assert [prediction.faces[0].label for prediction in (first, fourth, fifth)] == ["bright", "dark", "medium"]
    faces = recogniser.recognise(scene((60, 90), (300, 60)))
    assert [face.box for face in second.faces] == [pytest.approx(face.box, abs=0.06) for face in faces]


def test_a_long_thin_face_is_refused(recogniser):
    picture = np.full((1, 8193, 3), 128, np.uint8)
    long, short = Predictor(recogniser, Limits()).predict([upload(picture, is_face=True), flat(0, 20)])
    assert isinstance(long, TooManyPixels) and "8193" in str(long)
    assert short.faces[0].label == "dark"


def test_an_image_that_the_model_fails_on_fails_no_other(recogniser, monkeypatch):
    predict = recogniser._bundle.predict

    def fail_on_large(images):
        if images.shape[1] > 25:
            raise ModelError("the exported model does not run")
        return predict(images)

    monkeypatch.setattr(recogniser._bundle, "predict", fail_on_large)
    first, second, third = Predictor(recogniser, Limits()).predict([flat(0, 20), flat(250, 30), flat(128, 20)])
    assert [first.faces[0].label, third.faces[0].label] == ["dark", "medium"]
    assert isinstance(second, DataError)


def test_large_crops_form_smaller_batches(recogniser, monkeypatch):
    sizes, bundle = [], recogniser._bundle
    predict = bundle.predict
    monkeypatch.setattr(bundle, "predict", lambda images: sizes.append(len(images)) or predict(images))
    side = int((MAX_BATCH_PIXELS / 2.5) ** 0.5)
    predictions = Predictor(recogniser, Limits()).predict([flat(level, side) for level in (0, 128, 250, 0, 128)])
    assert sizes == [2, 2, 1]
    labels = [prediction.faces[0].label for prediction in predictions]
    assert labels == ["dark", "medium", "bright", "dark", "medium"]


def batcher(process, sizes=None, max_batch=4):
    return Batcher(process, max_batch=max_batch, observe=(sizes if sizes is not None else []).append)


async def results(running, jobs):
    """Outcomes of `jobs`, submitted at once."""
    task = asyncio.create_task(running.run())
    try:
        return await asyncio.gather(*(running.submit(job) for job in jobs), return_exceptions=True)
    finally:
        task.cancel()


def test_waiting_jobs_are_processed_together():
    sizes = []
    doubled = asyncio.run(results(batcher(lambda jobs: [2 * job for job in jobs], sizes), range(10)))
    assert doubled == list(range(0, 20, 2))
    assert sizes == [4, 4, 2]


def test_an_exception_fails_its_batch_only():
    def work(jobs):
        if 3 in jobs:
            raise ValueError("three")
        return jobs

    outcomes = asyncio.run(results(batcher(work), range(8)))
    assert [str(one) for one in outcomes] == ["three"] * 4 + ["4", "5", "6", "7"]


def test_an_exception_as_a_result_is_raised_to_its_caller():
    outcomes = asyncio.run(
        results(batcher(lambda jobs: [DataError("two") if job == 2 else job for job in jobs]), range(4))
    )
    assert [str(one) for one in outcomes] == ["0", "1", "two", "3"]


def test_a_job_whose_caller_was_cancelled_is_skipped():
    begun, go, worked = threading.Event(), threading.Event(), []

    def work(jobs):
        begun.set()
        go.wait(60)
        worked.extend(jobs)
        return jobs

    async def leave():
        running = batcher(work)
        task = asyncio.create_task(running.run())
        first = asyncio.create_task(running.submit("first"))
        await asyncio.to_thread(begun.wait, 60)
        gone, kept = (asyncio.create_task(running.submit(job)) for job in ("gone", "kept"))
        await asyncio.sleep(0)
        gone.cancel()
        go.set()
        outcome = await first, await kept
        task.cancel()
        return outcome

    assert asyncio.run(leave()) == ("first", "kept")
    assert worked == ["first", "kept"]


class Failing:
    """A recogniser that is broken."""

    classes, channels = CLASSES, 1

    def classify(self, crops):
        raise RuntimeError("out of order")


async def post(app, body):
    """Status and body of the response of a started application."""
    sent, inbox = [], asyncio.Queue()

    async def send(message):
        sent.append(message)

    life = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, inbox.get, send))
    await inbox.put({"type": "lifespan.startup"})
    while not sent:
        await asyncio.sleep(0)

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "raw_path": b"/predict",
        "query_string": b"crops=true",
        "headers": [(b"host", b"localhost")],
        "http_version": "1.1",
        "scheme": "http",
        "state": {},
    }
    answer = []

    async def collect(message):
        answer.append(message)

    await app(scope, receive, collect)
    await inbox.put({"type": "lifespan.shutdown"})
    await life
    return answer[0]["status"], json.loads(b"".join(message.get("body", b"") for message in answer))


def test_an_unexpected_exception_is_logged_and_a_500(caplog):
    app = make_app(Failing(), Limits(), hosts=["*"])
    status, body = asyncio.run(post(app, flat(0, 9).content))
    assert (status, body) == (500, {"detail": "the service failed: see its log"})
    assert "out of order" in caplog.text


def test_a_request_that_waits_too_long_gets_503(recogniser, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(recogniser, "classify", lambda crops: gate.wait(60))
    limits = Limits(response_timeout=0.2)
    app = make_app(recogniser, limits, hosts=["*"])
    try:
        status, body = asyncio.run(post(app, flat(0, 9).content))
    finally:
        gate.set()
    assert (status, body) == (503, {"detail": "no response within 0.2 seconds: retry later"})


def test_each_application_has_metrics_of_its_own():
    first, second = Metrics(), Metrics()
    first.faces.inc(2)
    assert (b"emopipe_faces_total 2.0" in first.text(), b"emopipe_faces_total 0.0" in second.text()) == (True, True)


def test_responses_are_sent_at_once():
    """asyncio sets TCP_NODELAY only on sockets that name TCP."""
    with _listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP


@pytest.mark.slow
def test_the_service_imports_neither_torch_nor_mlflow_nor_pandas():
    code = (
        "import sys, emopipe.inference.http.server, emopipe.inference.model; "
        "print([m for m in ('torch', 'mlflow', 'dvc', 'pandas') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
