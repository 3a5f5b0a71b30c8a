"""Download the browser runtime for `emopipe web`: two files of the npm package onnxruntime-web, pinned by sha256.

`npm pack` downloads the archive only: it installs no dependency and runs no script.
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from emopipe.core.files import write_folder
from emopipe.inference.web.site import RUNTIME, RUNTIME_FILES

PACKAGE = "onnxruntime-web@1.30.0"
SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"


def main() -> None:
    """Download, verify and unpack; an expected failure ends in one line and status 1."""
    if all((RUNTIME / name).exists() for name in RUNTIME_FILES):
        return
    with tempfile.TemporaryDirectory() as folder:
        write_folder(RUNTIME, unpack(download(Path(folder)), SHA256))
    print(f"{RUNTIME}: {PACKAGE}")


def download(folder: Path) -> Path:
    """The archive of the package, in `folder`."""
    command = ["npm", "pack", PACKAGE, "--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    try:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    except FileNotFoundError:
        sys.exit("web runtime: npm is not installed: install Node.js, which includes it")
    except subprocess.CalledProcessError as error:
        sys.exit(f"web runtime: `npm pack {PACKAGE}` failed with status {error.returncode}: is there a network?")
    return next(folder.glob("*.tgz"))


def unpack(archive: Path, sha256: str) -> dict[str, bytes]:
    """The files `RUNTIME_FILES` of an archive with this sha256."""
    content = archive.read_bytes()
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        sys.exit(f"web runtime: {PACKAGE} has sha256 {got}, expected {sha256}: nothing was unpacked")
    files = {}
    with tarfile.open(archive) as tar:
        for name in RUNTIME_FILES:
            member = tar.extractfile(f"package/dist/{name}")
            assert member is not None
            files[name] = member.read()
    return files


if __name__ == "__main__":
    main()
