"""The figures of a study of drivers."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from carbonflows.change.vertices import By
from carbonflows.study.drivers.found import VIEW_NAMES, Drivers
from carbonflows.study.drivers.steps import VIEWS
from carbonflows.study.drivers.years import WORLD
from carbonflows.study.outcome import Picture, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 16
"""Regions whose accounts are drawn."""
PANELS = 6
"""Waterfalls in a figure: three lines of two fit a page."""


def pictures(found: Drivers, largest: int) -> Iterator[Picture]:
    """Draw the world, then the regions or groups that changed most.

    Parameters
    ----------
    found : Drivers
    largest : int
        How many regions or groups have panels of their own.

    Yields
    ------
    Picture
    """
    yield drawn(
        "drivers_world", ("drivers_cumulated", "accounts"),
        "World: each factor's effect, summed over the steps between years. Whiskers are the least "
        "and most over all orders in which the factors of each step can change.",
        lambda: _waterfall(found, "drivers_cumulated", "demand", WORLD),
    )  # fmt: skip
    yield drawn(
        "drivers_world_one_step", ("drivers_first_last", "accounts"),
        f"World: the same in one step from {found.years[0]} to {found.years[-1]}. The further two "
        "years are apart, the more an effect depends on what has changed before it.",
        lambda: _waterfall(found, "drivers_first_last", "demand", WORLD),
    )  # fmt: skip
    yield drawn(
        "contributions_world", ("drivers_steps", "accounts"),
        f"World: what each factor added since {found.years[0]}.",
        lambda: _contributions(found, "demand", [WORLD]),
    )  # fmt: skip
    if found.regions == [WORLD]:
        return
    for view, column in VIEWS.items():
        chosen = list(found.changed(view).index[:largest])
        if chosen:
            yield drawn(
                f"contributions_{column}", ("drivers_steps", "accounts"),
                f"What each factor added to {VIEW_NAMES[view]} emissions since {found.years[0]}, "
                "for those that changed most.",
                partial(_contributions, found, view, chosen),
            )  # fmt: skip
    many = len(found.regions) > MOST
    yield drawn(
        "accounts", ("accounts",),
        "Production- and consumption-based emissions by year"
        f"{f', of the {MOST} that emitted most in {found.years[-1]}' if many else ''}.",
        lambda: _accounts(found),
    )  # fmt: skip
    for view in VIEWS:
        for stem, regions in panels_of(found, view, largest):
            yield drawn(
                stem, ("drivers_cumulated", "accounts"),
                f"What drove {VIEW_NAMES[view]} emissions, summed over the steps between years: "
                f"{', '.join(found.names[region] for region in regions)}.",
                partial(_waterfalls, found, view, regions),
            )  # fmt: skip


def panels_of(found: Drivers, view: By, largest: int) -> list[tuple[str, list[str]]]:
    """Share out the regions or groups that changed most to figures of a page each.

    Parameters
    ----------
    found : Drivers
    view : {"demand", "source"}
    largest : int
        How many have panels of their own.

    Returns
    -------
    list of (str, list of str)
        File name without ending and regions of each figure.
    """
    chosen = list(found.changed(view).index[:largest])
    pages = [chosen[start : start + PANELS] for start in range(0, len(chosen), PANELS)]
    stem = f"drivers_{VIEWS[view]}"
    return [(f"{stem}_{i}" if i > 1 else stem, page) for i, page in enumerate(pages, 1)]


def _waterfall(found: Drivers, table: str, view: By, region: str) -> "Figure":
    """Draw the emissions of the first year, each factor's effect, and those of the last year."""
    from carbonflows.figures.effects import effects

    rows = found.effects(table, view, region)
    account = found.account(view)[region]
    first, last = (float(account[found.years[end]]) for end in (0, -1))
    one = table == "drivers_first_last"
    ranged = rows[["least", "most"]][rows["most"] > rows["least"]]
    what = "emissions" if region == WORLD else f"{VIEW_NAMES[view]} emissions"
    how = "in one step" if one else "step by step"
    caveat = found.caveat_whole if one else found.caveat
    return effects(
        pd.Series({**rows["effect"], "change": last - first}), first=first, last=last,
        years=(found.years[0], found.years[-1]), unit=found.gas, spread=ranged,
        column_names=_names(found, rows.index),
        title=f"{found.names[region]}: what drove {what}, {found.span}",
        subtitle=_subtitle(f"Structural decomposition, {how}", caveat),
        source=_source(found),
    )  # fmt: skip


