"""Settings: flags first, then the environment (COALITION_...), then these defaults; docs/operator.md has the table."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from coalition.database.migrate import ProgrammeSettings
from coalition.errors import SettingError
from coalition.http.remote import Network, parse_networks
from coalition.ledger.expiry import NOTICE_DAYS_MAX, RULES_BESIDE_TIME, RuleName
from coalition.ledger.limits import (
    EARNS_OF_A_DAY_MAX,
    OPERATIONS_OF_A_CARD_MAX,
    POINTS_OF_A_DAY_MAX,
    VELOCITY_WINDOW_S_MAX,
    LimitRules,
)
from coalition.ledger.operation import POINTS_MAX


def default_data_dir() -> Path:
    """As root outside any home, since the embedded PostgreSQL then runs as a user of its own."""
    if os.geteuid() == 0:
        return Path("/var/lib/coalition/data")
    return Path.home() / ".local" / "share" / "coalition"


class Settings(BaseSettings):
    """Every setting of the hub. Those of the programme count only when the database is made."""

    # A variable that is empty is not set: files for containers pass on what may be missing.
    model_config = SettingsConfigDict(env_prefix="COALITION_", env_ignore_empty=True, extra="ignore", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir, description="Embedded database, hub key, reports.")
    database_url: str | None = Field(None, description="PostgreSQL 15 or later; none: the embedded one.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    workers: int = Field(1, ge=1, le=64, description="Processes that share the address; each has a pool and queues.")
    metrics_port: int | None = Field(None, ge=0, le=65535, description="Port of /metrics, on the same host; none: off.")
    hub_key: Path | None = Field(None, description="PEM of the hub's key; none: DATA_DIR/hub-key.pem, made at need.")
    hub_key_before: Path | None = Field(
        None,
        description="PEM of the hub's key before; it signs the list of keys alone, and so vouches for the new one.",
    )
    waiting_max: int = Field(20_000, ge=1_000, description="Operations that may wait in a worker before 503.")
    connections_max: int = Field(1_000, ge=10, le=100_000, description="Open connections of a worker at most.")
    pool_size: int = Field(16, ge=4, le=200, description="Database connections of a worker at most.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="How much is logged.")
    log_json: bool = Field(False, description="Log lines as JSON, for machines.")
    public_url: str | None = Field(None, description="Address that people use; https turns Secure cookies on.")
    trusted_proxies: str = Field(
        "", description="Addresses or networks, with commas, of proxies whose X-Forwarded-For is believed."
    )
    smtp_url: str | None = Field(None, description="smtp://user:password@host:port, smtps:// for TLS from the start.")
    mail_from: str = Field("coalition@localhost", description="Sender of the hub's mail.")
    mail_language: Literal["en", "de"] = Field(
        "en", description="Language of mails to members whose own is not known yet: en or de."
    )
    print_codes: bool = Field(False, description="Print sign-in codes instead of mailing them; for demos only.")
    webhook_allow_http: bool = Field(
        False, description="Webhooks by plain http and to addresses that are not public; for trials and tests only."
    )

    programme_name: str = Field("Coalition", max_length=64, description="Name of the programme.")
    currency: str = Field("EUR", pattern="^[A-Z]{3}$", description="Settlement currency, ISO 4217.")
    minor_unit: int = Field(2, ge=0, le=4, description="Decimals of the currency.")
    time_zone: str = Field("Europe/Berlin", description="Zone of the programme's days.")
    point_value: Decimal = Field(Decimal("0.01"), gt=0, description="Money per point.")
    lanes: int = Field(4, ge=1, le=1024, description="Journals; fixed when the database is made.")
    expiry_by_time: bool = Field(
        True, description="Whether points may expire by time alone; false: the rule is never or inactivity."
    )
    expiry_rule: RuleName = Field(
        "end_of_month",
        validate_default=True,
        description="When points expire, counted from the sale; inactivity: from the last use.",
    )
    expiry_months: int = Field(36, ge=1, le=1200, description="Months of the expiry rule.")
    expiry_day: str = Field(
        "12-31", pattern="^(0[1-9]|1[0-2])-([0-2][0-9]|3[01])$", description="Last day (MM-DD) of the yearly rule."
    )
    grace_days: int = Field(30, ge=0, le=3650, description="Life of points that come back after their expiry.")
    expiry_notice_days: int | None = Field(
        None, ge=1, le=NOTICE_DAYS_MAX, description="Days before their expiry on which members are told by mail."
    )
    limit_burn_points_min: int | None = Field(None, ge=1, le=POINTS_MAX, description="Points of a burn at least.")
    limit_burn_points_per_day_max: int | None = Field(
        None, ge=1, le=POINTS_OF_A_DAY_MAX, description="Points that an account may burn a day, at all partners."
    )
    limit_earns_per_card_per_day_max: int | None = Field(
        None, ge=1, le=EARNS_OF_A_DAY_MAX, description="Earns of one card a day."
    )
    limit_step_up_above: int | None = Field(
        None, ge=0, le=POINTS_MAX, description="Burns of more points need the member's code."
    )
    limit_operations_per_card_max: int | None = Field(
        None, ge=1, le=OPERATIONS_OF_A_CARD_MAX, description="Operations of one card within the window below."
    )
    limit_velocity_window_s: int = Field(60, ge=1, le=VELOCITY_WINDOW_S_MAX, description="Length of that window.")

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_networks(cls, text: str) -> str:
        parse_networks(text)
        return text

    @property
    def trusted_networks(self) -> tuple[Network, ...]:
        return parse_networks(self.trusted_proxies)

    @field_validator("expiry_rule")
    @classmethod
    def _expiry_is_lawful(cls, rule: RuleName, others: ValidationInfo) -> RuleName:
        if not others.data.get("expiry_by_time", True) and rule not in RULES_BESIDE_TIME:
            raise ValueError("expected never or inactivity, since COALITION_EXPIRY_BY_TIME is false")
        return rule

    @property
    def hub_key_path(self) -> Path:
        return self.hub_key or self.data_dir / "hub-key.pem"

    @property
    def programme(self) -> ProgrammeSettings:
        return ProgrammeSettings(
            name=self.programme_name,
            currency=self.currency,
            minor_unit=self.minor_unit,
            time_zone=self.time_zone,
            point_value=self.point_value,
            lanes=self.lanes,
            expiry_rule=self.expiry_rule,
            expiry_months=self.expiry_months,
            expiry_day=self.expiry_day,
            grace_days=self.grace_days,
            expiry_by_time=self.expiry_by_time,
            expiry_notice_days=self.expiry_notice_days,
            limits=LimitRules(
                burn_points_min=self.limit_burn_points_min,
                burn_points_per_day_max=self.limit_burn_points_per_day_max,
                earns_per_card_per_day_max=self.limit_earns_per_card_per_day_max,
                step_up_above=self.limit_step_up_above,
                operations_per_card_max=self.limit_operations_per_card_max,
                velocity_window_s=self.limit_velocity_window_s,
            ),
        )


def load_settings(**flags: Any) -> Settings:
    """Read the settings; flags that are None were not given.

    Raises SettingError that names the setting, what was expected and what came."""
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, detail['loc']))} (COALITION_{str(detail['loc'][0]).upper()}): {detail['msg']}, "
            f"{detail['input']!r} came"
            for detail in error.errors()
        )
        raise SettingError(faults) from error
