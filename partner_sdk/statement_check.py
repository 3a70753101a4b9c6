"""A statement's control totals against the receipts that name its window."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from partner_sdk.books import BookLine
from partner_sdk.errors import AnswerNotUnderstoodError

KINDS = ("issued", "issue_reversed", "redeemed", "redeem_reversed")
_KIND_OF = {"earn": "issued", "burn": "redeemed", "capture": "redeemed"}
_KIND_OF_REVERSED = {"earn": "issue_reversed", "burn": "redeem_reversed", "capture": "redeem_reversed"}


@dataclass(frozen=True, slots=True)
class KindTotal:
    """Points, and the operations that moved them."""

    points: int = 0
    operations: int = 0


@dataclass(frozen=True, slots=True)
class StatementCheck:
    """A window's statement beside the books: `faults` names each total that differs, none: they agree.

    `shared` operations were paid by joint promotions: each payer's statement has its part of them, so that totals of
    points issued can not be compared one by one. `unknown` are reversals whose original the books don't have.
    """

    window: int
    books: Mapping[str, KindTotal]
    statement: Mapping[str, KindTotal]
    shared: KindTotal
    unknown: KindTotal
    faults: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.faults

    @property
    def lacks_operations(self) -> bool:
        """Whether the statement counts more operations than the books have."""
        mine = _sum(self.shared, self.unknown, *self.books.values())
        return _sum(*self.statement.values()).operations > mine.operations


def check_statement(window: int, lines: Iterable[BookLine], statement: Any) -> StatementCheck:
    """Compare the lines of the books that name a window with its statement. Raises AnswerNotUnderstoodError."""
    told = _control(statement)
    books = dict.fromkeys(KINDS, KindTotal())
    shared = unknown = KindTotal()
    for line in lines:
        kind = _KIND_OF.get(line.type) or _KIND_OF_REVERSED.get(line.reverses or "")
        if line.is_shared:
            shared = _added(shared, line)
        elif kind is None:
            unknown = _added(unknown, line)
        else:
            books[kind] = _added(books[kind], line)
    faults = tuple(_faults(books, told, shared, unknown))
    return StatementCheck(window, books, told, shared, unknown, faults)


def _faults(
    books: Mapping[str, KindTotal], told: Mapping[str, KindTotal], shared: KindTotal, unknown: KindTotal
) -> Iterator[str]:
    compared: dict[str, tuple[tuple[str, ...], KindTotal]] = {kind: ((kind,), KindTotal()) for kind in KINDS}
    if unknown.operations:
        # Which of the two they are is not known here; together they must come to the same.
        reversed_kinds = ("issue_reversed", "redeem_reversed")
        compared = {kind: compared[kind] for kind in ("issued", "redeemed")} | {"reversed": (reversed_kinds, unknown)}
    for name, (kinds, more) in compared.items():
        if shared.operations and ("issued" in kinds or "issue_reversed" in kinds):
            continue
        mine, theirs = _sum(more, *(books[kind] for kind in kinds)), _sum(*(told[kind] for kind in kinds))
        if mine != theirs:
            yield f"{name}: {_text(mine)} in the books, {_text(theirs)} on the statement"


def _control(statement: Any) -> dict[str, KindTotal]:
    try:
        control = statement["control"]
        return {kind: KindTotal(int(control[kind]["points"]), int(control[kind]["operations"])) for kind in KINDS}
    except (KeyError, TypeError, ValueError) as fault:
        raise AnswerNotUnderstoodError("expected a statement with control totals", content=statement) from fault


def _added(total: KindTotal, line: BookLine) -> KindTotal:
    return KindTotal(total.points + line.points, total.operations + 1)


def _sum(*totals: KindTotal) -> KindTotal:
    return KindTotal(sum(one.points for one in totals), sum(one.operations for one in totals))


def _text(total: KindTotal) -> str:
    return f"{total.points} points of {total.operations} operations"
