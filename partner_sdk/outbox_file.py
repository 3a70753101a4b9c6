"""The outbox's file: opened, laid out, written in transactions, read."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from partner_sdk.errors import OutboxError
from partner_sdk.outbox_fault import BUSY_TIMEOUT_S, not_opened, outbox_error
from partner_sdk.outbox_layout import LAYOUT, lay_out


class OutboxFile:
    """One SQLite file, with a write-ahead log, written through to the disk."""

    def __init__(self, path: str | Path) -> None:
        """Open the outbox, or make it, readable by its owner alone. Raises OutboxError."""
        self.path = Path(path)
        try:
            # Made before SQLite opens it: it names members' cards.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=BUSY_TIMEOUT_S)
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise
        except OSError as fault:
            raise not_opened(self.path, fault) from fault
        except sqlite3.Error as fault:
            raise outbox_error(f"cannot open outbox {self.path}", fault) from fault

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        with self.transaction():
            (layout,) = self._connection.execute("PRAGMA user_version").fetchone()
            if layout > LAYOUT:
                raise OutboxError(f"outbox {self.path} has layout {layout}, this SDK knows up to {LAYOUT}")
            if layout < LAYOUT:
                lay_out(self._connection, layout=layout)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Do what is done within in one commit. Raises OutboxError."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # Not there any more when SQLite itself rolled back, as it does on a full disk.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as fault:
            raise outbox_error(f"outbox {self.path}", fault) from fault

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Return what a query finds. Raises OutboxError."""
        try:
            return self._connection.execute(query, arguments).fetchall()
        except sqlite3.Error as fault:
            raise outbox_error(f"outbox {self.path}", fault) from fault
