"""Seconds of CPU and bytes of memory by process."""

import re
from pathlib import Path

import psutil


def cpu_s(pid: int) -> float:
    """Return the seconds that a process and its ended children have used."""
    return float(sum(psutil.Process(pid).cpu_times()[:4]))


def tree_cpu_s(pid: int) -> float:
    """Return the seconds that a process and all of its children, ended or not, have used."""
    process = psutil.Process(pid)
    seconds = cpu_s(pid)
    for child in process.children(recursive=True):
        try:
            seconds += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            # Ended between the two looks; its parent counts it from now on.
            continue
    return seconds


def tree_queued_s(pid: int) -> float:
    """Return the seconds that threads of a process and its children, as they are now, could have run and waited for a
    core; by Linux's schedstat."""
    process = psutil.Process(pid)
    queued_ns = 0
    for one in (process, *process.children(recursive=True)):
        for thread in Path(f"/proc/{one.pid}/task").glob("*/schedstat"):
            try:
                queued_ns += int(thread.read_text().split()[1])
            except OSError:
                # Ended between the two looks.
                continue
    return queued_ns / 1e9


def tree_memory_bytes(pid: int) -> int:
    """Return the memory of a process and its children; what several share counts once (the sum of their PSS)."""
    process = psutil.Process(pid)
    return sum(one.memory_full_info().pss for one in (process, *process.children(recursive=True)))


def largest_memory_bytes(pid: int) -> int:
    """Return the most memory that a process has had until now, 0 when it has ended; by Linux's status."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    largest = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(largest[1]) * 1024 if largest else 0
