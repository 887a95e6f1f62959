"""Emissions of every mixture of an old and a new economy: the corners a decomposition averages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import Partition
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array
from carbonflows.solve import Leontief
from carbonflows.table import IOTable, block_sum

By: TypeAlias = Literal["demand", "source", "both"]

CANCELLING = 1e-6
"""A sum this small against its terms, relative, has no shares: positive and negative cancel."""


@dataclass(eq=False)
class Corners:
    """Emissions ``k L Y`` with each factor of either the old (0) or the new (1) system.

    Attributes
    ----------
    systems : tuple of two Leontief
    intensity : tuple of two arrays (n,)
    people : tuple of two arrays (m,) or None
    factors : sequence of str
    by : {"demand", "source", "both"}
    part : Partition
    """

    systems: tuple[Leontief, Leontief]
    intensity: tuple[Array, Array]
    people: tuple[Array, Array] | None
    factors: Sequence[str]
    by: By
    part: Partition
    mixes: list[Array] = field(init=False)
    sizes: list[Array] = field(init=False)
    _solved: dict[tuple[int, int, int, int], Array] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        use = [system.final_use for system in self.systems]
        m = len(self.systems[0].table.regions)
        if "mix" in self.factors:
            self.mixes, self.sizes = _mix_and_size(use, self.systems[0].table.regions)
        else:
            self.mixes, self.sizes = use, [np.ones(m), np.ones(m)]

    def __call__(self, changed: tuple[bool, ...]) -> Array:
        """Emissions with the marked factors new, by group of `by`."""
        new = {name: int(x) for name, x in zip(self.factors, changed, strict=True)}
        inputs = new.get("inputs", 0)
        technology, sourcing = new.get("technology", inputs), new.get("sourcing", inputs)
        mix = new.get("mix", new.get("demand", 0))
        per_size = self._per_size(technology, sourcing, new["intensity"], mix)
        found = per_size * self._size(new)
        if self.by == "demand":
            return self.part.by_region(found)
        if self.by == "source":
            return self.part.by_region(found.sum(axis=1))
        return self.part.by_region(self.part.by_region(found, axis=1), axis=0)

    def _size(self, new: dict[str, int]) -> Array:
        """Final demand of each region (m,): level, or level per head times population."""
        level = self.sizes[new.get("level", 0)]
        if self.people is None or "population" not in new:
            return level
        return level / self.people[new["level"]] * self.people[new["population"]]

    def _per_size(self, technology: int, sourcing: int, intensity: int, mix: int) -> Array:
        """Emissions per unit of size: (m,) by demand, else (m, m) by source and demand."""
        key = technology, sourcing, intensity, mix
        if key not in self._solved:
            system = self._system(technology, sourcing)
            table = system.table
            m = len(table.regions)
            if self.by == "demand":
                total = system.multipliers(np.stack(self.intensity)).values
                for old_or_new, share in enumerate(self.mixes):
                    for k in (0, 1):
                        self._solved[technology, sourcing, k, old_or_new] = total[k] @ share
            else:
                output = system.outputs(np.hstack(self.mixes)).values
                for k, direct in enumerate(self.intensity):
                    emitted = block_sum(direct[:, None] * output, table.node_region, m, axis=0)
                    for old_or_new in (0, 1):
                        columns = slice(old_or_new * m, (old_or_new + 1) * m)
                        self._solved[technology, sourcing, k, old_or_new] = emitted[:, columns]
        return self._solved[key]

    def _system(self, technology: int, sourcing: int) -> Leontief:
        """Coefficients of one table, or input sums of one with the origin shares of the other."""
        if technology == sourcing:
            return self.systems[technology]
        return mixed_system(*self.systems, technology=technology, sourcing=sourcing)


def mixed_system(before: Leontief, after: Leontief, *, technology: int, sourcing: int) -> Leontief:
    """System with the technology of one table and the sourcing of the other.

    Parameters
    ----------
    before, after : Leontief
        With the same nodes in the same order.
    technology, sourcing : {0, 1}
        Which of the two gives the inputs per product from all origins (0: `before`), and which the
        shares of origins in them.

    Returns
    -------
    Leontief
        Of a table whose flows are ``A ∘ x`` with the output of `after`, or of `before` where that
        is zero, and without final demand.

    Raises
    ------
    DataError
        An input whose cells cancel, so that it has no shares of origins.

    Notes
    -----
    ``A^{rs} = C^{rs} ∘ A^{.s}`` with ``A^{.s} = Σ_r A^{rs}``. A product that a node did not buy at
    all in the table of the shares is bought from the origins of the other table: that a new input
    appears, or an old one vanishes, is technology.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> world = Leontief(two_regions())
    >>> same = mixed_system(world, world, technology=0, sourcing=1)
    >>> same.table.Z.to_numpy().tolist()
    [[20.0, 10.0], [30.0, 40.0]]
    """
    tables = before.table, after.table
    x = tables[1].x.where(tables[1].x != 0, tables[0].x)
    product = tables[0].sectors.get_indexer(tables[0].nodes.get_level_values("sector"))
    wanted, shares_of = (before, after)[technology], (before, after)[sourcing]
    sums = _product_sums(wanted, product)
    base = _product_sums(shares_of, product)
    none = base == 0
    A = _coefficients(shares_of)
    scale = np.divide(sums, base, out=np.zeros_like(sums), where=~none)
    A *= scale[product]
    appears = none & (sums != 0)
    if appears.any():
        A = np.where(appears[product], _coefficients(wanted), A)
    table = tables[0]
    nobody = pd.DataFrame(np.zeros((len(x), len(table.demand))), table.nodes, table.demand)
    names = [t.label for t in tables]
    mixed = IOTable(
        pd.DataFrame(A * x.to_numpy(), table.nodes, table.nodes, copy=False),
        nobody, output="given", x=x, unit=table.unit, copy=False,
        name=f"technology of {names[technology]} with sourcing of {names[sourcing]}",
    )  # fmt: skip
    return Leontief(mixed)


def _coefficients(system: Leontief) -> Array:
    """``A``, a fresh array (n, n)."""
    return system.table.Z.to_numpy() * system.per_output


def _product_sums(system: Leontief, product: npt.NDArray[np.intp]) -> Array:
    """Inputs of each product from all origins, per output (s, n)."""
    size = int(product.max()) + 1
    Z = system.table.Z.to_numpy()
    sums = block_sum(Z, product, size, axis=0)
    if Z.min(initial=0.0) < 0:
        terms = block_sum(np.abs(Z), product, size, axis=0)
        bad = np.abs(sums) < CANCELLING * terms
        if bad.any():
            s, j = np.argwhere(bad)[0]
            table = system.table
            raise DataError(
                f"{some([table.nodes[j]])} of {table.label} buys {table.sectors[s]} in positive "
                "and negative amounts that cancel, so no origin has a share: take the factor "
                "'inputs' instead of 'technology' and 'sourcing'",
                labels=[table.nodes[j]],
            )
    return sums * system.per_output


def _mix_and_size(use: list[Array], regions: pd.Index) -> tuple[list[Array], list[Array]]:
    """Shares of products and origins in each region's final demand (n, m), and its sum (m,)."""
    sizes = [f.sum(axis=0) for f in use]
    for f, size in zip(use, sizes, strict=True):
        bad = np.abs(size) < CANCELLING * np.abs(f).sum(axis=0)
        if bad.any():
            raise DataError(
                f"final demand of {some(regions[bad])} cancels to nothing, so it has no mix: take "
                "the factor 'demand' instead of 'mix' and 'level'",
                labels=list(regions[bad]),
            )
    mixes = [
        np.divide(f, size, out=np.zeros_like(f), where=size != 0)
        for f, size in zip(use, sizes, strict=True)
    ]
    # A region that buys nothing in one year has the mix of the other: all of it is level.
    first = np.where(sizes[0] == 0, mixes[1], mixes[0])
    second = np.where(sizes[1] == 0, mixes[0], mixes[1])
    return [first, second], sizes


