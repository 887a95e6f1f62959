"""How much of a raster lies in each cell and outline of a grid."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import sparse

from carbonflows.errors import GridError, some
from carbonflows.grid.layers import RasterLayer, same_grid
from carbonflows.labels import Array
from carbonflows.memory import require_memory
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from carbonflows.grid.coverage import Coverage

Ints: TypeAlias = npt.NDArray[np.integer]
_WHOLE = 1 - 1e-9
"""Fraction from which on a cell is wholly inside of an outline."""
_PER_COVERED = 185
"""What moving a raster takes at most for each cell of the grid inside an outline [bytes]."""
_UNCOVERED = 1e-3
"""Share of an outline that may lie outside of a raster: simplified coasts."""


def raster_amounts(
    layer: RasterLayer, grid: Grid, shapes: "GeoDataFrame", cover: "Coverage"
) -> sparse.csc_array:
    """Return how much of a raster lies in each cell and outline.

    Parameters
    ----------
    layer : RasterLayer
    grid : Grid
    shapes : GeoDataFrame
        Outlines.
    cover : Coverage
        Of the outlines on `grid`.

    Returns
    -------
    csc_array (cells, shapes)
        Amounts in the raster's unit (for densities times km²).

    Raises
    ------
    GridError
        A raster that does not cover an outline, unless the layer is `partial`.
    SourceError
        More cells than there is memory for.

    Notes
    -----
    Amounts lie evenly in the cells of the raster: outline r gets ``d_s f_sr / l_s`` of the cell s
    with amount d, fraction f and land l. Which cells g of the grid these go to follows
    ``area(s ∩ g) f_gr``, and just ``area(s ∩ g)`` where s is wholly in r: exact where the cells of
    one grid are parts of those of the other, and each outline's total is exact always.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> shapes = gpd.GeoDataFrame(index=["A", "B"], crs="EPSG:4326",
    ...     geometry=[box(0, 0, 1.5, 1), box(1.5, 0, 3, 1)])
    >>> grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 3)
    >>> layer = RasterLayer("people", grid.array([4, 2, 0], name="people", unit="persons"))
    >>> raster_amounts(layer, grid, shapes, coverage(grid, shapes)).toarray().round(9).tolist()
    [[4.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    """
    same = same_grid(layer.grid, grid)
    source = cover if same else _source_cover(layer, shapes, cover)
    fractions = sparse.coo_array(source.matrix)
    cells, outlines = fractions.coords
    held = _per_fraction(layer, source)[cells] * fractions.data
    there = held > 0
    if same:
        where = (cells[there], outlines[there])
        return sparse.csc_array((held[there], where), shape=(grid.size, len(shapes)))
    require_memory(
        _PER_COVERED * cover.matrix.nnz,
        f"{layer.name} on {cover.matrix.nnz:,} cells of {grid.resolution}", "take larger cells",
    )  # fmt: skip
    whole = fractions.data >= _WHOLE
    return _moved(layer.grid, cover, cells[there], outlines[there], held[there], whole[there])


def _source_cover(layer: RasterLayer, shapes: "GeoDataFrame", cover: "Coverage") -> "Coverage":
    """Return the outlines on the raster's own grid; whether they may overlap is known already."""
    from carbonflows.grid.coverage import coverage

    found = coverage(layer.grid, shapes, overlap="keep" if cover.overlap == "keep" else "share")
    outside = found.outside
    part = outside[outside > _UNCOVERED].sort_values(ascending=False, kind="stable")
    if len(part) and not layer.partial:
        shown = some(f"{share:.1%} of {region}" for region, share in part.items())
        raise GridError(
            f"{layer.name}: outside of the raster is {shown}; take one that covers them, or use "
            "it where it is with partial=True", labels=list(part.index),
        )  # fmt: skip
    return found


def _per_fraction(layer: RasterLayer, source: "Coverage") -> Array:
    """Amount per whole cell of land (cells,)."""
    amounts = layer.amounts
    if layer.land is None:
        return amounts
    covered = np.asarray(source.matrix.sum(axis=1)).ravel()
    land = np.maximum(layer.land.to_numpy().astype(np.float64).ravel(), covered)
    return np.divide(amounts, land, out=np.zeros(len(land)), where=land > 0)


def _moved(
    source: Grid, cover: "Coverage", cells: Ints, outlines: Ints, held: Array,
    whole: npt.NDArray[np.bool_],
) -> sparse.csc_array:  # fmt: skip
    """Move amounts held by cells of the source in outlines (k,) to the grid; `whole` cells or cut.

    Each of the k spreads over the cells of the grid that its own cell meets.
    """
    from carbonflows.grid.regrid import regrid_matrix

    grid, needed = cover.grid, np.zeros(source.size, dtype=bool)
    needed[cells] = True
    shares = sparse.csc_array(regrid_matrix(source, grid, only=needed))
    many = np.diff(shares.indptr)[cells]
    pair = np.repeat(np.arange(len(cells)), many)
    first = np.cumsum(many) - many
    entry = shares.indptr[cells][pair] + np.arange(len(pair)) - first[pair]
    target, weight = shares.indices[entry].astype(np.int64), shares.data[entry]
    cut = np.flatnonzero(~whole[pair])
    plain = weight[cut]
    weight[cut] = plain * _fractions_at(cover, target[cut], outlines[pair[cut]])
    # Slivers that one grid's fractions have and the other's have not go by area alone.
    sliver = np.bincount(pair, weight, len(cells))[pair[cut]] == 0
    weight[cut[sliver]] = plain[sliver]
    total = np.bincount(pair, weight, len(cells))
    amount = np.divide(held, total, out=np.zeros(len(cells)), where=total > 0)
    moved = weight * amount[pair]
    there = moved > 0
    where = (target[there], outlines[pair][there])
    return sparse.csc_array((moved[there], where), shape=(grid.size, len(cover.labels)))


def _fractions_at(cover: "Coverage", cells: Ints, outlines: Ints) -> Array:
    """Fraction of each of some cells in one outline (k,)."""
    matrix = sparse.coo_array(cover.matrix)
    row, column = (axis.astype(np.int64) for axis in matrix.coords)
    many = len(cover.labels)
    known = row * many + column
    order = np.argsort(known)
    wanted = cells * many + outlines
    found = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    hit = known[order[found]] == wanted
    return np.where(hit, matrix.data[order[found]], 0.0)
