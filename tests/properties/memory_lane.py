"""One lane in memory: loads and writes what the stores would, so that a batch sees no more than it would there."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from coalition.journal.merkle import Frontier
from coalition.journal.record import record_hash
from coalition.ledger.account import Account
from coalition.ledger.batch import Command, JournalRecord, KnownOperation, OperationKey
from coalition.ledger.book import Book
from coalition.ledger.certificate import Certificate
from coalition.ledger.decision import NO_RATE, Original
from coalition.ledger.entries import close_record
from coalition.ledger.hold import Hold
from coalition.ledger.lot import Lot, LotUse, rate_text
from coalition.ledger.operation import Earn, Reverse
from coalition.ledger.promotion import Allowance, BilledShare, Promotion, Promotions
from tests.properties.auditor import CALENDAR
from tests.properties.lane_tables import LaneTables, Line

MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


class MemoryLane:
    """Books batches as a lane of the hub does; every batch starts from copies of what was written."""

    def __init__(
        self,
        accounts: list[int],
        *,
        lane: int = 0,
        promotions: Sequence[Promotion] = (),
        budget: int = 0,
        certificates: Sequence[Certificate] = (),
    ) -> None:
        by_number = {str(promotion.promotion): promotion for promotion in promotions}
        self._promotions = by_number | {promotion.name: promotion for promotion in promotions}
        self._certificates = {certificate.certificate_id: certificate for certificate in certificates}
        self._budget = budget
        self._allowances: dict[int, Allowance] = {}
        self._billed: dict[int, list[BilledShare]] = {}
        self.lane = lane
        self.window_no = 1
        self.outstanding = 0
        self.journal: list[JournalRecord] = []
        self.frontier = Frontier()
        self._accounts = {account: Account(account) for account in accounts}
        self._lots: dict[tuple[int, int, int], Lot] = {}
        self._uses: dict[tuple[int, int, int], LotUse] = {}
        self._known: dict[OperationKey, KnownOperation] = {}
        self._totals: dict[tuple[int, int, str, int, str], Line] = {}
        self._lot_totals: Counter[tuple[int, int, str, str]] = Counter()
        self._reversals: list[tuple[int, int, int, int]] = []
        self._restorations: dict[tuple[int, int, int], int] = {}
        self._holds: dict[int, Hold] = {}

    def book(self, commands: Sequence[Command], now: datetime) -> list[str]:
        """Book one batch; a promotion that lacks allowance is granted more as long as its budget lasts."""
        spent: set[int] = set()
        while True:
            book, accounts, size = self._open(commands, now, spent)
            results = [book.book(command) for command in commands]
            if not book.promotions.short:
                self._write(book, accounts, size)
                return results
            for promotion, points in book.promotions.short.items():
                allowance = self._allowances.setdefault(promotion, Allowance())
                more = min(points, self._budget - allowance.granted)
                allowance.granted += more
                spent |= {promotion} if more < points else set()

    def _open(
        self, commands: Sequence[Command], now: datetime, spent: set[int]
    ) -> tuple[Book, dict[int, Account], int]:
        accounts, originals = self._load(commands, now)
        holds = {leaf: replace(hold, is_changed=False) for leaf, hold in self._holds.items()}
        for hold in reversed(holds.values()):
            if hold.state == "reserved":
                accounts[hold.account].holds.append(hold)
        size = len(self.journal)
        book = Book(
            lane=self.lane,
            window_no=self.window_no,
            size=size,
            booked_at=now,
            calendar=CALENDAR,
            accounts=accounts,
            known=dict(self._known),
            originals=originals,
            holds=holds,
            certificates={
                key: replace(certificate, counters=list(certificate.counters), uses=[])
                for key, certificate in self._certificates.items()
            },
            promotions=Promotions(
                self._promotions,
                {promotion: replace(allowance) for promotion, allowance in self._allowances.items()},
                spent=spent,
            ),
        )
        return book, accounts, size

    def close(self) -> None:
        """End the window."""
        record = close_record(lane=self.lane, window_no=self.window_no, leaf=len(self.journal), booked_at=MIDNIGHT)
        self.journal.append(record)
        self.frontier.append(record_hash(message=None, index=None, result=record.result))
        self.window_no += 1

    def tables(self) -> LaneTables:
        return LaneTables(
            window_no=self.window_no,
            outstanding=self.outstanding,
            accounts={number: (account.balance, account.debt) for number, account in self._accounts.items()},
            holds={
                hold.leaf: (hold.account, hold.partner, hold.points, hold.state, hold.captured, hold.resolved_leaf)
                for hold in self._holds.values()
            },
            lots={key: (lot.points, lot.remaining) for key, lot in self._lots.items()},
            uses={key: (use.points, use.restored) for key, use in self._uses.items()},
            restorations=dict(self._restorations),
            totals=dict(self._totals),
            lot_totals=dict(self._lot_totals),
            journal=[record[1:11] for record in self.journal],
        )

    def _load(
        self, commands: Sequence[Command], now: datetime
    ) -> tuple[dict[int, Account], dict[OperationKey, Original]]:
        accounts = {number: replace(account, lots=[], holds=[]) for number, account in self._accounts.items()}
        spending = [command for command in commands if not isinstance(command.operation, Earn)]
        named = {
            (command.partner.partner, command.operation.operation_id)
            for command in spending
            if isinstance(command.operation, Reverse)
        }
        originals = {key: self._original(self.journal[self._known[key].leaf]) for key in named & self._known.keys()}
        leaves = {original.leaf for original in originals.values()}
        leaves |= {use.lot_leaf for original in originals.values() for use in original.uses}
        # Whose points nobody takes, and time has not, has no lots loaded.
        today = CALENDAR.day_of(now)
        loaded = {command.account for command in spending}
        for number, account in accounts.items():
            is_due = account.next_expires_on is not None and account.next_expires_on <= today
            if is_due or account.debt:
                loaded.add(number)
            account.others_expire_on = None if number in loaded else account.next_expires_on
        # Backwards: a database promises no order.
        for (account, leaf, _), lot in reversed(self._lots.items()):
            if account in loaded and (lot.remaining or leaf in leaves):
                accounts[account].lots.append(replace(lot, is_changed=False))
        return accounts, originals

    def _original(self, record: JournalRecord) -> Original:
        lots = sorted((lot for lot in self._lots.values() if lot.leaf == record.leaf), key=lambda lot: lot.part)
        shares: tuple[tuple[str, int], ...] = ((NO_RATE, record.points),)
        if record.kind == "earn" and lots:
            shares = tuple((rate_text(lot.vat_rate), lot.points) for lot in lots)
        uses = [replace(use) for use in self._uses.values() if use.leaf == record.leaf]
        assert record.account is not None
        return Original(
            record.leaf,
            record.kind,
            record.code,
            record.account,
            record.points,
            sum(points for _, original, _, points in self._reversals if original == record.leaf),
            record.terms_version or 0,
            shares,
            uses if record.kind in ("burn", "capture") else [],
            payer_shares=tuple(
                ((share.payer, share.terms_version, share.vat_rate), share.points)
                for share in self._billed.get(record.leaf, ())
            ),
            promotion=self._billed[record.leaf][0].promotion if record.leaf in self._billed else None,
        )

    def _write(self, book: Book, accounts: dict[int, Account], size: int) -> None:
        changes = book.changes
        for number, account in accounts.items():
            self._accounts[number] = replace(account, lots=[], holds=[])
            changed = [lot for lot in account.lots if lot.is_changed and lot.leaf < size]
            self._lots |= {(number, lot.leaf, lot.part): replace(lot) for lot in changed}
        self._lots |= {(number, lot.leaf, lot.part): replace(lot) for number, lot in changes.new_lots}
        self._uses |= {key: replace(use) for key, use in changes.uses.items()}
        self._reversals += changes.reversals
        self._restorations |= {(leaf, *lot): points for _, leaf, *lot, points in changes.restorations}
        self._certificates |= book.certificates
        self._allowances |= book.promotions.allowances
        for share in book.promotions.billed:
            self._billed.setdefault(share.leaf, []).append(share)
        self._holds |= {leaf: replace(hold) for leaf, hold in changes.holds.items()}
        for key, total in changes.totals.items():
            first, last = total.first_occurred_at, total.last_occurred_at
            before = self._totals.get((self.window_no, *key), (0, 0, first, last))
            points, operations = before[0] + total.points, before[1] + total.operations
            self._totals[self.window_no, *key] = (points, operations, min(before[2], first), max(before[3], last))
        for (payer, kind, _, _, _, rate), points in changes.lot_totals.items():
            self._lot_totals[self.window_no, payer, kind, rate] += points
        self.journal += changes.records
        self._known |= {
            (record.partner, record.operation_id): KnownOperation(content, self.lane, record.leaf, record.result)
            for record, content in zip(changes.records, changes.contents, strict=True)
            if record.partner is not None and record.operation_id is not None and content is not None
        }
        self.frontier.extend(changes.hashed_leaves)
        self.outstanding += changes.outstanding
