"""Do work for all who wait for it at once: what arrives together is one transaction."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Keys = Iterable[Hashable]
"""What an item has to do with: no two items of one batch share a key."""

MOST: Final = 200
"""Items in one batch."""


class _Waiting(NamedTuple, Generic[T, R]):
    item: T
    result: "asyncio.Future[R]"


def nothing_in_common(_: object) -> Keys:
    """The keys of items that have nothing to do with one another."""
    return ()


class Together(Generic[T, R]):
    """Does work for many callers at once, one batch after the other, in the order of arrival."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        keys: Callable[[T], Keys | None] = nothing_in_common,
        most: int = MOST,
    ) -> None:
        """
        :param work: does a batch; a result for each item. What it raises is as if none of the
            batch had been done: each item is then tried alone, so that one fails alone.
        :param keys: of an item; ``None`` for one that is done alone.
        :param most: items in one batch.
        """
        self._work = work
        self._keys = keys
        self._most = most
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    async def do(self, item: T) -> R:
        """Have an item done. A caller that is cancelled does not learn what has become of it.

        :raises RuntimeError: it is closed.
        """
        if self._is_closed:
            raise RuntimeError("the store is closed")
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, result))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await result

    async def close(self) -> None:
        """Finish what waits, and take nothing more."""
        self._is_closed = True
        if self._task is not None:
            await asyncio.wait({self._task})

    async def _run(self) -> None:
        try:
            while batch := self._take():
                await self._do(batch)
        finally:
            self._task = None
            while self._waiting:  # none, unless this task itself was ended
                self._waiting.popleft().result.cancel()

    def _take(self) -> list[_Waiting[T, R]]:
        """Take the items that wait, up to the first that shares a key with one before it."""
        batch: list[_Waiting[T, R]] = []
        seen: set[Hashable] = set()
        while self._waiting and len(batch) < self._most:
            if self._waiting[0].result.done():  # whoever asked is gone
                self._waiting.popleft()
                continue
            keys = self._keys(self._waiting[0].item)
            if keys is None:
                return batch or [self._waiting.popleft()]
            if not seen.isdisjoint(keys := set(keys)):
                break
            seen |= keys
            batch.append(self._waiting.popleft())
        return batch

    async def _do(self, batch: Sequence[_Waiting[T, R]]) -> None:
        try:
            results = await self._work([each.item for each in batch])
        except Exception as error:  # noqa: BLE001 -- it is for who waits
            await self._failed(batch, error)
        except BaseException:
            for each in batch:
                each.result.cancel()
            raise
        else:
            for each, result in zip(batch, results, strict=True):
                if not each.result.done():
                    each.result.set_result(result)

    async def _failed(self, batch: Sequence[_Waiting[T, R]], error: Exception) -> None:
        if len(batch) > 1:
            for each in batch:
                await self._do([each])
        elif not batch[0].result.done():
            batch[0].result.set_exception(error)
