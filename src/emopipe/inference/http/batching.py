"""Requests that come while others are worked on wait together, and are then worked on together."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Batcher(Generic[Job, Result]):
    """Gives jobs to `work` in a thread of its own, as many at once as wait, at most `max_batch`.

    Nobody waits for a batch to fill: with one client each job is a batch, under load the batches grow by themselves.
    The number of jobs that wait is bounded by the callers.
    """

    def __init__(
        self, work: Callable[[Sequence[Job]], Sequence[Result]], *, max_batch: int, observe: Callable[[int], None]
    ) -> None:
        """`work` returns a result for each job, in their order; `observe` is told the size of each batch."""
        self._work, self._max_batch, self._observe = work, max_batch, observe
        self._waiting: deque[tuple[Job, asyncio.Future[Result]]] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")

    async def run(self) -> None:
        """Work until cancelled; what waits then is cancelled too."""
        try:
            while True:
                await self._work_on(await self._next_batch())
        finally:
            for _, result in self._waiting:
                result.cancel()
            self._thread.shutdown(wait=False)

    async def submit(self, job: Job) -> Result:
        """The result of one job. A job whose caller has gone waits no longer."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        waiting = (job, result)
        self._waiting.append(waiting)
        self._arrived.set()
        try:
            return await result
        except asyncio.CancelledError:
            with suppress(ValueError):  # it is worked on already
                self._waiting.remove(waiting)
            raise

    async def _next_batch(self) -> list[tuple[Job, asyncio.Future[Result]]]:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_batch))]

    async def _work_on(self, batch: list[tuple[Job, asyncio.Future[Result]]]) -> None:
        self._observe(len(batch))
        jobs = [job for job, _ in batch]
        outcome: Sequence[Result] | Exception
        try:
            outcome = await asyncio.get_running_loop().run_in_executor(self._thread, self._work, jobs)
        except Exception as error:  # noqa: BLE001 (handed on to each caller; the next batch has its own chance)
            outcome = error
        for index, (_, result) in enumerate(batch):
            if result.done():
                continue
            if isinstance(outcome, Exception):
                result.set_exception(outcome)
            else:
                result.set_result(outcome[index])
