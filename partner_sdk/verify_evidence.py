"""Checks a bill with what the outbox keeps, offline: nothing is missing, nothing invented, nothing changed, sums right.

receipts      signed by the hub                                                    verify_receipts.py
checkpoints   signed; each journal of a later one begins with that of the one before
records       each operation's result lies in the journal, at the place that its receipt names, and stays there
statements    signed; their control totals are those of the receipts, their lines and totals add up
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from partner_sdk.bill_check import bill_faults
from partner_sdk.books import BookLine, outbox_books
from partner_sdk.errors import AnswerNotUnderstoodError, ReceiptInvalidError
from partner_sdk.evidence import Evidence, LaneRoot, lane_roots, made_at
from partner_sdk.hub_keys import HubKeys
from partner_sdk.journalled import Journalled, journalled
from partner_sdk.merkle import is_consistent, is_included, leaf_hash
from partner_sdk.outbox import Outbox
from partner_sdk.receipt import Receipt
from partner_sdk.statement_check import check_statement

Prices = Mapping[int, Mapping[str, Decimal]]

# A record's time is taken before it is committed, a checkpoint's after it was read, and hubs have a clock each.
BOOKED_BEFORE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the journals stood when the hub made it, by its own clock."""

    made_at: datetime
    lanes: Mapping[int, LaneRoot]


@dataclass(frozen=True, slots=True)
class CheckedEvidence:
    """What was checked. `proved` records are in the journal under a signed root, `unproved` ones have no path yet (they
    are not faults); `resent` of the proved were booked from a message whose answer was lost."""

    checkpoints: int
    proved: int
    unproved: int
    resent: int
    statements: int
    faults: tuple[str, ...]

    def figures(self) -> dict[str, int]:
        names = ("checkpoints", "proved", "unproved", "resent", "statements")
        return {name: getattr(self, name) for name in names}


def verify_evidence(
    outbox: Outbox,
    *,
    hub_key: Ed25519PublicKey | None,
    prices: Prices | None = None,
    more_outboxes: Sequence[Outbox] = (),
) -> CheckedEvidence:
    """Check all that is kept; `prices` are those of the contract by terms version. It asks nobody.

    A bill is of all machines of a partner: `more_outboxes` are those of the others. Raises OperationIdReusedError.

    That receipts are signed is left to `verify_receipts`. A checkpoint or statement whose signature is wrong counts for
    nothing.
    """
    keys, evidence = HubKeys(outbox, named=hub_key), Evidence(outbox)
    faults: list[str] = []
    checkpoints = _checkpoints(evidence, keys, faults)
    places = _places(outbox, evidence, checkpoints, faults)
    lines = outbox_books([outbox, *more_outboxes], zone=UTC).lines.values()
    statements = list(_statements(lines, evidence, keys, prices, faults))
    return CheckedEvidence(
        checkpoints=len(checkpoints),
        proved=places["proved"] + places["resent"],
        unproved=places["unproved"],
        resent=places["resent"],
        statements=len(statements),
        faults=tuple(faults),
    )


def _checkpoints(evidence: Evidence, keys: HubKeys, faults: list[str]) -> list[Checkpoint]:
    valid: list[Checkpoint] = []
    for receipt in evidence.checkpoints():
        try:
            keys.verify(receipt)
            valid.append(Checkpoint(made_at(receipt), lane_roots(receipt)))
        except ReceiptInvalidError as fault:
            faults.append(f"checkpoint of {receipt.received_at.isoformat()}: {fault}")
    for before, after in pairwise(valid):
        for lane, earlier in before.lanes.items():
            shrunk = _growth_fault(evidence, lane, earlier, after.lanes.get(lane))
            if shrunk is not None:
                faults.append(f"lane {lane}: {shrunk}")
    return valid


def _growth_fault(evidence: Evidence, lane: int, earlier: LaneRoot, later: LaneRoot | None) -> str | None:
    """Return why the later journal is not shown to begin with the earlier one, or None."""
    if earlier.size == 0 or later == earlier:
        return None
    if later is None or later.size < earlier.size:
        return f"a journal of {earlier.size} records was signed, and later one of {later.size if later else 0}"
    if later.size == earlier.size:
        return f"two roots of the first {earlier.size} records were signed"
    path = evidence.consistency(lane, first=earlier.size, second=later.size)
    if path is None:
        return f"nothing shows that the journal of {later.size} records begins with the {earlier.size} of before"
    is_growth = is_consistent(
        first=earlier.size, first_root=earlier.root, second=later.size, second_root=later.root, path=path
    )
    if is_growth:
        return None
    return f"the journal of {later.size} records does not begin with the {earlier.size} of before"


