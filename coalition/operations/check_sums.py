"""Verify every sum of the domain and every hash of the journal, in the database itself.

Nothing is taken on trust: window totals are compared with the journal, balances with lots, lots with burns, the
journal's leaves with the Merkle roots written when windows closed, messages with their partners' signatures. What is
archived is held to the same, by what stays packed and by the archive's file; where the file is not at hand, it is said.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from coalition.database.pool import PAUSE_AT_WILL, Connection, Pool
from coalition.errors import ArchiveBrokenError
from coalition.journal.archive import PastRecord, Tally, differences, totals_of
from coalition.journal.merkle import Frontier
from coalition.journal.record import Columns, fault_of_result, record_hash
from coalition.operations.archive_file import verify_archive
from coalition.operations.archive_window import hold_to
from coalition.operations.verify_message import fault_of_message
from coalition.stores import check, check_documents
from coalition.stores.archives import Archive, load_archives, load_ranges
from coalition.stores.past_records import load_blocks
from coalition.stores.proofs import load_hashes

Progress = Callable[[str], None]

EVIDENCE_RULE = "messages are as their partners signed them"
ARCHIVED_TOTALS_RULE = "each booked operation of an archived window on exactly one statement line"

# Beyond any leaf.
END = 2**63 - 1

QUERIES = (
    ("balance = lots - debt, for each account", check.BROKEN_ACCOUNTS),
    ("held = open holds, for each account, within its lots", check.BROKEN_HOLDS),
    ("holds resolved at most once, by their record", check.BROKEN_RESOLUTIONS),
    ("no point outlives its day", check.BROKEN_EXPIRIES),
    ("lots = made - taken + brought back", check.BROKEN_LOTS),
    ("lots by payer, month and VAT rate = their own book", check.BROKEN_ORIGINS),
    ("points redeemed by partner = points taken from lots", check.BROKEN_REDEMPTIONS),
    ("burns, captures, expiries = their lots; reversals within their originals", check.BROKEN_BURNS),
    ("burns undone = what each reversal brought back to which lots", check.BROKEN_RESTORATIONS),
    ("each booked operation on exactly one statement line", check.BROKEN_TOTALS),
    ("joint earns = their payers' lots and shares; reversals within them", check.BROKEN_SHARES),
    ("budgets = allowances granted, never passed; used = earned - reversed", check.BROKEN_BUDGETS),
    ("position within its net debit cap, and no lane may raise it further", check.BROKEN_CAPS),
    ("prepaid points issued within their blocks", check.BROKEN_BLOCKS),
    ("window by window: issued - redeemed - expired = growth of outstanding points", check.BROKEN_WINDOWS),
    ("certificates = their burns, each counter once", check.BROKEN_CERTIFICATES),
    ("each operation in one lane, once", check.BROKEN_IDENTITIES),
    ("each record has its signed message", check.MISSING_EVIDENCE),
    ("each invoiced window bills each partner", check.BROKEN_INVOICES),
    ("tax documents numbered without a gap, each number once", check_documents.BROKEN_SERIES),
    ("corrections within their originals, line by line", check_documents.BROKEN_CORRECTED_LINES),
    ("corrections within their originals, with their VAT", check_documents.BROKEN_CORRECTED_VAT),
    ("corrections of the kind of their originals", check_documents.BROKEN_CORRECTION_KINDS),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that was looked at; `broken` holds the first places where it does not hold, none: it holds."""

    rule: str
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """In points and records, those of archived windows among them. `unchecked` says what was not looked at, and why."""

    records: int
    messages: int
    outstanding: int
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not any(finding.broken for finding in self.findings)


