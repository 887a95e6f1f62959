"""A study from its file to its report: read, solve, account, draw, write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from carbonflows.diagnosis import Diagnosis
from carbonflows.errors import StudyError
from carbonflows.study.folders import REPORT, alone, kept_parts, require_alone
from carbonflows.study.kinds import KINDS, SPREAD, YEARLY
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study, load_study

if TYPE_CHECKING:
    from distributed import Client

    from carbonflows.study.inputs import Inputs
    from carbonflows.work import Work


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
    reused : bool
        Whether the results of an earlier run with the same inputs were read.
    """

    folder: Path
    report: Path
    tables: dict[str, pd.DataFrame]
    headlines: list[str]
    diagnosis: Diagnosis
    reused: bool = False


def run(
    study: str | Path | Study,
    out: str | Path,
    *,
    source: str | None = None,
    path: str | Path | None = None,
    year: int | None = None,
    years: str | None = None,
    options: Mapping[str, Any] | None = None,
    stressor: str | list[str] | None = None,
    households: bool | None = None,
    grouping: str | Path | None = None,
    route: str | None = None,
    gdp: str | Path | None = None,
    population: str | Path | None = None,
    figures: bool | None = None,
    scheduler: "str | Client | None" = None,
    processes: int | Literal["auto"] = 1,
    again: bool = False,
    progress: Callable[[str], None] = lambda step: None,
    passed: Callable[[str, int, int], None] | None = None,
) -> StudyResult:
    """Run a study and write its tables, figures and report.

    Parameters
    ----------
    study : str, Path or Study
        A shipped name, a TOML file, or a study already loaded.
    out : str or Path
        Folder for the results; an earlier result there is replaced whole.
    source, path, year : optional
        Another table than the study's, as for `carbonflows.read`. The study's own years, if it has
        several, are those of the other source too unless `year` or `years` is given.
    years : str, optional
        Several years, ``"1995-2009"`` or ``"1995, 2000"``: a study of kind flows, bridge or sectors
        is then computed for each and reported as a series. Of a source that is known to have only
        some years, a range takes those; the report says which are absent.
    options : mapping, optional
        Options of the table's reader, as for `carbonflows.read`; they replace the study's of the
        same name.
    stressor, households, grouping, route, gdp, population, figures : optional
        Replace the study's own settings; see the study file format.
    scheduler : str or distributed.Client, optional
        A Dask cluster that series, decompositions and draws are spread over.
    processes : int or "auto"
        Without a scheduler, that many processes of this machine; see `carbonflows.working`.
    again : bool
        Compute also where `out` holds results of the same inputs, which are read otherwise.
    progress : callable, optional
        Called with the name of each step.
    passed : callable, optional
        Called with what is being done, how many parts are done and how many there are.

    Returns
    -------
    StudyResult

    Raises
    ------
    CarbonflowsError
        Anything wrong with the study, the table, the grouping or the place to write to.

    Notes
    -----
    Finished parts of long work (years, steps, draws) are kept in a folder beside `out`, named like
    it with ``.parts`` at the end, until the results are written. A run that was broken off goes on
    from there; parts of other inputs are never used. A second run into the same folder is refused
    while one is at it.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "out"
    >>> result = run("belt-and-road", place, figures=False)
    >>> result.report.name, len(result.headlines)
    ('report.html', 5)
    """
    from carbonflows.study.inputs import inputs
    from carbonflows.study.package import (
        earlier_results,
        require_results_place,
        results_folder,
        write_results,
    )
    from carbonflows.work import working

    loaded = study if isinstance(study, Study) else load_study(study)
    loaded = _overridden(
        loaded, source=source, path=path, year=year, years=years, options=options,
        stressor=stressor, households=households, grouping=grouping, route=route, gdp=gdp,
        population=population, figures=figures,
    )  # fmt: skip
    _require_years_fit(loaded)
    spread = has_parts(loaded)
    if scheduler is not None and not spread:
        raise StudyError(
            f"a study of kind {loaded.kind!r} of one table has no parts to spread over a cluster: "
            "leave the scheduler out, or name several years"
        )
    place = Path(out).absolute()
    require_results_place(place)
    require_alone(place)
    progress("reading the table")
    found = inputs(loaded)
    there = None if again else earlier_results(place, found.digest)
    if there is not None:
        return StudyResult(place.resolve(), place.resolve() / REPORT, *there, reused=True)
    with (
        alone(place),
        kept_parts(place) as parts,
        results_folder(place) as folder,
        working(
            scheduler=scheduler,
            processes=processes,
            parts=parts if spread else None,
            progress=passed,
        ) as work,
    ):
        result = _outcome(loaded, found, progress, work)
        write_results(loaded, result, folder, found, progress)
    place = place.resolve()
    return StudyResult(place, place / REPORT, result.tables, result.headlines, result.diagnosis)


