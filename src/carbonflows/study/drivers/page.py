"""What the report of a study of drivers says: its headlines, tables and sentences."""

from typing import Any

import numpy as np
import pandas as pd

from carbonflows.change.vertices import By
from carbonflows.figures.wording import counted, decimals, number
from carbonflows.study.drivers.found import FACTORS, LMDI, VIEW_NAMES, Drivers
from carbonflows.study.drivers.pictures import panels_of
from carbonflows.study.drivers.steps import VIEWS
from carbonflows.study.drivers.years import WORLD
from carbonflows.study.html import html_table
from carbonflows.study.year_words import absent_years, listed_years

ENOUGH = 1e-9
"""Gap relative to the world's emissions up to which effects are said to sum to the change."""
LEAST = 1e-12
"""Smallest bound that is stated for the gap."""
INFLATED = (
    "A rising price raises the level of demand and lowers emission intensity by as much, without "
    "any change in what is made"
)


def headlines(found: Drivers) -> list[str]:
    """Lines worth knowing.

    Parameters
    ----------
    found : Drivers

    Returns
    -------
    list of str
    """
    gas = found.gas
    account = found.account("demand" if WORLD in found.regions else "source")[WORLD]
    first, last = (float(account[found.years[end]]) for end in (0, -1))
    change = last - first
    verb = "rose" if change >= 0 else "fell"
    share = f" ({number(100 * change / first, 1, sign=True)} %)" if first else ""
    chained = found.effects("drivers_cumulated", "demand", WORLD)
    two = list(chained["effect"].abs().sort_values(ascending=False, kind="stable").index[:2])
    one = found.effects("drivers_first_last", "demand", WORLD)
    steps = counted(len(found.years) - 1, "step")
    lines = [
        f"{found.label}: world emissions {verb} by {_amount(abs(change))} {gas}{share}, from "
        f"{_amount(first)} to {_amount(last)}.",
        f"Largest drivers, summed over {steps}: {_two(found, chained, two)} {gas}; in brackets the "
        "least and most over all orders of change.",
    ]
    if len(found.years) > 2:
        lines.append(
            f"In one step from {found.years[0]} to {found.years[-1]} the same come to "
            f"{_two(found, one, two)} {gas}: the further two years are apart, the more effects "
            "depend on the order of change."
        )
    lines += _ends(found)
    if found.caveat:
        lines.append(f"{_capital(found.caveat)}. {INFLATED}.")
    else:
        lines.append(
            "Prices: steps are taken in the previous year's prices, which are outside the factors."
            if found.previous
            else "Prices: all years are in the same prices, which are outside the factors."
        )
    lines.append(_gap(found))
    if found.absent:
        lines.append(
            f"{absent_years(found.absent)} Steps lead from one year that is there to the next."
        )
    return lines


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _amount(value: float, *, sign: bool = False) -> str:
    return number(value, decimals([value]), sign=sign)


def _two(found: Drivers, effects: pd.DataFrame, factors: list[str]) -> str:
    """Say the effects of some factors with their ranges."""
    said = []
    for name in factors:
        effect, least, most = (float(effects[c][name]) for c in ("effect", "least", "most"))
        said.append(
            f"{found.factor(name)[0].lower()} {_amount(effect, sign=True)} "
            f"({_amount(least, sign=True)} to {_amount(most, sign=True)})"
        )
    return " and ".join(said)


def _ends(found: Drivers) -> list[str]:
    """Say who rose and who fell most, by consumption and by production."""
    said = []
    for view in VIEWS:
        change = found.changed(view)
        change = change[[region for region in change.index if region in found.single]]
        if WORLD in change.index or not len(change):
            return []
        up, down = str(change.idxmax()), str(change.idxmin())
        parts = [
            f"{verb} most in {found.names[region]} ({_amount(change[region], sign=True)} "
            f"{found.gas})"
            for verb, region, there in (
                ("rose", up, change[up] > 0), ("fell", down, change[down] < 0)
            )
            if there
        ]  # fmt: skip
        if parts:
            said.append(f"{VIEW_NAMES[view].capitalize()} emissions {' and '.join(parts)}.")
    return said


