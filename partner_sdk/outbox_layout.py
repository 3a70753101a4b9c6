"""The outbox's tables, and how an older file becomes one of today."""

import sqlite3

LAYOUT = 5

# What a bill is checked with: signed checkpoints and statements, and paths through the hub's journals.
_EVIDENCE = """
CREATE TABLE IF NOT EXISTS checkpoint (
    receipt INTEGER PRIMARY KEY REFERENCES receipt
);
CREATE TABLE IF NOT EXISTS statement (
    receipt  INTEGER PRIMARY KEY REFERENCES receipt,
    window   INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS inclusion (
    lane     INTEGER NOT NULL,
    leaf     INTEGER NOT NULL,
    size     INTEGER NOT NULL,
    message  BLOB NOT NULL,
    place    INTEGER NOT NULL,
    path     BLOB NOT NULL,
    PRIMARY KEY (lane, leaf)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS consistency (
    lane    INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    second  INTEGER NOT NULL,
    path    BLOB NOT NULL,
    PRIMARY KEY (lane, first, second)
) WITHOUT ROWID;
"""

# Who saved what waits: the keys by which something may wait, and of each operation its own.
_SIGNER = """
CREATE TABLE IF NOT EXISTS signer (
    keyid TEXT PRIMARY KEY
) WITHOUT ROWID;
"""

_TABLES = """
CREATE TABLE operation (
    place           INTEGER PRIMARY KEY,
    id              TEXT NOT NULL UNIQUE,
    card            TEXT NOT NULL,
    stream          INTEGER NOT NULL,
    body            BLOB NOT NULL,
    saved_at        REAL NOT NULL,
    state           TEXT NOT NULL DEFAULT 'waiting'
                    CHECK (state IN ('waiting', 'booked', 'refused', 'rejected', 'set_aside')),
    answers         INTEGER NOT NULL DEFAULT 0,
    code            TEXT,
    retry_at        REAL,
    receipt         INTEGER REFERENCES receipt,
    clock_offset_s  REAL,
    keyid           TEXT
);
CREATE INDEX operation_waiting ON operation (card, place) WHERE state = 'waiting';
CREATE TABLE receipt (
    receipt          INTEGER PRIMARY KEY,
    method           TEXT NOT NULL,
    url              TEXT NOT NULL,
    request_headers  TEXT NOT NULL,
    request_body     BLOB NOT NULL,
    status           INTEGER NOT NULL,
    answer_headers   TEXT NOT NULL,
    answer_body      BLOB NOT NULL,
    received_at      REAL NOT NULL,
    clock_offset_s   REAL
);
CREATE TABLE hub_key (
    keyid      TEXT PRIMARY KEY,
    jwk        TEXT NOT NULL,
    pinned_at  REAL NOT NULL
);
CREATE TABLE certificate (
    id            TEXT PRIMARY KEY,
    card          TEXT NOT NULL,
    points        INTEGER NOT NULL,
    text          TEXT NOT NULL,
    keyid         TEXT NOT NULL,
    signature     BLOB NOT NULL,
    spent         INTEGER NOT NULL DEFAULT 0 CHECK (spent BETWEEN 0 AND points),
    next_counter  INTEGER NOT NULL
);
"""

# What makes a file of layout N one of N + 1; a new file is made by the first.
_STEPS = (
    _TABLES,
    """
    ALTER TABLE operation ADD COLUMN clock_offset_s REAL;
    ALTER TABLE receipt ADD COLUMN clock_offset_s REAL;
    """,
    """
    CREATE TABLE IF NOT EXISTS certificate (
        id            TEXT PRIMARY KEY,
        card          TEXT NOT NULL,
        points        INTEGER NOT NULL,
        text          TEXT NOT NULL,
        keyid         TEXT NOT NULL,
        signature     BLOB NOT NULL,
        spent         INTEGER NOT NULL DEFAULT 0 CHECK (spent BETWEEN 0 AND points),
        next_counter  INTEGER NOT NULL
    );
    """,
    _EVIDENCE,
    f"ALTER TABLE operation ADD COLUMN keyid TEXT;{_SIGNER}",
)


def lay_out(connection: sqlite3.Connection, *, layout: int) -> None:
    """Bring an outbox of this layout, 0 for a new file, to that of today, within the caller's transaction."""
    # New tables are those of today: no step follows.
    steps = (_TABLES, _EVIDENCE, _SIGNER) if layout == 0 else _STEPS[layout:]
    for step in steps:
        for statement in step.split(";\n"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {LAYOUT}")
