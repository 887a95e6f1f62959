"""Clusters of high and low density: Getis-Ord Gi* and local Moran, through PySAL's esda.

Both test every cell, so what counts as significant is cut off where the false-discovery rate of
Benjamini and Hochberg stays below a level.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from carbonflows.errors import DataError, GridError, ShapeError
from carbonflows.grid.amounts import Raster, amounts
from carbonflows.grid.neighbours import neighbours
from carbonflows.labels import Array
from carbonflows.memory import require_memory
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from xarray import DataArray, Dataset

QUADRANTS = {1: "high-high", 2: "low-high", 3: "low-low", 4: "high-low"}
"""Codes of local Moran's quadrants: a cell, then the cells around it; 0 is not significant."""
SIDES = {1: "dense", -1: "thin"}
"""Codes of Gi*: what a cell lies among."""
_PER_PAIR = 185
"""Bytes that PySAL's graph takes for a pair of neighbours, as measured."""


def getis_ord(
    data: "DataArray",
    *,
    steps: int | None = None,
    distance: float | None = None,
    within: "DataArray | npt.ArrayLike | None" = None,
    land: "Raster | None" = None,
    permutations: int | None = None,
    seed: int = 0,
    alpha: float = 0.05,
) -> "Dataset":
    """Return which cells lie among dense or thin ones: Getis and Ord's Gi*.

    Parameters
    ----------
    data : DataArray (rows, columns)
        Emissions of each cell [unit], not per area; what is tested is their density, so that cells
        of different area compare.
    steps : int, optional
        Neighbours are all cells up to so many rows and columns away; 1 (queen) by default.
    distance : float, optional
        Neighbours are cells whose middles are up to so far away [km], instead of `steps`.
    within : DataArray or array of bool (rows, columns), optional
        Cells that belong to the territory; by default those with land.
    land : DataArray or array (rows, columns), optional
        Land in each cell [km²]; the whole cell by default.
    permutations : int, optional
        Draw so many conditional permutations instead of relying on the normal distribution; no
        p is below 2/(permutations + 1).
    seed : int
        Of the permutations.
    alpha : float
        False-discovery rate.

    Returns
    -------
    Dataset (rows, columns)
        ``z`` (of Gi*), ``p`` (two-sided), both NaN outside of the territory; ``cluster``: 1 among
        dense cells, −1 among thin ones, 0 not significant. Attributes say how it was tested:
        ``p_cutoff`` is the largest p that counts.

    Raises
    ------
    DataError
        A level or number of permutations that makes no sense, no variation, or as in `lorenz`.
    GridError
        Cells of the territory without land, or no neighbours within the distance.

    Notes
    -----
    Ord and Getis (1995), eq. 14: ``z_i = (Σ_j w_ij x_j − x̄ W_i) / (s √((n W_i − W_i²)/(n − 1)))``
    with w one for neighbours and the cell itself, and ``s² = Σ x²/n − x̄²``. The normal distribution
    is poor where few cells hold nearly everything and there are few neighbours: use permutations.

    References
    ----------
    Ord, J. K. and Getis, A. (1995), Geographical Analysis 27(4), 286–306.

    Examples
    --------
    >>> grid = Grid("EPSG:6933", 0, 2e5, 1e4, 1e4, 20, 20)
    >>> values = np.random.default_rng(0).random((20, 20))
    >>> values[5:9, 5:9] += 1
    >>> found = getis_ord(grid.array(values, name="emissions", unit="t CO2"))
    >>> bool((found.cluster[6:8, 6:8] == 1).all()), int((found.cluster == -1).sum())
    (True, 0)
    """
    _checked(permutations, alpha)
    sample = _sample(data, within, land, steps, distance)
    if (sample.x < 0).any():
        raise DataError(
            f"{int((sample.x < 0).sum())} cells below zero: Getis and Ord's G has none; correct "
            "them, or choose local_moran"
        )
    from esda import G_Local
    from libpysal.graph import Graph
    from scipy.sparse import csr_array, eye_array
    from scipy.stats import norm

    starred = Graph.from_sparse(csr_array(sample.weights + eye_array(len(sample.x))))
    with _esda():
        made = G_Local(
            sample.x, starred, transform="B", permutations=permutations or 0, star=True,
            seed=seed, n_jobs=1, keep_simulations=False,
        )  # fmt: skip
    z = np.asarray(made.Zs, dtype=np.float64)
    p = _two_sided(made.p_sim) if permutations else 2 * norm.sf(np.abs(z))
    significant, attrs = _discoveries(p, alpha, permutations, seed)
    cluster = np.where(significant, np.sign(z), 0)
    attrs["statistic"] = "Getis-Ord Gi*"
    return _rasters(sample, {"z": z, "p": p}, cluster, SIDES, attrs)


