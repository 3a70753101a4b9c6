"""What a batch writes, entry by entry: the journal's records, the statement's totals, and the totals of lots by origin.

Two books of the same points: `totals` say what partners issued and redeemed, `lot_totals` what went into lots and out
of them, by who paid for them, month of sale and VAT rate. They are counted apart and must agree.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

from coalition.journal.record import record_hash
from coalition.ledger.account import Account
from coalition.ledger.batch import Changes, Command, JournalRecord, Total
from coalition.ledger.cap import Caps
from coalition.ledger.decision import Booking, Kind, PayerShare, Refusal, TotalKind
from coalition.ledger.lot import Lot, LotRestoration, LotUse, rate_text
from coalition.ledger.result import ResultWriter, closed_result

OwnKind = Literal["time_out", "expire", "move_out", "move_in"]
LotKind = Literal[
    "issued", "issue_reversed", "redeemed", "redeem_reversed", "expired", "moved_out", "moved_in", "repaid"
]

# What a record of each kind brings into lots and takes out of them. Where points come in, some may repay a debt at
# once; a burn brings in what it lends.
LOT_KINDS: dict[Kind | OwnKind, tuple[LotKind, LotKind]] = {
    "earn": ("issued", "repaid"),
    "burn": ("issued", "redeemed"),
    "capture": ("issued", "redeemed"),
    "reverse_earn": ("issued", "issue_reversed"),
    "reverse_burn": ("redeem_reversed", "repaid"),
    "reserve": ("issued", "repaid"),
    "release": ("issued", "repaid"),
    "time_out": ("issued", "repaid"),
    "expire": ("issued", "expired"),
    "move_out": ("issued", "moved_out"),
    "move_in": ("moved_in", "repaid"),
}
# Those that say with whom.
PARTNERS_KINDS: frozenset[LotKind] = frozenset(("issued", "issue_reversed", "redeemed", "redeem_reversed"))


class Entries:
    """Collects the changes of one batch of one lane, whose journal has `size` records before it."""

    def __init__(self, *, lane: int, window_no: int, size: int, booked_at: datetime, today: date, caps: Caps) -> None:
        self.changes = Changes(window_no, today)
        self.next_leaf = size
        self.result = ResultWriter(lane=lane, window_no=window_no, booked_at=booked_at)
        self._lane = lane
        self._window_no = window_no
        self._booked_at = booked_at
        self._caps = caps

    def append(self, command: Command, decided: Booking | Refusal, code: str | None, result: str) -> None:
        """Append an operation's record."""
        operation, changes, leaf = command.operation, self.changes, self.next_leaf
        changes.records.append(
            JournalRecord(
                self._lane,
                leaf,
                self._window_no,
                decided.kind,
                code,
                command.partner.partner,
                operation.id,
                command.account,
                decided.points,
                decided.terms_version if isinstance(decided, Booking) else None,
                decided.original_leaf,
                operation.shop,
                operation.till,
                operation.reference,
                operation.occurred_at,
                self._booked_at,
                command.message,
                command.message_index,
                result,
            )
        )
        changes.contents.append(command.content)
        changes.hashed_leaves.append(record_hash(message=command.message, index=command.message_index, result=result))
        self.next_leaf += 1

    def append_own(
        self,
        kind: OwnKind,
        partner: int,
        account: Account,
        points: int,
        *,
        occurred_at: datetime,
        original_leaf: int | None = None,
    ) -> None:
        """Append a record of the hub's own; what it moved in the account's lots is counted."""
        self.count_lots(kind, account)
        leaf = self.next_leaf
        result = self.result.own(kind, points, account, leaf)
        record = JournalRecord(
            lane=self._lane,
            leaf=leaf,
            window_no=self._window_no,
            kind=kind,
            code=None,
            partner=partner,
            operation_id=None,
            account=account.account,
            points=points,
            terms_version=None,
            original_leaf=original_leaf,
            shop=None,
            till=None,
            reference=None,
            occurred_at=occurred_at,
            booked_at=self._booked_at,
            message=None,
            message_index=None,
            result=result,
        )
        self.changes.records.append(record)
        self.changes.contents.append(None)
        self.changes.hashed_leaves.append(record_hash(message=None, index=None, result=result))
        self.next_leaf += 1

    def use(self, uses: Iterable[LotUse]) -> None:
        """Account for points that left lots, or came back to them."""
        for use in uses:
            self.changes.uses[use.leaf, use.lot_leaf, use.lot_part] = use

    def take(self, pieces: Iterable[tuple[Lot, int]]) -> None:
        """Account for what the next record takes of lots."""
        self.use(LotUse(self.next_leaf, lot.leaf, lot.part, points) for lot, points in pieces)

    def add_totals(
        self,
        line: tuple[int, TotalKind, int],
        shares: Iterable[tuple[str, int]],
        occurred_at: datetime,
        operations: int = 1,
    ) -> None:
        """Add one record to the statement lines of its VAT rates; it counts as one operation, in the first of them."""
        totals = self.changes.totals
        if self._caps.are_on:
            shares = list(shares)
            self._caps.count(*line, sum(points for _, points in shares))
        for rate, points in shares:
            key = (*line, rate)
            total = totals.get(key)
            if total is None:
                total = totals[key] = Total(occurred_at, occurred_at)
            total.add(points, operations, occurred_at)
            operations = 0

    def add_payer_totals(
        self, kind: TotalKind, shares: Iterable[tuple[PayerShare, int]], occurred_at: datetime
    ) -> None:
        """Add one record to the statement lines of those who pay for it; it counts in the first of them."""
        operations = 1
        for (payer, terms_version, rate), points in shares:
            self.add_totals((payer, kind, terms_version), ((rate, points),), occurred_at, operations)
            operations = 0

    def add_lot_pieces(
        self, payer: int, kind: TotalKind, pieces: Iterable[tuple[Lot, int]], occurred_at: datetime
    ) -> int:
        """Add what a record of the hub's own moved of a payer's lots to their totals; return the points."""
        by_rate: dict[str, int] = {}
        for lot, points in pieces:
            rate = rate_text(lot.vat_rate)
            by_rate[rate] = by_rate.get(rate, 0) + points
        self.add_totals((payer, kind, 0), by_rate.items(), occurred_at)
        return sum(by_rate.values())

    def count_lots(
        self, kind: Kind | OwnKind, account: Account, *, counterparty: int = 0, terms_version: int = 0
    ) -> None:
        """Count what a record has just moved in an account's lots, by the lots' origin. `counterparty` is the partner
        whose operation it is, by that version of its terms."""
        came, went = LOT_KINDS[kind]
        totals = self.changes.lot_totals
        for lot, points in account.moved:
            lot_kind = came if points > 0 else went
            named = (counterparty, terms_version) if lot_kind in PARTNERS_KINDS else (0, 0)
            key = (lot.payer, lot_kind, *named, lot.month_of_sale, rate_text(lot.vat_rate))
            totals[key] = totals.get(key, 0) + abs(points)
        if kind == "reverse_burn":
            self.changes.restorations += [
                LotRestoration(self._lane, self.next_leaf, lot.leaf, lot.part, points)
                for lot, points in account.moved
                if points > 0
            ]
        account.moved.clear()


def close_record(*, lane: int, window_no: int, leaf: int, booked_at: datetime) -> JournalRecord:
    """Return the hub's own record that ends a window in a lane."""
    return JournalRecord(
        lane=lane,
        leaf=leaf,
        window_no=window_no,
        kind="close",
        code=None,
        partner=None,
        operation_id=None,
        account=None,
        points=0,
        terms_version=None,
        original_leaf=None,
        shop=None,
        till=None,
        reference=None,
        occurred_at=None,
        booked_at=booked_at,
        message=None,
        message_index=None,
        result=closed_result(lane=lane, window_no=window_no, leaf=leaf, booked_at=booked_at),
    )
