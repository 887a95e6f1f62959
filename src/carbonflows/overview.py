"""What is in a table, on one page: size, money, emissions, oddities, where it comes from.

Everything comes from one pass over the flows, so a saved table larger than the memory can be looked
into as well.
"""

import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.diagnosis import LEVELS, findings, printed
from carbonflows.errors import some
from carbonflows.labels import Array
from carbonflows.plausible import Comparison, compared
from carbonflows.sources import named, read, the_one_recognised
from carbonflows.sources.archive import Files
from carbonflows.streamed import StreamedTable
from carbonflows.summed import Negative, Summed, negative_cells, summed
from carbonflows.table import IOTable
from carbonflows.zarr_files import group_at

WIDTH = 80
"""Columns of the printed page."""
LARGEST, STRESSORS, ODDITIES, FILES, LINES = 5, 3, 8, 4, 2
"""How many regions, stressors, oddities, files and lines of a text the page shows at most."""

Fact: TypeAlias = tuple[str, str, Any, str, str]
_EMISSIONS = "emissions of "
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "bytes"))
_CHECKS = ("totals", "balance", "largest imbalances", "file")
"""What a step says about checks and files, not about decisions."""
_FIRST = (r"unit", r"left out|drop|discrepanc|\bsums?\b", r"CO2|stressor|polic", r"")
"""What a step says first: units, what was left out, what was chosen; then the rest."""
_POLICIES = {"rows": "sales, Z1 + Y1", "columns": "inputs and value added", "given": "as published"}


@dataclass(frozen=True)
class Overview:
    """What is in a table.

    Attributes
    ----------
    table : str
        Name and year.
    year : int or None
    source : str
        Citation of the database.
    facts : DataFrame
        ``section``, ``item``, ``value`` (a number or a text), ``unit``, ``note``.
    findings : DataFrame
        What `carbonflows.diagnosis.findings` says, as in a diagnosis.
    provenance : mapping
        Reader, release, files with sizes and hashes, policies, steps.
    """

    table: str
    year: int | None
    source: str
    facts: pd.DataFrame = field(repr=False)
    findings: pd.DataFrame = field(repr=False)
    provenance: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        lines = [self.table, *_wrapped(self.source)]
        sections = dict(list(self.facts.groupby("section", sort=False)))
        emitted = [name for name in sections if str(name).startswith(_EMISSIONS)]
        for name, facts in sections.items():
            if name not in emitted[STRESSORS:]:
                lines += ["", str(name), *_aligned(facts)]
            elif name == emitted[-1]:
                lines += ["", f"and {len(emitted) - STRESSORS} more stressors"]
        odd = self.findings[self.findings["level"] != "ok"].sort_values(
            "level", key=lambda levels: -levels.map(LEVELS.index), kind="stable"
        )
        lines += ["", "oddities", *(printed(odd[:ODDITIES], LINES) or ["  none"])]
        if len(odd) > ODDITIES:
            lines.append(f"  and {len(odd) - ODDITIES} more")
        return "\n".join([*lines, "", "provenance", *_history(self.provenance)])

    def records(self) -> dict[str, Any]:
        """Give everything as plain lists and mappings, for JSON.

        Returns
        -------
        dict
            ``table``, ``year``, ``source``, ``facts``, ``findings``, ``provenance``; None where
            there is no number.
        """
        plain: dict[str, Any] = json.loads(
            json.dumps(
                {
                    "table": self.table,
                    "year": self.year,
                    "source": self.source,
                    "facts": _records(self.facts),
                    "findings": _records(self.findings),
                    "provenance": dict(self.provenance),
                },
                default=_plain,
            )
        )
        return plain


