"""Where each table lies on Citus: distributed by lane, a copy on every node, or on the coordinator alone. Pure.

A plain PostgreSQL has no use for this list. A test holds it to the migrated schema, and the store's statements to it;
`coalition database distribute` sets a cluster up by it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# The first one is the one that the others are laid beside.
LANE_TABLES = (
    "lane",
    "lane_window",
    "lane_day",
    "message",
    "operation",
    "journal",
    "journal_block",
    "journal_node",
    "archived_range",
    "account",
    "account_usage",
    "card_usage",
    "step_up_code",
    "lot",
    "lot_restoration",
    "lot_use",
    "lot_total",
    "reversal",
    "hold",
    "window_total",
    "certificate",
    "certificate_use",
    "promotion_allowance",
    "promotion_share",
    "cap_allowance",
)

# Small, or read beside lane tables; written rarely, since each write goes to every node and locks the table as a whole.
REFERENCE_TABLES = (
    "programme",
    "partner",
    "partner_key",
    "hub_key",
    "terms",
    "member",
    "card",
    "clearing_window",
    "window_share",
    "promotion",
    "promotion_payer",
    "promotion_issuer",
)

# Gates, counters, queues, and settlement's own: row locks and SKIP LOCKED work here as on any PostgreSQL.
LOCAL_TABLES = (
    "account_merge",
    "alembic_version",
    "attempt",
    "bank_account",
    "bank_entry",
    "bank_statement",
    "breakage_rule",
    "calendar_close",
    "card_move",
    "collateral",
    "collateral_movement",
    "datev_settings",
    "dispute",
    "document_correction",
    "document_correction_line",
    "document_series",
    "expiry_notice",
    "gift_code",
    "known_browser",
    "legal_party",
    "net_debit_cap",
    "nonce",
    "operator",
    "partner_exit",
    "point_transfer",
    "prepaid_account",
    "prepaid_block",
    "prepaid_warning",
    "promotion_budget",
    "session",
    "settlement_rules",
    "share_adjustment",
    "share_move",
    "share_payment",
    "sign_in_code",
    "tax_document",
    "terms_draft",
    "webhook",
    "window_archive",
    "window_calendar",
    "window_move",
)

# Unique over all lanes, which no distributed table can keep; what stands in its place is in docs/operator.md.
INDEXES_OF_ONE_DATABASE = ("operation_id_in_one_lane",)

HASH_MIN = -(2**31)
HASH_VALUES = 2**32
SHARDS_FOR_EACH_LANE_MAX = 4


def shard_of(hashed: int, shards: int) -> int:
    """Return which of so many equal parts of the hash values holds this one; the last part takes what is left over."""
    return min((hashed - HASH_MIN) // (HASH_VALUES // shards), shards - 1)


def best_shard_count(hashes: Sequence[int]) -> int:
    """Return how many shards spread lanes with these hashes best: the fewest that put least lanes into one shard.

    At least one for each lane; more than SHARDS_FOR_EACH_LANE_MAX times as many would only be more tables."""

    def fullest(shards: int) -> int:
        return max(Counter(shard_of(hashed, shards) for hashed in hashes).values())

    return min(range(len(hashes), SHARDS_FOR_EACH_LANE_MAX * len(hashes) + 1), key=fullest)


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A server that may hold shards."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of all lane tables with the lanes in it; it moves from node to node as a whole."""

    shard: int
    node: Node
    lanes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Move:
    shard: Shard
    target: Node


def moves_to_level(shards: Sequence[Shard], nodes: Sequence[Node]) -> list[Move]:
    """Return which shards to move so that each node has about as many lanes as the others.

    Each move brings the fullest and the emptiest node closer together; the first in order, where several do."""
    place = {shard.shard: shard.node for shard in shards if shard.lanes}
    moves: list[Move] = []
    while True:
        count = _lanes_by_node(shards, place, nodes)
        fullest = max(sorted(count), key=lambda node: count[node])
        emptiest = min(sorted(count), key=lambda node: count[node])
        movable = [
            shard
            for shard in shards
            if place.get(shard.shard) == fullest and len(shard.lanes) < count[fullest] - count[emptiest]
        ]
        if not movable:
            return moves
        shard = max(movable, key=lambda shard: (len(shard.lanes), -shard.shard))
        place[shard.shard] = emptiest
        moves.append(Move(shard, emptiest))


def _lanes_by_node(shards: Sequence[Shard], place: Mapping[int, Node], nodes: Sequence[Node]) -> Counter[Node]:
    count: Counter[Node] = Counter(dict.fromkeys([*nodes, *place.values()], 0))
    for shard in shards:
        if shard.lanes:
            count[place[shard.shard]] += len(shard.lanes)
    return count
