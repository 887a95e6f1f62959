"""Finished parts of long work on disk, each in one file named by what it was made from.

A part is an ordinary ``.npz`` archive without pickled objects: arrays, and one text that says how
they make up the value. The archive's comment is the checksum of all bytes before it.
"""

import hashlib
import json
import struct
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from carbonflows.errors import DataError, HashMismatch, SourceError, StoreError, quoted
from carbonflows.packing import packed, unpacked
from carbonflows.placing import placing

_DIGEST = 64
_COMMENT = struct.pack("<H", _DIGEST)


def part_name(function: Callable[..., Any], key: Mapping[str, Any], item: Any) -> str:
    """Return the name of a part: a hash of all that its value depends on.

    Parameters
    ----------
    function : callable
        What computes it; its module and name count.
    key : mapping
        All inputs by content (hashes of tables, settings), as JSON allows.
    item : object
        Which part, as JSON allows.

    Returns
    -------
    str
        64 hexadecimal digits; another version of carbonflows gives another name.

    Raises
    ------
    DataError
        The key or the item is not JSON, so two of them could share a name.

    Examples
    --------
    >>> one = part_name(len, {"table": "c3ab"}, 1)
    >>> len(one), one == part_name(len, {"table": "c3ab"}, 1), one == part_name(len, {}, 1)
    (64, True, False)
    """
    named = function if hasattr(function, "__qualname__") else type(function)
    facts = {
        "carbonflows": version("carbonflows"),
        "function": f"{named.__module__}.{named.__qualname__}",
        "key": _plain(key, "the key"),
        "item": _plain(item, "an item"),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _plain(value: Any, what: str) -> Any:
    """Return a value as JSON keeps it; raise for what JSON would change or refuse."""
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise DataError(
                    f"{what} of a part has the name {quoted(name)} ({type(name).__name__}): name "
                    "things by text",
                    name=name,
                )
        return {name: _plain(inner, what) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner, what) for inner in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise DataError(
        f"{what} of a part holds a {type(value).__name__} ({quoted(value)}): name inputs by text, "
        "numbers, lists and mappings of those; a large one by its hash",
        value=value,
    )


class Parts:
    """Values kept in a folder, one file each.

    Parameters
    ----------
    folder : path
        Where they are kept; made if it is not there.

    Attributes
    ----------
    folder : Path
    damaged : list of Path
        Files that were found damaged and not used.

    Raises
    ------
    StoreError
        The folder cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parts = Parts(folder)
    ...     parts.keep("0f", {"rank": [1, 2]})
    ...     parts.found("0f"), parts.found("1e")
    ((True, {'rank': [1, 2]}), (False, None))
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.damaged: list[Path] = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"{self.folder} cannot hold parts ({error.strerror or error}): name a folder that "
                "can be written",
                path=self.folder,
            ) from error

    def path(self, name: str) -> Path:
        """Return the file of a part, there or not.

        Parameters
        ----------
        name : str
            As `part_name` gives it.

        Returns
        -------
        Path
        """
        return self.folder / f"{name}.npz"

    def keep(self, name: str, value: Any) -> None:
        """Write a part, completely or not at all; one that is there is replaced.

        Parameters
        ----------
        name : str
            As `part_name` gives it.
        value : object
            What `carbonflows.packing.packed` can hold.

        Raises
        ------
        DataError
            The value is of a type that cannot be kept.
        StoreError
            The disk is full or the folder cannot be written.
        """
        data = _sealed(name, value)
        with placing(self.path(name), needed=len(data), overwrite=True) as temporary:
            temporary.write_bytes(data)

    def found(self, name: str) -> tuple[bool, Any]:
        """Return whether a part is there and whole, and its value.

        Parameters
        ----------
        name : str
            As `part_name` gives it.

        Returns
        -------
        tuple of bool and object
            ``(False, None)`` if it is not there, or damaged: that is told as a warning and noted
            in `damaged`.

        Raises
        ------
        SourceError
            It is there and cannot be read.
        """
        path = self.path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return False, None
        except OSError as error:
            raise SourceError(
                f"{path} cannot be read ({error.strerror or error}): make it readable or name "
                "another folder of parts",
                path=path,
            ) from error
        try:
            return True, _opened(name, data)
        except HashMismatch as error:
            self.damaged.append(path)
            warnings.warn(f"{path} {error}: it is not used but made again", stacklevel=2)
            return False, None


def _sealed(name: str, value: Any) -> bytes:
    """Return a part as the bytes of an archive whose comment is the checksum of the rest."""
    text, arrays = packed(value)
    stream = BytesIO()
    held: dict[str, Any] = {"name": np.array(name), "value": np.array(text), **arrays}
    np.savez(stream, **held)
    body = stream.getvalue()[:-2]  # what is cut off is the length of the comment, none
    return body + _COMMENT + hashlib.sha256(body).hexdigest().encode()


def _opened(name: str, data: bytes) -> Any:
    """Return the value of a part; raise unless it is whole and the one that was asked for."""
    body, seal = data[: -_DIGEST - len(_COMMENT)], data[-_DIGEST - len(_COMMENT) :]
    if seal != _COMMENT + hashlib.sha256(body).hexdigest().encode():
        raise HashMismatch("is damaged")
    with np.load(BytesIO(data), allow_pickle=False) as archive:
        arrays = dict(archive)
    if str(arrays.pop("name")) != name:
        raise HashMismatch("is another part under this name")
    return unpacked(str(arrays.pop("value")), arrays)