def local_moran(
    data: "DataArray",
    *,
    steps: int | None = None,
    distance: float | None = None,
    within: "DataArray | npt.ArrayLike | None" = None,
    land: "Raster | None" = None,
    permutations: int | None = None,
    seed: int = 0,
    alpha: float = 0.05,
) -> "Dataset":
    """Return which cells are alike or unlike their neighbours: local Moran's I.

    Parameters
    ----------
    data, steps, distance, within, land, permutations, seed, alpha
        As in `getis_ord`.

    Returns
    -------
    Dataset (rows, columns)
        ``I``, ``z``, ``p`` (two-sided), NaN outside of the territory, z and p also for cells
        without neighbours; ``cluster``: the quadrant of what is significant, 1 high-high,
        2 low-high, 3 low-low, 4 high-low (the cell, then the cells around it), 0 not significant.

    Raises
    ------
    DataError, GridError
        As in `getis_ord`.

    Notes
    -----
    ``I_i = (n − 1)/n · z_i Σ_j w_ij z_j`` with rows of w summing to one. Without permutations, z is
    by the moments under conditional randomisation (Sokal et al. 1998, eqs. A7 and A8).

    References
    ----------
    Anselin, L. (1995), Geographical Analysis 27(2), 93–115.
    Sokal, R. R., Oden, N. L. and Thomson, B. A. (1998), Geographical Analysis 30(4), 331–354.

    Examples
    --------
    >>> grid = Grid("EPSG:6933", 0, 2e5, 1e4, 1e4, 20, 20)
    >>> values = np.random.default_rng(0).random((20, 20))
    >>> values[5:9, 5:9] += 1
    >>> found = local_moran(grid.array(values, name="emissions", unit="t CO2"))
    >>> QUADRANTS[int(found.cluster[6, 6])]
    'high-high'
    """
    _checked(permutations, alpha)
    sample = _sample(data, within, land, steps, distance)
    from esda import Moran_Local
    from libpysal.graph import Graph
    from scipy.stats import norm

    with _esda():
        made = Moran_Local(
            sample.x, Graph.from_sparse(sample.weights), permutations=permutations or 0,
            n_jobs=1, seed=seed, keep_simulations=False,
        )  # fmt: skip
    joined = np.diff(sample.weights.indptr) > 0
    z, p = np.full((2, len(joined)), np.nan)
    z[joined] = 0.0  # and so it stays at the very mean, where there is no variance
    spread = joined & (made.VIc > 0)
    z[spread] = (made.Is[spread] - made.EIc[spread]) / np.sqrt(made.VIc[spread])
    p[joined] = _two_sided(made.p_sim[joined]) if permutations else 2 * norm.sf(np.abs(z[joined]))
    significant = np.zeros(len(joined), dtype=bool)
    significant[joined], attrs = _discoveries(p[joined], alpha, permutations, seed)
    rasters = {"I": np.asarray(made.Is), "z": z, "p": p}
    cluster = np.where(significant, made.q, 0)
    attrs["statistic"] = "local Moran's I"
    return _rasters(sample, rasters, cluster, QUADRANTS, attrs)


class _Sample(NamedTuple):
    """Densities in the territory, where they are, and who neighbours whom."""

    x: Array
    grid: Grid
    cells: npt.NDArray[np.bool_]
    weights: "csr_array"
    attrs: dict[str, Any]


