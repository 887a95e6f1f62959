"""Whether a table's totals can be those of the world: bounds for GDP, output and CO2.

Databases differ from each other and from statistics by several per cent, which is noted at most. A
table off by a factor of three or more is not one of another method, but one of another unit, year
or row: that is an error. No more is looked for where the exchange rate is only roughly known or the
series lacks the year, and of a part of the world only wrong units are seen. Where money and CO2 are
both far too small the table is taken for a small world and only warned of.
"""

import csv
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from carbonflows import units
from carbonflows.errors import some
from carbonflows.streamed import StreamedTable
from carbonflows.summed import Summed
from carbonflows.table import Extension

COVERED = 0.95
"""Share of the world's GDP from which a table counts as one of the world."""
PART = 0.3
"""Share from which it is compared with the world at all."""
ABSURD = 3.0
"""Factor from which a total is an error."""
UNIT_STEP = 1000.0
"""Factor between a unit and the next; a part of the world may be smaller by nearly as much."""
NEAR = 15
"""Years outside a series for which its nearest year still serves: the world's GDP in current prices
has at times tripled in less than twice as long."""
RATES: Mapping[str, tuple[int, float, float]] = {
    "USD": (0, 1.0, 1.0),
    "EUR": (1995, 0.8, 1.6),
    "CNY": (1994, 1 / 9, 1 / 6),
}
"""First year, lowest and highest USD for one unit of a currency since: an assumption, wider than
the yearly averages, good for telling units apart and nothing else. Before 1999 EUR is the ECU."""
OUTPUT_TO_GDP = (1.5, 2.6)
"""Usual output over final demand; it is 1.89 to 2.04 in WIOD 1995-2009."""


@dataclass(frozen=True)
class _Series:
    """A series of the world: where it stands, how far tables are from it, units they may have."""

    column: str
    source: str
    unit: str
    usual: float  # relative gap up to which all is well
    tolerated: float  # and up to which there is a note
    names: Mapping[float, str]


