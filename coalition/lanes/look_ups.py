"""Look-ups in the database, made for all who ask at the same moment: a round trip costs more than what it finds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LookUps(Generic[K, V]):
    """Whoever asks while one look-up is on its way is answered by the next, with all others who wait: so what is found
    is never older than the question."""

    def __init__(self, load: Callable[[set[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._load = load
        self._asked: list[tuple[set[K], asyncio.Future[Mapping[K, V]]]] = []
        self._work_task: asyncio.Task[None] | None = None

    async def find(self, keys: set[K]) -> dict[K, V]:
        """Return the values of those keys that exist; raises what the look-up raises."""
        answered: asyncio.Future[Mapping[K, V]] = asyncio.get_running_loop().create_future()
        self._asked.append((keys, answered))
        if self._work_task is None or self._work_task.done():
            self._work_task = asyncio.create_task(self._work(), name="look-ups")
        loaded = await answered
        return {key: loaded[key] for key in keys if key in loaded}

    async def _work(self) -> None:
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                loaded = await self._load(set().union(*(keys for keys, _ in asked)))
            except Exception as error:
                for _, answered in asked:
                    if not answered.done():
                        answered.set_exception(error)
            else:
                for _, answered in asked:
                    if not answered.done():
                        answered.set_result(loaded)
