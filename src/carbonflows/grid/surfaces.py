"""What layers have in each cell and region of a grid, and the patterns that are made of it."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import sparse

from carbonflows.grid.layers import Layer, PointLayer, RasterLayer
from carbonflows.grid.point_patterns import (
    Misplaced,
    PlacedPoints,
    placed_points,
    point_amounts,
    point_sources,
)
from carbonflows.grid.raster_patterns import raster_amounts
from carbonflows.labels import Array
from carbonflows.memory import require_memory
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

    from carbonflows.grid.coverage import Coverage

_LAND = ("", None)
_PER_ENTRY = 56
"""What a cell of a pattern takes while patterns are put together: its share thrice [bytes]."""


class Surfaces:
    """Amounts of layers by cell and region, each made when it is first asked for.

    Parameters
    ----------
    grid : Grid
    shapes : GeoDataFrame
        Outlines, index region.
    cover : Coverage
        Of the outlines on the grid.
    regions, tolerance, misplaced
        See `placed_points`.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> land = gpd.GeoDataFrame(index=["A"], geometry=[box(0, 0, 1.5, 1)], crs="EPSG:4326")
    >>> grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 2)
    >>> surfaces = Surfaces(
    ...     grid, land, coverage(grid, land), regions=["A"], tolerance=10, misplaced="refuse"
    ... )
    >>> surfaces.pattern(None, "shops", "A"), surfaces.totals(None, "shops")["A"] > 18_000
    (0, True)
    >>> surfaces.patterns().toarray().round(6).tolist()
    [[0.666667], [0.333333]]
    """

    def __init__(
        self, grid: Grid, shapes: "GeoDataFrame", cover: "Coverage", *, regions: list[str],
        tolerance: float, misplaced: Misplaced,
    ) -> None:  # fmt: skip
        self.grid, self.shapes, self.cover = grid, shapes, cover
        self.listed: list[pd.DataFrame] = []
        self._regions, self._tolerance, self._misplaced = regions, tolerance, misplaced
        self._points: dict[str, PlacedPoints] = {}
        self._sources: dict[Any, pd.DataFrame] = {}
        self._amounts: dict[Any, sparse.csc_array] = {}
        self._totals: dict[Any, Array] = {}
        self._ids: dict[Any, int] = {}
        self._reach: list[Any] = []
        self._union: dict[frozenset[int], int] = {frozenset(): 0}
        self._facts: dict[str, dict[str, Any]] = {}

    @property
    def size(self) -> int:
        """How many patterns are used."""
        return len(self._ids)

    def totals(self, layer: Layer | None, sector: str) -> dict[str, float]:
        """Return what a layer has for a sector by region; without a layer, land [km²]."""
        key = self._ready(layer, sector)
        return dict(zip(self.shapes.index, self._totals[key].tolist(), strict=True))

    def pattern(self, layer: Layer | None, sector: str, region: str) -> int:
        """Return the position of the pattern that a layer has for a node."""
        key = (self._ready(layer, sector), self.shapes.index.get_loc(region))
        if key not in self._ids:
            self._ids[key] = len(self._ids)
            self._reach.append(self._column(key)[0])
        return self._ids[key]

    def cells(self, patterns: Iterable[int]) -> int:
        """Return how many cells some patterns reach together."""
        wanted = frozenset(patterns)
        if wanted not in self._union:
            reached = [self._reach[one] for one in wanted]
            one = len(reached) == 1  # cells of one pattern are unique
            self._union[wanted] = len(reached[0] if one else np.unique(np.concatenate(reached)))
        return self._union[wanted]

    def patterns(self) -> sparse.csr_array:
        """Return the patterns that are used (cells, p); columns sum to one."""
        columns = [self._column(key) for key in self._ids]
        entries = sum(len(cells) for cells, _ in columns)
        require_memory(
            _PER_ENTRY * entries,
            f"making {len(columns)} patterns of {entries:,} cells of {self.grid.resolution}",
            "take larger cells",
        )
        ends = np.cumsum([0, *(len(cells) for cells, _ in columns)])
        made = sparse.csc_array(
            (
                np.concatenate([shares(values) for _, values in columns]),
                np.concatenate([cells for cells, _ in columns]), ends,
            ), shape=(self.grid.size, len(columns)),
        )  # fmt: skip
        return made.tocsr()

    def sources(self) -> pd.DataFrame:
        """Return where the points are of the patterns that are made of points (k, 5).

        ``pattern``, ``longitude``, ``latitude``, ``share`` of the pattern, ``cell``.
        """
        columns = ["pattern", "longitude", "latitude", "share", "cell"]
        made = [
            points.assign(pattern=pattern, share=shares(points["value"].to_numpy()))[columns]
            for (surface, region), pattern in self._ids.items()
            if surface in self._sources
            for points in [self._sources[surface].query("outline == @region")]
        ]
        nothing = pd.DataFrame({c: np.zeros(0, int if c in ("pattern", "cell") else float)
                                for c in columns})  # fmt: skip
        return pd.concat(made, ignore_index=True) if made else nothing

    def layers(self) -> pd.DataFrame:
        """Return what each layer has, and where."""
        columns = ["layer", "kind", "unit", "total", "inside", "elsewhere", "dropped"]
        return pd.DataFrame(list(self._facts.values()), columns=columns)

    def _ready(self, layer: Layer | None, sector: str) -> Any:
        """Key of a surface, which is made if it is not there yet."""
        key = self._key(layer, sector)
        if key not in self._amounts:
            if isinstance(layer, PointLayer):
                placed = self._placed(layer)
                self._sources[key] = point_sources(layer, placed, frozenset([sector]))
            self._amounts[key] = self._made(layer, key)
            self._totals[key] = np.asarray(self._amounts[key].sum(axis=0)).ravel()
        return key

    def _key(self, layer: Layer | None, sector: str) -> Any:
        """What tells one surface from another: sectors with the same points share one."""
        if isinstance(layer, PointLayer):
            return layer.name, frozenset(
                to for to in set(layer.stands_for) if to is None or sector in to
            )
        return (layer.name, None) if isinstance(layer, RasterLayer) else _LAND

    def _made(self, layer: Layer | None, key: Any) -> sparse.csc_array:
        """Amounts (cells, regions)."""
        if isinstance(layer, RasterLayer):
            made = raster_amounts(layer, self.grid, self.shapes, self.cover)
            total, inside = float(layer.amounts.sum()), float(made.sum())
            unit = str(layer.data.attrs.get("units", ""))
            if layer.kind == "density":
                unit += " × km²"
            self._state(layer.name, "raster", unit, total, inside, max(total - inside, 0.0))
            return made
        if isinstance(layer, PointLayer):
            return point_amounts(self._sources[key], (self.grid.size, len(self.shapes)))
        return sparse.csc_array(self.cover.area)

    def _placed(self, layer: PointLayer) -> PlacedPoints:
        """Points of a layer in their cells and regions."""
        if layer.name not in self._points:
            placed = placed_points(
                layer, self.grid, self.shapes, regions=self._regions, tolerance=self._tolerance,
                misplaced=self._misplaced,
            )  # fmt: skip
            self._points[layer.name] = placed
            if len(placed.listed):
                self.listed.append(placed.listed)
            value = pd.to_numeric(layer.points["value"]).to_numpy(np.float64)
            total, inside = float(value.sum()), float(value[placed.rows].sum())
            left = max(total - inside - placed.elsewhere, 0.0)
            self._state(layer.name, "points", layer.unit, total, inside, placed.elsewhere, left)
        return self._points[layer.name]

    def _state(
        self, layer: str, kind: str, unit: str, total: float, inside: float, elsewhere: float,
        dropped: float = 0.0,
    ) -> None:  # fmt: skip
        self._facts[layer] = {
            "layer": layer, "kind": kind, "unit": unit, "total": total, "inside": inside,
            "elsewhere": elsewhere, "dropped": dropped,
        }  # fmt: skip

    def _column(self, key: Any) -> tuple[Any, Array]:
        """Cells and amounts of one surface in one region."""
        surface, region = key
        amounts = self._amounts[surface]
        reach = slice(amounts.indptr[region], amounts.indptr[region + 1])
        return amounts.indices[reach], amounts.data[reach]


def shares(values: Array) -> Array:
    """Return amounts as shares that sum to one, to the last digit.

    Parameters
    ----------
    values : array (k,)
        None below zero, not all zero.

    Returns
    -------
    array (k,)

    Examples
    --------
    >>> shares(np.array([1.0, 3.0])).tolist(), math.fsum(shares(np.full(100, 0.1)))
    ([0.25, 0.75], 1.0)
    """
    made = values / values.sum()
    made[made.argmax()] += 1 - math.fsum(made)
    return made
