"""Hubs: hotspots that touch, with their emissions, cities and nearest port."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, GridError, LabelError, UnitError, some
from carbonflows.grid.amounts import amounts
from carbonflows.grid.hub_cities import hub_cities, numbered
from carbonflows.labels import Array
from carbonflows.raster import Grid

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from xarray import DataArray, Dataset

    from carbonflows.grid.coverage import Coverage

_TAKEN = {
    "hub", "name", "cells", "area_km2", "longitude", "latitude", "cities", "city_codes",
    "in_cities", "port", "port_km", "port_from_middle_km",
}  # fmt: skip
_SLACK = 1.02
"""By how much distances on a sphere of geodetic latitudes are off at most, doubled."""


@dataclass(frozen=True, eq=False)
class Hubs:
    """Hotspots that touch.

    Attributes
    ----------
    table : DataFrame (hubs, …)
        By hub number, the largest emitter first. ``name``, that of the city that emits most in it
        (``hub 1`` without one, ``Ningbo (2)`` for the second of its name); ``cells``, ``area_km2``;
        for each layer of values its emissions [unit], ``… of hotspots`` and ``… of all``, the
        shares of all hotspots and of all cells; ``longitude``, ``latitude`` of the middle, weighted
        with emissions. With cities: ``cities`` and ``city_codes``, the largest emitter inside of
        the hub first, and ``in_cities``, the share of the hub's emissions inside of any. With
        ports: ``port``, ``port_km`` from the hub's nearest cell and ``port_from_middle_km``.
    labels : DataArray of int (rows, columns)
        Number of the hub that each cell belongs to; 0 for none.
    left_out : Series
        Hubs below the smallest size: ``hubs``, ``cells``, ``area_km2`` and emissions of each layer.
    """

    table: pd.DataFrame
    labels: "DataArray"
    left_out: pd.Series


def hubs(
    mask: "DataArray",
    values: "DataArray | Dataset",
    *,
    land: "DataArray | npt.ArrayLike | None" = None,
    smallest: int = 1,
    connectivity: int = 8,
    reach: int = 1,
    cities: "Coverage | None" = None,
    names: pd.Series | None = None,
    most: int = 5,
    ports: pd.DataFrame | None = None,
) -> Hubs:
    """Return hotspots that touch as hubs, and what they emit.

    Parameters
    ----------
    mask : DataArray of bool (rows, columns)
        Hotspots, for example of `hotspot_mask`.
    values : DataArray or Dataset (rows, columns)
        Emissions of each cell [unit], not per area. Of a dataset every variable is a layer; the
        first one ranks hubs and cities.
    land : DataArray or array (rows, columns), optional
        Land in each cell [km²], on which its emissions lie; the whole cell by default.
    smallest : int
        Cells that a hub has at least; what is smaller is summed up in ``left_out``.
    connectivity : {8, 4}
        Whether cells that share a corner touch.
    reach : int
        How many rows and columns apart hotspots of one hub may be: 1 if they have to touch, more to
        join single plants of one agglomeration.
    cities : Coverage, optional
        Fractions of cells inside the outlines of cities, on the same grid.
    names : Series, optional
        Names of cities by their code, no two alike; by default the codes.
    most : int
        Cities to name for a hub at most; ``city_codes`` has them all.
    ports : DataFrame, optional
        ``name``, ``longitude``, ``latitude`` [degrees].

    Returns
    -------
    Hubs

    Raises
    ------
    DataError
        A mask that is not true or false, or without hotspots; values that are not finite, or below
        zero in the first layer; ports off the globe.
    GridError
        Layers, mask and cities on different grids.
    LabelError
        Cities without a name or with the same; ports without the columns needed.
    UnitError
        Values per area.

    Notes
    -----
    A city's emissions inside a hub are ``Σ_g E_g f_gc / max(l_g, Σ_c f_gc)`` over the hub's cells,
    with the fraction f of the cell inside the city and its land l. Where in a cell its sources lie
    is not known here; `city_flows` knows it. Distances are geodesic, from middles of cells. On a
    grid once around the earth, cells at the east and the west edge touch.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", 120, 32, 0.5, 0.5, 2, 6)
    >>> E = grid.array([[9, 5, 0, 0, 0, 3], [0, 0, 1, 0, 0, 0]], name="total", unit="Mt CO2")
    >>> port = pd.DataFrame({"name": ["Ningbo"], "longitude": [121.6], "latitude": [29.9]})
    >>> found = hubs(E > 0, E, ports=port)
    >>> found.table[["cells", "total", "total of hotspots", "port", "port_km"]].round(2)
         cells  total  total of hotspots    port  port_km
    hub
    1        3   15.0               0.83  Ningbo   153.38
    2        1    3.0               0.17  Ningbo   232.75
    >>> found.labels.to_numpy().tolist()
    [[1, 1, 0, 0, 0, 2], [0, 0, 1, 0, 0, 0]]
    """
    grid = Grid.of(mask)
    if mask.dtype != bool or mask.ndim != 2:
        raise DataError(f"mask of {mask.dtype} {mask.shape}: give one layer of True and False")
    if not bool(mask.any()):
        raise DataError(f"no hotspots among {mask.size} cells: choose a lower density")
    if smallest < 1:
        raise DataError(f"smallest={smallest}: a hub has 1 cell or more")
    if reach < 1 or (reach > 1 and connectivity == 4):
        raise DataError(f"reach={reach}: give 1 or more; more than 1 goes with connectivity=8")
    if most < 1:
        raise DataError(f"most={most}: name 1 city or more")
    layers, area, unit = _layers(values, land, grid)
    first, ranked = next(iter(layers.items()))
    if (ranked < 0).any():
        raise DataError(
            f"{first} is below zero in {int((ranked < 0).sum())} cells: correct them, or rank by "
            "another layer (put it first)"
        )
    part = _components(mask.to_numpy(), grid, connectivity, reach)
    inside = np.flatnonzero(part)
    count = int(part.max())
    sums = {name: _summed(part, E, count) for name, E in layers.items()}
    cells = np.bincount(part)[1:]
    areas = _summed(part, area, count)
    kept = np.flatnonzero(cells >= smallest)
    small = np.flatnonzero(cells < smallest)
    kept = kept[np.argsort(-sums[first][kept], kind="stable")]
    number = np.zeros(len(cells) + 1, dtype=np.int32)
    number[kept + 1] = np.arange(1, len(kept) + 1)
    hub = number[part]
    numbers = _numbers(len(kept))
    columns: dict[str, Any] = {"name": [f"hub {i}" for i in numbers]}
    columns |= {"cells": cells[kept], "area_km2": areas[kept]}
    for name, E in layers.items():
        columns[name] = sums[name][kept]
        columns[f"{name} of hotspots"] = _share(sums[name][kept], E[inside].sum())
        columns[f"{name} of all"] = _share(sums[name][kept], E.sum())
    table = pd.DataFrame(columns, index=numbers)
    where = np.flatnonzero(hub)
    lon, lat = _lonlat(grid, where)
    members = _members(hub[where], len(kept))
    middle = _middles(members, lon, lat, ranked[where], area[where])
    table["longitude"], table["latitude"] = middle
    if cities is not None:
        if cities.grid != grid:
            raise GridError(
                "cities are on another grid than the mask: take their coverage of this one"
            )
        land_part = (area / grid.area.ravel())[where]
        covered = hub_cities(members, ranked[where], where, land_part, cities, names, most)
        named = covered.pop("name").where(lambda name: name != "", table["name"])
        table["name"] = numbered(named)
        table = table.join(covered)
    elif names is not None:
        raise LabelError("names of cities without their outlines: give cities as well")
    if ports is not None:
        table = table.join(_nearest(members, lon, lat, middle, ports))
    table.attrs = {"unit": unit, "resolution": grid.resolution, "ranked_by": first}
    left = {"hubs": len(small), "cells": int(cells[small].sum()), "area_km2": areas[small].sum()}
    left |= {name: of[small].sum() for name, of in sums.items()}
    labels = grid.array(
        hub, name="hub", unit="1", connectivity=connectivity, reach=reach,
        smallest=smallest,
    )  # fmt: skip
    return Hubs(table, labels, pd.Series(left, name="left out"))


def _layers(
    values: "DataArray | Dataset", land: "DataArray | npt.ArrayLike | None", grid: Grid
) -> tuple[dict[str, Array], Array, str]:
    """Return values (cells,) of each layer, the area and the unit, checked."""
    from xarray import Dataset

    single = {} if isinstance(values, Dataset) else {str(values.name or "emissions"): values}
    arrays = dict(values.data_vars) if isinstance(values, Dataset) else single
    if not arrays:
        raise DataError("a dataset without variables: give one layer of emissions at least")
    if taken := sorted(_TAKEN & {str(name) for name in arrays}):
        raise LabelError(f"layer {some(taken)} is called as a column of the table is: rename it")
    made, units = {}, set()
    for name, array in arrays.items():
        if Grid.of(array) != grid:
            raise GridError(f"{name} is on another grid than the mask: regrid one of them")
        made[str(name)], area, unit, _ = amounts(array, land)
        units.add(unit)
    if len(units) > 1:
        raise UnitError(f"layers in {some(sorted(units))}: bring them to one unit")
    return made, area, unit


def _summed(part: npt.NDArray[np.int32], values: Array, count: int) -> Array:
    """Return the sum of values in each part (count,)."""
    return np.asarray(np.bincount(part, values, count + 1)[1:], dtype=np.float64)


def _share(of: Array, total: float) -> Array:
    """Return shares; NaN of nothing."""
    return of / total if total else np.full(len(of), np.nan)


def _components(
    mask: npt.NDArray[np.bool_], grid: Grid, connectivity: int, reach: int
) -> npt.NDArray[np.int32]:
    """Return the connected component of each cell (cells,), from 1; 0 for none."""
    from scipy.ndimage import label
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if connectivity not in (4, 8):
        raise DataError(
            f"connectivity={connectivity}: cells touch by 4 edges, or by 8 with corners"
        )
    # Squares of `reach` cells touch where their first cells are no farther than that apart.
    wide = mask.copy()
    for down in range(reach):
        for right in range(reach):
            moved = np.roll(mask, right, axis=1)
            if not grid.goes_around:
                moved[:, :right] = False
            wide[down:] |= moved[: len(mask) - down]
    part, count = label(wide, np.ones((3, 3)) if connectivity == 8 else None)
    if grid.goes_around:
        rows = len(mask)
        east, west = [], []
        for down in (-1, 0, 1) if connectivity == 8 else (0,):
            here = np.arange(max(0, -down), rows - max(0, down))
            east.append(part[here, -1])
            west.append(part[here + down, 0])
        one, other = np.concatenate(east), np.concatenate(west)
        both = (one > 0) & (other > 0)
        joined = coo_array((np.ones(both.sum()), (one[both], other[both])), (count + 1, count + 1))
        part = connected_components(joined, directed=False)[1][part]
    return np.where(mask, part, 0).astype(np.int32).ravel()


def _lonlat(grid: Grid, cells: npt.NDArray[np.int64]) -> tuple[Array, Array]:
    """Return longitude and latitude of cells' middles [degrees]."""
    x, y = grid.x[cells % grid.columns], grid.y[cells // grid.columns]
    if not grid.geographic:
        from pyproj import Transformer

        to_lonlat = Transformer.from_crs(grid.system, "EPSG:4326", always_xy=True)
        x, y = to_lonlat.transform(x, y)
    return (np.asarray(x) + 180) % 360 - 180, np.asarray(y)


def _members(hub: npt.NDArray[np.int32], count: int) -> "csr_array":
    """Return which cells belong to each hub (hubs, cells in hubs)."""
    from scipy.sparse import csr_array

    return csr_array((np.ones(len(hub)), (hub - 1, np.arange(len(hub)))), (count, len(hub)))


def _on_sphere(lon: Array, lat: Array) -> Array:
    """Return points on the unit sphere (k, 3)."""
    east, north = np.radians(lon), np.radians(lat)
    flat = np.cos(north)
    return np.stack([flat * np.cos(east), flat * np.sin(east), np.sin(north)], axis=1)


def _middles(
    members: "csr_array", lon: Array, lat: Array, emissions: Array, area: Array
) -> tuple[Array, Array]:
    """Return the middle of each hub, weighted with emissions, or with area where there are none."""
    empty = members @ emissions == 0
    weight = np.where(members.T @ empty.astype(float) > 0, np.maximum(area, 1e-300), emissions)
    x, y, z = (members @ (weight[:, None] * _on_sphere(lon, lat))).T
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))