async def check_sums(
    pool: Pool, *, archives_in: Path | None = None, progress: Progress = lambda _: None
) -> CheckReport:
    """Look at everything, as of one moment; clearing goes on meanwhile. Archives' files are looked for where they were
    written, or all in one folder."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(PAUSE_AT_WILL)
        lanes = await check.load_rows(connection, check.POINTS_BY_LANE)
        findings = []
        await connection.execute(check.READ_WHOLE_TABLES)
        for rule, query in QUERIES:
            progress(rule)
            rows = await check.load_rows(connection, query)
            findings.append(Finding(rule, tuple(_told(dict(row)) for row in rows)))
        await connection.execute(check.READ_AS_USUAL)
        packed = Tally()
        for lane in lanes:
            progress(f"hashes of lane {lane['lane']}")
            findings.append(await _check_hashes(connection, lane["lane"], lane["size"], lane["frontier"], packed))
        findings.insert(0, _points_finding(lanes, packed))
        archives = await load_archives(connection)
        if archives:
            findings.append(await _check_archived_totals(connection, archives, packed))
        files, unchecked = await _check_files(connection, archives, archives_in, progress)
        findings.extend(files)
        progress(EVIDENCE_RULE)
        messages, evidence = await _check_messages(connection)
        findings.append(evidence)
    return CheckReport(
        records=sum(lane["journal_records"] for lane in lanes) + packed.records,
        messages=messages,
        outstanding=sum(lane["outstanding"] for lane in lanes),
        findings=tuple(findings),
        unchecked=tuple(unchecked),
    )


def _points_finding(lanes: list[asyncpg.Record], packed: Tally) -> Finding:
    rule = "issued - reversed - redeemed + redeem reversed - expired = sum of all balances"
    broken = [
        _told(dict(lane))
        for lane in lanes
        if len(
            {
                lane["outstanding"],
                lane["totals_growth"],
                lane["journal_growth"] + packed.growth.get(lane["lane"], 0),
                lane["balance"],
            }
        )
        > 1
    ]
    return Finding(rule, tuple(broken))


# A leaf's number, its hash, and what is wrong with its record, if anything is.
Leaf = tuple[int, bytes, str | None]


async def _check_hashes(connection: Connection, lane: int, size: int, frontier_stored: bytes, packed: Tally) -> Finding:
    """Grow the lane's tree from its records, packed ones among them, which are added to `packed`."""
    ends = {row["end_leaf"]: (row["window_no"], row["root"]) for row in await check.load_lane_windows(connection, lane)}
    frontier, broken, rule = Frontier(), [], f"hashes of lane {lane}"
    try:
        async for leaves in _read_leaves(connection, lane, packed):
            for leaf, hashed, fault in leaves:
                if leaf != frontier.size:
                    broken.append(f"leaf {frontier.size} is missing; {leaf} comes next")
                    return Finding(rule, tuple(broken))
                if fault is not None:
                    broken.append(fault)
                frontier.append(hashed)
                if frontier.size in ends and frontier.root() != ends[frontier.size][1]:
                    broken.append(f"the journal's root at the end of window {ends[frontier.size][0]} is another")
            broken.extend(await _node_faults(connection, lane, frontier))
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        return Finding(rule, (*broken, f"the block that has leaf {frontier.size} can not be read: {error}"))
    if frontier.size != size or frontier.to_bytes() != frontier_stored:
        broken.append(f"the lane's frontier of {size} leaves is not that of its {frontier.size} records")
    return Finding(rule, tuple(broken[:10]))


async def _read_leaves(connection: Connection, lane: int, packed: Tally) -> AsyncIterator[list[Leaf]]:
    start = 0
    for first, end in [*await check.load_packed_leaves(connection, lane), (END, END)]:
        async for records in check.read_records(connection, lane, first=start, end=first):
            yield [(record["leaf"], _hash_of(record), fault_of_result(record)) for record in records]
        for block in await load_blocks(connection, lane, first=first, end=end):
            past = dict(block.all_records)
            for record in past.values():
                packed.add(record)
            faults = await _faults_of_packed(connection, lane, past)
            yield [(leaf, record.hash, faults.get(leaf)) for leaf, record in past.items()]
        start = end


def _hash_of(record: Columns) -> bytes:
    return record_hash(message=record["message"], index=record["message_index"], result=record["result"])


