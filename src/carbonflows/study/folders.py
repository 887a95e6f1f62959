"""Folders that studies write: results, and finished parts on the way to them; one run at a time."""

import fcntl
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from carbonflows.errors import StoreError

MANIFEST = "datapackage.json"
"""The file that describes all others of a folder of results."""

REPORT = "report.html"
"""The report of a folder of results."""

PARTS = ".parts"
"""What the name of a folder of finished parts ends in."""


def parts_folder(out: Path) -> Path:
    """Return where finished parts are kept until the results of a run are written.

    Examples
    --------
    >>> parts_folder(Path("out/drivers")).as_posix()
    'out/drivers.parts'
    """
    return out.with_name(f"{out.name}{PARTS}")


@contextmanager
def kept_parts(out: Path) -> Iterator[Path]:
    """Give the folder of finished parts; it stays only if work is broken off with some in it.

    Examples
    --------
    >>> import tempfile
    >>> with kept_parts(Path(tempfile.mkdtemp()) / "out") as parts:
    ...     parts.mkdir()
    >>> parts.exists()
    False
    """
    parts = parts_folder(out)
    try:
        yield parts
    except BaseException:
        with suppress(OSError):  # not empty
            parts.rmdir()
        raise
    shutil.rmtree(parts, ignore_errors=True)


def written_by_a_study(place: Path) -> bool:
    """Say whether a folder looks like results, or like finished parts.

    Examples
    --------
    >>> written_by_a_study(Path("out/drivers.parts"))
    True
    """
    return place.suffix == PARTS or all((place / file).is_file() for file in (MANIFEST, REPORT))


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keep other runs from writing to a place, and from deleting parts that are in use.

    The folder above is made if it is not there. A hidden file in it is locked meanwhile and then
    deleted; the system takes the lock from a process that dies, so what is left of the file is in
    nobody's way.

    Parameters
    ----------
    out : Path
        Where the results are to be.

    Raises
    ------
    StoreError
        Another run is writing there, or nothing can be written there.

    Warns
    -----
    UserWarning
        The file system knows no locks.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "out"
    >>> with alone(place), alone(place):
    ...     pass
    Traceback (most recent call last):
    ...
    carbonflows.errors.StoreError: another run is writing to ...: wait for it, or choose another ...
    """
    new = [parent for parent in out.parents if not parent.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{error.filename or out.parent} is in the way of {out} ({error.strerror}): choose "
            "another --out",
            path=str(out),
        ) from error
    try:
        with _locked(out):
            try:
                yield
            finally:
                with suppress(OSError):
                    _lock(out).unlink()
    except BaseException:
        for parent in new:  # innermost first; one that has been filled meanwhile stays
            with suppress(OSError):
                parent.rmdir()
        raise


def require_alone(out: Path) -> None:
    """Raise if another run is writing to a place, before anything is read.

    Parameters
    ----------
    out : Path

    Raises
    ------
    StoreError
        Another run is writing there.

    Examples
    --------
    >>> require_alone(Path("nowhere/out"))
    """
    if os.access(_lock(out), os.W_OK):  # else nobody is there, or results can only be read
        with alone(out):
            pass


def _lock(out: Path) -> Path:
    return out.with_name(f".{out.name}.lock")


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the file that stands for writing to a place, if no other run does."""
    while True:
        try:
            descriptor = os.open(_lock(out), os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise StoreError(
                f"{out} cannot be written ({error.strerror}): choose another --out", path=str(out)
            ) from error
        with open(descriptor, "r+b"):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _is(descriptor, _lock(out)):  # deleted since by the run that had it
                    continue
            except BlockingIOError as error:
                raise StoreError(
                    f"another run is writing to {out}: wait for it, or choose another --out",
                    path=str(out),
                ) from error
            except OSError as error:
                warnings.warn(
                    f"{out.parent} knows no locks ({error.strerror}): see that no other run "
                    f"writes to {out}",
                    stacklevel=1,
                )
            yield
            return


def _is(descriptor: int, path: Path) -> bool:
    """Say whether an open file is the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
