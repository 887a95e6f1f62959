"""A study from its file to its report: read, solve, account, draw, write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.diagnosis import Diagnosis
from carbonflows.errors import StudyError
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study, load_study

KINDS = {
    "flows": "flows", "bridge": "bridge", "sectors": "sectors", "provinces": "provinces",
    "hotspots": "hotspots",
}  # fmt: skip
"""Kind of study → module of this package whose ``outcome`` computes it."""


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a run leaves behind.

    Attributes
    ----------
    folder : Path
        Where everything was written.
    report : Path
        The HTML report.
    tables : dict of str to DataFrame
        The tidy tables.
    headlines : list of str
        The lines worth knowing.
    diagnosis : Diagnosis
        What is odd about the table.
    """

    folder: Path
    report: Path
    tables: dict[str, pd.DataFrame]
    headlines: list[str]
    diagnosis: Diagnosis


def run(
    study: str | Path | Study,
    out: str | Path,
    *,
    source: str | None = None,
    path: str | Path | None = None,
    year: int | None = None,
    options: Mapping[str, Any] | None = None,
    stressor: str | list[str] | None = None,
    households: bool | None = None,
    grouping: str | Path | None = None,
    route: str | None = None,
    gdp: str | Path | None = None,
    population: str | Path | None = None,
    figures: bool | None = None,
    progress: Callable[[str], None] = lambda step: None,
) -> StudyResult:
    """Run a study and write its tables, figures and report.

    Parameters
    ----------
    study : str, Path or Study
        A shipped name, a TOML file, or a study already loaded.
    out : str or Path
        Folder for the results; an earlier result there is replaced whole.
    source, path, year : optional
        Another table than the study's, as for `carbonflows.read`.
    options : mapping, optional
        Options of the table's reader, as for `carbonflows.read`; they replace the study's of the
        same name.
    stressor, households, grouping, route, gdp, population, figures : optional
        Replace the study's own settings; see the study file format.
    progress : callable, optional
        Called with the name of each step.

    Returns
    -------
    StudyResult

    Raises
    ------
    CarbonflowsError
        Anything wrong with the study, the table, the grouping or the place to write to.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "out"
    >>> result = run("belt-and-road", place, figures=False)
    >>> result.report.name, len(result.headlines)
    ('report.html', 5)
    """
    from carbonflows.study.package import results_folder, write_results

    loaded = study if isinstance(study, Study) else load_study(study)
    loaded = _overridden(
        loaded, source=source, path=path, year=year, options=options, stressor=stressor,
        households=households, grouping=grouping, route=route, gdp=gdp, population=population,
        figures=figures,
    )  # fmt: skip
    with results_folder(Path(out)) as folder:
        progress("reading the table")
        table, groups, given = _inputs(loaded)
        kind = import_module(f"carbonflows.study.{KINDS[loaded.kind]}")
        found: Outcome = kind.outcome(
            loaded, table, grouping=groups, given=given, progress=progress
        )
        write_results(loaded, found, folder, given, progress)
    place = Path(out).resolve()
    return StudyResult(place, place / "report.html", found.tables, found.headlines, found.diagnosis)


def _overridden(study: Study, **given: Any) -> Study:
    from carbonflows.sources.options import given_values

    if given["source"] is not None or given["path"] is not None:
        # Another table: the study's path, year and options do not describe it.
        # A path of the call starts in the working folder, the study's own in the study's.
        path = None if given["path"] is None else str(Path(given["path"]).absolute())
        kept: dict[str, Any] = {
            "source": given["source"] or study.table.source,
            "path": path,
            "options": {},
        }
        year = given["year"]
        if given["source"] == study.table.source == "example" and year is None:
            year = study.table.year
        study = study.model_copy(
            update={"table": study.table.model_copy(update={**kept, "year": year})}
        )
    # The study's own options start in its folder, those of the call in the working folder.
    own = given_values(study.table.options, Path(study.folder))
    text = {
        k: None if given[k] is None else str(given[k]) for k in ("grouping", "gdp", "population")
    }
    if text["grouping"] is not None and study.grouping is not None:
        # The block of groups and the printed numbers belong to the study's own grouping.
        study = study.model_copy(update={"grouping": None, "published": None})
    return study.changed(
        table={"year": given["year"], "options": own | dict(given["options"] or {})},
        emissions={"stressor": given["stressor"], "households": given["households"]},
        grouping={"name": text["grouping"], "route": given["route"]},
        intensity={"gdp": text["gdp"], "population": text["population"]},
        figures={"draw": given["figures"]},
    )


def _inputs(study: Study) -> tuple[Any, Any, dict[str, Any]]:
    from carbonflows.accounts.intensity import Denominator
    from carbonflows.regions import load_grouping
    from carbonflows.sources import read

    def placed(name: str) -> Path:
        return Path(study.folder) / name if study.folder else Path(name)

    wanted = study.table
    table = read(
        wanted.source, None if wanted.path is None else placed(wanted.path), year=wanted.year,
        **wanted.options,
    )  # fmt: skip
    groups = None
    if study.grouping is not None:
        name = study.grouping.name
        groups = load_grouping(placed(name) if name.endswith(".csv") else name)
    given = {}
    for name, file, unit in (
        ("gdp", study.intensity.gdp, "USD"),
        ("population", study.intensity.population, "person"),
    ):
        if file is not None:
            from carbonflows.sources.worldbank import by_region, read_worldbank

            if table.year is None:
                raise StudyError(
                    f"{name}: the table states no year, so none can be read from {file}"
                )
            countries = read_worldbank(placed(file), table.year)
            values = by_region(countries, table.members, missing="nan")
            given[name] = Denominator(values, unit, f"{Path(file).name} (World Bank)")
    return table, groups, given
