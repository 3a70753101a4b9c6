"""What SQLite or the system says of an outbox that it cannot read or write, with what a person does next."""

import errno
import sqlite3
from pathlib import Path
from typing import Final

from partner_sdk.errors import OutboxError

# So long another process may hold the file, such as a backup that copies it in a transaction.
BUSY_TIMEOUT_S = 10.0

_DAMAGED = "the file is damaged: put it away as it is and go on with a new one; `outbox export` saves what still waits"
_READ_ONLY = "the outbox and its folder must be writable; of one that lies read-only, read a copy"
_NEXT: Final = {
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: _READ_ONLY,
    sqlite3.SQLITE_BUSY: f"another program has kept it for {BUSY_TIMEOUT_S:g} s; nothing of this was saved, try again",
    sqlite3.SQLITE_FULL: "nothing of this was saved, all that was saved before stays; make room and try again",
    sqlite3.SQLITE_IOERR: "nothing of this was saved, all that was saved before stays; look at the disk and its limits",
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}


def not_opened(path: Path, fault: OSError) -> OutboxError:
    """Return the SDK's own error for a file that the system does not open, with what to do next."""
    error = OutboxError(f"cannot open outbox {path}: {fault.strerror or fault}")
    if fault.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        error.add_note(_READ_ONLY)
    return error


def outbox_error(what: str, fault: sqlite3.Error) -> OutboxError:
    """Return the SDK's own error, with what to do next as its note where that is known."""
    error = OutboxError(f"{what}: {fault}")
    # Of an extended code, such as that of a failed write, the low byte is the kind.
    advice = _NEXT.get(getattr(fault, "sqlite_errorcode", 0) & 0xFF)
    if advice is not None:
        error.add_note(advice)
    return error
