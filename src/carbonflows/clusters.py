"""Where workers come from: local processes of our own, or an existing Dask cluster."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from carbonflows.errors import WorkersError, quoted, some

if TYPE_CHECKING:
    from distributed import Client

_CONNECT = 5.0  # seconds a scheduler has to answer
_ARRIVE = 10.0  # seconds a cluster's first worker has to arrive
_FAILURES = 2  # times an item may end its worker and is begun again
_SAME = ("python", "distributed", "numpy", "carbonflows")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_KEPT = 32 << 20  # bytes of freed memory that a local process keeps for its next block


@contextmanager
def local(processes: int, memory_limit: int | None = None) -> "Iterator[Client]":
    """Start local processes with one thread each; close them and leave nothing behind.

    Parameters
    ----------
    processes : int
    memory_limit : int, optional
        Bytes each may take; one that takes more is ended and started again.

    Yields
    ------
    distributed.Client

    Examples
    --------
    >>> with local(2) as client:  # doctest: +SKIP
    ...     client.submit(pow, 2, 10).result()
    1024
    """
    import logging
    from tempfile import TemporaryDirectory

    import dask
    from distributed import Client, LocalCluster

    # a process over its limit is ended at once: pausing it could last for ever
    memory = {"target": False, "spill": False, "pause": False, "terminate": 0.95}
    settings: dict[str, Any] = {
        f"distributed.worker.memory.{name}": value for name, value in memory.items()
    }
    # Dask has workers give memory back at once, so that each block would be faulted in anew.
    kept = {"MALLOC_TRIM_THRESHOLD_": _KEPT, "MALLOC_MMAP_THRESHOLD_": _KEPT}
    settings["distributed.worker.profile.enabled"] = False  # takes a tenth of the time
    settings["distributed.nanny.pre-spawn-environ"] = kept | dict.fromkeys(_THREADS, 1)
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="carbonflows-"))
        stack.enter_context(_environment())
        stack.enter_context(_quiet_starts())
        with _interrupts_held(), dask.config.set(settings | {"temporary-directory": folder}):
            cluster = LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                memory_limit=memory_limit or "auto",
                host="127.0.0.1",
                local_directory=folder,
                silence_logs=logging.CRITICAL,
                scheduler_kwargs={
                    "allowed_failures": _FAILURES,
                    "dashboard": False,
                    "dashboard_address": "127.0.0.1:0",  # any free port, not one others may have
                },
            )
            stack.callback(_close, cluster)
        yield stack.enter_context(Client(cluster, set_as_default=False))


def _close(cluster: Any) -> None:
    """Close local processes, even if Ctrl-C is pressed again meanwhile."""
    with _interrupts_held():
        cluster.close()


@contextmanager
def _environment() -> Iterator[None]:
    """Let processes started inside begin with one thread; put back what Dask sets, too."""
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _quiet_starts() -> Iterator[None]:
    """Keep workers from running the user's script again, and from hearing Ctrl-C.

    New processes would import the script by default, for its functions; those are sent by value.
    Ctrl-C goes to all processes of a terminal, and is answered by the one that closes the others.
    """
    from multiprocessing import spawn

    before = spawn.get_preparation_data

    def prepared(name: str) -> dict[str, Any]:  # called in the thread that starts the process
        facts = before(name)
        if name.startswith("Dask Worker process"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            facts = {key: value for key, value in facts.items() if "init_main" not in key}
        return facts

    spawn.get_preparation_data = prepared
    try:
        yield
    finally:
        spawn.get_preparation_data = before


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the block is done."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            before(*heard[0])


@contextmanager
def existing(scheduler: "str | Client") -> "Iterator[Client]":
    """Connect to an existing cluster and look whether it can be used; it is never closed.

    Parameters
    ----------
    scheduler : str or distributed.Client
        Address of its scheduler, or an open client, which stays open.

    Yields
    ------
    distributed.Client

    Raises
    ------
    WorkersError
        The scheduler does not answer, has no workers, or some place has other versions.

    Examples
    --------
    >>> with existing("tcp://127.0.0.1:1") as client:  # doctest: +SKIP
    ...     pass
    Traceback (most recent call last):
    ...
    carbonflows.errors.WorkersError: scheduler 'tcp://127.0.0.1:1' does not answer (...): ...
    """
    from distributed import Client

    if isinstance(scheduler, str):
        with _connected(scheduler) as client:
            _require_usable(client, scheduler)
            yield client
    elif not isinstance(scheduler, Client):
        raise WorkersError(
            f"{quoted(scheduler, 80)} is no scheduler: give its address as tcp://host:8786, or a "
            "distributed.Client",
            scheduler=scheduler,
        )
    elif scheduler.asynchronous or scheduler.status != "running" or scheduler.scheduler is None:
        raise WorkersError(
            f"client {quoted(scheduler, 80)} is closed or asynchronous: give one that is open, or "
            "the scheduler's address",
            scheduler=scheduler,
        )
    else:
        _require_usable(scheduler, str(scheduler.scheduler.address))
        yield scheduler


@contextmanager
def _connected(address: str) -> "Iterator[Client]":
    """Connect to an address; first see that a scheduler answers, as half a client would linger."""
    import warnings

    from distributed import Client
    from distributed.versions import VersionMismatchWarning

    try:
        with ThreadPoolExecutor(1) as thread:  # a notebook has a running loop in this one
            kind = thread.submit(asyncio.run, _kind(address)).result()
        if kind != "Scheduler":
            raise WorkersError(
                f"{quoted(address, 80)} is the address of a {kind}: give the scheduler's",
                scheduler=address,
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # told in one line instead
            client = Client(address, timeout=_CONNECT, set_as_default=False)
    except WorkersError:
        raise
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        raise WorkersError(
            f"scheduler {quoted(address, 80)} does not answer ({said(error)}): start it "
            "(dask scheduler), or give its address as tcp://host:8786",
            scheduler=address,
        ) from error
    with client:
        yield client


def said(error: Exception, most: int = 120) -> str:
    """Return what an error says, in one line, for a message about it.

    Parameters
    ----------
    error : Exception
    most : int
        Characters to show at most.

    Returns
    -------
    str
        The name of its class if it says nothing.

    Examples
    --------
    >>> said(ValueError("missing port number in address 'foo'")), said(TimeoutError())
    ("missing port number in address 'foo'", 'TimeoutError')
    """
    return quoted(error, most)[1:-1] or type(error).__name__


async def _kind(address: str) -> str:
    """Return what answers at an address."""
    from distributed.core import rpc
    from distributed.security import Security

    async def asked() -> str:
        arguments = Security().get_connection_args("client")
        async with rpc(address, timeout=_CONNECT, connection_args=arguments) as there:
            return str((await there.identity())["type"])

    return await asyncio.wait_for(asked(), _CONNECT + 1)


def _require_usable(client: "Client", address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_ARRIVE)
    except TimeoutError as error:
        raise WorkersError(
            f"scheduler {address} has no workers: start some (dask worker {address})",
            scheduler=address,
        ) from error
    require_same_versions(_versions(client))


def _versions(client: "Client") -> dict[str, dict[str, str | None]]:
    """Return the versions that count, by place: here, the scheduler, each worker."""
    found: Any = client.get_versions(packages=list(_SAME[1:]))
    places = {"here": found["client"], "the scheduler": found["scheduler"]}
    places |= {f"worker {name}": facts for name, facts in found["workers"].items()}
    return {
        place: {name: facts["packages"].get(name) for name in _SAME}
        for place, facts in places.items()
    }


def require_same_versions(found: Mapping[str, Mapping[str, str | None]]) -> None:
    """Raise unless all places run the same versions.

    Parameters
    ----------
    found : mapping
        By place, ``"here"`` among them, the version of each package; None where it is missing.

    Raises
    ------
    WorkersError
        Some place has another version or none.

    Examples
    --------
    >>> require_same_versions({"here": {"numpy": "2.4"}, "worker a": {"numpy": "2.4"}})
    >>> require_same_versions({"here": {"numpy": "2.4"}, "worker a": {"numpy": None}})
    Traceback (most recent call last):
    ...
    carbonflows.errors.WorkersError: worker a has no numpy (here 2.4): install the same versions
    there, or work with processes=N
    """
    here = found["here"]
    other = [
        f"{place} has {name} {version} (here {here[name]})"
        if version
        else f"{place} has no {name} (here {here[name]})"
        for place, versions in found.items()
        for name, version in versions.items()
        if version != here[name]
    ]
    if other:
        raise WorkersError(
            f"{some(other)}: install the same versions there, or work with processes=N",
            found=found,
        )
