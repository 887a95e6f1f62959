"""How much memory there is, asked before much of it is taken.

A process that takes more than there is gets killed without a word. Who is about to build something
large asks first and can say what it needs and what to do instead.
"""

import os
import resource
from pathlib import Path

from carbonflows.errors import SourceError


def available_memory() -> int | None:
    """Return how many bytes this process can still take; None where the system does not say.

    That is the least of what the machine has (with its swap space), what a container or service is
    allowed, and what a limit on the process (``ulimit -v``) leaves.
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
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    size = Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not size.is_file():
        return None
    return max(0, limit - int(size.read_text().split()[0]) * resource.getpagesize())