def overview(table: IOTable | StreamedTable, *, sha256: str | None = None) -> Overview:
    """Say what is in a table.

    Parameters
    ----------
    table : IOTable or StreamedTable
        The flows pass by once, in blocks of rows.
    sha256 : str, optional
        Hash of the table, if it is known.

    Returns
    -------
    Overview

    Raises
    ------
    ShapeError, DataError, HashMismatch
        What a table that is not in memory may turn out to have wrong when its flows pass by.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> print(overview(two_regions()))
    two regions
    ...
      output           200 M USD  2 × final demand
    ...
      value added      100 M USD  1 × final demand, output less inputs
      trade             70 M USD  35.0% of output; 57% of it intermediate
    ...
    """
    sums = summed(table)
    beside = {one.what.split(" / ")[0]: _beside(one) for one in compared(sums)}
    facts = [
        *_size(sums, sha256), *_money(sums, beside), *_emissions(sums, beside), *_negatives(sums),
    ]  # fmt: skip
    return Overview(
        sums.table.label,
        sums.table.year,
        sums.table.source,
        pd.DataFrame(facts, columns=["section", "item", "value", "unit", "note"], dtype=object),
        pd.DataFrame(findings(sums)),
        sums.table.provenance(),
    )


def look_into(
    path: str | Path | None, *, source: str = "auto", year: int | None = None, **options: Any
) -> Overview:
    """Say what is in a saved table, or in any database that can be read.

    Parameters
    ----------
    path : str or Path or None
        Only the source ``"example"`` needs none.
    source : str
        Kind of table; recognised from its files by default.
    year : int, optional
        Needed where `path` holds more than one.
    **options
        Options of the reader, as for `carbonflows.read`.

    Returns
    -------
    Overview
        The flows of a saved table are never in memory as a whole, nor those of a database that can
        be larger; any other is read.

    Raises
    ------
    SourceError
        As `carbonflows.read`.

    Examples
    --------
    >>> import tempfile
    >>> from carbonflows.store import save_table
    >>> from carbonflows.table import two_regions
    >>> path = save_table(two_regions(), Path(tempfile.mkdtemp()) / "two.zarr")
    >>> look_into(path)
    Overview(table='two regions', year=None, source='')
    """
    if path is None:
        return overview(read(source, year=year, **options))
    if source == "auto":
        source = the_one_recognised(path)
    table = named(source).blocks(path, year, **options)
    if source != "saved":
        return overview(table)
    with group_at(Files(path).path) as group:
        sha256 = group.attrs["carbonflows"]["sha256"]["table"]
    return overview(table, sha256=sha256)


def _beside(one: Comparison) -> str:
    if np.isnan(one.ratio):
        return one.detail
    about = ", roughly" if one.rough else ""
    return f"{one.ratio:.3g} × {one.what.split(' / ')[1]}{about}"


def _size(sums: Summed, sha256: str | None) -> Iterator[Fact]:
    table, n = sums.table, len(sums.table.nodes)
    part = "table"
    yield part, "money", ", ".join(t for t in (table.unit, table.price_basis) if t), "", ""
    yield part, "output", _POLICIES[table.output], "", ""
    yield part, "regions", len(sums.regions), "", ""
    sectors: dict[str, set[str]] = {}
    for region, sector in table.nodes:
        sectors.setdefault(region, set()).add(sector)
    (usual, most), *_ = Counter(map(frozenset, sectors.values())).most_common(1)
    each = f"{len(usual)} sector{'s' * (len(usual) != 1)} in "
    each += "every region" if most == len(sectors) else f"{most} regions, others in the rest"
    yield part, "nodes", n, "", each
    categories = table.demand.get_level_values("category").unique()
    yield part, "final demand", len(table.demand), "columns", some(categories)
    small = [table.Y, table.value_added, table.x_given]
    small += [frame for e in table.extensions for frame in (e.F, e.F_Y)]
    flows = 8 * n * n
    size = flows + sum(a.to_numpy().nbytes for a in small if a is not None)
    scale, unit = next((s, u) for s, u in _BYTES if size >= s)
    yield part, "memory", size / scale, unit, f"{flows / size:.0%} of it flows"
    if sha256 is not None:
        yield part, "SHA-256", sha256, "", ""


