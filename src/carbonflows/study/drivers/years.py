"""The years of a study of drivers: tables in the prices, and with the people, asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.accounts.emissions import OrphanPolicy, emissions
from carbonflows.change.comparable import Prices, deflated
from carbonflows.change.decomposition import Average
from carbonflows.change.items import told
from carbonflows.change.panel import Panel
from carbonflows.errors import DataError, LabelError, StudyError, some
from carbonflows.regions import Grouping
from carbonflows.sources import read
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

WORLD = "world"
"""What all regions together are called."""
BASIS = "previous year"
"""What the price basis of a table in the prices of the year before says."""


@dataclass(eq=False)
class Years:
    """What every step of a study needs; the table that was read last is kept, none before it.

    It is kept unsolved: what a system was asked before decides how it solves, and digits must not
    depend on which steps a process has taken.

    Attributes
    ----------
    panel : Panel
    grouping : Grouping or None
    previous : Panel or None
        The same years but the first, each in the prices of the year before.
    deflators : DataFrame or None
        Index (region, sector), a column per year.
    base : int or None
        Year in which deflators are one.
    population : mapping of int to Series, or None
        People by region for each year.
    stressor, households, unit, factors, method, prices
        As `decompose` takes them.
    orphans : {"direct", "raise"}
        What to do with emissions of nodes without output.
    whole : bool
        Whether the world is the only region or group.
    """

    panel: Panel
    grouping: Grouping | None
    previous: Panel | None
    deflators: pd.DataFrame | None
    base: int | None
    population: Mapping[int, pd.Series] | None
    stressor: str | list[str] | None
    households: bool
    orphans: OrphanPolicy
    unit: str
    factors: list[str] | None
    method: Average
    prices: Prices
    whole: bool
    _last: tuple[int, IOTable] | None = field(init=False, default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: all but the last table."""
        return self.__dict__ | {"_last": None}

    def table(self, year: int) -> IOTable:
        """Read a year, in prices of the base year where deflators are given."""
        last = self._last
        if last is not None and last[0] == year:
            return last[1]
        table = self.panel.table(year)
        if self.deflators is not None and self.base is not None:
            table = deflated(table, self.deflators[year], base=self.base)
        self._last = year, table
        return table

    def in_previous_prices(self, year: int) -> IOTable | None:
        """Read a year in the prices of the year before, with the emissions of its own table."""
        if self.previous is None:
            return None
        table = self.previous.table(year)
        if BASIS not in table.price_basis:
            raise StudyError(
                f"drivers.previous_prices: {table.label} is in "
                f"{table.price_basis or 'prices that it does not state'}, not in those of the "
                "previous year: set drivers.previous_options so that the reader takes the others"
            )
        return table.replace(extensions=self.table(year).extensions)

    def known_by(self, year: int) -> list[Any]:
        """Name by content what a step into or out of a year reads."""
        found = [told(self.table(year))]
        if self.previous is not None and year in self.previous.members:
            found.append(told(self.previous.table(year)))
        return found

    def told(self) -> Any:
        """Name by content everything but the tables that decides on effects."""
        return told(
            {name: getattr(self, name) for name in (
                "grouping", "population", "stressor", "households", "unit", "factors", "method",
                "prices",
            )}
        )  # fmt: skip

    def people(self, before: int, after: int) -> tuple[pd.Series, pd.Series] | None:
        """Population in two years."""
        if self.population is None:
            return None
        return self.population[before], self.population[after]


def years_of(study: Study, panel: Panel, grouping: Grouping | None) -> Years:
    """Bring together what a study of drivers says of its years.

    Parameters
    ----------
    study : Study
    panel : Panel
        Of level ``year``, two or more. The first is read: its regions are those of all.
    grouping : Grouping or None

    Returns
    -------
    Years

    Raises
    ------
    StudyError
        Fewer than two years, settings that contradict each other, or a file that does not fit.
    """
    asked = study.drivers
    if panel.level != "year" or len(panel) < 2:
        raise StudyError(
            f"{panel!r} shows no change: set table.years to two years or more, for example "
            "'1995-2009'"
        )
    if study.emissions.orphans not in ("direct", "raise"):
        raise StudyError(
            f"emissions.orphans = {study.emissions.orphans!r} is not for drivers: use 'direct', "
            "which counts emissions of nodes without output as direct ones, or 'raise'"
        )
    if asked.deflators is not None and asked.previous_prices is not None:
        raise StudyError(
            "drivers.deflators and drivers.previous_prices are two ways to take prices out: keep "
            "one of them"
        )
    if (asked.deflators is None) != (asked.base is None):
        raise StudyError(
            "drivers.deflators and drivers.base belong together: give both the file and the year "
            "in which its indices are one"
        )
    first = panel.table(panel.labels[0])
    settings = study.emissions
    unit = emissions(first, settings.stressor, households=settings.households).unit
    regions = list(first.regions) if grouping is None else list(grouping.used(first.regions))
    if WORLD in regions and len(regions) > 1:
        raise StudyError(
            f"{'region' if grouping is None else 'group'} {WORLD!r} is not the whole: results have "
            "a row of that name for all regions; give it another name"
        )
    labels = [int(label) for label in panel.labels]
    deflators = None
    if asked.deflators is not None and asked.base is not None:
        deflators = read_deflators(Path(study.placed(asked.deflators)), labels, base=asked.base)
    people = _population(study, labels, first.members)
    if asked.people and people is None:
        raise StudyError(
            f"drivers.people = {some(asked.people)} adds to no file: set intensity.population"
        )
    return Years(
        panel=panel, grouping=grouping, previous=_previous(study, labels[1:]),
        deflators=deflators, base=asked.base, population=people,
        stressor=settings.stressor, households=settings.households,
        orphans=settings.orphans, unit=unit, whole=regions == [WORLD],
        factors=list(asked.factors) or None, method=asked.method, prices=asked.prices,
    )  # fmt: skip


