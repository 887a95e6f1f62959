"""Why emissions changed: intensity, technology, sourcing, mix, level and population."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition, stated
from carbonflows.accounts.flows import embodied
from carbonflows.change.comparable import Prices, both_emissions, comparable
from carbonflows.change.items import items, keeps, told
from carbonflows.change.panel import Panel, naming
from carbonflows.change.shapley import orders, polar, shapley
from carbonflows.change.vertices import By, Corners, people_of
from carbonflows.errors import DataError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.work import Work

Average: TypeAlias = Literal["shapley", "polar"]

FACTORS = ("intensity", "technology", "sourcing", "mix", "level", "population")
"""Factors from the finest split; without population, level is that of the whole region."""


def decompose(
    before: Leontief,
    after: Leontief,
    stressor: str | Sequence[str] | None = None,
    *,
    by: By = "demand",
    factors: Sequence[str] | None = None,
    population: tuple[pd.Series, pd.Series] | None = None,
    method: Average = "shapley",
    grouping: Grouping | None = None,
    spread: bool = False,
    prices: Prices = "same",
    households: bool | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Split the change in emissions between two years into what drove it.

    Parameters
    ----------
    before, after : Leontief
        Systems with the same regions, sectors and categories.
    stressor : str or sequence of str, optional
        See `emissions`.
    by : {"demand", "source", "both"}
        Whose emissions: of the region that consumes (footprint), of the region that emits, or of
        each pair of them.
    factors : sequence of str, optional
        What to tell apart, in the order of the polar method: ``intensity`` (emissions per output),
        ``technology`` (inputs per output, from wherever) and ``sourcing`` (origin shares of
        inputs), or ``inputs`` for both; ``mix`` (shares of products and origins in final demand),
        ``level`` and ``population``, or ``demand`` for all of them. Default: all but population,
        and population if it is given.
    population : tuple of two Series, index region, optional
        People before and after. With it, ``level`` is final demand per head.
    method : {"shapley", "polar"}
        Mean over all orders of change, or over the given order and its reverse.
    grouping : Grouping, optional
        Groups instead of regions in the rows; effects are those of the regions, summed.
    spread : bool
        Add ``<factor>_least`` and ``<factor>_most``, the extremes over all orders.
    prices : {"same", "mixed"}
        See `comparable`.
    households : bool, optional
        Include direct emissions of final users (default).
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``, or ``source_region`` and ``demand_region``
        Effect of each factor, ``direct`` (emissions of final users and of nodes without output),
        ``imbalance`` (emissions of output that the table's rows do not account for; by source and
        for tables whose output is not from rows) and ``change``, their sum [emission unit].
        ``attrs["caveat"]`` says what prices do, ``attrs["gap"]`` how far the parts are from the
        change measured on the two tables, relative to the larger total.

    Raises
    ------
    LabelError, UnitError
        Tables that cannot be compared; see `comparable`.
    DataError
        Unknown or contradicting choices, or shares that do not exist.
    SingularSystem
        A mixture of old and new inputs that is not productive.

    Notes
    -----
    ``E = k L Y`` with ``A^{rs} = C^{rs} ∘ A^{.s}`` and ``Y_s = mix_s · level_s · population_s``.
    What nodes without output buy counts as final demand, all categories are added up.

    References
    ----------
    Dietzenbacher and Los 1998, Econ. Syst. Res. 10:307; Xu and Dietzenbacher 2014, Ecol. Econ.
    101:10 (technology and sourcing).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> old = two_regions()
    >>> new = old.replace(Y=old.Y * 1.1, Z=old.Z * 1.1)  # the same emissions with 10 % more output
    >>> parts = decompose(Leontief(old), Leontief(new))
    >>> parts.loc["A", ["intensity", "technology", "level", "change"]].abs().round(3).tolist()
    [4.264, 0.0, 4.264, 0.0]
    """
    _require_choices(by, method)
    after, caveat = comparable(before, after, prices=prices)
    table = before.table
    names = _factors(factors, population is not None)
    loads = both_emissions(table, after.table, stressor, households=households, unit=unit)
    part = partition(table, grouping)
    corners = Corners(
        systems=(before, after),
        intensity=(loads[0].per_output(table), loads[1].per_output(after.table)),
        people=people_of(population, table.regions),
        factors=names,
        by=by,
        part=part,
    )
    average = shapley if method == "shapley" else polar
    effects = average(corners, len(names))
    index = _index(part, by)
    frame = pd.DataFrame({f: e.ravel() for f, e in zip(names, effects, strict=True)}, index)
    direct = _direct(loads[1], after, part) - _direct(loads[0], before, part)
    frame["direct"] = (np.diag(direct) if by == "both" else direct).ravel()
    measured = _measured(after, loads[1], by, part) - _measured(before, loads[0], by, part)
    if by == "source" and {table.output, after.table.output} != {"rows"}:
        made = [_driven(s, e, by, part) for s, e in zip((before, after), loads, strict=True)]
        frame["imbalance"] = measured - (made[1] - made[0])
    change = measured.ravel() + frame["direct"].to_numpy()
    scale = max(float(np.abs(e.production).sum()) for e in loads)
    gap = np.abs(frame.sum(axis=1).to_numpy() - change).max(initial=0.0)
    frame["change"] = change
    if spread:
        least, most = orders(corners, len(names))
        for i, name in enumerate(names):
            frame[f"{name}_least"] = least[i].ravel()
            frame[f"{name}_most"] = most[i].ravel()
    frame = stated(frame, after, loads[1], part, f"change of emissions by {by}, by factor")
    frame.attrs |= {
        "table": f"{table.label} to {after.table.label}",
        "method": method,
        "factors": names,
        "caveat": caveat,
        "gap": float(gap / scale) if scale else 0.0,
    }
    return frame


