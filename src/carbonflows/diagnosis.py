"""What is odd about a table, as a report: totals, balances, negatives, idle nodes, productivity.

Nothing is repaired here. Each finding says what was looked at, how much of it there is and whether
it matters; the command line and the HTML report show the same list.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows import units
from carbonflows.errors import NotConverged, some
from carbonflows.labels import Array
from carbonflows.plausible import carbon_rows, compared
from carbonflows.solve import Leontief, spectral_radius
from carbonflows.streamed import StreamedTable
from carbonflows.summed import Negative, Summed, negative_cells, summed
from carbonflows.table import IOTable, block_sum

LEVELS = ("ok", "note", "warning", "error")
DIRTY, WEIGHTY, PEERS = 50, 0.1, 5
"""An intensity this many times the median of the same sector in so many regions or more, at a node
with this share of its region's emissions, looks like a lost decimal point. No node of the WIOD
tables for 1995-2009 is like that."""
SILENT, SILENT_REGIONS = 0.2, 1e-3
"""Share of the world's output from nodes without CO2, and from regions without any, that is too
much. It is 0.2 % and none in these tables."""
BOUGHT_ONLY = 1e-9
"""Value added over output below which a column only passes on what it bought, as products do in
supply and use tables. It emits nothing, and its inputs sum to one."""


class Finding(TypedDict):
    """One line of a diagnosis."""

    level: str
    check: str
    value: float
    unit: str
    detail: str


@dataclass(frozen=True)
class Diagnosis:
    """Findings about a table.

    Attributes
    ----------
    table : str
        Name and year of the table.
    findings : DataFrame
        ``level`` (ok, note, warning, error), ``check``, ``value``, ``unit``, ``detail``.
    """

    table: str
    findings: pd.DataFrame = field(repr=False)

    @property
    def worst(self) -> str:
        """Highest level among the findings."""
        return max(self.findings["level"], key=LEVELS.index, default="ok")

    def with_(self, *more: Finding) -> "Diagnosis":
        """Return this diagnosis with further findings."""
        return Diagnosis(
            self.table, pd.concat([self.findings, pd.DataFrame(more)], ignore_index=True)
        )

    def at(self, level: str) -> pd.DataFrame:
        """Findings of one level."""
        return self.findings[self.findings["level"] == level]

    def __str__(self) -> str:
        return "\n".join([f"{self.table}: {self.worst}", *printed(self.findings)])


def printed(findings: pd.DataFrame, most: int | None = None) -> list[str]:
    """Write findings for a terminal of 80 columns.

    Parameters
    ----------
    findings : DataFrame
        As `Diagnosis.findings`.
    most : int, optional
        Lines for one finding at most.

    Returns
    -------
    list of str

    Examples
    --------
    >>> printed(pd.DataFrame([_finding("ok", "world CO2", 70, "Mt", "no final users given")]))
    ['  ok      world CO2: 70 Mt. no final users given']
    """
    lines = []
    for level, check, value, unit, detail in findings[list(Finding.__annotations__)].to_numpy():
        amount = "" if np.isnan(value) else f"{value:.6g} {unit}".strip()
        told = ". ".join(part for part in (amount, detail) if part)
        lines += textwrap.wrap(
            f"{level:<8}{check}: {told}", 80, initial_indent="  ", subsequent_indent=" " * 10,
            max_lines=most, placeholder=" …", break_on_hyphens=False,
        )  # fmt: skip
    return lines


def diagnose(table: IOTable) -> Diagnosis:
    """Look a table over before its numbers are believed.

    Parameters
    ----------
    table : IOTable

    Returns
    -------
    Diagnosis
        What `findings` says, and what takes the whole table: input sums above one and the spectral
        radius of A.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> diagnose(two_regions()).at("note")["detail"].item()
    'not compared: its regions name no known country'
    """
    sums = summed(table)
    system = Leontief(table)
    rows = [
        *findings(sums),
        _input_sums(sums, sums.inputs * system.per_output),
        _productive(system),
    ]
    return Diagnosis(table.label, pd.DataFrame(rows))


def findings(sums: Summed) -> list[Finding]:
    """Look over what one pass over a table gives.

    Parameters
    ----------
    sums : Summed

    Returns
    -------
    list of Finding
        World totals beside those of statistics, what the reader warned of, row and column balance,
        GDP by two approaches, negatives in Z, Y, x, value added and emissions, nodes without output
        and what they emit or buy, nodes without CO2, final users who emit more than industries,
        nodes whose intensity is out of all proportion, isolated nodes, trade.

    Examples
    --------
    >>> from carbonflows.summed import summed
    >>> from carbonflows.table import two_regions
    >>> found = findings(summed(two_regions()))
    >>> found[0]["check"], found[0]["value"], found[0]["unit"]
    ('world output', 200.0, 'M USD')
    """
    table, x = sums.table, sums.x
    unit = table.unit
    return [
        *_totals(sums),
        *_plausible(sums),
        *_told(table),
        _balance(sums, "row balance (x − Z1 − Y1)", x - sums.sold),
        *_published_output(sums),
        *_value_added(sums),
        _negatives("intermediate flows Z", sums.negative, unit, table.nodes, table.nodes),
        _negatives("output x", negative_cells(x), unit, table.nodes),
        _negatives(
            "final demand Y", negative_cells(table.Y.to_numpy()), unit, table.nodes, table.demand,
            level="note",
        ),
        *_negative_emissions(table),
        *_idle(sums),
        *_without_carbon(sums),
        *_carbon_of_final_users(sums),
        *_outliers(sums),
        _isolated(table, (sums.sold == 0) & (sums.inputs == 0)),
        _trade_balance(sums),
    ]  # fmt: skip


def _finding(level: str, check: str, value: float, unit: str, detail: str = "") -> Finding:
    return {"level": level, "check": check, "value": float(value), "unit": unit, "detail": detail}


def _totals(sums: Summed) -> Iterator[Finding]:
    table = sums.table
    size = f"{len(table.nodes)} nodes, {len(sums.regions)} regions"
    level = "ok" if sums.x.any() else "warning"
    yield _finding(level, "world output", sums.x.sum(), table.unit, size)
    if table.currency is None:
        yield _finding("warning", "unit of money names no known currency", 1, table.unit)
    for extension in table.extensions:
        inside = "final users included" if extension.has_final else "no final users given"
        made, used = sums.emitted(extension)
        totals = made.sum(axis=1) + used.sum(axis=1)
        for stressor, unit, total in zip(extension.stressors, extension.unit, totals, strict=True):
            level, none = ("ok", "") if total else ("warning", "; check the rows that were read")
            yield _finding(level, f"world {stressor}", total, unit, inside + none)


def _plausible(sums: Summed) -> Iterator[Finding]:
    for one in compared(sums):
        yield _finding(one.level, one.what, one.ratio, "", one.detail)


def _told(table: StreamedTable) -> Iterator[Finding]:
    for number, warning in enumerate(table.provenance().get("warnings", []), 1):
        yield _finding("warning", f"remark {number} of the reader", np.nan, "", warning)


def _balance(sums: Summed, check: str, gap: Array) -> Finding:
    total = np.abs(sums.x).sum()
    share = np.abs(gap).sum() / total if total else 0.0
    level = "ok" if share <= 1e-9 else "note" if share <= 1e-3 else "warning"
    detail = f"{share:.2g} of output"
    if level != "ok":
        worst = int(np.abs(gap).argmax())
        detail += f"; largest {gap[worst]:.6g} at {some([sums.table.nodes[worst]])}"
    return _finding(level, check, np.abs(gap).sum(), sums.table.unit, detail)


def _published_output(sums: Summed) -> Iterator[Finding]:
    if sums.table.x_given is not None and sums.table.output != "given":
        gap = sums.table.x_given.to_numpy() - sums.x
        yield _balance(sums, "published output against output used", gap)


def _value_added(sums: Summed) -> Iterator[Finding]:
    table, added = sums.table, sums.added
    if table.value_added is None:
        yield _negatives("value added (x − 1Z)", negative_cells(added), table.unit, table.nodes)
    else:
        yield _balance(sums, "column balance (x − 1Z − v)", sums.x - sums.inputs - added)
        yield _negatives("value added", negative_cells(added), table.unit, table.nodes)
    spent = table.Y.to_numpy().sum()
    level = "ok" if abs(added.sum() - spent) <= 0.01 * abs(spent) else "warning"
    yield _finding(
        level, "GDP, production side", added.sum(), table.unit, f"final demand {spent:.6g}"
    )


def _negatives(
    what: str, found: Negative, unit: str, *axes: pd.MultiIndex, level: str = "warning"
) -> Finding:
    check = f"negative cells in {what}"
    if not found.count:
        return _finding("ok", check, 0, "cells")
    where = " → ".join(some([axis[i]]) for axis, i in zip(axes, found.place, strict=True))
    detail = f"sum {found.sum:.6g} {unit}, smallest {found.smallest:.6g} at {where}"
    return _finding(level, check, found.count, "cells", detail)


def _negative_emissions(table: StreamedTable) -> list[Finding]:
    found = []
    for extension in table.extensions:
        emitters = [("industries", extension.F, table.nodes)]
        if extension.F_Y is not None:
            emitters.append(("final users", extension.F_Y, table.demand))
        for who, frame, labels in emitters:
            for stressor, unit, row in zip(
                extension.stressors, extension.unit, frame.to_numpy(), strict=True
            ):
                if (cells := negative_cells(row)).count:
                    what = f"emissions, {stressor} of {who}"
                    found.append(_negatives(what, cells, unit, labels))
    return found or [_finding("ok", "negative cells in emissions", 0, "cells")]


def _idle(sums: Summed) -> Iterator[Finding]:
    table, idle = sums.table, sums.x == 0
    if not idle.any():
        yield _finding("ok", "nodes without output", 0, "nodes")
        return
    yield _finding("note", "nodes without output", idle.sum(), "nodes", some(table.nodes[idle]))
    for extension in table.extensions:
        for i, stressor in enumerate(extension.stressors):
            lost = np.where(idle, extension.F.to_numpy()[i], 0.0)
            if lost.any():
                detail = f"{(lost != 0).sum()} nodes; counted as direct emissions of their region"
                yield _finding(
                    "warning", f"{stressor} of nodes without output", lost.sum(),
                    extension.unit.iloc[i], detail,
                )  # fmt: skip
    bought = (sums.inputs - 2 * sums.negative_inputs)[idle].sum()  # without their signs
    if bought:
        yield _finding(
            "warning", "inputs bought by nodes without output", bought, table.unit,
            "counted as final use of their region",
        )  # fmt: skip


def _without_carbon(sums: Summed) -> Iterator[Finding]:
    rows = [extension.F.to_numpy()[i] for extension, i in carbon_rows(sums.table.extensions)]
    emits = np.any(rows, axis=0)
    if not np.any(emits):
        return  # said of the world's total already
    output = np.where(_adding(sums), np.maximum(sums.x, 0.0), 0.0)
    silent = ~emits & (output > 0)
    if not silent.any():
        yield _finding("ok", "nodes with output and no CO2", 0, "nodes")
        return
    m = len(sums.regions)
    of_region = np.bincount(sums.node_region, output, m) / output.sum()
    mute = (of_region > 0) & (np.bincount(sums.node_region, output * emits, m) == 0)
    share = output[silent].sum() / output.sum()
    detail = f"{share:.2g} of output: {some(sums.table.nodes[silent])}"
    if mute.any():
        detail += f"; no node emits any in {some(sums.regions[mute])}"
    high = share > SILENT or of_region[mute].sum() > SILENT_REGIONS
    yield _finding(
        "warning" if high else "note", "nodes with output and no CO2", silent.sum(), "nodes", detail
    )


def _adding(sums: Summed) -> npt.NDArray[np.bool_]:
    """Nodes that add value, which products in supply and use tables do not."""
    return np.abs(sums.added) > BOUGHT_ONLY * np.abs(sums.x)


def _carbon_of_final_users(sums: Summed) -> Iterator[Finding]:
    made = used = 0.0
    rows = carbon_rows(sums.table.extensions)
    if not any(extension.has_final for extension, _ in rows):
        return
    wanted = rows[0][0].unit.iloc[rows[0][1]]
    for extension, i in rows:
        if units.convertible(unit := extension.unit.iloc[i], wanted):
            industries, users = sums.emitted(extension)
            made += units.factor(unit, wanted) * industries[i].sum()
            used += units.factor(unit, wanted) * users[i].sum()
    if made + used > 0:
        level, detail = "ok", ""
        if used > made:
            level, detail = "warning", "more than industries emit: check what was read as which"
        yield _finding(level, "final users' share of CO2", used / (made + used), "", detail)


def _outliers(sums: Summed) -> Iterator[Finding]:
    x, region = sums.x, sums.node_region
    sector, sectors = pd.factorize(sums.table.nodes.get_level_values("sector"))
    whole = block_sum(np.abs(x), region, len(sums.regions), axis=0)[region]
    for extension in sums.table.extensions:
        of_regions, _ = sums.emitted(extension)
        for i, stressor in enumerate(extension.stressors):
            p = extension.F.to_numpy()[i]
            k = np.divide(p, x, out=np.zeros_like(p), where=x > 0)
            median = pd.Series(k[k > 0]).groupby(region[k > 0]).median()
            usual = median.reindex(region, fill_value=0.0).to_numpy()
            absurd = (x > 0) & (x < 1e-6 * whole) & (k > 100 * usual)
            yield _named(
                sums.table,
                f"nodes of tiny output with {stressor} intensity above 100 × the region's median",
                absurd,
            )
            elsewhere = pd.Series(k[k > 0]).groupby(sector[k > 0]).agg(["median", "size"])
            peers = elsewhere.reindex(range(len(sectors)), fill_value=0.0).to_numpy()[sector]
            dirty = (peers[:, 1] >= PEERS) & (k > DIRTY * peers[:, 0])
            yield _named(
                sums.table,
                f"nodes with {stressor} intensity above {DIRTY} × the sector's median, and over "
                f"{WEIGHTY:.0%} of their region",
                dirty & (p > WEIGHTY * of_regions[i][region]),
            )


def _named(table: StreamedTable, check: str, found: npt.NDArray[np.bool_]) -> Finding:
    level = "warning" if found.any() else "ok"
    return _finding(level, check, found.sum(), "nodes", some(table.nodes[found]))


def _isolated(table: StreamedTable, isolated: npt.NDArray[np.bool_]) -> Finding:
    level = "note" if isolated.any() else "ok"
    return _finding(level, "isolated nodes", isolated.sum(), "nodes", some(table.nodes[isolated]))


def _input_sums(sums: Summed, of_output: Array) -> Finding:
    high = np.where(_adding(sums), of_output >= 1, of_output > 1 + BOUGHT_ONLY)
    bought = (of_output >= 1).sum() - high.sum()
    told = []
    if high.any():
        told.append(f"{high.sum()} columns at or above one: {some(sums.table.nodes[high])}")
    if bought:
        told.append(f"{bought} columns without value added at one, as is usual of products")
    level = "warning" if high.any() else "ok"
    check = "largest input sum of a column of A"
    return _finding(level, check, of_output.max(), "", "; ".join(told))


def _productive(system: Leontief) -> Finding:
    check = "spectral radius of A"
    try:
        radius = spectral_radius(system)
    except NotConverged as error:
        return _finding("warning", check, np.nan, "", str(error))
    if radius < 1:
        return _finding("ok", check, radius, "", "productive")
    return _finding("error", check, radius, "", "not productive: the table cannot be solved")


def _trade_balance(sums: Summed) -> Finding:
    between = sums.trade + sums.final_trade
    np.fill_diagonal(between, 0.0)
    net = between.sum(axis=1) - between.sum(axis=0)
    top, bottom = int(net.argmax()), int(net.argmin())
    return _finding(
        "ok", "trade between regions", between.sum(), sums.table.unit,
        f"largest surplus {sums.regions[top]} {net[top]:.6g}, largest deficit "
        f"{sums.regions[bottom]} {net[bottom]:.6g}",
    )  # fmt: skip
