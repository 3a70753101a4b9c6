"""A window's archive: what its lines say, and what they must come to.

An archive is gzip'd text, a JSON object a line (RFC 8259, UTF-8):

    {"archive": ...}        first: the window, where its leaves lie in each lane, the Merkle roots before and after
    {"record": ...}         a journal record, with the "lots" it made, its "uses" of lots, its "shares" of a promotion
    {"message": ...}        a partner's message, byte for byte, with its signature
    {"window_total": ...}   a line of the book that statements are made of
    {"statement": ...}      a partner's statement, as it was signed
    {"end": ...}            last: counts, the SHA-256 of all lines before it, the hub's signature of that

Objects inside have the names and values of the database's tables, moments in UTC, bytes as \\x and hexadecimal digits,
what is null left out; a message's body is its text.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from coalition.journal.merkle import LAST_OF_BLOCK, Frontier
from coalition.journal.record import Columns, record_hash

FORMAT = "coalition-window-archive"
VERSION = 1
BLOCK_LEAVES = LAST_OF_BLOCK + 1

# A record, or another row, by the names of its columns.
Row = dict[str, Any]

TOTAL_KINDS = {
    "earn": "issued",
    "burn": "redeemed",
    "capture": "redeemed",
    "reverse_earn": "issue_reversed",
    "reverse_burn": "redeem_reversed",
    "expire": "expired",
    "move_out": "moved_out",
    "move_in": "moved_in",
}
COMING_IN = frozenset(("issued", "redeem_reversed", "moved_in"))


class PastRecord(NamedTuple):
    """A journal record with all that hangs on it: the lots that it made, what it took of lots, who was billed for it
    where a promotion's payers share."""

    record: Row
    lots: Sequence[Row] = ()
    uses: Sequence[Row] = ()
    shares: Sequence[Row] = ()

    @classmethod
    def of(cls, document: Row) -> "PastRecord":
        parts = (document.get(name, ()) for name in ("lots", "uses", "shares"))
        return cls(document["record"], *parts)

    @property
    def hash(self) -> bytes:
        """The leaf's hash."""
        record = self.record
        message = bytes_of(record["message"]) if "message" in record else None
        return record_hash(message=message, index=record.get("message_index"), result=record["result"])


def bytes_of(text: str) -> bytes:
    """Read what PostgreSQL writes for bytes. Raises ValueError."""
    if not text.startswith("\\x"):
        raise ValueError(f"expected \\x and hexadecimal digits, {text[:20]!r} came")
    return bytes.fromhex(text[2:])


def line_of(name: str, row: str, **more: Sequence[str]) -> str:
    """Return a line of rows that are JSON texts already; parts without any are left out."""
    parts = "".join(f',"{part}":[{",".join(rows)}]' for part, rows in more.items() if rows)
    return f'{{"{name}":{row}{parts}}}'


def block_ends(first_leaf: int, end_leaf: int) -> Iterator[tuple[int, int]]:
    """Yield the blocks of a range of leaves: cut where a perfect subtree of BLOCK_LEAVES ends."""
    while first_leaf < end_leaf:
        cut = min((first_leaf // BLOCK_LEAVES + 1) * BLOCK_LEAVES, end_leaf)
        yield first_leaf, cut
        first_leaf = cut


# The lane, window, partner, kind of total and terms version of a statement line.
TallyKey = tuple[int, int, int, str, int]


class Tally:
    """Adds up records, as the book of window totals and the lanes' own counters do; `records` counts them."""

    def __init__(self) -> None:
        self.records = 0
        self.growth: defaultdict[int, int] = defaultdict(int)
        self.totals: defaultdict[TallyKey, tuple[int, int]] = defaultdict(lambda: (0, 0))

    def add(self, past: PastRecord) -> None:
        record = past.record
        self.records += 1
        kind = TOTAL_KINDS.get(record["kind"])
        if "code" in record or kind is None:
            return
        lane, window_no, points = record["lane"], record["window_no"], record["points"]
        self.growth[lane] += points if kind in COMING_IN else -points
        own = {"payer": record["partner"], "terms_version": record.get("terms_version", 0), "points": points}
        for part, share in enumerate(past.shares or [own]):
            key = (lane, window_no, share["payer"], kind, share["terms_version"])
            booked, operations = self.totals[key]
            self.totals[key] = (booked + share["points"], operations + (part == 0))


# The points and operations of statement lines.
Totals = Mapping[TallyKey, tuple[int, int]]


def differences(booked: Totals, totals: Totals) -> list[str]:
    """Return the statement lines on which the book of totals does not say what was booked."""
    return [
        f"lane {key[0]}, window_no {key[1]}, partner {key[2]}, kind {key[3]}, terms_version {key[4]}: expected "
        f"points and operations {booked.get(key, (0, 0))} as booked, {totals.get(key, (0, 0))} came"
        for key in sorted(booked.keys() | totals.keys())
        if booked.get(key, (0, 0)) != totals.get(key, (0, 0))
    ]


class LaneRange(NamedTuple):
    """Where an archive's window lies in a lane: its leaves, and the journal's Merkle trees before and after them, the
    former by its frontier, to be grown."""

    lane: int
    first_leaf: int
    end_leaf: int
    root_before: bytes
    frontier_before: bytes
    root: bytes

    @property
    def document(self) -> Row:
        """As the first line says it."""
        return {
            "lane": self.lane,
            "first_leaf": self.first_leaf,
            "end_leaf": self.end_leaf,
            "root_before": self.root_before.hex(),
            "frontier_before": self.frontier_before.hex(),
            "root": self.root.hex(),
        }

    @classmethod
    def of(cls, document: Row) -> "LaneRange":
        """Read what `document` gave. Raises KeyError, TypeError, ValueError."""
        lane, first, end = (int(document[name]) for name in ("lane", "first_leaf", "end_leaf"))
        if not 0 <= first < end < 2**63:
            raise ValueError(f"lane {lane}: expected first_leaf below end_leaf, {first} and {end} came")
        hashes = (bytes.fromhex(document[name]) for name in ("root_before", "frontier_before", "root"))
        return cls(lane, first, end, *hashes)

    @property
    def tree_before(self) -> Frontier:
        """Raises ValueError where it is not the tree of `root_before`."""
        frontier = Frontier.parse(self.first_leaf, self.frontier_before)
        if frontier.root() != self.root_before:
            raise ValueError(f"lane {self.lane}: the frontier before leaf {self.first_leaf} is not that of its root")
        return frontier


def signed_content(window_no: int, digest: bytes) -> bytes:
    """Return what the hub signs of an archive."""
    return f"{FORMAT} {VERSION}: window {window_no}, SHA-256 {digest.hex()}\n".encode("ascii")


def to_line(document: Mapping[str, Any]) -> str:
    """Return a line that is made here, not by the database."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def totals_of(rows: Iterable[Columns]) -> dict[TallyKey, tuple[int, int]]:
    """Return window totals by statement line, their VAT rates together."""
    totals: defaultdict[TallyKey, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        key = (row["lane"], row["window_no"], row["partner"], row["kind"], row["terms_version"])
        points, operations = totals[key]
        totals[key] = (points + row["points"], operations + row["operations"])
    return dict(totals)
