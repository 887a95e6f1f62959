"""The tables of a study of drivers, from what each year and each step came to."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from carbonflows.diagnosis import LEVELS, Diagnosis
from carbonflows.study.drivers.steps import VIEWS
from carbonflows.study.drivers.years import WORLD

KEYS = ["view", "region", "factor"]
NUMBERS = ["effect", "least", "most"]


def driver_tables(
    accounts: Mapping[int, pd.DataFrame],
    steps: Sequence[Mapping[str, Any]],
    whole: Mapping[str, Any],
) -> dict[str, pd.DataFrame]:
    """Put years and steps together.

    Parameters
    ----------
    accounts : mapping of int to DataFrame
        Account of each year, with the column ``region``.
    steps : sequence of dict
        What `step_effects` found for each step, in order.
    whole : dict
        The same for the one step from the first year to the last.

    Returns
    -------
    dict of str to DataFrame
        ``drivers_steps``, ``drivers_cumulated``, ``drivers_first_last``, ``drivers_methods``,
        ``accounts`` and ``checks``. Their first column is ``year``, of steps the one that they end
        in; ``since`` is the one that they start from.
    """
    years = list(accounts)
    stepped = pd.concat(
        [
            _dated(step["effects"], year, since)
            for step, (since, year) in zip(steps, pairwise(years), strict=True)
        ],
        ignore_index=True,
    )
    every = stepped[KEYS].drop_duplicates()
    # A factor that a step does not have, such as an imbalance, has no effect there.
    summed = pd.concat(
        [
            _dated(_sums(stepped[stepped["year"] <= year], every), year, years[0])
            for year in years[1:]
        ],
        ignore_index=True,
    )
    chained = summed[summed["year"] == years[-1]].set_index(KEYS)["effect"]
    every = pd.concat([every, whole["effects"][KEYS]]).drop_duplicates()
    one = _dated(_sums(whole["effects"], every), years[-1], years[0])
    one["chained"] = chained.reindex(pd.MultiIndex.from_frame(one[KEYS]), fill_value=0.0).array
    one["difference"] = one["chained"] - one["effect"]
    return {
        "drivers_steps": stepped,
        "drivers_cumulated": summed,
        "drivers_first_last": one,
        "drivers_methods": _methods(years, steps, whole),
        "accounts": pd.concat(
            [accounts[year].assign(year=year)[["year", *accounts[year]]] for year in years],
            ignore_index=True,
        ),
        "checks": _checks(accounts, stepped, summed, one),
    }


def _dated(effects: pd.DataFrame, year: int, since: int) -> pd.DataFrame:
    """Put in front the years that effects lie between."""
    return effects.assign(year=year, since=since)[["year", "since", *effects.columns]]


def _sums(effects: pd.DataFrame, every: pd.DataFrame) -> pd.DataFrame:
    """Sum effects over steps; least and most too, since each step has its own order."""
    found = effects.groupby(KEYS, sort=False)[NUMBERS].sum()
    return found.reindex(pd.MultiIndex.from_frame(every), fill_value=0.0).reset_index()


def _methods(
    years: Sequence[int], steps: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]
) -> pd.DataFrame:
    """The world's effects by method: of the one step, and of all steps summed where all have it."""
    names = ["method", "factor"]
    one = whole["methods"].set_index(names)["effect"]
    chain = pd.concat([step["methods"] for step in steps])
    counts = chain.groupby("method")["factor"].agg(lambda f: int((f == "direct").sum()))
    there = chain[chain["method"].isin(counts.index[counts == len(steps)])]
    parts = {"chained": there.groupby(names, sort=False)["effect"].sum(), "first to last": one}
    found = pd.concat(parts, names=["route"]).reset_index()
    shapley = found[found["method"] == "shapley"].set_index(["route", "factor"])["effect"]
    at = pd.MultiIndex.from_frame(found[["route", "factor"]])
    found["difference"] = found["effect"] - shapley.reindex(at).array
    found.insert(0, "year", years[-1])
    found.insert(1, "since", years[0])
    return found


def _checks(
    accounts: Mapping[int, pd.DataFrame],
    stepped: pd.DataFrame,
    summed: pd.DataFrame,
    one: pd.DataFrame,
) -> pd.DataFrame:
    """Sums of effects beside the change between two accounts, and the gap relative to the world."""
    indexed = {year: account.set_index("region") for year, account in accounts.items()}
    final = summed[summed["year"] == summed["year"].max()]
    columns: dict[str, str] = dict(VIEWS.items())
    rows = []
    for route, effects in (("step", stepped), ("chained", final), ("first to last", one)):
        sums = effects.groupby(["year", "since", "view", "region"], sort=False)["effect"].sum()
        for (year, since, view, region), total in sums.items():  # type: ignore[misc]
            ends = [indexed[y][columns[str(view)]] for y in (since, year)]
            change = float(ends[1][region] - ends[0][region])
            scale = max(float(end[WORLD]) for end in ends)
            gap = abs(float(total) - change)
            rows.append(
                {
                    "year": year, "since": since, "route": route, "view": view, "region": region,
                    "change": change, "effects": float(total),
                    "gap": gap / scale if scale else gap,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def summed_diagnosis(label: str, findings: Mapping[int, pd.DataFrame]) -> Diagnosis:
    """Say of each check the worst that any year has.

    Parameters
    ----------
    label : str
        What the tables are called together.
    findings : mapping of int to DataFrame
        Findings of each year.

    Returns
    -------
    Diagnosis
        One finding per check: that of the worst level and among those of the largest value, with
        its year, and in how many years the level is the same.
    """
    rows = pd.concat(
        [frame.assign(year=year) for year, frame in findings.items()], ignore_index=True
    )
    rows["rank"] = rows["level"].map(LEVELS.index)
    rows["size"] = rows["value"].abs().fillna(-1.0)
    found = []
    for check, same in rows.groupby("check", sort=False):
        bad = same[same["rank"] == same["rank"].max()]
        worst = bad.loc[bad["size"].idxmax()]
        count = bad["year"].nunique()
        when = str(worst["year"])
        if worst["level"] != LEVELS[0]:
            when += f"; in {count} of {len(findings)} years"
        detail = f"{worst['detail']} ({when})" if worst["detail"] else when
        found.append(
            {
                "level": worst["level"], "check": check, "value": worst["value"],
                "unit": worst["unit"], "detail": detail,
            }
        )  # fmt: skip
    return Diagnosis(label, pd.DataFrame(found))
