"""Values for the settlement's tests, valid by default."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from settlement.engine.line import Line, lines_of
from settlement.engine.money import Currency
from settlement.engine.position import lines_by_partner
from settlement.engine.statement import Party, Statement, WindowPeriod, make_statement
from settlement.engine.terms import Terms
from settlement.engine.total import Kind, WindowTotal

EUR = Currency("EUR")
BERLIN_WINTER = timezone(timedelta(hours=1))


def make_terms(partner: int = 1, version: int = 1, **changes: object) -> Terms:
    fields: dict[str, object] = {
        "partner": partner,
        "version": version,
        "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
        "currency": EUR,
        "issue_price": Decimal("0.01"),
        "redemption_price": Decimal("0.01"),
    }
    return Terms(**(fields | changes))  # type: ignore[arg-type]


FIRST_SALE, LAST_SALE = datetime(2026, 9, 25, 18, 30, tzinfo=UTC), datetime(2026, 10, 31, 22, 59, tzinfo=UTC)


def total(
    partner: int,
    kind: Kind,
    points: int,
    *,
    terms_version: int = 1,
    vat: str | None = None,
    first: datetime = FIRST_SALE,
    last: datetime = LAST_SALE,
) -> WindowTotal:
    """Points of one kind, of as many operations as there are hundreds of points."""
    return WindowTotal(
        partner=partner,
        kind=kind,
        terms_version=terms_version,
        points=points,
        operations=points // 100,
        first_occurred_at=first,
        last_occurred_at=last,
        vat_rate=None if vat is None else Decimal(vat),
    )


def priced(totals: Iterable[WindowTotal], *terms: Terms, platform: bool = False) -> dict[int, tuple[Line, ...]]:
    """Price totals by the terms given; `platform` charges each partner the fee of its terms."""
    return lines_by_partner(
        totals,
        {(version.partner, version.version): version for version in terms},
        currency=EUR,
        platform_terms={version.partner: version for version in terms} if platform else None,
    )


RICH_TERMS = (
    make_terms(
        12,
        service_fee=Decimal("0.002"),
        commission=Decimal("0.03"),
        platform_fee=Decimal("250.00"),
        redemption_price=Decimal("0.0095"),
    ),
    make_terms(12, 2, service_fee=Decimal("0.0015"), commission=Decimal("0.025"), platform_fee=Decimal("250.00")),
)
RICH_TOTALS = (
    total(12, "issued", 1_200_000, vat="19"),
    total(12, "issued", 84_211, vat="7"),
    total(12, "issued", 310_499, terms_version=2),
    total(12, "issue_reversed", 12_345, vat="19"),
    total(12, "redeemed", 450_000),
    total(12, "redeemed", 99_950, terms_version=2),
    total(12, "redeem_reversed", 2_500),
)


def make_rich_statement(**changes: object) -> Statement:
    """A statement with every kind of line and two terms versions."""
    fields: dict[str, object] = {
        "period": WindowPeriod(
            window=7,
            opened_at=datetime(2026, 10, 1, tzinfo=BERLIN_WINTER),
            closed_at=datetime(2026, 11, 1, tzinfo=BERLIN_WINTER),
        ),
        "zone": BERLIN_WINTER,
        "made_at": datetime(2026, 11, 2, 9, 30, tzinfo=BERLIN_WINTER),
        "operator": Party(name="Coalition Betriebs-GmbH", address=("Hafenstraße 1", "20457 Hamburg")),
        "partner": 12,
        "addressee": Party(name="Bäckerei Müller & Söhne KG", address=("Am Markt 3", "80331 München")),
        "currency": EUR,
        "lines": lines_of(
            RICH_TOTALS,
            {(terms.partner, terms.version): terms for terms in RICH_TERMS},
            currency=EUR,
            platform_terms=RICH_TERMS[1],
        ),
        "totals": RICH_TOTALS,
    }
    return make_statement(**(fields | changes))  # type: ignore[arg-type]
