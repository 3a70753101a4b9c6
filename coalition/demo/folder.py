"""The demo's data directory: a place of its own, empty at the start of each run, never anything else's.

    DATA_DIR/coalition-demo.lock   says that a demo made the directory; locked while one runs in it
    DATA_DIR/partners/             each partner's key and outbox
    DATA_DIR/partners.json         what `coalition partner import` took in; members.csv likewise
    DATA_DIR/reports/window-N/     a month's documents and files, as `settle_window.py` lays them out
    DATA_DIR/reports/finance/      the finance reports at the end
    DATA_DIR/hub.log               what the hub told
and what the hub keeps: its database and its key.

Without a name the directory lies in /var/tmp, outside any home, since as root the embedded PostgreSQL runs as a user
of its own that must reach it. It is named after the user and the checkout, so that two clones do not meet; a second
run at the same time takes the next one.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TextIO

import coalition
from coalition.database.embedded import EmbeddedPostgres
from coalition.demo.errors import FolderBusyError, FolderTakenError
from coalition.errors import EmbeddedDatabaseError

LOCK = "coalition-demo.lock"
RUNS_AT_ONCE_MAX = 20


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The directory of this run; `lock` is the open file that keeps others out."""

    path: Path
    lock: int

    @property
    def partners(self) -> Path:
        return self.path / "partners"

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def hub_log(self) -> Path:
        return self.path / "hub.log"

    def open_private(self, path: Path) -> TextIO:
        """Open a file of this folder to be written from its beginning: addresses, accounts and sign-in codes are for
        its owner alone, also where the folder lets others through."""
        return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8", newline="")


@contextmanager
def claim_folder(named: Path | None) -> Iterator[DemoFolder]:
    """Give an empty directory that no other run uses for as long as the block runs.

    Raises FolderTakenError, FolderBusyError.
    """
    folder = _claim_first_free(default_path()) if named is None else _claim(named.absolute())
    try:
        yield folder
    finally:
        _stop_left_server(folder.path)
        os.close(folder.lock)


def default_path() -> Path:
    """Return the directory of this user and this checkout."""
    checkout = Path(coalition.__file__).resolve().parents[1]
    return Path("/var/tmp") / f"coalition-demo-{os.geteuid()}-{sha256(str(checkout).encode()).hexdigest()[:8]}"


def _claim_first_free(path: Path) -> DemoFolder:
    for number in range(2, RUNS_AT_ONCE_MAX + 1):
        # /var/tmp is everybody's: what somebody else put there under our name is passed over, too.
        with suppress(FolderBusyError, FolderTakenError):
            return _claim(path if number == 2 else path.with_name(f"{path.name}-{number - 1}"))
    return _claim(path.with_name(f"{path.name}-{RUNS_AT_ONCE_MAX}"))


def _claim(path: Path) -> DemoFolder:
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        # As root the database's user must get through, though not look around.
        path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700)
    _refuse_other_folders(path)
    lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise FolderBusyError(path) from None
    _empty(path)
    return DemoFolder(path, lock)


def _refuse_other_folders(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        raise FolderTakenError(path, "is not a directory")
    if path.stat().st_uid != os.geteuid():
        raise FolderTakenError(path, "belongs to another user")
    if any(path.iterdir()) and not (path / LOCK).is_file():
        raise FolderTakenError(path, "holds what no demo put there")


def _empty(path: Path) -> None:
    _remove_cluster(path)
    for entry in path.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK:
            entry.unlink()


def _remove_cluster(path: Path) -> None:
    """Remove the database, wherever it was put."""
    _stop_left_server(path)
    if cluster := _cluster(path):
        shutil.rmtree(cluster, ignore_errors=True)


def _stop_left_server(path: Path) -> None:
    """Stop the database's server if whoever used it was killed and so left it behind."""
    cluster = _cluster(path)
    if cluster and (cluster / "postmaster.pid").exists():
        # The last one out stops it.
        with suppress(EmbeddedDatabaseError), EmbeddedPostgres(path):
            pass


def _cluster(path: Path) -> Path | None:
    with suppress(OSError, ValueError, KeyError):
        return Path(json.loads((path / "postgres.json").read_text())["cluster"])
    return None
