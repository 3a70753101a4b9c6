"""Figures of all workers on one page, whatever state their files are in."""

from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.mmap_dict import MmapedDict, mmap_key

from coalition.http.metrics import fold_ended, registry_of_workers


def count(folder: Path, pid: int, value: float) -> None:
    figures = MmapedDict(str(folder / f"counter_{pid}.db"))  # type: ignore[no-untyped-call]
    key = mmap_key("coalition_requests", "coalition_requests_total", [], [], "Requests.")  # type: ignore[no-untyped-call]
    figures.write_value(key, value, 0.0)  # type: ignore[no-untyped-call]
    figures.close()  # type: ignore[no-untyped-call]


def test_the_page_is_there_while_a_worker_starts_and_after_one_has_ended(tmp_path: Path) -> None:
    """A worker that has made its file and not filled it counts nothing; one that ended counts for ever."""
    registry = registry_of_workers(tmp_path)
    count(tmp_path, 101, 3)
    count(tmp_path, 102, 4)
    (tmp_path / "counter_103.db").touch()
    assert b"coalition_requests_total 7.0" in generate_latest(registry)
    fold_ended(tmp_path, 101)
    assert b"coalition_requests_total 7.0" in generate_latest(registry)
    assert not (tmp_path / "counter_101.db").exists()