def _gap(found: Drivers) -> str:
    checks = found.tables["checks"]
    sums = counted(len(checks), "sum")
    if found.gap <= ENOUGH:
        return (
            f"All {sums} of effects equal the change between two accounts within "
            f"{_bound(found.gap)} of the world's emissions."
        )
    worst = checks.loc[checks["gap"].idxmax()]
    return (
        f"Effects do not sum to the change: they miss it by {worst['gap']:.1e} of the world's "
        f"emissions at {found.names[str(worst['region'])]} in {worst['year']} "
        f"({worst['route']}); see checks.csv."
    )


def _bound(gap: float) -> str:
    """Round a gap up to a power of ten: rounding errors differ between machines, this does not."""
    return f"{10.0 ** np.ceil(np.log10(max(gap, LEAST))):.0e}"


def drivers_page(found: Drivers, largest: int) -> dict[str, Any]:
    """Give the template of drivers its tables as HTML and its sentences.

    Parameters
    ----------
    found : Drivers
    largest : int
        How many regions or groups have panels of their own.

    Returns
    -------
    dict
    """
    from markupsafe import Markup

    tables: dict[str, str] = {
        "factors": html_table(_words(found)),
        "world": html_table(_world(found), f"World, {found.span}, {found.gas}"),
        "steps": html_table(_steps(found), f"World, step by step, {found.gas}", digits=1),
        "methods": html_table(_methods(found), f"World by method, {found.gas}"),
        "index": html_table(_index(found), f"World by index decomposition (LMDI-I), {found.gas}"),
        "accounts": html_table(_accounts(found), f"Emissions, {found.gas}"),
        "checks": html_table(_checks(found), "Sums of effects beside the change", digits=None),
        **{
            view: html_table(
                _regions(found, view),
                f"{VIEW_NAMES[view].capitalize()} emissions, {found.span}, {found.gas}",
            )
            for view in VIEWS
        },
    }
    apart = found.regions != [WORLD]
    sections = [
        ("drivers", "The world"), ("regions", "Regions and groups"), ("methods", "Methods"),
        ("sums", "Checks"), ("table", "The tables"), ("provenance", "Provenance"),
    ]  # fmt: skip
    stems = {view: [stem for stem, _ in panels_of(found, view, largest)] for view in VIEWS}
    return {
        **{name: Markup(text) for name, text in tables.items()},
        "sections": [s for s in sections if apart or s[0] != "regions"],
        "apart": apart,
        "stems": stems,
        "caveat": _capital(found.caveat),
        "caveat_whole": found.caveat_whole,
        "inflated": INFLATED,
        "lacking": found.lacking,
        "per_head": found.per_head,
        "previous": found.previous,
        "gap": _bound(found.gap),
        "span": found.span,
        "years": listed_years(found.years),
        "absent": absent_years(found.absent),
    }


def _words(found: Drivers) -> pd.DataFrame:
    """What each factor is, of those that there are."""
    there = set(found.tables["drivers_first_last"]["factor"])
    there |= set(found.tables["drivers_methods"]["factor"]) & set(LMDI)
    words = [found.factor(name) for name in FACTORS if name in there]
    return pd.DataFrame(words, columns=["Factor", "What changes"])


def _world(found: Drivers) -> pd.DataFrame:
    one = found.effects("drivers_first_last", "demand", WORLD)
    chained = found.effects("drivers_cumulated", "demand", WORLD).reindex(one.index)
    return pd.DataFrame(
        {
            "Factor": [found.factor(str(name))[0] for name in one.index],
            "Step by step": one["chained"].to_numpy(),
            "Least": chained["least"].to_numpy(),
            "Most": chained["most"].to_numpy(),
            "In one step": one["effect"].to_numpy(),
            "Least ": one["least"].to_numpy(),
            "Most ": one["most"].to_numpy(),
        }
    )


