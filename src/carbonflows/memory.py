"""How much memory there is, asked before much of it is taken.

A process that takes more than there is gets killed without a word. Who is about to build something
large asks first and can say what it needs and what to do instead.

What a step "needs" is memory that it writes to and that is therefore resident. A limit on the
process counts more: one on writable memory (``ulimit -d``) also what is reserved for the stacks of
threads, about half as much again; one on address space (``ulimit -v``) also the libraries and what
they reserve at their start, `ADDRESSES` or more.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from carbonflows.errors import CarbonflowsError, SourceError

ADDRESSES = 1250 << 20
"""Bytes of address space that the parser of text reserves when it is loaded, at two cores."""
_WAY_OUT = "free some, or raise the limit of the process (ulimit -d, ulimit -v)"


def available_memory() -> int | None:
    """Return how many bytes this process can still take; None where the system does not say.

    That is the least of what the machine has (with its swap space), what a container or service is
    allowed, and what limits on the process (``ulimit -v``, ``ulimit -d``) leave.
    """
    found = (_of_machine(), _of_group(), _of_process())
    return min((free for free in found if free is not None), default=None)


def require_memory(needed: int, what: str, way_out: str) -> None:
    """Raise unless there is enough memory for something.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        What needs them, for the message.
    way_out : str
        What to do instead.

    Raises
    ------
    SourceError
        There is less.

    Examples
    --------
    >>> require_memory(8, "a number", "forget it")
    >>> require_memory(10**18, "GLORIA", "save it with carbonflows import")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: GLORIA needs 1,000,000,000.0 GB of memory and there are ... GB:
    save it with carbonflows import
    """
    available = available_memory()
    if available is not None and needed > available:
        raise SourceError(
            f"{what} needs {needed / 1e9:,.1f} GB of memory and there are {available / 1e9:,.1f} "
            f"GB: {way_out}",
            needed=needed, available=available,
        )  # fmt: skip


def require_room(
    needed: int, what: str, error: type[CarbonflowsError] = SourceError, *, parser: bool = False
) -> None:
    """Raise unless limits on this process leave room to work in.

    Beyond a limit some codecs end the process, where an overfull machine would only be slow.

    Parameters
    ----------
    needed : int
        Bytes.
    what : str
        What is to be done, for the message.
    error : type
        What to raise.
    parser : bool
        Whether the parser of text is needed, which reserves address space at its start.

    Raises
    ------
    SourceError, StoreError
        There is less.

    Examples
    --------
    >>> require_room(8, "reading Z.txt")
    """
    left = _left_of(resource.RLIMIT_DATA, 5)
    if left is not None and left < needed:
        raise _exhausted(what, error, needed, left)
    addresses = _left_of(resource.RLIMIT_AS, 0)
    more = ADDRESSES if parser and "polars" not in sys.modules else 0
    if addresses is not None and addresses < needed + more:
        raise _exhausted(f"{what} (address space)", error, needed + more, addresses)


@contextmanager
def room_for(what: str, error: type[CarbonflowsError] = SourceError) -> Iterator[None]:
    """Say in one line that memory ran out, also where that means that no thread can start.

    Parameters
    ----------
    what : str
        What is being done, for the message.
    error : type
        What to raise.

    Raises
    ------
    SourceError, StoreError
        Memory ran out.

    Examples
    --------
    >>> with room_for("reading Z.txt"):
    ...     raise MemoryError
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: reading Z.txt needs more memory than ...
    """
    try:
        yield
    except (MemoryError, RuntimeError) as failure:
        if isinstance(failure, RuntimeError) and "start new thread" not in str(failure):
            raise
        raise _exhausted(what, error, None, available_memory()) from failure


def _exhausted(
    what: str, error: type[CarbonflowsError], needed: int | None, left: int | None
) -> CarbonflowsError:
    there = "it got" if left is None else f"the {left / 1e6:,.0f} MB that are left"
    much = f"more memory than {there}"
    if needed is not None and left is not None:
        much = f"{needed / 1e6:,.0f} MB of memory and {left / 1e6:,.0f} MB are left"
    return error(f"{what} needs {much}: {_WAY_OUT}", needed=needed, available=left)


def _of_machine(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    if meminfo.is_file():
        lines = (line.split() for line in meminfo.read_text().splitlines())
        kilobytes = {words[0]: int(words[1]) for words in lines if len(words) > 1}
        if "MemAvailable:" in kilobytes:
            return 1024 * (kilobytes["MemAvailable:"] + kilobytes.get("SwapFree:", 0))
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def _of_group(
    root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")
) -> int | None:
    """Return what the tightest control group above this process leaves, in either version."""
    if not own.is_file():
        return None
    left = []
    for line in own.read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if kinds in ("", "memory"):
            place = root / kinds / path.lstrip("/")
            for folder in (place, *place.parents):
                if folder.is_relative_to(root):
                    left.append(_left(folder))
    return min((free for free in left if free is not None), default=None)


def _left(folder: Path) -> int | None:
    for limit, usage, cache in (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            allowed = (folder / limit).read_text().strip()
            if allowed == "max":
                return None
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
            taken = int((folder / usage).read_text()) - int(stat.get(cache, 0))
            return max(0, int(allowed) - taken)
        except OSError:
            continue
    return None


def _of_process() -> int | None:
    """Return what limits on address space (ulimit -v) and writable memory (ulimit -d) leave."""
    left = (_left_of(resource.RLIMIT_AS, 0), _left_of(resource.RLIMIT_DATA, 5))
    return min((free for free in left if free is not None), default=None)


def _left_of(kind: int, column: int, statm: Path = Path("/proc/self/statm")) -> int | None:
    """Return what a limit leaves; `column` of statm says what is taken."""
    limit, _ = resource.getrlimit(kind)
    if limit == resource.RLIM_INFINITY or not statm.is_file():
        return None
    return max(0, limit - int(statm.read_text().split()[column]) * resource.getpagesize())
