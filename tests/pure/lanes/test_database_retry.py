"""Errors of a database that will be back are worth another try; faults of ours are not."""

import asyncpg
import pytest

from coalition.lanes.database_retry import may_pass


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("gave way"),
        asyncpg.DeadlockDetectedError("gave way"),
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.DiskFullError("could not extend file: No space left on device"),
        asyncpg.OutOfMemoryError("out of memory"),
        asyncpg.IdleInTransactionSessionTimeoutError("stopped for longer than a transaction may pause"),
        ConnectionResetError(),
        asyncpg.InterfaceError("connection is closed"),
    ],
)
def test_what_passes(error: Exception) -> None:
    assert may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("twice"),
        asyncpg.CheckViolationError("no"),
        asyncpg.InterfaceError("bad argument"),
        KeyError(),
    ],
)
def test_what_stays_as_it_is(error: Exception) -> None:
    assert not may_pass(error)
