"""Lorenz curve of emissions over land: which share of the area holds which share of emissions."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, GridError, some
from carbonflows.grid.amounts import Negative, Raster, amounts, as_shares
from carbonflows.labels import Array, lock

_ROUNDING = 1e-12
"""By how much a cumulative share may miss the share asked for."""


class Cells(NamedTuple):
    """How many cells, and their area [km²]."""

    number: int
    area: float


@dataclass(frozen=True, eq=False)
class Lorenz:
    """Cells with emissions, densest first, and the land they share.

    Attributes
    ----------
    order : array of int (k,)
        Number of each cell with emissions, densest first, row by row where equal.
    emissions, area : array (k,)
        Of these cells [unit, km²].
    total_area : float
        Land area of the territory [km²], the denominator of every area share.
    unit : str
        Of the emissions; empty where it is not known.
    resolution : str
        Size of a cell, which the shares depend on; empty where it is not known.
    area_outside : float
        Area of the cells beyond `total_area` [km²]; no emissions are in it.
    dropped_cells : int
        Cells below zero that were counted as land without emissions.
    dropped_emissions : float
        Their sum [unit].
    """

    order: npt.NDArray[np.int64]
    emissions: Array
    area: Array
    total_area: float
    unit: str = ""
    resolution: str = ""
    area_outside: float = 0.0
    dropped_cells: int = 0
    dropped_emissions: float = 0.0

    @property
    def total(self) -> float:
        """Emissions of all cells [unit]."""
        return float(self.emissions.sum())

    @cached_property
    def _emission_shares(self) -> Array:
        """Cumulative share of emissions (k + 1,), from 0 to exactly 1."""
        summed = np.concatenate([[0.0], np.cumsum(self.emissions)])
        return lock(summed / summed[-1])

    @cached_property
    def _area_shares(self) -> Array:
        """Cumulative share of area (k + 1,), from 0 to 1 at most."""
        shares = np.concatenate([[0.0], np.cumsum(self.area)]) / self.total_area
        shares[shares > 1 - _ROUNDING] = 1.0
        return lock(shares)

    @overload
    def area_share(self, theta: float, interpolate: bool = True) -> float: ...
    @overload
    def area_share(self, theta: npt.ArrayLike, interpolate: bool = True) -> float | Array: ...
    def area_share(self, theta: npt.ArrayLike, interpolate: bool = True) -> float | Array:
        """Return the smallest share of the land that holds a share of the emissions.

        Parameters
        ----------
        theta : float or array
            Share of emissions, 0 to 1.
        interpolate : bool
            Take of the last cell only the part that is needed; else whole cells.

        Returns
        -------
        float or array

        Raises
        ------
        DataError
            A share that is not between 0 and 1.

        Examples
        --------
        >>> curve = lorenz([50, 20, 10, 8, 5, 4, 2, 1, 0, 0], np.ones(10))
        >>> round(curve.area_share(0.75), 4), round(curve.area_share(0.75, interpolate=False), 4)
        (0.25, 0.3)
        """
        shares = as_shares(theta)
        if interpolate:
            found = np.interp(shares, self._emission_shares, self._area_shares)
        else:
            found = self._area_shares[self._whole(shares)]
        return float(found) if np.ndim(theta) == 0 else found

    @overload
    def emission_share(self, area: float) -> float: ...
    @overload
    def emission_share(self, area: npt.ArrayLike) -> float | Array: ...
    def emission_share(self, area: npt.ArrayLike) -> float | Array:
        """Return the share of emissions in the densest share of the land, interpolated.

        Parameters
        ----------
        area : float or array
            Share of the land area, 0 to 1.

        Returns
        -------
        float or array

        Raises
        ------
        DataError
            A share that is not between 0 and 1.

        Examples
        --------
        >>> lorenz([50, 20, 10, 8, 5, 4, 2, 1, 0, 0], np.ones(10)).emission_share(0.25)
        0.75
        """
        found = np.interp(as_shares(area), self._area_shares, self._emission_shares)
        return float(found) if np.ndim(area) == 0 else found

    def cells(self, theta: float) -> Cells:
        """Return how many whole cells hold a share of the emissions at least, and their area.

        Parameters
        ----------
        theta : float
            Share of emissions, 0 to 1.

        Returns
        -------
        Cells
            Number and area [km²].

        Raises
        ------
        DataError
            A share that is not between 0 and 1.

        Examples
        --------
        >>> lorenz([8, 1, 1], [100, 100, 50]).cells(0.85)
        Cells(number=2, area=150.0)
        """
        number = int(self._whole(as_shares(theta)))
        return Cells(number, float(self.area[:number].sum()))

    def _whole(self, shares: Array) -> npt.NDArray[np.intp]:
        """Return how many of the densest cells hold each share."""
        return np.asarray(np.searchsorted(self._emission_shares, shares - _ROUNDING, side="left"))

    @property
    def gini(self) -> float:
        """Gini coefficient of emissions over land area: 0 even, towards 1 in one place."""
        S, H = self._emission_shares, self._area_shares
        below = (np.diff(H) * (S[1:] + S[:-1])).sum() / 2
        return float(2 * (below + 1 - H[-1]) - 1)

    @property
    def curve(self) -> pd.DataFrame:
        """Corners of the curve: area_share, emission_share, density [unit/km²].

        The first row is the origin; each other row ends a cell, and its density is that cell's.
        Land without emissions is the last row, where there is any.
        """
        S, H = self._emission_shares, self._area_shares
        density = np.concatenate([[np.nan], self.emissions / self.area])
        if H[-1] < 1:
            S, H, density = np.append(S, 1.0), np.append(H, 1.0), np.append(density, 0.0)
        made = pd.DataFrame({"area_share": H, "emission_share": S, "density": density})
        made.attrs = {"unit": self.unit, "resolution": self.resolution}
        return made

    def table(self, thetas: npt.ArrayLike = (0.5, 0.75, 0.9)) -> pd.DataFrame:
        """Return the land that holds shares of the emissions.

        Parameters
        ----------
        thetas : array (t,)
            Shares of emissions.

        Returns
        -------
        DataFrame (t, 4)
            By share: cells, area_km2 (whole cells), area_share_whole, area_share (interpolated).

        Examples
        --------
        >>> lorenz([50, 20, 10, 8, 5, 4, 2, 1, 0, 0], np.ones(10)).table([0.75]).round(4)
               cells  area_km2  area_share_whole  area_share
        share
        0.75       3       3.0               0.3        0.25
        """
        shares = as_shares(np.ravel(np.asarray(thetas, dtype=float)))
        whole = [self.cells(float(share)) for share in shares]
        made = pd.DataFrame(
            {
                "cells": [one.number for one in whole],
                "area_km2": [one.area for one in whole],
                "area_share_whole": self.area_share(shares, interpolate=False),
                "area_share": self.area_share(shares),
            },
            index=pd.Index(shares, name="share"),
        )
        made.attrs = {"unit": self.unit, "resolution": self.resolution}
        return made


def lorenz(
    values: Raster,
    area: "Raster | None" = None,
    *,
    total_area: float | None = None,
    negative: Negative = "refuse",
) -> Lorenz:
    """Rank cells by emissions per area and cumulate them over the land.

    Parameters
    ----------
    values : DataArray (rows, columns) or array (cells,)
        Emissions of each cell [unit], not per area. Cells without emissions are zero.
    area : DataArray or array, same shape, optional
        Land in each cell [km²]; by default the whole cell, for a DataArray on a grid. Cells with
        an area of zero are not part of the territory.
    total_area : float, optional
        Land area of the territory [km²]; by default the sum of `area`. It may be larger than that
        (land beyond the grid, without emissions) or smaller (cells of the sea, without emissions),
        but not smaller than the area of the cells that have emissions.
    negative : {"refuse", "drop"}
        What to do with cells below zero: ``"drop"`` counts them as land without emissions and
        records how many they were and their sum.

    Returns
    -------
    Lorenz

    Raises
    ------
    DataError
        Values or areas that are not finite, negative ones, a total of zero, or emissions in a cell
        without area.
    GridError
        A total area smaller than that of the cells with emissions.
    ShapeError
        Values and areas of different shape.
    UnitError
        Values per area.

    Notes
    -----
    Cells fall in ``E_g/a_g`` (a stable order); ``S = Σ E/ΣE``, ``H = Σ a/A`` with the territory's
    area A. Shares depend on the size of the cells: see `by_resolution`.

    Examples
    --------
    >>> curve = lorenz([50, 20, 10, 8, 5, 4, 2, 1, 0, 0], np.ones(10))
    >>> round(curve.area_share(0.9), 3), round(curve.gini, 3)
    (0.44, 0.654)
    """
    E, a, unit, resolution = amounts(values, area)
    below = E < 0
    if negative not in ("refuse", "drop"):
        raise DataError(f"negative={negative!r}: choose 'refuse' or 'drop'")
    if below.any() and negative == "refuse":
        raise DataError(
            f"{int(below.sum())} cells below zero (cells {some(np.flatnonzero(below))}; together "
            f"{E[below].sum():.4g} {unit}): a Lorenz curve has none; correct them, or say "
            "negative='drop'"
        )
    placeless = (E != 0) & (a == 0)
    if placeless.any():
        raise DataError(
            f"{int(placeless.sum())} cells have emissions ({E[placeless].sum():.4g} {unit}) and no "
            f"area (cells {some(np.flatnonzero(placeless))}): give the area of the whole cell, or "
            "move their emissions ashore"
        )
    emitting = np.flatnonzero(E > 0)
    if not len(emitting):
        raise DataError(f"{len(E)} cells have no emissions at all: there is nothing to rank")
    order = emitting[np.argsort(-(E[emitting] / a[emitting]), kind="stable")]
    held, given = float(a[order].sum()), float(a.sum())
    whole = given if total_area is None else float(total_area)
    if not np.isfinite(whole) or whole < held * (1 - 1e-9):
        raise GridError(
            f"total area of {whole:,.6g} km² is less than the {held:,.6g} km² of the cells with "
            "emissions: give the land area of the territory in km², or the land in each cell"
        )
    whole = max(whole, held)
    return Lorenz(
        order=order, emissions=lock(E[order]), area=lock(a[order]), total_area=whole, unit=unit,
        resolution=resolution, area_outside=max(0.0, given - max(whole, held)),
        dropped_cells=int(below.sum()), dropped_emissions=float(E[below].sum()),
    )  # fmt: skip


def thinned(curve: pd.DataFrame, most: int = 400) -> pd.DataFrame:
    """Return a Lorenz curve with fewer corners, evenly far apart along it, for a figure.

    Parameters
    ----------
    curve : DataFrame (k, 3)
        `Lorenz.curve`.
    most : int
        Corners to keep at most, the first and the last among them; at least 2.

    Returns
    -------
    DataFrame

    Raises
    ------
    DataError
        Fewer than two corners asked for.

    Examples
    --------
    >>> len(thinned(lorenz(np.arange(1, 10_001), np.ones(10_000)).curve, 50))
    50
    """
    if most < 2:
        raise DataError(f"{most} corners make no curve: keep 2 or more")
    if len(curve) <= most:
        return curve
    steps = np.hypot(np.diff(curve["area_share"]), np.diff(curve["emission_share"]))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    kept = np.searchsorted(along, np.linspace(0, along[-1], most))
    kept[[0, -1]] = 0, len(curve) - 1
    return curve.iloc[np.unique(kept)]