def chained(
    systems: Sequence[Leontief] | Panel,
    stressor: str | Sequence[str] | None = None,
    *,
    previous_prices: Mapping[int, Leontief] | Panel | None = None,
    population: Mapping[int, pd.Series] | None = None,
    by: By = "demand",
    factors: Sequence[str] | None = None,
    method: Average = "shapley",
    grouping: Grouping | None = None,
    spread: bool = False,
    prices: Prices = "same",
    households: bool | None = None,
    unit: str | None = None,
    work: Work | None = None,
) -> pd.DataFrame:
    """Decompose each step of a series of years.

    Parameters
    ----------
    systems : sequence of Leontief, or Panel
        Two or more, their tables' years rising. Of a panel two tables are in memory at a time, and
        the one in previous year's prices.
    stressor, by, factors, method, grouping, spread, prices, households, unit
        See `decompose`.
    previous_prices : mapping of int to Leontief, or Panel, optional
        The same years in the previous year's prices. The step into such a year is taken with it, so
        that price changes are not inside the factors.
    population : mapping of int to Series, optional
        People by region for each year.
    work : Work, optional
        Where the steps are worked on, and whether they are kept; for panels only.

    Returns
    -------
    DataFrame
        `decompose` of each step, with a first level ``year``, the year a step ends in. Sums over
        years are the change from the first to the last: cumulate with
        ``frame.groupby("region", sort=False).cumsum()``. ``attrs["caveat"]`` and ``attrs["gap"]``
        are of the worst step.

    Raises
    ------
    DataError
        Fewer than two systems, years that do not rise, a year without population, or work for
        systems that are not a panel.
    LabelError, UnitError
        See `decompose`.
    SourceError
        A member of a panel that cannot be read.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> old = two_regions()
    >>> tables = [old.replace(year=year, Y=old.Y * (year - 1999)) for year in (2000, 2001, 2002)]
    >>> chained([Leontief(table) for table in tables])["change"].unstack("region").shape
    (2, 2)
    """
    years = _panel_years(systems) if isinstance(systems, Panel) else _rising(systems)
    if population is not None and (missing := [y for y in years if y not in population]):
        raise DataError(f"population of {some(missing)} is missing: give a Series for each year")
    before = previous_prices or {}
    into = [int(year) for year in (before.labels if isinstance(before, Panel) else before)]
    if unknown := sorted(set(into) - set(years[1:])):
        raise DataError(
            f"previous_prices of {some(unknown)} belong to no step: steps end in {some(years[1:])}"
        )
    of = systems if isinstance(systems, Panel) else dict(zip(years, systems, strict=True))
    how = partial(
        decompose, stressor=stressor, by=by, factors=factors, method=method, grouping=grouping,
        spread=spread, prices=prices, households=households,
    )  # fmt: skip
    chain = _Chain(of, before, population or {}, how, unit)
    found = chain.here(years) if work is None else chain.spread(years, work)
    steps = {year: one["frame"] for year, one in zip(years[1:], found, strict=True)}
    attrs = [frame.attrs for frame in steps.values()]
    for frame in steps.values():
        frame.attrs = {}
    joined = pd.concat(steps, names=["year"])
    joined.attrs = attrs[0] | {
        "table": f"{found[0]['from']} to {found[-1]['to']}",
        "caveat": next((a["caveat"] for a in attrs if a["caveat"]), ""),
        "gap": max(a["gap"] for a in attrs),
    }
    return joined


