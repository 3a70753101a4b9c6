"""Verify every sum of the domain and every hash of the journal, in the database itself.

Nothing is taken on trust: window totals are compared with the journal, balances with lots, lots with burns, the
journal's leaves with the Merkle roots written when windows closed, messages with their partners' signatures.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from coalition.database.pool import Connection, Pool
from coalition.journal.merkle import Frontier
from coalition.journal.record import record_hash
from coalition.operations.verify_message import fault_of_message
from coalition.stores import check, check_documents
from coalition.stores.proofs import load_hashes

Progress = Callable[[str], None]

EVIDENCE_RULE = "messages are as their partners signed them"

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
    """In points and records."""

    records: int
    messages: int
    outstanding: int
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        return not any(finding.broken for finding in self.findings)


async def check_sums(pool: Pool, *, progress: Progress = lambda _: None) -> CheckReport:
    """Look at everything, as of one moment; clearing goes on meanwhile."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        lanes = await check.load_rows(connection, check.POINTS_BY_LANE)
        findings = [_points_finding(lanes)]
        for rule, query in QUERIES:
            progress(rule)
            rows = await check.load_rows(connection, query)
            findings.append(Finding(rule, tuple(_told(dict(row)) for row in rows)))
        for lane in lanes:
            progress(f"hashes of lane {lane['lane']}")
            findings.append(await _check_hashes(connection, lane["lane"], lane["size"], lane["frontier"]))
        progress(EVIDENCE_RULE)
        messages, evidence = await _check_messages(connection)
        findings.append(evidence)
    return CheckReport(
        records=sum(lane["journal_records"] for lane in lanes),
        messages=messages,
        outstanding=sum(lane["outstanding"] for lane in lanes),
        findings=tuple(findings),
    )


def _points_finding(lanes: list[asyncpg.Record]) -> Finding:
    rule = "issued - reversed - redeemed + redeem reversed - expired = sum of all balances"
    broken = [
        _told(dict(lane))
        for lane in lanes
        if len({lane["outstanding"], lane["totals_growth"], lane["journal_growth"], lane["balance"]}) > 1
    ]
    return Finding(rule, tuple(broken))


async def _check_hashes(connection: Connection, lane: int, size: int, frontier_stored: bytes) -> Finding:
    ends = {row["end_leaf"]: (row["window_no"], row["root"]) for row in await check.load_lane_windows(connection, lane)}
    frontier, broken = Frontier(), []
    async for records in check.read_records(connection, lane):
        for record in records:
            if record["leaf"] != frontier.size:
                broken.append(f"leaf {frontier.size} is missing; {record['leaf']} comes next")
                return Finding(f"hashes of lane {lane}", tuple(broken))
            broken.extend(_result_faults(record))
            frontier.append(
                record_hash(message=record["message"], index=record["message_index"], result=record["result"])
            )
            if frontier.size in ends and frontier.root() != ends[frontier.size][1]:
                broken.append(f"the journal's root at the end of window {ends[frontier.size][0]} is another")
        broken.extend(await _node_faults(connection, lane, frontier))
    if frontier.size != size or frontier.to_bytes() != frontier_stored:
        broken.append(f"the lane's frontier of {size} leaves is not that of its {frontier.size} records")
    return Finding(f"hashes of lane {lane}", tuple(broken[:10]))


async def _node_faults(connection: Connection, lane: int, frontier: Frontier) -> list[str]:
    """Compare the nodes that have become whole with those that are kept for proofs."""
    nodes, frontier.nodes = frontier.nodes, []
    kept = await load_hashes(connection, lane, [(node.level, node.place) for node in nodes])
    return [
        f"the node at level {node.level}, place {node.place} is another, or not kept"
        for node in nodes
        if kept.get((node.level, node.place)) != node.hash
    ]


def _result_faults(record: asyncpg.Record) -> list[str]:
    result = json.loads(record["result"])
    is_same = result["leaf"] == record["leaf"] and result.get("code") == record["code"]
    if record["code"] is None and record["kind"] != "close":
        is_same = is_same and result["points"] == record["points"]
    return [] if is_same else [f"the result at leaf {record['leaf']} says other than its columns"]


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
