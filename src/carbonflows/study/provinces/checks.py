"""What statistics of a country's regions are compared with before anyone reads the results."""

from typing import Any

import pandas as pd

from carbonflows import units
from carbonflows.build.country import CountryData
from carbonflows.errors import BalanceError
from carbonflows.table import IOTable

FAR = 6.0
"""Emissions per GDP over the regions' median that are told of."""
TOLD, REFUSED = 0.01, 0.1
"""Errors of a regional table, of its output, that are told of, and that are refused."""


def emission_levels(nested: IOTable) -> pd.DataFrame | None:
    """Return the inventory's emissions beside those of the world table, by sector.

    Parameters
    ----------
    nested : IOTable
        World table with the regions in it; its last step tells what was done.

    Returns
    -------
    DataFrame or None
        ``what`` (``sectors``, ``final users``), ``sector`` (or category), ``inventory`` and
        ``world`` [Mt], ``ratio`` [1] and ``used``: whose level the nested table has. None where the
        inventory is the world table's own.
    """
    steps = [step for step in nested.provenance.get("steps", ()) if "emissions" in step]
    if not steps:
        return None
    of = {str(s): str(u) for e in nested.extensions.values() for s, u in e.unit.items()}
    rows: list[dict[str, Any]] = []
    for stressor, parts in steps[-1]["emissions"].items():
        scale = units.factor(of[stressor], "Mt")
        for what, done in parts.items():
            for sector, found in done.get("inventory", {}).items():
                world = done["national"][sector]
                borrowed = sector in done.get("shared by output or use", ())
                used = "world" if done["level"] == "national" or borrowed else "inventory"
                rows.append(
                    {
                        "what": what, "sector": sector, "inventory": found * scale,
                        "world": world * scale, "ratio": found / world if world else float("nan"),
                        "used": used,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows) if rows else None


def odd_regions(outside: pd.DataFrame, data: CountryData) -> pd.Series:
    """Return regions whose emissions per GDP are far from the others': a slip, or a rare place.

    Parameters
    ----------
    outside : DataFrame
        Index region; with ``emissions``.
    data : CountryData

    Returns
    -------
    Series
        Emissions per GDP over the median of all regions, of those beyond a factor of `FAR` [1].
    """
    per_gdp = outside["emissions"].reindex(data.regions.index) / data.regions["gdp"]
    ratio = per_gdp / per_gdp.median()
    return ratio[(ratio > FAR) | (ratio < 1 / FAR)]


def table_balance(data: CountryData, world: IOTable, country: str) -> pd.DataFrame:
    """Return by how much each regional table misses its own totals, and its size in the country.

    Parameters
    ----------
    data : CountryData
        With tables.
    world : IOTable
    country : str

    Returns
    -------
    DataFrame
        ``region``, ``output`` [its own unit], ``row_error`` and ``column_error``: sum of absolute
        errors of rows and columns over output [1]; ``to_world``: output of all regions over the
        country's in the world table, in their own units [1].

    Raises
    ------
    BalanceError
        A table that misses its totals by more than a tenth of its output.
    """
    whole = float(world.x[country].sum())
    total = sum(float(table.x.sum()) for table in data.tables.values())
    rows = [
        {
            "region": name, "output": float(table.x.sum()),
            "row_error": float(table.error.abs().sum() / table.x.abs().sum()),
            "column_error": float(table.column_error.abs().sum() / table.x.abs().sum()),
            "to_world": total / whole,
        }
        for name, table in data.tables.items()
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    errors = frame.set_index("region")[["row_error", "column_error"]].max(axis=1)
    if errors.max() > REFUSED:
        worst = str(errors.idxmax())
        raise BalanceError(
            f"{worst}: its table misses its own totals by {errors[worst]:.0%} of output; uses, "
            "trade, value added and output do not belong together: correct them"
        )
    return frame
