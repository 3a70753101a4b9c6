"""A booking batch in DATEV's format: EXTF, header version 700, category 21 (Buchungsstapel), format version 13.

    line 1   the header: who, for whom, fiscal year, period
    line 2   the names of the 125 columns
    then     a booking each

Windows-1252, semicolons, CRLF; texts in quotation marks, numbers with a comma and without, dates as DDMM.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from settlement.documents.typeface import printable
from settlement.engine.datev import DatevBooking

HEADER_VERSION: Final = 700
CATEGORY: Final = 21
FORMAT_VERSION: Final = 13
DOCUMENT_NUMBER_CHARS_MAX: Final = 36
TEXT_CHARS_MAX: Final = 60
NAME_CHARS_MAX: Final = 30

COLUMNS: Final = (
    "Umsatz (ohne Soll/Haben-Kz)", "Soll/Haben-Kennzeichen", "WKZ Umsatz", "Kurs", "Basis-Umsatz",
    "WKZ Basis-Umsatz", "Konto", "Gegenkonto (ohne BU-Schlüssel)", "BU-Schlüssel", "Belegdatum", "Belegfeld 1",
    "Belegfeld 2", "Skonto", "Buchungstext", "Postensperre", "Diverse Adressnummer", "Geschäftspartnerbank",
    "Sachverhalt", "Zinssperre", "Beleglink",
    *(f"Beleginfo - {part} {number}" for number in range(1, 9) for part in ("Art", "Inhalt")),
    "KOST1 - Kostenstelle", "KOST2 - Kostenstelle", "Kost-Menge", "EU-Land u. UStID (Bestimmung)",
    "EU-Steuersatz (Bestimmung)", "Abw. Versteuerungsart", "Sachverhalt L+L", "Funktionsergänzung L+L",
    "BU 49 Hauptfunktionstyp", "BU 49 Hauptfunktionsnummer", "BU 49 Funktionsergänzung",
    # The missing blank is the format's own.
    *(f"Zusatzinformation{part} {number}" for number in range(1, 21) for part in (" - Art", "- Inhalt")),
    "Stück", "Gewicht", "Zahlweise", "Forderungsart", "Veranlagungsjahr", "Zugeordnete Fälligkeit", "Skontotyp",
    "Auftragsnummer", "Buchungstyp", "USt-Schlüssel (Anzahlungen)", "EU-Land (Anzahlungen)",
    "Sachverhalt L+L (Anzahlungen)", "EU-Steuersatz (Anzahlungen)", "Erlöskonto (Anzahlungen)", "Herkunft-Kz",
    "Buchungs GUID", "KOST-Datum", "SEPA-Mandatsreferenz", "Skontosperre", "Gesellschaftername",
    "Beteiligtennummer", "Identifikationsnummer", "Zeichnernummer", "Postensperre bis",
    "Bezeichnung SoBil-Sachverhalt", "Kennzeichen SoBil-Buchung", "Festschreibung", "Leistungsdatum",
    "Datum Zuord. Steuerperiode", "Fälligkeit", "Generalumkehr (GU)", "Steuersatz", "Land", "Abrechnungsreferenz",
    "BVV-Position", "EU-Land u. UStID (Ursprung)", "EU-Steuersatz (Ursprung)", "Abw. Skontokonto",
)  # fmt: skip
_PLACES: Final = {name: place for place, name in enumerate(COLUMNS)}
_WINDOWS_1252: Final = frozenset(ord(character) for character in bytes(range(0x20, 0x100)).decode("cp1252", "ignore"))
# Belegfeld 1: letters, digits and these signs.
_NOT_IN_NUMBERS: Final = re.compile(r"[^A-Za-z0-9$&%*+/-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatevHeader:
    """Who hands the batch over, and for which client; `made_at` is in the programme's zone."""

    consultant: int
    client: int
    fiscal_year_month: int
    account_digits: int
    made_at: datetime
    name: str
    currency: str


def write_datev(header: DatevHeader, bookings: Sequence[DatevBooking]) -> bytes:
    """Return the batch; all of its bookings are of one month, that of `made_at`."""
    lines = [_header(header), ";".join(COLUMNS), *(_booking(booking, header.currency) for booking in bookings)]
    return "".join(f"{line}\r\n" for line in lines).encode("cp1252")


def _header(header: DatevHeader) -> str:
    day = header.made_at.date()
    last = calendar.monthrange(day.year, day.month)[1]
    year_start = date(day.year, header.fiscal_year_month, 1)
    if year_start > day:
        year_start = year_start.replace(year=day.year - 1)
    stamp = f"{header.made_at:%Y%m%d%H%M%S}{header.made_at.microsecond // 1000:03d}"
    return ";".join(
        (
            _text("EXTF"), str(HEADER_VERSION), str(CATEGORY), _text("Buchungsstapel"), str(FORMAT_VERSION), stamp, "",
            _text("CO"), _text("coalition"), _text(""), str(header.consultant), str(header.client),
            f"{year_start:%Y%m%d}", str(header.account_digits), f"{day:%Y%m01}", f"{day:%Y%m}{last:02d}",
            _text(header.name[:NAME_CHARS_MAX]), _text(""),
            # Financial accounting, for no special purpose, not locked: the adviser looks at it first.
            "1", "0", "0", _text(header.currency),
            "", _text(""), "", "", _text(""), "", "", _text(""), _text(""),
        )
    )  # fmt: skip


def _booking(booking: DatevBooking, currency: str) -> str:
    cells = [""] * len(COLUMNS)
    for name, cell in (
        ("Umsatz (ohne Soll/Haben-Kz)", _amount(abs(booking.amount))),
        ("Soll/Haben-Kennzeichen", _text("S" if booking.amount > 0 else "H")),
        ("WKZ Umsatz", _text(currency)),
        ("Konto", str(booking.account)),
        ("Gegenkonto (ohne BU-Schlüssel)", str(booking.contra_account)),
        ("Belegdatum", f"{booking.document_date:%d%m}"),
        ("Belegfeld 1", _text(_NOT_IN_NUMBERS.sub("-", booking.document_number)[:DOCUMENT_NUMBER_CHARS_MAX])),
        ("Buchungstext", _text(booking.text[:TEXT_CHARS_MAX])),
        ("Festschreibung", "0"),
        ("Fälligkeit", f"{booking.due_on:%d%m%Y}"),
    ):
        cells[_PLACES[name]] = cell
    return ";".join(cells)


def _amount(amount: Decimal) -> str:
    return format(amount, ".2f").replace(".", ",")


def _text(text: str) -> str:
    fitting = printable(text, _WINDOWS_1252).replace('"', '""')
    return f'"{fitting}"'