def _waterfalls(found: Drivers, view: By, regions: Sequence[str]) -> "Figure":
    """Draw the same for several regions, a panel for each."""
    from carbonflows.figures.effect_panels import effect_panels

    each = {region: found.effects("drivers_cumulated", view, region) for region in regions}
    account = found.account(view)[list(regions)]
    first, last = (pd.Series(account.loc[found.years[end]]) for end in (0, -1))
    frame = pd.DataFrame({region: rows["effect"] for region, rows in each.items()}).T
    frame = frame.reindex(columns=next(iter(each.values())).index).assign(change=last - first)
    spread = pd.concat({region: rows[["least", "most"]] for region, rows in each.items()})
    return effect_panels(
        frame, first=first, last=last, years=(found.years[0], found.years[-1]), unit=found.gas,
        spread=spread[spread["most"] > spread["least"]],
        labels=dict(found.names), column_names=_names(found, frame.columns[:-1]),
        title=f"What drove {VIEW_NAMES[view]} emissions, {found.span}",
        subtitle=_subtitle("Structural decomposition, step by step", found.caveat),
        source=_source(found),
    )  # fmt: skip


def _contributions(found: Drivers, view: By, regions: Sequence[str]) -> "Figure":
    """Draw what factors added over the years, a panel for each of several regions."""
    from carbonflows.figures.contributions import contributions

    steps, checks = found.tables["drivers_steps"], found.tables["checks"]
    steps = steps[(steps["view"] == view) & steps["region"].isin(regions)]
    factors = list(dict.fromkeys(steps["factor"]))
    wide = steps.pivot_table(
        index=["year", "region"], columns="factor", values="effect", fill_value=0.0, sort=False
    )[factors]
    checks = checks[(checks["route"] == "step") & (checks["view"] == view)]
    wide["change"] = checks.set_index(["year", "region"])["change"].reindex(wide.index)
    order = pd.MultiIndex.from_product([found.years[1:], list(regions)], names=["year", "region"])
    wide = wide.reindex(order)
    wide.attrs = {}  # the caveat is in the subtitle
    alone = regions[0] if len(regions) == 1 else None
    what = "emissions" if alone == WORLD else f"{VIEW_NAMES[view]} emissions"
    return contributions(
        wide if alone is None else wide.droplevel("region"), unit=found.gas,
        first=found.years[0],
        labels=dict(found.names), column_names=_names(found, factors),
        title=f"{'What' if alone is None else found.names[alone] + ': what'} drove {what}, "
        f"{found.span}",
        subtitle=_subtitle("Structural decomposition, step by step", found.caveat),
        source=_source(found),
    )  # fmt: skip


def _accounts(found: Drivers) -> "Figure":
    """Draw production and consumption over the years, a panel for each region."""
    from carbonflows.figures.series import series

    table = found.tables["accounts"]
    last = pd.Series(found.account("source")[found.regions].loc[found.years[-1]])
    chosen = last.sort_values(ascending=False, kind="stable").index[:MOST]
    table = table[table["region"].isin(chosen)].set_index(["year", "region"])
    return series(
        table[list(VIEWS.values())[::-1]], unit=found.gas, panels="label",
        labels=dict(found.names),
        column_names={name: name.capitalize() for name in VIEWS.values()},
        heading="Emissions", title=f"Emissions by production and by consumption, {found.span}",
        source=_source(found),
    )  # fmt: skip


def _names(found: Drivers, factors: Sequence[str] | pd.Index) -> dict[str, str]:
    return {name: found.factor(name)[0] for name in factors}


def _subtitle(what: str, caveat: str) -> str:
    """Say how, and what prices do."""
    return f"{what}. {caveat[:1].upper()}{caveat[1:]}".rstrip(" ") if caveat else what


def _source(found: Drivers) -> str:
    return f"Source: {found.label}, carbonflows"
