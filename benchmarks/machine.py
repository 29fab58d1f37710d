"""On what were the numbers measured? One line of facts about the machine and the libraries."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

import numpy  # noqa: F401  # loads the BLAS library, whose threads are counted
from threadpoolctl import threadpool_info


def describe_machine() -> str:
    """Return the processor, its usable cores, the BLAS threads, and the versions."""
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    threads = ", ".join(f"{library['internal_api']} {library['num_threads']}" for library in blas) or "none found"
    versions = ", ".join(f"{name} {version(name)}" for name in ("modelcollapse", "numpy", "scipy", "scikit-learn"))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"Measured on {processor()}, {cores} cores, BLAS threads: {threads}; "
        f"Python {platform.python_version()}, {versions}."
    )


def processor() -> str:
    """Return the processor's model name, or its architecture where the system does not tell."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
