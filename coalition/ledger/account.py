"""An account and its lots, as one batch works on them.

balance = sum of the lots' remaining points - debt       (debt > 0 only while no lot has points left)
available = balance - held
"""

from dataclasses import dataclass, field

from coalition.ledger.lot import Lot, LotUse


@dataclass(slots=True)
class Account:
    """The working copy of one account. `lots` are those with points left and those of originals to be reversed;
    they need to be loaded only where points are taken or given back."""

    account: int
    balance: int = 0
    held: int = 0
    debt: int = 0
    lots: list[Lot] = field(default_factory=list)

    @property
    def available(self) -> int:
        return self.balance - self.held

    def add(self, lots: list[Lot]) -> list[tuple[Lot, int]]:
        """Book an earn's lots; what is owed is repaid from them first. Return what the repayment took."""
        self.lots.extend(lots)
        self.balance += sum(lot.remaining for lot in lots)
        return self._repay()

    def take(self, points: int) -> list[tuple[Lot, int]]:
        """Take points for a burn, the oldest expiry first; the caller has checked that they are available."""
        taken = self._drain(sorted(self.lots, key=Lot.age), points)
        self.balance -= points
        return taken

    def give_back(self, uses: list[LotUse], points: int) -> list[tuple[Lot, int]]:
        """Bring back points that a burn took, the last taken first, each to the lot it came from; what is owed is
        repaid from them. Return what the repayment took."""
        lots = {(lot.leaf, lot.part): lot for lot in self.lots}
        left = points
        for use in sorted(uses, key=lambda use: lots[use.lot_leaf, use.lot_part].age(), reverse=True):
            share = min(left, use.points - use.restored)
            if share:
                lots[use.lot_leaf, use.lot_part].change(share)
                use.restored += share
                left -= share
        assert left == 0, "a burn's uses sum to its points"
        self.balance += points
        return self._repay()

    def claw_back(self, earn_leaf: int, points: int) -> list[tuple[Lot, int]]:
        """Undo points of an earn: from its own lots, then the oldest others, then as a debt. Return what was taken."""
        # Sorted, since the database gives lots in any order: an earn's shares are undone in the order stated.
        taken = self._drain(sorted((lot for lot in self.lots if lot.leaf == earn_leaf), key=Lot.age), points)
        left = points - sum(share for _, share in taken)
        taken += self._drain(sorted(self.lots, key=Lot.age), left)
        self.debt += points - sum(share for _, share in taken)
        self.balance -= points
        return taken

    def _repay(self) -> list[tuple[Lot, int]]:
        if not self.debt:
            return []
        taken = self._drain(sorted(self.lots, key=Lot.age), self.debt)
        self.debt -= sum(share for _, share in taken)
        return taken

    @staticmethod
    def _drain(lots: list[Lot], points: int) -> list[tuple[Lot, int]]:
        drained: list[tuple[Lot, int]] = []
        left = points
        for lot in lots:
            share = min(left, lot.remaining)
            if share:
                lot.change(-share)
                drained.append((lot, share))
                left -= share
            if not left:
                break
        return drained