def people_of(
    population: tuple[pd.Series, pd.Series] | None, regions: pd.Index
) -> tuple[Array, Array] | None:
    """Population of each region in both years, checked and in order (m,).

    Parameters
    ----------
    population : tuple of two Series, index region, or None
    regions : Index

    Returns
    -------
    tuple of two arrays (m,), or None

    Raises
    ------
    LabelError
        A region without population, or one too many.
    DataError
        Population that is not a positive number, or not two Series.

    Examples
    --------
    >>> old, new = pd.Series({"B": 2.0, "A": 1.0}), pd.Series({"A": 3.0, "B": 2.0})
    >>> [each.tolist() for each in people_of((old, new), pd.Index(["A", "B"]))]
    [[1.0, 2.0], [3.0, 2.0]]
    """
    if population is None:
        return None
    if len(population) != 2 or not all(isinstance(p, pd.Series) for p in population):
        raise DataError("population is not a pair of Series: give (before, after), by region")
    found = []
    for series in population:
        missing = regions.difference(series.index, sort=False)
        extra = series.index.difference(regions, sort=False)
        if len(missing) or len(extra) or not series.index.is_unique:
            odd = [*missing, *extra] or list(series.index[series.index.duplicated()])
            raise LabelError(
                f"population is missing for, or knows twice or too many, {some(odd)}: give one "
                "number for each region of the table",
                labels=odd,
            )
        values = series.reindex(regions).to_numpy(dtype=float)
        if not (np.isfinite(values) & (values > 0)).all():
            bad = regions[~(np.isfinite(values) & (values > 0))]
            raise DataError(
                f"population of {some(bad)} is no positive number: correct it", labels=list(bad)
            )
        found.append(values)
    return found[0], found[1]
