"""Add a version to a partner's terms."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from coalition.database.pool import Pool
from settlement.engine.terms import Terms
from settlement.engine.vat import NOT_SUBJECT, VatTreatment
from settlement.errors import FieldProblem, InvalidTermsError, UnknownPartnerError
from settlement.stores.hub import Programme, load_partner_names, load_programme
from settlement.stores.terms import (
    OfflineLoss,
    ReturnLoss,
    StoredTerms,
    announce_terms,
    insert_terms,
    load_terms,
    lock_terms,
)

Kept = TypeVar("Kept", Decimal, VatTreatment)

EARN_RATE_MAX = Decimal(100_000)
EARN_RATE_DECIMALS_MAX = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsChange:
    """What a new version changes; None keeps what the version before it says."""

    issue_price: Decimal | None = None
    service_fee: Decimal | None = None
    redemption_price: Decimal | None = None
    commission: Decimal | None = None
    platform_fee: Decimal | None = None
    charge_vat: VatTreatment | None = None
    fee_vat: VatTreatment | None = None
    redemption_vat: VatTreatment | None = None
    earn_rate: Decimal | None = None
    offline_loss: OfflineLoss | None = None
    return_loss: ReturnLoss | None = None


async def add_terms(
    pool: Pool, partner: int, change: TermsChange, *, valid_from: datetime, now: datetime, actor: str
) -> StoredTerms:
    """Add the next version of a partner's terms, valid from a moment that is still to come.

    A `valid_from` without a zone is meant in the programme's. The same change for the same moment, sent again, is the
    version that is there. Running hubs are told.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidTermsError: fields break a limit, or `valid_from` is past or not after the version before.
    """
    async with pool.acquire() as connection, connection.transaction():
        if partner not in await load_partner_names(connection):
            raise UnknownPartnerError(partner=partner)
        programme = await load_programme(connection)
        valid_from = _in_zone(valid_from, programme.zone)
        await lock_terms(connection, partner)
        versions = await load_terms(connection, partner, programme)
        terms, earn_rate = _next_version(versions, partner, change, programme=programme, valid_from=valid_from)
        offline_loss = change.offline_loss or (versions[-1].offline_loss if versions else "partner")
        return_loss = change.return_loss or (versions[-1].return_loss if versions else "member")
        added = StoredTerms(
            terms=terms,
            earn_rate=earn_rate,
            offline_loss=offline_loss,
            return_loss=return_loss,
            created_at=now,
            created_by=actor,
        )
        if versions and _says_the_same(versions[-1], added):
            return versions[-1]
        _refuse_wrong_start(versions, valid_from, now=now)
        await insert_terms(connection, added)
        await announce_terms(connection)
        return added


async def list_terms(pool: Pool, partner: int) -> list[StoredTerms]:
    """Return every version of a partner's terms, first to last.

    Raises:
        UnknownPartnerError: there is no such partner.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        if partner not in await load_partner_names(connection):
            raise UnknownPartnerError(partner=partner)
        return await load_terms(connection, partner, await load_programme(connection))


def _next_version(
    versions: Sequence[StoredTerms], partner: int, change: TermsChange, *, programme: Programme, valid_from: datetime
) -> tuple[Terms, Decimal | None]:
    _refuse_bad_earn_rate(change.earn_rate)
    before = versions[-1].terms if versions else None
    terms = Terms(
        partner=partner,
        version=before.version + 1 if before else 1,
        valid_from=valid_from,
        currency=programme.currency,
        issue_price=_kept(change.issue_price, before.issue_price if before else programme.point_value),
        service_fee=_kept(change.service_fee, before.service_fee if before else Decimal(0)),
        redemption_price=_kept(change.redemption_price, before.redemption_price if before else programme.point_value),
        commission=_kept(change.commission, before.commission if before else Decimal(0)),
        platform_fee=_kept(change.platform_fee, before.platform_fee if before else Decimal(0)),
        charge_vat=_kept(change.charge_vat, before.charge_vat if before else NOT_SUBJECT),
        fee_vat=_kept(change.fee_vat, before.fee_vat if before else NOT_SUBJECT),
        redemption_vat=_kept(change.redemption_vat, before.redemption_vat if before else NOT_SUBJECT),
    )
    earn_rate = change.earn_rate if change.earn_rate is not None or not versions else versions[-1].earn_rate
    return terms, earn_rate


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def _kept(changed: Kept | None, before: Kept) -> Kept:
    return before if changed is None else changed


def _says_the_same(before: StoredTerms, added: StoredTerms) -> bool:
    terms = replace(added.terms, version=before.terms.version)
    hub_says = (added.earn_rate, added.offline_loss, added.return_loss)
    return before.terms == terms and (before.earn_rate, before.offline_loss, before.return_loss) == hub_says


def _refuse_wrong_start(versions: Sequence[StoredTerms], valid_from: datetime, *, now: datetime) -> None:
    # A start in the past would change the price of sales that are already booked, and in closed windows.
    if valid_from < now:
        problem = f"must not be in the past: {valid_from.isoformat()} is before {now.isoformat()}"
        raise InvalidTermsError(problems=[FieldProblem(field="valid_from", problem=problem)])
    if versions and valid_from <= versions[-1].terms.valid_from:
        start = versions[-1].terms.valid_from.isoformat()
        problem = f"must be after the start of version {versions[-1].terms.version}, {start}"
        raise InvalidTermsError(problems=[FieldProblem(field="valid_from", problem=problem)])


def _refuse_bad_earn_rate(earn_rate: Decimal | None) -> None:
    if earn_rate is None:
        return
    if not earn_rate.is_finite() or not 0 < earn_rate <= EARN_RATE_MAX:
        problem = f"must be more than 0 and at most {EARN_RATE_MAX}: {earn_rate}"
    elif earn_rate != round(earn_rate, EARN_RATE_DECIMALS_MAX):
        problem = f"must have at most {EARN_RATE_DECIMALS_MAX} decimals: {earn_rate}"
    else:
        return
    raise InvalidTermsError(problems=[FieldProblem(field="earn_rate", problem=problem)])
