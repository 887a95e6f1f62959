"""The command line: parse, make one library call, print.

A mistake of the user's gives one line on stderr and exit code 1 (2 where the command itself is
mistyped); a mistake of ours keeps its traceback.
"""

import json
import re
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from carbonflows.progress_bars import rows_bar, steps_bar, study_bars, transfer_bars

app = typer.Typer(
    name="carbonflows",
    help="Whose consumption causes whose emissions, from any multi-regional input-output table.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

INTERRUPTED = 130
"""Exit code after Ctrl-C or a polite request to end."""

Source = Annotated[
    str | None, typer.Option(help="Kind of table (see: carbonflows sources), or auto.")
]
TablePath = Annotated[Path | None, typer.Option("--path", help="File or folder of the table.")]
Year = Annotated[int | None, typer.Option(help="Year of the table.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Option of the reader; repeat for several."),
]
Table = Annotated[Path | None, typer.Argument(help="Saved table, or file or folder of a database.")]


@app.command()
def run(
    study: Annotated[str, typer.Argument(help="A shipped study's name, or a .toml file.")],
    source: Source = None,
    path: TablePath = None,
    year: Year = None,
    years: Annotated[
        str | None, typer.Option(help="Years of the tables: 1995-2009, or 1995,2000,2004-2007.")
    ] = None,
    options: Options = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the results.")] = None,
    stressor: Annotated[
        list[str] | None, typer.Option(help="Stressor; repeat to add several up.")
    ] = None,
    households: Annotated[
        bool | None, typer.Option(help="Count direct emissions of households, or leave them out.")
    ] = None,
    grouping: Annotated[
        str | None, typer.Option(help="Shipped grouping of regions, or a .csv file.")
    ] = None,
    aggregate_first: Annotated[
        bool, typer.Option("--aggregate-first", help="Sum the table to groups before computing.")
    ] = False,
    gdp: Annotated[
        Path | None, typer.Option(help="World Bank CSV of GDP [USD], for intensities.")
    ] = None,
    population: Annotated[
        Path | None, typer.Option(help="World Bank CSV of population, for emissions per head.")
    ] = None,
    figures: Annotated[bool | None, typer.Option(help="Draw figures, or leave them out.")] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Dask cluster to spread over, as tcp://HOST:PORT."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, help="Processes to spread over here; as many as pay unless told."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Compute also what is there from the same inputs.")
    ] = False,
) -> None:
    """Run a study: tables, figures and one HTML report."""
    from carbonflows.diagnosis import printed
    from carbonflows.sources.options import given_words
    from carbonflows.study import run as run_study

    place = out or Path("out") / Path(study).stem
    with _interruptible(study, years, place), study_bars() as (step, passed):
        result = run_study(
            study,
            place,
            source=source,
            path=path,
            year=year,
            years=years,
            options=given_words(options),
            stressor=stressor or None,
            households=households,
            grouping=grouping,
            route="aggregate_first" if aggregate_first else None,
            gdp=gdp,
            population=population,
            figures=figures,
            scheduler=scheduler,
            processes=processes or "auto",
            again=again,
            progress=step,
            passed=passed,
        )
    odd = result.diagnosis.findings[result.diagnosis.findings["level"].isin(["warning", "error"])]
    for line in printed(odd):
        typer.echo(line, err=True)
    for line in result.headlines:
        typer.echo(f"- {line}")
    if result.reused:
        typer.echo("Read from the results of an earlier run with the same inputs (--again: anew).")
    typer.echo(f"Report: {result.report}")