_GDP = _Series(
    "gdp_usd", "World Bank", "USD", 0.15, 0.15,
    {1.0: "USD", 1e3: "k USD", 1e6: "M USD", 1e9: "bn USD", 1e12: "trn USD"},
)  # fmt: skip
_CO2 = _Series(
    "co2_mt", "Global Carbon Budget 2019", "Mt CO2", 0.10, 0.25,
    {1e-9: "kg CO2", 1e-6: "t CO2", 1e-3: "kt CO2", 1.0: "Mt CO2", 1e3: "Gt CO2"},
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """One total beside the world's.

    Attributes
    ----------
    level : str
        ok, note, warning or error.
    what : str
    ratio : float
        The table's total over the reference; NaN where they were not compared.
    reference : float
        In the table's own unit; NaN where there is none.
    detail : str
        The reference, why there was no or only a rough comparison, or the way out.
    rough : bool
        Whether only an absurd ratio would have been noticed.
    """

    level: str
    what: str
    ratio: float
    reference: float
    detail: str
    rough: bool = False


@cache
def world_totals() -> dict[int, dict[str, float]]:
    """Return totals of the world by year: ``gdp_usd`` [current USD], ``co2_mt`` [Mt, fossil].

    Returns
    -------
    dict of int to dict of str to float
        Years without a value lack the key.

    References
    ----------
    World Bank, World Development Indicators; Friedlingstein et al. (2019), Earth System Science
    Data 11:1783-1838.

    Examples
    --------
    >>> world_totals()[2007]
    {'gdp_usd': 58315000000000.0, 'co2_mt': 31282.0}
    """
    return {
        int(row.pop("year")): {key: float(value) for key, value in row.items() if value}
        for row in _rows("totals.csv")
    }


def coverage(members: Mapping[str, Sequence[str]]) -> float:
    """Share of the world's GDP that is made in a table's regions.

    Parameters
    ----------
    members : mapping of str to sequence of str
        ISO3 codes by region, as `IOTable.members`.

    Returns
    -------
    float
        1 where a region stands for all other countries (``"*"``).

    Examples
    --------
    >>> coverage({"USA": ["USA"], "ROW": ["*"]}), round(coverage({"USA": ["USA"]}), 2)
    (1.0, 0.23)
    """
    codes = {code for listed in members.values() for code in listed}
    if "*" in codes:
        return 1.0
    shares = _gdp_shares()
    return sum(shares.get(code, 0.0) for code in codes)


def compared(sums: Summed) -> list[Comparison]:
    """Compare final demand, output and CO2 with those of the world.

    Parameters
    ----------
    sums : Summed

    Returns
    -------
    list of Comparison
        One each for final demand, for output and, where a stressor is called CO2, for emissions; a
        single one that says why where there is nothing to compare with. A table of a part of the
        world has none for output.

    Notes
    -----
    Final demand of the world is its GDP, but for taxes and margins that a database books elsewhere
    and for what it leaves out: WIOD 1995-2009 is 6 to 7 % below the World Bank. CO2 accounts treat
    bunkers, cement and flaring in different ways: WIOD's are 5 to 9 % below the reference.

    Examples
    --------
    >>> from carbonflows.sources.example import example
    >>> from carbonflows.summed import summed
    >>> for one in compared(summed(example(2007))):
    ...     print(one.level, one.what, round(one.ratio, 3))
    ok final demand / GDP of the world 0.932
    ok output / final demand 2.011
    ok CO2 / CO2 of the world 0.934
    """
    table = sums.table
    share = coverage(table.members)
    if share < PART:
        named = f"countries with {share:.0%} of the world's GDP" if share else "no known country"
        return [_not_compared("totals / totals of the world", f"its regions name {named}")]
    share = 1.0 if share >= COVERED else share
    demand = float(table.Y.to_numpy().sum())
    money, carbon = _money(table, demand, share), list(_carbon(sums, share))
    if carbon and math.isnan(money.ratio) and all(math.isnan(one.ratio) for one in carbon):
        said = "; ".join(dict.fromkeys(one.detail for one in (money, *carbon)))
        money, carbon = (
            _not_compared("totals / totals of the world", said.replace("not compared: ", "")),
            [],
        )
    small = all(0 < one.ratio < share / ABSURD for one in (money, *carbon))
    if money.level == "error" and carbon and small:
        # One wrong unit does not touch both: this is a small world, made to learn or to test.
        said = "; CO2 is too small as well: a made-up world, or two wrong units"
        money = replace(money, level="warning", detail=money.detail.partition(";")[0] + said)
        carbon = [replace(one, level="note") for one in carbon]
    return [money, *(_output(float(sums.x.sum()), demand) if share == 1 else ()), *carbon]


def _money(table: StreamedTable, demand: float, share: float) -> Comparison:
    what = "final demand / GDP of the world"
    years = [int(year) for year in re.findall(r"\b\d{4}\b", table.price_basis)]
    if table.currency is None:
        return _not_compared(what, f"the unit {table.unit!r} names no currency")
    since, *rates = RATES.get(table.currency, (math.inf, 1.0, 1.0))
    if table.year is not None and table.year < since:
        return _not_compared(what, f"no rate of {table.currency} to USD is known for {table.year}")
    if "previous" in table.price_basis or any(year != table.year for year in years):
        return _not_compared(what, f"{table.price_basis} are not those of the year")
    series = replace(
        _GDP,
        unit=table.currency,
        names={own: name.replace("USD", table.currency) for own, name in _GDP.names.items()},
    )
    return _beside(series, what, demand, table.unit, table.year, share, rates)


def _output(output: float, demand: float) -> Iterator[Comparison]:
    if demand <= 0:
        return
    low, high = OUTPUT_TO_GDP
    ratio = output / demand
    level, detail = "ok", ""
    if low <= ratio / 2 <= high < ratio:
        level = "note"
        detail = f"{low} to {high} is usual, twice that with industries and products side by side"
    elif not low <= ratio <= high:
        level = "warning"
        detail = f"{low} to {high} is usual: look for a lost decimal point or rows read twice"
    yield Comparison(level, "output / final demand", ratio, math.nan, detail)


def carbon_rows(extensions: Iterable[Extension]) -> list[tuple[Extension, int]]:
    """Rows of the emissions that are CO2: the one called so, or else all that are.

    Parameters
    ----------
    extensions : iterable of Extension

    Returns
    -------
    list of (Extension, int)
        Each with the position of the stressor.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> [(e.stressors[i], i) for e, i in carbon_rows(two_regions().extensions.values())]
    [('CO2', 0)]
    """
    found = [
        (extension, i)
        for extension in extensions
        for i, stressor in enumerate(extension.stressors)
        if is_carbon(stressor, str(extension.unit.iloc[i]))
    ]
    plain = [(extension, i) for extension, i in found if extension.stressors[i] == "CO2"]
    return plain if len(plain) == 1 else found


def _carbon(sums: Summed, share: float) -> Iterator[Comparison]:
    chosen = carbon_rows(sums.table.extensions)
    if len(chosen) > 1:
        names = some([extension.stressors[i] for extension, i in chosen])
        yield _not_compared("CO2 / CO2 of the world", f"there are several stressors, {names}")
        return
    for extension, i in chosen:
        made, used = sums.emitted(extension)
        yield _beside(
            _CO2,
            f"{extension.stressors[i]} / CO2 of the world",
            float(made[i].sum() + used[i].sum()),
            str(extension.unit.iloc[i]),
            sums.table.year,
            share,
            remark="" if extension.has_final else "; no emissions of final users are given",
        )


def is_carbon(stressor: str, unit: str) -> bool:
    """Whether a stressor is CO2 that is not biogenic, by its name and unit.

    Examples
    --------
    >>> is_carbon("CO2 - combustion - air", "kt"), is_carbon("CO2_bio", "kt")
    (True, False)
    >>> is_carbon("GHG", "kt CO2eq"), is_carbon("emissions", "kt CO2")
    (False, True)
    """
    name = stressor.replace("₂", "2")
    if re.search(r"bio|peat|land.use|equivalent|CO2[-_ ]?eq?\b", name, re.IGNORECASE):
        return False
    return "CO2" in name.upper() or (units.known(unit) and units.substance(unit) == "CO2")


def _beside(
    series: _Series,
    what: str,
    total: float,
    unit: str,
    year: int | None,
    share: float,
    rates: Sequence[float] = (1.0, 1.0),
    remark: str = "",
) -> Comparison:
    """Compare a total with the world's of the same year, or only look whether it is absurd.

    The latter where the year is not in the series, the rate is a band, or the table is of a part of
    the world. `rates` are the least and the most of the series' unit for one of `series.unit`.
    """
    years = [y for y, row in world_totals().items() if series.column in row]
    if year is None:
        return _not_compared(what, "the table states no year")
    near = min(max(year, min(years)), max(years))
    if abs(near - year) > NEAR:
        span = f"{min(years)} to {max(years)}"
        return _not_compared(what, f"{series.source} has {span} here, not {year}")
    if not units.convertible(unit, series.unit):
        return _not_compared(what, f"{unit!r} does not convert to {series.unit}")
    scale, (low, high) = units.factor(unit, series.unit), rates
    reference = world_totals()[near][series.column] / (scale * (low + high) / 2)
    ratio = total / reference
    lowest, highest = sorted(ratio * 2 * rate / (low + high) for rate in rates)
    rough = _rough(near != year, rates, series.unit, share)
    detail = f"{reference:.6g} {unit} in {near} ({series.source}){rough}"
    least = 1 / ABSURD if share == 1 else share * ABSURD / UNIT_STEP
    if highest <= least or lowest >= ABSURD:
        beside = ratio if ratio > 1 else ratio / share
        remark += _way_out(beside, scale, unit, series)
        return Comparison("error", what, ratio, reference, detail + remark)
    if rough:
        return Comparison("ok", what, ratio, reference, detail + remark, rough=True)
    gap = abs(ratio - 1)
    if gap <= series.usual:
        return Comparison("ok", what, ratio, reference, detail)
    level = "note" if gap <= series.tolerated else "warning"
    return Comparison(level, what, ratio, reference, detail + remark)


def _rough(elsewhen: bool, rates: Sequence[float], currency: str, share: float) -> str:
    """Say why a total is compared only roughly, or nothing where it is compared in full."""
    low, high = rates
    why = []
    if elsewhen:
        why.append("the nearest year of the series")
    if low != high:
        band = f"{low:.2g} to {high:.2g} USD per {currency}"
        if high < 1:
            band = f"{1 / high:.2g} to {1 / low:.2g} {currency} per USD"
        why.append(f"{band} assumed")
    if share < 1:
        why.append(f"its regions name countries with {share:.0%} of the world's GDP")
    if not why:
        return ""
    bound = f"a factor of {ABSURD:.0f}" if share == 1 else "a wrong unit"
    return f"; compared roughly, to see {bound}: {', '.join(why)}"


def _way_out(ratio: float, scale: float, unit: str, series: _Series) -> str:
    """Name the unit in which a total would fit, if there is one."""
    thousands = round(math.log10(ratio) / 3) if ratio > 0 else 0
    if thousands and 1 / ABSURD < ratio / 1e3**thousands < ABSURD:
        for own, name in series.names.items():
            if math.isclose(own, scale / 1e3**thousands):
                return f"; it would fit in {name}: check the unit {unit!r}"
    return "; check the unit, the year and the rows that were read"


def _not_compared(what: str, why: str) -> Comparison:
    return Comparison("note", what, math.nan, math.nan, f"not compared: {why}")


@cache
def _gdp_shares() -> dict[str, float]:
    return {row["country"]: float(row["share"]) for row in _rows("gdp_shares.csv")}


def _rows(name: str) -> Iterable[dict[str, str]]:
    text = files("carbonflows").joinpath("data", "world", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
