"""Cells of a raster as they are added up: without data, marked, negative."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from carbonflows.errors import GridError
from carbonflows.labels import Array

_MARKERS = (-9999.0, -999.0, -99999.0, -32768.0, -2147483648.0)
_HUGE = 1e19
"""Nobody emits as much from a cell; 1e20, 9.97e36 and −3.4e38 stand for no data."""


class Cells:
    """Adds up steps of a raster, with its cells without data and its negative ones in view.

    Parameters
    ----------
    shape : (rows, columns)
    where : str
        What is read, for messages.
    missing : float, sequence of float or None
        What stands for no data besides what the file declares.
    negative : {"refuse", "keep", "drop"}
    scaling : (scale, offset)
        Of the numbers in the file; `missing` is compared with these as they are there.

    Examples
    --------
    >>> cells = Cells((1, 3), "a.tif", -1.0, "refuse")
    >>> cells.add(np.array([[5.0, -1.0, 7.0]]), np.array([[False, False, True]]), 2.0)
    >>> words = []
    >>> cells.finished("t", words).tolist(), cells.missing, words
    ([[10.0, 0.0, 0.0]], 2, ['2 cells without data set to 0'])
    """

    def __init__(
        self,
        shape: tuple[int, int],
        where: str,
        missing: float | Sequence[float] | None,
        negative: str,
        scaling: tuple[float, float] = (1.0, 0.0),
    ) -> None:
        self.where, self.negative, self.scaling = where, negative, scaling
        self.stated = missing is not None
        self.markers = [] if missing is None else [float(one) for one in np.ravel(missing)]
        self._total = np.zeros(shape)
        self._empty = np.zeros(shape, dtype=bool)
        self._below, self._sum = 0, 0.0

    @property
    def missing(self) -> int:
        """How many cells have no data, in any step."""
        return int(self._empty.sum())

    def add(self, values: Array, empty: npt.NDArray[np.bool_], number: float | Array) -> None:
        """Add one step (rows, columns), multiplied by a number.

        Parameters
        ----------
        values : array (rows, columns)
        empty : array of bool (rows, columns)
            Where the file itself says that there are no data.
        number : float or array (rows, columns)

        Raises
        ------
        GridError
            Values that stand for no data and are not declared, NaN, infinite.
        """
        empty = empty.copy()
        for marker in self.markers:
            near = 1e-3 * abs(marker) if abs(marker) > _HUGE else 1e-6 * abs(marker)
            empty |= np.isnan(values) if math.isnan(marker) else values == marker
            if math.isfinite(marker):
                empty |= np.abs(values - marker) <= near
        self._marked(values, empty)
        scale, offset = self.scaling
        made = np.where(empty, 0.0, (values * scale + offset) * number)
        below = made < 0
        if below.any():
            self._below += int(below.sum())
            self._sum += float(made[below].sum())
            if self.negative == "drop":
                made[below] = 0.0
        self._total += made
        self._empty |= empty

    def _marked(self, values: Array, empty: npt.NDArray[np.bool_]) -> None:
        """Raise at cells that can be no data and that nobody declared."""
        bad = int((np.isnan(values) & ~empty).sum())
        if bad:
            raise GridError(
                f"{self.where}: {bad} cells are NaN; if they are cells without data, say "
                "missing=float('nan')"
            )
        with np.errstate(invalid="ignore"):
            odd = (np.abs(values) >= _HUGE) | (
                np.isin(values, _MARKERS) if not self.stated else False
            )
        found, counts = np.unique(values[odd & ~empty], return_counts=True)
        if len(found):
            cells, value = int(counts.max()), float(found[np.argmax(counts)])
            raise GridError(
                f"{self.where}: {cells} cells are {value:.8g}, which looks like a mark for no data "
                f"that the file does not declare; say missing={value!r}",
                value=value, cells=cells,
            )  # fmt: skip

    def finished(self, unit: str, treated: list[str]) -> Array:
        """Return the sum of all steps (rows, columns).

        Parameters
        ----------
        unit : str
            Of the sum, for messages.
        treated : list of str
            Gets what was done, in words.

        Raises
        ------
        GridError
            Negative cells, unless they are kept or dropped.
        """
        if self.missing:
            treated.append(f"{self.missing} cells without data set to 0")
        if self._below:
            what = f"{self._below} negative cells, together {self._sum:.6g} {unit}"
            if self.negative == "refuse":
                raise GridError(
                    f"{self.where}: {what}; keep them with negative='keep' or set them to 0 with "
                    "negative='drop'",
                    cells=self._below, total=self._sum,
                )  # fmt: skip
            treated.append(f"{what}: {'kept' if self.negative == 'keep' else 'set to 0'}")
        return self._total
