"""GLORIA: 164 regions with 120 industries and 120 products each, 1990 to the present.

GLORIA publishes supply and use tables: in each region the industries make products (``supply``,
read in the industries' rows) and buy the products of all regions (``use``, read in their columns);
final demand buys products. They become one square system in which industries and products are both
nodes, ``Industry: …`` and ``Product: …``; nothing is assumed about technology, and emissions stay
with the industries.

The table of 39 360 nodes takes 12.4 GB of memory (float64); its 10 GB of text pass by in pieces of
some megabytes. `stream_gloria` gives these pieces to whom the whole is too large.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import CarbonflowsError, DataError, SourceError, UnitError, quoted
from carbonflows.labels import Array
from carbonflows.sources.archive import Files
from carbonflows.sources.balance import balance
from carbonflows.sources.gloria_files import (
    GloriaRelease,
    gloria_release,
    members,
    satellite_row,
)
from carbonflows.sources.numbers import number_pieces
from carbonflows.sources.recorded import recorded, unfinished
from carbonflows.sources.source import Source
from carbonflows.streamed import StreamedTable, in_memory, require_memory_for_flows
from carbonflows.table import Extension, IOTable, OutputPolicy

CITATION = (
    "GLORIA: Lenzen, Geschke, West, Fry, Malik, Giljum, Milà i Canals, Piñero, Lutter, Wiedmann, "
    "Li, Sevenster, Potočnik, Teixeira, Van Voore, Nansai and Schandl (2022), Nature "
    "Sustainability 5:157-166"
)
CO2 = "co2_excl_short_cycle_org_c_total_EDGAR_consistent"
"""CO2 without the short carbon cycle, all sources of EDGAR."""
_UNITS = {
    "kilotonnes": "kt", "kilotons": "kt", "tonnes": "t", "kilotonnes co2-equivalent": "kt CO2eq",
}  # fmt: skip


def read_gloria(
    path: str | Path,
    year: int | None = None,
    *,
    prices: str = "basic",
    emissions: str | bool | None = None,
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of GLORIA as a square system of industries and products.

    Parameters
    ----------
    path : str or Path
        Folder with ``GLORIA_MRIOs_…`` and ``GLORIA_SatelliteAccounts_…`` (folders or zip archives)
        and ``GLORIA_ReadMe_….xlsx``; or one ``GLORIA_MRIOs_…`` with the others beside it.
    year : int, optional
        Needed where there are several.
    prices : {"basic", "purchasers"}
        Valuation of transactions and final demand: the files ``Markup001`` or ``Markup005``.
    emissions : str or False, optional
        Row of the satellite accounts, by its indicator or ``head | indicator``; one row of one
        inventory, never a sum over inventories. By default EDGAR's CO2 without the short carbon
        cycle; False for a table without emissions.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`. GLORIA publishes none.

    Returns
    -------
    IOTable
        2 m s nodes, thousand USD at current prices. Regions that a year does not have (former
        states) stay, with zeros.

    Raises
    ------
    SourceError
        Missing, incomplete or mixed files, no such year, no such satellite account; too little
        memory.
    LabelError
        Labels that are empty or occur twice.
    DataError
        Cells that are no numbers, or flows where the layout has none.
    UnitError
        A satellite account that is not a mass.

    Notes
    -----
    ``Z = [[0, S], [U, 0]]`` with supply ``S`` (industry × product) and use ``U`` (product ×
    industry) of all regions interleaved; the Leontief inverse of this system gives what the
    industry-technology model does. The four valuation layers between basic and purchasers' prices
    are not read.

    References
    ----------
    Lenzen et al. (2022), Nature Sustainability 5:157. Lenzen and Rueda-Cantuche (2012), SORT
    36:139 (supply and use tables as one system).

    Examples
    --------
    >>> read_gloria("GLORIA_MRIOs_59_2022")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: GLORIA_MRIOs_59_2022 does not exist: check the path
    """
    release = gloria_release(path, year, prices)
    way_out = f"save it with 'carbonflows import gloria {path} OUT', which needs less than 1 GB"
    # Said before minutes are spent on the satellite accounts.
    require_memory_for_flows(len(release.labels.nodes), f"GLORIA {release.name}", way_out)
    table = _streamed(release, emissions, output)
    return in_memory(table, way_out=way_out)


def stream_gloria(
    path: str | Path,
    year: int | None = None,
    *,
    prices: str = "basic",
    emissions: str | bool | None = None,
    output: OutputPolicy = "rows",
) -> StreamedTable:
    """Read all but the transactions of one year of GLORIA; these pass by when they are asked for.

    Parameters
    ----------
    path, year, prices, emissions, output
        As in `read_gloria`.

    Returns
    -------
    StreamedTable

    Raises
    ------
    SourceError, LabelError, DataError, UnitError
        As `read_gloria`; what is wrong with the transactions is raised while they pass by.

    Examples
    --------
    >>> stream_gloria("GLORIA_MRIOs_59_2022")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: GLORIA_MRIOs_59_2022 does not exist: check the path
    """
    return _streamed(gloria_release(path, year, prices), emissions, output)