@dataclass(frozen=True, eq=False)
class _Chain:
    """A series of years, and how each step between them is decomposed."""

    systems: Mapping[int, Leontief] | Panel
    into: Mapping[int, Leontief] | Panel
    population: Mapping[int, pd.Series]
    how: "partial[pd.DataFrame]"
    unit: str | None

    def here(self, years: Sequence[int]) -> list[dict[str, Any]]:
        """Take one step after the other; each system is solved once, two are there at a time."""
        found: list[dict[str, Any]] = []
        chain, before = self, _system(self.systems, years[0])
        for pair in pairwise(years):
            after = _system(self.systems, pair[1])
            found.append(chain.step(before, after, pair))
            chain, before = replace(self, unit=found[-1]["frame"].attrs["unit"]), after
        return found

    def spread(self, years: Sequence[int], work: Work) -> list[dict[str, Any]]:
        """Have the steps taken; each reads the two tables that it is between."""
        systems, into = self.systems, self.into
        if not isinstance(systems, Panel) or not (isinstance(into, Panel) or not into):
            raise DataError(
                "solved systems stay where they are: give systems and previous_prices as panels to "
                "have their steps worked on, or leave work out"
            )
        chain = self
        if self.unit is None:
            told_of = {name: self.how.keywords[name] for name in ("stressor", "households")}
            with naming(f"year {years[0]}"):
                chain = replace(self, unit=emissions(systems.table(years[0]), **told_of).unit)
        known = {one["member"]: one for one in items(systems, work)}
        priced = (
            {one["member"]: one for one in items(into, work)} if isinstance(into, Panel) else {}
        )
        steps = [
            {"tables": [known[earlier], known[year]], "into": priced.get(year)}
            for earlier, year in pairwise(years)
        ]
        key = None
        if keeps(work):
            key = {"chained": told([chain.how, chain.unit])}
            for step, pair in zip(steps, pairwise(years), strict=True):
                step["people"] = told(self.people(*pair))
        return work.results(_step, steps, what="steps", shared=chain, key=key)

    def step(self, before: Leontief, after: Leontief, years: tuple[int, int]) -> dict[str, Any]:
        """Decompose one step."""
        if years[1] in (self.into.labels if isinstance(self.into, Panel) else self.into):
            priced = _system(self.into, years[1])
        else:
            priced = after
        frame = self.how(before, priced, population=self.people(*years), unit=self.unit)
        return {"frame": frame, "from": before.table.label, "to": after.table.label}

    def people(self, earlier: int, year: int) -> tuple[pd.Series, pd.Series] | None:
        """People before and after, if they are given."""
        return (self.population[earlier], self.population[year]) if self.population else None


