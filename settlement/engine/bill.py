"""The whole bill of a window: every partner's lines, by how its points are paid for.

    pool          charged when issued; whatever becomes of the points, the fund has their money
    issuer_pays   charged when redeemed: each payer at the redeemer's price, one line for each redeemer and its terms;
                  what expires costs nobody
    prepaid       bought before, as blocks; what is issued beyond them is billed as overdraft

The two books of points may differ for a payer, since a return takes other lots where its own are spent, and points
that come in repay debts. What it has issued by the partners' book and not by the book of lots has served somebody
else's return or debt (`cover_charge`); the other way round somebody else's lots have served its own (`cover_credit`).
A pool has the money of either; a payer at burn has not paid for the first and has paid for the second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from settlement.engine.line import Line, LineCode, in_order, lines_of, priced_line
from settlement.engine.money import Currency
from settlement.engine.origin import OriginTotal
from settlement.engine.prepaid import Block, BlockAccount
from settlement.engine.terms import Funding, Terms, funding_of_month, terms_valid_at
from settlement.engine.total import WindowTotal
from settlement.errors import UnknownTermsError

_BURN_CODES: dict[str, LineCode] = {"redeemed": "burn_charge", "redeem_reversed": "burn_charge_reversed"}
# By the book of lots: what made a payer's lots by its own sales, and what took of them for anything but a burn.
_LOT_SIGNS = {"issued": 1, "issue_reversed": -1, "repaid": -1}
_PARTNER_SIGNS = {"issued": 1, "issue_reversed": -1}


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBooks:
    """All that a window's bill is made of. `opened_at` and the terms are in the programme's time zone.

    `fee_payers` owe the platform fee. `blocks` are those bought in the window, `accounts` what prepaying partners drew.
    """

    window: int
    currency: Currency
    opened_at: datetime
    totals: tuple[WindowTotal, ...]
    origins: tuple[OriginTotal, ...]
    terms: tuple[Terms, ...]
    fee_payers: frozenset[int] = frozenset()
    blocks: Mapping[int, tuple[Block, ...]] = field(default_factory=dict)
    accounts: Mapping[int, BlockAccount] = field(default_factory=dict)


def bill(books: WindowBooks) -> dict[int, tuple[Line, ...]]:
    """Return every partner's lines, by partner in sorted order; one with nothing to bill is left out.

    Raises:
        UnknownTermsError: something was booked by a terms version that nobody has written down.
        MixedCurrencyError: terms are in another currency than the coalition's.
    """
    return _Bill(books).lines()


class _Bill:
    def __init__(self, books: WindowBooks) -> None:
        self._books = books
        self._terms = {(terms.partner, terms.version): terms for terms in books.terms}
        self._versions: defaultdict[int, list[Terms]] = defaultdict(list)
        for terms in books.terms:
            self._versions[terms.partner].append(terms)
        self._fundings: dict[tuple[int, date], Funding] = {}
        self._covers = self._covered_points()

    def lines(self) -> dict[int, tuple[Line, ...]]:
        totals: defaultdict[int, list[WindowTotal]] = defaultdict(list)
        for total in self._books.totals:
            totals[total.partner].append(total)
        burns = self._burn_lines()
        lines = {
            partner: in_order(
                (
                    *self._own_lines(partner, totals[partner]),
                    *burns.get(partner, ()),
                    *self._cover_lines(partner),
                    *self._block_lines(partner),
                )
            )
            for partner in sorted(self._versions)
        }
        unknown = sorted(totals.keys() - self._versions.keys())
        if unknown:
            raise UnknownTermsError(partner=unknown[0], version=totals[unknown[0]][0].terms_version)
        return {partner: partner_lines for partner, partner_lines in lines.items() if partner_lines}

    def _own_lines(self, partner: int, totals: Iterable[WindowTotal]) -> tuple[Line, ...]:
        books = self._books
        is_charged = partner in books.fee_payers
        platform = terms_valid_at(self._versions[partner], books.opened_at) if is_charged else None
        return lines_of(totals, self._terms, currency=books.currency, platform_terms=platform)

    def _burn_lines(self) -> dict[int, list[Line]]:
        points: defaultdict[tuple[int, str, int, int], int] = defaultdict(int)
        for origin in self._books.origins:
            if origin.kind in _BURN_CODES and self._funding(origin.payer, origin.month_of_sale) == "issuer_pays":
                points[origin.payer, origin.kind, origin.counterparty, origin.terms_version] += origin.points
        lines: defaultdict[int, list[Line]] = defaultdict(list)
        for (payer, kind, redeemer, version), count in points.items():
            lines[payer].append(self._burn_line(payer, _BURN_CODES[kind], count, redeemer=redeemer, version=version))
        return lines

    def _burn_line(self, payer: int, code: LineCode, points: int, *, redeemer: int, version: int) -> Line:
        if (redeemer, version) not in self._terms:
            raise UnknownTermsError(partner=redeemer, version=version)
        return priced_line(
            code,
            points if code == "burn_charge" else -points,
            self._terms[redeemer, version].redemption_price,
            currency=self._books.currency,
            vat=self._current(payer).charge_vat,
            terms_version=version,
            counterparty=redeemer,
        )

    def _cover_lines(self, partner: int) -> Iterator[Line]:
        points = self._covers.get(partner, 0)
        if not points:
            return
        terms = self._current(partner)
        yield priced_line(
            "cover_charge" if points > 0 else "cover_credit",
            points,
            terms.issue_price,
            currency=self._books.currency,
            vat=terms.charge_vat,
            terms_version=terms.version,
        )

    def _covered_points(self) -> dict[int, int]:
        points: defaultdict[int, int] = defaultdict(int)
        for total in self._books.totals:
            terms = self._terms.get((total.partner, total.terms_version))
            if terms is not None and terms.funding == "issuer_pays":
                points[total.partner] += _PARTNER_SIGNS.get(total.kind, 0) * total.points
        for origin in self._books.origins:
            if self._funding(origin.payer, origin.month_of_sale) == "issuer_pays":
                points[origin.payer] -= _LOT_SIGNS.get(origin.kind, 0) * origin.points
        return points

    def _block_lines(self, partner: int) -> Iterator[Line]:
        for block in self._books.blocks.get(partner, ()):
            yield priced_line(
                "block_purchase",
                block.points,
                block.price,
                currency=self._books.currency,
                vat=block.vat,
                terms_version=block.terms_version,
            )
        account = self._books.accounts.get(partner)
        if account is not None and account.overdraft:
            terms = self._current(partner)
            yield priced_line(
                "issue_overdraft",
                account.overdraft,
                terms.issue_price,
                currency=self._books.currency,
                vat=terms.charge_vat,
                terms_version=terms.version,
            )

    def _current(self, partner: int) -> Terms:
        """Return the terms of a window's start, by which is priced what no operation of the partner's own has made."""
        versions = self._versions[partner]
        return terms_valid_at(versions, self._books.opened_at) or min(versions, key=lambda terms: terms.version)

    def _funding(self, payer: int, month: date) -> Funding:
        if (payer, month) not in self._fundings:
            self._fundings[payer, month] = funding_of_month(self._versions[payer], month)
        return self._fundings[payer, month]