def _wide(found: Drivers, rows: pd.DataFrame, at: str) -> pd.DataFrame:
    """Effects with a column per factor and their sum."""
    factors = list(dict.fromkeys(rows["factor"]))
    wide = rows.pivot_table(
        index=at, columns="factor", values="effect", fill_value=0.0, sort=False
    )[factors]
    wide.columns = pd.Index([found.factor(str(name))[0] for name in factors])
    wide["Change"] = wide.sum(axis=1)
    return wide


def _steps(found: Drivers) -> pd.DataFrame:
    rows = found.tables["drivers_steps"]
    rows = rows[(rows["view"] == "demand") & (rows["region"] == WORLD)]
    wide = _wide(found, rows, "year")
    since = rows.groupby("year")["since"].first()
    wide.insert(0, "Step", [f"{since[year]}–{year}" for year in wide.index])
    return wide


def _regions(found: Drivers, view: By) -> pd.DataFrame:
    rows = found.tables["drivers_cumulated"]
    rows = rows[(rows["view"] == view) & (rows["year"] == found.years[-1])]
    order = [*found.changed(view).index, WORLD]
    wide = _wide(found, rows, "region").reindex(list(dict.fromkeys(order)))
    wide.insert(0, "Region", [found.names[str(region)] for region in wide.index])
    return wide


def _methods(found: Drivers) -> pd.DataFrame:
    """Shapley beside polar, of all steps and of the one step."""
    rows = found.tables["drivers_methods"]
    rows = rows[rows["method"] != "lmdi"]
    wide = rows.pivot_table(
        index="factor", columns=["route", "method"], values="effect", sort=False
    )
    found_by = {"Factor": [found.factor(str(name))[0] for name in wide.index]}
    for route, head in (("chained", "step by step"), ("first to last", "in one step")):
        shapley, polar = (wide[route][method] for method in ("shapley", "polar"))
        found_by[f"Shapley, {head}"] = list(shapley)
        found_by[f"Polar, {head}"] = list(polar)
        found_by[f"Polar less Shapley, {head}"] = list(polar - shapley)
    return pd.DataFrame(found_by)


def _index(found: Drivers) -> pd.DataFrame:
    rows = found.tables["drivers_methods"]
    rows = rows[rows["method"] == "lmdi"]
    routes = {"chained": "Step by step", "first to last": "In one step"}
    wide = rows.pivot_table(index="factor", columns="route", values="effect", sort=False)
    wide = wide.rename(columns=routes)
    wide.insert(0, "Factor", [found.factor(str(name))[0] for name in wide.index])
    return wide


def _accounts(found: Drivers) -> pd.DataFrame:
    """First and last year of each region, by production and by consumption."""
    columns: dict[str, Any] = {}
    order = [*found.changed("demand").index, WORLD]
    order = list(dict.fromkeys(order))
    columns["Region"] = [found.names[region] for region in order]
    for view, column in reversed(VIEWS.items()):
        account = found.account(view)[order]
        first, last = (pd.Series(account.loc[found.years[end]]) for end in (0, -1))
        name = column.capitalize()
        columns[f"{name} {found.years[0]}"] = first.to_numpy()
        columns[f"{name} {found.years[-1]}"] = last.to_numpy()
        columns[f"{name}, change [%]"] = (100 * (last / first.where(first != 0) - 1)).to_numpy()
    return pd.DataFrame(columns)


def _checks(found: Drivers) -> pd.DataFrame:
    checks = found.tables["checks"]
    said = checks.groupby(["route", "view"], sort=False)["gap"].agg(["size", "max"]).reset_index()
    said["route"] = [str(route).capitalize() for route in said["route"]]
    said["view"] = said["view"].map(VIEW_NAMES).str.capitalize()
    said["max"] = said["max"].map(_bound)
    said.columns = pd.Index(["Route", "Emissions", "Sums", "Gaps up to [1]"])
    return said
