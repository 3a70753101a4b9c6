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
        "finance.fault.other": "Nichts wurde geändert. Die Meldung lautet: {detail}",
    },
}
