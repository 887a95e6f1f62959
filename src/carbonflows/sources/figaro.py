"""FIGARO: Eurostat's inter-country input-output tables, with its emissions as the extension.

``matrix_eu-ic-io_ind-by-ind_25ed_2020.csv`` has a header ``rowLabels,AR_A01,…``: nodes, then (in
any order) final demand ``AR_P3_S13 AR_P3_S14 AR_P3_S15 AR_P51G AR_P5M``; its rows are the same
nodes, then value added ``W2_D21X31 W2_OP_RES W2_OP_NRES W2_D1 W2_D29X39 W2_B2A3G``.
``flatfile_eu-ic-io_…csv`` says the same cell by cell. Product-by-product tables are called
``prod-by-prod`` and label products ``CPA_A01``. Regions are two-letter codes, here ISO3; ``FIGW1``
is the rest of the world, here ``ROW``. P5M holds inventories and valuables together.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import CarbonflowsError, SourceError, some
from carbonflows.labels import DEMAND, NODE
from carbonflows.sources.archive import Files
from carbonflows.sources.balance import own_use
from carbonflows.sources.figaro_csv import flat_table, matrix_table
from carbonflows.sources.figaro_emissions import direct_emissions
from carbonflows.sources.files import pick_year
from carbonflows.sources.source import Source
from carbonflows.sources.totals import TotalsPolicy, balance_report, check_policy
from carbonflows.table import IOTable, OutputPolicy

Kind: TypeAlias = Literal["ind-by-ind", "prod-by-prod"]
Unmatched: TypeAlias = Literal["refuse", "merge"]

CITATION = "Eurostat, FIGARO inter-country input-output tables, {kind}, {edition}"

_FILE = re.compile(
    r"(matrix|flatfile)_eu-ic-io_(ind-by-ind|prod-by-prod)_(?:(\d\d)ed_)?(\d{4})(?:_v\d+)?\.csv",
    re.IGNORECASE,
)


def read_figaro(
    path: str | Path,
    year: int | None = None,
    *,
    kind: Kind | None = None,
    edition: int | None = None,
    emissions: str | Path | list[str | Path] | None = None,
    unmatched: Unmatched = "refuse",
    totals: TotalsPolicy = "check",
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of the FIGARO input-output tables.

    Parameters
    ----------
    path : str or Path
        A CSV file, a zip archive, or a folder of either. Where a table is there both as a matrix
        and as a flat file, the matrix is taken.
    year : int, optional
        Needed where `path` holds more than one.
    kind : {"ind-by-ind", "prod-by-prod"}, optional
        Needed where `path` holds both.
    edition : int, optional
        Edition as in the names, for example 25; needed where `path` holds more than one.
    emissions : path or list of paths, optional
        Eurostat's ``env_ac_co2fp`` or ``env_ac_ghgfp`` as TSV or CSV, also gzipped: its lines with
        ``c_dest=WORLD`` and ``na_item=TOTAL`` are the direct emissions of each industry
        [kt CO2, kt CO2eq]. Each file makes one stressor (``CO2``, ``GHG``), never a sum. They are
        by industry and therefore go with ``ind-by-ind`` only.
    unmatched : {"refuse", "merge"}
        What to do with regions that the emissions do not have: raise (default), or merge them into
        ``ROW``, where the emissions count them.
    totals : {"check", "report"}
        FIGARO publishes no totals; what each node sells is compared with its inputs and value
        added. Raise where a few rows differ (default), or only say so in the provenance.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`. There is no published output, so ``given``
        is refused.

    Returns
    -------
    IOTable
        M EUR at current basic prices. All ``W2_`` rows count as value added; what they hold in
        final demand is left out, its sum is in the provenance. Emissions of households are on
        ``P3_S14``.

    Raises
    ------
    SourceError
        No such file or year, not this layout, or a file that is cut off.
    LabelError
        Labels that are missing, swapped, twice or unknown.
    DataError
        A cell that is no number, or nodes that do not balance.
    UnitError
        Emissions in other units than thousand tonnes.

    Examples
    --------
    >>> read_figaro("matrix_eu-ic-io_ind-by-ind_25ed_2020.csv")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: matrix_eu-ic-io_ind-by-ind_25ed_2020.csv does not exist: check
    the path
    """
    if unmatched not in ("refuse", "merge"):
        raise SourceError(f"unmatched={unmatched!r} is not a policy: use 'refuse' or 'merge'")
    check_policy(totals)
    files, name, found_kind, found_edition, year = _choose(Path(path), year, kind, edition)
    if emissions is not None and found_kind != "ind-by-ind":
        raise SourceError(
            f"{name} is by product but emissions are by industry: read the ind-by-ind table, or "
            "leave emissions out",
            path=name,
        )
    where = str(files.path) if files.names == (files.path.name,) else f"{files.path}: {name}"
    flat = PurePosixPath(name).name.lower().startswith("flatfile")
    parts = (flat_table if flat else matrix_table)(files, name, where)
    names = parts["nodes"]
    sold = parts["Z"].sum(axis=1) + parts["Y"].sum(axis=1)
    added = parts["added"].sum(axis=0)
    balance = balance_report(where, names, sold, parts["Z"].sum(axis=0) + added, policy=totals)
    steps: list[dict[str, Any]] = [
        {
            "step": "read",
            "layout": "flat file" if flat else "matrix",
            "value added": parts["added names"],
            "totals": balance,
            "left out": {"value added rows of final demand, sum": parts["on final demand"]},
        }
    ]
    nodes = pd.MultiIndex.from_tuples(names, names=NODE)
    demand = pd.MultiIndex.from_tuples(parts["demand"], names=DEMAND)
    regions = list(nodes.get_level_values(0).unique())
    edition_name = f"{found_edition} edition" if found_edition else "edition not stated"
    options: dict[str, Any] = {
        "output": output,
        "unit": "M EUR",
        "year": year,
        "price_basis": "current basic prices",
        "name": "FIGARO",
        "source": CITATION.format(kind=found_kind, edition=edition_name),
        "members": {r: ["*"] if r == "ROW" else [r] for r in regions},
        "provenance": {
            "reader": "figaro",
            "release": f"FIGARO {edition_name}, {found_kind}",
            "files": [files.record(name)],
            "policies": {"unmatched": unmatched, "totals": totals},
            "steps": steps,
            "warnings": own_use(parts["Z"], sold, names),
        },
    }
    given = [] if emissions is None else emissions if isinstance(emissions, list) else [emissions]
    if given:
        direct = direct_emissions([Path(str(p)) for p in given], year)
        steps += direct.steps
        options["provenance"]["files"] += direct.records
        lacking = [r for r in regions if r not in direct.regions]
        if lacking and unmatched == "merge":
            parts = _merged(parts, lacking, where)
            steps.append({"step": "merge regions without emissions into ROW", "regions": lacking})
            nodes = pd.MultiIndex.from_tuples(parts["nodes"], names=NODE)
            demand = pd.MultiIndex.from_tuples(parts["demand"], names=DEMAND)
            added = parts["added"].sum(axis=0)
            for region in lacking:
                del options["members"][region]
        options["extensions"] = direct.extension(nodes, demand)
    try:
        return IOTable(
            pd.DataFrame(parts["Z"], nodes, nodes, copy=False),
            pd.DataFrame(parts["Y"], nodes, demand, copy=False),
            value_added=pd.Series(added, nodes),
            copy=False,
            **options,
        )
    except CarbonflowsError as error:
        raise type(error)(f"{where}: {error}", **error.facts) from error


