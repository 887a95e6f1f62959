"""What is to be written of a map, whatever the format: layers, labels, attributes, blocks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from carbonflows.errors import GridError
from carbonflows.labels import Array
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from xarray import Dataset

_BATCH = 32 << 20  # bytes of numbers that wait until they are written
_CHUNK = 1 << 20  # bytes of a chunk, before compression


@dataclass(frozen=True, eq=False)
class Layer:
    """An array to be written, its rows as they come.

    Attributes
    ----------
    name : str
    dims : tuple of str
    shape : tuple of int (…, rows, columns)
    dtype : dtype
    labels : list of list
        Of each leading dimension.
    attrs : dict
    blocks : iterator of (int, array (…, k, columns))
        First row and values, from north to south without a gap.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    labels: list[list[Any]]
    attrs: dict[str, Any]
    blocks: Iterator[tuple[int, Array]]

    @property
    def stored(self) -> np.dtype[Any]:
        """Type of the numbers in the file."""
        return np.dtype("uint8") if self.dtype == bool else self.dtype

    @property
    def layers(self) -> int:
        """How many maps there are."""
        return int(np.prod(self.shape[:-2]))

    @property
    def chunks(self) -> tuple[int, ...]:
        """Sizes of the pieces that are compressed each on its own."""
        rows = block_rows(self.shape, self.stored)
        if len(self.shape) == 2:
            return rows, self.shape[-1]
        room = _CHUNK // (rows * self.shape[-1] * self.stored.itemsize)
        deep = min(max(1, room), self.shape[-3])
        return (1,) * (len(self.shape) - 3) + (deep, rows, self.shape[-1])

    def batches(self, step: int) -> Iterator[tuple[int, Array]]:
        """Yield the rows again in blocks of one length, each valid until the next is asked for.

        Parameters
        ----------
        step : int
            Rows of a block; the last may be shorter.

        Yields
        ------
        first : int
        values : array (…, step, columns)
        """
        room: npt.NDArray[Any] = np.empty((*self.shape[:-2], step, self.shape[-1]), self.stored)
        start, filled = 0, 0
        for _, block in self.blocks:
            done = 0
            while done < block.shape[-2]:
                part = block[..., done : done + step - filled, :]
                room[..., filled : filled + part.shape[-2], :] = part
                done, filled = done + part.shape[-2], filled + part.shape[-2]
                if filled == step or start + filled == self.shape[-2]:
                    yield start, room[..., :filled, :]
                    start, filled = start + filled, 0


@dataclass(frozen=True, eq=False)
class Plan:
    """A file to be written.

    Attributes
    ----------
    grid : Grid
    dims : (str, str)
        What rows and columns are called.
    coords : Dataset
        Everything but the arrays.
    attrs : dict
        Of the file.
    layers : list of Layer
    compress : bool
    """

    grid: Grid
    dims: tuple[Any, ...]
    coords: "Dataset"
    attrs: dict[str, Any]
    layers: list[Layer]
    compress: bool

    @property
    def bytes(self) -> int:
        """Size of the numbers."""
        return sum(int(np.prod(one.shape)) * one.stored.itemsize for one in self.layers)

    def stated(self) -> dict[str, Any]:
        """Return the attributes of the file: what it is, where it comes from, what made it."""
        from importlib.metadata import version

        first = self.layers[0].attrs
        made = f"written by carbonflows {version('carbonflows')}"
        found: dict[str, Any] = {"title": "; ".join(self._titles())}
        for key in ("source", "references", "institution"):
            if key in first:
                found[key] = first[key]
        found |= self.attrs
        before = found.get("history", first.get("history"))
        return {**found, "history": f"{before}\n{made}" if before else made}

    def _titles(self) -> list[str]:
        return [
            str(one.attrs.get("title") or f"{one.attrs['long_name']} [{one.attrs['units']}]")
            for one in self.layers
        ]


def block_rows(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many rows of an array are written at a time.

    Parameters
    ----------
    shape : tuple of int (…, rows, columns)
    dtype : dtype

    Returns
    -------
    int

    Examples
    --------
    >>> block_rows((1800, 3600), np.dtype("float64")), block_rows((200, 5, 9), np.dtype("float64"))
    (36, 5)
    """
    row = shape[-1] * dtype.itemsize
    layers = int(np.prod(shape[:-2]))
    return max(1, min(_CHUNK // row, _BATCH // (row * layers), shape[-2]))


def plain_attributes(attrs: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return attributes as files can hold them: text and numbers, all else as JSON.

    Parameters
    ----------
    attrs : mapping
    where : str
        What has them, for messages.

    Returns
    -------
    dict of str to (str, int or float)

    Raises
    ------
    GridError
        One that is not even JSON.

    Examples
    --------
    >>> plain_attributes({"year": 2007, "treated": ["flipped"], "checked": None}, "made")
    {'year': 2007, 'treated': '["flipped"]', 'checked': 'null'}
    """
    plain: dict[str, Any] = {}
    for key, value in attrs.items():
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, np.ndarray):
            value = value.tolist()
        if isinstance(value, str) or (
            isinstance(value, int | float) and not isinstance(value, bool) and np.isfinite(value)
        ):
            plain[str(key)] = value
            continue
        try:
            plain[str(key)] = json.dumps(value, ensure_ascii=False, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise GridError(
                f"attribute {key!r} of {where} is {type(value).__name__}, which no file can hold: "
                "make it text"
            ) from error
    return plain
