"""One drawn table: every cell times its errors' factors, rebalanced or not, reproducible by number.

Draw `number` of stream `seed` is the same table whenever and wherever it is drawn: each error has a
generator of its own for each draw, seeded by (seed, number, part of the table, place among the
errors of that part). Errors of other parts do not change it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.change.panel import naming
from carbonflows.errors import BalanceError, DataError
from carbonflows.extension import Extension
from carbonflows.labels import Array
from carbonflows.table import IOTable
from carbonflows.uncertainty.cells import PARTS, Part, chosen_stressors
from carbonflows.uncertainty.fuels import FuelErrors, FuelSampler
from carbonflows.uncertainty.mixed_rows import MixedRows
from carbonflows.uncertainty.model import Error, ErrorSource, Sampler, log_sd

Draw: TypeAlias = Callable[[np.random.Generator], Array]

TOLERANCE = 1e-10
"""Largest gap of a rebalanced row or column, as a share of its gross sum."""


def drawn_table(
    table: IOTable,
    errors: ErrorSource | Sequence[ErrorSource],
    *,
    seed: int,
    number: int,
    rebalanced: bool = False,
    totals: float = 0.0,
) -> IOTable:
    """Draw one table.

    Parameters
    ----------
    table : IOTable
        With output from rows.
    errors : Error, FuelErrors or sequence of them
        Independent of each other; those of one part multiply.
    seed : int
        Stream of draws, from 0.
    number : int
        Which draw of the stream, from 0.
    rebalanced : bool
        Fit the drawn flows and final demand to the table's totals (GRAS): output and intermediate
        inputs of each node, and each column of final demand.
    totals : float
        Relative standard deviation of these totals [1], for rebalanced draws. A node's output and
        inputs share one factor, each column of final demand has its own; then all columns of final
        demand are multiplied by one number, so that rows and columns add up to the same.

    Returns
    -------
    IOTable
        Output from the drawn rows; value added, if the table has it, takes what this adds to or
        takes from a column. ``provenance["draw"]`` states all of the above and, for rebalanced
        draws, that number (``demand_times``), iterations and residual.

    Raises
    ------
    DataError, LabelError, UnitError
        Arguments that cannot be used, or errors that do not fit the table.
    BalanceError, NotConverged
        Drawn cells that cannot meet the totals; the message names the draw.

    Notes
    -----
    Zeros stay zero and signs stay. Without rebalancing, a node's output is uncertain by what its
    sales are; independent errors of many cells average out in it.

    Errors of inputs and demand are those of sales. Negative cells of a row, such as withdrawals
    from stocks, have none of their own: they are multiplied by what the row's positive cells
    together are multiplied by, and so is then output, which keeps its sign. A row that adds up to
    nothing stays as it is. (Drawn by themselves, negative cells would give small nodes negative
    output, and the system no solution.)

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> errors = [Error("inputs", 0.1)]
    >>> drawn_table(two_regions(), errors, seed=1, number=0).x.round(2).tolist()
    [101.01, 93.4]
    >>> fitted = drawn_table(two_regions(), errors, seed=1, number=0, rebalanced=True)
    >>> fitted.x.round(7).tolist(), fitted.Z.sum().round(7).tolist()
    ([100.0, 100.0], [50.0, 50.0])
    """
    if not _natural(number):
        raise DataError(f"number={number!r} is no number of a draw: give 0 or more")
    drawing = Drawing(table, errors, seed=seed, rebalanced=rebalanced, totals=totals)
    return drawing.table(number)


class Drawing:
    """A table and its errors made ready to be drawn many times.

    Parameters
    ----------
    table, errors, seed, rebalanced, totals
        As in `drawn_table`.

    Attributes
    ----------
    base : IOTable
        The table that is drawn around.
    told : tuple of dict
        The errors, as JSON takes them.

    Raises
    ------
    DataError, LabelError, UnitError
        As `drawn_table`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> drawing = Drawing(two_regions(), Error("emissions", 0.1), seed=0)
    >>> drawing.table(7).x.tolist()  # emissions only
    [100.0, 100.0]
    """

    def __init__(
        self,
        table: IOTable,
        errors: ErrorSource | Sequence[ErrorSource],
        *,
        seed: int,
        rebalanced: bool = False,
        totals: float = 0.0,
    ) -> None:
        listed = listed_errors(errors)
        _check_arguments(table, listed, seed, rebalanced, totals)
        self.base = table
        self.seed = int(seed)
        self.told = tuple(error.told() for error in listed)
        self._draws: dict[Part, list[tuple[Draw, list[tuple[str, str]]]]] = {}
        for error in listed:
            touched = []
            if error.on in ("emissions", "households"):
                touched = chosen_stressors(table, error.stressor, error.on)
            self._draws.setdefault(error.on, []).append((_ready(error, table), touched))
        self._totals = float(totals)
        self._margins = _Margins.of(table) if rebalanced else None
        self._output_less_inputs = _output_less_inputs(table.Z, table.Y)
        self._rows = MixedRows.of(table)

    def table(self, number: int) -> IOTable:
        """Draw one table; see `drawn_table`."""
        with naming(f"draw {number} of seed {self.seed}"):
            return self._table(number)

    def _table(self, number: int) -> IOTable:
        base = self.base
        note: dict[str, Any] = {
            "seed": self.seed, "number": int(number), "errors": list(self.told),
            "rebalanced": self._margins is not None, "totals": self._totals,
            "negative_cells": "in proportion to their row's positive cells",
        }  # fmt: skip
        Z = self._cells(number, "inputs", base.Z)
        Y = self._cells(number, "demand", base.Y)
        if "inputs" in self._draws or "demand" in self._draws:
            flows, demand = self._rows.settled(Z.to_numpy(), Y.to_numpy())
            Z = pd.DataFrame(flows, Z.index, Z.columns, copy=False)
            Y = pd.DataFrame(demand, Y.index, Y.columns, copy=False)
        if self._margins is not None:
            factors = self._total_factors(number, self._margins)
            Z, Y, done = self._margins.fitted(Z, Y, factors)
            note |= done
        changes: dict[str, Any] = {}
        if self._margins is not None or "inputs" in self._draws or "demand" in self._draws:
            changes = {"Z": Z, "Y": Y, "x": None}
            if base.value_added is not None:
                more = _output_less_inputs(Z, Y) - self._output_less_inputs
                changes["value_added"] = base.value_added + more
        if "emissions" in self._draws or "households" in self._draws:
            changes["extensions"] = self._extensions(number)
        return base.replace(**changes, provenance=base.provenance | {"draw": note}, copy=False)

    def _cells(self, number: int, on: Part, frame: pd.DataFrame) -> pd.DataFrame:
        """Multiply flows with the factors drawn for them."""
        factors = [draw(rng) for draw, _, rng in self._streams(number, on)]
        if not factors:
            return frame
        values = factors[0]
        for factor in (*factors[1:], frame.to_numpy()):
            values *= factor
        return pd.DataFrame(values, frame.index, frame.columns, copy=False)

    def _extensions(self, number: int) -> list[Extension]:
        """Multiply emissions with the factors drawn for them."""
        amounts = {
            name: {
                "emissions": extension.F.to_numpy().copy(),
                "households": None if extension.F_Y is None else extension.F_Y.to_numpy().copy(),
            }
            for name, extension in self.base.extensions.items()
        }
        on: Part
        for on in ("emissions", "households"):
            for draw, touched, rng in self._streams(number, on):
                factors = draw(rng)
                for name, stressor in touched:
                    row = self.base.extensions[name].stressors.index(stressor)
                    values = amounts[name][on]
                    assert values is not None  # such are refused when errors are made ready
                    values[row] *= factors
        return [
            Extension(
                pd.DataFrame(amounts[name]["emissions"], e.F.index, e.F.columns, copy=False),
                None if not e.has_final or e.F_Y is None else pd.DataFrame(
                    amounts[name]["households"], e.F_Y.index, e.F_Y.columns, copy=False
                ),
                unit={str(s): str(u) for s, u in e.unit.items()}, name=name, source=e.source,
            )
            for name, e in self.base.extensions.items()
        ]  # fmt: skip

    def _streams(
        self, number: int, on: Part
    ) -> Iterator[tuple[Draw, list[tuple[str, str]], np.random.Generator]]:
        """Give each error of a part its generator for this draw."""
        for place, (draw, touched) in enumerate(self._draws.get(on, [])):
            yield draw, touched, self._generator(number, PARTS.index(on), place)

    def _generator(self, number: int, *component: int) -> np.random.Generator:
        source = np.random.SeedSequence(self.seed, spawn_key=(int(number), *component))
        return np.random.Generator(np.random.PCG64(source))

    def _total_factors(self, number: int, margins: "_Margins") -> tuple[Array, Array]:
        """Draw the factors of totals: of nodes and of columns of final demand."""
        n, m = len(margins.inputs), len(margins.demand)
        sigma = log_sd(np.array(self._totals))
        deviates = self._generator(number, len(PARTS), 0).standard_normal(n + m)
        factors = np.exp(sigma * deviates - sigma**2 / 2)
        return factors[:n], factors[n:]


@dataclass(frozen=True, eq=False)
class _Margins:
    """Totals that rebalanced draws are fitted to [money/yr], and their labels."""

    output: Array
    inputs: Array
    demand: Array
    index: pd.Index
    columns: pd.Index

    @classmethod
    def of(cls, table: IOTable) -> "_Margins":
        """Take them from a table."""
        labels = [("inputs", *node) for node in table.nodes]
        labels += [("demand", *column) for column in table.demand]
        return cls(
            table.x.to_numpy(), table.Z.to_numpy().sum(axis=0), table.Y.to_numpy().sum(axis=0),
            table.nodes, pd.MultiIndex.from_tuples(labels),
        )  # fmt: skip

    def fitted(
        self, Z: pd.DataFrame, Y: pd.DataFrame, factors: tuple[Array, Array]
    ) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
        """Fit drawn flows to the totals times their factors."""
        from carbonflows.build.balancing.gras import gras
        from carbonflows.build.balancing.ras import ras

        rows, inputs = self.output * factors[0], self.inputs * factors[0]
        demand = self.demand * factors[1]
        needed, found = float(rows.sum() - inputs.sum()), float(demand.sum())
        if not needed * found > 0:
            raise BalanceError(
                f"drawn final demand sums to {found:.6g}, but output less inputs to {needed:.6g}: "
                "draw totals with a smaller error"
            )
        times = needed / found
        n = len(inputs)
        seed = np.concatenate([Z.to_numpy(), Y.to_numpy()], axis=1)
        method = gras if seed.min(initial=0.0) < 0 else ras
        fitted = method(
            pd.DataFrame(seed, self.index, self.columns, copy=False),
            rows, np.concatenate([inputs, demand * times]), tolerance=TOLERANCE,
        )  # fmt: skip
        values = fitted.values.to_numpy()
        return (
            pd.DataFrame(values[:, :n], Z.index, Z.columns, copy=False),
            pd.DataFrame(values[:, n:], Y.index, Y.columns, copy=False),
            {
                "demand_times": times, "method": method.__name__,
                "iterations": fitted.iterations, "residual": fitted.residual,
            },
        )  # fmt: skip


def listed_errors(errors: ErrorSource | Sequence[ErrorSource]) -> list[ErrorSource]:
    """List errors, one or several.

    Raises
    ------
    DataError
        Something that is no error.
    """
    listed = list(errors) if isinstance(errors, Sequence) else [errors]
    for error in listed:
        if isinstance(error, str | Mapping) or not hasattr(error, "factors"):
            raise DataError(
                f"a {type(error).__name__} is no error: give Error(…), FuelErrors(…) or a list of "
                "them"
            )
    return listed


def _ready(error: ErrorSource, table: IOTable) -> Draw:
    """Make an error ready to be drawn; one that does not fit is refused here, not in a draw."""
    if isinstance(error, Error):
        return Sampler(error, table).factors
    if isinstance(error, FuelErrors):
        return FuelSampler(error, table).factors

    def draw(generator: np.random.Generator) -> Array:
        return error.factors(table, generator)

    return draw


def _output_less_inputs(Z: pd.DataFrame, Y: pd.DataFrame) -> Array:
    """What is left of each node's output after its inputs, shape (n,)."""
    flows, demand = Z.to_numpy(), Y.to_numpy()
    # Sums and no products with ones: their digits do not depend on the threads of BLAS.
    return flows.sum(axis=1) + demand.sum(axis=1) - flows.sum(axis=0)


def _check_arguments(
    table: object, errors: list[ErrorSource], seed: object, rebalanced: bool, totals: object
) -> None:
    if not isinstance(table, IOTable):
        raise DataError(f"a {type(table).__name__} is no table: give an IOTable")
    if table.output != "rows":
        raise DataError(
            f"{table.label} has output={table.output!r}, but that of a draw is what its rows sum "
            "to: give table.replace(output='rows')"
        )
    if not _natural(seed):
        raise DataError(f"seed={seed!r} is no seed: give a whole number from 0")
    ok = isinstance(totals, int | float) and not isinstance(totals, bool)
    if not (ok and np.isfinite(totals) and totals >= 0):  # type: ignore[operator, call-overload]
        raise DataError(
            f"totals={totals!r} is no relative standard deviation: give a finite number from 0"
        )
    if totals and not rebalanced:
        raise DataError(f"totals={totals!r} needs draws that are fitted to them: rebalanced=True")
    if not errors and not totals:
        raise DataError("no errors were given: name at least one, such as Error('inputs', 0.1)")


def _natural(value: object) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and bool(value >= 0)  # type: ignore[operator]
