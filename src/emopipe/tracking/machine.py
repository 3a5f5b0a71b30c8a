"""What a training runs on: the process, the machine, the libraries, the memory."""

import platform
import resource
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

MEGABYTE = 2**20


def this_process() -> str:
    """A name that no other process has: machine, id and start."""
    process = psutil.Process()
    return f"{platform.node()}/{process.pid}/{process.create_time():.2f}"


def is_gone(name: str) -> bool:
    """Whether the process that `this_process` named has ended; one of another machine counts as alive."""
    machine, _, rest = name.rpartition("/")[0].rpartition("/")
    pid, started = int(rest), float(name.rpartition("/")[2])
    if machine != platform.node():
        return False
    try:
        return abs(psutil.Process(pid).create_time() - started) > 1
    except psutil.NoSuchProcess:
        return True


@cache
def describe_machine() -> dict[str, Any]:
    """Processor, memory, accelerator, system, Python, and the version of every package that is installed."""
    versions = {item.metadata["Name"]: item.version for item in distributions()}
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "accelerator": _accelerator(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": dict(sorted(versions.items(), key=lambda item: item[0].lower())),
    }


def machine_line(machine: dict[str, Any]) -> str:
    """The same in one line, for a tag."""
    what = f"{machine['cores']} x {machine['processor']}, {machine['memory_gib']} GiB"
    return f"{what}, {machine['accelerator']}" if machine["accelerator"] else what


def peak_memory() -> dict[str, float]:
    """The most that this process has held so far, in MiB: of the machine, and of the accelerator where one is used."""
    unit = 1 if sys.platform == "darwin" else 1024
    held = {"memory/peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEGABYTE}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        held["memory/peak_accelerator_mib"] = torch.cuda.max_memory_allocated() / MEGABYTE
    return held


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _accelerator() -> str:
    """Of what has been imported already: asking costs no import."""
    torch = sys.modules.get("torch")
    return str(torch.cuda.get_device_name()) if torch is not None and torch.cuda.is_available() else ""
