"""Numbers on the command line that no database can hold are refused by their flag, before anything is opened."""

import pytest
from typer.testing import CliRunner

from coalition.__main__ import app

BEYOND_INT8 = "99999999999999999999"


@pytest.mark.parametrize(
    "arguments",
    [
        ("archive", "window", "2147483648", "--to", "archives"),
        ("archive", "window", "0", "--to", "archives"),
        ("card", "transfer", "1", "--to", "2", "--points", BEYOND_INT8),
        ("card", "transfer-limit", BEYOND_INT8),
        ("expiry", "notice", "0"),
        ("expiry", "notice", BEYOND_INT8),
    ],
)
def test_a_number_out_of_bounds_is_wrong_use(arguments: tuple[str, ...]) -> None:
    refused = CliRunner().invoke(app, list(arguments))
    assert (refused.exit_code, type(refused.exception)) == (2, SystemExit)
    assert "Invalid value" in refused.stderr