def _streamed(
    release: GloriaRelease, emissions: str | bool | None, output: OutputPolicy
) -> StreamedTable:
    labels = release.labels
    nodes, demand = labels.nodes, labels.demand_columns
    records: list[dict[str, Any]] = []
    # Small files first: what is wrong with them is said before the long one is read.
    Y = _final_demand(release, records)
    added, parts = _value_added(release, records)
    extensions = () if emissions is False else (_emissions(release, emissions, records),)
    readme, name = release.readme
    records.append(readme.record(name))
    final = Y.sum(axis=1)
    half = len(labels.sectors)
    products = np.tile(np.repeat([False, True], half), len(labels.regions))
    passed: dict[str, Any] = {}  # what is known once the transactions have passed by

    def rows() -> Iterator[tuple[int, Array]]:
        files: list[dict[str, Any]] = []
        sold, made = final.copy(), np.zeros(len(nodes))
        for start, block in flow_rows(release, files):
            sold[start : start + len(block)] += block.sum(axis=1)
            made += block.sum(axis=0)
            yield start, block
        gaps = np.abs(sold - made)[products]
        # Nothing is refused: how far real releases are from a balance is not known here.
        found = balance(
            sold,
            made + added,
            nodes.tolist(),
            ("sells", "costs"),
            refuse=None,
            weight=0.0,
            files=["T-Results", "Y-Results", "V-Results"],
        )
        passed["warnings"] = [*found["warnings"], *unfinished([*records, *files])]
        passed["files"] = files
        passed["sums"] = {
            "products made and sold, sum of gaps": float(gaps.sum()),
            "products made, sum": float(made[products].sum()),
        }

    def provenance() -> dict[str, Any]:
        return {
            "reader": "gloria",
            "release": f"{release.name}, {release.prices} prices",
            "files": [*records, *passed.get("files", [])],
            "warnings": passed.get("warnings", []),
            "steps": [{"step": "read", "value added": parts, **passed.get("sums", {})}],
        }

    try:
        return StreamedTable(
            rows=rows,
            Y=pd.DataFrame(Y, nodes, demand, copy=False),
            extensions=extensions,
            value_added=pd.Series(added, nodes),
            x_given=None,
            output=output,
            unit="thousand USD",
            year=release.year,
            currency=None,
            price_basis=f"current {'basic' if release.prices == 'basic' else 'purchasers’'} prices",
            name=f"GLORIA {release.name}",
            source=CITATION,
            members=members(labels.regions),
            provenance=provenance,
        )
    except CarbonflowsError as error:
        where = release.place("T")[2]
        raise type(error)(f"{where}: {error}", **error.facts) from error


