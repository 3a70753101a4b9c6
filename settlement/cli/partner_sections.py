"""What the bill knows of a partner, as sections of `coalition partner import`: its party in law, bank and blocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, StrictInt

from coalition.database.pool import Connection
from settlement.cli.window import RefusedError
from settlement.engine.bank_account import Mandate, MandateScheme
from settlement.errors import SettlementError
from settlement.operations.manage_bank_account import BankDetails, write_bank_account
from settlement.operations.manage_legal_party import write_legal_party
from settlement.operations.manage_prepaid import sell_block, write_prepaid_rule
from settlement.stores.prepaid import Overdraft, PrepaidRule


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PartySection(_Section):
    """Who a partner is in law, as `coalition partner party` takes it."""

    legal_name: str
    street: str
    post_code: str
    town: str
    country: str
    vat_id: str = ""
    tax_number: str = ""
    registration: str = ""
    email: str = ""
    language: Literal["de", "en"] = "en"


class MandateSection(_Section):
    """A SEPA mandate."""

    id: str
    signed_on: date
    scheme: MandateScheme = "CORE"


class BankSection(_Section):
    """Where a partner is paid, as `coalition partner bank set` takes it."""

    iban: str
    bic: str | None = None
    holder: str | None = None
    street: str | None = None
    building: str | None = None
    post_code: str | None = None
    town: str | None = None
    country: str | None = None
    mandate: MandateSection | None = None


class PrepaidSection(_Section):
    """A partner's first block of points, and what happens beyond its blocks."""

    points: StrictInt
    overdraft: Overdraft = "billed"
    warn_below: StrictInt | None = None


async def write_party(connection: Connection, partner: int, section: PartySection, now: datetime, actor: str) -> None:
    """Write it down. Raises RefusedError."""
    with _refusing():
        await write_legal_party(connection, partner, section.model_dump(), now=now, actor=actor)


async def write_bank(connection: Connection, partner: int, section: BankSection, now: datetime, actor: str) -> None:
    """Write it down. Raises RefusedError."""
    given = section.model_dump(exclude={"mandate"})
    mandate = section.mandate
    if mandate is not None:
        given["mandate"] = Mandate(mandate_id=mandate.id, signed_on=mandate.signed_on, scheme=mandate.scheme)
    with _refusing():
        await write_bank_account(connection, partner, BankDetails(**given), now=now, actor=actor)


async def write_prepaid(
    connection: Connection, partner: int, section: PrepaidSection, now: datetime, actor: str
) -> None:
    """Sell the block and write the rule down. Raises RefusedError."""
    rule = PrepaidRule(section.overdraft, section.warn_below)
    with _refusing():
        await sell_block(connection, partner, section.points, now=now, actor=actor)
        await write_prepaid_rule(connection, partner, rule, now=now, actor=actor)


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except SettlementError as error:
        raise RefusedError(str(error)) from error
