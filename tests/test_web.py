"""The server of the page, its files, and the download of the browser runtime."""

import hashlib
import http.client
import re
import sys
import tarfile
import threading
from contextlib import closing
from pathlib import Path

import pytest

from emopipe.core.errors import ModelError, WorkspaceError
from emopipe.inference.web import site
from emopipe.inference.web.server import PageServer
from projects import ROOT, run

sys.path.insert(0, str(ROOT / "tools"))
import web_runtime

PAGE = ROOT / "src" / "emopipe" / "inference" / "web" / "page"


@pytest.fixture(scope="module")
def runtime(tmp_path_factory):
    """A folder with the runtime's names, so that these tests need neither npm nor a network."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in site.RUNTIME_FILES:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.fixture(scope="module")
def server(bundle, runtime):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "RUNTIME", runtime)
        files = site.build_site(bundle, longest=320, uncertain_below=0.4)
    with PageServer(files, port=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server, path, method="GET", **headers):
    """Status, headers and body; the path is sent unchanged."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)) as connection:
        connection.putrequest(method, path, skip_host=True)
        for name, value in ({"Host": f"localhost:{server.server_port}"} | headers).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/theme.css", "text/css; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/settings.json", "application/json"),
        ("/runtime/ort.wasm.bundle.min.mjs", "text/javascript; charset=utf-8"),
        ("/runtime/ort-wasm-simd-threaded.wasm", "application/wasm"),
        ("/models/detector.onnx", "application/octet-stream"),
        ("/models/classifier.onnx?again", "application/octet-stream"),
    ],
)
def test_files_come_with_their_type(server, path, kind):
    status, headers, body = ask(server, path)
    assert (status, headers["Content-Type"], headers["X-Content-Type-Options"]) == (200, kind, "nosniff")
    assert int(headers["Content-Length"]) == len(body) > 0


def test_the_page_may_load_from_its_own_server_alone_and_the_worker_may_connect_to_nothing(server):
    page, worker = (ask(server, path)[1]["Content-Security-Policy"] for path in ("/", "/worker.js"))
    assert page.startswith("default-src 'none'; script-src 'self'; ")
    assert worker == "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
    sources = re.findall(r"'unsafe-\w+'|https?:|\*|data:", page + worker)
    assert sources == []


@pytest.mark.parametrize(
    "path",
    [
        "/../site.py",
        "/..%2fsite.py",
        "/%2e%2e/server.py",
        "/runtime/../../site.py",
        "//etc/passwd",
        "/page/app.js",
        "/app.js/",
        "/app.js%00",
        "/.",
        "/models/",
        "app.js",
        "*",
    ],
)
def test_no_other_file_is_served(server, path):
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(server, method):
    status, headers, body = ask(server, "/app.js", method)
    assert (status, headers["Allow"], body) == (405, "GET", b"")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "["])
def test_a_foreign_name_for_this_machine_is_refused(server, host):
    assert ask(server, "/", Host=host)[0] == 421


def test_the_server_listens_on_loopback_alone(server):
    assert server.socket.getsockname()[0] == "127.0.0.1"
    assert server.address == f"http://localhost:{server.server_port}/"


@pytest.mark.parametrize(("error", "reported"), [(ConnectionResetError(), False), (ValueError(), True)])
def test_a_browser_that_disconnects_is_not_an_error(server, capsys, error, reported):
    try:
        raise error
    except Exception:  # noqa: BLE001 (the server handles what is in flight)
        server.handle_error(None, ("127.0.0.1", 1))
    assert ("Traceback" in capsys.readouterr().err) == reported


def test_a_port_that_is_taken_is_one_line(server):
    with pytest.raises(WorkspaceError) as raised:
        PageServer({}, port=server.server_port)
    line = f"port {server.server_port} is not free (Address already in use): change --port"
    assert str(raised.value) == line


def test_a_missing_runtime_is_one_line(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(site, "RUNTIME", tmp_path)
    with pytest.raises(WorkspaceError) as raised:
        site.build_site(bundle, longest=320, uncertain_below=0.4)
    line = "the browser runtime has not been downloaded: run `make web` once"
    assert str(raised.value) == line


def test_a_folder_without_a_model_is_one_line(tmp_path):
    done = run(tmp_path, "emopipe", "web", "--model", "none", PYTHONPATH=str(ROOT / "src"))
    line = "emopipe: none holds no exported model: name one with --model, or run `dvc repro export`\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", line)
    with pytest.raises(ModelError):
        site.build_site(tmp_path, longest=320, uncertain_below=0.4)


def test_all_files_that_the_page_loads_are_served_and_none_is_elsewhere(server):
    """Imports, links and scripts of every file, so that none is forgotten and none comes from another host."""
    named = re.compile(r"""(?:from|import|src=|href=|new URL\()\s*"(?!#)([^"]+)\"""")
    for path in sorted(PAGE.iterdir()):
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"(?:https?:)?//[\w-]+\.\w+", text) == []
        for name in named.findall(text):
            assert ask(server, f"/{name.removeprefix('./')}")[0] == 200, f"{path.name} names {name}"


def test_an_archive_with_another_hash_is_not_unpacked(tmp_path):
    archive = tmp_path / "package.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in site.RUNTIME_FILES:
            (tmp_path / name).write_bytes(name.encode())
            tar.add(tmp_path / name, f"package/dist/{name}")
        tar.add(__file__, "package/dist/other.js")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert web_runtime.unpack(archive, digest) == {name: name.encode() for name in site.RUNTIME_FILES}
    with pytest.raises(SystemExit) as raised:
        web_runtime.unpack(archive, "0" * 64)
    line = f"web runtime: {web_runtime.PACKAGE} has sha256 {digest}, expected {'0' * 64}: nothing was unpacked"
    assert raised.value.code == line


def test_without_npm_the_download_ends_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as raised:
        web_runtime.download(Path(tmp_path))
    assert raised.value.code == "web runtime: npm is not installed: install Node.js, which includes it"