async def _faults_of_packed(connection: Connection, lane: int, past: Mapping[int, PastRecord]) -> dict[int, str]:
    """Return what is wrong with packed records: with their columns, with their operations' identities, or with those
    that came back for a reversal."""
    ids = [one.record["operation_id"] for one in past.values() if "operation_id" in one.record]
    identities = await check.load_identities(connection, lane, ids)
    faults: dict[int, str] = {}
    for leaf, one in past.items():
        columns = {"code": None, **one.record}
        if (fault := fault_of_result(columns)) is not None:
            faults[leaf] = fault
        elif columns["leaf"] != leaf:
            faults[leaf] = f"the packed record at leaf {leaf} says that it is at {columns['leaf']}"
        elif "operation_id" in columns and identities.get((columns["partner"], columns["operation_id"])) != leaf:
            faults[leaf] = f"operation {columns['operation_id']} at leaf {leaf} is not known by its id"
    async for records in check.read_records(connection, lane, first=min(past), end=max(past) + 1):
        for record in records:
            if _hash_of(record) != past[record["leaf"]].hash:
                faults[record["leaf"]] = f"the record at leaf {record['leaf']} is not the one that is packed"
    return faults


async def _check_archived_totals(connection: Connection, archives: Sequence[Archive], packed: Tally) -> Finding:
    whole = {archive.window_no for archive in archives if archive.archived_at is not None}
    totals = totals_of(await check.load_totals(connection, whole))
    booked = {key: total for key, total in packed.totals.items() if key[1] in whole}
    return Finding(ARCHIVED_TOTALS_RULE, tuple(differences(booked, totals)[:10]))


async def _check_files(
    connection: Connection, archives: Sequence[Archive], folder: Path | None, progress: Progress
) -> tuple[list[Finding], list[str]]:
    """Verify the files of archives that are at hand; say of the others what was not checked."""
    findings, unchecked = [], []
    for archive in archives:
        if archive.archived_at is None:
            unchecked.append(f"totals of window {archive.window_no}: it is on its way into its archive, or back")
        written = Path(archive.path)
        path = written if folder is None or not (folder / written.name).exists() else folder / written.name
        if not path.exists():
            unchecked.append(
                f"{archive.messages:,} messages of window {archive.window_no} and their signatures: {path} is not there"
            )
            continue
        progress(f"archive of window {archive.window_no}")
        fault = await asyncio.to_thread(_fault_of_file, archive, path, await load_ranges(connection, archive.window_no))
        findings.append(Finding(f"archive of window {archive.window_no}", () if fault is None else (fault,)))
    return findings, unchecked


def _fault_of_file(archive: Archive, path: Path, ranges: Sequence[asyncpg.Record]) -> str | None:
    try:
        verified = verify_archive(path)
        hold_to(archive, verified)
    except ArchiveBrokenError as error:
        return str(error)
    roots = {one["lane"]: one["root"] for one in ranges}
    is_same = roots == {one.lane: one.root for one in verified.ranges}
    return None if is_same else f"{path}: its roots are not those of the lanes at the end of the window"


async def _node_faults(connection: Connection, lane: int, frontier: Frontier) -> list[str]:
    """Compare the nodes that have become whole with those that are kept for proofs."""
    nodes, frontier.nodes = frontier.nodes, []
    kept = await load_hashes(connection, lane, [(node.level, node.place) for node in nodes])
    return [
        f"the node at level {node.level}, place {node.place} is another, or not kept"
        for node in nodes
        if kept.get((node.level, node.place)) != node.hash
    ]


async def _check_messages(connection: Connection) -> tuple[int, Finding]:
    count, broken = 0, []
    async for messages in check.read_messages(connection):
        for message in messages:
            count += 1
            if (fault := fault_of_message(message)) is not None:
                broken.append(f"message {message.digest.hex()} of partner {message.partner}: {fault}")
    return count, Finding(EVIDENCE_RULE, tuple(broken[:10]))


def _told(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if not isinstance(value, bytes))
