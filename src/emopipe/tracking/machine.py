"""Process, machine, libraries and memory of a training."""

import platform
import resource
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import psutil

MEBIBYTE = 2**20


def this_process() -> str:
    """A unique name of this process: machine, id and start."""
    process = psutil.Process()
    return f"{platform.node()}/{process.pid}/{process.create_time():.2f}"


def has_ended(name: str) -> bool:
    """Whether the process with this name has ended; a process of another machine counts as alive."""
    machine, pid, started = name.rsplit("/", 2)
    if machine != platform.node():
        return False
    try:
        return abs(psutil.Process(int(pid)).create_time() - float(started)) > 1
    except psutil.NoSuchProcess:
        return True


@cache
def describe_machine() -> dict[str, Any]:
    """Processor, memory, accelerator, system, Python, and the version of every installed package."""
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
    """Processor, memory and accelerator in one line."""
    line = f"{machine['cores']} x {machine['processor']}, {machine['memory_gib']} GiB"
    return f"{line}, {machine['accelerator']}" if machine["accelerator"] else line


def peak_memory() -> dict[str, float]:
    """The most memory that this process has used so far, in MiB, and on an accelerator if there is one."""
    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"memory/peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MEBIBYTE}
    if _accelerator():
        peak["memory/peak_accelerator_mib"] = sys.modules["torch"].cuda.max_memory_allocated() / MEBIBYTE
    return peak


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _accelerator() -> str:
    """Name of the CUDA device; empty without one, or before torch is imported."""
    torch = sys.modules.get("torch")
    return str(torch.cuda.get_device_name()) if torch is not None and torch.cuda.is_available() else ""
