"""Emissions in every cell, by whose final demand causes them and by which sector emits them.

Nothing is computed on cells before it is asked for: the account stands by node, the places by node
and cell, and a map is their product for the nodes and the final demand that it is about.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.flows import Choice
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.grid.nodes import FINAL_USERS, node_account
from carbonflows.grid.weights import Weights
from carbonflows.labels import Array
from carbonflows.memory import require_memory
from carbonflows.raster import Grid
from carbonflows.solve import Leontief

if TYPE_CHECKING:
    from xarray import DataArray

By: TypeAlias = Literal["destination", "category", "sector", "region"]
Sign: TypeAlias = Literal["both", "positive", "negative"]
Names: TypeAlias = str | Sequence[str] | None
Groups: TypeAlias = Mapping[str, Sequence[str]] | None
_LEVELS = {
    "destination": "demand_region", "category": "category", "sector": "sector", "region": "region",
}  # fmt: skip
_OF_DEMAND = ("destination", "category")


@dataclass(frozen=True, eq=False)
class GriddedFlows:
    """Emissions of cells caused by final demand, computed when asked for.

    Attributes
    ----------
    grid : Grid
    patterns : sparse array (cells, p)
        How something is spread over the cells; columns sum to one.
    mix : sparse array (p, nodes)
        Which patterns each node follows; columns sum to one.
    caused : DataFrame (nodes, demand columns)
        The account: emissions of ``(region, sector)`` by ``(demand_region, category)``.
    load : Emissions
        Which emissions, and their unit.
    table : str
        Label of the table.
    sources : DataFrame
        Where exactly the points are of patterns that are made of points, see `Weights`.
    land : array (rows, columns)
        Fraction of each cell that all other patterns lie on.
    about : mapping of str to str
        What the account was narrowed to, for the attributes of maps; ``weights_table`` if places
        were taken from the weights of another table.

    Examples
    --------
    >>> made = gridded_example()
    >>> made.names("destination"), made.totals("destination").round(3).to_dict()
    (['A', 'B'], {'A': 34.444, 'B': 15.556})
    >>> made.only(destination="B").map().round(2).values.tolist()  # 140/9 on eight cells alike
    [[1.94, 1.94, 1.94, 1.94], [1.94, 1.94, 1.94, 1.94]]
    """

    grid: Grid
    patterns: Any
    mix: Any
    caused: pd.DataFrame
    load: Emissions
    table: str
    sources: pd.DataFrame
    land: Array
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def unit(self) -> str:
        """Unit of all maps: per cell."""
        return self.load.unit

    @property
    def facts(self) -> dict[str, Any]:
        """What every map states."""
        return {
            "long_name": f"{self.load.name} emissions", "stressor": self.load.name,
            "table": self.table, "resolution": self.grid.resolution, "per": "cell and year",
            "cell_methods": "area: sum", **self.about,
        }  # fmt: skip

    def names(self, by: By) -> list[str]:
        """Return the destinations, categories, sectors or regions of the account."""
        return [str(name) for name in self._labels(by).unique()]

    def totals(self, by: By) -> pd.Series:
        """Return what the account itself says of each destination, category, sector or region.

        Parameters
        ----------
        by : {"destination", "category", "sector", "region"}

        Returns
        -------
        Series (by,)
            Emissions [unit]; the maps of `maps` have the same sums.
        """
        level = self._labels(by).name
        summed = self.caused.sum(axis=0 if by in _OF_DEMAND else 1)
        summed = summed.groupby(level=level, sort=False).sum()
        named: pd.Series = summed.rename("emissions").rename_axis(by)
        named.attrs = {"unit": self.unit, "stressor": self.load.name, "table": self.table}
        return named

    def only(
        self, *, destination: Names = None, category: Names = None, sector: Names = None,
        region: Names = None, sign: Sign = "both",
    ) -> "GriddedFlows":  # fmt: skip
        """Return the same for some destinations, categories, emitting sectors or regions.

        Parameters
        ----------
        destination, category : str or sequence of str, optional
            Whose final demand, and for what; all by default.
        sector, region : str or sequence of str, optional
            Which sectors emit, in which regions; all by default.
        sign : {"both", "positive", "negative"}
            Parts of the account above or below zero only: final demand below zero, as where stocks
            shrink, causes negative emissions.

        Returns
        -------
        GriddedFlows

        Raises
        ------
        LabelError
            A name that the account does not have.
        """
        if sign not in get_args(Sign):
            raise DataError(f"sign={sign!r} is not known: use 'both', 'positive' or 'negative'")
        about = dict(self.about)
        masks = {0: np.ones(len(self.caused), bool), 1: np.ones(self.caused.shape[1], bool)}
        chosen: dict[By, Names] = {
            "destination": destination, "category": category, "sector": sector, "region": region
        }  # fmt: skip
        for by, names in chosen.items():
            if names is not None:
                wanted = [names] if isinstance(names, str) else [str(name) for name in names]
                _require(wanted, self.names(by), by, self.table)
                masks[int(by in _OF_DEMAND)] &= self._labels(by).isin(wanted)
                about[by] = some(wanted, 60)
        caused = self.caused.loc[masks[0], masks[1]]
        if sign != "both":
            caused = caused.clip(lower=0) if sign == "positive" else caused.clip(upper=0)
            about["sign"] = sign
        return replace(self, mix=self.mix[:, np.flatnonzero(masks[0])], caused=caused, about=about)

    def map(self) -> "DataArray":
        """Return one map: emissions in each cell, over all of the account.

        Returns
        -------
        DataArray (rows, columns)
            [unit per cell and year]
        """
        carried = self.mix @ self.caused.to_numpy().sum(axis=1)
        return self.grid.array(
            self.patterns @ carried, name="emissions", unit=self.unit, **self.facts
        )

    def maps(self, by: By, groups: Groups = None) -> "DataArray":
        """Return a map for each destination, category, emitting sector or emitting region.

        Parameters
        ----------
        by : {"destination", "category", "sector", "region"}
            What the maps tell apart.
        groups : mapping of str to sequence of str, optional
            Name → members of `by`; a member may be in several. One map each by default.

        Returns
        -------
        DataArray (by, rows, columns)
            [unit per cell and year]

        Raises
        ------
        LabelError, DataError
            A member that the account does not have; no groups at all.
        SourceError
            More than there is memory for; `blocks` and `write_maps` take less.
        """
        from xarray import DataArray

        names, carried = self._carried(by, groups)
        require_memory(
            2 * 8 * self.grid.size * len(names), f"{len(names)} maps of {self.grid.size:,} cells",
            "ask for fewer, or write them with write_maps, which takes them block by block",
        )  # fmt: skip
        values = np.ascontiguousarray(np.asarray(self.patterns @ carried).T)
        return DataArray(
            values.reshape(len(names), *self.grid.shape), dims=(by, *self.grid.dims),
            coords={by: names, **self.grid.coords()}, name="emissions",
            attrs={"units": self.unit, "grid_mapping": "spatial_ref", **self.facts},
        )  # fmt: skip

    def blocks(
        self, by: By, groups: Groups = None, *, rows: int = 100
    ) -> Iterator[tuple[int, Array]]:
        """Give the maps of `maps` some rows at a time, from the north.

        Parameters
        ----------
        by, groups
            See `maps`.
        rows : int
            How many rows at a time.

        Yields
        ------
        int, array (by, up to `rows`, columns)
            First row, and the values.
        """
        if rows < 1:
            raise DataError(f"rows={rows}: take at least one at a time")
        _, carried = self._carried(by, groups)
        wide = self.grid.columns
        for first in range(0, self.grid.rows, rows):
            last = min(first + rows, self.grid.rows)
            block = self.patterns[first * wide : last * wide] @ carried
            yield first, np.asarray(block).T.reshape(-1, last - first, wide)

    def members(self, by: By, groups: Groups = None) -> dict[str, Sequence[str]]:
        """Return what each map of `maps` sums up, by name; raise as it does."""
        if groups is not None and not groups:
            raise DataError(f"groups={groups!r}: no map; name at least one group, or leave it out")
        known = self.names(by)
        members = {str(name): listed for name, listed in (groups or {}).items()}
        for listed in members.values():
            _require(listed, known, by, self.table)
        return members or {name: [name] for name in known}

    def _labels(self, by: By) -> pd.Index:
        """Labels of every row or column of the account."""
        if by not in _LEVELS:
            raise DataError(f"by={by!r} is not known: use {', '.join(map(repr, _LEVELS))}")
        axis = self.caused.columns if by in _OF_DEMAND else self.caused.index
        return axis.get_level_values(_LEVELS[by])

    def _carried(self, by: By, groups: Groups) -> tuple[list[str], Array]:
        """Names of the maps, and what every pattern carries for each (p, k)."""
        members, labels = self.members(by, groups), self._labels(by)
        chosen = np.column_stack([labels.isin(listed) for listed in members.values()])
        values = self.caused.to_numpy()
        if by in _OF_DEMAND:
            carried = self.mix @ (values @ chosen)
        else:
            carried = self.mix @ (values.sum(axis=1)[:, None] * chosen)
        return list(members), np.asarray(carried)


def gridded_flows(
    system: Leontief, weights: Weights, stressor: Choice = None, *, unit: str | None = None,
    another_table: bool = False,
) -> GriddedFlows:  # fmt: skip
    """Put the source–sink account of a solved table on the cells of a grid.

    Parameters
    ----------
    system : Leontief
    weights : Weights
        Where the nodes of some, or all, regions emit; made from `node_emissions`.
    stressor : str, sequence of str or Emissions, optional
        See `carbonflows.emissions`.
    unit : str, optional
        Unit of the maps; Mt by default.
    another_table : bool
        Take the weights though they were made from another table, such as another year's; the maps
        then state which.

    Returns
    -------
    GriddedFlows
        The maps are of the regions in the weights. Direct emissions of final users, and of nodes
        without output, have the category ``direct`` of their own region.

    Raises
    ------
    LabelError
        Weights with regions or sectors that the table does not have, or without a node of theirs
        that emits; weights that were made from another table.

    Notes
    -----
    ``Grid_g = Σ_(p,i) w_(p,i),g T_(p,i),(s,q)`` with ``Σ_g w = 1``: each map sums to the account.

    Examples
    --------
    >>> float(gridded_example().only(destination="B").map().sum().round(3))  # as in T: 140/9
    15.556
    """
    load = emissions(system.table, stressor, unit=unit)
    table = system.table
    caused = node_account(system, load)
    regions = [str(r) for r in weights.nodes.get_level_values("region").unique()]
    _require(regions, table.regions, "region", table.label)
    own = caused[caused.index.get_level_values("region").isin(regions)]
    there = set(own.index)
    strange = [node for node in weights.nodes if node not in there and node[1] != FINAL_USERS]
    if strange:
        raise LabelError(
            f"the weights' {some(strange)}: no node of {table.label}; make them from "
            "node_emissions of this table"
        )
    idle = np.abs(own.to_numpy()).sum(axis=1) == 0
    if len(lost := own.index[~idle].difference(weights.nodes, sort=False)):
        raise LabelError(
            f"{some(list(lost))} emits but has no place in the weights; make them from "
            "node_emissions of this table"
        )
    placed = np.asarray(weights.mix.sum(axis=0)).ravel() > 0
    own = own.reindex(weights.nodes, fill_value=0.0)  # users that are left out, or burn nothing
    bare = ~placed & (np.abs(own.to_numpy()).sum(axis=1) > 0)
    if bare.any():
        raise LabelError(
            f"{some(list(weights.nodes[bare]))} emits but the weights were made where it does not; "
            "make them from node_emissions of this table and stressor"
        )
    another = weights.table not in ("", table.label)
    if another and not another_table:
        raise LabelError(
            f"weights of {weights.table}, an account of {table.label}: make them from "
            "node_emissions of this table, or say another_table=True"
        )
    own.index = own.index.set_names(["region", "sector"])
    return GriddedFlows(
        weights.grid, weights.patterns, weights.mix, own, load, table.label, weights.sources,
        weights.land, {"weights_table": weights.table} if another else {},
    )  # fmt: skip


def conservation(gridded: GriddedFlows) -> pd.DataFrame:
    """Compare the sum of every map with the account, destination by destination.

    Parameters
    ----------
    gridded : GriddedFlows

    Returns
    -------
    DataFrame (demand columns, 3)
        ``account`` and ``cells`` [unit], and their ``difference`` as a share of the sum of the
        absolute values of what the account adds up.

    Examples
    --------
    >>> bool(conservation(gridded_example())["difference"].max() < 1e-12)
    True
    """
    account = gridded.caused.sum()
    carried = gridded.mix @ gridded.caused.to_numpy()
    by_pattern = np.asarray(gridded.patterns.sum(axis=0)).ravel()
    cells = by_pattern @ np.asarray(carried)
    size = gridded.caused.abs().sum().to_numpy()
    difference = np.divide(np.abs(cells - account), size, out=np.zeros(len(size)), where=size > 0)
    return pd.DataFrame({"account": account, "cells": cells, "difference": difference})


def _require(names: Sequence[str], known: Any, what: str, where: str) -> None:
    """Raise on a name that is not there."""
    if lost := [name for name in names if name not in set(map(str, known))]:
        way_out = suggested(lost, list(known), f"it has {some(list(known), 45)}")
        raise LabelError(f"{what} {some(lost)} is not in {where}; {way_out}", labels=lost)


def gridded_example() -> GriddedFlows:
    """Return a region of the smallest world on eight cells, for examples."""
    from geopandas import GeoDataFrame
    from shapely import box

    from carbonflows.grid.layers import UniformLayer
    from carbonflows.grid.nodes import node_emissions
    from carbonflows.grid.weights import weights
    from carbonflows.table import two_regions

    table = two_regions()
    land = GeoDataFrame(index=["A"], geometry=[box(0, 0, 2, 1)], crs="EPSG:4326")
    grid = Grid("EPSG:4326", 0, 1, 0.5, 0.5, 2, 4)
    mass = node_emissions(table, regions=["A"])
    return gridded_flows(Leontief(table), weights(grid, land, mass, [UniformLayer()]))
