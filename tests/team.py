"""The servers of docs/team.md for a test: PostgreSQL on a socket, MLflow and storage that speaks S3 on loopback."""

import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mlflow_server import PATIENCE, MlflowServer
from projects import ROOT

DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # not on the path there
BINARIES = os.pathsep.join([os.environ["PATH"], *(str(folder) for folder in reversed(DEBIAN))])
MODULES = ("psycopg", "flask_wtf", "dvc_s3", "moto")
OWNER = "postgres" if os.getuid() == 0 else None
"""The user that PostgreSQL runs as, which refuses to run as root; None for the one that runs the tests."""
ADMIN = ("admin", "a-password-of-the-test")
SOCKET, BUCKET = "/var/run/postgresql", "emopipe"
KEYS = {"AWS_ACCESS_KEY_ID": "key-of-the-test", "AWS_SECRET_ACCESS_KEY": "secret-of-the-test"}


def lacking() -> str:
    """What is missing to start the servers; empty if nothing is."""
    if not shutil.which("initdb", path=BINARIES):
        return "PostgreSQL is not installed: apt install postgresql"
    if OWNER and OWNER not in {user.pw_name for user in pwd.getpwall()}:
        return f"PostgreSQL does not run as root, and there is no user {OWNER}"
    missing = [name for name in MODULES if not find_spec(name)]
    return f"not installed: {', '.join(missing)}; `make setup` installs them" if missing else ""


@dataclass(frozen=True)
class Team:
    """The running servers."""

    server: MlflowServer
    storage: str
    """Address of the storage."""

    def variables(self, user: tuple[str, str] = ADMIN) -> dict[str, str]:
        """Environment variables of a user of the server."""
        name, password = user
        return {
            "MLFLOW_TRACKING_URI": self.server.address,
            "MLFLOW_TRACKING_USERNAME": name,
            "MLFLOW_TRACKING_PASSWORD": password,
            "MLFLOW_HTTP_REQUEST_TIMEOUT": str(PATIENCE),
        }

    def objects(self, prefix: str) -> list[str]:
        """Keys in the bucket."""
        pages = _client(self.storage).get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


@contextmanager
def running_team(root: Path) -> Iterator[Team]:
    """All servers, set up by docs/team.md; logs and settings in the folder `root`."""
    with _postgres() as socket, _storage() as storage:
        settings = root / "auth.ini"
        settings.write_text(documented("[mlflow]").replace(SOCKET, socket))
        command = shlex.split(documented("mlflow server").replace(SOCKET, socket).replace("\\\n", ""))
        server = MlflowServer(
            root,
            *command,
            MLFLOW_AUTH_CONFIG_PATH=str(settings),
            MLFLOW_AUTH_ADMIN_PASSWORD=ADMIN[1],
            MLFLOW_FLASK_SERVER_SECRET_KEY="key",
            MLFLOW_S3_ENDPOINT_URL=storage,
            AWS_DEFAULT_REGION="us-east-1",
            **KEYS,
        )
        try:
            server.start()
            yield Team(server, storage)
        finally:
            server.stop()


def documented(start: str) -> str:
    """The code block in docs/team.md with this start."""
    text = (ROOT / "docs" / "team.md").read_text(encoding="utf-8")
    (found,) = [
        code for code in re.findall(r"^```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if code.startswith(start)
    ]
    return found


@contextmanager
def _postgres() -> Iterator[str]:
    """The folder of its socket; the user of the tests owns both data bases."""
    with tempfile.TemporaryDirectory(prefix="emopipe-") as folder:  # pytest's own folder is private
        if OWNER:
            shutil.chown(folder, OWNER)
        data, user = f"{folder}/data", pwd.getpwuid(os.getuid()).pw_name
        _as_owner("initdb", "--pgdata", data, "--auth=peer", "--encoding=UTF8", "--no-sync")
        options = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", folder]
        process = subprocess.Popen([_binary("postgres"), "-D", data, *options], stderr=subprocess.DEVNULL, user=OWNER)
        try:
            until = time.monotonic() + PATIENCE
            while subprocess.run([_binary("pg_isready"), "--quiet", "--host", folder], check=False).returncode:
                assert process.poll() is None and time.monotonic() < until, "PostgreSQL does not start"
                time.sleep(0.1)
            if OWNER:
                _as_owner("createuser", "--host", folder, user)
            for name in ("mlflow", "mlflow_auth"):
                _as_owner("createdb", "--host", folder, "--owner", user, name)
            yield folder
        finally:
            process.send_signal(signal.SIGINT)  # does not wait for open connections
            process.wait()


def _as_owner(name: str, *options: str) -> None:
    subprocess.run([_binary(name), *options], user=OWNER, cwd="/", check=True, stdout=subprocess.DEVNULL)


def _binary(name: str) -> str:
    found = shutil.which(name, path=BINARIES)
    assert found is not None, f"PostgreSQL comes without {name}"
    return found


@contextmanager
def _storage() -> Iterator[str]:
    """The address of a server with an empty bucket."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        _client(address).create_bucket(Bucket=BUCKET)
        yield address
    finally:
        server.stop()


def _client(address: str):
    import boto3

    key, secret = KEYS.values()
    return boto3.client(
        "s3", endpoint_url=address, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
    )
