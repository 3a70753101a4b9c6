"""The rules that keep one SQL text valid on plain PostgreSQL and on Citus, and the statements that they hold for.

A lane table lies on the nodes in parts, by its column `lane` (`coalition.database.placement`). A statement for one
lane, named by an argument, is run whole by the node that has it: then anything goes. One over several lanes is run by
each node on its own part, so what it joins must lie together: on the lane. The rules' sources are Citus' reference
("SQL Support and Workarounds") and trials on a cluster.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from coalition.database.placement import LANE_TABLES, LOCAL_TABLES, REFERENCE_TABLES

ROOT = Path(__file__).parents[2]
MIGRATIONS = ROOT / "coalition/database/migrations/versions"
# Programs beside the service, and what changes the schema itself.
LEFT_OUT = ("coalition/bench", "coalition/demo", "coalition/database/migrations", "coalition/database/embedded.py")
STARTS_LIKE_SQL = re.compile(
    r"\s*(--[^\n]*\n\s*)*(BEGIN;|SELECT|INSERT|UPDATE|DELETE|WITH|MERGE|LOCK|TRUNCATE|LISTEN|NOTIFY)\s"
)

# Put in by str.format as a whole number, where the simple protocol takes no arguments.
A_NUMBER = re.compile(r"\{\w+:d\}")
GLUE = "<put in>"
NO_COLUMN = "a SELECT without a column: what nodes send each other has one"

# A field of a row is none, though the row be an argument: a node is found by a value.
ARGUMENT = re.compile(r"^(\$\d+|p_lane|own_lane)$")
# Told as arguments instead, so that a shard's copy of a row can't differ; of the clock's, now() too.
NOT_IN_WRITES = ("now", "clock_timestamp", "statement_timestamp", "random", "gen_random_uuid", "nextval", "timeofday")
# Each node sums up its own part, and the coordinator the nodes' sums.
PARTIAL_AGGREGATES = (exp.Sum, exp.Count, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr)


class Statement(NamedTuple):
    """`name` as module.CONSTANT, file, or function#n."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    name: str
    rule: str


def statements() -> Iterator[Statement]:
    """Return every statement of the hub and the settlement."""
    for package in ("coalition", "settlement"):
        for path in sorted((ROOT / package).rglob("*.py")):
            inside = path.relative_to(ROOT).as_posix()
            if not inside.startswith(LEFT_OUT):
                yield from of_module(path, inside.removesuffix(".py").replace("/", "."))
        for path in sorted((ROOT / package).rglob("stores/**/*.sql")):
            yield Statement(path.relative_to(ROOT).as_posix(), path.read_text())
    yield from _of_functions()


def of_module(path: Path, module: str) -> Iterator[Statement]:
    """Return the statements of one file; a constant is named by its name, any other string by its line."""
    tree = ast.parse(path.read_text())
    named = {
        id(node.value): target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        text = _text(node)
        if text is not None and id(node) not in parts and STARTS_LIKE_SQL.match(text):
            yield Statement(f"{module}.{named.get(id(node), getattr(node, 'lineno', 0))}", text)


def _text(node: ast.AST) -> str | None:
    """Return a string as it stands in the code. What a constant's name puts into it is one value for good; anything
    else is GLUE."""
    if isinstance(node, ast.Constant):
        return A_NUMBER.sub("$1", node.value) if isinstance(node.value, str) else None
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(
        str(part.value) if isinstance(part, ast.Constant) else "1" if _is_constant(part) else GLUE
        for part in node.values
    )


def _is_constant(part: ast.expr) -> bool:
    return isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) and part.value.id.isupper()


def _of_functions() -> Iterator[Statement]:
    newest: dict[str, str] = {}
    for path in sorted(MIGRATIONS.glob("*.sql")):
        for name, body in re.findall(
            r"CREATE (?:OR REPLACE )?FUNCTION (\w+).*?AS \$\$(.*?)\$\$", path.read_text(), re.S
        ):
            newest[name] = body
    for name, body in sorted(newest.items()):
        if name != "fill_journal_nodes":  # Part of a migration; on a cluster, done before the tables are distributed.
            yield from (Statement(f"{name}#{number}", sql) for number, sql in enumerate(plpgsql_statements(body), 1))


def plpgsql_statements(body: str) -> list[str]:
    """Return the SQL statements of a function's body, without what only PL/pgSQL understands."""
    body = re.sub(r"--[^\n]*", "", body)
    body = re.sub(r"^(DECLARE\b.*?)?\bBEGIN\b|\bEND\s*$", "", body.strip(), flags=re.S)
    body = re.sub(r"\bIF\b[^;]*?\bTHEN\b|\bEND IF\s*;|\bRETURN QUERY\b", "", body)
    found = [re.sub(r"\bINTO\s+(STRICT\s+)?[\w\s,]+?(?=\bFROM\b)", "", part, count=1) if "INSERT" not in part else part
             for part in body.split(";")]  # fmt: skip
    return [part.strip() for part in found if part.strip()]


