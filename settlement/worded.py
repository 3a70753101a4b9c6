"""What is wrong or missing: told in English, and by a code with values for whoever words it in another language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

WordCode = Literal[
    # Files for the bank.
    "account", "sepa", "sepa_amount", "sepa_currency", "operator_account", "operator_sepa", "operator_creditor",
    # DATEV.
    "adviser", "debtor", "creditor", "output_vat", "input_vat", "booking_amount", "booking_vat", "booking_document",
    "booking_payment", "booking_sum", "document_sum", "month_open", "not_invoiced",
    # Tax documents.
    "address", "addresses", "vat_id", "tax_number",
    # What an entry of the bank is of, as somebody says.
    "piece", "again", "share", "fee", "sum", "nothing", "decimals", "pieces", "early", "reason",
    # The bank's file.
    "file_bytes", "xml", "xml_encoding", "xml_elements", "xml_depth", "xml_attributes", "xml_text", "xml_doctype",
    "camt", "no_statement", "no_iban", "no_currency", "balances", "entries", "entry_parts", "part_amount",
    "bank_amount", "sign", "day", "moment", "no_day", "characters", "no_element", "entry_decimals", "entry_changed",
    # Where two figures of the books disagree.
    "lane_points", "value", "lanes_ended", "in_two_lanes", "origin_points",
    # An amount that is split.
    "split_weights", "split_fraction",
]  # fmt: skip
WORD_CODES: Final[tuple[WordCode, ...]] = get_args(WordCode)

TOLD: Final[Mapping[WordCode, str]] = {
    "account": "{name} (partner {partner}) has no bank account",
    "sepa": "the account of {name} (partner {partner}) lies outside of SEPA",
    "sepa_amount": "{amount} of {name} (partner {partner}) is more than a SEPA payment may be, {most}",
    "sepa_currency": "SEPA payments are made in EUR with 2 decimals, this coalition settles in {currency}",
    "operator_account": "the operator has no bank account",
    "operator_sepa": "the operator's account lies outside of SEPA",
    "operator_creditor": "the operator has no creditor identifier, without which nobody can be debited",
    "adviser": "nobody has set the numbers of the tax adviser and of the client",
    "debtor": "partner {partner} has no debtor account below {base}",
    "creditor": "partner {partner} has no creditor account up to {last}",
    "output_vat": "no account for output VAT of {vat}",
    "input_vat": "no account for input VAT of {vat}",
    "booking_amount": "an amount of {amount} is more than a booking may be, {most}",
    "booking_vat": "VAT of {amount} is more than a booking may be, {most}",
    "booking_document": "{number} is of more than a booking may be, {most}",
    "booking_payment": "a payment of {amount} is more than a booking may be, {most}",
    "booking_sum": "window {window}, partner {partner}: expected bookings of {expected}, got {actual}",
    "document_sum": "{number}: expected bookings of {expected}, got {actual}",
    "month_open": "month: expected one that is over, from {first} to before {end}, got {month}",
    "not_invoiced": "window {window} is {state}, and what it comes to is final from INVOICED on",
    "address": "{name}: name and address",
    "addresses": "name and address of the parties",
    "vat_id": "{name}: a VAT id",
    "tax_number": "{name}: a VAT id or a tax number",
    "piece": "expected one like W00007-P00012, W00007-P00012=120.00 or W00007-P00012=120.00+3.50, got {got!r}",
    "again": "names {share} again",
    "share": "there is no such share",
    "fee": "a fee is part of what goes out, and this came in",
    "sum": "expected {amount}, which the entry is of, got {total}",
    "nothing": "there is nothing of it to pay or return",
    "decimals": "expected at most {most} decimals, got {got}",
    "pieces": "expected 1 to {most}, got {got}",
    "early": "the share is {state}, and not invoiced yet",
    "reason": "{reason}",
    "file_bytes": "expected at most {most:,} bytes, {got:,} came",
    "xml": "{fault}",
    "xml_encoding": "its encoding cannot be read: {fault}",
    "xml_elements": "expected at most {most:,} elements",
    "xml_depth": "expected elements at most {most} deep",
    "xml_attributes": "expected at most {most} attributes, {got} came",
    "xml_text": "expected a text of at most {most:,} characters in {name}",
    "xml_doctype": "a document type or entity, which bank files never have",
    "camt": "expected a camt.053.001.02 to .13, {got!r} came",
    "no_statement": "expected a statement (Stmt)",
    "no_iban": "expected the account's IBAN",
    "no_currency": "expected the account's currency (Ccy)",
    "balances": "the balances do not tie out: entries of {moved} lead from {opening} to {reached}, not to {closing}",
    "entries": "expected at most {most:,} entries, {got:,} came",
    "entry_parts": "entry {entry}: its parts come to {parts}, not to {amount}",
    "part_amount": "expected an amount, since its entry has several payments",
    "bank_amount": "expected an amount like 12.50, {got!r} came",
    "sign": "expected CRDT or DBIT, {got!r} came",
    "day": "expected a date like 2026-11-30, {got!r} came",
    "moment": "expected a moment like 2026-11-30T18:00:00+01:00, {got!r} came",
    "no_day": "expected a date (Dt or DtTm)",
    "characters": "expected 1 to {most} printable characters in {name}, {got!r} came",
    "no_element": "expected {name} in {parent}",
    "entry_decimals": "entry {entry}: expected amounts of at most {most} decimals",
    "entry_changed": "entry {entry} was taken in with {before} before, and is {amount} now",
    "lane_points": "points of lane {lane}",
    "value": "value of all lanes",
    "lanes_ended": "lanes that ended the window",
    "in_two_lanes": "lanes of operation {operation} of partner {partner}, at {places}; reverse one of them",
    "origin_points": "points {kind} at partner {partner} by terms {version}",
    "split_weights": "weights must be 0 or more and not all 0, not {weights}",
    "split_fraction": "{amount} is finer than the minor unit of {currency}",
}


class Worded(str):
    """What is wrong or missing, told in English; `code` and `values` are the same for who words it otherwise."""

    code: WordCode
    values: Mapping[str, object]

    @classmethod
    def of(cls, code: WordCode, **values: object) -> Worded:
        worded = cls(TOLD[code].format(**values))
        worded.code = code
        worded.values = values
        return worded
