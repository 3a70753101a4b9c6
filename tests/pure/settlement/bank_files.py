"""A bank's files as tests need them: camt.053 in both versions, with what banks put into them."""

from collections.abc import Sequence
from decimal import Decimal

from tests.pure.settlement.bank_examples import OPERATOR_IBAN


def entry(
    amount: str,
    *,
    reference: str | None = None,
    end_to_end: str | None = None,
    text: Sequence[str] = (),
    name: str = "A GmbH",
    status: str = "BOOK",
    version: str = "08",
    currency: str = "EUR",
    inner: str | None = None,
    is_return: bool = False,
) -> str:
    """Return an entry; amount > 0 came to the operator. `inner` replaces its details."""
    sign, plain = ("DBIT", amount[1:]) if amount.startswith("-") else ("CRDT", amount)
    role = "Cdtr" if sign == "DBIT" else "Dbtr"
    party = f"<Pty><Nm>{name}</Nm></Pty>" if version == "08" else f"<Nm>{name}</Nm>"
    remittance = "".join(f"<Ustrd>{line}</Ustrd>" for line in text)
    details = f"""<NtryDtls><TxDtls>
        <Refs>{f"<EndToEndId>{end_to_end}</EndToEndId>" if end_to_end else ""}</Refs>
        <RltdPties><{role}>{party}</{role}></RltdPties>
        <RmtInf>{remittance}</RmtInf>{"<RtrInf><Rsn><Cd>MS03</Cd></Rsn></RtrInf>" if is_return else ""}
      </TxDtls></NtryDtls>"""
    return f"""
    <Ntry>
      {f"<NtryRef>{reference}</NtryRef>" if reference else ""}
      <Amt Ccy="{currency}">{plain}</Amt><CdtDbtInd>{sign}</CdtDbtInd>
      <Sts>{f"<Cd>{status}</Cd>" if version == "08" else status}</Sts>
      <BookgDt><Dt>2026-12-04</Dt></BookgDt>
      {details if inner is None else inner}
    </Ntry>"""


def balance(code: str, amount: Decimal) -> str:
    sign = "CRDT" if amount >= 0 else "DBIT"
    return f"""
    <Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{abs(amount)}</Amt>
      <CdtDbtInd>{sign}</CdtDbtInd><Dt><Dt>2026-12-04</Dt></Dt></Bal>"""


def bank_file(
    *entries: str,
    statement_id: str = "STMT-1",
    iban: str = OPERATOR_IBAN,
    currency: str = "EUR",
    version: str = "08",
    moved: str | None = None,
) -> bytes:
    """Return a file of one statement; `moved` states balances that lie so far apart."""
    balances = ""
    if moved is not None:
        balances = balance("OPBD", Decimal("1000.00")) + balance("CLBD", Decimal("1000.00") + Decimal(moved))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
  <BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-12-04T20:00:00+01:00</CreDtTm></GrpHdr>
  <Stmt>
    <Id>{statement_id}</Id><CreDtTm>2026-12-04T20:00:00</CreDtTm>
    <Acct><Id><IBAN>{iban}</IBAN></Id><Ccy>{currency}</Ccy></Acct>{balances}{"".join(entries)}
  </Stmt>
  </BkToCstmrStmt>
</Document>
""".encode()
