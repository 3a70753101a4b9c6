"""The words of figures, files and entries that cannot be as they are, by the codes of settlement.worded."""

from collections.abc import Mapping
from typing import Final

from coalition.pages.language import Language

FAULT_WORDS: Final[Mapping[Language, dict[str, str]]] = {
    "en": {
        "finance.lack.sepa_amount": "{amount} of {name} (partner {partner}) is more than a SEPA payment may be, {most}",
        "finance.lack.sepa_currency": "SEPA payments are made in euros, and this programme settles in {currency}",
        "finance.lack.booking_amount": "an amount of {amount} is more than a booking may be, {most}",
        "finance.lack.booking_vat": "VAT of {amount} is more than a booking may be, {most}",
        "finance.lack.booking_document": "{number} is of more than a booking may be, {most}",
        "finance.lack.booking_payment": "a payment of {amount} is more than a booking may be, {most}",
        "finance.lack.booking_sum": "the bookings of partner {partner} in window {window} come to {actual}, and its "
        "statement to {expected}",
        "finance.lack.document_sum": "the bookings of {number} come to {actual}, and it is of {expected}",
        "finance.lack.month_open": "expected a month that is over, from {first} to before {end}, got {month}",
        "finance.lack.not_invoiced": "window {window} is “{state}”, and what it comes to is final once it is invoiced",
        "finance.lack.nothing": "there is nothing of it to pay or to return",
        "finance.lack.decimals": "expected at most {most} decimals, got {got}",
        "finance.lack.pieces": "expected 1 to {most} shares, got {got}",
        "finance.lack.early": "the share is “{state}”, and not invoiced yet",
        "finance.lack.reason": "{reason}",
        "finance.lack.file_bytes": "expected at most {most} bytes, got {got}",
        "finance.lack.xml": "it is no well-formed XML ({fault})",
        "finance.lack.xml_encoding": "its encoding cannot be read ({fault})",
        "finance.lack.xml_elements": "expected at most {most} elements",
        "finance.lack.xml_depth": "expected elements at most {most} deep",
        "finance.lack.xml_attributes": "expected at most {most} attributes, got {got}",
        "finance.lack.xml_text": "expected a text of at most {most} characters in {name}",
        "finance.lack.xml_doctype": "it has a document type or an entity, which bank files never have",
        "finance.lack.camt": "expected a camt.053.001.02 to .13, got “{got}”",
        "finance.lack.no_statement": "expected a statement (Stmt)",
        "finance.lack.no_iban": "expected the account’s IBAN",
        "finance.lack.no_currency": "expected the account’s currency (Ccy)",
        "finance.lack.balances": "the balances do not tie out: entries of {moved} lead from {opening} to {reached}, "
        "not to {closing}",
        "finance.lack.entries": "expected at most {most} entries, got {got}",
        "finance.lack.entry_parts": "the parts of entry {entry} come to {parts}, not to {amount}",
        "finance.lack.part_amount": "expected an amount, since its entry has several payments",
        "finance.lack.bank_amount": "expected an amount like 12.50, got “{got}”",
        "finance.lack.sign": "expected CRDT or DBIT, got “{got}”",
        "finance.lack.day": "expected a date like 2026-11-30, got “{got}”",
        "finance.lack.moment": "expected a moment like 2026-11-30T18:00:00+01:00, got “{got}”",
        "finance.lack.no_day": "expected a date (Dt or DtTm)",
        "finance.lack.characters": "expected 1 to {most} printable characters in {name}, got “{got}”",
        "finance.lack.no_element": "expected {name} in {parent}",
        "finance.lack.entry_decimals": "entry {entry}: expected amounts of at most {most} decimals",
        "finance.lack.entry_changed": "entry {entry} was taken in with {before} before, and is {amount} now",
        "finance.lack.lane_points": "Points of lane {lane}",
        "finance.lack.value": "Value of all lanes",
        "finance.lack.lanes_ended": "Lanes that ended the window",
        "finance.lack.in_two_lanes": "Lanes of operation {operation} of partner {partner}, at {places} (reverse one of "
        "them)",
        "finance.lack.origin_points": "Points ({kind}) at partner {partner} by version {version} of its terms",
        "finance.lack.split_weights": "it cannot be shared out by the weights {weights}",
        "finance.lack.split_fraction": "{amount} is finer than a payment in {currency} can be",
        "finance.difference": "{where}: expected {expected}, got {actual} (difference {difference})",
        "finance.fault.unknown_terms": "Nothing was changed: partner {partner} has no version {version} of terms, by "
        "which something was booked.",
        "finance.fault.mixed_currency": "Nothing was changed: this programme settles in {expected}, and terms are in "
        "{actual}.",
        "finance.fault.unbalanced_netting": "Nothing was changed: the partners’ nets come to {actual}, and the "
        "operator’s share to {expected}.",
        "finance.fault.split": "Nothing was changed: an amount cannot be split: {problem}.",
    },
    "de": {
        "finance.lack.sepa_amount": "{amount} von {name} (Partner {partner}) sind mehr, als eine SEPA-Zahlung sein "
        "darf, {most}",
        "finance.lack.sepa_currency": "SEPA-Zahlungen gibt es nur in Euro, und dieses Programm rechnet in {currency} "
        "ab",
        "finance.lack.booking_amount": "ein Betrag von {amount} ist mehr, als eine Buchung sein darf, {most}",
        "finance.lack.booking_vat": "eine Umsatzsteuer von {amount} ist mehr, als eine Buchung sein darf, {most}",
        "finance.lack.booking_document": "{number} ist über mehr, als eine Buchung sein darf, {most}",
        "finance.lack.booking_payment": "eine Zahlung von {amount} ist mehr, als eine Buchung sein darf, {most}",
        "finance.lack.booking_sum": "die Buchungen von Partner {partner} im Zeitraum {window} ergeben {actual}, seine "
        "Abrechnung {expected}",
        "finance.lack.document_sum": "die Buchungen zu {number} ergeben {actual}, und es lautet auf {expected}",
        "finance.lack.month_open": "erwartet ein Monat, der vorbei ist, von {first} bis vor {end}, nicht {month}",
        "finance.lack.not_invoiced": "Zeitraum {window} ist „{state}“, und seine Beträge stehen erst fest, wenn er "
        "fakturiert ist",
        "finance.lack.nothing": "davon ist nichts zu zahlen und nichts zurückzunehmen",
        "finance.lack.decimals": "höchstens {most} Nachkommastellen erwartet, nicht {got}",
        "finance.lack.pieces": "1 bis {most} Anteile erwartet, nicht {got}",
        "finance.lack.early": "der Anteil ist „{state}“ und noch nicht fakturiert",
        "finance.lack.reason": "{reason}",
        "finance.lack.file_bytes": "höchstens {most} Bytes erwartet, nicht {got}",
        "finance.lack.xml": "kein wohlgeformtes XML (Meldung des Lesers: {fault})",
        "finance.lack.xml_encoding": "die Zeichenkodierung ist nicht lesbar (Meldung des Lesers: {fault})",
        "finance.lack.xml_elements": "höchstens {most} Elemente erwartet",
        "finance.lack.xml_depth": "höchstens {most} ineinander liegende Elemente erwartet",
        "finance.lack.xml_attributes": "höchstens {most} Attribute erwartet, nicht {got}",
        "finance.lack.xml_text": "höchstens {most} Zeichen in {name} erwartet",
        "finance.lack.xml_doctype": "ein Dokumenttyp oder eine Entität, die Dateien einer Bank nie haben",
        "finance.lack.camt": "camt.053.001.02 bis .13 erwartet, nicht „{got}“",
        "finance.lack.no_statement": "ein Kontoauszug (Stmt) fehlt",
        "finance.lack.no_iban": "die IBAN des Kontos fehlt",
        "finance.lack.no_currency": "die Währung des Kontos (Ccy) fehlt",
        "finance.lack.balances": "die Salden stimmen nicht: Buchungen von {moved} führen von {opening} zu {reached}, "
        "nicht zu {closing}",
        "finance.lack.entries": "höchstens {most} Buchungen erwartet, nicht {got}",
        "finance.lack.entry_parts": "die Teile der Buchung {entry} ergeben {parts}, nicht {amount}",
        "finance.lack.part_amount": "ein Betrag fehlt, denn die Buchung hat mehrere Zahlungen",
        "finance.lack.bank_amount": "ein Betrag wie 12.50 erwartet, nicht „{got}“",
        "finance.lack.sign": "CRDT oder DBIT erwartet, nicht „{got}“",
        "finance.lack.day": "ein Tag wie 2026-11-30 erwartet, nicht „{got}“",
        "finance.lack.moment": "ein Zeitpunkt wie 2026-11-30T18:00:00+01:00 erwartet, nicht „{got}“",
        "finance.lack.no_day": "ein Tag (Dt oder DtTm) fehlt",
        "finance.lack.characters": "1 bis {most} druckbare Zeichen in {name} erwartet, nicht „{got}“",
        "finance.lack.no_element": "{name} fehlt in {parent}",
        "finance.lack.entry_decimals": "Buchung {entry}: Beträge mit höchstens {most} Nachkommastellen erwartet",
        "finance.lack.entry_changed": "Buchung {entry} wurde früher mit {before} eingelesen und lautet jetzt auf "
        "{amount}",
        "finance.lack.lane_points": "Punkte der Lane {lane}",
        "finance.lack.value": "Wert aller Lanes",
        "finance.lack.lanes_ended": "Lanes, die den Zeitraum beendet haben",
        "finance.lack.in_two_lanes": "Lanes des Vorgangs {operation} von Partner {partner}, bei {places} (einen davon "
        "stornieren)",
        "finance.lack.origin_points": "Punkte ({kind}) bei Partner {partner} nach Fassung {version} seiner Konditionen",
        "finance.lack.split_weights": "nach den Gewichten {weights} lässt er sich nicht verteilen",
        "finance.lack.split_fraction": "{amount} ist feiner, als eine Zahlung in {currency} sein kann",
        "finance.difference": "{where}: erwartet {expected}, nicht {actual} (Differenz {difference})",
        "finance.fault.unknown_terms": "Nichts wurde geändert: Partner {partner} hat keine Fassung {version} seiner "
        "Konditionen, nach der aber gebucht wurde.",
        "finance.fault.mixed_currency": "Nichts wurde geändert: Dieses Programm rechnet in {expected} ab, und "
        "Konditionen lauten auf {actual}.",
        "finance.fault.unbalanced_netting": "Nichts wurde geändert: Die Salden der Partner ergeben {actual}, der "
        "Anteil des Betreibers {expected}.",
        "finance.fault.split": "Nichts wurde geändert: Ein Betrag lässt sich nicht aufteilen: {problem}.",
    },
}
