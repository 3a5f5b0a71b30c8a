"""`emopipe serve`, in a process of its own on loopback."""

import io
import re
import signal
import statistics
import struct
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
import pytest
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from emopipe.core.errors import ModelError
from emopipe.inference.model import open_model
from mutants import MUTATIONS, damaged_pictures, damaged_requests
from projects import ROOT, run
from scenes import CLASSES, scene
from service import serving

PLACES = ((60, 90), (300, 60), (480, 300))


def encoded(pixels, form="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


SCENE = encoded(scene(*PLACES))
FACE = encoded(np.full((30, 20), 250, np.uint8))


@pytest.fixture(scope="module")
def service(bundle):
    with serving(bundle, max_bytes=2_000_000) as running:
        yield running


def test_an_image_gets_the_faces_that_the_recogniser_finds(service, recogniser):
    expected = recogniser.recognise(scene(*PLACES))
    reply = service.predict(SCENE)
    assert reply.status == 200
    assert (reply.json["width"], reply.json["height"], len(reply.json["faces"])) == (640, 480, 3)
    for face, other in zip(reply.json["faces"], expected, strict=True):
        assert face["box"] == pytest.approx(other.box, abs=0.06)
        assert face["label"] == other.label
        assert list(face["probabilities"]) == list(CLASSES)
        assert list(face["probabilities"].values()) == pytest.approx(other.probabilities.tolist(), abs=1e-5)


def test_an_image_without_a_face_gets_none(service):
    assert service.predict(encoded(scene())).json == {"width": 640, "height": 480, "faces": []}


def test_the_served_model_is_opened_by_the_address_of_the_service(service, bundle):
    address = f"http://127.0.0.1:{service.port}"
    fetched, here = open_model(address + "/"), open_model(str(bundle))
    picture = np.full((1, 30, 20, 1), 250, np.uint8)
    assert fetched.classes == here.classes
    assert fetched.predict(picture).tolist() == here.predict(picture).tolist()
    assert service.ask("GET", "/model/MODEL_CARD.md").json == {"detail": "expected model.json or model.onnx"}
    url = re.escape(address)
    with pytest.raises(ModelError, match=rf"^{url}/docs/model/model.json returns 404: expected the address of an `emo"):
        open_model(f"{address}/docs")


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "http://[", "https://127.0.0.1:1"])
def test_an_unreachable_server_is_one_line(address):
    with pytest.raises(
        ModelError, match=rf"^{re.escape(address)}/model/model.json cannot be downloaded \(.*\): is `emopipe"
    ):
        open_model(address)


def test_a_crop_is_classified_whole(service):
    (face,) = service.predict(FACE, crops=True).json["faces"]
    assert (face["box"], face["score"], face["label"]) == ([0.0, 0.0, 20.0, 30.0], 1.0, "bright")


