"""Eora26: about 190 countries × 26 sectors, every year from 1990, as text without headers.

``Eora26_2012_bp_T.txt`` (flows), ``_FD`` (final demand), ``_VA`` (primary inputs), ``_Q`` and
``_QY`` (satellites of nodes and of final demand), ``bp`` for basic and ``pp`` for purchasers'
prices, with ``labels_T.txt``, ``labels_FD.txt``, ``labels_VA.txt`` and ``labels_Q.txt``, all in a
folder or a zip; the labels may come in an ``indices.zip`` beside them.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.bypass import bypass
from carbonflows.errors import CarbonflowsError, SourceError
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.sources.archive import Files
from carbonflows.sources.balance import balance, own_use
from carbonflows.sources.eora26_checks import (
    money_unit,
    passing_on,
    reexports,
    squeezed,
)
from carbonflows.sources.eora26_files import Release, recognise, release_of
from carbonflows.sources.eora26_labels import (
    OUTSIDE,
    co2_rows,
    code_pairs,
    has_outside,
    is_co2,
    label_lines,
    row_name,
    row_unit,
    same_regions,
)
from carbonflows.sources.eora_outside import outside_of, with_discrepancy
from carbonflows.sources.numbers import number_block, number_rows
from carbonflows.sources.recorded import recorded, unfinished
from carbonflows.sources.source import Source
from carbonflows.sources.tabbed import Label
from carbonflows.table import Extension, IOTable

CITATION = (
    "Eora26: Lenzen, Kanemoto, Moran and Geschke (2012), Environmental Science & Technology "
    "46:8374-8381; Lenzen, Moran, Kanemoto and Geschke (2013), Economic Systems Research 25:20-49"
)
_PRICES = {"bp": "current basic prices", "pp": "current purchasers' prices"}


def read_eora26(
    path: str | Path,
    year: int | None = None,
    *,
    price: Literal["bp", "pp"] | None = None,
    co2: str | Sequence[str] | bool | None = None,
    discrepancies: Literal["drop", "keep", "to_final"] = "drop",
    reexport: Literal["keep", "bypass"] = "keep",
    unit: str | None = None,
    unbalanced: Literal["refuse", "keep"] = "refuse",
) -> IOTable:
    """Read one year of Eora26.

    Parameters
    ----------
    path : str or Path
        Folder with the files (or with the zips, or with a folder per year), or one zip.
    year : int, optional
        Needed where there are several.
    price : {"bp", "pp"}, optional
        Basic or purchasers' prices; basic prices where both are there.
    co2 : str, sequence of str or False, optional
        Row of the satellite by name, ``"indicator | source"``. Left out, the one row that is the
        total of CO2; if there is not exactly one, the candidates are listed. Eora holds several
        inventories side by side, so rows are never summed here: several names give several
        stressors. False: a table without emissions.
    discrepancies : {"drop", "keep", "to_final"}
        What becomes of the region ROW, which holds statistical discrepancies: left out (default;
        what was lost is in the provenance), kept as a region, or sales to it as a category of final
        demand of the seller's region (``discrepancy``) and purchases from it as value added, which
        leaves all outputs as they are.
    reexport : {"keep", "bypass"}
        Treat the re-export sector as any other, or take it out with `carbonflows.bypass.bypass`.
    unit : str, optional
        Unit of money. Left out, it follows from the value added of the world: thousand or million
        USD.
    unbalanced : {"refuse", "keep"}
        What to do if a node that matters buys twice what it sells or the reverse: a sign of damaged
        files. The balance is in the provenance in any case.

    Returns
    -------
    IOTable
        Nodes ``(ISO3, sector)``; output from rows; CO2 in the extension ``emissions``, that of
        final users where Eora has it (households).

    Raises
    ------
    SourceError
        Files or years that are not there, cut off, or of different releases.
    LabelError, DataError, UnitError
        Labels, numbers or units in the files that cannot be used.

    Notes
    -----
    Output is the sum of a row after the discrepancies have been dealt with, so that all identities
    of the quantity model hold. Value added is the sum of all primary inputs.

    References
    ----------
    Lenzen et al. (2012), Environ. Sci. Technol. 46:8374. Lenzen et al. (2013), Econ. Syst. Res.
    25:20.

    Examples
    --------
    >>> read_eora26("Eora26_2012_bp.zip")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: Eora26_2012_bp.zip does not exist: check the path
    """
    for name, value, known in (
        ("discrepancies", discrepancies, ("drop", "keep", "to_final")),
        ("reexport", reexport, ("keep", "bypass")), ("unbalanced", unbalanced, ("refuse", "keep")),
    ):  # fmt: skip
        if value not in known:
            raise SourceError(f"{name}={value!r} is not known: use {' or '.join(map(repr, known))}")
    release = release_of(Path(path), year, price)
    try:
        table = _table(release, co2, discrepancies, unit, unbalanced)
        if reexport == "keep":
            return table
        passing = table.nodes[passing_on(table.nodes.get_level_values("sector"))]
        return bypass(table, passing) if len(passing) else table
    except CarbonflowsError as error:
        if str(release.files.path) in str(error):
            raise
        raise type(error)(f"{release.files.path}: {error}", **error.facts) from error


def _table(
    release: Release, co2: Any, discrepancies: str, unit: str | None, unbalanced: str
) -> IOTable:
    records: list[dict[str, Any]] = []
    labels: dict[str, list[Label]] = {}
    kinds = {"T": (4, 4), "FD": (4, 4), "VA": (1, 2), "Q": (1, 2)}
    for kind, cells in kinds.items():
        if kind == "Q" and co2 is False:
            continue
        holder, name = release.labels(kind)
        labels[kind] = label_lines(holder, name, cells)
        records.append(holder.record(name))
    nodes = code_pairs(labels["T"], f"{release.files.path}: labels_T.txt")
    demand = code_pairs(labels["FD"], f"{release.files.path}: labels_FD.txt")
    same_regions(nodes, demand, str(release.files.path), ("labels_T.txt", "labels_FD.txt"))
    outside = has_outside(nodes) and discrepancies != "keep"
    node_in = np.array([code != OUTSIDE or not outside for code, _ in nodes])
    demand_in = np.array([code != OUTSIDE or not outside for code, _ in demand])

    Z, sold, cost, to_it, bought = _flows(release, node_in, records)
    Y = _numbers(release, "FD", len(nodes), len(demand), records)
    primary = _numbers(release, "VA", len(labels["VA"]), len(nodes), records).sum(axis=0)
    wanted = co2_rows(labels.get("Q", []), co2, f"{release.files.path}: labels_Q.txt")
    Q, QY = (
        picked_rows(
            release.files, release.sheet(kind), records, wanted, rows=len(labels["Q"]),
            columns=columns, labels="labels_Q.txt",
        )
        if wanted
        else np.zeros((0, columns))
        for kind, columns in (("Q", len(nodes)), ("QY", len(demand)))
    )  # fmt: skip

    sold += Y.sum(axis=1)
    sums = balance(
        sold, cost + primary, nodes, ("sells", "costs"),
        refuse=0.5 if unbalanced == "refuse" else None, weight=1e-4, kept=node_in,
        files=[release.sheet(kind) for kind in ("T", "FD", "VA")],
    )  # fmt: skip
    unit, found_by = (unit, "given") if unit else money_unit(float(primary[node_in].sum()))
    step: dict[str, Any] = {
        "step": "read", "unit": f"{unit}, {found_by}", "discrepancies": discrepancies,
        "output": "from rows", "CO2 rows": [row_name(labels["Q"][i]) for i in wanted],
        "balance": {k: sums[k] for k in ("gap", "worst")},
    }  # fmt: skip
    added = primary[node_in]
    kept, buyers = [nodes[i] for i in np.flatnonzero(node_in)], demand
    regions = list(dict.fromkeys(code for code, _ in kept))
    if outside:
        lost = outside_of(Y, primary, Q, QY, node_in, demand_in)
        step["sums of ROW"] = lost.sums(to_it, bought)
        to_it = (to_it + lost.final)[node_in]
        sold = sold[node_in] - to_it
        Y = squeezed(Y, node_in, demand_in)
        Q, QY = Q[:, node_in], QY[:, demand_in]
        buyers = [demand[i] for i in np.flatnonzero(demand_in)]
        if discrepancies == "to_final":
            Y, QY, buyers = with_discrepancy(Y, QY, buyers, kept, to_it)
            added = added + bought[node_in]
            sold = sold + to_it
    rows = pd.MultiIndex.from_tuples(kept, names=NODE)
    columns = pd.MultiIndex.from_tuples(buyers, names=DEMAND)
    flows = pd.DataFrame(Z, rows, rows, copy=False)
    final = pd.DataFrame(Y, rows, columns, copy=False)
    step["re-exports"] = reexports(Z, Y, sold, rows, columns)
    warnings = [*sums["warnings"], *own_use(Z, sold, kept), *unfinished(records)]
    return IOTable(
        flows,
        final,
        extensions=extensions_of(
            pd.DataFrame(Q, columns=rows),
            pd.DataFrame(QY, columns=columns),
            [labels["Q"][i] for i in wanted],
            CITATION,
            f"{release.files.path}: labels_Q.txt",
        ),
        value_added=pd.Series(added, rows),
        unit=unit,
        year=release.year,
        price_basis=_PRICES[release.price],
        name="Eora26",
        source=CITATION,
        members={code: ["*"] if code == OUTSIDE else [code] for code in regions},
        provenance={
            "reader": "eora26",
            "release": f"Eora26 {release.year} {release.price}",
            "files": records,
            "steps": [step],
            "warnings": warnings,
        },
        copy=False,
    )


def _flows(
    release: Release, inside: npt.NDArray[np.bool_], records: list[dict[str, Any]]
) -> tuple[Array, Array, Array, Array, Array]:
    """Read T; return flows between nodes inside, and of all nodes the sums of row and column, sales
    to those outside and purchases from them."""
    n, kept = len(inside), int(inside.sum())
    columns: Any = slice(kept) if inside[:kept].all() else inside
    Z = np.empty((kept, kept))
    sold, to_it, cost, bought = (np.zeros(n) for _ in range(4))
    name = release.sheet("T")
    trailing = _trailing(release, name)
    at = 0
    with recorded(release.files, name, records) as stream:
        where = f"{release.files.path}: {name}"
        for first, values, _ in number_rows(stream, where, rows=n, columns=n, trailing=trailing):
            here = slice(first, first + len(values))
            sold[here] = values.sum(axis=1)
            cost += values.sum(axis=0)
            if kept < n:
                to_it[here] = values[:, ~inside].sum(axis=1)
                bought += values[~inside[here]].sum(axis=0)
            block = values[:, columns] if inside[here].all() else values[inside[here]][:, columns]
            Z[at : at + len(block)] = block
            at += len(block)
    return Z, sold, cost, to_it, bought


def _trailing(release: Release, name: str) -> bool:
    """Whether the lines of a file end in a tab."""
    with release.files.open(name) as stream:
        return stream.readline().rstrip(b"\r\n").endswith(b"\t")


def _numbers(
    release: Release, kind: str, rows: int, columns: int, records: list[dict[str, Any]]
) -> Array:
    name = release.sheet(kind)
    trailing = _trailing(release, name)
    with recorded(release.files, name, records) as stream:
        where = f"{release.files.path}: {name}"
        return number_block(stream, where, rows=rows, columns=columns, trailing=trailing)[0]


def picked_rows(
    files: Files,
    name: str,
    records: list[dict[str, Any]],
    wanted: Sequence[int],
    *,
    rows: int,
    columns: int,
    labels: str,
    separator: str = "\t",
) -> Array:
    """Read some lines of a satellite; the others, of other stressors, are counted only.

    Parameters
    ----------
    files : Files
    name : str
        One of them.
    records : list of dict
        Gets the file's record; see `recorded`.
    wanted : sequence of int
        Positions of lines, from 0.
    rows, columns : int
        Size of the whole.
    labels : str
        File that says the number of rows, for messages.
    separator : str
        One character between cells.

    Returns
    -------
    array (len(wanted), columns)

    Raises
    ------
    SourceError, DataError
        As `number_block`; other numbers of lines than labels.
    """
    where = f"{files.path}: {name}"
    found: dict[int, Array] = {}
    last = -1
    with recorded(files, name, records) as stream:
        for number, line in enumerate(stream):
            if not line.strip():
                continue
            last = number
            if number in wanted:
                trailing = line.rstrip(b"\r\n").endswith(separator.encode())
                found[number] = number_block(
                    io.BytesIO(line), where, rows=1, columns=columns, trailing=trailing,
                    first_line=number + 1, separator=separator,
                )[0]  # fmt: skip
    if last + 1 != rows:
        raise SourceError(
            f"{where} has {last + 1} lines, {labels} has {rows}: it is cut off, or they are of "
            "different releases; download them again",
            path=where,
        )
    return np.vstack([found[number] for number in wanted])


def extensions_of(
    Q: pd.DataFrame, QY: pd.DataFrame, labels: Sequence[Label], citation: str, where: str
) -> list[Extension]:
    """Make the extension of some satellite rows, or none of no row.

    Parameters
    ----------
    Q : DataFrame (s, n)
    QY : DataFrame (s, m·q)
    labels : sequence of tuple of str
        Labels of the rows; the only row, if it is of CO2, is called so.
    citation : str
    where : str
        File with the labels, for messages.

    Raises
    ------
    UnitError
        A row without a known unit.
    """
    if not labels:
        return []
    full = [row_name(label) for label in labels]
    names = ["CO2"] if len(full) == 1 and is_co2(labels[0]) else full
    units = {name: row_unit(label, where) for name, label in zip(names, labels, strict=True)}
    return [
        Extension(
            Q.set_axis(names), QY.set_axis(names), unit=units,
            source=f"{citation}; {'; '.join(full)}",
        )
    ]  # fmt: skip


SOURCE = Source(
    name="eora26",
    title="Eora26, the Eora multi-regional input-output database in 26 sectors",
    coverage="1990-2017 and later; 189 countries and statistical discrepancies × 26 sectors; CO2 "
    "and other satellites from several inventories",
    licence="free for academic use at degree-granting institutions, after registration; else by "
    "licence",
    get="log in at the publisher's site (Eora, worldmrio), download Eora26_2012_bp.zip (and "
    "indices.zip where it is offered apart) into one folder and give its path",
    read=read_eora26,
    recognise=recognise,
)
