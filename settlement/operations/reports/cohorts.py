"""Cohorts with their estimates and revenue at a window's end: what the reports on breakage and IFRS 15 share."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from settlement.engine.breakage import Curve, Estimate, Outlook, curve_of, estimate
from settlement.engine.cohort import Cohort, History, cohorts_of, histories_of
from settlement.engine.deferred_revenue import RevenuePosition, revenue_position
from settlement.engine.money import add_exactly, multiply_exactly
from settlement.engine.terms import Terms, terms_valid_at
from settlement.operations.reports.asked import Asked
from settlement.stores.breakage_rules import BreakageRule, load_breakage_rules
from settlement.stores.points_reports import load_cohort_totals, load_issued_by_terms, load_month_histories
from settlement.stores.terms import load_all_terms

CohortKey = tuple[int, date]


@dataclass(frozen=True, slots=True)
class Estimates:
    """Every cohort at the end of a window, by (payer, month), with the rule that held for it."""

    window: int
    rule: BreakageRule
    by_cohort: Mapping[CohortKey, Estimate]

    def by_month(self) -> list[tuple[date, list[Estimate]]]:
        ordered = sorted(self.by_cohort.values(), key=lambda one: (one.cohort.month, one.cohort.payer))
        return [(month, list(group)) for month, group in groupby(ordered, key=lambda one: one.cohort.month)]

    def by_payer(self) -> list[tuple[int, list[Estimate]]]:
        ordered = sorted(self.by_cohort.values(), key=lambda one: (one.cohort.payer, one.cohort.month))
        return [(payer, list(group)) for payer, group in groupby(ordered, key=lambda one: one.cohort.payer)]


async def load_estimates(asked: Asked, *, until: int) -> Estimates:
    """Return all cohorts as they stood at the end of a window, estimated by what was known then."""
    cohorts = cohorts_of(await load_cohort_totals(asked.connection, asked.lanes, until=until))
    histories = histories_of(await load_month_histories(asked.connection, asked.lanes, until=until))
    rule = rule_of(await load_breakage_rules(asked.connection), until)
    curve, by_month = curve_of(histories, until=until), {history.month: history for history in histories}
    return Estimates(
        window=until,
        rule=rule,
        by_cohort={
            (cohort.payer, cohort.month): estimate(
                cohort,
                _outlook(curve, by_month[cohort.month], until),
                expected_redemption=rule.expected_redemption,
            )
            for cohort in cohorts
            if asked.wants(cohort.payer)
        },
    )


async def load_revenue(asked: Asked) -> dict[CohortKey, tuple[Estimate, RevenuePosition]]:
    """Return each cohort's estimate and revenue at the end of the window asked for, and of the window itself."""
    until = asked.window.window_no
    now = await load_estimates(asked, until=until)
    before = await load_estimates(asked, until=until - 1)
    prices, prices_before = await _prices(asked, until=until), await _prices(asked, until=until - 1)
    return {
        key: (
            found,
            _position(
                asked,
                found,
                before.by_cohort.get(key) or _nothing(found.cohort),
                price=prices(key),
                price_before=prices_before(key),
            ),
        )
        for key, found in sorted(now.by_cohort.items(), key=lambda item: item[0][::-1])
    }


def rule_of(rules: Sequence[BreakageRule], window: int) -> BreakageRule:
    """Return the rule that holds for a window."""
    return max((rule for rule in rules if rule.from_window <= window), key=lambda rule: rule.from_window)


def _outlook(curve: Curve, history: History, until: int) -> Outlook:
    return curve.at(history.age_at(until))


def _nothing(cohort: Cohort) -> Estimate:
    return Estimate(cohort=Cohort(payer=cohort.payer, month=cohort.month), redeemed_in_the_end=0)


def _position(
    asked: Asked, found: Estimate, before: Estimate, *, price: Decimal, price_before: Decimal
) -> RevenuePosition:
    return revenue_position(
        price=multiply_exactly(found.cohort.issued, price),
        estimate=found,
        price_before=multiply_exactly(before.cohort.issued, price_before),
        estimate_before=before,
        currency=asked.currency,
    )


class _Prices:
    """What a point of a cohort cost its payer: the issue price of its terms, weighed by what it issued under each."""

    def __init__(self, asked: Asked, terms: Sequence[Terms], issued: Mapping[CohortKey, Mapping[int, int]]) -> None:
        self._asked = asked
        self._issued = issued
        self._versions: dict[int, dict[int, Terms]] = {}
        for version in terms:
            self._versions.setdefault(version.partner, {})[version.version] = version

    def __call__(self, key: CohortKey) -> Decimal:
        payer, month = key
        versions = self._versions.get(payer, {})
        weights: defaultdict[Decimal, int] = defaultdict(int)
        for version, points in self._issued.get(key, {}).items():
            if version in versions:
                weights[_price(versions[version])] += points
        if len(weights) == 1:
            return next(iter(weights))
        if weights:
            paid = add_exactly(multiply_exactly(points, price) for price, points in weights.items())
            return (paid / sum(weights.values())).quantize(Decimal("1e-12"))
        # Nothing but its share of promotions that others issued: by its terms of that month.
        first = datetime(month.year, month.month, 1, tzinfo=self._asked.programme.zone)
        valid = terms_valid_at(versions.values(), first)
        return _price(valid) if valid else self._asked.programme.point_value


def _price(terms: Terms) -> Decimal:
    # Who pays when points are redeemed has paid nothing for those that are not: there is nothing to defer.
    return Decimal(0) if terms.funding == "issuer_pays" else terms.issue_price


async def _prices(asked: Asked, *, until: int) -> _Prices:
    terms = [stored.terms for stored in await load_all_terms(asked.connection, asked.programme)]
    return _Prices(asked, terms, await load_issued_by_terms(asked.connection, asked.lanes, until=until))