def violations(statement: Statement) -> list[Violation]:
    """Return which rules a statement breaks; one that touches no lane table breaks few."""
    if GLUE in statement.sql:
        return [Violation(statement.name, "glued together: a statement is one static text")]
    try:
        trees = sqlglot.parse(statement.sql, read="postgres")
    except sqlglot.errors.ParseError as error:
        return [Violation(statement.name, f"not understood: {error.errors[0]['description']}")]
    found = [rule for tree in trees if tree for rule in _broken(tree)]
    return [Violation(statement.name, rule) for rule in sorted(set(found))]


def _broken(tree: exp.Expression) -> Iterator[str]:
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    tables = {table.name for table in tree.find_all(exp.Table)} - ctes
    if isinstance(tree, exp.Merge):
        yield "MERGE"
    if tables & {*LANE_TABLES, *REFERENCE_TABLES} and any(
        lock.args.get("wait") is False for lock in tree.find_all(exp.Lock)
    ):
        yield "SKIP LOCKED on other than local tables"
    if not tables & set(LANE_TABLES):
        return
    if isinstance(tree, exp.Command):
        yield f"not understood: {tree.sql()[:60]}"
        return
    if any(isinstance(cte.this, exp.Insert | exp.Update | exp.Delete) for cte in tree.find_all(exp.CTE)):
        yield "data-modifying CTE"
    if isinstance(tree, exp.Insert):
        yield from _broken_by_insert(tree, tables)
    elif isinstance(tree, exp.Update | exp.Delete):
        yield from _broken_by_change(tree, tables)
    yield from _broken_by_reads(tree)


def _broken_by_insert(tree: exp.Insert, tables: set[str]) -> Iterator[str]:
    target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    if target.name not in LANE_TABLES:
        return
    source = tree.expression
    columns = [column.name for column in tree.this.expressions] if isinstance(tree.this, exp.Schema) else []
    if isinstance(source, exp.Values):
        if source.find(exp.Select) or any(part.find(exp.Select) for part in [tree.args.get("returning")] if part):
            yield "a sub-select in INSERT ... VALUES"
        rows = [row.expressions for row in source.expressions]
        if "lane" not in columns or any(not _is_argument(row[columns.index("lane")]) for row in rows):
            yield "inserts rows whose lane is no argument"
    elif isinstance(source, exp.Select):
        is_whole = source.is_star and source.find(exp.Unnest) is not None
        lanes = [part.unalias() for part, name in zip(source.expressions, columns, strict=False) if name == "lane"]
        if not is_whole and not any(_is_argument(lane) or isinstance(lane, exp.Column) for lane in lanes):
            yield "inserts rows whose lane is no argument"
        if tables & set(LOCAL_TABLES):
            yield "writes a lane table from a local one"
    conflict = tree.args.get("conflict")
    yield from _broken_assignments(conflict.expressions if conflict else [])


def _broken_by_change(tree: exp.Update | exp.Delete, tables: set[str]) -> Iterator[str]:
    if tree.this.name not in LANE_TABLES:
        return
    where = _conjuncts(tree.args.get("where"))
    if not any(_pins(part, {tree.this.alias_or_name}, is_only=True) for part in where):
        yield "changes rows without lane = argument"
    if tables & set(LOCAL_TABLES):
        yield "writes a lane table from a local one"
    if isinstance(tree, exp.Update):
        yield from _broken_assignments(tree.expressions)
        joined = tree.args.get("from_") or tree.args.get("from")
        if joined is not None and joined.find(exp.Unnest) and not any(part.find(exp.Any) for part in where):
            yield "UPDATE joined to unnest without column = ANY(argument): it fans out"


def _broken_assignments(assignments: Sequence[exp.Expression]) -> Iterator[str]:
    for assignment in assignments:
        if (
            isinstance(assignment, exp.EQ)
            and isinstance(assignment.this, exp.Column)
            and assignment.this.name == "lane"
        ):
            yield "sets the lane of a row"
        calls = {call.name.lower() for call in assignment.find_all(exp.Anonymous)}
        if calls & set(NOT_IN_WRITES) or assignment.find(exp.CurrentTimestamp, exp.Rand, exp.CurrentDate, exp.Uuid):
            yield "a clock, chance or counter in an UPDATE of a lane table"


def _broken_by_reads(tree: exp.Expression) -> Iterator[str]:
    query = tree.expression if isinstance(tree, exp.Insert) else tree
    if isinstance(query, exp.Select) and not query.expressions:
        yield NO_COLUMN
    scopes = traverse_scope(query) if isinstance(query, exp.Query) else []
    pinned = [_pinned(scope) for scope in scopes]
    is_of_one_lane = bool(scopes) and all(
        lanes >= _lane_sources(scope) for scope, lanes in zip(scopes, pinned, strict=True)
    )
    for scope, lanes in zip(scopes, pinned, strict=True):
        if scope.expression.args.get("locks") and not lanes >= _lane_sources(scope):
            yield "FOR UPDATE without lane = argument"
    if is_of_one_lane:
        return
    for scope in scopes:
        yield from _broken_by_scope(scope)
    yield from _broken_over_lanes(query)


