"""Numbers, money and dates as people of each language write them, dates in the programme's time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.numbers import format_currency, format_decimal, format_percent

from coalition.pages.language import LOCALES, Language
from coalition.stores.programme import Programme

MINUS = "−"


@dataclass(frozen=True, slots=True)
class Formats:
    language: Language
    programme: Programme

    @property
    def locale(self) -> str:
        return LOCALES[self.language]

    def number(self, number: int | Decimal) -> str:
        return format_decimal(number, locale=self.locale).replace("-", MINUS)

    def signed(self, number: int) -> str:
        """Return a change of a balance with its sign."""
        return f"+{self.number(number)}" if number > 0 else self.number(number)

    def money(self, amount: Decimal) -> str:
        """Return an amount in the programme's currency, with all of its minor units."""
        text: str = format_currency(
            amount, self.programme.currency, locale=self.locale, currency_digits=False, format=self._money_pattern()
        )
        return text.replace("-", MINUS)

    def worth(self, points: int) -> str:
        """Return the money that points are worth to members, cut to the minor unit."""
        unit = Decimal(1).scaleb(-self.programme.minor_unit)
        return self.money((points * self.programme.point_value).quantize(unit))

    def percent(self, fraction: Decimal) -> str:
        return format_percent(fraction, "#,##0.##\xa0%" if self.language == "de" else "#,##0.##%", locale=self.locale)

    def day(self, moment: date | datetime) -> str:
        """Return a day: 24 Nov 2026."""
        return format_date(self._day_of(moment), "medium", locale=self.locale)

    def last_day(self, expires_on: date) -> str:
        """Return the last day on which points can be spent, given the first on which they can't."""
        return self.day(expires_on - timedelta(days=1))

    def month(self, moment: date | datetime) -> str:
        """Return a month: November 2026."""
        return format_date(self._day_of(moment), "LLLL y", locale=self.locale)

    def minute(self, moment: datetime) -> str:
        """Return a day with its time: 24 Nov 2026, 18:04."""
        return format_datetime(moment, "medium", tzinfo=self.programme.zone, locale=self.locale).rpartition(":")[0]

    def until(self, moment: datetime, *, now: datetime) -> str:
        """Return a moment that lies ahead: its time alone where it is today."""
        if self._day_of(moment) != self._day_of(now):
            return self.minute(moment)
        return format_time(moment, "short", tzinfo=self.programme.zone, locale=self.locale)

    def day_of_year(self, month: int, day: int) -> str:
        """Return a day of every year: 30 September."""
        # A leap year, since it may be 29 February.
        return format_skeleton("MMMMd", datetime(2024, month, day, tzinfo=UTC), locale=self.locale)

    def machine(self, moment: datetime | date) -> str:
        """Return a moment for the datetime attribute of <time>."""
        return self._day_of(moment).isoformat()

    def _day_of(self, moment: date | datetime) -> date:
        return moment.astimezone(self.programme.zone).date() if isinstance(moment, datetime) else moment

    def _money_pattern(self) -> str:
        decimals = "." + "0" * self.programme.minor_unit if self.programme.minor_unit else ""
        return f"#,##0{decimals}\xa0¤" if self.language == "de" else f"¤#,##0{decimals}"
