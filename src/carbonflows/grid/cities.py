"""Cities: what is emitted in each, by sector, and for whose final demand."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from carbonflows.errors import DataError, LabelError
from carbonflows.grid.coverage import Coverage
from carbonflows.grid.gridded import By, GriddedFlows
from carbonflows.grid.zones import REMAINDER, zone_patterns, zone_points
from carbonflows.labels import Array
from carbonflows.memory import require_memory

_ROUNDING = 1e-12
"""By how much shares of points in a cell may differ from the pattern that they make up."""


def city_flows(
    gridded: GriddedFlows, cities: Coverage, by: Sequence[By] = ("sector", "destination")
) -> pd.DataFrame:
    """Return the emissions of every city by sector, destination and the like.

    What was placed by points counts in the city that holds each point; all else by the part of each
    cell's land that lies in the city. What lies in no city is the last row.

    Parameters
    ----------
    gridded : GriddedFlows
    cities : Coverage
        Of the grid's cells by cities, labelled by codes that keep homonyms apart.
    by : sequence of {"sector", "region", "destination", "category"}
        What is told apart; none of it gives totals.

    Returns
    -------
    DataFrame (cities + 1, combinations)
        Emissions [unit]; rows the codes and ``outside all zones``, columns a level for each of
        `by`. It sums to the account.

    Raises
    ------
    LabelError
        Cities on another grid.
    DataError
        Something in `by` that is not known, or twice; cities that overlap and are not shared out;
        sources of other patterns.
    SourceError
        More combinations than there is memory for.

    Notes
    -----
    The cities' shares in every pattern, times what each pattern carries; no map is made.

    Points are exact: one in m cities that overlap counts by the m-th part in each, as their cells
    do (``coverage(…, overlap="share")``). Of a pattern that was made of a raster or of land, a city
    with the fraction ``f_gc`` of cell g gets ``f_gc / max(l_g, Σ_c f_gc)`` of what is in it: it
    lies on the cell's land ``l_g``, the part inside the outlines that the weights were made of, and
    a coastal cell's sea is nobody's. Sums of maps over cells (`zonal_sums`) know of neither.

    Examples
    --------
    >>> from geopandas import GeoDataFrame
    >>> from shapely import box
    >>> from carbonflows.grid.coverage import coverage
    >>> from carbonflows.grid.gridded import gridded_example
    >>> made = gridded_example()
    >>> west = GeoDataFrame(index=["010000"], geometry=[box(0, 0, 1, 1)], crs="EPSG:4326")
    >>> found = city_flows(made, coverage(made.grid, west), ["destination"])
    >>> found.round(3).loc["010000"].to_dict()
    {'A': 17.222, 'B': 7.778}
    """
    if cities.grid != gridded.grid:
        raise LabelError(
            f"cities on cells of {cities.grid.resolution}, emissions on cells of "
            f"{gridded.grid.resolution}: make both on one grid"
        )
    if cities.overlap == "keep" and len(cities.overlaps):
        raise DataError(
            f"{len(cities.overlaps)} pairs of cities overlap, so that sums would count twice: make "
            "the coverage with overlap='share'"
        )
    order = ("region", "sector", "destination", "category")
    if odd := [one for one in by if one not in order]:
        raise DataError(f"by={odd[0]!r} is not known: use {', '.join(map(repr, order))}")
    if len(set(by)) != len(by):
        raise DataError(f"by={list(by)}: each only once")
    shares = _shares(gridded, cities)
    labels = pd.Index([*map(str, cities.labels), REMAINDER], name="city")
    account = gridded.caused
    rows = [level for level in ("region", "sector") if level in by]
    columns = {"destination": "demand_region", "category": "category"}
    wanted = [columns[one] for one in by if one in columns]
    kept = account.T.groupby(level=wanted, sort=False).sum().T if wanted else account.sum(
        axis=1
    ).to_frame("emissions")  # fmt: skip
    group, keys = _groups(account.index, rows)
    require_memory(
        8 * len(labels) * len(keys) * kept.shape[1],
        f"{len(labels):,} cities × {len(keys)} × {kept.shape[1]} combinations",
        "narrow the account with only(…), or tell less apart",
    )
    values = kept.to_numpy()
    parts = [
        shares @ np.asarray(gridded.mix[:, np.flatnonzero(group == k)] @ values[group == k])
        for k in range(len(keys))
    ]
    found = pd.DataFrame(np.concatenate(parts, axis=1), labels)
    tuples = [(*key, *(_tuple(label) if wanted else ())) for key in keys for label in kept.columns]
    names = [*rows, *(one for one in by if one in columns)]
    if not names:
        found.columns = pd.Index(["emissions"])
    else:
        index = pd.MultiIndex.from_tuples(tuples, names=names).reorder_levels(list(by))
        found.columns = index if len(by) > 1 else index.get_level_values(0)
    found.attrs = {
        "unit": gridded.unit, "stressor": gridded.load.name, "table": gridded.table,
        "resolution": gridded.grid.resolution,
    }  # fmt: skip
    for key, fact in gridded.about.items():
        found.attrs[key] = fact
    return found


def ranked_cities(emitted: pd.Series, names: pd.Series | None = None) -> pd.DataFrame:
    """Rank cities, and show what lies outside all of them.

    Parameters
    ----------
    emitted : Series (cities + 1,)
        By code, with ``outside all zones``, as columns of `city_flows`.
    names : Series, optional
        Names to print by code.

    Returns
    -------
    DataFrame
        ``rank`` (ties share the first; none for the rest), ``city`` (code), ``name``, ``value``
        [unit of `emitted`], ``share`` of all [1], ``cumulative`` share [1].

    Examples
    --------
    >>> ranked_cities(pd.Series({"a": 1.0, "b": 3.0, "outside all zones": 4.0}))["share"].tolist()
    [0.375, 0.125, 0.5]
    """
    inside = emitted.drop(REMAINDER, errors="ignore").sort_values(ascending=False, kind="stable")
    total = float(emitted.sum())
    table = pd.DataFrame({"city": inside.index.astype(str), "value": inside.to_numpy(float)})
    table.insert(0, "rank", table["value"].rank(ascending=False, method="min").astype("Int64"))
    if REMAINDER in emitted.index:
        rest = pd.DataFrame({"city": [REMAINDER], "value": [float(emitted[REMAINDER])]})
        table = pd.concat([table, rest.assign(rank=pd.array([pd.NA], dtype="Int64"))])
        table = table.reset_index(drop=True)
    named = table["city"] if names is None else table["city"].map(names).fillna(table["city"])
    table.insert(2, "name", named)
    table["share"] = table["value"] / total if total else np.nan
    table["cumulative"] = table["share"].cumsum()
    table.attrs = dict(emitted.attrs)
    return table


def _shares(gridded: GriddedFlows, cities: Coverage) -> Array:
    """Shares of every pattern in each city and, last, in none (k + 1, p)."""
    shares = zone_patterns(cities, gridded.patterns, land=gridded.land)
    sources = gridded.sources
    if not len(sources):
        return shares
    pattern, column = np.unique(sources["pattern"], return_inverse=True)
    share, cell = sources["share"].to_numpy(), sources["cell"].to_numpy()
    by_cell = csr_array((share, (cell, column)), shape=(gridded.grid.size, len(pattern)))
    there = pattern[-1] < shares.shape[1]
    if not there or abs(gridded.patterns[:, pattern] - by_cell).max() > _ROUNDING:
        raise DataError(
            "sources are not those of the patterns, which were replaced: replace both, or give an "
            "empty frame of sources"
        )
    places, place = np.unique(sources[["longitude", "latitude"]], axis=0, return_inverse=True)
    inside = zone_points(cities, places[:, 0], places[:, 1])
    points = csr_array((share, (place, column)), shape=(len(places), len(pattern)))
    shares[:, pattern] = (inside @ points).toarray()
    return shares


def _groups(index: pd.Index, rows: Sequence[str]) -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Position of every node's group, and the groups."""
    if not rows:
        return np.zeros(len(index), dtype=np.intp), [()]
    labels = [index.get_level_values(level) for level in rows]
    pairs = pd.MultiIndex.from_arrays(labels)
    unique = pairs.unique()
    return unique.get_indexer(pairs), [tuple(map(str, key)) for key in unique]


def _tuple(label: object) -> tuple[object, ...]:
    return label if isinstance(label, tuple) else (label,)
