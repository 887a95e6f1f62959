"""GTAP 8 to 11: multi-regional tables from its header array files.

GTAP publishes no multi-regional table but what one is made of: the ``*.har`` files of a *flexagg*
package or of an aggregation. Both of its namings are read, that of GTAP 8 to 10 (``VDFM``,
``VIFM``, ``VXMD``, … with capital goods as one more producer) and that of GTAP 10 and 11
(``VDFB``, ``VMFB``, ``VXSB``, … with investment apart).

Nodes are commodities; where an activity makes several (``MAKB`` is not diagonal), activities and
commodities are nodes side by side. Final demand is ``Households``, ``Government`` and
``Investment``.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from carbonflows.errors import CarbonflowsError, LabelError, SourceError, UnitError, some
from carbonflows.labels import DEMAND
from carbonflows.sources.archive import Files
from carbonflows.sources.files import pick_year
from carbonflows.sources.gtap_headers import (
    AT_AGENTS,
    NAMES,
    aligned,
    flows_of,
    odd_taxes,
    same_sets,
    sets_of,
)
from carbonflows.sources.gtap_mrio import CATEGORIES, Flows, assembled, check
from carbonflows.sources.gtap_regions import gtap_regions
from carbonflows.sources.har import read_har
from carbonflows.sources.source import Source
from carbonflows.table import Extension, IOTable, OutputPolicy

CITATION = (
    "GTAP Data Base, Center for Global Trade Analysis, Purdue University: Aguiar, Chepeliev, "
    "Corong and van der Mensbrugghe (2022), Journal of Global Economic Analysis 7(2):1-37; made "
    "into a multi-regional table after Peters, Andrew and Lennox (2011), Economic Systems Research "
    "23:131-152"
)
_BASE = r"(gsdf?dat|basedata)[^/]*\.har"
_EMISSIONS = r"(gsdf?emi(ss)?|emiss|emissions|co2)[^/]*\.har"
_RELEASES = {
    (129, 57): "8", (134, 57): "8.1", (140, 57): "9", (141, 65): "10", (160, 65): "11",
}  # fmt: skip
_CO2 = {
    "firms": (("MDF",), ("MIF", "MMF")),
    "Households": (("MDP",), ("MIP", "MMP")),
    "Government": (("MDG",), ("MIG", "MMG")),
    "Investment": (("MDI",), ("MII", "MMI")),
}


def read_gtap(
    path: str | Path,
    year: int | None = None,
    *,
    emissions: str | Path | bool | None = None,
    output: OutputPolicy = "rows",
    tolerance: float = 1e-3,
) -> IOTable:
    """Make a multi-regional table from the files of one year of GTAP.

    Parameters
    ----------
    path : str or Path
        Folder or zip archive with ``gsddat.har`` (``gsdfdat.har``, ``basedata.har``), or that file.
    year : int, optional
        Needed where names do not say it (``flexagg9aY11``, ``GTAP_2017``) or say several.
    emissions : str or Path or False, optional
        File with the CO2 emissions, or False for a table without. Left out, it is
        ``gsdemiss.har`` (``gsdfemiss.har``, ``emissions.har``, ``co2.har``) beside the data.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`. ``given`` needs ``MAKB``.
    tolerance : float
        By how much accounts that GTAP balances may be off, as a share of their size.

    Returns
    -------
    IOTable
        M USD at the exporters' basic ("market") prices; CO2 [Mt CO2] of producers in ``F``, of
        households, government and investment in ``F_Y``.

    Raises
    ------
    SourceError
        Missing, damaged or mixed files; no such year.
    LabelError
        Sets that differ between headers.
    DataError
        Accounts that do not balance, or numbers that are not finite.

    Notes
    -----
    Purchases of the imported commodity ``i`` by the agent ``j`` in ``s`` are its share
    ``u_ijs = VIFM_ijs / Σ_j VIFM_ijs`` (households, government and investment are agents too) of
    each exporter's sales ``VXMD_irs``, which leaves them at the exporter's prices; sales within a
    composite region (``r = s``) are real trade and join its domestic flows. The transport service
    ``m`` that they use, ``Σ_ir VTWR_mirs u_ijs``, is bought from the exporters of the service in
    the shares of ``VST_mr``: it is an input of who imports, no final demand of who transports.
    Rows then sum to ``VOM = Σ_j VDFM + VDPM + VDGM + Σ_s VXMD + VST`` exactly. Value added is
    output less these inputs: factors, and all taxes and duties that producers pay.

    Checked to `tolerance`: ``Σ_r VIMS = Σ_j VIFM + VIPM + VIGM``, ``Σ_r VST = Σ_irs VTWR``,
    ``VIWS = VXWD + Σ_m VTWR`` and ``Σ_j MAKB = VOM``, the last two where present.

    References
    ----------
    Peters, Andrew and Lennox (2011), Econ. Syst. Res. 23:131-152.

    Examples
    --------
    >>> read_gtap("gsddat.har")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: gsddat.har does not exist: check the path
    """
    files, base, year = _base_file(Path(path), year)
    where = f"{files.path}: {base}"
    wanted = {name for pair in NAMES.values() for name in pair if name} | {*AT_AGENTS.values()}
    with files.open(base) as stream:
        arrays = read_har(stream, where, {*wanted, "DREL"})
    same_sets(arrays, where)
    flows, drel = flows_of(arrays, where), arrays.get("DREL")
    warnings = odd_taxes(arrays, where)
    del arrays
    gaps = check(flows, where, tolerance)

    members = gtap_regions(flows.regions, where)
    records = [files.record(base)]
    steps: list[dict[str, Any]] = [
        {"step": "read", "headers": flows.naming, "largest imbalances": gaps}
    ]
    extensions = []
    if emissions is not False:
        own, name = _emissions_file(files, base, emissions)
        extensions.append(_emissions(own, name, flows, list(members)))
        records.append(own.record(name))
        steps.append({"step": "read CO2", "sum over": "fuels, domestic and imported"})

    Z, Y = assembled(flows, where)
    nodes = flows.nodes(list(members))
    demand = pd.MultiIndex.from_product([list(members), CATEGORIES], names=DEMAND)
    made = flows.made()
    gross = Z.sum(axis=1) + Y.sum(axis=1)
    added = (gross if made is None else made) - Z.sum(axis=0)
    factors = None if flows.factors is None else float(flows.factors.sum())
    steps.append(
        {
            "step": "make the multi-regional table",
            "imports": "by share of the importer's agents",
            "transport margins": "inputs of importers, from the pool of exporters",
            "value added": "output less inputs",
            "factor payments, sum": factors,
            "taxes of producers, sum": None if factors is None else float(added.sum()) - factors,
            "left out": {
                "duties and export taxes on imports of final demand, sum": float(
                    flows.final_imported.sum() + flows.final_domestic.sum() - Y.sum()
                )
            },
        }
    )
    size = (len(flows.regions), len(flows.goods))
    release = _RELEASES.get(size, f"of {size[0]} regions and {size[1]} commodities")
    try:
        return IOTable(
            pd.DataFrame(Z, nodes, nodes, copy=False),
            pd.DataFrame(Y, nodes, demand, copy=False),
            extensions=extensions,
            output=output,
            x=None if made is None else pd.Series(made, nodes),
            value_added=pd.Series(added, nodes),
            unit="M USD",
            year=year,
            price_basis="current basic prices of the exporter",
            name=f"GTAP {release}",
            source=CITATION,
            members=members,
            provenance={
                "reader": "gtap",
                "release": f"{release} ({' '.join(drel.texts).strip()})" if drel else release,
                "files": records,
                "steps": steps,
                "warnings": warnings,
            },
            copy=False,
        )
    except CarbonflowsError as error:
        raise type(error)(f"{where}: {error}", **error.facts) from error


def recognise(files: Files) -> str | None:
    """Say whether the files are GTAP's, by their names."""
    found = files.matching(_BASE)
    return None if not found else "GTAP" + (" 10 or 11" if "gsdfdat" in found[0].lower() else "")


SOURCE = Source(
    name="gtap",
    title="GTAP Data Base",
    coverage="GTAP 8 to 11: 2004, 2007, 2011, 2014, 2017; 129 to 160 regions, 57 or 65 commodities",
    licence="by licence from the Center for Global Trade Analysis; releases two back are free",
    get="log in at the Center for Global Trade Analysis, download the flexagg package of a year, "
    "and give the zip or its folder with gsddat.har (gsdfdat.har) and gsdemiss.har",
    read=read_gtap,
    recognise=recognise,
)


def _base_file(path: Path, year: int | None) -> tuple[Files, str, int]:
    """Find the data of a year."""
    single = path.is_file() and path.suffix.lower() == ".har"
    files = Files(path.parent if single else path)
    bases = [path.name] if single else list(files.matching(_BASE))
    if not bases:
        files.find(_BASE, "the data (gsddat.har, gsdfdat.har or basedata.har)")
    found: dict[int, list[str]] = {}
    unsaid = []
    for base in bases:
        years = _years(str(PurePosixPath(files.path.resolve().name, base)))
        for named in years:
            found.setdefault(named, []).append(base)
        if not years:
            unsaid.append(base)
    if unsaid and len(bases) == 1:
        if year is None:
            raise SourceError(
                f"{path}: the names do not say of which year the data are: pass year=", path=path
            )
        return files, unsaid[0], year
    year = pick_year(found, year, str(path))
    if len(found[year]) > 1 or unsaid:
        raise SourceError(
            f"{path} holds {some([*found[year], *unsaid])} for {year}: give the path of one",
            path=path, year=year,
        )  # fmt: skip
    return files, found[year][0], year


def _years(name: str) -> set[int]:
    """Years in a file's path: flexagg9aY11, flexAgg11c17, GTAP_2014."""
    short = re.findall(r"(?:flexagg|gtap)\d+(?:[a-z]?[ _-]?y|[a-z])(\d\d)(?!\d)", name.lower())
    full = re.findall(r"(?<!\d)(199\d|20[0-3]\d)(?!\d)", name)
    return {2000 + int(y) for y in short} or {int(y) for y in full}


def _emissions_file(files: Files, base: str, given: str | Path | bool | None) -> tuple[Files, str]:
    """Find the emissions beside the data, or where the caller says."""
    if isinstance(given, str | Path):
        own = Files(given)
        return own, own.names[0] if own.path.is_file() and len(own.names) == 1 else own.find(
            _EMISSIONS, "the CO2 emissions"
        )
    folder = PurePosixPath(base).parent
    found = [name for name in files.matching(_EMISSIONS) if PurePosixPath(name).parent == folder]
    if len(found) == 1:
        return files, found[0]
    what = f"finds {some(found)}" if found else "finds no gsdemiss.har"
    raise SourceError(
        f"the search for CO2 emissions beside {files.path}: {base} {what}: pass emissions=PATH, or "
        "emissions=False for a table without",
        path=files.path,
    )


def _emissions(files: Files, name: str, flows: Flows, regions: list[str]) -> Extension:
    """CO2 of activities and of final demand: sums over fuels, domestic and imported alike."""
    where = f"{files.path}: {name}"
    with files.open(name) as stream:
        headers = [n for pair in _CO2.values() for names in pair for n in names]
        arrays = read_har(stream, where, headers)
    same_sets(arrays, where)
    totals = {"Investment": np.zeros(len(flows.regions))}
    burned: tuple[str, ...] | None = None
    for who, pair in _CO2.items():
        if who == "Investment" and not any(n in arrays for names in pair for n in names):
            continue  # older releases have none
        for names in pair:
            found = [n for n in names if n in arrays]
            if len(found) != 1:
                raise SourceError(
                    f"{where} has {some(found) or 'none'} of the headers {', '.join(names)}, "
                    "expected one: give the CO2 emissions of one GTAP release",
                    path=where, headers=list(names),
                )  # fmt: skip
            fuels, *others = sets_of(arrays[found[0]], 3 if who == "firms" else 2, where)
            burned = burned or fuels
            if set(fuels) != set(burned):
                apart = sorted(set(fuels) ^ set(burned))
                raise LabelError(
                    f"{where}: header {found[0]!r} and others before it differ in the fuels "
                    f"{some(apart)}: the headers are of different releases, get the file again",
                    path=where, header=found[0], labels=apart,
                )  # fmt: skip
            if who == "firms":
                capital = tuple(x for x in others[0] if x.lower() == "cgds")
                wanted = (fuels, flows.activities + capital, flows.regions)
                values = aligned(arrays[found[0]], wanted, where).sum(axis=0)
                totals["Investment"] = totals["Investment"] + values[len(flows.activities) :].sum(0)
                values = values[: len(flows.activities)]
            else:
                values = aligned(arrays[found[0]], (fuels, flows.regions), where).sum(axis=0)
            totals[who] = totals[who] + values if who in totals else values
    final = np.stack([totals[c] for c in CATEGORIES], axis=1)
    world = float(totals["firms"].sum() + final.sum())
    if world > 200_000:
        raise UnitError(
            f"{where} sums to {world:.4g} Mt CO2, more than the world emits: it is not in Mt, give "
            "the emissions of GTAP 8 or later",
            path=where, total=world,
        )  # fmt: skip
    demand = pd.MultiIndex.from_product([regions, CATEGORIES], names=DEMAND)
    return Extension(
        pd.DataFrame([flows.of_activities(totals["firms"].T)], ["CO2"], flows.nodes(regions)),
        pd.DataFrame([final.reshape(-1)], ["CO2"], demand),
        unit="Mt CO2",
        name="emissions",
        source="GTAP: CO2 from the combustion of fuels",
    )