def _step(chain: _Chain, item: Mapping[str, Any]) -> dict[str, Any]:
    """Take one step wherever this runs."""
    earlier, year = (table["member"] for table in item["tables"])
    before, after = _system(chain.systems, earlier), _system(chain.systems, year)
    return chain.step(before, after, (earlier, year))


def _system(of: Mapping[int, Leontief] | Panel, year: int) -> Leontief:
    """Solved system of a year, read first if it is a panel's."""
    return Leontief(of.table(year)) if isinstance(of, Panel) else of[year]


def _panel_years(panel: Panel) -> list[int]:
    """Years of a panel, refused unless there is a step between them."""
    if panel.level != "year":
        raise DataError(f"a panel of level {panel.level!r} has no steps: give one of years")
    if len(panel) < 2:
        raise DataError(f"{len(panel)} table makes no step: give two years or more")
    return [int(year) for year in panel.labels]


def _rising(systems: Sequence[Leontief]) -> list[int]:
    """Years of the systems, refused unless they rise."""
    if len(systems) < 2:
        raise DataError(f"{len(systems)} system makes no step: give two years or more")
    years: list[int] = []
    for system in systems:
        year = system.table.year
        if year is None or (years and year <= years[-1]):
            raise DataError(
                f"year {year} of {system.table.label} does not follow "
                f"{years[-1] if years else 'any'}: give each table its year, in order"
            )
        years.append(year)
    return years


def _require_choices(by: object, method: object) -> None:
    """Refuse unknown choices."""
    for name, given, known in (("by", by, get_args(By)), ("method", method, get_args(Average))):
        if given not in known:
            raise DataError(f"{name}={given!r} is not known: use {', '.join(map(repr, known))}")


def _factors(factors: Sequence[str] | None, has_people: bool) -> tuple[str, ...]:
    """Return the factors asked for, refused unless they cover k, A and Y exactly once."""
    if factors is None:
        return FACTORS if has_people else FACTORS[:-1]
    names = tuple(factors)
    people = ("population",) if has_people else ()
    fits = [
        {"intensity", *inputs, *demand}
        for inputs in (("inputs",), ("technology", "sourcing"))
        for demand in (("demand",), ("mix", "level", *people))
    ]
    if has_people and "population" not in names:
        raise DataError("population is given but is no factor: name it in factors, or leave it out")
    if set(names) not in fits or len(set(names)) != len(names):
        raise DataError(
            f"factors {some(names, 8)} do not make up the emissions: use intensity, inputs (or "
            "technology, sourcing) and demand (or mix, level and, where given, population)"
        )
    return names


def _index(part: Partition, by: By) -> pd.Index:
    """Rows of the result."""
    if by == "both":
        return pd.MultiIndex.from_product(
            [part.labels, part.labels], names=["source_region", "demand_region"]
        )
    return part.labels.rename("region")


def _direct(load: Emissions, system: Leontief, part: Partition) -> Array:
    """Emissions that nobody's final demand drives, by region or group."""
    return part.by_node(load.orphaned) + part.by_region(load.final)


def _driven(system: Leontief, load: Emissions, by: By, part: Partition) -> Array:
    """Emissions that final demand drives, from the table itself."""
    if by == "demand":
        return part.by_region(embodied(system, load) @ system.final_use)
    direct = load.per_output(system.table)
    emitted = part.by_node(direct[:, None] * system.output_by_region)
    return emitted.sum(axis=1) if by == "source" else part.by_region(emitted, axis=1)


def _measured(system: Leontief, load: Emissions, by: By, part: Partition) -> Array:
    """Emissions as the account of the table states them; by source those given with it."""
    return part.by_node(load.production) if by == "source" else _driven(system, load, by, part)
