"""A whole run: the world is made, a hub started, and the parts that are asked for are measured in turn."""

from collections.abc import Collection
from itertools import count

from coalition.bench.audit import check_journalled, database_settings, measure_commit_ms
from coalition.bench.generator import SendClosed
from coalition.bench.peer import fill_peer
from coalition.bench.rounds import clearing_rounds, open_loop_rounds, reads_rounds, singles_rounds
from coalition.bench.run import Measured, Run
from coalition.bench.sizes import Sizes
from coalition.bench.stages import measure_stages
from coalition.bench.windows import Calculate, window_steps
from coalition.bench.world import Progress, open_world


async def measure(
    sizes: Sizes,
    figures: Collection[str],
    calculate: Calculate,
    progress: Progress,
    *,
    database_url: str | None = None,
    is_profiled: bool = False,
) -> Measured:
    """Measure these figures, B1 to B6, and where their time goes; raises BenchError when the outcome could not be
    trusted. `database_url` names an empty database; None: an embedded one is made."""
    measured, numbers = Measured(), count(1)
    async with open_world(sizes, progress, database_url=database_url) as world:
        async with world.pool.acquire() as connection:
            measured.settings = await database_settings(connection)
            measured.commit_ms = await measure_commit_ms(connection)
        await fill_peer(world.url, partners=sizes.partners, accounts=sizes.members)
        with world.hub() as hub:
            run = Run(sizes, world, hub, progress, measured, numbers)
            await _first_points(run)
            await _rounds(run, figures)
            if is_profiled:
                await measure_stages(run)
        if {"B4", "B6"} & set(figures):
            with world.hub() as hub:
                await window_steps(Run(sizes, world, hub, progress, measured, numbers), calculate)
        await check_journalled(world, answered=measured.counts["booked"] + measured.counts["refused"])
    return measured


async def _first_points(run: Run) -> None:
    """Give each member points to spend, through the hub: this is its warm-up as well."""
    sizes = run.sizes
    run.progress("first points for each account", 0, 1)
    await run.prepare(run.hub.authority, -(-sizes.members // sizes.operations), sizes.operations, "each")
    run.measured.first = await run.send_to_hub(SendClosed(sizes.messages_in_flight))
    run.progress("first points for each account", 1, 1)


async def _rounds(run: Run, figures: Collection[str]) -> None:
    if {"B1", "B2"} & set(figures):
        await clearing_rounds(run)
    if "B3" in figures:
        await singles_rounds(run)
        await open_loop_rounds(run)
    if "B5" in figures:
        await reads_rounds(run)
