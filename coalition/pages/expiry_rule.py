"""The programme's rule of expiry in words."""

from coalition.pages.visit import Visit


def told_rule(visit: Visit) -> str:
    """Return when points expire by the rule of this programme."""
    rule = visit.site.programme.expiry
    if rule.name == "never":
        return visit.word("expiry.rule.never")
    day = visit.formats.day_of_year(*rule.yearly_day)
    return visit.word(f"expiry.rule.{rule.name}", age=_age(visit, rule.months), day=day)


def _age(visit: Visit, months: int) -> str:
    """Return a number of months, as years where it is whole ones."""
    years, rest = divmod(months, 12)
    return visit.counted("age.months", months) if rest else visit.counted("age.years", years)
