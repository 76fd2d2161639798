"""How the threads that torch computes with wait for each other."""

from __future__ import annotations

import os


def sleep_when_waiting() -> None:
    """Have threads that wait sleep after some microseconds; to be called before torch is imported, which reads it.

    On a desktop that does other things as well, threads that wait by spinning take several times as long; but where
    they sleep at once, waking them takes longer than many an operation. What the user has set stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # what torch reads on Linux


def asked_for() -> dict[str, str]:
    """The environment that decides how many threads torch uses: processes with the same one round alike."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_THREAD_LIMIT")
    return {"cores": str(cores), **{name: os.environ[name] for name in names if name in os.environ}}
