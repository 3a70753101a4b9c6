"""An account with its lots and holds, as one batch works on them.

balance = sum of the lots' remaining points - debt
available = balance - held                               (held: the points of open holds)
free = sum of the lots' remaining points - held          (never below 0; a debt is repaid when points come in
                                                          or are freed)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from coalition.ledger.expiry import ONE_DAY, Grace
from coalition.ledger.hold import Hold
from coalition.ledger.lot import Lot, LotUse


@dataclass(slots=True)
class Account:
    """The working copy of one account. `lots` are those with points left and those of originals to be reversed;
    they need to be loaded only where points are taken or given back. `holds` are the open ones. `next_expires_on` is a
    day before which no point of it expires, None: none does; `others_expire_on` the same of the lots that were not
    loaded. `moved` is what went into lots (more than 0) and out of them (less) since somebody last counted it."""

    account: int
    balance: int = 0
    held: int = 0
    debt: int = 0
    next_expires_on: date | None = None
    others_expire_on: date | None = None
    lots: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    moved: list[tuple[Lot, int]] = field(default_factory=list)

    @property
    def available(self) -> int:
        return self.balance - self.held

    @property
    def free(self) -> int:
        """The points that may leave the lots; the others are promised to holds."""
        return self.balance + self.debt - self.held

    def expire_from(self, day: date | None) -> None:
        """Take note that points expire on this day."""
        if day is not None and (self.next_expires_on is None or day < self.next_expires_on):
            self.next_expires_on = day

    def add(self, lots: list[Lot]) -> list[tuple[Lot, int]]:
        """Book an earn's lots; what is owed is repaid from them first. Return what the repayment took."""
        self.lots.extend(lots)
        self.moved += [(lot, lot.points) for lot in lots]
        self.balance += sum(lot.remaining for lot in lots)
        return self.repay()

    def take(self, points: int) -> list[tuple[Lot, int]]:
        """Take points for a burn, the oldest expiry first; the caller has checked that they are available."""
        taken = self._drain(sorted(self.lots, key=Lot.age), points)
        self.balance -= points
        return taken

    def lend(self, lot: Lot) -> None:
        """Add a lot that is owed at once: the balance stays as it is."""
        self.lots.append(lot)
        self.moved.append((lot, lot.points))
        self.debt += lot.points
        self.expire_from(lot.expires_on)

    def give_back(self, uses: list[LotUse], points: int, *, grace: Grace) -> tuple[list[tuple[Lot, int]], int]:
        """Bring back points that a burn took, the last taken first, each to the lot it came from with its age. A lot
        that has expired meanwhile lives again by grace. What is owed is repaid from them.

        Return what the repayment took, and how many points came back by grace."""
        lots = {(lot.leaf, lot.part): lot for lot in self.lots}
        left, grace_points = points, 0
        for use in sorted(uses, key=lambda use: lots[use.lot_leaf, use.lot_part].age(), reverse=True):
            share = min(left, use.points - use.restored)
            if share:
                lot = lots[use.lot_leaf, use.lot_part]
                if lot.expires_on is not None and lot.expires_on <= grace.today:
                    lot.expires_on = grace.until + ONE_DAY
                    grace_points += share
                lot.change(share)
                self.moved.append((lot, share))
                self.expire_from(lot.expires_on)
                use.restored += share
                left -= share
        assert left == 0, "a burn's uses sum to its points"
        self.balance += points
        return self.repay(), grace_points

    def claw_back(
        self, earn_leaf: int, points: int, *, parts: Mapping[int, int] | None = None
    ) -> list[tuple[Lot, int]]:
        """Undo points of an earn: from its own lots, then the oldest others, then as a debt; points on hold stay.
        `parts` says how many to take first of which of its lots. Return what was taken."""
        takeable = min(points, self.free)
        # Sorted, since the database gives lots in any order: an earn's shares are undone in the order stated.
        own = sorted((lot for lot in self.lots if lot.leaf == earn_leaf), key=Lot.age)
        taken: list[tuple[Lot, int]] = []
        if parts:
            for lot in own:
                left = takeable - sum(share for _, share in taken)
                taken += self._drain([lot], min(parts.get(lot.part, 0), left))
        taken += self._drain(own, takeable - sum(share for _, share in taken))
        left = takeable - sum(share for _, share in taken)
        taken += self._drain(sorted(self.lots, key=Lot.age), left)
        self.debt += points - takeable
        self.balance -= points
        return _by_lot(taken) if parts else taken

    def reserve(self, hold: Hold) -> None:
        """Set points aside; the caller has checked that they are available."""
        self.holds.append(hold)
        self.held += hold.points

    def free_hold(self, hold: Hold) -> None:
        """Stop holding its points."""
        self.holds.remove(hold)
        self.held -= hold.points

    def give(self, lots: list[Lot], points: int) -> list[tuple[Lot, int]]:
        """Take points of some lots for another account, the oldest first, as far as they are not on hold. Return what
        was taken."""
        taken = self._drain(sorted(lots, key=Lot.age), min(points, self.free))
        self.balance -= sum(share for _, share in taken)
        return taken

    def expire(self, lots: list[Lot]) -> list[tuple[Lot, int]]:
        """Take what is left of lots that have expired, the oldest first; points on hold stay. Return what was taken."""
        taken = self._drain(sorted(lots, key=Lot.age), self.free)
        self.balance -= sum(share for _, share in taken)
        return taken

    def repay(self) -> list[tuple[Lot, int]]:
        """Pay what is owed from what is free, the oldest first. Return what that took."""
        if not self.debt:
            return []
        taken = self._drain(sorted(self.lots, key=Lot.age), min(self.debt, self.free))
        self.debt -= sum(share for _, share in taken)
        return taken

    def _drain(self, lots: list[Lot], points: int) -> list[tuple[Lot, int]]:
        drained: list[tuple[Lot, int]] = []
        left = points
        for lot in lots:
            share = min(left, lot.remaining)
            if share > 0:
                lot.change(-share)
                drained.append((lot, share))
                left -= share
            if left <= 0:
                break
        self.moved += [(lot, -share) for lot, share in drained]
        return drained


def _by_lot(taken: Iterable[tuple[Lot, int]]) -> list[tuple[Lot, int]]:
    """Return each lot once, with all that was taken of it."""
    lots: dict[tuple[int, int], tuple[Lot, int]] = {}
    for lot, points in taken:
        _, before = lots.get((lot.leaf, lot.part), (lot, 0))
        lots[lot.leaf, lot.part] = (lot, before + points)
    return list(lots.values())
