"""EXIOBASE 3: 44 countries and five rests of the world, 163 industries or 200 products.

``IOT_2020_pxp.zip`` or that folder unpacked: ``Z.txt`` (or only ``A.txt``), ``Y.txt``, ``x.txt``
and ``unit.txt``, with the satellites in ``satellite/`` (to 3.8), or in ``air_emissions/`` and
``factor_inputs/`` (from 3.9); emissions of final users are ``F_Y.txt``, in old releases
``F_hh.txt``.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.errors import (
    CarbonflowsError,
    DataError,
    LabelError,
    SourceError,
    UnitError,
    some,
)
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.sources.balance import balance, own_use
from carbonflows.sources.exiobase3_files import Release, recognise, release_of
from carbonflows.sources.exiobase3_labels import BAD, RESTS, members_of_rests, region_code
from carbonflows.sources.exiobase3_satellites import satellites
from carbonflows.sources.recorded import unfinished
from carbonflows.sources.source import Source
from carbonflows.sources.tabbed import Label, last_column, same_order, tabbed
from carbonflows.table import Extension, IOTable

CITATION = (
    "EXIOBASE 3: Stadler et al. (2018), Journal of Industrial Ecology 22:502-515; release "
    "archived at Zenodo, doi 10.5281/zenodo.3583070"
)


def read_exiobase3(
    path: str | Path,
    year: int | None = None,
    *,
    system: Literal["ixi", "pxp"] | None = None,
    co2: str | Sequence[str] | bool = "fossil",
    unbalanced: Literal["refuse", "keep"] = "refuse",
) -> IOTable:
    """Read one year of EXIOBASE 3.

    Parameters
    ----------
    path : str or Path
        Folder with the files (or with the zips ``IOT_2020_pxp.zip``), or one zip.
    year : int, optional
        Needed where there are several, or where neither name nor metadata says it.
    system : {"ixi", "pxp"}, optional
        Industries or products; needed where both are there.
    co2 : "fossil", str, sequence of str or False
        ``"fossil"`` (default): one stressor ``CO2``, the sum of the rows for combustion, cement,
        lime and fossil waste, which do not overlap. Names of satellite rows: these, each as a
        stressor of its own; so biogenic CO2 and peat decay can be had, apart. False: none.
    unbalanced : {"refuse", "keep"}
        What to do if flows and published output disagree: a sign of damaged files.

    Returns
    -------
    IOTable
        Nodes ``(ISO3, sector)``, the five rests of the world as ``WA WE WF WL WM`` with their
        members; M EUR at current basic prices; output from rows, the published one in ``x_given``;
        value added including taxes less subsidies on products. Stressors that are read are in the
        extension ``emissions``.

    Raises
    ------
    SourceError
        Files or years that are not there, cut off, or of different releases.
    LabelError, DataError, UnitError
        Labels, numbers or units in the files that cannot be used.

    Notes
    -----
    Where there is no ``Z.txt``, ``Z = A x̂``; where there is no ``x.txt`` either, x solves
    ``x = A x + Y1``. Empty emissions of a sector without output are zero, elsewhere an error.

    References
    ----------
    Stadler et al. (2018), J. Ind. Ecol. 22:502.

    Examples
    --------
    >>> read_exiobase3("IOT_2020_pxp.zip")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: IOT_2020_pxp.zip does not exist: check the path
    """
    if unbalanced not in ("refuse", "keep"):
        raise SourceError(f"unbalanced={unbalanced!r} is not known: use 'refuse' or 'keep'")
    release = release_of(Path(path), year, system)
    try:
        return _table(release, co2, unbalanced)
    except CarbonflowsError as error:
        if str(release.files.path) in str(error):
            raise
        raise type(error)(f"{release.files.path}: {error}", **error.facts) from error


def _table(release: Release, co2: str | Sequence[str] | bool, unbalanced: str) -> IOTable:
    records: list[dict[str, Any]] = []
    notes: list[str] = []
    core = release.optional("Z.txt") or release.file("A.txt")
    given = _outputs(release, records)
    square = tabbed(release.files, core, records, square=True, **release.shape(core))
    final = tabbed(release.files, release.file("Y.txt"), records, **release.shape("Y.txt"))
    where = f"{release.files.path}: {core}"
    nodes = square.columns
    same_order(square.rows, nodes, f"rows of {where}", "its columns")
    same_order(final.rows, nodes, f"rows of {release.files.path}: Y.txt", f"the columns of {core}")
    Z, Y = square.values, final.values
    across, down = square.sums
    demanded = final.sums[0]
    if given is not None:
        same_order(list(given), nodes, f"rows of {release.files.path}: x.txt", f"columns of {core}")
        x = np.array(list(given.values()))
    source = "Z.txt"
    if not core.endswith("Z.txt"):
        source = "A x̂, with x from x.txt" if given is not None else "A x̂, with x = A x + Y1"
        x = x if given is not None else _solved(Z, demanded, where)
        Z *= x
        across, down = Z.sum(axis=1), down * x
    elif given is None:
        x = across + demanded
        notes.append("there is no x.txt: output is not compared with a published one")
    sold = across + demanded
    refuse = 0.01 if unbalanced == "refuse" else None
    compared = [core, release.file("Y.txt"), *(["x.txt"] if given is not None else [])]
    sums = balance(
        sold, x, nodes, ("sells", "has the output"), refuse=refuse, weight=1e-7, files=compared
    )

    money, stated = _money(release, nodes, records)
    emitted, added = satellites(release, co2, nodes, final.columns, x, records, notes)
    if added is not None:
        costs = balance(
            down + added, x, nodes, ("costs", "has the output"),
            refuse=0.5 if refuse else None, weight=1e-4, files=[*compared, "value added"],
        )  # fmt: skip
        notes += costs["warnings"]
    version = release.version or ""
    if version in BAD:
        notes.append(f"EXIOBASE {version}: {BAD[version]}")
    elif not version and release.layout == "satellite":
        notes.append(
            f"the files do not state their version; if it is 3.8.1 or 3.8.2: {BAD['3.8.1']}"
        )
    notes += [*sums["warnings"], *own_use(Z, sold, nodes), *unfinished(records)]

    rows = _pairs(nodes, NODE, where)
    columns = _pairs(final.columns, DEMAND, f"{release.files.path}: Y.txt")
    regions = rows.get_level_values(0).unique()
    members = {r: members_of_rests()[r] if r in RESTS else (r,) for r in regions}
    extensions: list[Extension] = []
    used: list[str] = []
    if emitted is not None:
        F, F_Y, unit, used = emitted
        extensions = [
            Extension(
                pd.DataFrame(F, list(unit), rows),
                None if F_Y is None else pd.DataFrame(F_Y, list(unit), columns),
                unit=unit,
                source=f"{CITATION}; {'; '.join(used)}",
            )
        ]
    return IOTable(
        pd.DataFrame(Z, rows, rows, copy=False),
        pd.DataFrame(Y, rows, columns, copy=False),
        extensions=extensions,
        x=None if given is None else pd.Series(x, rows),
        value_added=None if added is None else pd.Series(added, rows),
        unit=money,
        year=release.year,
        price_basis="current basic prices",
        name="EXIOBASE 3" if not release.system else f"EXIOBASE 3 {release.system}",
        source=CITATION,
        members=members,
        provenance={
            "reader": "exiobase3",
            "release": release.label,
            "files": records,
            "steps": [
                {
                    "step": "read",
                    "Z": source,
                    "unit": f"{money}, {stated}",
                    "output": "from rows",
                    "CO2 rows": used,
                    "balance": {k: sums[k] for k in ("gap", "worst")},
                }
            ],
            "warnings": notes,
        },
        copy=False,
    )


def _outputs(release: Release, records: list[dict[str, Any]]) -> dict[Label, float] | None:
    name = release.optional("x.txt")
    if name is None:
        return None
    table = tabbed(release.files, name, records, **release.shape(name, header=1))
    if table.values.shape[1] != 1:
        raise SourceError(
            f"{release.files.path}: {name} has {table.values.shape[1]} columns of numbers, one was "
            "expected: download it again"
        )
    return dict(zip(table.rows, table.values[:, 0].tolist(), strict=True))


def _solved(A: Array, final: Array, where: str) -> Array:
    """Output by rounds of production: x = y + A y + A² y + …"""
    x, spent = final.copy(), final
    for _ in range(2000):
        spent = A @ spent
        x += spent
        if np.abs(spent).sum() <= 1e-15 * np.abs(x).sum():
            return x
    raise DataError(
        f"{where} gives no output: production does not converge, and there is no x.txt; download "
        "the release again"
    )


def _money(release: Release, nodes: list[Label], records: list[dict[str, Any]]) -> tuple[str, str]:
    name = release.optional("unit.txt")
    if name is None:
        return "M EUR", "as the database documents it"
    stated = last_column(release.files, name, records)
    different = sorted({stated.get(node, "") for node in nodes})
    if len(different) != 1:
        raise UnitError(
            f"{release.files.path}: {name} has the units {some(map(repr, different))}: one unit of "
            "money for all nodes was expected; download it again"
        )
    unit = re.sub(r"^M(?:ill?|io|illion)?[. ]+", "M ", different[0])
    if not units.known(unit):
        raise UnitError(
            f"{release.files.path}: {name}: {different[0]!r} is no known unit of money: download "
            "it again"
        )
    return unit, "as stated"


def _pairs(labels: list[Label], names: tuple[str, str], where: str) -> pd.MultiIndex:
    if any(len(label) != 2 for label in labels):
        raise LabelError(f"{where}: labels must be (region, {names[1]}): download it again")
    return pd.MultiIndex.from_tuples([(region_code(r), s) for r, s in labels], names=names)


SOURCE = Source(
    name="exiobase3",
    title="EXIOBASE 3, environmentally extended multi-regional input-output tables",
    coverage="1995-2022 and later (recent years are nowcasts); 44 countries and 5 rests of the "
    "world × 163 industries (ixi) or 200 products (pxp); CO2 by process",
    licence="CC BY-SA 4.0 (version 3.8); later versions have terms of their own: read them",
    get="download IOT_<year>_pxp.zip or IOT_<year>_ixi.zip of one version from Zenodo (EXIOBASE 3) "
    "and give its path, packed or unpacked",
    read=read_exiobase3,
    recognise=recognise,
)
