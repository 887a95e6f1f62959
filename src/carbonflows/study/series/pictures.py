"""The figures of a series: lines over years."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from carbonflows.errors import some
from carbonflows.study.flows.pictures import words
from carbonflows.study.outcome import Picture, drawn
from carbonflows.study.series.page import MEASURES, Series, by_years

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GROSS = ("footprint", "eebt", "throughflow")
MOST_LINES = 7
"""Labels that are drawn in colour and by name; all others are thin grey lines."""
MOST_PANELS = 12
"""Labels that get a panel of production and consumption."""


def series_pictures(found: Series) -> Iterator[Picture]:
    """Draw the figures of a series one after the other.

    Parameters
    ----------
    found : Series

    Yields
    ------
    Picture
    """
    from carbonflows.figures.series import gap_series, series

    source = f"Source: {found.span}, carbonflows"
    accounts = "accounts_groups" if "accounts_groups" in found.tables else "accounts"
    world = "world_share_groups" if "world_share_groups" in found.tables else "world_share"
    most = _largest(found.wide("production"), MOST_PANELS)
    cut = f" The {MOST_PANELS} that emit most." if len(found.names) > len(most) else ""
    both = found.at("accounts").set_index(["year", "region"])[["production", "consumption"]]
    both = both[both.index.get_level_values("region").isin(most)]
    yield drawn(
        "production_and_consumption", (accounts,),
        f"Emissions where they occur and emissions that final demand causes, by {found.noun}; what "
        f"lies between is net trade.{cut}",
        lambda: gap_series(
            both, unit=found.gas, labels=found.names, source=source, heading="Emissions",
            title="Production and consumption over time",
            subtitle=f"Emissions by {found.noun}, {found.span}",
        ),
    )  # fmt: skip
    yield _lines(
        found, "net_exports_over_time", (accounts,), found.wide("net_exports"), found.gas,
        f"Net exports of embodied emissions by {found.noun}; below zero are net imports.",
        "Net exports over time", "Net exports",
    )  # fmt: skip
    yield drawn(
        "traded_share", (world,),
        f"Share of world emissions that crosses a border between {found.noun}s, by measure: caused "
        "by final demand abroad (footprint), emitted for everything shipped (EEBT), counted at "
        "every border (throughflow).",
        lambda: series(
            found.shares()[list(GROSS)], unit="%", labels=MEASURES, source=source,
            heading="Share of world emissions", title="How much of emissions is traded",
            subtitle=f"Three measures of the same trade, {found.span}",
        ),
    )  # fmt: skip
    if "ladder" in found.tables:
        steps = found.tables["ladder"].groupby("year")[list(GROSS)].sum()
        yield drawn(
            "measures_over_time", ("ladder",),
            "Gross exports of carbon of all regions together under three measures.",
            lambda: series(
                steps, unit=found.gas, labels=MEASURES, source=source, heading="Gross exports",
                title="Three measures of traded carbon over time",
                subtitle=f"Gross exports, {found.span}",
            ),
        )  # fmt: skip
    if "intensities" in found.tables:
        yield from _intensity_picture(found)
    if "sector_totals" in found.tables:
        totals = found.tables["sector_totals"]
        apart = totals.assign(share=100 * totals["emitted_and_consumed_apart"] / totals["total"])
        yield _lines(
            found, "sectors_over_time", ("sector_totals",), by_years(totals, "sector", "total"),
            found.gas,
            "Emissions on supply chains through each sector of the study; they overlap and must "
            "not be added up.", "Carbon of each sector over time", "Emissions",
        )  # fmt: skip
        yield _lines(
            found, "sectors_apart", ("sector_totals",), by_years(apart, "sector", "share"), "%",
            "Share of each sector's carbon that is consumed in another region than it was emitted "
            "in.", "How international each sector is", "Consumed in another region",
        )  # fmt: skip


def _lines(
    found: Series, stem: str, tables: tuple[str, ...], wide: pd.DataFrame, unit: str, caption: str,
    title: str, heading: str,
) -> Picture:  # fmt: skip
    """Draw a line for each column, the largest in colour; what is not known leaves a gap."""
    from carbonflows.figures.series import series

    large = _largest(wide, MOST_LINES)
    many = len(wide.columns) > len(large)
    tidy = pd.Series(wide.stack(future_stack=True)).dropna().to_frame("")  # noqa: PD013

    def draw() -> "Figure":
        return series(
            tidy, unit=unit, labels=found.names, emphasised=large if many else (), heading=heading,
            panels="quantity", title=title, subtitle=found.span,
            source=f"Source: {found.span}, carbonflows",
        )  # fmt: skip

    return drawn(stem, tables, caption, draw)


def _intensity_picture(found: Series) -> Iterator[Picture]:
    """Draw production intensity: per GDP where that is given, else as the study has it."""
    tidy = found.at("intensities")
    rows = tidy[tidy["kind"] == "production"]
    offered = set(rows["denominator"])
    per = "gdp" if "gdp" in offered else found.study.intensity.production
    rows = rows[rows["denominator"] == per]
    units = list(rows["unit"].unique())
    if len(units) != 1:
        caption = f"Intensity: not drawn. Its unit is {some(units)}, not the same in all years."
        yield Picture("intensity_over_time", None, caption, ("intensities",))
        return
    wide = by_years(rows, "region", "value")
    emitted = _largest(found.wide("production"), MOST_LINES)
    chosen = wide[[label for label in wide.columns if label in emitted]]
    mass, _, per_unit = units[0].partition("/")
    unit = units[0] if found.stressor in mass else f"{mass} {found.stressor}/{per_unit}"
    yield _lines(
        found, "intensity_over_time", ("intensities",), chosen, unit,
        f"Emissions per {words(per)} of the {found.noun}s that emit most. Money is that of each "
        "year: prices and exchange rates move these lines too.",
        f"Emissions per {words(per)} over time", "Intensity",
    )  # fmt: skip


def _largest(wide: pd.DataFrame, most: int) -> list[Any]:
    """Labels with the largest mean amount over the years, the largest first."""
    order = wide.abs().mean().sort_values(ascending=False, kind="stable")
    return list(order.index[:most])
