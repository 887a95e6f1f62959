"""Who does long work: this process, local processes, or an existing Dask cluster.

Only this module and `carbonflows.clusters` know Dask. Whoever does an item does it with one thread
in BLAS and OpenMP, because sums split over threads differ in their last digits.
"""

import asyncio
import os
import pickle
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent import futures
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, Self

from carbonflows.clusters import existing, local, said
from carbonflows.errors import CarbonflowsError, WorkersError, quoted
from carbonflows.memory import available_memory
from carbonflows.threads import one_thread

if TYPE_CHECKING:
    from distributed import Client, Future

_LONG = 20.0  # seconds of rest from which local processes are worth their start
_PULSE = 2.0  # seconds between looks at workers while nothing arrives
_PATIENCE = 60.0  # seconds without any worker before work is given up
_ATTEMPTS = 3  # times that data lost with its last worker is sent again, or an item is begun
_AHEAD = 2  # items per thread that are on the way at once


class Workers:
    """Those who do items of long work.

    Parameters
    ----------
    scheduler : str or distributed.Client, optional
        An existing cluster. It is looked at when it is entered and never closed.
    processes : int or "auto"
        Without a scheduler: 1 is this process; more are local processes, started with the first
        items and closed at the end. "auto" is this process, and one process per core for the rest
        if that would take more than 20 s here.
    memory_limit : int, optional
        Bytes each local process may take; without it the machine's memory.

    Raises
    ------
    WorkersError
        On entering: the number of processes is not one, or the scheduler is not there, has no
        workers or runs other versions.

    Examples
    --------
    >>> with Workers() as workers:
    ...     list(workers.each(divmod, 7, [3, 4]))
    [(0, (2, 1)), (1, (1, 3))]
    """

    def __init__(
        self,
        *,
        scheduler: "str | Client | None" = None,
        processes: int | Literal["auto"] = 1,
        memory_limit: int | None = None,
    ) -> None:
        counted = type(processes) is int and processes >= 1
        if not counted and processes != "auto":
            raise WorkersError(
                f"{quoted(processes)} is no number of processes: give 1 or more, or 'auto'",
                processes=processes,
            )
        if memory_limit is not None and processes == 1:
            raise WorkersError(
                "memory_limit is for local processes and there are none: give processes=2 or more",
                memory_limit=memory_limit,
            )
        if scheduler is not None and (processes not in (1, "auto") or memory_limit is not None):
            raise WorkersError(
                "processes and memory_limit are of local processes and a scheduler is given too: "
                "leave one out",
                processes=processes,
            )
        self.processes = processes
        self.memory_limit = memory_limit
        self._scheduler = scheduler
        self._client: Client | None = None
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self._scheduler is not None:
            self._client = self._open.enter_context(existing(self._scheduler))
        return self

    def __exit__(self, *exception: object) -> None:
        self._client = None
        self._open.close()

    def each(
        self, function: Callable[[Any, Any], Any], shared: Any, items: Iterable[Any]
    ) -> Generator[tuple[int, Any], None, None]:
        """Do all items and give each result as soon as it is there.

        Parameters
        ----------
        function : callable
            Function of a module, of `shared` and an item; it changes neither.
        shared : object
            Data all items need; goes to each worker once.
        items : iterable
            What to do, small.

        Yields
        ------
        tuple of int and object
            Position of the item and its result. Close the iterator if you leave it early: items
            that are not begun are then taken back.

        Raises
        ------
        WorkersError
            Workers died or ran out of memory, or cannot be sent the function or its data.
        """
        if self._scheduler is not None and self._client is None:
            raise WorkersError(
                f"scheduler {quoted(self._scheduler, 80)} is not connected to: write with "
                "Workers(...) as workers",
                scheduler=self._scheduler,
            )
        todo = deque(enumerate(items))
        if self._client is None and self.processes == "auto":
            yield from _begun(function, shared, todo)
        if not todo:
            return
        processes = self._wanted(function, shared, len(todo))
        if self._client is None and processes > 1:
            self._client = self._open.enter_context(local(processes, self.memory_limit))
        if self._client is None:
            while todo:
                position, item = todo.popleft()
                yield position, _alone(function, shared, item)
        else:
            yield from _spread(self._client, _Call(function, shared), todo)

    def _wanted(self, function: Callable[..., Any], shared: Any, items: int) -> int:
        """Return how many local processes to start."""
        if items == 1 and self.memory_limit is None:
            return 1
        if self.processes != "auto":
            return self.processes
        available = available_memory()
        size = 3 * _sendable((function, shared)) + (300 << 20)
        most = cores() if available is None else min(cores(), available // size)
        return max(1, min(most, items))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Call:
    """What all items share; an object that Dask does not look into."""

    function: Callable[[Any, Any], Any]
    shared: Any


@dataclass(frozen=True)
class _Item:
    """One item; an object that Dask does not look into."""

    value: Any


def _done(call: _Call, item: _Item) -> Any:
    """Do an item on a worker; an error arrives as itself even if its facts cannot travel."""
    try:
        result = _alone(call.function, call.shared, item.value)
        _sendable(result)
        return result
    except CarbonflowsError as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            bare = type(error)(str(error))
        else:
            raise
    raise bare  # not in the block, where it would carry the other along


def _alone(function: Callable[[Any, Any], Any], shared: Any, item: Any) -> Any:
    with one_thread():
        return function(shared, item)


def _begun(
    function: Callable[[Any, Any], Any], shared: Any, todo: deque[tuple[int, Any]]
) -> Iterator[tuple[int, Any]]:
    """Do items here until none is left or the rest is estimated to be long."""
    taken, number = 0.0, 0
    while todo and (cores() < 2 or taken * len(todo) <= _LONG * max(1, number)):
        position, item = todo.popleft()
        start = time.perf_counter()
        result = _alone(function, shared, item)
        taken += time.perf_counter() - start
        number += 1
        yield position, result


def _sendable(value: Any) -> int:
    """Return how many bytes a value takes when it is sent; raise if it cannot be.

    Arrays are counted, not copied. Dask would say the same in many lines.
    """
    import cloudpickle

    buffers: list[Any] = []
    try:
        text = cloudpickle.dumps(value, protocol=5, buffer_callback=buffers.append)
    except Exception as error:  # whatever its types raise
        raise WorkersError(
            f"{quoted(value, 60)} cannot be sent to other processes ({said(error, 80)}): use a "
            "function of a module and plain data, or processes=1",
            value=value,
        ) from error
    return len(text) + sum(buffer.raw().nbytes for buffer in buffers)


def _spread(client: "Client", call: _Call, todo: deque[tuple[int, Any]]) -> Iterator[Any]:
    """Do items on the workers of a client, a few at a time.

    Dask does again what a dead worker was doing. Only the shared data, which it cannot make again,
    is sent again from here when it was lost with the last worker that had it.
    """
    for value in (call.function, call.shared):
        _sendable(value)
    arrived: SimpleQueue[Any] = SimpleQueue()
    pending: dict[Any, tuple[Future, int, Any]] = {}
    losses: Counter[int] = Counter()
    sent = _sent(client, call)
    threads, seen = _threads(client), time.monotonic()
    try:
        while todo or pending:
            while todo and len(pending) < _AHEAD * max(1, threads):
                position, item = todo.popleft()
                _sendable(item)
                future = client.submit(_done, sent, _Item(item), pure=False)
                pending[future.key] = (future, position, item)
                future.add_done_callback(lambda future: arrived.put(future.key))
            try:
                key = arrived.get(timeout=_PULSE)
            except Empty:
                threads = _threads(client)
                seen = time.monotonic() if threads else seen
                _require_patience(time.monotonic() - seen)
                continue
            if key not in pending:  # of data that was lost since
                continue
            seen = time.monotonic()
            future, position, item = pending[key]
            outcome = _outcome(client, future, item)
            if outcome is not None:
                del pending[key]
                yield position, outcome[0]
                continue
            for _, lost, item in pending.values():
                losses[lost] += 1
                if losses[lost] == _ATTEMPTS:
                    raise _killed(client, item)
            again = sorted((lost, item) for _, lost, item in pending.values())
            todo.extendleft(reversed(again))
            _take_back(client, pending)
            sent = _sent(client, call)
    finally:
        _take_back(client, pending)


def _sent(client: "Client", call: _Call) -> "Future":
    """Send what all items share to all workers; again if one dies meanwhile."""
    for attempt in range(_ATTEMPTS):
        try:
            return client.scatter(call, broadcast=True, hash=False, timeout=_PATIENCE)
        except Exception as error:  # also a KeyError in the scheduler, of a worker that has died
            if attempt == _ATTEMPTS - 1:
                raise _unreachable(client, error) from error
    raise AssertionError("never here")


def _outcome(client: "Client", future: "Future", item: Any) -> tuple[Any] | None:
    """Return the result of an item, or None if what it needs was lost; raise what it raised."""
    from distributed import KilledWorker

    if future.status in ("finished", "error"):
        try:
            return (future.result(timeout=_PATIENCE),)
        except KilledWorker as error:
            raise _killed(client, item) from error
        except (futures.CancelledError, asyncio.CancelledError, TimeoutError, OSError):
            if future.status == "error":
                raise
    if client.status != "running":
        raise _unreachable(client, None)
    return None


def _take_back(client: "Client", pending: "dict[Any, tuple[Future, int, Any]]") -> None:
    """Cancel what is not done; what is running on a cluster of others ends there unheard."""
    with suppress(Exception):
        client.cancel([future for future, _, _ in pending.values()])
    pending.clear()


def _threads(client: "Client") -> int:
    """Return how many threads can do items now; a worker short of memory begins none."""
    try:
        workers = client.scheduler_info()["workers"].values()
    except (OSError, TimeoutError) as error:
        raise _unreachable(client, error) from error
    if client.status != "running":
        raise _unreachable(client, None)
    return sum(
        worker["nthreads"]
        for worker in workers
        if worker["status"] == "running"
        or worker.get("metrics", {}).get("task_counts", {}).get("executing", 0)
    )


def _require_patience(seconds: float) -> None:
    if seconds > _PATIENCE:
        raise WorkersError(
            f"no worker has been able to work for {seconds:.0f} s: start workers, or give them "
            "more memory, and run again",
            seconds=seconds,
        )


def _unreachable(client: "Client", error: Exception | None) -> WorkersError:
    address = client.scheduler.address if client.scheduler else "of the cluster"
    why = f" ({type(error).__name__})" if error else ""
    return WorkersError(
        f"scheduler {address} was lost during the work{why}: see that it runs, then run again",
        scheduler=address,
    )


def _killed(client: "Client", item: Any) -> WorkersError:
    """Return what to say when workers died of an item, again and again."""
    limits: set[int] = set()
    with suppress(OSError, TimeoutError):
        workers = client.scheduler_info()["workers"].values()
        limits = {worker["memory_limit"] for worker in workers if worker["memory_limit"]}
    least = min(limits, default=None)
    told = "" if least is None else f" (a worker may take {least / 1e6:,.0f} MB)"
    return WorkersError(
        f"item {quoted(item, 60)}, or one beside it, ended its worker each time it was begun, most "
        f"likely for want of memory{told}: use fewer workers with more memory each, or smaller "
        "blocks",
        item=item, memory_limit=least,
    )  # fmt: skip