def recognise(files: Files) -> str | None:
    """Say which edition some files are, by their names and first lines."""
    for name in files.names:
        match = _FILE.fullmatch(PurePosixPath(name).name)
        if match is None:
            continue
        with files.open(name) as stream:
            line = stream.readline(1 << 16).decode("utf-8-sig", "replace")
        if "rowLabels" in line or "counterpartArea" in line:
            edition = f" {match[3]}ed" if match[3] else ""
            return f"FIGARO{edition} {match[2].lower()}"
    return None


def _choose(
    path: Path, year: int | None, kind: str | None, edition: int | None
) -> tuple[Files, str, str, int | None, int]:
    """Find the file that is meant; return it with its kind, edition and year."""
    top = Files(path)
    places = [top]
    if top.path.is_dir():
        places += [Files(path / zipped) for zipped in top.matching(r".*eu-ic-io.*\.zip")]
    found = []
    for files in places:
        for name in files.names:
            match = _FILE.fullmatch(PurePosixPath(name).name)
            if match:
                its_edition = int(match[3]) if match[3] else None
                found.append(
                    (files, name, match[1].lower(), match[2].lower(), its_edition, int(match[4]))
                )
    if not found:
        raise SourceError(
            f"{path} holds no FIGARO table: expected files like "
            "matrix_eu-ic-io_ind-by-ind_25ed_2020.csv",
            path=path,
        )
    if kind is not None:
        found = [f for f in found if f[3] == kind]
    kinds = sorted({f[3] for f in found})
    if len(kinds) != 1:
        raise SourceError(
            f"{path} holds {some(kinds)} tables: pass kind={kinds[0]!r} or {kinds[1]!r}"
            if kinds
            else f"{path} holds no {kind} table: pass kind='ind-by-ind' or 'prod-by-prod'",
            path=path,
        )
    year = pick_year({f[5]: f for f in found}, year, str(path))
    found = [f for f in found if f[5] == year]
    if edition is not None:
        found = [f for f in found if f[4] == edition]
    editions = sorted({f"{f[4]}" for f in found})
    if len(editions) != 1:
        raise SourceError(
            f"{path} holds the editions {some(editions)} of {year}: pass edition={editions[0]}"
            if editions
            else f"{path} holds no edition {edition} of {year}: leave edition out, or get it",
            path=path, year=year,
        )  # fmt: skip
    best = [f for f in found if f[2] == "matrix"] or found
    best = [f for f in best if f[0] is top] or best  # unpacked files before packed ones
    if len(best) > 1:
        raise SourceError(
            f"{path} holds {some([f[1] for f in best])} for {year}: give the path of one",
            path=path, year=year,
        )  # fmt: skip
    files, name, _, its_kind, its_edition, _ = best[0]
    return files, name, its_kind, its_edition, year


