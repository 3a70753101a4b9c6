"""Where tables and lanes lie on a cluster."""

from collections import Counter

from coalition.database.placement import Move, Node, Shard, best_shard_count, moves_to_level, shard_of

FIRST, SECOND, THIRD = (Node(f"worker-{number}", 5432) for number in (1, 2, 3))


def test_a_hash_belongs_to_the_part_of_the_values_that_holds_it() -> None:
    """Parts are equal but for the last, which takes what the division leaves over."""
    assert [shard_of(hashed, 4) for hashed in (-(2**31), -(2**30) - 1, -(2**30), -1, 0, 2**31 - 1)] == [
        0,
        0,
        1,
        1,
        2,
        3,
    ]
    assert shard_of(2**31 - 1, 7) == 6


def test_shards_are_as_few_as_keep_lanes_apart() -> None:
    """Four lanes whose hashes lie in two of four quarters need more parts than four; more than enough is not taken."""
    assert best_shard_count([-(2**31), -(2**30), 0, 2**30]) == 4
    crowded = [-1, 0, 2**29, 2**30]
    assert best_shard_count(crowded) == 8
    assert max(Counter(shard_of(hashed, 8) for hashed in crowded).values()) == 1


def test_lanes_move_until_no_node_has_two_more_than_another() -> None:
    """A new node gets lanes of the fullest ones; a shard moves as a whole, and never there and back."""
    shards = [Shard(shard, FIRST if shard < 4 else SECOND, (shard,)) for shard in range(6)]
    shards += [Shard(6, SECOND, (6, 7)), Shard(7, FIRST, ())]
    moves = moves_to_level(shards, [FIRST, SECOND, THIRD])
    assert _counts(shards, moves) == [2, 3, 3]
    assert {move.target for move in moves} == {THIRD}
    assert Shard(7, FIRST, ()) not in [move.shard for move in moves]
    settled = [Shard(s.shard, next((m.target for m in moves if m.shard == s), s.node), s.lanes) for s in shards]
    assert moves_to_level(settled, [FIRST, SECOND, THIRD]) == []


def test_a_shard_that_is_too_full_to_help_stays() -> None:
    """Two lanes in one shard would only change places with nothing: the empty node would be the full one."""
    assert moves_to_level([Shard(1, FIRST, (0, 1))], [FIRST, SECOND]) == []


def _counts(shards: list[Shard], moves: list[Move]) -> list[int]:
    count: Counter[Node] = Counter({THIRD: 0})
    for shard in shards:
        count[next((move.target for move in moves if move.shard == shard), shard.node)] += len(shard.lanes)
    return sorted(count.values())
