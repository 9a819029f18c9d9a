"""The facts about a machine that a measurement is worth nothing without."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

import cgrad
from benchmarks import process
from benchmarks.tools import PEERS, tool


def facts(peers: Sequence[str] = ()) -> dict[str, Any]:
    """CPU, system, versions and how busy the machine is."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "cgrad": cgrad.__version__,
        "compiler": _compiler(),
        "load average": [round(x, 2) for x in os.getloadavg()],
        "threads": 1,
        "peers": {peer: _version(PEERS[peer][0]) for peer in peers},
    }


def _version(contender: str) -> str:
    """The version of a peer's distribution in the Python that has it."""
    module = tool(contender).MODULES[0]
    code = f"import importlib.metadata as m; print(m.version({module!r}))"
    found = subprocess.run([process.python(contender), "-c", code], capture_output=True, text=True)
    return found.stdout.strip() or "none"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _compiler() -> str:
    command = os.environ.get("CGRAD_CC") or os.environ.get("CC") or "cc"
    path = shutil.which(command.split()[0])
    if path is None:
        return "none"
    text = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
    return text.splitlines()[0] if text else path
