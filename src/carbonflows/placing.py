"""Writing completely or not at all: a hidden neighbour, brought to the disk, then renamed.

A path holds either what was complete before or what is complete now. What a killed process leaves
behind is a hidden neighbour ending in `PART`; it is in nobody's way and may be deleted.
"""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from carbonflows.errors import CarbonflowsError, StoreError

PART = ".part"
_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def placing(
    path: Path,
    *,
    needed: int | None = None,
    overwrite: bool = False,
    replaceable: Callable[[Path], None] | None = None,
) -> Iterator[Path]:
    """Write a file or folder under a hidden name and rename it when it is complete.

    Parameters
    ----------
    path : Path
        Where it shall be.
    needed : int, optional
        Bytes it takes at most, for the message when the disk is full.
    overwrite : bool
        Replace what is there in one step: a file, or a folder that `replaceable` lets pass.
    replaceable : callable, optional
        Called with the path before it is replaced; raises if what is there must stay. Without it
        no folder is replaced.

    Yields
    ------
    Path
        Name to write to, in the same folder; nothing is there yet.

    Raises
    ------
    StoreError
        Something is there already, the disk is full, or the folder cannot be written. The hidden
        file or folder is removed whenever the block ends with an exception.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with placing(Path(folder) / "two.txt", needed=3) as temporary:
    ...         _ = temporary.write_text("two")
    ...     [file.name for file in Path(folder).iterdir()]
    ['two.txt']
    """
    require_place(path, overwrite=overwrite, replaceable=replaceable)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{PART}")
    try:
        yield temporary
        _sync([*temporary.rglob("*"), temporary])
        require_place(path, overwrite=overwrite, replaceable=replaceable)
        _put(temporary, path)
        _sync([path.parent])
    except OSError as error:
        _remove(temporary)
        cause = error.__cause__ if isinstance(error, CarbonflowsError) else error
        if isinstance(cause, OSError) and cause.errno in _FULL:
            free = shutil.disk_usage(path.parent).free
            wanted = "" if needed is None else f"up to {_size(needed)} are needed, "
            raise StoreError(
                f"{path}: the disk is full; {wanted}{_size(free)} are free: make room or save it "
                "elsewhere",
                path=path, needed=needed, free=free,
            ) from error  # fmt: skip
        elsewhere = error.filename and not str(error.filename).startswith(str(path.parent))
        if isinstance(error, CarbonflowsError) or elsewhere:
            raise
        raise StoreError(
            f"{path} could not be written ({error.strerror or error}): save it elsewhere",
            path=path,
        ) from error
    except BaseException:
        _remove(temporary)
        raise


def _sync(paths: Iterable[Path]) -> None:
    """Wait until files and folders are on the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def require_place(
    path: Path, *, overwrite: bool = False, replaceable: Callable[[Path], None] | None = None
) -> None:
    """Raise if nothing can be put at a path, as `placing` does before anything is written.

    Parameters
    ----------
    path, overwrite, replaceable
        As in `placing`.

    Raises
    ------
    StoreError
        There is no folder for it, or something is there that must not be replaced.

    Examples
    --------
    >>> require_place(Path("nowhere/two.txt"))
    Traceback (most recent call last):
    ...
    carbonflows.errors.StoreError: nowhere is not a folder: make it, then save there
    """
    if not path.parent.is_dir():
        raise StoreError(f"{path.parent} is not a folder: make it, then save there", path=path)
    if not path.exists() and not path.is_symlink():
        return
    if not overwrite:
        raise StoreError(
            f"{path} exists: overwrite it on purpose (overwrite=True, --overwrite) or choose "
            "another name",
            path=path,
        )
    if replaceable is not None:
        replaceable(path)
    elif path.is_dir():
        raise StoreError(f"{path} is a folder: delete it or choose another name", path=path)


def _put(temporary: Path, path: Path) -> None:
    """Rename the complete table into place, in one step also where an old one is replaced."""
    if temporary.is_file() or not path.exists():
        os.replace(temporary, path)
    elif _exchange(temporary, path):
        _remove(temporary)
    else:
        old = temporary.with_name(temporary.name.removesuffix(PART) + ".old" + PART)
        os.rename(path, old)
        try:
            os.rename(temporary, path)
        except BaseException:
            os.rename(old, path)
            raise
        _remove(old)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):  # a file system that has become read-only keeps what it has
            path.unlink(missing_ok=True)


def _size(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 1e6 else f"{size / 1e3:,.0f} kB"
