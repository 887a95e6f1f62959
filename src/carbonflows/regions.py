"""Groupings of regions and sectors, and tables aggregated by them.

A `Grouping` says which label belongs to which group and where that comes from. Accounts take one to
report at group level (compute, then aggregate: nothing is lost); `aggregate` makes a smaller table
(aggregate, then compute: cheaper, with a bias that `carbonflows.aggregation_bias` measures).
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.countries import iso3
from carbonflows.errors import GroupingError, SourceError, some
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.streamed import StreamedTable, checked_rows, streamed
from carbonflows.table import Extension, IOTable

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class Grouping:
    """Which label (region or sector) belongs to which group, with its source.

    Parameters
    ----------
    members : mapping of str to str
        Label → group. Groups keep the order of their first appearance.
    name : str
        Short name, shown with results.
    source : str
        Where the assignment comes from.
    notes : mapping of str to str, optional
        Remark per label, for example that its group is a guess.

    Raises
    ------
    GroupingError
        No members, or an empty label or group.

    Examples
    --------
    >>> blocs = Grouping({"CHN": "Asia", "IND": "Asia", "DEU": "Europe"}, name="blocs")
    >>> blocs.groups
    ('Asia', 'Europe')
    >>> blocs.of(["DEU", "CHN"])
    ['Europe', 'Asia']
    >>> blocs.of(["DEU", "USA"])
    Traceback (most recent call last):
    ...
    carbonflows.errors.GroupingError: grouping 'blocs' has no group for USA: add it
    """

    members: Mapping[str, str]
    name: str
    source: str
    notes: Mapping[str, str]

    def __init__(
        self,
        members: Mapping[str, str],
        *,
        name: str = "grouping",
        source: str = "",
        notes: Mapping[str, str] | None = None,
    ) -> None:
        if not members:
            raise GroupingError(f"grouping {name!r} has no members")
        for label, group in members.items():
            if not str(label).strip() or not str(group).strip():
                raise GroupingError(f"grouping {name!r}: {label!r} → {group!r} has an empty side")
        values = {
            "members": MappingProxyType({str(k): str(v) for k, v in members.items()}),
            "name": name,
            "source": source,
            "notes": MappingProxyType(dict(notes or {})),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Grouping is read-only: build a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Grouping is read-only: build a new one")

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups in order of first appearance."""
        return tuple(dict.fromkeys(self.members.values()))

    @property
    def hash(self) -> str:
        """SHA-256 over the label → group pairs in label order."""
        text = "\n".join(f"{label}\t{group}" for label, group in sorted(self.members.items()))
        return hashlib.sha256(text.encode()).hexdigest()

    def of(self, labels: Iterable[str]) -> list[str]:
        """Return the group of each label.

        Parameters
        ----------
        labels : iterable of str

        Returns
        -------
        list of str

        Raises
        ------
        GroupingError
            A label in no group.
        """
        labels = list(labels)
        missing = [x for x in dict.fromkeys(labels) if x not in self.members]
        if missing:
            them = "it" if len(missing) == 1 else "them"
            raise GroupingError(
                f"grouping {self.name!r} has no group for {some(missing)}: add {them}",
                labels=missing, grouping=self.name,
            )  # fmt: skip
        return [self.members[label] for label in labels]

    def used(self, labels: Iterable[str]) -> tuple[str, ...]:
        """Return the groups that occur among some labels, in the grouping's order."""
        present = set(self.of(labels))
        return tuple(group for group in self.groups if group in present)

    def positions(self, labels: Iterable[str]) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
        """Return the groups that occur and each label's position among them."""
        labels = list(labels)
        groups = self.used(labels)
        place = {group: i for i, group in enumerate(groups)}
        return groups, np.array([place[g] for g in self.of(labels)], dtype=np.intp)

    def __repr__(self) -> str:
        return f"<Grouping {self.name!r}: {len(self.members)} labels in {len(self.groups)} groups>"