def _sample(
    data: "DataArray",
    within: "DataArray | npt.ArrayLike | None",
    land: "Raster | None",
    steps: int | None,
    distance: float | None,
) -> _Sample:
    """Return what is tested."""
    E, a, unit, _ = amounts(data, land)
    grid = Grid.of(data)
    cells = a > 0 if within is None else np.asarray(within)
    if cells.dtype != bool:
        raise DataError(f"within holds {cells.dtype}: give True where the territory is")
    if cells.size != grid.size:
        raise ShapeError(
            f"within {cells.shape} and values {data.shape} differ in shape: match them"
        )
    cells = cells.reshape(grid.shape)
    inside = cells.ravel()
    if (a[inside] == 0).any():
        bare = int((a[inside] == 0).sum())
        raise GridError(f"{bare} cells within the territory have no land: leave them out of it")
    x = E[inside] / a[inside]
    if len(x) < 4 or np.ptp(x) <= 1e-12 * np.abs(x).max():
        raise DataError(f"{len(x)} cells of one density: there are no clusters to look for")
    weights = neighbours(grid, cells, steps=steps, distance=distance)
    require_memory(
        _PER_PAIR * (weights.nnz + len(x)), f"clusters among {len(x):,} cells",
        "take larger cells, fewer neighbours, or a part of the territory",
    )  # fmt: skip
    counts = np.diff(weights.indptr)
    around = f"middles within {distance:g} km" if distance else f"{steps or 1} cells each way"
    attrs = {
        "tested": f"density of {data.name or 'values'} [{unit}/km2]",
        "cells": len(x),
        "neighbours": around,
        "fewest_neighbours": int(counts.min()),
        "most_neighbours": int(counts.max()),
        "cells_without_neighbours": int((counts == 0).sum()),
        "resolution": grid.resolution,
    }
    return _Sample(x, grid, cells, weights, attrs)


def _checked(permutations: int | None, alpha: float) -> None:
    """Raise if the test asked for makes no sense."""
    if not 0 < alpha < 1:
        raise DataError(f"alpha={alpha:g}: give a false-discovery rate between 0 and 1, as 0.05")
    if permutations is not None and permutations < 19:
        raise DataError(f"{permutations} permutations: draw 19 or more, usually 999")


@contextmanager
def _esda() -> Iterator[None]:
    """Let esda tell of its next release, and leave neither its filters nor its seed behind."""
    state = np.random.get_state()  # noqa: NPY002
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "The alternative hypothesis for conditional", DeprecationWarning
        )
        try:
            yield
        finally:
            np.random.set_state(state)  # noqa: NPY002


def _two_sided(one_sided: Any) -> Array:
    """Return the p of both tails from that of the nearer one."""
    return np.minimum(1.0, 2 * np.asarray(one_sided, dtype=np.float64))


def _discoveries(
    p: Array, alpha: float, permutations: int | None, seed: int
) -> tuple[npt.NDArray[np.bool_], dict[str, Any]]:
    """Return which p count at a false-discovery rate, and how that was found."""
    from esda import fdr

    cutoff = float(fdr(p, alpha))
    return p <= cutoff, {
        "inference": f"{permutations} permutations, seed {seed}" if permutations else "normal",
        "false_discovery_rate": alpha,
        "p_cutoff": cutoff,
    }


def _rasters(
    sample: _Sample,
    values: dict[str, Array],
    cluster: npt.NDArray[Any],
    codes: dict[int, str],
    attrs: dict[str, Any],
) -> "Dataset":
    """Return values of the territory's cells as rasters."""
    from xarray import Dataset

    grid, made = sample.grid, {}
    for name, numbers in values.items():
        whole = np.full(grid.shape, np.nan)
        whole[sample.cells] = numbers
        made[name] = grid.array(whole, name=name, unit="1")
    whole = np.zeros(grid.shape, dtype=np.int8)
    whole[sample.cells] = cluster
    made["cluster"] = grid.array(
        whole, name="cluster", unit="1", flag_values=np.array([0, *codes], dtype=np.int8),
        flag_meanings=" ".join(["not_significant", *codes.values()]),
    )  # fmt: skip
    return Dataset(made, attrs={**attrs, **sample.attrs})
