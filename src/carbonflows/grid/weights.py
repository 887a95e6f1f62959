"""Weights: which share of each node's emissions lies in each cell of a grid."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from carbonflows.errors import DataError, GridError, LabelError, some, suggested
from carbonflows.grid.fallback import STEPS, Part, require_groups, require_placed
from carbonflows.grid.layers import Layer
from carbonflows.grid.placing_nodes import placed_parts
from carbonflows.grid.point_patterns import LISTED, Misplaced
from carbonflows.grid.surfaces import Surfaces, shares
from carbonflows.labels import NODE, Array, pairs
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
    from xarray import DataArray

    from carbonflows.grid.coverage import Coverage

_OUTSIDE = 1e-3
"""Share of an outline that may lie outside of the grid: edges that bulge under a projection."""


@dataclass(frozen=True, eq=False)
class Weights:
    """Where nodes emit: few patterns on many cells, and which of them each node follows.

    Attributes
    ----------
    grid : Grid
    patterns : csr_array (cells, p)
        Shares of cells; every column sums to one. Nodes that are alike share a pattern.
    mix : csc_array (p, nodes)
        Which patterns each node follows; every column sums to one.
    nodes : MultiIndex (region, sector)
    report : DataFrame
        A line for each part of a node's emissions: ``region, sector, step, layer, mass, share,
        cells, scaled``. `step` is ``direct``, ``sector group``, ``industry``, ``fallback layer``
        or ``land``; `share` is of the node's mass, `cells` how many it lies in, `scaled` the
        factor that points' own emissions were multiplied with. ``attrs`` has the ``unit``, the
        mass ``elsewhere``, in regions without an outline, and the shares of outlines ``outside``
        the grid.
    points : DataFrame
        Points that are not where they should be, and what became of them: ``layer, point,
        longitude, latitude, value, declared, located, distance [km], why, treated``.
    sources : DataFrame
        Where exactly the points are of the patterns that are made of points: ``pattern``,
        ``longitude``, ``latitude`` [degrees], ``share`` of the pattern, ``cell``.
    land : array (rows, columns)
        Fraction of each cell inside the outlines: what other patterns lie on.
    layers : DataFrame
        What the layers that were needed have: ``layer, kind, unit, total``, of it ``inside`` the
        outlines, ``elsewhere`` and ``dropped``.
    table : str
        Label of the table that the mass was taken from; empty where the mass does not say it.

    Examples
    --------
    >>> import geopandas as gpd
    >>> from shapely import box
    >>> from carbonflows.grid.layers import PointLayer
    >>> land = gpd.GeoDataFrame(index=["A"], geometry=[box(0, 0, 1.5, 1)], crs="EPSG:4326")
    >>> mass = pd.Series([4.0], pd.MultiIndex.from_tuples([("A", "power")]))
    >>> plants = pd.DataFrame({"longitude": [0.2, 1.2], "latitude": 0.5, "value": [1, 3]})
    >>> grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 2)
    >>> placed = weights(grid, land, mass, [PointLayer("plants", plants)])
    >>> placed.shares("A", "power").values.tolist(), placed.land.tolist()
    ([[0.25, 0.75]], [[1.0, 0.5]])
    >>> placed.sources[["longitude", "share", "cell"]].values.tolist()
    [[0.2, 0.25, 0.0], [1.2, 0.75, 1.0]]
    """

    grid: Grid
    patterns: sparse.csr_array
    mix: sparse.csc_array
    nodes: pd.MultiIndex
    report: pd.DataFrame
    points: pd.DataFrame
    sources: pd.DataFrame
    land: Array
    layers: pd.DataFrame = field(default_factory=pd.DataFrame)
    table: str = ""

    @cached_property
    def matrix(self) -> sparse.csr_array:
        """Share of each node in each cell (cells, nodes); large on fine grids."""
        return sparse.csr_array(self.patterns @ self.mix)

    @property
    def fallback_mass(self) -> pd.Series:
        """Mass that each fallback carries (step,) [unit of the mass]."""
        by_step = self.report.groupby("step")["mass"].sum()
        return by_step.reindex(pd.Index(STEPS, name="step"), fill_value=0.0)

    def shares(self, region: str, sector: str) -> "DataArray":
        """Return the share of a node's emissions in each cell.

        Parameters
        ----------
        region, sector : str

        Returns
        -------
        DataArray (rows, columns)
            Sums to one.

        Raises
        ------
        LabelError
            A node that is not placed.
        """
        if (region, sector) not in self.nodes:
            names = ["/".join(node) for node in self.nodes]
            way_out = suggested([f"{region}/{sector}"], names, "choose one of `nodes`")
            raise LabelError(f"{region}/{sector} is not placed on the grid; {way_out}")
        column = self.mix[:, [self.nodes.get_loc((region, sector))]]
        values = np.asarray((self.patterns @ column).todense())
        return self.grid.array(values, name="share", unit="1", region=region, sector=sector)


def weights(
    grid: Grid, shapes: "GeoDataFrame", mass: pd.Series, layers: Sequence[Layer], *,
    groups: Mapping[str, Sequence[str]] | None = None, most: float = 0.05,
    coverage: "Coverage | None" = None, tolerance: float = 10.0, misplaced: Misplaced = "refuse",
) -> Weights:  # fmt: skip
    """Return where on a grid the nodes of regions emit.

    Parameters
    ----------
    grid : Grid
    shapes : GeoDataFrame
        Outlines of the regions to be placed on the grid, index region.
    mass : Series (region, sector)
        Emissions, none below zero. Nodes without emissions, and those of regions without an
        outline, have no weights.
    layers : sequence of PointLayer, RasterLayer or UniformLayer
        In order of preference: a node follows the first that speaks for its sector and has
        something in its region.
    groups : mapping of str to sequence of str, optional
        Group → sectors that may stand for one another where no layer does.
    most : float
        Largest share of all mass that fallbacks may carry. Nodes of which no layer says where they
        emit follow the placed sectors of their group in the region; if there are none, all placed
        sectors in the region; then the layers that are fallbacks; then the land.
    coverage : Coverage, optional
        Of the outlines on the grid, if it is there already; ``coverage(grid, shapes)`` by default.
    tolerance : float
        How far outside of its region's outline a point may be [km].
    misplaced : {"refuse", "declared", "located", "drop"}
        What becomes of points beyond it: refuse them, count them in the region that they declare,
        count them in the region that they are in, or leave them out.

    Returns
    -------
    Weights

    Raises
    ------
    GridError
        Fallbacks that carry more than `most`, points that are not where they should be or carry
        more than their node emits, an outline that is not within the grid.
    LabelError
        Outlines of regions, or layers and groups for sectors, that the mass does not have.
    DataError
        Mass below zero or missing.
    UnitError
        Points of their own emissions in another unit than the mass.
    SourceError
        More cells than there is memory for.

    Notes
    -----
    ``w_(p,i),g ≥ 0`` with ``Σ_g w = 1`` for each node (p, i). Points count in the cell that
    contains them; rasters are shared between outlines by exact fractions of cells.

    Examples
    --------
    A is the west and B the east of six cells of one degree:

    >>> import geopandas as gpd
    >>> from shapely import box
    >>> from carbonflows.grid.layers import PointLayer, RasterLayer
    >>> land = gpd.GeoDataFrame(index=["A", "B"], crs="EPSG:4326",
    ...     geometry=[box(0, 0, 1.5, 2), box(1.5, 0, 3, 2)])
    >>> grid = Grid("EPSG:4326", 0, 2, 1, 1, 2, 3)
    >>> nodes = pd.MultiIndex.from_product([["A", "B"], ["power", "shops"]])
    >>> mass = pd.Series([4.0, 2.0, 0.0, 1.0], nodes)
    >>> plants = pd.DataFrame(
    ...     {"longitude": [0.5, 1.2], "latitude": [1.5, 0.5], "value": [1, 3], "sector": "power"}
    ... )
    >>> people = grid.array([[4, 2, 0], [0, 2, 8]], name="population", unit="persons")
    >>> placed = weights(
    ...     grid, land, mass, [PointLayer("plants", plants), RasterLayer("people", people)]
    ... )
    >>> placed.nodes.tolist()
    [('A', 'power'), ('A', 'shops'), ('B', 'shops')]
    >>> placed.shares("A", "power").values.tolist()
    [[0.25, 0.0, 0.0], [0.0, 0.75, 0.0]]
    >>> placed.shares("A", "shops").round(6).values.tolist()  # 4, half of 2, half of 2
    [[0.666667, 0.166667, 0.0], [0.0, 0.166667, 0.0]]
    >>> placed.report[["region", "sector", "step", "layer", "mass", "cells"]].values.tolist()
    [['A', 'power', 'direct', 'plants', 4.0, 2], ['A', 'shops', 'direct', 'people', 2.0, 3],
     ['B', 'shops', 'direct', 'people', 1.0, 3]]
    """
    if misplaced not in get_args(Misplaced):
        choices = ", ".join(map(repr, get_args(Misplaced)))
        raise DataError(f"misplaced={misplaced!r} is not known: use {choices}")
    if not (most >= 0 and tolerance >= 0):
        raise DataError(f"most={most}, tolerance={tolerance}: give numbers from 0 up")
    mass = _mass(mass)
    regions, sectors = (list(mass.index.unique(level)) for level in NODE)
    shapes = _shapes(shapes, regions)
    _require_layers(layers, sectors)
    require_groups(groups, sectors)
    cover, outside = _cover(grid, shapes, coverage)
    inside = mass.index.get_level_values("region").isin(shapes.index)
    own = mass[inside & (mass.to_numpy() > 0)]
    if not len(own):
        raise DataError(f"{some(shapes.index)}: no emissions to place; give their mass")
    surfaces = Surfaces(
        grid, shapes, cover, regions=regions, tolerance=tolerance, misplaced=misplaced
    )
    parts = placed_parts(own, sectors, layers, surfaces, groups)
    report = _report(parts, own, surfaces)
    report.attrs = {
        "unit": mass.attrs.get("unit", ""), "elsewhere": float(mass[~inside].sum()),
        "outside": outside,
    }  # fmt: skip
    require_placed(report, most)
    listed = surfaces.listed
    points = pd.concat(listed, ignore_index=True) if listed else pd.DataFrame(columns=list(LISTED))
    mix = _mix(parts, own, surfaces.size)
    return Weights(
        grid,
        surfaces.patterns(),
        mix,
        pd.MultiIndex.from_tuples(own.index, names=NODE),
        report,
        points,
        surfaces.sources(),
        cover.land,
        surfaces.layers(),
        str(mass.attrs.get("table", "")),
    )


def _mass(mass: pd.Series) -> pd.Series:
    """Return the mass with clean labels and numbers."""
    index = pairs(mass.index, "mass", NODE)
    values = pd.to_numeric(mass, errors="coerce").to_numpy(np.float64)
    if not np.isfinite(values).all():
        lost = list(index[~np.isfinite(values)])
        raise DataError(f"mass of {some(lost)} is no number; complete it, or leave it out")
    if (values < 0).any():
        lost = list(index[values < 0])
        raise DataError(f"mass of {some(lost)} is below zero; place such nodes apart")
    made = pd.Series(values, index)
    made.attrs = dict(mass.attrs)
    return made


def _shapes(shapes: "GeoDataFrame", regions: list[str]) -> "GeoDataFrame":
    """Return the outlines with text labels, each a region of the mass."""
    if shapes.crs is None:
        raise GridError("outlines without a reference system: set it (GeoDataFrame.set_crs)")
    labels = shapes.index.astype(str)
    if not labels.is_unique:
        twice = list(labels[labels.duplicated()].unique())
        raise LabelError(f"{some(twice)}: more than one outline; dissolve them", labels=twice)
    if lost := [label for label in labels if label not in set(regions)]:
        way_out = suggested(lost, regions, "rename the outlines, or leave them out")
        raise LabelError(f"outlines of {some(lost)}: no such region in the mass; {way_out}")
    return shapes.set_axis(pd.Index(labels, name="region"))


def _require_layers(layers: Sequence[Layer], sectors: list[str]) -> None:
    """Raise on layers of one name, and on sectors that there are not."""
    names = [layer.name for layer in layers]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise LabelError(f"{some(twice)}: two layers of one name; rename one", labels=twice)
    for layer in layers:
        if lost := [sector for sector in layer.named if sector not in sectors]:
            way_out = suggested(lost, sectors, f"choose from {some(sectors, 60)}")
            raise LabelError(
                f"{layer.name}: sector {some(lost)} is not in the mass; {way_out}", labels=lost
            )


def _cover(
    grid: Grid, shapes: "GeoDataFrame", given: "Coverage | None"
) -> tuple["Coverage", dict[str, float]]:
    """Return the coverage, and which outlines are outside of the grid to a tolerable share."""
    from carbonflows.grid.coverage import coverage

    if given is not None and (
        given.grid != grid or list(map(str, given.labels)) != list(shapes.index)
    ):
        raise GridError("the coverage is of another grid or other outlines; leave it out")
    cover = coverage(grid, shapes) if given is None else given
    outside = cover.outside.set_axis(shapes.index)
    if len(far := outside[outside > _OUTSIDE]):
        worst = far.sort_values(ascending=False)
        raise GridError(
            f"{worst.index[0]}: {worst.iloc[0]:.1%} of its outline is outside of the grid "
            f"({len(worst)} such); make the grid larger, or cut the outline",
            labels=list(worst.index),
        )
    return cover, {str(name): float(share) for name, share in outside[outside > 0].items()}


def _report(parts: Sequence[Part], own: pd.Series, surfaces: Surfaces) -> pd.DataFrame:
    """Return a line for each part of each node."""
    mass = own.to_dict()
    return pd.DataFrame(
        {
            "region": [part.region for part in parts],
            "sector": [part.sector for part in parts],
            "step": [part.step for part in parts],
            "layer": [part.layer for part in parts],
            "mass": np.array([part.mass for part in parts], dtype=np.float64),
            "share": [part.mass / mass.get((part.region, part.sector), np.inf) for part in parts],
            "cells": [surfaces.cells(part.follows) for part in parts],
            "scaled": np.array([part.scaled for part in parts], dtype=np.float64),
        }
    )


def _mix(parts: Sequence[Part], own: pd.Series, patterns: int) -> sparse.csc_array:
    """Return which patterns each node follows (p, nodes)."""
    columns: dict[Any, dict[int, float]] = {node: {} for node in own.index}
    for part in parts:
        if not part.follows:  # points that were scaled to nothing
            continue
        column = columns[part.region, part.sector]
        whole = math.fsum(part.follows.values())
        for pattern, weight in part.follows.items():
            column[pattern] = column.get(pattern, 0.0) + part.mass * weight / whole
    rows: list[int] = []
    values: list[npt.NDArray[np.float64]] = []
    for column in columns.values():
        rows += list(column)
        values.append(shares(np.fromiter(column.values(), dtype=np.float64)))
    ends = np.cumsum([0, *(len(column) for column in columns.values())])
    return sparse.csc_array(
        (np.concatenate(values), np.array(rows, dtype=np.int64), ends), shape=(patterns, len(own))
    )
