"""What is odd about a table, as a report: balances, negatives, idle nodes, productivity.

Nothing is repaired here. Each finding says what was looked at, how much of it there is and whether
it matters; the command line and the HTML report show the same list.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import NotConverged, some
from carbonflows.labels import Array
from carbonflows.solve import Leontief, spectral_radius
from carbonflows.table import IOTable, block_sum

LEVELS = ("ok", "note", "warning", "error")


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
        lines = [f"{self.table}: {self.worst}"]
        for row in self.findings.itertuples():
            amount = f"{row.value:.6g} {row.unit}".strip()
            lines.append(f"  {row.level:<8}{row.check}: {amount}. {row.detail}".rstrip(". ") + ".")
        return "\n".join(lines)


def diagnose(table: IOTable) -> Diagnosis:
    """Look a table over before its numbers are believed.

    Parameters
    ----------
    table : IOTable

    Returns
    -------
    Diagnosis
        Row and column balance, negatives in Z, Y, x and value added, nodes without output and what
        they emit or buy, nodes whose intensity is out of all proportion, isolated nodes, input sums
        above one, spectral radius of A, GDP by two approaches, trade balance.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> diagnose(two_regions()).worst
    'ok'
    """
    Z, Y, x = table.Z.to_numpy(), table.Y.to_numpy(), table.x.to_numpy()
    system = Leontief(table)
    bought, sold = Z.sum(axis=0), Z.sum(axis=1) + Y.sum(axis=1)
    rows = [
        *_totals(table),
        _balance(table, "row balance (x − Z1 − Y1)", x - sold),
        *_published_output(table),
        *_value_added(table, x - bought),
        _negatives(table, "intermediate flows Z", Z, columns=table.nodes),
        _negatives(table, "output x", x),
        _negatives(table, "final demand Y", Y, columns=table.demand, usual=True),
        *_idle(table, system),
        *_outliers(table),
        _isolated(table, (sold == 0) & (bought == 0)),
        _input_sums(table, bought * system.per_output),
        _productive(system),
        _trade_balance(table),
    ]
    return Diagnosis(table.label, pd.DataFrame(rows))


def _finding(level: str, check: str, value: float, unit: str, detail: str = "") -> Finding:
    return {"level": level, "check": check, "value": float(value), "unit": unit, "detail": detail}


def _totals(table: IOTable) -> Iterator[Finding]:
    size = f"{len(table.nodes)} nodes, {len(table.regions)} regions"
    yield _finding("ok", "world output", table.x.sum(), table.unit, size)
    if table.currency is None:
        yield _finding("warning", "unit of money names no known currency", 1, table.unit)
    for extension in table.extensions.values():
        inside = "final users included" if extension.has_final else "no final users given"
        for i, stressor in enumerate(extension.stressors):
            total = extension.F.to_numpy()[i].sum()
            if extension.F_Y is not None:
                total += extension.F_Y.to_numpy()[i].sum()
            yield _finding("ok", f"world {stressor}", total, extension.unit.iloc[i], inside)


def _balance(table: IOTable, check: str, gap: Array) -> Finding:
    total = table.x.abs().sum()
    share = np.abs(gap).sum() / total if total else 0.0
    level = "ok" if share <= 1e-9 else "note" if share <= 1e-3 else "warning"
    detail = f"{share:.2g} of output"
    if level != "ok":
        worst = int(np.abs(gap).argmax())
        detail += f"; largest {gap[worst]:.6g} at {some([table.nodes[worst]])}"
    return _finding(level, check, np.abs(gap).sum(), table.unit, detail)


def _published_output(table: IOTable) -> Iterator[Finding]:
    if table.x_given is not None and table.output != "given":
        gap = table.x_given.to_numpy() - table.x.to_numpy()
        yield _balance(table, "published output against output used", gap)


def _value_added(table: IOTable, residual: Array) -> Iterator[Finding]:
    if table.value_added is None:
        added = residual
        yield _negatives(table, "value added (x − 1Z)", added)
    else:
        added = table.value_added.to_numpy()
        yield _balance(table, "column balance (x − 1Z − v)", residual - added)
        yield _negatives(table, "value added", added)
    spent = table.Y.to_numpy().sum()
    level = "ok" if abs(added.sum() - spent) <= 0.01 * abs(spent) else "warning"
    yield _finding(
        level, "GDP, production side", added.sum(), table.unit, f"final demand {spent:.6g}"
    )


def _negatives(
    table: IOTable,
    what: str,
    values: Array,
    *,
    columns: pd.MultiIndex | None = None,
    usual: bool = False,
) -> Finding:
    check = f"negative cells in {what}"
    negative = values < 0
    if not negative.any():
        return _finding("ok", check, 0, "cells")
    place = [int(i) for i in np.unravel_index(values.argmin(), values.shape)]
    where = some([table.nodes[place[0]]])
    if columns is not None:
        where += f" → {some([columns[place[1]]])}"
    detail = (
        f"sum {values[negative].sum():.6g} {table.unit}, smallest {values.min():.6g} at {where}"
    )
    return _finding("note" if usual else "warning", check, negative.sum(), "cells", detail)


def _idle(table: IOTable, system: Leontief) -> Iterator[Finding]:
    idle = system.idle
    if not idle.any():
        yield _finding("ok", "nodes without output", 0, "nodes")
        return
    yield _finding("note", "nodes without output", idle.sum(), "nodes", some(table.nodes[idle]))
    for extension in table.extensions.values():
        for i, stressor in enumerate(extension.stressors):
            lost = np.where(idle, extension.F.to_numpy()[i], 0.0)
            if lost.any():
                detail = f"{(lost != 0).sum()} nodes; counted as direct emissions of their region"
                yield _finding(
                    "warning", f"{stressor} of nodes without output", lost.sum(),
                    extension.unit.iloc[i], detail,
                )  # fmt: skip
    bought = np.abs(table.Z.to_numpy()[:, idle]).sum()
    if bought:
        yield _finding(
            "warning", "inputs bought by nodes without output", bought, table.unit,
            "counted as final use of their region",
        )  # fmt: skip


def _outliers(table: IOTable) -> Iterator[Finding]:
    x, region = table.x.to_numpy(), table.node_region
    whole = block_sum(np.abs(x), region, len(table.regions), axis=0)[region]
    for extension in table.extensions.values():
        for i, stressor in enumerate(extension.stressors):
            p = extension.F.to_numpy()[i]
            k = np.divide(p, x, out=np.zeros_like(p), where=x > 0)
            median = pd.Series(k[k > 0]).groupby(region[k > 0]).median()
            usual = median.reindex(region, fill_value=0.0).to_numpy()
            absurd = (x > 0) & (x < 1e-6 * whole) & (k > 100 * usual)
            yield _finding(
                "warning" if absurd.any() else "ok",
                f"nodes of tiny output with {stressor} intensity above 100 × the region's median",
                absurd.sum(), "nodes", some(table.nodes[absurd]),
            )  # fmt: skip


def _isolated(table: IOTable, isolated: npt.NDArray[np.bool_]) -> Finding:
    level = "note" if isolated.any() else "ok"
    return _finding(level, "isolated nodes", isolated.sum(), "nodes", some(table.nodes[isolated]))


def _input_sums(table: IOTable, sums: Array) -> Finding:
    high = sums >= 1
    detail = (
        f"{high.sum()} columns at or above one: {some(table.nodes[high])}" if high.any() else ""
    )
    level = "warning" if high.any() else "ok"
    return _finding(level, "largest input sum of a column of A", sums.max(), "", detail)


def _productive(system: Leontief) -> Finding:
    check = "spectral radius of A"
    try:
        radius = spectral_radius(system)
    except NotConverged as error:
        return _finding("warning", check, np.nan, "", str(error))
    if radius < 1:
        return _finding("ok", check, radius, "", "productive")
    return _finding("error", check, radius, "", "not productive: the table cannot be solved")


def _trade_balance(table: IOTable) -> Finding:
    m, region = len(table.regions), table.node_region
    sold = block_sum(table.Z.to_numpy(), region, m, axis=1) + table.final_demand().to_numpy()
    between = block_sum(sold, region, m, axis=0)
    np.fill_diagonal(between, 0.0)
    net = between.sum(axis=1) - between.sum(axis=0)
    top, bottom = int(net.argmax()), int(net.argmin())
    return _finding(
        "ok", "trade between regions", between.sum(), table.unit,
        f"largest surplus {table.regions[top]} {net[top]:.6g}, largest deficit "
        f"{table.regions[bottom]} {net[bottom]:.6g}",
    )  # fmt: skip