def flow_rows(
    release: GloriaRelease, records: list[dict[str, Any]] | None = None, *, piece: int = 4 << 20
) -> Iterator[tuple[int, Array]]:
    """Yield blocks of rows of the transactions, from top to bottom.

    Parameters
    ----------
    release : GloriaRelease
    records : list of dict, optional
        Gets what the provenance says of the file, once it is read to its end.
    piece : int
        Bytes of text to read at a time.

    Yields
    ------
    start : int
        Position of the first row.
    rows : array (k, 2 m s)
        Flows [thousand USD].

    Raises
    ------
    SourceError, DataError
        As `read_gloria`.
    """
    files, name, where = release.place("T")
    half, regions = len(release.labels.sectors), len(release.labels.regions)
    n = 2 * half * regions
    done = 0
    with recorded(files, name, [] if records is None else records) as stream:
        for rows in _pieces(stream, where, n, n, piece):
            kinds = rows.reshape(len(rows), regions, 2, half)
            product = (np.arange(done, done + len(rows)) // half) % 2
            for kind, what in enumerate(
                ("industries buy from industries", "products from products")
            ):
                own = kinds[product == kind, :, kind]
                if own.any():
                    row = done + int(np.flatnonzero(product == kind)[own.any(axis=(1, 2)).argmax()])
                    raise DataError(
                        f"{where} line {row + 1}: {what}, where supply and use tables have "
                        "nothing: its labels do not fit it, use those of its release",
                        path=where, line=row + 1,
                    )  # fmt: skip
            yield done, rows
            done += len(rows)


def recognise(files: Files) -> str | None:
    """Say which release the files are, by their names; Eora's sheets are called alike."""
    if any(name.endswith(("index_t.csv", "indices.zip")) for name in files.names):
        return None
    for name in (*files.names, files.path.name):
        found = re.search(r"GLORIA_MRIOs_0*(\d+)_\d{4}|T-Results_\d{4}_(\d{3})_Markup", name)
        if found:
            return f"GLORIA {int(found[1] or found[2]):03d}"
    return None


SOURCE = Source(
    name="gloria",
    title="Global Resource Input-Output Assessment",
    coverage="releases 053 to 060: 1990 to 2 years ago, 164 regions, 120 industries and products",
    licence="free for academic use; registration",
    get="log in at the Industrial Ecology Virtual Laboratory, download GLORIA_MRIOs and "
    "GLORIA_SatelliteAccounts of a year and GLORIA_ReadMe, and give their folder",
    read=read_gloria,
    recognise=recognise,
    stream=stream_gloria,
)


def _pieces(
    stream: BinaryIO, where: str, rows: int, columns: int, piece: int = 4 << 20
) -> Iterator[Array]:
    """Yield the numbers of a file whose size the labels say."""
    done = 0
    for values, _ in number_pieces(stream, where, columns=columns, separator=",", piece=piece):
        done += len(values)
        if done > rows:
            raise SourceError(
                f"{where} has more than {rows} lines: its labels do not fit it, use those of its "
                "release",
                path=where, rows=rows,
            )  # fmt: skip
        yield values
    if done != rows:
        raise SourceError(
            f"{where} has {done} lines, its labels say {rows}: it is cut off, or of another "
            "release, get it again",
            path=where, rows=rows, found=done,
        )  # fmt: skip


def _final_demand(release: GloriaRelease, records: list[dict[str, Any]]) -> Array:
    files, name, where = release.place("Y")
    labels = release.labels
    n, half = len(labels.nodes), len(labels.sectors)
    Y = np.empty((n, len(labels.regions) * len(labels.demand)))
    done = 0
    with recorded(files, name, records) as stream:
        for values in _pieces(stream, where, *Y.shape):
            Y[done : done + len(values)] = values
            done += len(values)
    bought = Y.reshape(-1, 2, half, Y.shape[1])[:, 0].any(axis=2)
    if bought.any():
        region, sector = np.argwhere(bought)[0]
        line = int(region) * 2 * half + int(sector) + 1
        raise DataError(
            f"{where} line {line}: final demand buys from an industry, where it buys products "
            "only: its labels do not fit it, use those of its release",
            path=where, line=line,
        )  # fmt: skip
    return Y


def _value_added(
    release: GloriaRelease, records: list[dict[str, Any]]
) -> tuple[Array, dict[str, float]]:
    """Sum the rows of value added; return also the world's sum of each category."""
    files, name, where = release.place("V")
    labels = release.labels
    n, half, q = len(labels.nodes), len(labels.sectors), len(labels.added)
    added, sums = np.zeros(n), np.zeros(q)
    done = 0
    with recorded(files, name, records) as stream:
        for values in _pieces(stream, where, len(labels.regions) * q, n):
            added += values.sum(axis=0)
            np.add.at(sums, np.arange(done, done + len(values)) % q, values.sum(axis=1))
            done += len(values)
    _of_industries(added, half, where, "value added")
    return added, dict(zip(labels.added, sums.tolist(), strict=True))


def _emissions(
    release: GloriaRelease, wanted: str | bool | None, records: list[dict[str, Any]]
) -> Extension:
    """Read the one row of the satellite accounts that was asked for."""
    labels = release.labels
    where = f"{release.readme[0].path}: {release.readme[1]}"
    row = satellite_row(labels, wanted if isinstance(wanted, str) else CO2, where)
    head, indicator, stated = labels.satellites[row]
    unit = _UNITS.get(stated.lower(), stated)
    if unit in ("kt", "t") and indicator.lower().startswith("co2"):
        unit += " CO2"
    if not units.known(unit) or not units.convertible(unit.split()[0], "kt"):
        raise UnitError(
            f"{where} gives {indicator!r} in {quoted(stated)}, which is no mass: choose another "
            "row",
            unit=stated,
        )
    nodes, demand = labels.nodes, labels.demand_columns
    F = _row(release, "TQ", row, len(nodes), records)
    F_Y = _row(release, "YQ", row, len(demand), records)
    _of_industries(F, len(labels.sectors), release.place("TQ")[2], indicator)
    return Extension(
        pd.DataFrame([F], [indicator], nodes),
        pd.DataFrame([F_Y], [indicator], demand),
        unit=unit,
        name="emissions",
        source=f"GLORIA {release.name}, satellite account {head} | {indicator}",
    )


def _row(
    release: GloriaRelease, kind: str, row: int, columns: int, records: list[dict[str, Any]]
) -> Array:
    """Parse one line of the thousands of a satellite account; count the others."""
    files, name, where = release.place(kind)
    rows, lines, line = len(release.labels.satellites), 0, b""
    with recorded(files, name, records) as stream:
        for lines, text in enumerate(stream, 1):
            if lines == row + 1:
                line = text
    if lines != rows:
        raise SourceError(
            f"{where} has {lines} lines, its labels say {rows}: it is cut off, or of another "
            "release, get it again",
            path=where, rows=rows, found=lines,
        )  # fmt: skip
    pieces = number_pieces(
        io.BytesIO(line), where, columns=columns, separator=",", first_line=row + 1
    )
    return np.array([values[0] for values, _ in pieces]).reshape(columns)


def _of_industries(values: Array, half: int, where: str, what: str) -> None:
    """Raise where products have what only industries have."""
    wrong = np.flatnonzero(values.reshape(-1, 2, half)[:, 1].any(axis=1))
    if len(wrong):
        column = (2 * int(wrong[0]) + 1) * half + 1
        raise DataError(
            f"{where}: products have {what} (from column {column} on), which only industries have: "
            "its labels do not fit it, use those of its release",
            path=where, column=column,
        )  # fmt: skip
