"""What a study starts from: its table or tables, groups and denominators, and a hash of it all."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from carbonflows.accounts.intensity import Denominator
from carbonflows.change.panel import Panel, asked_years, read_panel
from carbonflows.errors import SourceError, StudyError, some
from carbonflows.regions import Grouping, load_grouping
from carbonflows.sources import read
from carbonflows.sources.example import YEARS
from carbonflows.store import table_hash
from carbonflows.study.folders import written_by_a_study
from carbonflows.study.spec import Study
from carbonflows.table import IOTable

KNOWN_YEARS = {"example": YEARS}
"""Sources that have these years and no others: a range takes those that there are."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Everything a study reads before it computes.

    Attributes
    ----------
    table : IOTable
        The table; of several years, the last.
    panel : Panel or None
        The tables of several years.
    absent : tuple of int
        Years of the range that was asked for which the source does not have.
    grouping : Grouping or None
    given : mapping of int or None to mapping of str to Denominator
        Denominators from outside the tables, by year; of a single table under None.
    hashes : mapping of str to str
        SHA-256 of each table, by its label.
    digest : str
        SHA-256 of the study, of everything it reads, and of the version that computes it: runs with
        the same digest have the same results.
    """

    table: IOTable
    panel: Panel | None
    absent: tuple[int, ...]
    grouping: Grouping | None
    given: Mapping[int | None, Mapping[str, Denominator]]
    hashes: Mapping[str, str]
    digest: str

    @property
    def denominators(self) -> dict[str, Denominator]:
        """Denominators of the table, or of the last year that has them."""
        return {name: d for year in self.given.values() for name, d in year.items()}


def inputs(study: Study) -> Inputs:
    """Read what a study starts from.

    Parameters
    ----------
    study : Study
        With ``table.years``, several tables are read one after the other and not kept.

    Returns
    -------
    Inputs

    Raises
    ------
    CarbonflowsError
        Anything wrong with the table, the grouping or the denominators; a year that is missing.

    Examples
    --------
    >>> from carbonflows.study.spec import load_study
    >>> found = inputs(load_study("belt-and-road"))
    >>> found.table.year, found.panel, sorted(found.hashes)
    (2007, None, ['WIOD example 2007'])
    """
    groups = None
    if study.grouping is not None:
        groups = load_grouping(study.placed(study.grouping.name))
    panel, absent = _panel(study)
    given: dict[int | None, Mapping[str, Denominator]] = {}
    hashes: dict[str, str] = {}
    prices: list[str] = []
    for year, table in [(None, _table(study))] if panel is None else _tables(study, panel):
        if table.label in hashes:
            raise StudyError(f"two tables are called {table.label}: give each its own year")
        hashes[table.label] = table_hash(table)
        prices.append(table.price_basis)
        given[None if year is None else int(year)] = _given(study, table)
    digest = _digest(study, groups, given, {"hashes": hashes, "price bases": prices})
    return Inputs(table, panel, absent, groups, given, hashes, digest)


def _placed(study: Study, name: str) -> Path:
    """Return where a file that the study names is."""
    return Path(study.folder) / name if study.folder else Path(name)


def _table(study: Study) -> IOTable:
    """Read the table of a study."""
    wanted = study.table
    place = None if wanted.path is None else _placed(study, wanted.path)
    return read(wanted.source, place, year=wanted.year, **wanted.options)


def _panel(study: Study) -> tuple[Panel | None, tuple[int, ...]]:
    """Make the panel of a study's years, if it has some, and list those that do not exist."""
    wanted = study.table
    if wanted.years is None:
        return None, ()
    asked = asked_years(wanted.years)
    known = KNOWN_YEARS.get(wanted.source)
    there, absent = asked, tuple[int, ...]()
    if known is not None and any(dash in wanted.years for dash in "-–"):
        there = [year for year in asked if year in known]
        absent = tuple(year for year in asked if year not in known)
    if len(asked) < 2:
        raise StudyError(f"years {wanted.years!r} name one: name two or more, or one with year")
    if known is not None and len(there) < 2:
        raise StudyError(
            f"the {wanted.source} has {f'only {there[0]}' if there else 'none'} of the years "
            f"{wanted.years} (it has {some(known, most=20)}): name two or more, or one with year"
        )
    place = None if wanted.path is None else _placed(study, wanted.path)
    return read_panel(wanted.source, place, there, **wanted.options), absent