@app.command()
def info(
    table: Table = None,
    source: Source = None,
    year: Year = None,
    options: Options = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what is in a table: size, money, emissions, oddities, provenance."""
    from carbonflows.overview import look_into
    from carbonflows.sources.options import given_words

    with steps_bar("looking") as step:
        step("looking into the table")
        kind = source or _usual_source(table)
        found = look_into(table, source=kind, year=year, **given_words(options))
        step("writing it down")
        text = json.dumps(found.records(), indent=2, ensure_ascii=False) if as_json else str(found)
    typer.echo(text)


@app.command()
def check(
    table: Table = None,
    source: Source = None,
    path: TablePath = None,
    year: Year = None,
    options: Options = None,
) -> None:
    """Look a table over: totals, balances, negatives, idle nodes, productivity."""
    import carbonflows as cf
    from carbonflows.sources.options import given_words

    if table is not None and path is not None:
        raise typer.BadParameter("give the table once: as TABLE or with --path")
    place = table or path
    with steps_bar("checking") as step:
        step("reading the table")
        kind = source or _usual_source(place)
        read = cf.read(kind, place, year=year, **given_words(options))
        step("looking it over")
        found = cf.diagnose(read)
    typer.echo(repr(read))
    typer.echo(str(found))
    if found.worst == "error":
        raise typer.Exit(1)


@app.command(name="import")
def import_(
    source: Annotated[
        str, typer.Argument(help="Kind of table (see: carbonflows sources), or auto.")
    ],
    path: Annotated[Path, typer.Argument(help="File or folder of the table.")],
    out: Annotated[Path, typer.Argument(help="Where to save it: a folder, or a .zip file.")],
    year: Year = None,
    options: Options = None,
    grouping: Annotated[
        str | None, typer.Option(help="Sum regions: a shipped grouping, or a .csv file.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a saved table.")] = False,
) -> None:
    """Read a table once and save it, so that later runs open it in a breath."""
    from carbonflows.overview import account
    from carbonflows.regions import aggregate, load_grouping
    from carbonflows.sources import named, the_one_recognised
    from carbonflows.sources.options import given_words, options_of
    from carbonflows.store import require_table_place, save_stream
    from carbonflows.streamed import streamed

    require_table_place(out, overwrite=overwrite)
    with rows_bar("reading the table") as passed:
        groups = None if grouping is None else load_grouping(grouping)
        kind = named(the_one_recognised(path) if source == "auto" else source)
        table = kind.blocks(path, year, **given_words(options))
        if groups is not None:
            table = streamed(aggregate(table, groups))
        rows = len(table.nodes)
        saved = save_stream(
            table, out, overwrite=overwrite, progress=lambda done: passed(done, rows)
        )
    provenance = table.provenance()
    typer.echo(repr(table))
    release = provenance.get("release")
    how = "recognised" if source == "auto" else "named"
    typer.echo(f"  {how}: {kind.name}" + (f", release {release}" if release else ""))
    for line in account(provenance):
        typer.echo(line)
    warnings = provenance.get("warnings", [])
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"Saved: {saved}")
    if warnings:
        typer.echo(f"What the warnings come to: carbonflows check {saved}")
    if not table.extensions and "emissions" in options_of(kind.read):
        typer.echo("No emissions inside: --set emissions=FILE, see docs/tables.md")


@app.command()
def sources() -> None:
    """List the databases that can be read: coverage, licence, what to download."""
    from carbonflows.sources import NAMES, named
    from carbonflows.sources.publishers import OFFERS

    for name in NAMES:
        known = named(name)
        typer.echo(f"{name}: {known.title}")
        for what, text in (
            ("covers", known.coverage), ("licence", known.licence), ("get", known.get)
        ):  # fmt: skip
            typer.echo(f"    {what}: {text}")
        if name in OFFERS:
            typer.echo(f"    fetch: carbonflows fetch {name} --year YEAR")


@app.command()
def fetch(
    source: Annotated[str, typer.Argument(help="Which database (see: carbonflows sources).")],
    year: Year = None,
    release: Annotated[
        str | None, typer.Option(help="Version, edition or number of economies.")
    ] = None,
    system: Annotated[
        str | None, typer.Option(help="EXIOBASE: products (pxp) or industries (ixi).")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files.")] = None,
    url: Annotated[
        str | None, typer.Option(help="Address to take the files from, not the publisher's.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other files of the same names.")
    ] = False,
) -> None:
    """Download one year of a database, or say what to do by hand."""
    from carbonflows.sources.publishers import fetch as fetch_files

    try:
        with transfer_bars() as progress:
            got = fetch_files(
                source, year, out, release=release, system=system, url=url, overwrite=overwrite,
                progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        typer.echo("stopped: the same command goes on from what is there (.part)", err=True)
        sys.exit(INTERRUPTED)
    for record in got.records:
        kind = (record["checksum"] or "").partition(":")[0]
        proof = f"{kind} as published" if kind else "no checksum published"
        typer.echo(f"{record['name']}: {record['bytes']:,} bytes, {proof}")
    if got.by_hand:
        typer.echo(f"By hand: {got.by_hand}")
    typer.echo(f"Import it: carbonflows import {source} {got.folder} OUT --year {year}")


@app.command()
def studies() -> None:
    """List the studies that ship with the package."""
    from carbonflows.study.spec import load_study
    from carbonflows.study.spec import studies as shipped

    for name in shipped():
        typer.echo(f"{name}: {load_study(name).title}")


@app.command()
def template(
    folder: Annotated[Path, typer.Argument(help="Folder to write; it must not exist.")],
    country: Annotated[
        str, typer.Option(help="Region of the example world whose place the country takes.")
    ] = "CHN",
    provinces: Annotated[int, typer.Option(min=4, max=40, help="How many.")] = 12,
    seed: Annotated[int, typer.Option(help="Another number, another country.")] = 0,
) -> None:
    """Write the folder that a study of provinces reads, filled with a made-up country."""
    from carbonflows.study.template import write_template

    write_template(folder, country=country, number=provinces, seed=seed)
    typer.echo(f"{folder}: see README.txt there, then carbonflows run {folder / 'study.toml'}")


@app.command()
def groupings() -> None:
    """List the groupings of regions that ship with the package."""
    import carbonflows as cf

    for name in cf.groupings():
        grouping = cf.load_grouping(name)
        typer.echo(f"{name}: {len(grouping.groups)} groups. {grouping.source}")


def _usual_source(path: Path | None) -> str:
    """Recognise what there is; without a path look at the example."""
    return "example" if path is None else "auto"


@contextmanager
def _interruptible(study: str, years: str | None, out: Path) -> Iterator[None]:
    """Say after Ctrl-C which finished parts are kept."""
    try:
        yield
    except KeyboardInterrupt:
        from carbonflows.study.folders import parts_folder
        from carbonflows.study.pipeline import has_parts
        from carbonflows.study.spec import load_study

        kept = sum(1 for _ in parts_folder(out).glob("*.npz"))
        if kept:
            told = (
                f"{kept} finished {'part is' if kept == 1 else 'parts are'} kept in "
                f"{parts_folder(out)}; the same command goes on from there"
            )
        elif years is not None or has_parts(load_study(study)):
            told = "nothing was finished yet; the next run begins anew"
        else:
            raise
        typer.echo(f"stopped: {told}", err=True)
        sys.exit(INTERRUPTED)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    if version:
        import carbonflows

        typer.echo(f"carbonflows {carbonflows.__version__}")
        raise typer.Exit


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; the entry point of ``carbonflows``.

    Parameters
    ----------
    arguments : list of str, optional
        Words of the command; those of the process by default.
    """
    with suppress(ValueError):  # not in the main thread
        signal.signal(signal.SIGTERM, _terminated)
    try:
        with _notes():
            code = app(arguments, standalone_mode=False)
        if code == INTERRUPTED:  # what the parser makes of Ctrl-C
            _stopped()
        sys.exit(code if isinstance(code, int) else 0)
    except KeyboardInterrupt:
        _stopped()
    except Exception as error:
        if hasattr(error, "exit_code") and hasattr(error, "show"):  # a mistyped command
            error.show()
            sys.exit(error.exit_code)
        from carbonflows.errors import CarbonflowsError

        if isinstance(error, CarbonflowsError):
            typer.echo(f"error: {error}{_ways(str(error), error.facts)}", err=True)
        elif isinstance(error, OSError) and error.filename:
            typer.echo(f"error: {error.filename}: {error.strerror}; check it", err=True)
        else:
            raise
        sys.exit(1)


@contextmanager
def _notes() -> Iterator[None]:
    """Print our own warnings in one line each; those of others stay as they are."""
    ours, usual = Path(__file__).parent, warnings.showwarning

    def shown(
        message: Warning | str, category: type[Warning], filename: str, lineno: int,
        file: TextIO | None = None, line: str | None = None,
    ) -> None:  # fmt: skip
        if category is UserWarning and Path(filename).is_relative_to(ours):
            typer.echo(f"note: {message}", err=True)
        else:
            usual(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.showwarning = shown
        yield


def _ways(message: str, facts: dict[str, Any]) -> str:
    """Say how options that a message names as in Python are given here."""
    words = dict.fromkeys(re.findall(r"\b([a-z]\w*)=", message))
    known = facts.get("options", [])
    ways = [f"--set {word}=…" for word in words if word in known]
    ways += ["--year …"] if "year" in words and "options" in facts else []
    return f" (on the command line: {', '.join(ways)})" if ways else ""


def _terminated(signum: int, frame: object) -> None:
    """Clean up on a polite request to end, as on Ctrl-C."""
    raise KeyboardInterrupt


def _stopped() -> None:
    typer.echo("stopped: nothing half-written is left", err=True)
    sys.exit(INTERRUPTED)
