"""EMERGING: 245 economies with 133 or 134 sectors, 2010 and 2015 to 2023.

A year is one MATLAB file of version 7.3 (HDF5), ``global_mrio_2019.mat`` or
``EMERGING_V2_2019_m.mat``: flows ``z``, final demand ``f``, value added ``va``, output ``X`` and
labels ``country_list``, ``sector_list``, ``final_list``, at the top or in one structure. Emissions
are in ``EMERGING_CO2_2019.mat``: ``CO2`` by node and fuel. All are found by these names.

The flows of some 33 000 nodes take 8.5 GB. They pass by in blocks of rows.

Notes
-----
Known from public programs that read these files, not from the files themselves. Not verified:

- that ``z`` is stored as MATLAB writes it, so that HDF5 has buyers by sellers. The authors' own
  MATLAB code sums sellers over rows, and an R program that reads it so finds the published output;
  other programs take the transposed matrix. What was read is compared with the published output,
  and the other order is proposed if only that fits (`order`);
- how large the file's chunks are. They hold a piece of what one buyer buys; blocks are as wide as
  chunks, or each chunk is read once per block;
- that money is in M USD and CO2 in Mt, which the files do not state;
- that countries are named by ISO3 codes. English names are converted; what is neither stays as it
  is and is listed in the provenance;
- how closely single nodes balance: the world's output does to some parts in 10⁷.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.countries import converter
from carbonflows.errors import DataError, LabelError, SourceError, some
from carbonflows.labels import DEMAND, NODE, Array, repeated
from carbonflows.sources.archive import Files
from carbonflows.sources.balance import balance
from carbonflows.sources.emerging_co2 import co2_extension, co2_file
from carbonflows.sources.files import pick_year
from carbonflows.sources.matlab_file import cell_texts, matlab_variables
from carbonflows.sources.source import Source
from carbonflows.streamed import StreamedTable, in_memory, rows_in
from carbonflows.table import IOTable, OutputPolicy

CITATION = (
    "EMERGING: Huo, Chen, Hubacek, Zheng, Meng and Guan (2022), Full-scale, near real-time multi-"
    "regional input-output table for the global emerging economies, Journal of Industrial Ecology "
    "26:1218-1232"
)
Order: TypeAlias = Literal["matlab", "c"]

_FILE = re.compile(
    r"(global_mrio|EMERGING(_V[\d.]+)?)_(?P<year>(19|20)\d\d)(_\w+)?\.mat", re.IGNORECASE
)
_WANTED = ("z", "f", "va", "X", "country_list", "sector_list", "final_list")
_BLOCK = 64 << 20
_MOST = 256 << 20
_GAP = 0.05


def read_emerging(
    path: str | Path,
    year: int | None = None,
    *,
    emissions: str | Path | Literal[False] | None = None,
    order: Order = "matlab",
    unbalanced: str = "refuse",
    output: OutputPolicy = "rows",
) -> IOTable:
    """Read one year of EMERGING.

    Parameters
    ----------
    path : str or Path
        A file of the table, or a folder of them.
    year : int, optional
        Needed where `path` holds more than one.
    emissions : path or False, optional
        The file of CO2. Left out, it is looked for beside the table, and the table has no extension
        if it is not there; False for none.
    order : {"matlab", "c"}
        How the file stores matrices: as MATLAB does (default), or transposed, as other programs
        write them.
    unbalanced : {"refuse", "keep"}
        What to do where a node that matters misses its published output by half, or all nodes
        together by 5 %: an error (default), or a note in the provenance, where the balance is in
        any case.
    output : {"rows", "columns", "given"}
        Where gross output comes from; see `IOTable`.

    Returns
    -------
    IOTable
        M USD at current prices; the published output is kept in ``x_given``. CO2 [Mt CO2] is the
        sum over fuels, of nodes only.

    Raises
    ------
    SourceError
        No such file or year, not this layout, cut off, or too little memory.
    LabelError
        Labels that are empty, occur twice, or do not fit the matrices.
    DataError
        Numbers that are not finite, or that miss the published output.

    References
    ----------
    Huo et al. (2022), J. Ind. Ecol. 26:1218.

    Examples
    --------
    >>> read_emerging("global_mrio_2019.mat")
    Traceback (most recent call last):
    ...
    carbonflows.errors.SourceError: global_mrio_2019.mat does not exist: check the path
    """
    table = stream_emerging(
        path, year, emissions=emissions, order=order, unbalanced=unbalanced, output=output
    )
    return in_memory(table, way_out="save it in blocks with carbonflows import emerging")


def stream_emerging(
    path: str | Path,
    year: int | None = None,
    *,
    emissions: str | Path | Literal[False] | None = None,
    order: Order = "matlab",
    unbalanced: str = "refuse",
    output: OutputPolicy = "rows",
) -> StreamedTable:
    """Read all but the flows of one year of EMERGING; these pass by when they are asked for.

    Parameters
    ----------
    path, year, emissions, order, unbalanced, output
        As in `read_emerging`.

    Returns
    -------
    StreamedTable

    Raises
    ------
    SourceError, LabelError, DataError
        As `read_emerging`; what is wrong with the flows is raised while they pass by.
    """
    for key, value, known in (
        ("order", order, ("matlab", "c")),
        ("unbalanced", unbalanced, ("refuse", "keep")),
    ):
        if value not in known:
            raise SourceError(f"{key}={value!r} is not known: use {' or '.join(map(repr, known))}")
    files, name, year = _choose(Path(path), year)
    where = str(files.path) if files.path.is_file() else f"{files.path}: {name}"
    with matlab_variables(files, name, _WANTED) as found:
        inside = re.search(r"(?:19|20)\d\d", found["z"].parent.name)
        if inside and int(inside[0]) != year:
            raise SourceError(
                f"{where} is the table of {inside[0]} under the name of {year}: rename it",
                path=where, year=year,
            )  # fmt: skip
        texts = {key: cell_texts(found[key]) for key in _WANTED[-3:]}
        regions, own = _regions(texts["country_list"], where)
        nodes = _product(regions, texts["sector_list"], "sector_list", where, NODE)
        demand = _product(regions, texts["final_list"], "final_list", where, DEMAND)
        n, q = len(nodes), len(demand)
        _fits(found, n, q, order, where)
        Y = np.array(found["f"][()], dtype=np.float64)
        Y = np.ascontiguousarray(Y.T) if order == "matlab" else Y
        added = np.array(found["va"][()], dtype=np.float64).reshape(-1)
        x = np.array(found["X"][()], dtype=np.float64).reshape(-1)
    extensions = []
    records: list[tuple[Files, str]] = [(files, name)]
    warnings: list[str] = []
    steps: list[dict[str, Any]] = [{"step": "read", "labels that are no ISO3 codes": own}]
    if co2 := co2_file(files, emissions, year):
        extension, step = co2_extension(*co2, nodes)
        extensions.append(extension)
        records.append(co2)
        steps.append(step)
    else:
        steps.append({"step": "emissions", "note": "none"})

    def rows() -> Iterator[tuple[int, Array]]:
        sold, cost = Y.sum(axis=1), added.copy()
        with matlab_variables(files, name, ("z",)) as found:
            for start, block in _blocks(found["z"], order):
                sold[start : start + len(block)] += block.sum(axis=1)
                cost += block.sum(axis=0)
                yield start, block
        report = _balance(sold, cost, x, Y, added, nodes, where, unbalanced)
        warnings[:] = [sentence for part in report.values() for sentence in part.pop("warnings")]
        steps[0]["balance"] = report

    @cache
    def hashed() -> list[dict[str, Any]]:
        return [place.record(part) for place, part in records]

    return StreamedTable(
        rows=rows,
        Y=pd.DataFrame(Y, nodes, demand, copy=False),
        extensions=tuple(extensions),
        value_added=pd.Series(added, nodes),
        x_given=pd.Series(x, nodes),
        output=output,
        unit="M USD",
        year=year,
        currency="USD",
        price_basis="current prices",
        name="EMERGING",
        source=CITATION,
        members={region: (region,) for region in regions},
        provenance=lambda: {
            "reader": "emerging",
            "release": _release(name),
            "files": hashed(),
            "policies": {"order": order, "unbalanced": unbalanced},
            "steps": steps,
            "warnings": warnings,
        },
    )


def recognise(files: Files) -> str | None:
    """Say which release some files are, by their names."""
    for name in files.names:
        if _FILE.fullmatch(PurePosixPath(name).name):
            with files.open(name) as stream:
                if stream.read(6) == b"MATLAB":
                    return _release(name)
    return None


def _release(name: str) -> str:
    version = re.search(r"_V([\d.]+)_", name, re.IGNORECASE)
    return f"EMERGING {version[1] if version else 1}"


def _choose(path: Path, year: int | None) -> tuple[Files, str, int]:
    files = Files(path)
    found: dict[int, list[str]] = {}
    for name in files.names:
        if match := _FILE.fullmatch(PurePosixPath(name).name):
            found.setdefault(int(match["year"]), []).append(name)
    if not found:
        raise SourceError(
            f"{path} holds no table of EMERGING: expected files like global_mrio_2019.mat or "
            "EMERGING_V2_2019_m.mat",
            path=path,
        )
    year = pick_year(found, year, str(path))
    if len(found[year]) > 1:
        raise SourceError(
            f"{path} holds {some(found[year])} for {year}: give the path of one",
            path=path, year=year,
        )  # fmt: skip
    return files, found[year][0], year


def _regions(names: list[str], where: str) -> tuple[list[str], list[str]]:
    """ISO3 codes of the countries, and those labels that are neither codes nor known names."""
    codes = _codes_by_name()
    regions = [codes.get(name.lower(), name) for name in names]
    twice = repeated(regions)
    if twice:
        raise LabelError(
            f"{where}: {some(twice)} occurs twice in country_list: get it again", labels=twice
        )
    known = set(codes.values())
    return regions, [region for region in regions if region not in known]


@cache
def _codes_by_name() -> dict[str, str]:
    """ISO3 codes by themselves and by the short and official names of countries, in lower case."""
    data = converter().data
    return {
        str(name).lower(): str(code)
        for column in ("name_official", "name_short", "ISO3")
        for name, code in zip(data[column], data["ISO3"], strict=True)
    }


def _product(
    regions: list[str], names: list[str], what: str, where: str, levels: tuple[str, str]
) -> pd.MultiIndex:
    wrong = repeated(names) or [name for name in names if not name]
    if wrong or not names or not all(regions):
        said = f"{some(wrong)} occurs twice or is empty" if wrong else "a label is empty"
        raise LabelError(f"{where}: {said} in {what}: get it again", labels=wrong)
    return pd.MultiIndex.from_product([regions, names], names=levels)


def _fits(found: dict[str, Any], n: int, q: int, order: str, where: str) -> None:
    """Raise unless the sizes of labels and matrices agree."""
    expected = {
        "z": (n, n), "f": (q, n) if order == "matlab" else (n, q), "va": (n,), "X": (n,),
    }  # fmt: skip
    for key, shape in expected.items():
        size = tuple(k for k in found[key].shape if k != 1) if len(shape) == 1 else found[key].shape
        if (size or (1,)) == shape:
            continue
        way_out = "get the file again, its labels do not fit it"
        if key == "f" and found[key].shape == shape[::-1]:
            way_out = f"pass order={'c' if order == 'matlab' else 'matlab'!r}"
        raise LabelError(
            f"{where}: {key} is stored as {found[key].shape}, its labels say {shape}: {way_out}",
            path=where, shape=found[key].shape,
        )  # fmt: skip


def _blocks(z: Any, order: str) -> Iterator[tuple[int, Array]]:
    """Yield rows of sellers. Each chunk of the file is read once, unless a chunk is too wide."""
    n = z.shape[0]
    axis = 1 if order == "matlab" else 0
    wide = z.chunks[axis] if z.chunks else 1
    step = rows_in(_BLOCK, n)
    if wide > step:
        step = min(wide, rows_in(_MOST, n))
    else:
        step -= step % wide
    for start in range(0, n, step):
        if order == "matlab":
            yield start, np.ascontiguousarray(z[:, start : start + step].T, dtype=np.float64)
        else:
            yield start, z[start : start + step].astype(np.float64, copy=False)


def _balance(
    sold: Array, cost: Array, x: Array, Y: Array, added: Array, nodes: pd.MultiIndex, where: str,
    unbalanced: str,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Compare sales and costs with the published output; tell the wrong order from damage."""
    gap = float(np.abs(sold - x).sum() + np.abs(cost - x).sum())
    used, bought = sold - Y.sum(axis=1), cost - added
    other = float(np.abs(bought + Y.sum(axis=1) - x).sum() + np.abs(used + added - x).sum())
    if other < 0.1 * gap and gap > 0.01 * np.abs(x).sum():
        raise DataError(
            f"{where}: rows and columns miss the published output, but would not if z were "
            "transposed: pass the other order ('matlab' or 'c')",
            path=where,
        )
    report: dict[str, dict[str, Any]] = {}
    for what, found in (("sells", sold), ("costs", cost)):
        try:
            report[what] = balance(
                found, x, nodes.tolist(), (what, "is said to make"),
                refuse=0.5 if unbalanced == "refuse" else None, weight=1e-4,
            )  # fmt: skip
        except DataError as error:
            raise DataError(f"{where}: {error}", **error.facts) from error
        if unbalanced == "refuse" and report[what]["gap"] > _GAP:
            raise DataError(
                f"{where}: what nodes make misses what each {what} by {report[what]['gap']:.0%} of "
                "the world's output in all: get the files again, or accept it with "
                "unbalanced='keep'",
                path=where, worst=report[what]["worst"],
            )  # fmt: skip
    return report


SOURCE = Source(
    name="emerging",
    title="Multi-regional input-output table for the global emerging economies (EMERGING)",
    coverage="2010, 2015 to 2019 (version 1) and to 2023 (version 2): 245 economies × 133 to 134 "
    "sectors",
    licence="Creative Commons Attribution 4.0",
    get=(
        "download global_mrio_2019.mat or EMERGING_V2_2019_m.mat of a year, and the EMERGING_CO2_ "
        "file of the same release, from Zenodo; give their folder"
    ),
    read=read_emerging,
    recognise=recognise,
    stream=stream_emerging,
)
