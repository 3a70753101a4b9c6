"""What stands in the log: events, one a line."""

import io
import json
import logging
import sys

import pytest
import structlog

from coalition.log import LibraryHandler, set_up_logging


def test_what_a_library_logs_is_a_line_for_machines_as_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its traceback is told for an error alone, and within the line."""
    # As it is when a program starts, without what pytest listens with.
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    set_up_logging(level="info", as_json=True)
    try:
        raise ConnectionRefusedError("no database\nhere")
    except ConnectionRefusedError:
        logging.getLogger("asyncpg.pool").warning("trying %s", "again", exc_info=True)
        logging.getLogger("asyncio").error("lost", exc_info=True)
    finally:
        structlog.reset_defaults()

    warned, failed = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert [type(handler) for handler in root.handlers] == [LibraryHandler]
    assert (warned["event"], warned["library"], warned["level"]) == ("library.said", "asyncpg.pool", "warning")
    assert (warned["text"], warned["reason"]) == ("trying again", "ConnectionRefusedError: no database\nhere")
    assert "exception" not in warned
    assert "Traceback" in failed["exception"]


def test_a_line_is_one_write_with_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several workers share standard error: of two writes another's may come between."""

    class Writes(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    written: list[str] = []
    monkeypatch.setattr(sys, "stderr", Writes())
    set_up_logging(level="info", as_json=True)
    try:
        structlog.get_logger().info("one", field=1)
        structlog.get_logger().info("two")
    finally:
        structlog.reset_defaults()

    assert [json.loads(line)["event"] for line in written] == ["one", "two"]
    assert {line[-1] for line in written} == {"\n"}
