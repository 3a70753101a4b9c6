"""Add a version to a partner's terms."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from coalition.database.pool import Connection, Pool
from settlement.engine.terms import Funding, Terms, funding_problems
from settlement.engine.vat import VatTreatment
from settlement.errors import FieldProblem, InvalidTermsError, UnknownPartnerError
from settlement.stores.hub import Programme, load_partner_names, load_programme
from settlement.stores.terms import (
    OfflineLoss,
    ReturnFee,
    ReturnLoss,
    StoredTerms,
    announce_terms,
    insert_terms,
    load_terms,
    lock_terms,
)
from settlement.stores.terms_drafts import TermsDraft, decide_draft, insert_draft

EARN_RATE_MAX = Decimal(100_000)
EARN_RATE_DECIMALS_MAX = 6
# Five years. A version begins after the last one: a mistyped year would end what a partner can agree on for good.
START_AHEAD_MAX = timedelta(days=1_826)


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
    funding: Funding | None = None
    earn_rate: Decimal | None = None
    offline_loss: OfflineLoss | None = None
    return_loss: ReturnLoss | None = None
    return_fee: ReturnFee | None = None


async def add_terms(
    pool: Pool, partner: int, change: TermsChange, *, valid_from: datetime, now: datetime, actor: str
) -> StoredTerms:
    """Draft the next version of a partner's terms and approve it at once, for who stands in for both persons.

    A `valid_from` without a zone is meant in the programme's. The same change for the same moment, sent again, is the
    version that is there. Running hubs are told.

    Raises:
        UnknownPartnerError: there is no such partner.
        InvalidTermsError: fields break a limit, or `valid_from` is past, too far ahead or not after the version before.
    """
    async with pool.acquire() as connection, connection.transaction():
        versions, programme = await lock_versions(connection, partner)
        added = next_version(
            versions, partner, change, programme=programme, valid_from=valid_from, now=now, actor=actor
        )
        if versions and says_the_same(versions[-1], added):
            return versions[-1]
        refuse_wrong_start(versions, added, now=now)
        draft = await insert_draft(connection, added, base_version=len(versions))
        return await make_version(connection, draft, now=now, actor=actor)


async def lock_versions(connection: Connection, partner: int) -> tuple[list[StoredTerms], Programme]:
    """Return a partner's versions, to which nobody else adds one until the transaction ends.

    Raises:
        UnknownPartnerError: there is no such partner.
    """
    if partner not in await load_partner_names(connection):
        raise UnknownPartnerError(partner=partner)
    programme = await load_programme(connection)
    await lock_terms(connection, partner)
    return await load_terms(connection, partner, programme), programme


async def make_version(connection: Connection, draft: TermsDraft, *, now: datetime, actor: str) -> StoredTerms:
    """Make an approved draft the next version of its partner's terms, and tell running hubs."""
    approved = replace(draft.stored, approved_by=actor, approved_at=now)
    await insert_terms(connection, approved)
    await decide_draft(connection, draft.draft, "APPROVED", version=approved.terms.version, now=now, actor=actor)
    await announce_terms(connection)
    return approved


async def list_terms(pool: Pool, partner: int) -> list[StoredTerms]:
    """Return every version of a partner's terms, first to last.

    Raises:
        UnknownPartnerError: there is no such partner.
    """
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        if partner not in await load_partner_names(connection):
            raise UnknownPartnerError(partner=partner)
        return await load_terms(connection, partner, await load_programme(connection))


def next_version(
    versions: Sequence[StoredTerms],
    partner: int,
    change: TermsChange,
    *,
    programme: Programme,
    valid_from: datetime,
    now: datetime,
    actor: str,
    is_trial: bool = False,
) -> StoredTerms:
    """Return what the version after these would say; `is_trial`: it is never to begin, so it may begin at any time.

    Raises:
        InvalidTermsError: fields break a limit; names all of them.
    """
    _refuse_bad_earn_rate(change.earn_rate)
    last = versions[-1] if versions else None
    before = last.terms if last else _first_terms(partner, programme)
    changed = {
        field.name: getattr(change, field.name)
        for field in fields(Terms)
        if getattr(change, field.name, None) is not None
    }
    version = before.version + 1 if last else 1
    terms = replace(before, version=version, valid_from=_in_zone(valid_from, programme.zone), **changed)
    problems = tuple(funding_problems(terms, before)) if last and not is_trial else ()
    if problems:
        raise InvalidTermsError(problems=problems)
    return StoredTerms(
        terms=terms,
        earn_rate=change.earn_rate or (last.earn_rate if last else None),
        offline_loss=change.offline_loss or (last.offline_loss if last else "partner"),
        return_loss=change.return_loss or (last.return_loss if last else "member"),
        return_fee=change.return_fee or (last.return_fee if last else "rule"),
        created_at=now,
        created_by=actor,
    )


def _first_terms(partner: int, programme: Programme) -> Terms:
    return Terms(
        partner=partner,
        version=1,
        valid_from=datetime(2000, 1, 1, tzinfo=programme.zone),
        currency=programme.currency,
        issue_price=programme.point_value,
        redemption_price=programme.point_value,
    )


def _in_zone(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment.astimezone(zone)


def says_the_same(before: StoredTerms, added: StoredTerms) -> bool:
    """Say whether two versions differ in nothing but their number and who made them."""
    terms = replace(added.terms, version=before.terms.version)
    return before.terms == terms and all(
        getattr(before, field) == getattr(added, field)
        for field in ("earn_rate", "offline_loss", "return_loss", "return_fee")
    )


def refuse_wrong_start(versions: Sequence[StoredTerms], added: StoredTerms, *, now: datetime) -> None:
    """Refuse a version that begins in the past, too far ahead, or not after the last one.

    Raises:
        InvalidTermsError: it does.
    """
    valid_from = added.terms.valid_from
    # A start in the past would change the price of sales that are already booked, and in closed windows.
    if valid_from < now:
        problem = f"must not be in the past: {valid_from.isoformat()} is before {now.isoformat()}"
        raise InvalidTermsError(problems=[FieldProblem(field="valid_from", problem=problem)])
    if valid_from > now + START_AHEAD_MAX:
        latest = (now + START_AHEAD_MAX).isoformat()
        problem = f"must be at most {START_AHEAD_MAX.days} days ahead, by {latest}: {valid_from.isoformat()}"
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
