"""A partner's first terms are kept as they were typed, or refused by the name of the flag."""

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from coalition.cli.partner import partner_app
from coalition.database.pool import Pool
from coalition.signatures.keys import public_key_pem


async def add(database_url: str, folder: Path, *flags: str) -> Result:
    key = folder / "key.pem"
    key.write_bytes(public_key_pem(Ed25519PrivateKey.generate().public_key()))
    arguments = ["add", "Bakery", "--key", str(key), *flags]
    try:
        # A command runs a loop of its own, so it gets a thread of its own.
        return await asyncio.to_thread(
            CliRunner().invoke,
            partner_app,
            arguments,
            env={"COALITION_DATABASE_URL": database_url, "TERMINAL_WIDTH": "300"},
        )
    finally:
        structlog.reset_defaults()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--issue-price", "0.0123456"), "--issue-price: expected at most 6 decimals, '0.0123456' came"),
        (("--issue-price", f"0.01{'0' * 40}1"), "--issue-price: expected at most 6 decimals"),
        (("--service-fee", "1000000"), "--service-fee: expected 0 to 999999.999999, '1000000' came"),
        (("--redemption-price", "0.0000001"), "--redemption-price: expected at most 6 decimals"),
        (("--commission", "0.0250001"), "--commission: expected at most 6 decimals"),
        (("--platform-fee", "49.905"), "--platform-fee: expected at most 2 decimals"),
        (("--platform-fee", "1e12"), "--platform-fee: expected 0 to 999999999999.99"),
        (("--earn-rate", "0"), "--earn-rate: expected more than 0 to 100000"),
        (("--earn-rate", "0.1234567"), "--earn-rate: expected at most 6 decimals"),
        (("--redemption-vat", "S 0 DE"), "--redemption-vat: expected VAT like 'S 19 DE', 'E DE' or 'O', 'S 0 DE' came"),
        (("--fee-vat", "S 19 DE"), "--fee-vat: expected O if charge_vat is O, and not O if it is not, 'S 19 DE' came"),
        (("--issue-price", "0.0123456", "--platform-fee", "1.001"), "came; --platform-fee: expected at most 2"),
    ],
)
async def test_what_would_be_rounded_or_fits_nowhere_is_refused(
    pool: Pool, database_url: str, tmp_path: Path, flags: tuple[str, ...], told: str
) -> None:
    """And no partner is taken in."""
    result = await add(database_url, tmp_path, *flags)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert await pool.fetchval("SELECT count(*) FROM partner") == 0


async def test_the_finest_prices_are_kept_to_the_last_digit(pool: Pool, database_url: str, tmp_path: Path) -> None:
    """Zeros at the end are no digits."""
    flags = ("--issue-price", "0.0123450", "--commission", "0.025001", "--platform-fee", "49.900", "--earn-rate", "1e3")
    flags += ("--offline-loss", "member")
    result = await add(database_url, tmp_path, *flags)
    assert result.exit_code == 0, result.output
    row = await pool.fetchrow("SELECT issue_price, commission, platform_fee, earn_rate, offline_loss FROM terms")
    assert row is not None
    assert tuple(row) == (Decimal("0.012345"), Decimal("0.025001"), Decimal("49.90"), Decimal(1000), "member")
