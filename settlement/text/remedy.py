"""The command that supplies what was found missing. What it wants to know beyond that stands in capitals."""

from collections.abc import Mapping
from typing import Final

from settlement.worded import WordCode, Worded

_COMMANDS: Final[Mapping[WordCode, str]] = {
    "operator_account": "coalition operator bank set --iban IBAN",
    "operator_sepa": "coalition operator bank set --iban IBAN",
    "operator_creditor": "coalition operator bank set --iban IBAN --creditor-id ID",
    "account": "coalition partner bank set {partner} --iban IBAN",
    "sepa": "coalition partner bank set {partner} --iban IBAN",
    "debtor": "coalition datev set --creditor-base NUMBER",
    "creditor": "coalition datev set --creditor-base NUMBER",
    "output_vat": "coalition datev set --output-vat '{vat}=ACCOUNT'",
    "input_vat": "coalition datev set --input-vat '{vat}=ACCOUNT'",
    "adviser": "coalition datev set --consultant NUMBER --client NUMBER",
    "address": "coalition partner party {partner} --legal-name NAME --street STREET --post-code CODE --town TOWN "
    "--country CODE",
    "vat_id": "coalition {party} --vat-id ID",
    "tax_number": "coalition {party} --tax-number NUMBER",
}
OPERATOR_PARTY: Final = (
    "coalition operator party --legal-name NAME --street STREET --post-code CODE --town TOWN --country CODE"
)


def remedy_of(lack: str) -> str | None:
    """Return the command, as it is typed; None: no command helps, or what is missing has no code."""
    if not isinstance(lack, Worded) or lack.code not in _COMMANDS:
        return None
    values = dict(lack.values)
    partner = values.get("partner")
    values["party"] = "operator party" if partner is None else f"partner party {partner}"
    return _COMMANDS[lack.code].format(**values)
