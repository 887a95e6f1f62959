"""Whether a table's totals can be those of the world: bounds for GDP, output and CO2.

Databases differ from each other and from statistics by several per cent, which is noted at most. A
table off by a factor of three or more is not one of another method, but one of another unit, year
or row: that is an error. Where money and CO2 are both far too small the table is taken for a small
world and only warned of.
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

COVERED = 0.95
"""Share of the world's GDP from which a table counts as one of the world."""
ABSURD = 3.0
"""Factor from which a total is an error."""
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
        The reference, why there was no comparison, or the way out.
    """

    level: str
    what: str
    ratio: float
    reference: float
    detail: str


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
        single one that says why where the table does not cover the world.

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
    if share < COVERED:
        why = f"its regions name countries with {share:.0%} of the world's GDP"
        return [_not_compared("totals / totals of the world", why)]
    demand = float(table.Y.to_numpy().sum())
    money, carbon = _money(table, demand), list(_carbon(sums))
    far = [one for one in (money, *carbon) if one.level == "error" and 0 < one.ratio < 1]
    if len(far) > 1 and len(far) == 1 + len(carbon):
        # One wrong unit does not touch both: this is a small world, made to learn or to test.
        said = "; CO2 is too small as well: a made-up world, or two wrong units"
        money = replace(money, level="warning", detail=money.detail.partition(";")[0] + said)
        carbon = [replace(one, level="warning") for one in carbon]
    return [money, *_output(float(sums.x.sum()), demand), *carbon]


def _money(table: StreamedTable, demand: float) -> Comparison:
    what = "final demand / GDP of the world"
    years = [int(year) for year in re.findall(r"\b\d{4}\b", table.price_basis)]
    if table.currency is None:
        return _not_compared(what, f"the unit {table.unit!r} names no currency")
    if table.currency != "USD":
        return _not_compared(what, f"no rate of {table.currency} to USD is stated")
    if "previous" in table.price_basis or any(year != table.year for year in years):
        return _not_compared(what, f"{table.price_basis} are not those of the year")
    return _beside(_GDP, what, demand, table.unit, table.year)


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


def _carbon(sums: Summed) -> Iterator[Comparison]:
    found = [
        (extension, i)
        for extension in sums.table.extensions
        for i, stressor in enumerate(extension.stressors)
        if is_carbon(stressor, str(extension.unit.iloc[i]))
    ]
    plain = [(extension, i) for extension, i in found if extension.stressors[i] == "CO2"]
    chosen = plain if len(plain) == 1 else found
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
            "" if extension.has_final else "; no emissions of final users are given",
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
    series: _Series, what: str, total: float, unit: str, year: int | None, remark: str = ""
) -> Comparison:
    """Compare a total with the world's of the same year."""
    years = [y for y, row in world_totals().items() if series.column in row]
    if year is None:
        return _not_compared(what, "the table states no year")
    if year not in years:
        span = f"{min(years)} to {max(years)}"
        return _not_compared(what, f"{series.source} has {span} here, not {year}")
    if not units.convertible(unit, series.unit):
        return _not_compared(what, f"{unit!r} does not convert to {series.unit}")
    scale = units.factor(unit, series.unit)
    reference = world_totals()[year][series.column] / scale
    ratio = total / reference
    detail = f"{reference:.6g} {unit} in {year} ({series.source})"
    if abs(ratio - 1) <= series.usual:
        return Comparison("ok", what, ratio, reference, detail)
    level = "note" if abs(ratio - 1) <= series.tolerated else "warning"
    if not 1 / ABSURD < ratio < ABSURD:
        level = "error"
        remark += _way_out(ratio, scale, unit, series)
    return Comparison(level, what, ratio, reference, detail + remark)


def _way_out(ratio: float, scale: float, unit: str, series: _Series) -> str:
    """Name the unit in which a total would fit, if there is one."""
    thousands = round(math.log10(ratio) / 3) if ratio > 0 else 0
    if thousands and 1 / ABSURD < ratio / 1e3**thousands < ABSURD:
        for own, name in series.names.items():
            if math.isclose(own, scale / 1e3**thousands):
                return f"; it would fit in {name}: check the unit {unit!r}"
    return "; check the unit, the year and the rows that were read"


def _not_compared(what: str, why: str) -> Comparison:
    return Comparison("ok", what, math.nan, math.nan, f"not compared: {why}")


@cache
def _gdp_shares() -> dict[str, float]:
    return {row["country"]: float(row["share"]) for row in _rows("gdp_shares.csv")}


def _rows(name: str) -> Iterable[dict[str, str]]:
    text = files("carbonflows").joinpath("data", "world", name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
