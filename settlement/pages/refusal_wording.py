"""The words of what an operator is refused on the finance pages."""

from collections.abc import Mapping
from typing import Final

from coalition.pages.language import Language

REFUSAL_WORDS: Final[Mapping[Language, dict[str, str]]] = {
    "en": {
        "finance.terms.fault.decided.APPROVED": "Nothing was changed: {actor} has approved this draft already.",
        "finance.terms.fault.decided.WITHDRAWN": "Nothing was changed: {actor} has withdrawn this draft.",
        "finance.terms.fault.no_longer": "Nothing was changed: the draft may not be as it is any more. {rules}",
        "finance.fault.dispute_amount": "Nothing was changed: what is accepted has to be more than 0 and at most "
        "{most}, as claimed, not {got}.",
        "finance.fault.dispute_amount_unreadable": "Nothing was changed: expected an amount like 12.50, got “{got}”.",
        "finance.fault.dispute_answer_unreadable": "Nothing was changed: the answer to the partner has to have 1 to "
        "1,000 characters, not {got}.",
        "finance.fault.dispute_resolved": "Nothing was changed: this dispute has been answered already: {state}.",
        "finance.fault.correction_withdrawn": "Nothing was changed: this correction has been withdrawn.",
        "finance.fault.correction_issued": "Nothing was changed: this correction has been issued already, as {number}.",
        "finance.fault.correction_too_much": "Nothing was changed: others have taken back so much of the document that "
        "this correction does not fit any more. Withdraw it and draft it anew.",
        "finance.lack.account": "{name} (partner {partner}) has no bank account",
        "finance.lack.sepa": "the account of {name} (partner {partner}) lies outside of SEPA",
        "finance.lack.operator_account": "the operator has no bank account",
        "finance.lack.operator_sepa": "the operator’s account lies outside of SEPA",
        "finance.lack.operator_creditor": "the operator has no creditor identifier; without it nobody is debited",
        "finance.lack.debtor": "partner {partner} has no debtor account below {base}",
        "finance.lack.creditor": "partner {partner} has no creditor account up to {last}",
        "finance.lack.output_vat": "no account for output VAT of {vat}",
        "finance.lack.input_vat": "no account for input VAT of {vat}",
        "finance.lack.adviser": "nobody has set the numbers of the tax adviser and of the client",
        "finance.lack.address": "{name}: name and address",
        "finance.lack.addresses": "name and address of the parties",
        "finance.lack.vat_id": "{name}: a VAT id",
        "finance.lack.tax_number": "{name}: a VAT id or a tax number",
        "finance.fault.other": "Nothing was changed: {detail}",
    },
    "de": {
        "finance.terms.fault.decided.APPROVED": "Nichts wurde geändert: {actor} hat diesen Entwurf schon freigegeben.",
        "finance.terms.fault.decided.WITHDRAWN": "Nichts wurde geändert: {actor} hat diesen Entwurf zurückgezogen.",
        "finance.terms.fault.no_longer": "Nichts wurde geändert: So darf der Entwurf nicht mehr sein. {rules}",
        "finance.fault.dispute_amount": "Nichts wurde geändert: Angenommen werden kann mehr als 0 und höchstens "
        "{most}, wie gefordert, nicht {got}.",
        "finance.fault.dispute_amount_unreadable": "Nichts wurde geändert: erwartet ein Betrag wie 12,50, nicht "
        "„{got}“.",
        "finance.fault.dispute_answer_unreadable": "Nichts wurde geändert: Die Antwort an den Partner braucht 1 bis "
        "1.000 Zeichen, nicht {got}.",
        "finance.fault.dispute_resolved": "Nichts wurde geändert: Über diesen Einwand ist schon entschieden: {state}.",
        "finance.fault.correction_withdrawn": "Nichts wurde geändert: Diese Korrektur ist zurückgezogen.",
        "finance.fault.correction_issued": "Nichts wurde geändert: Diese Korrektur ist schon ausgestellt, als "
        "{number}.",
        "finance.fault.correction_too_much": "Nichts wurde geändert: Von der Rechnung ist inzwischen so viel "
        "zurückgenommen, dass diese Korrektur nicht mehr passt. Ziehen Sie sie zurück und entwerfen Sie sie neu.",
        "finance.lack.account": "{name} (Partner {partner}) hat keine Bankverbindung",
        "finance.lack.sepa": "das Konto von {name} (Partner {partner}) liegt außerhalb von SEPA",
        "finance.lack.operator_account": "der Betreiber hat keine Bankverbindung",
        "finance.lack.operator_sepa": "das Konto des Betreibers liegt außerhalb von SEPA",
        "finance.lack.operator_creditor": "der Betreiber hat keine Gläubiger-ID; ohne sie wird nichts eingezogen",
        "finance.lack.debtor": "für Partner {partner} gibt es kein Debitorenkonto unter {base}",
        "finance.lack.creditor": "für Partner {partner} gibt es kein Kreditorenkonto bis {last}",
        "finance.lack.output_vat": "kein Konto für Umsatzsteuer {vat}",
        "finance.lack.input_vat": "kein Konto für Vorsteuer {vat}",
        "finance.lack.adviser": "die Nummern des Beraters und des Mandanten fehlen",
        "finance.lack.address": "{name}: Name und Anschrift",
        "finance.lack.addresses": "Name und Anschrift der Parteien",
        "finance.lack.vat_id": "{name}: eine USt-IdNr.",
        "finance.lack.tax_number": "{name}: eine USt-IdNr. oder Steuernummer",
        "finance.fault.other": "Nichts wurde geändert. Die Meldung lautet: {detail}",
    },
}
