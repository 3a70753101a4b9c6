"""The words of the documents, in each language.

Keys that the engine gives out (`line.*`) and keys of the documents' own; a test holds that no language lacks one.
"""

from __future__ import annotations

from typing import Literal, get_args

from settlement.documents.invoice_wording import ENGLISH, GERMAN

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

MONTHS: dict[Language, tuple[str, ...]] = {
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    "de": (
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
}

_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "line.issue_charge": "Points issued",
        "line.issue_charge_reversed": "Points issued, reversed",
        "line.service_fee": "Service fee on points issued",
        "line.service_fee_reversed": "Service fee, reversed",
        "line.redemption_credit": "Points redeemed with you",
        "line.redemption_credit_reversed": "Points redeemed with you, reversed",
        "line.commission": "Commission on points redeemed",
        "line.commission_reversed": "Commission, reversed",
        "line.platform_fee": "Platform fee of the window",
        "kind.issued": "Issued",
        "kind.issue_reversed": "Issue reversed",
        "kind.redeemed": "Redeemed",
        "kind.redeem_reversed": "Redemption reversed",
        "title": "Statement",
        "number": "Number",
        "partner": "Partner",
        "partner_no": "Partner no.",
        "operator": "Operator",
        "window": "Window",
        "days": "{first} to {last}",
        "sales_from": "Sales from",
        "sales_until": "Sales until",
        "booked_from": "Booked from",
        "booked_before": "Booked before",
        "date": "Date",
        "currency": "Currency",
        "subject": "Statement for window {window}",
        "sales_of": "Sales of {days}",
        "intro": "This is what the points of your customers come to. Each line is rounded once.",
        "intro_platform_fee": "No points were issued or redeemed with you in this window.",
        "booked": "Counted is every operation that was booked from {opened_at} on and before {closed_at}, "
        "whenever its sale was.",
        "code": "Code",
        "description": "Description",
        "terms_version": "Terms version",
        "terms": "terms {version}",
        "points": "Points",
        "price": "Price",
        "rate": "Rate",
        "amount": "Amount",
        "amount_in": "Amount in {currency}",
        "operations": "Operations",
        "operations_of": "{count} operations",
        "vat_category": "VAT category",
        "vat_rate": "VAT rate",
        "vat_country": "VAT country",
        "invoice_vat": "VAT on charges and fees",
        "credit_note_vat": "VAT on redemptions",
        "no_lines": "Nothing was booked and no fee is due in this window.",
        "charge": "Charges for points issued",
        "platform_fee": "Platform fee",
        "credit": "Credit for points redeemed",
        "net": "Net",
        "you_pay": "You pay",
        "you_get": "You are paid",
        "nothing_due": "Nothing is due",
        "signs": "Amounts without a sign are owed by you, amounts with a minus sign are owed to you.",
        "control": "Control totals",
        "control_intro": "Compare these with your own books. They are what lies behind the lines above.",
        "outstanding_growth": "Growth of members' points",
        "no_tax_document": "This statement is not an invoice within the meaning of VAT law.",
        "verify": "To verify: this letter is made from the signed statement.json of the window and says the same. "
        "The operator's keys are at /v1/keys.\nIts SHA-256: {digest}",
        "page": "Page {page} of {pages}",
        **ENGLISH,
    },
    "de": {
        "line.issue_charge": "Ausgegebene Punkte",
        "line.issue_charge_reversed": "Ausgegebene Punkte, storniert",
        "line.service_fee": "Servicegebühr auf ausgegebene Punkte",
        "line.service_fee_reversed": "Servicegebühr, storniert",
        "line.redemption_credit": "Bei Ihnen eingelöste Punkte",
        "line.redemption_credit_reversed": "Bei Ihnen eingelöste Punkte, storniert",
        "line.commission": "Provision auf eingelöste Punkte",
        "line.commission_reversed": "Provision, storniert",
        "line.platform_fee": "Plattformgebühr des Zeitraums",
        "kind.issued": "Ausgegeben",
        "kind.issue_reversed": "Ausgabe storniert",
        "kind.redeemed": "Eingelöst",
        "kind.redeem_reversed": "Einlösung storniert",
        "title": "Abrechnung",
        "number": "Nummer",
        "partner": "Partner",
        "partner_no": "Partner-Nr.",
        "operator": "Betreiber",
        "window": "Zeitraum",
        "days": "{first} bis {last}",
        "sales_from": "Umsätze ab",
        "sales_until": "Umsätze bis",
        "booked_from": "Gebucht ab",
        "booked_before": "Gebucht vor",
        "date": "Datum",
        "currency": "Währung",
        "subject": "Abrechnung für Zeitraum {window}",
        "sales_of": "Umsätze vom {days}",
        "intro": "Das ergeben die Punkte Ihrer Kunden. Jede Zeile ist einmal gerundet.",
        "intro_platform_fee": "In diesem Zeitraum wurden bei Ihnen keine Punkte ausgegeben oder eingelöst.",
        "booked": "Gezählt ist jeder Vorgang, der ab {opened_at} und vor {closed_at} gebucht wurde, "
        "wann immer sein Umsatz war.",
        "code": "Code",
        "description": "Bezeichnung",
        "terms_version": "Konditionen",
        "terms": "Konditionen {version}",
        "points": "Punkte",
        "price": "Preis",
        "rate": "Satz",
        "amount": "Betrag",
        "amount_in": "Betrag in {currency}",
        "operations": "Vorgänge",
        "operations_of": "{count} Vorgänge",
        "vat_category": "Umsatzsteuerkategorie",
        "vat_rate": "Umsatzsteuersatz",
        "vat_country": "Umsatzsteuerland",
        "invoice_vat": "Umsatzsteuer auf Belastungen und Gebühren",
        "credit_note_vat": "Umsatzsteuer auf Einlösungen",
        "no_lines": "In diesem Zeitraum wurde nichts gebucht, und es fällt keine Gebühr an.",
        "charge": "Belastung für ausgegebene Punkte",
        "platform_fee": "Plattformgebühr",
        "credit": "Gutschrift für eingelöste Punkte",
        "net": "Saldo",
        "you_pay": "Sie zahlen",
        "you_get": "Sie erhalten",
        "nothing_due": "Nichts zu zahlen",
        "signs": "Beträge ohne Vorzeichen schulden Sie, Beträge mit Minuszeichen werden Ihnen geschuldet.",
        "control": "Kontrollsummen",
        "control_intro": "Zum Abgleich mit Ihren Büchern: die Punkte und Vorgänge hinter den Zeilen oben.",
        "outstanding_growth": "Zuwachs der Punkte bei Mitgliedern",
        "no_tax_document": "Diese Abrechnung ist keine Rechnung im Sinne des Umsatzsteuerrechts.",
        "verify": "Zum Prüfen: Dieses Schreiben ist aus der signierten statement.json des Zeitraums gemacht und sagt "
        "dasselbe. Die Schlüssel des Betreibers stehen unter /v1/keys.\nDeren SHA-256: {digest}",
        "page": "Seite {page} von {pages}",
        **GERMAN,
    },
}


def word(language: Language, key: str, **values: object) -> str:
    """Return the words of a key, with its values filled in."""
    return _WORDS[language][key].format(**values)


def keys_of(language: Language) -> frozenset[str]:
    """Return every key that a language has words for."""
    return frozenset(_WORDS[language])
