"""Dynamic batching: jobs that arrive while a batch is processed form the next one."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Batcher(Generic[Job, Result]):
    """Processes all waiting jobs together, at most `max_batch`, in a thread of its own.

    No job waits for a batch to fill: a single client gets batches of one, and batches grow with the load. The callers
    limit the number of waiting jobs.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Job]], Sequence[Result | Exception]],
        *,
        max_batch: int,
        observe: Callable[[int], None],
    ) -> None:
        """`process` returns the result of each job, or the exception to raise; `observe` receives each batch size."""
        self._process, self._max_batch, self._observe = process, max_batch, observe
        self._queue: asyncio.Queue[tuple[Job, asyncio.Future[Result]]] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="batcher")

    async def run(self) -> None:
        """Process jobs until cancelled; waiting jobs are cancelled too."""
        try:
            while True:
                await self._process_batch(await self._next_batch())
        finally:
            while not self._queue.empty():
                self._queue.get_nowait()[1].cancel()
            self._thread.shutdown(wait=False)

    async def submit(self, job: Job) -> Result:
        """The result of a job. A job whose caller is cancelled while it waits is skipped."""
        result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((job, result))
        return await result

    async def _next_batch(self) -> list[tuple[Job, asyncio.Future[Result]]]:
        batch = [await self._queue.get()]
        while len(batch) < self._max_batch and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return [(job, result) for job, result in batch if not result.done()]

    async def _process_batch(self, batch: list[tuple[Job, asyncio.Future[Result]]]) -> None:
        if not batch:
            return
        self._observe(len(batch))
        loop = asyncio.get_running_loop()
        outcomes: Sequence[Result | Exception]
        try:
            outcomes = await loop.run_in_executor(self._thread, self._process, [job for job, _ in batch])
        except Exception as error:  # noqa: BLE001 (raised to each caller; the next batch is processed)
            outcomes = [error] * len(batch)
        for (_, result), outcome in zip(batch, outcomes, strict=True):
            if result.done():
                continue
            if isinstance(outcome, Exception):
                result.set_exception(outcome)
            else:
                result.set_result(outcome)