def _merged(parts: dict[str, Any], lacking: list[str], where: str) -> dict[str, Any]:
    """Sum some regions into the rest of the world."""
    if not any(region == "ROW" for region, _ in parts["nodes"]):
        raise SourceError(
            f"{where} has no rest of the world to merge {some(lacking)} into: use "
            "unmatched='refuse'"
        )
    nodes = [("ROW" if r in lacking else r, s) for r, s in parts["nodes"]]
    demand = [("ROW" if r in lacking else r, c) for r, c in parts["demand"]]
    new_nodes, new_demand = list(dict.fromkeys(nodes)), list(dict.fromkeys(demand))
    to_node = {label: i for i, label in enumerate(new_nodes)}
    to_use = {label: j for j, label in enumerate(new_demand)}
    rows = np.array([to_node[label] for label in nodes])
    uses = np.array([to_use[label] for label in demand])

    def summed(values: Any, down: Any, size: int) -> Any:
        result = np.zeros((size, values.shape[1]))
        np.add.at(result, down, values)
        return result

    n, q = len(new_nodes), len(new_demand)
    return {
        "nodes": new_nodes,
        "demand": new_demand,
        "Z": summed(summed(parts["Z"], rows, n).T, rows, n).T,
        "Y": summed(summed(parts["Y"], rows, n).T, uses, q).T,
        "added": summed(parts["added"].T, rows, n).T,
    }


SOURCE = Source(
    name="figaro",
    title="FIGARO: EU inter-country input-output tables (Eurostat)",
    coverage=(
        "2010 to two years before the edition; 2022 to 2025 editions: 46 regions × 64 industries "
        "or products, 2026: 50 × 64"
    ),
    licence="Eurostat: free use with attribution",
    get=(
        "download the matrix (or flat) CSV files of the industry-by-industry tables from "
        "Eurostat's page of supply, use and input-output tables, and the data sets env_ac_co2fp or "
        "env_ac_ghgfp from its database for emissions=PATH"
    ),
    read=read_figaro,
    recognise=recognise,
)
