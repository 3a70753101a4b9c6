"""docs/scale.md: its words are written by hand, its tables by the plan, between marks that name them.

<!-- scale:NAME -->
| the table |
<!-- /scale -->
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from coalition.bench.scale.breaks import limits_of
from coalition.bench.scale.comparison import Compared
from coalition.bench.scale.figures import Figures, FiguresError
from coalition.bench.scale.plan import Plan, plan_of
from coalition.bench.scale.programme import Machines, Programme
from coalition.bench.scale.tables import (
    Table,
    bytes_table,
    comparison_table,
    demand_table,
    figures_table,
    habits_table,
    limits_table,
    markdown,
    money_table,
    month_table,
    plan_table,
)

PLACE = re.compile(r"(<!-- scale:(\w+) -->\n).*?(<!-- /scale -->)", re.DOTALL)
FACTORS = (1, 10, 100)


def plans_of(programme: Programme, machines: Machines, figures: Figures) -> dict[str, Plan]:
    """Return the plans of a programme at each factor of its size."""
    return {f"{factor} x": plan_of(programme.times(factor), machines, figures) for factor in FACTORS}


def habits_of(programme: Programme, machines: Machines, figures: Figures) -> dict[str, Plan]:
    """Return plans of the same programme whose tills or shoppers behave otherwise."""
    others = {
        "as planned": programme,
        "1 % earned": replace(programme, earned_share=Decimal("0.01")),
        "all single": replace(programme, single_share=Decimal(1)),
        "all in bundles of 500": replace(programme, single_share=Decimal(0), bundle_operations=500),
    }
    return {name: plan_of(other, machines, figures) for name, other in others.items()}


def tables_of(programme: Programme, machines: Machines, figures: Figures, compared: list[Compared]) -> dict[str, Table]:
    """Return every table by its name."""
    plans = plans_of(programme, machines, figures)
    first = plans[f"{FACTORS[0]} x"]
    return {
        "figures": figures_table(figures),
        "bytes": bytes_table(figures),
        "demand": demand_table(plans),
        "plan": plan_table(plans),
        "month": month_table(plans),
        "money": money_table(plans),
        "habits": habits_table(habits_of(programme, machines, figures)),
        "breaks": limits_table(limits_of(first, figures)),
        "comparison": comparison_table(compared),
    }


def with_tables(text: str, tables: Mapping[str, Table]) -> str:
    """Return the page with each table in its place.

    Raises FiguresError where a table has no place or a place no table."""
    named = [name for _, name, _ in PLACE.findall(text)]
    if sorted(named) != sorted(tables):
        raise FiguresError(f"the page has places for {sorted(named)}, there are tables for {sorted(tables)}")
    return PLACE.sub(lambda place: f"{place[1]}{markdown(tables[place[2]])}\n{place[3]}", text)
