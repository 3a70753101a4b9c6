"""What a past period would have cost each partner under other terms of one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from settlement.engine.bill import WindowBooks, bill
from settlement.engine.line import LINE_CODES, Line, LineCode
from settlement.engine.money import Currency, add_exactly, round_half_up
from settlement.engine.position import position_of
from settlement.engine.prepaid import BlockAccount, account_of
from settlement.engine.terms import Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedLine:
    """A kind of line of one partner over all windows, as it was and as it would have been; without VAT."""

    partner: int
    code: LineCode
    old: Decimal
    new: Decimal

    @property
    def difference(self) -> Decimal:
        return self.new - self.old


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedNet:
    """What a partner paid (+) or was paid (-) in all, VAT included, and what it would have been."""

    partner: int
    old: Decimal
    new: Decimal

    @property
    def difference(self) -> Decimal:
        return self.new - self.old


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerating:
    """All lines and nets of a period under old and new terms, by partner; those without a difference among them."""

    windows: tuple[int, ...]
    lines: tuple[RatedLine, ...]
    nets: tuple[RatedNet, ...]


def rerate(periods: Sequence[WindowBooks], draft: Terms, currency: Currency) -> Rerating:
    """Price windows anew as if `draft` had stood in the place of every version of its partner's terms.

    Each window is billed as a whole, so that what other partners would have paid or got is told too. Points issued
    under a draft that prepays count as billed beyond no blocks, where the partner had none.
    """
    old = _Sums(currency, (bill(books) for books in periods))
    new = _Sums(currency, (bill(_under(draft, books)) for books in periods))
    keys = sorted(old.lines.keys() | new.lines.keys(), key=lambda key: (key[0], LINE_CODES.index(key[1])))
    partners = sorted(old.nets.keys() | new.nets.keys())
    return Rerating(
        windows=tuple(books.window for books in periods),
        lines=tuple(
            RatedLine(partner=partner, code=code, old=old.line(partner, code), new=new.line(partner, code))
            for partner, code in keys
        ),
        nets=tuple(RatedNet(partner=partner, old=old.net(partner), new=new.net(partner)) for partner in partners),
    )


class _Sums:
    """The lines and nets of several windows, added up."""

    def __init__(self, currency: Currency, bills: Iterable[Mapping[int, Sequence[Line]]]) -> None:
        self._zero = round_half_up(Decimal(0), currency)
        self.lines: defaultdict[tuple[int, LineCode], Decimal] = defaultdict(lambda: self._zero)
        self.nets: defaultdict[int, Decimal] = defaultdict(lambda: self._zero)
        for lines_by_partner in bills:
            for partner, lines in lines_by_partner.items():
                for line in lines:
                    key = (partner, line.code)
                    self.lines[key] = add_exactly((self.lines[key], line.amount))
                self.nets[partner] = add_exactly((self.nets[partner], position_of(partner, lines, currency).net))

    def line(self, partner: int, code: LineCode) -> Decimal:
        return self.lines.get((partner, code), self._zero)

    def net(self, partner: int) -> Decimal:
        return self.nets.get(partner, self._zero)


def _under(draft: Terms, books: WindowBooks) -> WindowBooks:
    partner = draft.partner
    terms = tuple(
        replace(draft, version=version.version, valid_from=version.valid_from)
        if version.partner == partner
        else version
        for version in books.terms
    )
    accounts = {owner: account for owner, account in books.accounts.items() if owner != partner}
    blocks = {owner: bought for owner, bought in books.blocks.items() if owner != partner}
    if draft.funding == "prepaid":
        accounts[partner] = books.accounts.get(partner) or _beyond_no_blocks(partner, books)
        blocks[partner] = books.blocks.get(partner, ())
    return replace(books, terms=terms, accounts=accounts, blocks=blocks)


def _beyond_no_blocks(partner: int, books: WindowBooks) -> BlockAccount:
    signs = {"issued": 1, "issue_reversed": -1}
    own = [total for total in books.totals if total.partner == partner]
    issued = sum(signs.get(total.kind, 0) * total.points for total in own)
    return account_of((), {books.window: issued}, window=books.window)