def png_header(width: int, height: int) -> bytes:
    """The header of a PNG of that size, without pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return head + struct.pack(">I", 10) + b"IDAT"


@pytest.mark.parametrize(
    ("picture", "status", "detail"),
    [
        (png_header(5001, 5000), 413, "5001x5000 pixels are more than the limit of 25000000"),
        (png_header(5000, 5000), 400, "the bytes do not decode as an image"),
        (png_header(60000, 60000), 413, "more pixels than the limit of 25000000"),
        (SCENE[:-2000], 400, "the bytes do not decode as an image"),
        (b"GIF89a", 400, "the bytes do not decode as an image"),
        (b"", 400, "the request has no body: expected the bytes of an image"),
        (b"\xff\xd8" + b"\xff\xda" * 101, 400, "101 scans in a JPEG are more than the limit of 100"),
        (b"x" * 2_000_001, 413, "expected at most 2000000 bytes, got 2000001"),
    ],
)
def test_an_upload_that_is_refused_gets_one_line(service, picture, status, detail):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(
        picture
    )
    answer = service.send(head, picture if len(picture) <= 2_000_000 else b"")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.endswith(b'{"detail":"%s"}' % detail.encode())


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "detail"),
    [
        (
            "POST",
            "/predict",
            {"Content_Type": "text/css"},
            415,
            "expected an image (image/jpeg, image/png, image/webp, image/bmp, application/octet-stream) or a form "
            "(multipart/form-data), got text/css",
        ),
        (
            "POST",
            "/predict?crops=maybe",
            {},
            422,
            "query.crops: Input should be a valid boolean, unable to interpret input",
        ),
        ("GET", "/predict", {}, 405, "Method Not Allowed"),
        ("GET", "/nowhere", {}, 404, "Not Found"),
    ],
)
def test_a_wrong_request_gets_one_line(service, method, path, headers, status, detail):
    reply = service.ask(method, path, FACE if method == "POST" else None, **headers)
    assert (reply.status, reply.json) == (status, {"detail": detail})


def test_an_upload_that_declares_too_many_bytes_is_refused_unread(service):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000001\r\n\r\n"
    answer = service.send(head)  # returns because the service closes the connection
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'{"detail":"expected at most 2000000 bytes, got 2000001"}' in answer


def test_an_upload_that_grows_too_large_is_refused_during_the_upload(service):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = service.send(head, b"%x\r\n" % 2_000_000 + bytes(2_000_000), b"\r\n1\r\nx")
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"expected at most 2000000 bytes, got more than 2000000" in answer


def form(*parts: tuple[str, bytes]) -> bytes:
    """The body of a form with the boundary `xyz`; a part: the parameters of its Content-Disposition, and its value."""
    shown = (
        b"--xyz\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head.encode(), value) for head, value in parts
    )
    return b"".join(shown) + b"--xyz--\r\n"


def post_form(service, body, boundary="; boundary=xyz"):
    return service.ask("POST", "/predict?crops=true", body, Content_Type="multipart/form-data" + boundary)


NO_FILE = "the form has no file: expected one, as `curl -F image=@face.jpg` sends it"
PICTURE = ('name="image"; filename="face.png"', FACE)


@pytest.mark.parametrize("parts", [[PICTURE], [('name="user"', b"anna"), ('name="x"; filename=""', FACE)]])
def test_the_file_of_a_form_is_the_image(service, parts):
    reply = post_form(service, form(*parts))
    assert (reply.status, reply.json) == (200, service.predict(FACE, crops=True).json)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            form(('name="image"', b"face.png")),
            NO_FILE,
        ),
        (b"", NO_FILE),
        (form(('name="image"; filename="a"', b"")), "the file in the form is empty: expected the bytes of an image"),
        (form(PICTURE, PICTURE), "the form cannot be read (Too many files. Maximum number of files is 1)"),
        (form(PICTURE, ('name="text"', bytes(2000))), "the form cannot be read (Part exceeded maximum size of 1KB)"),
        (
            form(('filename="a"', FACE)),
            'the form cannot be read (The Content-Disposition header field "name" must be provided)',
        ),
        (form(PICTURE)[:-20], NO_FILE),
        (b"no form", "the form cannot be read (Invalid multipart data)"),
        (form(('name="image"; filename="a"', b"text")), "the bytes do not decode as an image"),
    ],
)
def test_a_form_without_one_image_gets_one_line(service, body, detail):
    reply = post_form(service, body)
    assert (reply.status, reply.json) == (400, {"detail": detail})
    assert post_form(service, form(PICTURE)).status == 200


def test_a_form_without_a_boundary_gets_one_line(service):
    reply = post_form(service, form(PICTURE), boundary="")
    assert (reply.status, reply.json) == (400, {"detail": "the form cannot be read (Missing boundary in multipart)"})


def test_a_form_that_grows_too_large_is_refused_during_the_upload(service):
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=xyz\r\n"
    start = form(('name="image"; filename="a"', b""))[:-11]
    parts = start + bytes(2_000_001 - len(start))
    answer = service.send(head + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n" % len(parts) + parts)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"expected at most 2000000 bytes, got more than 2000000" in answer


def test_foreign_host_names_are_refused_against_dns_rebinding(service):
    assert service.ask("GET", "/health", Host="rebound.example").status == 400
    for name in ("127.0.0.1", "localhost"):
        assert service.ask("GET", "/health", Host=f"{name}:{service.port}").status == 200


@pytest.mark.slow
def test_slow_senders_are_cut_off(bundle):
    with serving(bundle, upload_timeout=0.5) as slow:
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n"
        assert slow.send(b"") == b"", "nothing is sent"
        assert slow.send(head) == b"", "the head has no end"
        answer = slow.send(head + b"\r\n", b"the body has no end")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert answer.endswith(b'{"detail":"the upload took longer than 0.5 seconds: send it faster, or smaller"}')
        assert slow.ask("GET", "/health").json["in_work"] == 0


def test_the_health_names_the_classes(service):
    assert service.ask("GET", "/health").json == {"status": "ok", "classes": list(CLASSES), "in_work": 0}


METRICS = {
    "emopipe_requests": "counter",
    "emopipe_faces": "counter",
    "emopipe_requests_in_work": "gauge",
    "emopipe_request_seconds": "histogram",
    "emopipe_batch_size": "histogram",
}


def test_the_metrics_are_prometheus_text_and_count_requests_and_faces(service):
    service.predict(SCENE)
    before = (
        service.metric('emopipe_requests_total{route="/predict",status="200"}'),
        service.metric("emopipe_faces_total"),
    )
    service.predict(SCENE)
    for path in ("/nowhere", "/another"):
        service.ask("GET", path)
    reply = service.ask("GET", "/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(reply.body.decode())}
    assert {name: family.type for name, family in families.items()} == METRICS
    after = (
        service.metric('emopipe_requests_total{route="/predict",status="200"}'),
        service.metric("emopipe_faces_total"),
    )
    assert (after[0] - before[0], after[1] - before[1]) == (1, 3)
    assert service.metric('emopipe_requests_total{route="other",status="404"}') >= 2
    assert b"nowhere" not in reply.body
    samples = families["emopipe_request_seconds"].samples
    buckets = [sample.value for sample in samples if sample.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == next(sample.value for sample in samples if sample.name.endswith("_count"))


def test_the_documentation_page_loads_nothing(service):
    page = service.ask("GET", "/docs")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert re.findall(rb'(?:src|href|url)\s*[=(]\s*["\']?([^"\'>\s)]+)', page.body) == [b"/openapi.json"]
    assert b"<script" not in page.body
    assert b"POST /predict" in page.body
    schema = service.ask("GET", "/openapi.json").json
    assert set(schema["paths"]) == {"/predict", "/health", "/metrics", "/model/{name}"}
    answers = schema["paths"]["/predict"]["post"]["responses"]
    assert set(answers) == {"200", "400", "408", "413", "415", "422", "503"}


@pytest.mark.slow
def test_concurrent_requests_form_batches(service):
    batches, pictures = service.metric("emopipe_batch_size_count"), service.metric("emopipe_batch_size_sum")
    with ThreadPoolExecutor(16) as clients:
        replies = list(clients.map(service.predict, [SCENE] * 48))
    assert [reply.status for reply in replies] == [200] * 48
    assert all(reply.json == replies[0].json for reply in replies)
    assert service.metric("emopipe_batch_size_sum") - pictures == 48
    assert service.metric("emopipe_batch_size_count") - batches < 40


@pytest.mark.slow
def test_under_overload_all_statuses_are_200_or_503_and_health_stays_fast(bundle):
    with serving(bundle, max_requests=4) as busy, ThreadPoolExecutor(41) as clients:
        end = time.monotonic() + 3

        def send_requests(_):
            replies = []
            while time.monotonic() < end:
                replies.append(busy.predict(SCENE))
            return replies

        def poll_health():
            times = []
            while time.monotonic() < end:
                start = time.perf_counter()
                assert busy.ask("GET", "/health").status == 200
                times.append(time.perf_counter() - start)
            return times

        health = clients.submit(poll_health)
        replies = [reply for some in clients.map(send_requests, range(40)) for reply in some]
        assert {reply.status for reply in replies} == {200, 503}
        assert {reply.headers.get("retry-after") for reply in replies if reply.status == 503} == {"1"}
        details = {reply.json["detail"] for reply in replies if reply.status == 503}
        assert details == {"4 requests are in progress: retry later"}
        assert statistics.median(health.result()) < 1
        assert busy.predict(SCENE).status == 200
        assert busy.metric("emopipe_requests_in_work") == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_signal_finishes_the_requests_in_progress(bundle, number):
    with serving(bundle) as ending, ThreadPoolExecutor(8) as clients:
        asked = [clients.submit(ending.predict, SCENE) for _ in range(8)]
        while ending.ask("GET", "/health").json["in_work"] < 8 and not all(one.done() for one in asked):
            pass
        assert ending.stop(number) == (0, "")
        assert [one.result().status for one in asked] == [200] * 8


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_line(bundle, service):
    done = run(ROOT, "emopipe", "serve", "--model", str(bundle), "--port", str(service.port))
    assert done.returncode == 1
    assert done.stderr == (
        f"emopipe: cannot listen on 127.0.0.1:{service.port} (Address already in use): change --host or --port\n"
    )


@pytest.mark.slow
def test_the_python_in_the_docs_works(service, tmp_path):
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)[1].replace(":8000", f":{service.port}")
    (tmp_path / "face.png").write_bytes(FACE)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("bright {'dark': ")


def check_fuzz(service, seed, number):
    """`number` damaged pictures and as many damaged requests: statuses are below 500, and the service keeps running."""
    statuses = set()
    with ThreadPoolExecutor(16) as clients:
        for reply in clients.map(lambda picture: service.predict(picture, crops=True), damaged_pictures(seed, number)):
            statuses.add(reply.status)
        for reply in clients.map(service.predict, islice(damaged_pictures(seed + 1, number), number // 10)):
            statuses.add(reply.status)
        heads = clients.map(lambda request: service.send(request)[:12], damaged_requests(seed, number))
        statuses |= {int(head[9:12]) for head in heads if head.startswith(b"HTTP/1.1 ")}
    assert {200, 400, 413} <= statuses
    assert max(statuses - {503}) < 500
    assert service.predict(SCENE).json["faces"]
    assert service.metric("emopipe_requests_in_work") == 0


@pytest.mark.slow
def test_damaged_pictures_and_requests_neither_crash_nor_hang_it(bundle):
    with serving(bundle, upload_timeout=1.0, max_requests=64) as attacked:
        check_fuzz(attacked, seed=0, number=MUTATIONS // 2)
        assert attacked.stop() == (0, "")