def load_grouping(name: str | Path) -> Grouping:
    """Read a grouping that ships with the package, or the user's own CSV.

    Parameters
    ----------
    name : str or Path
        A shipped name (see `groupings`) or the path of a CSV file with the columns ``region`` (or
        ``sector``) and ``group`` and, optionally, ``note``. Lines before the header that start with
        ``#`` may state ``# source: …``. A country may be written as its ISO3 code or as a name
        that `country_converter` knows; a name is then found under both.

    Returns
    -------
    Grouping

    Raises
    ------
    SourceError
        No such name or file.
    GroupingError
        A wrong header, an empty cell, a label in two groups.

    Examples
    --------
    >>> belt = load_grouping("belt-and-road")
    >>> belt.members["KAZ"]
    'Central Asia'
    >>> sum(note == "" for label, note in belt.notes.items())
    65
    """
    path = Path(name)
    if path.suffix != ".csv":
        shipped = groupings()
        if str(name) not in shipped:
            raise SourceError(
                f"no grouping {str(name)!r}: shipped are {some(shipped)}; a file of your own must "
                "end in .csv",
                name=str(name),
            )
        path = Path(str(_shipped())) / f"{name}.csv"
    if not path.is_file():
        raise SourceError(f"grouping file {path} does not exist", path=str(path))
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise GroupingError(f"{path} is not UTF-8 text: save it as CSV UTF-8") from error
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    source = next((c.split(":", 1)[1].strip() for c in comments if c.startswith("source:")), "")
    start = next((i for i, line in enumerate(lines) if line and not line.startswith("#")), None)
    if start is None:
        raise GroupingError(f"{path} is empty: it needs the columns region,group")
    rows = list(csv.reader(lines[start:]))
    header = [cell.strip().lower() for cell in rows[0]]
    label_column = next((h for h in header if h in ("region", "sector", "iso3")), None)
    if label_column is None or "group" not in header:
        raise GroupingError(
            f"{path} line {start + 1}: found the columns {', '.join(header)}; expected region,group"
        )
    members: dict[str, str] = {}
    notes: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start + 2):
        if not any(cell.strip() for cell in row):
            continue
        cells = dict(zip(header, (cell.strip() for cell in row), strict=False))
        label, group = cells.get(label_column, ""), cells.get("group", "")
        if not label or not group:
            raise GroupingError(f"{path} line {number}: empty {label_column if group else 'group'}")
        if label in members and members[label] != group:
            raise GroupingError(
                f"{path} line {number}: {label} is in {members[label]!r} and "
                f"in {group!r}: keep one",
                labels=[label],
            )
        members[label] = group
        notes[label] = cells.get("note", "")
    if label_column != "sector":
        _add_codes(members, notes, path)
    return Grouping(members, name=path.stem, source=source, notes=notes)


def groupings() -> tuple[str, ...]:
    """Names of the groupings that ship with the package.

    Examples
    --------
    >>> "belt-and-road" in groupings()
    True
    """
    return tuple(
        sorted(f.name.removesuffix(".csv") for f in _shipped().iterdir() if f.name.endswith(".csv"))
    )


def _shipped():  # type: ignore[no-untyped-def]
    return files("carbonflows") / "data" / "groupings"


def _add_codes(members: dict[str, str], notes: dict[str, str], path: Path) -> None:
    """Let countries that are written out be found by their ISO3 codes too."""
    written = [label for label in members if not (len(label) <= 4 and label.isupper())]
    for label, code in zip(written, iso3(written) if written else [], strict=True):
        if code is None:
            continue
        if members.get(code, members[label]) != members[label]:
            raise GroupingError(
                f"{path}: {label} ({code}) is in {members[label]!r} and in {members[code]!r}: "
                "keep one",
                labels=[label, code],
            )
        members[code], notes[code] = members[label], notes[label]


def require_grouping(given: object) -> None:
    """Raise unless something is a `Grouping` or None."""
    if given is not None and not isinstance(given, Grouping):
        raise GroupingError(
            f"a grouping is needed, not a {type(given).__name__}: use load_grouping(name) or "
            "Grouping(mapping)"
        )


