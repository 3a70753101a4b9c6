"""`coalition partner party` and `coalition operator party`: who letters and invoices are from, and go to."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from coalition.cli.options import AsJson, DatabaseUrl, DataDir
from coalition.cli.session import now, open_session, show
from settlement.cli.window import Partner, run_work
from settlement.operations.find_partner import find_partner
from settlement.operations.manage_legal_party import set_legal_party, show_legal_party
from settlement.stores.legal_parties import StoredLegalParty

LegalName = Annotated[str | None, typer.Option(help="Name in law, as in the register of companies.")]
Street = Annotated[str | None, typer.Option(help="Street and number.")]
PostCode = Annotated[str | None, typer.Option(help="Post code.")]
Town = Annotated[str | None, typer.Option(help="Town.")]
Country = Annotated[str | None, typer.Option(help="ISO 3166-1 code, like DE.")]
VatId = Annotated[str | None, typer.Option(help="VAT id with its country's prefix; '' takes it away.")]
TaxNumber = Annotated[str | None, typer.Option(help="The tax office's number, where there is no VAT id.")]
Registration = Annotated[str | None, typer.Option(help="Entry in the register of companies.")]
Email = Annotated[str | None, typer.Option(help="Where documents go.")]
Language = Annotated[str | None, typer.Option(help="de or en: of the documents that it gets.")]


def add_party_commands(partner_app: typer.Typer, operator_app: typer.Typer) -> None:
    """Add the commands to those of partners and of operators."""
    partner_app.command("party")(partner_party)
    operator_app.command("party")(operator_party)


def partner_party(
    partner: Partner,
    legal_name: LegalName = None,
    street: Street = None,
    post_code: PostCode = None,
    town: Town = None,
    country: Country = None,
    vat_id: VatId = None,
    tax_number: TaxNumber = None,
    registration: Registration = None,
    email: Email = None,
    language: Language = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show who a partner is in law; with options, write it down: what is not named stays as it was."""
    changes = _changes(
        legal_name=legal_name,
        street=street,
        post_code=post_code,
        town=town,
        country=country,
        vat_id=vat_id,
        tax_number=tax_number,
        registration=registration,
        email=email,
        language=language,
    )
    _set_or_show(partner, changes, as_json=as_json, data_dir=data_dir, database_url=database_url)


def operator_party(
    legal_name: LegalName = None,
    street: Street = None,
    post_code: PostCode = None,
    town: Town = None,
    country: Country = None,
    vat_id: VatId = None,
    tax_number: TaxNumber = None,
    registration: Registration = None,
    email: Email = None,
    language: Language = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Show who the operator is in law; with options, write it down: from then on each window is invoiced."""
    changes = _changes(
        legal_name=legal_name,
        street=street,
        post_code=post_code,
        town=town,
        country=country,
        vat_id=vat_id,
        tax_number=tax_number,
        registration=registration,
        email=email,
        language=language,
    )
    _set_or_show(None, changes, as_json=as_json, data_dir=data_dir, database_url=database_url)


def _changes(**options: str | None) -> dict[str, str]:
    return {field: text for field, text in options.items() if text is not None}


def _set_or_show(
    partner: str | None, changes: dict[str, str], *, as_json: bool, data_dir: Path | None, database_url: str | None
) -> None:
    async def work() -> None:
        async with open_session(data_dir, database_url) as session:
            number = None if partner is None else await find_partner(session.pool, partner)
            if changes:
                stored = await set_legal_party(session.pool, number, changes, now=now(), actor=session.actor)
            else:
                stored = await show_legal_party(session.pool, number)
            show(_document(stored), as_json=as_json, text=_text(stored))

    run_work(work())


def _document(stored: StoredLegalParty) -> dict[str, Any]:
    return {
        "partner": stored.partner,
        **asdict(stored.party),
        "set_at": stored.set_at.isoformat(),
        "set_by": stored.set_by,
    }


def _text(stored: StoredLegalParty) -> str:
    party = stored.party
    head = [party.legal_name, party.street, f"{party.post_code} {party.town}, {party.country}"]
    facts = {
        "VAT id": party.vat_id,
        "Tax number": party.tax_number,
        "Registration": party.registration,
        "E-mail": party.email,
        "Documents in": party.language,
    }
    return "\n".join(head + [f"{name}: {fact}" for name, fact in facts.items() if fact])