def has_parts(study: Study) -> bool:
    """Say whether a study consists of parts that are kept, and may be spread over workers.

    Parameters
    ----------
    study : Study

    Returns
    -------
    bool

    Examples
    --------
    >>> has_parts(load_study("uncertainty")), has_parts(load_study("bridge"))
    (True, False)
    """
    return study.kind in SPREAD or study.table.years is not None


def _require_years_fit(study: Study) -> None:
    """Refuse years that a kind of study does not take, and a kind without the years it needs."""
    table = study.table
    if table.year is not None and table.years is not None:
        raise StudyError(
            f"year {table.year} and years {table.years!r} are both given: leave one out"
        )
    if table.years is not None and study.kind not in (*YEARLY, "drivers"):
        raise StudyError(
            f"a study of kind {study.kind!r} is of one table: give year, not years; several years "
            f"are for {', '.join(YEARLY)} and drivers"
        )
    if table.years is None and study.kind == "drivers":
        raise StudyError(
            "a study of drivers compares years: name two or more, for example --years 1995-2009 "
            '(in its file: years = "1995-2009")'
        )


def _outcome(
    study: Study, found: "Inputs", progress: Callable[[str], None], work: "Work"
) -> Outcome:
    """Compute a study by the module of its kind, over its years if it has several."""
    series = found.panel is not None and study.kind in YEARLY
    kind = import_module(f"carbonflows.study.{'series.study' if series else KINDS[study.kind]}")
    several: dict[str, Any] = {}
    if study.kind in SPREAD or series:
        several["work"] = work
    if found.panel is not None:
        several["absent"] = found.absent
    outcome: Outcome = kind.outcome(
        study, found.table if found.panel is None else found.panel,
        grouping=found.grouping,
        given=found.denominators if found.panel is None else found.given,
        progress=progress, **several,
    )  # fmt: skip
    return outcome


def _overridden(study: Study, **given: Any) -> Study:
    from carbonflows.sources.options import given_values

    if given["source"] is not None or given["path"] is not None:
        # Another table: the study's path, year and options do not describe it; the years that it
        # compares are its question, of whatever source.
        # A path of the call starts in the working folder, the study's own in the study's.
        path = None if given["path"] is None else str(Path(given["path"]).absolute())
        kept: dict[str, Any] = {
            "source": given["source"] or study.table.source,
            "path": path,
            "options": {},
        }
        if not given["source"] == study.table.source == "example":
            kept["year"] = None
        study = study.model_copy(update={"table": study.table.model_copy(update=kept)})
    if given["year"] is not None or given["years"] is not None:
        neither = {"year": None, "years": None}
        study = study.model_copy(update={"table": study.table.model_copy(update=neither)})
    # The study's own options start in its folder, those of the call in the working folder.
    own = given_values(study.table.options, Path(study.folder))
    text = {
        k: None if given[k] is None else str(given[k]) for k in ("grouping", "gdp", "population")
    }
    if text["grouping"] is not None and study.grouping is not None:
        # The block of groups and the printed numbers belong to the study's own grouping.
        study = study.model_copy(update={"grouping": None, "published": None})
    return study.changed(
        table={
            "year": given["year"],
            "years": given["years"],
            "options": own | dict(given["options"] or {}),
        },
        emissions={"stressor": given["stressor"], "households": given["households"]},
        grouping={"name": text["grouping"], "route": given["route"]},
        intensity={"gdp": text["gdp"], "population": text["population"]},
        figures={"draw": given["figures"]},
    )
