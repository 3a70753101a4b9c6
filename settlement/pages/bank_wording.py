"""Why a bank's entry was matched to nothing, in each language."""

from collections.abc import Mapping
from typing import Final

from coalition.pages.language import Language

BANK_WORDS: Final[Mapping[Language, dict[str, str]]] = {
    "en": {
        "finance.bank.split.part": "part {number}",
        "finance.bank.split.gone": "this entry is matched already, or there is none such",
        "finance.lack.piece": "expected one like W00007-P00012, W00007-P00012=120.00 or "
        "W00007-P00012=120.00+3.50, got “{got}”",
        "finance.lack.again": "names {share} again",
        "finance.lack.share": "there is no such share",
        "finance.lack.fee": "a fee is part of what goes out, and this came in",
        "finance.lack.sum": "expected {amount}, which the entry is of, got {total}",
        "finance.bank.reason.no_money": "it moves no money",
        "finance.bank.reason.names_none": "it names no share like W00007-P00012, nor a document of ours",
        "finance.bank.reason.unknown_share": "there is no share of {shares}",
        "finance.bank.reason.names_several": "it names {count} shares, and can pay one only",
        "finance.bank.reason.other_way": "it goes the other way, and {received} was paid of the share",
        "finance.bank.reason.closed_share": "nothing is left to be paid of the share: {state}",
        "finance.bank.reason.unlike_batch": "it is of batch {batch}, which comes to {total}, and does not say of "
        "which of its payments; ask the bank, and say it here",
    },
    "de": {
        "finance.bank.split.part": "Teil {number}",
        "finance.bank.split.gone": "diese Buchung ist schon zugeordnet, oder es gibt sie nicht",
        "finance.lack.piece": "erwartet etwas wie W00007-P00012, W00007-P00012=120.00 oder "
        "W00007-P00012=120.00+3.50, nicht „{got}“",
        "finance.lack.again": "nennt {share} noch einmal",
        "finance.lack.share": "diesen Anteil gibt es nicht",
        "finance.lack.fee": "eine Gebühr gehört zu dem, was abgeht, und dies kam herein",
        "finance.lack.sum": "zusammen {amount} erwartet, so viel wie die Buchung, nicht {total}",
        "finance.bank.reason.no_money": "bewegt kein Geld",
        "finance.bank.reason.names_none": "nennt keinen Anteil wie W00007-P00012 und keine Rechnung von uns",
        "finance.bank.reason.unknown_share": "den Anteil {shares} gibt es nicht",
        "finance.bank.reason.names_several": "nennt {count} Anteile und kann nur einen bezahlen",
        "finance.bank.reason.other_way": "geht in die andere Richtung, und vom Anteil ist {received} bezahlt",
        "finance.bank.reason.closed_share": "vom Anteil ist nichts mehr zu zahlen: {state}",
        "finance.bank.reason.unlike_batch": "gehört zur Sammelbuchung {batch} über {total} und sagt nicht, zu welchen "
        "ihrer Zahlungen; fragen Sie die Bank und nennen Sie es hier",
    },
}
