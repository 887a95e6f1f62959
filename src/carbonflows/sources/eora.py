"""Eora in full: about 190 countries in the sectors of their own statistics, 1990 to the present.

Some countries have an input-output table of industries or of commodities, others supply and use
tables. All are in one square matrix T of some 15 000 rows: where a country has supply and use
tables, its industries and its commodities are both nodes, ``Industry: …`` and ``Commodity: …``. The
industries sell to commodities only, and final demand and other countries buy these; the Leontief
inverse of the whole gives what the industry-technology model does.

T is some gigabytes of text. It passes by in pieces: `read_eora` needs the memory of Z (2 GB) and
that of Y, beside 70 MB (measured with 4000 nodes; 240 MB for the five sheets of purchasers'
prices); `stream_eora` needs no memory for Z.

Notes
-----
No sample of these files is public. Known from the publisher's page and from public programs that
read them: one sheet of values and one of standard deviations for each of five valuations (basic
prices, trade, transport, taxes, subsidies); blocks T, V, Y, Q, the columns of Q being those of T,
then those of Y; ``index_t v y q.csv`` with the columns Country, CountryA3, Entity and Sector, and
IndicatorCode and LineItems; ``…T-Results…``, ``…V-Results…``, ``…Y-Results…`` and ``…QY_Results…``
in the names of the files, csv without headers, each in a zip; repeated sector labels in a country
(Chile's ``Seafood``); the last row and the last six rows of V and columns of Y of ROW; thousand
USD. Not verified, for want of files:

- the rest of the names: ``Markup001`` for basic prices and 002 to 005 for the others, the year
  after ``Results_``, and a run after that; what a sheet of standard deviations is called;
- that sheets of margins, taxes and subsidies have T and Y of the same shape, with subsidies below
  zero, so that the five add up to purchasers' prices;
- that the first column of the labels counts lines (checked where it starts and ends so), and that
  texts with commas are quoted (put together again where they are not);
- how indicators are worded, so that the row of CO2 may have to be named;
- that the countries of ``index_y`` are in the order of ``index_t`` (refused otherwise), with the
  same categories in every country;
- that no cell is empty or ``NaN`` (refused);
- how close rows and columns are to a balance: taxes and subsidies on inputs lie in sheets of their
  own, so that costs at basic prices lack them.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import CarbonflowsError, DataError, SourceError
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.sources.balance import balance, own_use
from carbonflows.sources.eora26 import CITATION as CITATION_26
from carbonflows.sources.eora26 import extensions_of, picked_rows
from carbonflows.sources.eora26_checks import money_unit, squeezed
from carbonflows.sources.eora26_labels import (
    OUTSIDE,
    co2_rows,
    code_pairs,
    has_outside,
    row_name,
    same_regions,
)
from carbonflows.sources.eora_files import (
    BASIC,
    MARKUPS,
    EoraRelease,
    Place,
    eora_release,
    index_lines,
    node_labels,
    recognise,
    table_lines,
)
from carbonflows.sources.eora_flows import EoraFlows, Sums, separator_of, sheet_rows, where_is
from carbonflows.sources.eora_outside import outside_of, with_discrepancy
from carbonflows.sources.source import Source
from carbonflows.sources.tabbed import Label
from carbonflows.streamed import StreamedTable, in_memory
from carbonflows.table import IOTable

CITATION = "Eora" + CITATION_26.removeprefix("Eora26")
_PRICES = {"basic": "current basic prices", "purchasers": "current purchasers' prices"}
_STRAY = 1e-3  # share of their sales that industries of supply tables may make elsewhere unnoticed


def read_eora(
    path: str | Path,
    year: int | None = None,
    *,
    prices: str = "basic",
    co2: str | Sequence[str] | bool | None = None,
    discrepancies: str = "drop",
    unit: str | None = None,
    unbalanced: str = "refuse",
) -> IOTable:
    """Read one year of the full Eora as one square system.

    Parameters
    ----------
    path : str or Path
        Folder with the sheets and the labels, loose or in zips as downloaded.
    year : int, optional
        Needed where there are several, or where no name says the year.
    prices : {"basic", "purchasers"}
        Valuation of flows and final demand: the sheet of basic prices, or the sum of all five.
    co2 : str, sequence of str or False, optional
        Rows of Q by name, ``"code | name | line item"`` or any of these where only one row has it,
        as in `carbonflows.sources.eora26.read_eora26`: never a sum across inventories. Left out,
        the one row that is the total of CO2; False for a table without emissions.
    discrepancies : {"drop", "keep", "to_final"}
        What becomes of the region ROW, which holds statistical discrepancies: as in `read_eora26`.
        ``"to_final"`` reads T twice.
    unit : str, optional
        Unit of money. Left out, it follows from the value added of the world.
    unbalanced : {"refuse", "keep"}
        What to do, at basic prices, if a node that matters buys twice what it sells or the reverse:
        a sign of damaged files. The balance is in the provenance in any case.

    Returns
    -------
    IOTable
        Nodes ``(ISO3, sector)``; output from rows; emissions of nodes and of final demand.

    Raises
    ------
    SourceError
        Files or years that are not there, cut off, or of different releases; too little memory.
    LabelError, DataError, UnitError
        Labels, numbers or units in the files that cannot be used.

    Notes
    -----
    Value added is the sum of all primary inputs. At purchasers' prices rows hold margins and taxes,
    and columns of commodities do not: only outputs from rows are consistent there.

    References
    ----------
    Lenzen et al. (2012), Environ. Sci. Technol. 46:8374. Lenzen et al. (2013), Econ. Syst. Res.
    25:20. Lenzen and Rueda-Cantuche (2012), SORT 36:139 (supply and use tables as one system).

    Examples
    --------
    >>> read_eora("Eora_2013")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: Eora_2013 does not exist: check the path
    """
    table = stream_eora(
        path, year, prices=prices, co2=co2, discrepancies=discrepancies, unit=unit,
        unbalanced=unbalanced,
    )  # fmt: skip
    way_out = f"save it with 'carbonflows import eora {path} OUT', which needs less than 1 GB"
    return in_memory(table, way_out=way_out)


def stream_eora(
    path: str | Path,
    year: int | None = None,
    *,
    prices: str = "basic",
    co2: str | Sequence[str] | bool | None = None,
    discrepancies: str = "drop",
    unit: str | None = None,
    unbalanced: str = "refuse",
) -> StreamedTable:
    """Read all but the flows of one year of the full Eora; these pass by when they are asked for.

    Parameters
    ----------
    path, year, prices, co2, discrepancies, unit, unbalanced
        As in `read_eora`.

    Returns
    -------
    StreamedTable

    Raises
    ------
    SourceError, LabelError, DataError, UnitError
        As `read_eora`; what is wrong with T is raised while its rows pass by.

    Examples
    --------
    >>> stream_eora("Eora_2013")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: Eora_2013 does not exist: check the path
    """
    for name, value, known in (
        ("prices", prices, tuple(_PRICES)),
        ("discrepancies", discrepancies, ("drop", "keep", "to_final")),
        ("unbalanced", unbalanced, ("refuse", "keep")),
    ):
        if value not in known:
            raise SourceError(f"{name}={value!r} is not known: use {' or '.join(map(repr, known))}")
    release = eora_release(path, year)
    try:
        return _streamed(release, prices, co2, discrepancies, unit, unbalanced)
    except CarbonflowsError as error:
        if str(release.path) in str(error):
            raise
        raise type(error)(f"{release.path}: {error}", **error.facts) from error


def _streamed(
    release: EoraRelease,
    prices: str,
    co2: str | Sequence[str] | bool | None,
    discrepancies: str,
    unit: str | None,
    unbalanced: str,
) -> StreamedTable:
    where = str(release.path)
    markups = (BASIC,) if prices == "basic" else tuple(MARKUPS)
    records: list[dict[str, Any]] = []

    # Small files first: what is wrong with them is said before the long one is read.
    nodes, kinds, repeated = node_labels(_index(release, "t", records))
    demand = code_pairs(
        table_lines(_index(release, "y", records)), where_is(release.index("y")), first=2
    )
    same_regions(nodes, demand, where, ("index_t.csv", "index_y.csv"))
    n, q = len(nodes), len(demand)
    inputs = [sector for *_, sector in table_lines(_index(release, "v", records))]
    indicators, wanted = _indicators(release, co2, records)
    outside = has_outside(nodes) and discrepancies != "keep"
    node_in = np.array([code != OUTSIDE or not outside for code, _ in nodes])
    demand_in = np.array([code != OUTSIDE or not outside for code, _ in demand])
    sheets = [release.sheet(kind, markup) for kind in "TY" for markup in markups]
    compared = [PurePosixPath(name).name for _, name in (*sheets, release.sheet("V"))]
    flows = EoraFlows(
        [release.sheet("T", markup) for markup in markups],
        node_in,
        np.array([kind == "industry" for kind in kinds]),
        np.array([kind == "commodity" for kind in kinds]),
    )
    Y = np.zeros((n, q))
    for markup in markups:
        for first, values in sheet_rows(release.sheet("Y", markup), n, q, records):
            Y[first : first + len(values)] += values
    primary, by_input = np.zeros(n), np.zeros(len(inputs))
    for first, values in sheet_rows(release.sheet("V"), len(inputs), n, records):
        primary += values.sum(axis=0)
        by_input[first : first + len(values)] = values.sum(axis=1)
    full = np.zeros((0, n + q))
    if wanted:
        files, name = release.sheet("Q")
        full = picked_rows(
            files, name, records, wanted, rows=len(indicators), columns=n + q,
            labels="index_q.csv", separator=separator_of(files, name),
        )  # fmt: skip
    Q, QY = full[:, :n], full[:, n:]

    unit, found_by = (unit, "given") if unit else money_unit(float(primary[node_in].sum()))
    final = Y.sum(axis=1)
    lost = outside_of(Y, primary, Q, QY, node_in, demand_in)
    step: dict[str, Any] = {
        "step": "read", "unit": f"{unit}, {found_by}", "prices": prices,
        "discrepancies": discrepancies, "output": "from rows",
        "CO2 rows": [row_name(indicators[i]) for i in wanted],
        "primary inputs": pd.Series(by_input).groupby(inputs, sort=False).sum().to_dict(),
        "regions with supply and use tables": sorted(
            {code for (code, _), kind in zip(nodes, kinds, strict=True) if kind}
        ),
        "repeated sectors": [f"{code} {sector}" for code, sector in repeated],
    }  # fmt: skip
    warnings: list[str] = []
    refuse = 0.5 if unbalanced == "refuse" and prices == "basic" else None

    def rows() -> Iterator[tuple[int, Array]]:
        yield from flows.blocks()
        try:
            facts, warnings[:] = _checked(
                flows.sums, final, primary, nodes, node_in, refuse, compared
            )
        except DataError as error:
            raise DataError(f"{where}: {error}", **error.facts) from error
        step.update(facts)
        if outside:
            step["sums of ROW"] = lost.sums(flows.sums.to_it, flows.sums.bought)

    def provenance() -> dict[str, Any]:
        return {
            "reader": "eora",
            "release": " ".join(filter(None, ("Eora", release.name, str(release.year), prices))),
            "files": [*records, *flows.records],
            "steps": [dict(step)],
            "warnings": list(warnings),
        }

    kept = [nodes[i] for i in np.flatnonzero(node_in)]
    buyers = [demand[i] for i in np.flatnonzero(demand_in)]
    added = primary[node_in]
    if outside:
        Y, Q, QY = squeezed(Y, node_in, demand_in), Q[:, node_in], QY[:, demand_in]
        if discrepancies == "to_final":
            for _ in rows():
                pass
            to_it = (flows.sums.to_it + lost.final)[node_in]
            Y, QY, buyers = with_discrepancy(Y, QY, buyers, kept, to_it)
            added = added + flows.sums.bought[node_in]
    index = pd.MultiIndex.from_tuples(kept, names=NODE)
    columns = pd.MultiIndex.from_tuples(buyers, names=DEMAND)
    return StreamedTable(
        rows=rows,
        Y=pd.DataFrame(Y, index, columns, copy=False),
        extensions=tuple(
            extensions_of(
                pd.DataFrame(Q, columns=index),
                pd.DataFrame(QY, columns=columns),
                [indicators[i] for i in wanted],
                CITATION,
                f"{where}: index_q.csv",
            )
        ),
        value_added=pd.Series(added, index),
        x_given=None,
        output="rows",
        unit=unit,
        year=release.year,
        currency=None,
        price_basis=_PRICES[prices],
        name="Eora",
        source=CITATION,
        members={
            code: ("*",) if code == OUTSIDE else (code,)
            for code in dict.fromkeys(code for code, _ in kept)
        },
        provenance=provenance,
    )


def _checked(
    sums: Sums,
    final: Array,
    primary: Array,
    nodes: Sequence[Label],
    kept: npt.NDArray[np.bool_],
    refuse: float | None,
    files: Sequence[str],
) -> tuple[dict[str, Any], list[str]]:
    """Compare sales and costs of all nodes; warn of what supply and use tables do not have."""
    n, sold = len(nodes), sums.sold + final
    found = balance(
        sold, sums.cost + primary, nodes, ("sells", "costs"), refuse=refuse, weight=1e-4,
        files=files, kept=kept,
    )  # fmt: skip
    # Of the flows, only the diagonal counts: this gives it without making the rest.
    own = np.where(kept, sums.own, 0.0)[:, None]
    warnings = found["warnings"] + own_use(np.broadcast_to(own, (n, n)), sold, nodes)
    stray = sums.stray / sums.supplied if sums.supplied else 0.0
    if stray > _STRAY:
        warnings.append(
            f"industries of supply and use tables sell {stray:.2%} of their output to others than "
            "commodities: check that index_t.csv is of this release"
        )
    facts = {
        "balance": {key: found[key] for key in ("gap", "worst")},
        "supply to others than commodities": stray,
    }
    return facts, warnings


def _index(release: EoraRelease, kind: str, records: list[dict[str, Any]]) -> Place:
    files, name = release.index(kind)
    records.append(files.record(name))
    return files, name


def _indicators(
    release: EoraRelease, co2: Any, records: list[dict[str, Any]]
) -> tuple[list[Label], list[int]]:
    """Return the labels of the rows of Q, and which of them are wanted."""
    if co2 is False:
        return [], []
    _, *lines = index_lines(_index(release, "q", records))
    labels: list[Label] = [tuple(dict.fromkeys(filter(None, line))) for line in lines]
    return labels, co2_rows(labels, co2, where_is(release.index("q")))


SOURCE = Source(
    name="eora",
    title="Eora, the multi-regional input-output database in national classifications",
    coverage="1990-2016 and later; about 190 countries with 15 000 sectors together, as "
    "input-output or as supply and use tables; several inventories of CO2 and other satellites",
    licence="free for academic use at degree-granting institutions, after registration; else by "
    "licence",
    get="log in at the publisher's site (Eora, worldmrio), download the sheets T, V, Y and Q of a "
    "year at basic prices and indices.zip into one folder and give its path",
    read=read_eora,
    recognise=recognise,
    stream=stream_eora,
)