def _tables(study: Study, panel: Panel) -> Iterator[tuple[Any, IOTable]]:
    """Read the tables of a panel; say which of the years asked for are there if one is not."""
    try:
        yield from panel
    except SourceError as error:
        there = [year for year in panel.labels if year in error.facts.get("years", ())]
        if not there or error.facts.get("year") not in panel.labels:
            raise
        asked = f"of the years {study.table.years} it has {_ranges(there)}"
        way_out = f"name those that are there, for example --years {_ranges(there)}"
        if len(there) == 1:
            way_out = "name two or more that are there, or this one with --year"
        raise SourceError(f"{error}; {asked}: {way_out}", **error.facts) from error


def _ranges(years: Iterable[Any]) -> str:
    """Write years as they are asked for: ``1995-1997,2009``."""
    runs = [
        [year for _, year in run]
        for _, run in groupby(enumerate(years), lambda pair: pair[1] - pair[0])
    ]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _given(study: Study, table: IOTable) -> dict[str, Denominator]:
    """Read denominators that the study names, for the year of a table."""
    found = {}
    for name, file, unit in (
        ("gdp", study.intensity.gdp, "USD"),
        ("population", study.intensity.population, "person"),
    ):
        if file is None:
            continue
        from carbonflows.sources.worldbank import by_region, read_worldbank

        if table.year is None:
            raise StudyError(f"{name}: the table states no year, so none can be read from {file}")
        countries = read_worldbank(_placed(study, file), table.year)
        values = by_region(countries, table.members, missing="nan")
        found[name] = Denominator(values, unit, f"{Path(file).name} (World Bank)")
    return found


def _digest(
    study: Study,
    groups: Grouping | None,
    given: Mapping[int | None, Mapping[str, Denominator]],
    tables: Mapping[str, Any],
) -> str:
    """Hash a study with all that it reads; where its files are does not matter."""
    told = _told(study)
    outside = {
        f"{year} {name}": d.values.to_csv()
        for year, found in given.items() for name, d in found.items()
    }  # fmt: skip
    everything = {
        "study": told,
        "tables": tables,
        "grouping": None if groups is None else groups.hash,
        "denominators": outside,
        "files": dict(_files_named(study)),
        "versions": {p: version(p) for p in ("numpy", "scipy", "pandas", "matplotlib")},
        "program": program_hash(),
    }
    text = json.dumps(everything, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(study: Study) -> dict[str, Any]:
    """All fields of a study but where it and its table are."""
    told = study.model_dump(mode="json", exclude={"folder": True, "table": {"path"}})
    return dict(told)


def _files_named(study: Study) -> Iterator[tuple[str, str]]:
    """Hash the files and folders that a study's fields name, but for its table."""
    home = Path(study.folder or ".").resolve()
    for name in _texts(_told(study)):
        if not name or not name.isprintable() or len(name) > 255 or not (home / name).exists():
            continue
        place = home / name
        if not study.folder and place.is_dir() and name != study.provinces.folder:
            continue  # a shipped study names no folder: it is a word that happens to be one
        for file in sorted(_inside(place)):
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
            yield f"{name}/{file.relative_to(place)}", content


def _inside(place: Path) -> Iterator[Path]:
    """All files in a folder but what studies write into it; or the file itself."""
    if place.is_file():
        yield place
    elif not written_by_a_study(place):
        for inner in place.iterdir():
            yield from _inside(inner)


def _texts(told: Any) -> list[str]:
    """All texts inside nested fields."""
    if isinstance(told, str):
        return [told]
    inside = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return [text for value in inside for text in _texts(value)]


@cache
def program_hash() -> str:
    """SHA-256 of the package's own code and data: results of another version are not reused."""
    import carbonflows

    root = Path(carbonflows.__file__).parent
    found = hashlib.sha256()
    for file in sorted(p for p in root.rglob("*") if p.is_file() and p.suffix != ".pyc"):
        found.update(str(file.relative_to(root)).encode() + file.read_bytes())
    return found.hexdigest()