def _numbers(count: int) -> pd.RangeIndex:
    """Return numbers of hubs."""
    return pd.RangeIndex(1, count + 1, name="hub")


def _nearest(
    members: "csr_array",
    lon: Array,
    lat: Array,
    middle: tuple[Array, Array],
    ports: pd.DataFrame,
) -> pd.DataFrame:
    """Return the nearest port of each hub and how far it is [km]."""
    from pyproj import Geod
    from scipy.spatial import cKDTree

    if missing := [c for c in ("name", "longitude", "latitude") if c not in ports.columns]:
        raise LabelError(f"ports have no column {some(missing)}: name, longitude and latitude")
    x, y = (ports[c].to_numpy(dtype=np.float64) for c in ("longitude", "latitude"))
    wrong = ~((np.abs(x) <= 180) & (np.abs(y) <= 90))
    if wrong.any() or not len(ports):
        raise DataError(
            f"ports {some(ports['name'][wrong])}: not on the globe; give degrees"
            if len(ports) else "no ports: give one at least, or none (ports=None)"
        )  # fmt: skip
    geod = Geod(ellps="WGS84")
    points, tree = _on_sphere(lon, lat), cKDTree(_on_sphere(x, y))
    chord = tree.query(points)[0]
    rows = []
    for i in range(members.shape[0]):
        of = members.indices[members.indptr[i] : members.indptr[i + 1]]
        # The nearest on the sphere picks candidates, the ellipsoid decides.
        reach = chord[of].min() * _SLACK + 1e-9
        near = of[chord[of] <= reach]
        lists = tree.query_ball_point(points[near], reach)
        cell = np.repeat(near, [len(one) for one in lists])
        port = np.concatenate([np.asarray(one, dtype=np.int64) for one in lists])
        metres = np.asarray(geod.inv(lon[cell], lat[cell], x[port], y[port])[2])
        best = int(np.lexsort((port, metres))[0])
        there = port[best]
        away = geod.inv(middle[0][i], middle[1][i], x[there], y[there])[2]
        rows.append((str(ports["name"].iloc[there]), metres[best] / 1e3, away / 1e3))
    made = pd.DataFrame(
        rows, columns=["port", "port_km", "port_from_middle_km"], index=_numbers(len(rows))
    )
    return made.astype({"port_km": float, "port_from_middle_km": float})
