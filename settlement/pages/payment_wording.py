"""The words of shares, payments and disputes on the finance pages."""

from collections.abc import Mapping
from typing import Final

from coalition.pages.language import Language

_EN: Final = {
    "finance.shares": "Shares and payments",
    "finance.shares.held": "Held out",
    "finance.shares.adjusted": "From earlier windows",
    "finance.shares.payable": "Payable",
    "finance.shares.unpaid": "Unpaid",
    "finance.shares.due": "Due",
    "finance.shares.signs": "Above 0 the partner pays, below 0 it is paid. Held out is what is disputed; what comes "
    "from earlier windows is fixed when this one is invoiced.",
    "finance.adjustments": "From earlier windows",
    "finance.adjustment.carried_forward": "carried forward from",
    "finance.adjustment.loss_shared": "part of a loss in",
    "finance.adjustment.loss_recovered": "recovered of a loss in",
    "finance.adjustment.dispute_rejected": "no longer disputed, from",
    "finance.adjustment.dispute_accepted": "never paid, as its dispute was accepted, of",
    "finance.adjustment.correction": "correction of",
    "finance.received": "Payments recorded",
    "finance.disputes": "Disputes",
    "finance.disputes.more": "{count} more, not shown here:",
    "finance.disputes.claims": "claims {amount}; held out: {held}.",
    "finance.disputes.line": "Line {code}, terms version {version}.",
    "finance.disputes.operations": "Operations {ids}.",
    "finance.disputes.until": "To be answered until {day}.",
    "finance.disputes.late": "Should have been answered until {day}.",
    "finance.disputes.received": "Received",
    "finance.disputes.answer": "Your answer to the partner",
    "finance.disputes.amount": "Amount, if you accept",
    "finance.disputes.accept": "Accept",
    "finance.disputes.reject": "Reject",
    "finance.disputes.accepted": "Accepted: {amount}.",
    "finance.dispute_state.OPEN": "Open",
    "finance.dispute_state.ACCEPTED": "Accepted",
    "finance.dispute_state.REJECTED": "Rejected",
    "finance.dispute_state.FALLEN": "Statement replaced",
    "finance.step.invoice": "Invoice",
    "finance.step.invoice.text": "Writes the invoices and fixes what is payable, and when it is due. Nothing changes "
    "after this; what is disputed stays held out.",
    "finance.done.invoice": "The window is invoiced; due dates are below.",
    "finance.done.dispute_accept": "The dispute is accepted. Draft a credit note for it.",
    "finance.done.dispute_reject": "The dispute is rejected.",
}

_DE: Final = {
    "finance.shares": "Anteile und Zahlungen",
    "finance.shares.held": "Zurückgestellt",
    "finance.shares.adjusted": "Aus früheren Zeiträumen",
    "finance.shares.payable": "Zu zahlen",
    "finance.shares.unpaid": "Unbezahlt",
    "finance.shares.due": "Fällig",
    "finance.shares.signs": "Über 0 zahlt der Partner, unter 0 wird er bezahlt. Zurückgestellt ist, was bestritten "
    "ist; was aus früheren Zeiträumen kommt, steht mit der Fakturierung fest.",
    "finance.adjustments": "Aus früheren Zeiträumen",
    "finance.adjustment.carried_forward": "vorgetragen aus",
    "finance.adjustment.loss_shared": "Teil eines Ausfalls in",
    "finance.adjustment.loss_recovered": "zurückgeholt von einem Ausfall in",
    "finance.adjustment.dispute_rejected": "nicht mehr bestritten, aus",
    "finance.adjustment.dispute_accepted": "nie gezahlt, da der Einwand berechtigt war, aus",
    "finance.adjustment.correction": "Korrektur zu",
    "finance.received": "Erfasste Zahlungen",
    "finance.disputes": "Einwände",
    "finance.disputes.more": "{count} weitere, hier nicht gezeigt:",
    "finance.disputes.claims": "fordert {amount}; zurückgestellt: {held}.",
    "finance.disputes.line": "Zeile {code}, Konditionen Version {version}.",
    "finance.disputes.operations": "Vorgänge {ids}.",
    "finance.disputes.until": "Zu beantworten bis {day}.",
    "finance.disputes.late": "Hätte bis {day} beantwortet werden sollen.",
    "finance.disputes.received": "Eingegangen",
    "finance.disputes.answer": "Ihre Antwort an den Partner",
    "finance.disputes.amount": "Betrag, falls Sie annehmen",
    "finance.disputes.accept": "Annehmen",
    "finance.disputes.reject": "Ablehnen",
    "finance.disputes.accepted": "Angenommen: {amount}.",
    "finance.dispute_state.OPEN": "Offen",
    "finance.dispute_state.ACCEPTED": "Angenommen",
    "finance.dispute_state.REJECTED": "Abgelehnt",
    "finance.dispute_state.FALLEN": "Abrechnung ersetzt",
    "finance.step.invoice": "Fakturieren",
    "finance.step.invoice.text": "Schreibt die Rechnungen und legt fest, was bis wann zu zahlen ist. Danach ändert "
    "sich nichts mehr; was bestritten ist, bleibt zurückgestellt.",
    "finance.done.invoice": "Der Zeitraum ist fakturiert; die Fälligkeiten stehen unten.",
    "finance.done.dispute_accept": "Der Einwand ist angenommen. Entwerfen Sie dazu eine Korrektur.",
    "finance.done.dispute_reject": "Der Einwand ist abgelehnt.",
}

PAYMENT_WORDS: Final[Mapping[Language, dict[str, str]]] = {"en": _EN, "de": _DE}
