"""Addresses are input too: whatever stands in a path or a query of any route, nobody gets a fault of ours."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import coalition.pages
import settlement.pages
from settlement.operations.add_terms import TermsChange
from settlement.operations.draft_terms import draft_terms
from tests.http.conftest import now
from tests.pages.conftest import PASSWORD, RunningSite
from tests.pages.forms import Forms
from tests.report_story import two_months

# A null character, which PostgreSQL keeps in no text; a byte that is no UTF-8; a line's end; a digit that is none of
# ours; a number and a text beyond all limits.
HOSTILE = ("%00", "%FF", "%0A", "%D9%A7", "9" * 30, "x" * 300)
HOSTILE_IN_QUERY = ("%00", "9" * 30, "x")
# What leads on to the database where other parameters are hostile; of those that are not here, 1.
GOOD = {
    "kind": "issued",
    "name": "control",
    "format": "csv",
    "decision": "approve",
    "step": "approve",
    "file": "datev.csv",
    "after": "0.0",
    "month": "2027-03",
    "number": "R-000001",
}
NEEDED = ("window", "kind")
# It only matters whether they are there.
FLAGS = {"billed", "done", "language", "late", "left"}


def names_read_by_pages(*packages: ModuleType) -> set[str]:
    """Return the parameters whose values any page of these packages reads from its query."""
    paths = [path for package in packages for path in Path(package.__path__[0]).glob("*.py")]
    return {name for path in paths for name in names_read(path)} - FLAGS


def names_read(path: Path) -> Iterator[str]:
    """Yield the parameters that a module reads. Where it names one by a variable, all texts of that statement count."""
    for statement in ast.walk(ast.parse(path.read_text())):
        if not isinstance(statement, ast.stmt):
            continue
        nodes = list(own_nodes(statement))
        for asked in filter(None, map(name_asked, nodes)):
            texts = [node.value for node in ([asked] if isinstance(asked, ast.Constant) else nodes) if is_name(node)]
            assert texts, f"{path}:{statement.lineno}: which parameters are read here?"
            yield from texts


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what a statement consists of, without the statements within it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt):
            yield child
            yield from own_nodes(child)


def is_name(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier()


def name_asked(node: ast.AST) -> ast.expr | None:
    """Return what stands for the parameter's name where a query is asked for one."""
    match node:
        case ast.Call(func=ast.Attribute(value=asked, attr="get" | "getall" | "getone"), args=[name, *_]):
            pass
        case ast.Subscript(value=asked, slice=name) | ast.Compare(left=name, ops=[ast.In()], comparators=[asked]):
            pass
        case _:
            return None
    return name if ast.unparse(asked).split(".")[-1] == "query" else None


async def names_of_the_api(site: RunningSite) -> dict[str, set[str]]:
    """Return the parameters of each call's query, as OpenAPI tells them."""
    async with site.hub.session.get(f"{site.url}/openapi.json") as answer:
        paths = (await answer.json())["paths"]
    return {
        path: {told["name"] for call in calls.values() for told in call.get("parameters", ()) if told["in"] == "query"}
        for path, calls in paths.items()
    }


def hostile_addresses(path: str, names: set[str]) -> Iterator[str]:
    """Yield a route's address with one hostile part of its path, or one hostile parameter, at a time."""
    parts = re.findall(r"{(\w+)}", path)

    def filled(hostile: str = "", value: str = "") -> str:
        return re.sub(r"{(\w+)}", lambda part: value if part[1] == hostile else GOOD.get(part[1], "1"), path)

    for part in parts:
        yield from (filled(part, value) for value in HOSTILE)
    for name in sorted(names):
        needed = "".join(f"&{other}={GOOD.get(other, 1)}" for other in NEEDED if other != name and other in names)
        yield from (f"{filled()}?{name}={value}{needed}" for value in HOSTILE_IN_QUERY)


async def test_no_address_is_a_fault_of_ours(site: RunningSite) -> None:
    """Of every route of the API and of the pages, asked by somebody who may see it, over the books of two months."""
    story = await two_months(site.hub)
    soon = now() + timedelta(days=30)
    change = TermsChange(issue_price=Decimal("0.008"))
    await draft_terms(site.hub.pool, 1, change, valid_from=soon, now=now(), actor="operator:anna")
    await site.member()
    await site.operator("ada", "read", "operate", "approve")
    names_of_calls = await names_of_the_api(site)
    names_of_pages = names_read_by_pages(coalition.pages), names_read_by_pages(coalition.pages, settlement.pages)
    asked: dict[str, int] = {}
    async with Forms(site.url) as member, Forms(site.url) as operator:
        await member.post("/sign-in", email="erika@shop.example")
        assert (await member.post("/sign-in/code", code=await site.mailbox.next_code())).path == "/"
        await operator.get("/finance/sign-in")
        assert (await operator.post("/finance/sign-in", name="ada", password=PASSWORD)).path == "/finance"
        for method, path in sorted({(route.method, route.resource.canonical) for route in site.app.router.routes()}):
            if method == "HEAD":
                continue
            is_call = path.startswith("/v1/")
            names = names_of_calls[path] if is_call else names_of_pages[path.startswith("/finance")]
            for address in hostile_addresses(path, names if method == "GET" else set()):
                if is_call:
                    body = b"" if method == "GET" else b"{}"
                    status = (await story.bakery.request(method, address, body)).status
                    assert status != 401, address
                else:
                    visitor = operator if path.startswith("/finance") else member
                    status = (await (visitor.get if method == "GET" else visitor.post)(address)).status
                asked[f"{method} {address}"] = status
    assert {address[:80]: status for address, status in asked.items() if status >= 500} == {}
    # So that the list does not become empty unseen.
    assert len(asked) > 500
