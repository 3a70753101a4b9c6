"""Seconds of CPU and bytes of memory by process."""

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


def tree_memory_bytes(pid: int) -> int:
    """Return the memory of a process and its children; what several share counts once (the sum of their PSS)."""
    process = psutil.Process(pid)
    return sum(one.memory_full_info().pss for one in (process, *process.children(recursive=True)))