def _broken_by_scope(scope: Scope) -> Iterator[str]:
    groups = _groups(scope)
    sources = _lane_sources(scope) | _lane_queries(scope)
    outside = {column.table for column in scope.external_columns if column.table} - set(scope.sources)
    if outside and any(not groups[source] & (outside | {"argument"}) for source in sources):
        yield "a correlated sub-select off the lane"
    elif len({frozenset(groups[source]) for source in sources}) > 1:
        yield "joins off the lane"
    for lateral in scope.expression.find_all(exp.Lateral):
        if lateral.find(exp.Limit):
            yield "LATERAL with LIMIT over several lanes"


def _broken_over_lanes(query: exp.Expression) -> Iterator[str]:
    if query.find(exp.Rollup, exp.Cube, exp.GroupingSets):
        yield "grouping sets over several lanes"
    with_ = query.args.get("with_") or query.args.get("with")
    if with_ is not None:
        if with_.args.get("recursive"):
            yield "a recursive CTE over several lanes"
        for cte in with_.expressions:
            uses = sum(table.name == cte.alias for table in query.find_all(exp.Table))
            if uses > 1 and cte.args.get("materialized") is None and _names_lane_table(cte):
                yield "a CTE over several lanes that is read twice and does not say how"
    if any(not select.expressions and _names_lane_table(select) for select in query.find_all(exp.Select)):
        yield NO_COLUMN
    if query.find(exp.TableSample):
        yield "TABLESAMPLE over several lanes"
    for aggregate in query.find_all(exp.AggFunc):
        is_window = isinstance(aggregate.parent, exp.Window) or isinstance(aggregate, exp.RowNumber)
        if is_window or not isinstance(aggregate, PARTIAL_AGGREGATES) or aggregate.find(exp.Distinct):
            yield f"{aggregate.key} over several lanes: every row goes to the coordinator"


def _names_lane_table(node: exp.Expression) -> bool:
    return any(table.name in LANE_TABLES for table in node.find_all(exp.Table))


def _lane_sources(scope: Scope) -> set[str]:
    selected = {name: source for name, (_, source) in scope.selected_sources.items()}
    return {name for name, source in selected.items() if isinstance(source, exp.Table) and source.name in LANE_TABLES}


def _lane_queries(scope: Scope) -> set[str]:
    """Return the sub-selects and CTEs that this one reads and that give lanes."""
    selected = {
        name: source.expression for name, (_, source) in scope.selected_sources.items() if isinstance(source, Scope)
    }
    return {
        name
        for name, query in selected.items()
        if isinstance(query, exp.Query) and "lane" in query.named_selects and _names_lane_table(query)
    }


def _pinned(scope: Scope) -> set[str]:
    return {source for source, group in _groups(scope).items() if "argument" in group}


def _groups(scope: Scope) -> dict[str, set[str]]:
    """Return for each source that gives lanes which others have the same lane; "argument" where it is an argument's."""
    sources = _lane_sources(scope) | _lane_queries(scope)
    groups = {source: {source} for source in sources}
    parts = [part for join in scope.expression.args.get("joins") or [] for part in _conjuncts(join.args.get("on"))]
    for part in [*parts, *_conjuncts(scope.expression.args.get("where"))]:
        pair = _same_lane(part, sources)
        if pair is not None:
            merged = set().union(*(groups.get(each, {each}) for each in pair))
            merged |= set().union(*(group for group in groups.values() if group & merged))
            groups |= dict.fromkeys(merged, merged)
    return groups


def _same_lane(part: exp.Expression, sources: set[str]) -> tuple[str, str] | None:
    if not isinstance(part, exp.EQ):
        return None
    sides = [_lane_of(side, sources) for side in (part.left, part.right)]
    return None if None in sides or sides == ["argument", "argument"] else (str(sides[0]), str(sides[1]))


def _lane_of(side: exp.Expression, sources: set[str]) -> str | None:
    if _is_argument(side):
        return "argument"
    if not isinstance(side, exp.Column) or side.name != "lane":
        return None
    return side.table or (next(iter(sources)) if len(sources) == 1 else None)


def _pins(part: exp.Expression, sources: set[str], *, is_only: bool) -> bool:
    return isinstance(part, exp.EQ) and {_lane_of(part.left, sources), _lane_of(part.right, sources)} == {
        "argument",
        *sources,
    }


def _is_argument(node: exp.Expression) -> bool:
    if isinstance(node, exp.Cast):
        return _is_argument(node.this)
    return ARGUMENT.match(node.sql("postgres")) is not None


def _conjuncts(node: exp.Expression | None) -> list[exp.Expression]:
    if node is None:
        return []
    if isinstance(node, exp.Where):
        return _conjuncts(node.this)
    if isinstance(node, exp.Paren):
        return _conjuncts(node.this)
    if isinstance(node, exp.And):
        return [*_conjuncts(node.left), *_conjuncts(node.right)]
    return [node]
