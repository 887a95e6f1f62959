"""What says where sectors emit: points, rasters, or nothing better than the land itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array
from carbonflows.raster import Grid
from carbonflows.units import per_area

if TYPE_CHECKING:
    from xarray import DataArray


@dataclass(frozen=True, eq=False)
class PointLayer:
    """Points, such as power plants, that say where sectors emit.

    Parameters
    ----------
    name : str
        For reports.
    points : DataFrame
        Columns ``longitude``, ``latitude`` [degrees, WGS 84] and ``value`` (≥ 0); if known
        ``region``, a region of the table, and ``sector`` or ``fuel``.
    sectors : mapping, sequence of str, or None
        Mapping: the points' sector or fuel → the table's sector or sectors that such points stand
        for, an empty sequence for none. Sequence: every point stands for all of these. None: the
        points' own sectors are the table's; points without sectors stand for all.
    carries : {"all", "own"}
        ``all``: the values say how a node's emissions are shared out between the points. ``own``:
        the values are emissions; what the node has beyond them goes to the next layer.
    unit : str
        Of the values.
    excess : {"refuse", "scale"}
        What to do with points of their own emissions that have more than their node.
    fallback : bool
        Use it only where no other layer, sector group or placed sector helps.

    Raises
    ------
    DataError
        A column is missing, or a value is no number or below zero.
    LabelError
        Points of a sector that the mapping does not have, or of none.

    Examples
    --------
    >>> plants = pd.DataFrame({"longitude": [1.5], "latitude": [0.5], "value": [3], "fuel": "Coal"})
    >>> layer = PointLayer("plants", plants, {"Coal": "electricity"})
    >>> layer.speaks("electricity"), layer.speaks("services")
    (True, False)
    """

    name: str
    points: pd.DataFrame
    sectors: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None
    carries: Literal["all", "own"] = "all"
    unit: str = ""
    excess: Literal["refuse", "scale"] = "refuse"
    fallback: bool = False

    def __post_init__(self) -> None:
        _known(self.name, "carries", self.carries, ("all", "own"))
        _known(self.name, "excess", self.excess, ("refuse", "scale"))
        _no_word(self.name, self.sectors)
        if self.carries == "own" and self.fallback:
            raise DataError(
                f"{self.name}: points of their own emissions are no fallback; use carries='all'"
            )
        for column in ("longitude", "latitude", "value"):
            if column not in self.points:
                raise DataError(f"{self.name}: no column {column!r}; rename or add it")
            numbers = pd.to_numeric(self.points[column], errors="coerce").to_numpy(np.float64)
            if len(bad := np.flatnonzero(~np.isfinite(numbers))):
                raise DataError(
                    f"{self.name}: {column} of {len(bad)} points is no number, the first in row "
                    f"{bad[0]}; complete or drop them"
                )
            least = {"value": 0.0, "latitude": -90.0}.get(column, -360.0)
            most = {"value": np.inf, "latitude": 90.0}.get(column, 360.0)
            if len(bad := np.flatnonzero((numbers < least) | (numbers > most))):
                raise DataError(
                    f"{self.name}: {column} {numbers[bad[0]]:g} in row {bad[0]} ({len(bad)} such) "
                    "cannot be; correct or drop it"
                )
        shared = [to for to in self.stands_for if to is None or len(to) > 1]
        if self.carries == "own" and shared:
            raise LabelError(
                f"{self.name}: a point's own emissions are of one sector; map each to one, or use "
                "carries='all'"
            )

    @cached_property
    def stands_for(self) -> list[frozenset[str] | None]:
        """Sectors of the table that each point stands for, None for all."""
        if self.sectors is not None and not isinstance(self.sectors, Mapping):
            return [frozenset(map(str, self.sectors))] * len(self.points)
        column = next((c for c in ("sector", "fuel") if c in self.points), None)
        if column is None:
            if self.sectors is None:
                return [None] * len(self.points)
            raise LabelError(f"{self.name}: no column 'sector' or 'fuel' to look up; add one")
        if self.sectors is None and column == "fuel":
            raise LabelError(f"{self.name}: fuels are no sectors; give sectors={{fuel: sectors}}")
        own = self.points[column]
        if own.isna().any():
            raise LabelError(f"{self.name}: {own.isna().sum()} points lack a {column}; name it")
        mapping = {key: key for key in own.unique()} if self.sectors is None else self.sectors
        if lost := [key for key in own.unique() if key not in mapping]:
            raise LabelError(
                f"{self.name}: {column} {some(lost)} is not in the mapping; "
                + suggested(lost, list(mapping), "map it to sectors, or to () for none"),
                labels=lost,
            )
        targets = {key: _targets(to) for key, to in mapping.items()}
        return [targets[key] for key in own]

    @property
    def named(self) -> list[str]:
        """Sectors of the table that are named."""
        if isinstance(self.sectors, Mapping):
            return sorted(set().union(*(_targets(to) for to in self.sectors.values())))
        return sorted(set().union(*(to for to in set(self.stands_for) if to)))

    def speaks(self, sector: str) -> bool:
        """Return whether points stand for a sector of the table."""
        return any(to is None or sector in to for to in set(self.stands_for))


@dataclass(frozen=True, eq=False)
class RasterLayer:
    """A raster of emissions, or of something that they follow, such as people or night lights.

    Parameters
    ----------
    name : str
        For reports.
    data : DataArray (rows, columns)
        Values ≥ 0 on any grid; `Grid.of` must find it.
    sectors : sequence of str, optional
        Sectors of the table that it stands for; all by default.
    kind : {"amount", "density"}
        Amounts per cell, or amounts per area, such as persons per km².
    land : DataArray (rows, columns), optional
        Share of each cell (same grid) that what the raster counts can lie on, such as its land. An
        outline gets as much of a cell's amount as it has of this part. Without it the whole cell
        counts, and a coast's cells lose what falls into the sea.
    partial : bool
        Take it for regions that it covers in part, or not at all, too.
    fallback : bool
        Use it only where no other layer, sector group or placed sector helps.

    Raises
    ------
    DataError
        Values that are below zero or missing, more than two dimensions, or densities that are
        declared as amounts.
    GridError
        Coordinates or a reference system that are missing or no grid.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", 0, 2, 1, 1, 2, 3)
    >>> people = grid.array([4, 0, 0, 0, 2, 2], name="population", unit="persons")
    >>> RasterLayer("people", people).speaks("services")
    True
    """

    name: str
    data: "DataArray"
    sectors: Sequence[str] | None = None
    kind: Literal["amount", "density"] = "amount"
    land: "DataArray | None" = None
    partial: bool = False
    fallback: bool = False

    def __post_init__(self) -> None:
        _known(self.name, "kind", self.kind, ("amount", "density"))
        _no_word(self.name, self.sectors)
        unit = str(self.data.attrs.get("units", ""))
        if self.kind == "amount" and per_area(unit):
            raise DataError(f"{self.name}: {unit!r} is per area, not per cell; use kind='density'")
        _checked(self.name, self.data)
        Grid.of(self.data)  # says what is wrong with its coordinates
        if self.land is not None:
            share = _checked(f"{self.name}: land", self.land)
            if share.max() > 1 + 1e-6:
                raise DataError(f"{self.name}: land of {share.max():g}; give shares of cells")
            if not same_grid(Grid.of(self.land), self.grid):
                raise DataError(f"{self.name}: land is on another grid than the data; regrid it")

    @cached_property
    def grid(self) -> Grid:
        """Where the values are."""
        return Grid.of(self.data)

    @property
    def amounts(self) -> Array:
        """Amount in each cell (cells,)."""
        values = self.data.to_numpy().astype(np.float64).ravel()
        return values * self.grid.area.ravel() if self.kind == "density" else values

    @property
    def named(self) -> list[str]:
        """Sectors of the table that are named."""
        return [] if self.sectors is None else [str(sector) for sector in self.sectors]

    def speaks(self, sector: str) -> bool:
        """Return whether the raster stands for a sector of the table."""
        return self.sectors is None or sector in self.named


@dataclass(frozen=True, eq=False)
class UniformLayer:
    """Emissions spread evenly over a region's land.

    Parameters
    ----------
    name : str
        For reports.
    sectors : sequence of str, optional
        Sectors of the table that it stands for; all by default.

    Examples
    --------
    >>> UniformLayer(sectors=["agriculture"]).speaks("services")
    False
    """

    name: str = "land"
    sectors: Sequence[str] | None = None
    fallback: bool = False

    def __post_init__(self) -> None:
        _no_word(self.name, self.sectors)

    @property
    def named(self) -> list[str]:
        """Sectors of the table that are named."""
        return [] if self.sectors is None else [str(sector) for sector in self.sectors]

    def speaks(self, sector: str) -> bool:
        """Return whether it stands for a sector of the table."""
        return self.sectors is None or sector in self.named


Layer: TypeAlias = PointLayer | RasterLayer | UniformLayer


def layer_from_grids(
    rasters: Mapping[str, "DataArray"], sectors: Mapping[str, Sequence[str]], name: str
) -> list[RasterLayer]:
    """Return the layers of an inventory that has a grid for each of its own sectors.

    Parameters
    ----------
    rasters : mapping of str to DataArray (rows, columns)
        The inventory's sector → amounts per cell.
    sectors : mapping of str to sequence of str
        The inventory's sector → the table's sectors that it stands for.
    name : str
        Of the inventory, for reports.

    Returns
    -------
    list of RasterLayer
        One for each raster.

    Raises
    ------
    LabelError
        A raster that stands for nothing, a mapping without its raster, or a sector of the table
        that is mapped to twice.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", 0, 2, 1, 1, 2, 3)
    >>> power = grid.array([4, 0, 0, 0, 2, 2], name="ENE", unit="t CO2")
    >>> layers = layer_from_grids({"ENE": power}, {"ENE": ["electricity"]}, "EDGAR")
    >>> layers[0].name, layers[0].sectors
    ('EDGAR ENE', ('electricity',))
    """
    if idle := [raster for raster in rasters if not sectors.get(raster)]:
        raise LabelError(
            f"{name}: {some(idle)} stands for no sector of the table; map it, or leave the raster "
            "out", labels=idle,
        )  # fmt: skip
    if lost := [raster for raster in sectors if raster not in rasters]:
        raise LabelError(
            f"{name}: {some(lost)} is mapped but there is no such raster; "
            + suggested(lost, list(rasters), "give it, or leave the mapping out"), labels=lost,
        )  # fmt: skip
    taken: dict[str, str] = {}
    layers = []
    for raster, data in rasters.items():
        _no_word(f"{name} {raster}", sectors[raster])
        for sector in map(str, sectors[raster]):
            if sector in taken:
                raise LabelError(
                    f"{name}: {sector!r} is mapped to twice, from {taken[sector]} and {raster}; "
                    "keep one, or add the rasters first", labels=[sector],
                )  # fmt: skip
            taken[sector] = raster
        layers.append(RasterLayer(f"{name} {raster}", data, tuple(map(str, sectors[raster]))))
    return layers


def _targets(to: str | Sequence[str]) -> frozenset[str]:
    """Return the sectors that points of one kind stand for."""
    return frozenset([to] if isinstance(to, str) else map(str, to))


def same_grid(one: Grid, other: Grid) -> bool:
    """Return whether two grids are one, however their reference system is written.

    Examples
    --------
    >>> grid = Grid("EPSG:4326", 0, 1, 1, 1, 1, 3)
    >>> same_grid(grid, Grid("OGC:CRS84", 0, 1, 1, 1, 1, 3))
    True
    """
    if one.shape != other.shape:
        return False
    slack = 1e-6 * min(one.width, one.height)
    if not np.allclose(one.bounds, other.bounds, rtol=0, atol=slack):
        return False
    return one.crs == other.crs or bool(one.system.equals(other.system, ignore_axis_order=True))


def _known(layer: str, what: str, given: str, choices: tuple[str, ...]) -> None:
    """Raise on a word that is not among the choices."""
    if given not in choices:
        raise DataError(f"{layer}: {what}={given!r} is not known: use {' or '.join(choices)}")


def _no_word(layer: str, sectors: object) -> None:
    """Raise where one word stands for a sequence."""
    if isinstance(sectors, str):
        raise LabelError(f"{layer}: sectors={sectors!r} is one word; give a list: [{sectors!r}]")


def _checked(layer: str, data: "DataArray") -> Array:
    """Return a raster's values if none is missing or below zero."""
    if data.ndim != 2:
        raise DataError(f"{layer}: {data.ndim} dimensions, {some(data.dims)}; select one raster")
    values: Array = data.to_numpy()
    if n := int((~np.isfinite(values)).sum()):
        raise DataError(f"{layer}: {n} cells without a number; fill them, as with .fillna(0)")
    if (negative := values < 0).any():
        raise DataError(
            f"{layer}: {int(negative.sum())} cells below zero, {values[negative].sum():g} in all; "
            "grid them apart, or raise them to 0 as with .clip(0)"
        )
    return values