def aggregate(
    table: IOTable | StreamedTable,
    regions: Grouping | None = None,
    sectors: Grouping | None = None,
    *,
    name: str | None = None,
) -> IOTable:
    """Sum a table's flows over groups of regions, of sectors, or both.

    Parameters
    ----------
    table : IOTable or StreamedTable
        A streamed one is summed while its rows pass by and never in memory as a whole.
    regions, sectors : Grouping, optional
        Must cover all regions (sectors) of the table. Trade between members becomes domestic.
    name : str, optional
        Name of the new table; the old one with the groupings' names by default.

    Returns
    -------
    IOTable
        Flows, output, value added and emissions are sums; coefficients are never aggregated.
        Groups come in the grouping's order.

    Raises
    ------
    GroupingError
        A label in no group.

    Notes
    -----
    ``Z' = G Z Gᵀ``, ``Y' = G Y Cᵀ``, ``F' = F Gᵀ`` (Miller and Blair 2009, section 4.9). Results of
    the smaller table differ from aggregated results of the larger one wherever members of a group
    differ in technology: aggregation bias.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> world = aggregate(two_regions(), Grouping({"A": "world", "B": "world"}))
    >>> world.Z.to_numpy().tolist(), world.x.tolist()
    ([[100.0]], [200.0])
    """
    for given in (regions, sectors):
        require_grouping(given)
    whole, table = table, streamed(table) if isinstance(table, IOTable) else table
    nodes, demand = table.nodes, table.demand
    of_region = _assign(regions, nodes.unique("region"))
    of_sector = _assign(sectors, nodes.unique("sector"))
    of_category = _assign(None, demand.unique("category"))
    new_nodes, node = _regroup(nodes, of_region, of_sector, NODE)
    new_demand, column = _regroup(demand, of_region, of_category, DEMAND)
    rows = _summation(node, len(new_nodes))
    columns = _summation(column, len(new_demand))

    def nodes_of(series: pd.Series | None) -> pd.Series | None:
        return None if series is None else pd.Series(rows @ series.to_numpy(), new_nodes)

    extensions = [
        Extension(
            pd.DataFrame(e.F.to_numpy() @ rows.T, e.F.index, new_nodes),
            pd.DataFrame(e.F_Y.to_numpy() @ columns.T, e.F.index, new_demand)
            if e.has_final and e.F_Y is not None
            else None,
            unit={str(s): str(u) for s, u in e.unit.items()},
            name=e.name,
            source=e.source,
        )
        for e in table.extensions
    ]
    members: dict[str, list[str]] = {}
    for region in nodes.unique("region"):
        members.setdefault(of_region[region], []).extend(table.members[region])
    used = [g for g in (regions, sectors) if g is not None]
    step = {
        "step": "aggregate",
        "groupings": [{"name": g.name, "source": g.source, "sha256": g.hash} for g in used],
        "from": f"{len(of_region)} regions, {len(nodes)} nodes",
    }
    Z = _summed_flows(whole, node, rows)
    provenance = table.provenance()
    steps = [*provenance.get("steps", []), step]
    return IOTable(
        pd.DataFrame(Z, new_nodes, new_nodes),
        pd.DataFrame(rows @ table.Y.to_numpy() @ columns.T, new_nodes, new_demand),
        extensions=extensions,
        output=table.output,
        x=nodes_of(table.x_given),
        value_added=nodes_of(table.value_added),
        unit=table.unit,
        year=table.year,
        currency=table.currency,
        price_basis=table.price_basis,
        name=name or " by ".join([table.name, *(g.name for g in used)]),
        source=table.source,
        members=members,
        provenance={**provenance, "steps": steps},
        copy=False,
    )


def _summed_flows(
    table: IOTable | StreamedTable, node: npt.NDArray[np.intp], rows: "csr_array"
) -> Array:
    """Sum flows over groups of nodes, in memory or while they pass by."""
    if isinstance(table, IOTable):
        return np.asarray(rows @ table.Z.to_numpy() @ rows.T)
    Z = np.zeros((rows.shape[0], rows.shape[0]))
    for start, block in checked_rows(table):
        for group, bought in zip(node[start : start + len(block)], block @ rows.T, strict=True):
            Z[group] += bought
    return Z


def _assign(grouping: Grouping | None, labels: pd.Index) -> dict[str, str]:
    """Label → group, in the order of the groups (the labels' own order without a grouping)."""
    names = [str(label) for label in labels]
    if grouping is None:
        return {name: name for name in names}
    of = dict(zip(names, grouping.of(names), strict=True))
    return {label: of[label] for label in sorted(of, key=lambda x: grouping.groups.index(of[x]))}


def _regroup(
    index: pd.MultiIndex,
    first: Mapping[str, str],
    second: Mapping[str, str],
    names: tuple[str, str],
) -> tuple[pd.MultiIndex, npt.NDArray[np.intp]]:
    """Return the new labels, region-major, and each old label's position among them."""
    pairs = [(first[a], second[b]) for a, b in index]
    group_order = {g: i for i, g in enumerate(dict.fromkeys(first.values()))}
    label_order = {g: i for i, g in enumerate(dict.fromkeys(second.values()))}
    labels = sorted(set(pairs), key=lambda p: (group_order[p[0]], label_order[p[1]]))
    place = {pair: i for i, pair in enumerate(labels)}
    return (
        pd.MultiIndex.from_tuples(labels, names=names),
        np.array([place[pair] for pair in pairs], dtype=np.intp),
    )


def _summation(positions: npt.NDArray[np.intp], size: int) -> Array:
    """Sparse 0/1 matrix (size, n) that sums positions into groups."""
    from scipy.sparse import csr_array

    n = len(positions)
    return csr_array((np.ones(n), (positions, np.arange(n))), shape=(size, n))