def _money(sums: Summed, beside: Mapping[str, str]) -> Iterator[Fact]:
    table, x, unit = sums.table, sums.x, sums.table.unit
    part, output, demand = "money", float(x.sum()), float(table.Y.to_numpy().sum())
    yield part, "output", output, unit, f"{output / demand:.3g} × final demand" if demand else ""
    yield part, "final demand", demand, unit, beside.get("final demand", beside.get("totals", ""))
    added = float(sums.added.sum())
    how = "output less inputs" if table.value_added is None else "as published"
    ratio = f"{added / demand:.3g} × final demand, " if demand else ""
    yield part, "value added", added, unit, ratio + how
    between, final = sums.trade.copy(), sums.final_trade.copy()
    np.fill_diagonal(between, 0.0)
    np.fill_diagonal(final, 0.0)
    traded = float(between.sum() + final.sum())
    note = ""
    if traded and output:
        note = f"{traded / output:.1%} of output; {between.sum() / traded:.0%} of it intermediate"
    yield part, "trade", traded, unit, note
    if traded:
        for item, axis in (("largest exports", 1), ("largest imports", 0)):
            yield part, item, _largest(sums.regions, (between + final).sum(axis=axis)), "", ""
    gaps = {"gaps of rows": x - sums.sold}
    if table.value_added is not None:
        gaps["gaps of columns"] = x - sums.inputs - sums.added
    for item, gap in gaps.items():
        total = float(np.abs(gap).sum())
        worst = int(np.abs(gap).argmax())
        note = (
            f"{total / output:.2g} of output; largest {_number(gap[worst])} at "
            f"{some([table.nodes[worst]])}"
            if total and output
            else ""
        )
        yield part, item, total, unit, note


def _emissions(sums: Summed, beside: Mapping[str, str]) -> Iterator[Fact]:
    for extension in sums.table.extensions:
        inside = "" if extension.has_final else "none given"
        for stressor, unit, made, used in zip(
            extension.stressors, extension.unit, *sums.emitted(extension), strict=True
        ):
            part = f"{_EMISSIONS}{stressor}"
            total = float(made.sum() + used.sum())
            yield part, "world", total, unit, beside.get(stressor, "")
            yield part, "industries", float(made.sum()), unit, ""
            yield part, "final users", float(used.sum()), unit, inside
            if total > 0:
                yield part, "largest", _largest(sums.regions, made + used), "", ""


def _largest(regions: Iterable[Any], values: Array) -> str:
    ranked = (pd.Series(values, list(regions)) / values.sum()).sort_values(ascending=False)
    return ", ".join(f"{r} {s:.1%}" for r, s in ranked.iloc[:LARGEST].items())


def _negatives(sums: Summed) -> Iterator[Fact]:
    table, part = sums.table, "negative and idle"
    found: dict[str, Negative] = {
        "flows": sums.negative,
        "final demand": negative_cells(table.Y.to_numpy()),
        "value added": negative_cells(sums.added),
    }
    for what, cells in found.items():
        note = f"sum {_number(cells.sum)} {table.unit}" if cells.count else ""
        yield part, what, cells.count, "cells below zero", note
    yield part, "without output", int((sums.x == 0).sum()), "nodes", ""


def _number(value: float) -> str:
    """Write a number with thousands apart, and digits that mean something."""
    if isinstance(value, int) or 1e3 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _aligned(facts: pd.DataFrame) -> list[str]:
    """Write facts as columns: item, number, unit, note."""
    items = [f"  {item}" for item in facts["item"]]
    wide = max(map(len, items), default=0) + 2
    shown = [v if isinstance(v, str) else _number(v) for v in facts["value"]]
    numbers = [s for s, v in zip(shown, facts["value"], strict=True) if not isinstance(v, str)]
    digits = max(map(len, numbers), default=0)
    units = max(map(len, facts["unit"]), default=0)
    lines = []
    for item, value, text, unit, note in zip(
        items, facts["value"], shown, facts["unit"], facts["note"], strict=True
    ):
        start = f"{item:<{wide}}"
        if isinstance(value, str):
            lines += textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=" " * wide)
            continue
        start += f"{text:>{digits}} {unit:<{units}}"
        lines += textwrap.wrap(
            note, WIDTH, initial_indent=f"{start}  ", subsequent_indent=" " * (len(start) + 2)
        ) or [start.rstrip()]
    return lines