def read_deflators(path: Path, years: list[int], *, base: int) -> pd.DataFrame:
    """Read price indices of nodes from a tidy file.

    Parameters
    ----------
    path : Path
        CSV with the columns ``region, sector, year, deflator``.
    years : list of int
        Years that are needed.
    base : int
        Year in which every index is one.

    Returns
    -------
    DataFrame
        Index (region, sector), a column per year [1].

    Raises
    ------
    StudyError
        No such file, other columns, a year or node that is missing, a node that occurs twice, or an
        index of the base year that is not one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "deflators.csv"
    ...     _ = path.write_text("region,sector,year,deflator\\nA,s,2000,1\\nA,s,2001,1.5\\n")
    ...     read_deflators(path, [2000, 2001], base=2000).loc[("A", "s")].tolist()
    [1.0, 1.5]
    """
    columns = ["region", "sector", "year", "deflator"]
    try:
        frame = pd.read_csv(path, dtype={"region": str, "sector": str}, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise StudyError(
            f"drivers.deflators: {path} cannot be read ({_line(error)}); give a CSV with the "
            f"columns {', '.join(columns)}"
        ) from error
    if missing := [c for c in columns if c not in frame]:
        raise StudyError(
            f"drivers.deflators: {path} has no column {some(missing)}; it needs "
            f"{', '.join(columns)}"
        )
    for column in columns[2:]:
        numbers = pd.to_numeric(frame[column], errors="coerce")
        if numbers.isna().any():
            bad = frame.index[numbers.isna()][0]
            raise StudyError(
                f"drivers.deflators: {path} line {bad + 2} has {column} "
                f"{str(frame[column][bad])!r}: write a number"
            )
        frame[column] = numbers
    twice = frame.duplicated(columns[:3])
    if twice.any():
        cells = list(frame.loc[twice, columns[:3]].itertuples(index=False, name=None))
        raise StudyError(f"drivers.deflators: {path} has {some(cells)} twice: keep one")
    wide = frame.pivot_table(index=columns[:2], columns="year", values="deflator", sort=False)
    if absent := [year for year in years if year not in wide]:
        raise StudyError(
            f"drivers.deflators: {path} has no year {some(absent)}; it has "
            f"{some(wide.columns, 20)}: add it, or leave the year out of table.years"
        )
    holes = wide[years].isna().any(axis=1)
    if holes.any():
        raise StudyError(
            f"drivers.deflators: {path} has not every year of {some(wide.index[holes])}: add "
            "what is missing"
        )
    if base in wide and ((off := (wide[base] - 1).abs() > 1e-9) | wide[base].isna()).any():
        raise StudyError(
            f"drivers.deflators: {path} is not 1 in {base} for {some(wide.index[off])}: set "
            "drivers.base to the year in which all indices are one"
        )
    return wide


def _line(error: BaseException) -> str:
    """The first line of what went wrong."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def _previous(study: Study, years: list[int]) -> Panel | None:
    """Tables of all years but the first in the previous year's prices, read when asked for."""
    path = study.drivers.previous_prices
    if path is None:
        if study.drivers.previous_options:
            raise StudyError(
                "drivers.previous_options belong to no table: set drivers.previous_prices to the "
                "path of the tables in previous year's prices"
            )
        return None
    place = Path(study.folder) / path if study.folder else Path(path)
    if not place.exists():
        raise StudyError(f"drivers.previous_prices: {place} is not there; check the path")
    options = study.table.options | study.drivers.previous_options
    return Panel(
        {year: partial(read, study.table.source, place, year=year, **options) for year in years}
    )


def _population(
    study: Study, years: list[int], members: Mapping[str, tuple[str, ...]]
) -> dict[int, pd.Series] | None:
    """People by region in each year, from the World Bank's file and what completes it."""
    from carbonflows.sources.worldbank import by_region, read_worldbank

    if study.intensity.population is None:
        return None
    found = {}
    for year in years:
        parts = [
            read_worldbank(Path(study.folder) / name, year)
            for name in (study.intensity.population, *study.drivers.people)
        ]
        countries = pd.concat(parts)
        twice = countries.index[countries.index.duplicated()]
        if len(twice):
            raise StudyError(
                f"drivers.people: {some(twice)} in {year} is in two files of population: keep one"
            )
        try:
            found[year] = by_region(countries, members)
        except (DataError, LabelError) as error:
            codes = some(getattr(error, "labels", []))
            raise StudyError(
                f"intensity.population: {study.intensity.population} does not give {year} of every "
                f"region ({codes}): add a file with what is missing to drivers.people (columns "
                "Country Code, Year, Value), or leave population out"
            ) from error
    return found
