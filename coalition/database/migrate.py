"""Bring a database to the schema of this version, and make the programme's first rows."""

from dataclasses import astuple, dataclass
from decimal import Decimal
from pathlib import Path

import asyncpg

from coalition.database.pool import Connection
from coalition.errors import DatabaseError
from coalition.ledger.limits import NO_LIMITS, LimitRules

SCHEMA_REVISION = "0048"

VERSION_MIN = (15,)

# Any number, the same in every hub: one of them migrates, the others wait.
MIGRATION_LOCK = 0x636F616C


@dataclass(frozen=True, slots=True)
class ProgrammeSettings:
    """What is fixed when the database is made; `point_value` is money per point, `lanes` can't change later."""

    name: str = "Coalition"
    currency: str = "EUR"
    minor_unit: int = 2
    time_zone: str = "Europe/Berlin"
    point_value: Decimal = Decimal("0.01")
    lanes: int = 4
    expiry_rule: str = "end_of_month"
    expiry_months: int = 36
    expiry_day: str = "12-31"
    grace_days: int = 30
    expiry_by_time: bool = True
    expiry_notice_days: int | None = None
    limits: LimitRules = NO_LIMITS


async def migrate(url: str, programme: ProgrammeSettings) -> None:
    """Bring the database at `url` up to date; safe to call from many processes at once.

    Raises DatabaseError for a PostgreSQL older than VERSION_MIN."""
    connection = await asyncpg.connect(url)
    try:
        if connection.get_server_version() < VERSION_MIN:
            came = connection.get_settings().server_version
            raise DatabaseError(f"expected PostgreSQL {VERSION_MIN[0]} or later, {came} came")
        if await _revision(connection) == SCHEMA_REVISION:
            return
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        if await _revision(connection) != SCHEMA_REVISION:
            await _upgrade(url)
            await _make_programme(connection, programme)
    finally:
        await connection.close()


async def _revision(connection: Connection) -> str | None:
    try:
        return await connection.fetchval("SELECT version_num FROM alembic_version")  # type: ignore[no-any-return]
    except asyncpg.UndefinedTableError:
        return None


async def _upgrade(url: str) -> None:
    # Imported here: half a second that only a new database has to pay.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import Connection as AlembicConnection
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))

    def run(connection: AlembicConnection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    async def connect() -> Connection:
        return await asyncpg.connect(url)

    # The address goes straight to the driver, since SQLAlchemy reads addresses by rules of its own.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


INSERT_PROGRAMME = """
INSERT INTO programme (name, currency, minor_unit, time_zone, point_value, lanes, expiry_rule, expiry_months,
    expiry_day, grace_days, expiry_by_time, expiry_notice_days, burn_points_min, burn_points_per_day_max,
    earns_per_card_per_day_max, step_up_above, operations_per_card_max, velocity_window_s, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, now())
ON CONFLICT (only_row) DO NOTHING
"""

INSERT_FIRST_WINDOW = """
INSERT INTO clearing_window (window_no, opened_at) VALUES (1, now()) ON CONFLICT (window_no) DO NOTHING
"""

INSERT_LANES = """
INSERT INTO lane (lane, window_no, last_booked_at)
SELECT number, 1, now() FROM generate_series(0, $1::integer - 1) AS number
ON CONFLICT (lane) DO NOTHING
"""


async def _make_programme(connection: Connection, programme: ProgrammeSettings) -> None:
    async with connection.transaction():
        await connection.execute(
            INSERT_PROGRAMME,
            programme.name,
            programme.currency,
            programme.minor_unit,
            programme.time_zone,
            programme.point_value,
            programme.lanes,
            programme.expiry_rule,
            programme.expiry_months,
            programme.expiry_day,
            programme.grace_days,
            programme.expiry_by_time,
            programme.expiry_notice_days,
            *astuple(programme.limits),
        )
        await connection.execute(INSERT_FIRST_WINDOW)
        await connection.execute(INSERT_LANES, programme.lanes)