def _wrapped(text: str, most: int = LINES) -> list[str]:
    """Break a text into lines."""
    return textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent=" " * 4, max_lines=most,
        placeholder=" …", break_on_hyphens=False,
    )  # fmt: skip


def _history(provenance: Mapping[str, Any]) -> list[str]:
    """Write provenance: what reader and files first, then policies and steps."""
    told = {key: value for key, value in provenance.items() if key != "warnings"}
    if not told:
        return ["  not recorded"]
    lines = []
    files = told.pop("files", [])
    by = [f"{key} {told.pop(key)}" for key in ("reader", "release") if told.get(key)]
    if by:
        lines += _wrapped(", ".join(by))
    for file in files[:FILES]:
        size, sha256 = file.get("bytes", 0), str(file.get("sha256", ""))[:12]
        lines += _wrapped(f"{file.get('name', 'file')}: {size:,} bytes, SHA-256 {sha256}…")
    if len(files) > FILES:
        lines.append(f"  and {len(files) - FILES} more files")
    for step in told.pop("steps", []):
        done = dict(step)
        name = done.pop("step", "step")
        lines += _wrapped(f"{name}: {_told(done)}", 2 * LINES) if done else []
    for key, value in told.items():
        lines += _wrapped(f"{key}: {_told(value)}")
    return lines


def account(provenance: Mapping[str, Any]) -> list[str]:
    """Say in a few lines what a reader took, chose and left out.

    Parameters
    ----------
    provenance : mapping
        As a reader records it.

    Returns
    -------
    list of str
        Steps with decisions and what was left out first, policies, number of files. How well totals
        are met is for `carbonflows.diagnose`.

    Examples
    --------
    >>> step = {"step": "read", "totals": {"gap": 0.0}, "unit": "M USD", "rows": []}
    >>> account({"reader": "r", "steps": [step], "policies": {"split": "merge", "co2": None}})
    ['  read: unit: M USD', '  policies: split: merge']
    """
    lines: list[str] = []
    for step in provenance.get("steps", []):
        kept = {k: v for k, v in step.items() if k not in _CHECKS and v not in ("", None, [], {})}
        name = kept.pop("step", "step")
        told = _told({key: kept[key] for key in sorted(kept, key=_rank)})
        lines += _wrapped(f"{name}: {told}", LINES if lines else 2 * LINES) if kept else []
    if provenance.get("policies"):
        lines += _wrapped(f"policies: {_told(provenance['policies'])}")
    files = provenance.get("files", [])
    if files:
        size = sum(file.get("bytes", 0) for file in files)
        lines.append(
            f"  from {some((file.get('name', 'file') for file in files), 1)}: {size:,} bytes"
        )
    return lines


def _rank(key: str) -> int:
    return next(i for i, pattern in enumerate(_FIRST) if re.search(pattern, key))


def _told(value: Any) -> str:
    """Write nested values as one text, without what is None."""
    if isinstance(value, Mapping):
        told = {key: inner for key, inner in value.items() if inner is not None}
        return "; ".join(f"{key}: {_told(inner)}" for key, inner in told.items())
    if isinstance(value, list | tuple):
        return ", ".join(f"({_told(v)})" if isinstance(v, Mapping) else _told(v) for v in value)
    if isinstance(value, float):
        return _number(value)
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", str(value))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give rows as mappings, None for NaN."""
    return [
        {str(k): None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()}
        for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into what it knows."""
    if isinstance(value, np.generic):
        return value.item()
    return dict(value) if isinstance(value, Mapping) else str(value)
