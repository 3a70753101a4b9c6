"""Every statement of the stores is valid on Citus as it is on plain PostgreSQL, as far as a parser can tell."""

from pathlib import Path

import pytest

from tests.pure.sql_rules import NO_COLUMN, Statement, Violation, of_module, statements, violations

ROWS_TO_COORDINATOR = "over several lanes: every row goes to the coordinator"

# What breaks a rule on purpose, and why that is right.
EXCEPTIONS = {
    Violation("open_batch#5", f"arrayagg {ROWS_TO_COORDINATOR}"): (
        "ids that were fresh a moment ago: other lanes have none of them, or the few that a partner's bug repeats"
    ),
    Violation("coalition.stores.reconciliations.SELECT_DAYS", f"groupconcat {ROWS_TO_COORDINATOR}"): (
        "a digest over the lines of all lanes in their order; a partner's days, a bounded number of leaves at once"
    ),
}


def test_every_statement_keeps_the_rules_or_is_named_with_its_reason() -> None:
    """All of the hub's and the settlement's SQL is looked at, functions in the database included."""
    looked_at = list(statements())
    names = {statement.name for statement in looked_at}
    assert {"write_batch#9", "coalition.stores.lots.SELECT_LOTS", "settlement/stores/sql/late_items.sql"} <= names
    assert len(looked_at) > 350
    found = {violation for statement in looked_at for violation in violations(statement)}
    assert found - EXCEPTIONS.keys() == set()
    assert EXCEPTIONS.keys() - found == set(), "an exception that nothing needs any more"


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("UPDATE account SET held = 0 WHERE account = $1", "changes rows without lane = argument"),
        ("UPDATE account SET held = 0 WHERE lane = (p_state).lane", "changes rows without lane = argument"),
        ("DELETE FROM card_usage WHERE lane = ANY($1)", "changes rows without lane = argument"),
        ("UPDATE account SET lane = $2 WHERE lane = $1 AND account = $3", "sets the lane of a row"),
        (
            "UPDATE lane SET last_booked_at = now() WHERE lane = $1",
            "a clock, chance or counter in an UPDATE of a lane table",
        ),
        (
            "INSERT INTO lane_day (lane, day, outstanding) VALUES ($1, $2, $3)"
            " ON CONFLICT (lane, day) DO UPDATE SET outstanding = random()",
            "a clock, chance or counter in an UPDATE of a lane table",
        ),
        (
            "UPDATE lot SET remaining = new.r FROM unnest($2::bigint[], $3::bigint[]) AS new (a, r)"
            " WHERE lot.lane = $1 AND lot.account = new.a",
            "UPDATE joined to unnest without column = ANY(argument): it fans out",
        ),
        ("INSERT INTO hold (lane, leaf) VALUES (DEFAULT, $1)", "inserts rows whose lane is no argument"),
        (
            "INSERT INTO lane_day (lane, day) VALUES ($1, (SELECT max(day) FROM lane_day WHERE lane = $1))",
            "a sub-select in INSERT ... VALUES",
        ),
        (
            "INSERT INTO cap_allowance (lane, partner) SELECT $1, partner FROM net_debit_cap",
            "writes a lane table from a local one",
        ),
        ("SELECT leaf FROM hold WHERE account = $1 FOR UPDATE", "FOR UPDATE without lane = argument"),
        ("SELECT FROM lane WHERE lane = $1 FOR UPDATE", NO_COLUMN),
        ("SELECT count(*) FROM lane WHERE NOT EXISTS (SELECT FROM lot WHERE remaining > 0)", NO_COLUMN),
        ("SELECT card FROM card FOR UPDATE SKIP LOCKED", "SKIP LOCKED on other than local tables"),
        ("SELECT j.leaf FROM journal AS j JOIN lot AS l ON l.leaf = j.leaf", "joins off the lane"),
        (
            "SELECT j.leaf FROM journal AS j LEFT JOIN message AS m ON m.digest = j.message AND j.lane = $1",
            "joins off the lane",
        ),
        (
            "SELECT a.account FROM account AS a JOIN (SELECT lane, sum(points) AS p FROM hold GROUP BY lane) AS h"
            " ON h.p = a.held",
            "joins off the lane",
        ),
        (
            "SELECT leaf FROM journal AS j WHERE EXISTS (SELECT 1 FROM lot AS l WHERE l.leaf = j.leaf)",
            "a correlated sub-select off the lane",
        ),
        (
            "SELECT l.points FROM unnest($1::smallint[]) AS u (lane), LATERAL"
            " (SELECT points FROM lot WHERE lot.lane = u.lane ORDER BY leaf LIMIT 1) AS l",
            "LATERAL with LIMIT over several lanes",
        ),
        (
            "MERGE INTO account AS a USING lot AS l ON l.lane = a.lane WHEN MATCHED THEN UPDATE SET held = 0",
            "MERGE",
        ),
        (
            "WITH gone AS (DELETE FROM lot WHERE lane = $1 RETURNING leaf) SELECT leaf FROM gone",
            "data-modifying CTE",
        ),
        (
            "WITH s AS (SELECT lane, leaf FROM lot) SELECT a.leaf FROM s AS a JOIN s AS b ON a.lane = b.lane",
            "a CTE over several lanes that is read twice and does not say how",
        ),
        (
            "SELECT partner, kind, sum(points) FROM window_total GROUP BY ROLLUP (partner, kind)",
            "grouping sets over several lanes",
        ),
        ("SELECT count(DISTINCT account) FROM lot", f"count {ROWS_TO_COORDINATOR}"),
        ("SELECT string_agg(operation_id, ',') FROM journal", f"groupconcat {ROWS_TO_COORDINATOR}"),
    ],
)
def test_a_statement_that_breaks_a_rule_is_found(sql: str, rule: str) -> None:
    assert Violation("planted", rule) in violations(Statement("planted", sql))


def test_what_is_put_into_a_statement_is_a_constant_or_found(tmp_path: Path) -> None:
    """A number by its name is one value for good; anything else makes other statements at other times."""
    module = tmp_path / "module.py"
    module.write_text(
        'FIXED = f"SELECT leaf FROM lot WHERE lane = $1 LIMIT {COUNT}"\n'
        'def run(table): return f"SELECT leaf FROM {table}"\n'
        'BAD = "SELECT FROM WHERE ("\n'
    )
    found = {statement.name: [each.rule for each in violations(statement)] for statement in of_module(module, "module")}
    assert found["module.FIXED"] == []
    assert found["module.2"] == ["glued together: a statement is one static text"]
    assert found["module.BAD"][0].startswith("not understood")


def test_statements_of_one_lane_may_do_anything() -> None:
    """What a single node runs whole is plain PostgreSQL."""
    for sql in (
        "SELECT string_agg(DISTINCT operation_id, ',') FROM journal WHERE lane = $1 AND leaf = ANY($2)",
        "WITH s AS (SELECT leaf FROM lot WHERE lane = $1) SELECT s.leaf, x.leaf FROM s, s AS x",
        "SELECT j.leaf FROM journal AS j JOIN lot ON lot.lane = $1 AND lot.leaf = j.leaf WHERE j.lane = $1 FOR UPDATE",
        "UPDATE account SET held = $2 WHERE lane = own_lane AND account = ANY(p_accounts)",
    ):
        assert violations(Statement("one lane", sql)) == []