def _places(outbox: Outbox, evidence: Evidence, checkpoints: Sequence[Checkpoint], faults: list[str]) -> dict[str, int]:
    # Where the hub signed two roots of a size, which is told by itself, a record is to lie beneath one of them.
    roots: defaultdict[tuple[int, int], set[bytes]] = defaultdict(set)
    for checkpoint in checkpoints:
        for lane, one in checkpoint.lanes.items():
            roots[lane, one.size].add(one.root)
    newest = max(checkpoints, key=lambda one: one.made_at, default=None)
    counts: defaultdict[str, int] = defaultdict(int)
    for record in journalled(outbox):
        outcome = _place(record, evidence, roots)
        if outcome == "unproved":
            outcome = _gone(record, newest) or outcome
        if outcome in ("proved", "resent", "unproved"):
            counts[outcome] += 1
        else:
            faults.append(f"operation {record.id}: {outcome}")
    return counts


def _place(record: Journalled, evidence: Evidence, roots: Mapping[tuple[int, int], set[bytes]]) -> str:
    """Return proved, resent or unproved, or what is wrong."""
    proof = evidence.inclusion(record.lane, record.leaf)
    if proof is None:
        return "unproved"
    signed = roots.get((record.lane, proof.size))
    if not signed:
        return f"its path leads to a root of {proof.size} records that no checkpoint has"
    is_same = (proof.message, proof.index) == (record.message, record.index)
    hashed = leaf_hash(message=proof.message, index=proof.index, result=record.result)
    if any(is_included(hashed, leaf=record.leaf, size=proof.size, path=proof.path, root=root) for root in signed):
        # Booked from a message that went out before the one whose answer is kept: the result is the same.
        return "proved" if is_same else "resent"
    return f"its result is not what lies at leaf {record.leaf} of lane {record.lane}"


def _gone(record: Journalled, newest: Checkpoint | None) -> str | None:
    """Return what is wrong where a journal has no place for a record that the hub had booked before, or None."""
    if newest is None or record.booked_at is None or newest.made_at - record.booked_at < BOOKED_BEFORE:
        return None
    lane = newest.lanes.get(record.lane, LaneRoot(0, b""))
    if record.leaf < lane.size:
        return None
    return (
        f"it was booked at leaf {record.leaf} of lane {record.lane}, and the checkpoint of"
        f" {newest.made_at.isoformat()} has {lane.size} records there"
    )


def _statements(
    lines: Iterable[BookLine], evidence: Evidence, keys: HubKeys, prices: Prices | None, faults: list[str]
) -> Iterator[int]:
    # The window says what is billed: of which zone's day a line is, is no matter here.
    by_window: defaultdict[int, list[BookLine]] = defaultdict(list)
    for line in lines:
        by_window[line.window or 0].append(line)
    for window, receipt in evidence.statements():
        try:
            keys.verify(receipt)
            faults += [f"statement of window {window}: {fault}" for fault in _bill(window, receipt, by_window, prices)]
        except ReceiptInvalidError as fault:
            faults.append(f"statement of window {window}: {fault}")
        yield window


def _bill(
    window: int, receipt: Receipt, by_window: Mapping[int, list[BookLine]], prices: Prices | None
) -> Iterator[str]:
    content = receipt.content()
    told = content.get("window") if isinstance(content, dict) else None
    if not isinstance(told, dict) or told.get("window") != window:
        raise AnswerNotUnderstoodError(f"expected the statement of window {window}", content=told)
    check = check_statement(window, by_window.get(window, []), content)
    # Bills are of all machines; the likeliest reason is an outbox that was not named.
    hint = "; name your other machines' outboxes with --also" if check.lacks_operations else ""
    yield from (fault + hint for fault in check.faults)
    yield from bill_faults(content, prices)
