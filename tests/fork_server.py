"""Python processes that start at once: one server imports the heavy libraries, and forks for each command.

`commands()` is a folder with `python`, `dvc` and `emopipe`, for the front of PATH. Each hands its arguments,
environment, working folder and standard streams to a fork of the server, and ends with its status. The project's own
modules are imported by the fork, so that each project runs its own code.
"""

import atexit
import gc
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from filelock import FileLock

FOLDER = "EMOPIPE_TEST_COMMANDS"
"""Environment variable that names the folder of the session."""
UNUSED = "EMOPIPE_TEST_UNFORKED"
"""Environment variable: true processes, for a session whose few commands are not worth the start of a server."""
CHILDREN = "EMOPIPE_TEST_FORK_CHILDREN"
"""Environment variable: processes that a command starts by `sys.executable` are forks as well."""
LIBRARIES = (
    *(
        "cv2",
        "faiss",
        "git",
        "jinja2.ext",
        "networkx",
        "pandas",
        "psutil",
        "pydantic.dataclasses",
        "rich.table",
        "typer",
    ),
    *("PIL.BmpImagePlugin", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.PpmImagePlugin"),
    *("cleanlab.filter", "imblearn.over_sampling", "pyarrow.dataset", "pyarrow.pandas_compat", "scipy.stats"),
    *("sklearn.gaussian_process", "sklearn.linear_model", "sklearn.model_selection"),
    *("great_expectations", "matplotlib.backends.backend_agg", "matplotlib.pyplot"),
    *("onnx", "onnxruntime.quantization", "onnxscript.function_libs.torch_lib.ops"),
    *(
        "functorch.compile",
        "safetensors.torch",
        "sympy.combinatorics",
        "timm",
        "torch.onnx",
        "torchvision.transforms.v2",
    ),
    *("mlflow.pyfunc", "mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store"),
    *(
        "alembic.command",
        "configobj",
        "dulwich.porcelain",
        "dulwich.worktree",
        "dvc.api",
        "dvc.cachemgr",
        "dvc.cli.parser",
    ),
    *("dvc.data_cloud", "dvc.dirs", "dvc.fs.data", "dvc.repo", "dvc_data.index", "dvc_render.vega", "pygit2"),
)
ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "WARNING", "MPLBACKEND": "agg"}
"""Variables that libraries read when they are imported."""
MODULES = {"dvc": "dvc.cli:main", "emopipe": "emopipe.cli.app:main"}
NAMES = ("python", *MODULES)

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
if name == "python" and (not words or (words[0][0] == "-" and words[0] not in ("-c", "-m"))):
    os.execv("{python}", ["{python}", *words])
request = json.dumps([name, words, os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect("{address}")
    socket.send_fds(server, [len(request).to_bytes(4, "big")], [0, 1, 2])
    server.sendall(request)
    pid = int.from_bytes(server.recv(4), "big")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    status = server.recv(1)
sys.exit(status[0] if status else 137)
"""


def commands() -> Path:
    """The folder of the commands; the first call of a session starts the server."""
    folder = Path(os.environ[FOLDER])
    with FileLock(folder / "lock"):
        if not (folder / "bin").exists():
            variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ENVIRONMENT
            with (folder / "log").open("w") as log:
                command = [sys.executable, __file__, str(folder / "socket")]
                done = subprocess.run(command, env=variables, stdout=log, stderr=log, check=False)
            assert done.returncode == 0, (folder / "log").read_text()
            _write_clients(folder / "bin", folder / "socket")
    return folder / "bin"


def _write_clients(folder: Path, address: Path) -> None:
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_text(CLIENT.format(python=sys.executable, address=address))
        (folder / name).chmod(0o755)


def serve(address: Path) -> None:
    """Import, then answer requests in the background until the socket is removed."""
    for name in LIBRARIES:
        import_module(name)
    gc.collect()
    gc.freeze()  # forks share what is not written to
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))
        server.listen(64)
        server.settimeout(1)
        if os.fork():
            os._exit(0)  # it is ready
        os.setsid()
        while address.exists():
            _reap()
            try:
                connection, _ = server.accept()
            except TimeoutError:
                continue
            if os.fork() == 0:
                server.close()
                _run(connection)
            connection.close()
    os._exit(0)  # libraries would wait at exit for threads that the fork does not have


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _run(connection: socket.socket) -> None:
    """In a fork: become the process that was asked for, and end."""
    connection.settimeout(None)
    size, streams, _, _ = socket.recv_fds(connection, 4, 3)
    request = b""
    while len(request) < int.from_bytes(size, "big"):
        request += connection.recv(65536)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    connection.sendall(os.getpid().to_bytes(4, "big"))
    name, words, folder, environment = json.loads(request)
    os.chdir(folder)
    for variable in set(os.environ) - set(environment):
        del os.environ[variable]
    os.environ.update(environment)
    if CHILDREN in environment:
        sys.executable = str(Path(environment[FOLDER]) / "bin" / "python")
    status = 1
    try:
        status = _call(name, words)
    except SystemExit as end:
        status = _status(end.code)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    connection.sendall(bytes([status & 255]))
    os._exit(status & 255)


def _call(name: str, words: list[str]) -> int:
    own = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = own + sys.path[1:]
    _forget_own_modules()
    if name in MODULES:
        module, _, function = MODULES[name].partition(":")
        sys.argv = [name, *words]
        return _status(getattr(import_module(module), function)())
    kind, *sys.argv = words if words[0] in ("-c", "-m") else (None, *words)
    if kind == "-c":
        code, sys.argv[0] = sys.argv[0], "-c"
        sys.path.insert(0, "")
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    elif kind == "-m":
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(sys.argv[0]).resolve().parent))
        runpy.run_path(sys.argv[0], run_name="__main__")
    return 0


def _forget_own_modules() -> None:
    """MLflow has imported some by their entry point, from the folder of another project."""
    from mlflow.data.dataset_source_registry import _dataset_source_registry as registry

    for name in [name for name in sys.modules if name.split(".")[0] == "emopipe"]:
        del sys.modules[name]
    registry.sources = [source for source in registry.sources if not source.__module__.startswith("emopipe.")]
    registry.register_entrypoints()


def _status(code: object) -> int:
    if isinstance(code, str):
        print(code, file=sys.stderr)
        return 1
    return int(code or 0)  # type: ignore[call-overload]


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
