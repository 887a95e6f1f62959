"""Carbon of a set of sectors along its way, summed over any of its stages."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array, repeated
from carbonflows.table import block_sum
from carbonflows.units import factor

Axis: TypeAlias = Literal["emitted", "made", "used", "assembled", "consumed"]
AXES: tuple[Axis, ...] = ("emitted", "made", "assembled", "consumed")
"""Stages that every trace knows."""
LONG_AXES: tuple[Axis, ...] = ("emitted", "made", "used", "assembled", "consumed")
"""Stages of a trace that knows who uses the commodity first."""
MOST_CELLS = 50_000_000


@dataclass(frozen=True, eq=False)
class Trace:
    """Carbon of a set of sectors along its way, kept as factors: the array itself can be huge.

    Attributes
    ----------
    name : str
        What the set is called.
    unit : str
        Unit of all emissions.
    regions : Index
        Regions or groups, along every axis.
    nodes : MultiIndex
        Nodes of the set.
    made : array of int (s,)
        Position of each node's region.
    per_delivery : array (m, s)
        Emissions by region of emission per money of what leaves the set.
    deliveries : array (s, m, m)
        What leaves the set for the last time, by region of final assembly and of consumption
        [money/yr].
    kinds : DataFrame (s, 3)
        Emissions per money of deliveries: ``direct`` (in the set itself), ``electricity`` and
        ``other``.
    output : array (s,)
        Gross output of the set's nodes [money/yr].
    facts : dict
        Table, stressor and grouping.
    what : str
        What is followed: carbon, or weight.
    between_makers : array (s,), optional
        Of `per_delivery`, emissions on chains that cross a border from one maker to another.
    uses : array (s, m, m, 2), optional
        `deliveries` by region of first use, of assembly, and whether they are consumed there or
        elsewhere [money/yr].
    first_uses : array (s, m, m, m), optional
        `deliveries` by region of first use, assembly and consumption, where that is not too large
        [money/yr].
    """

    name: str
    unit: str
    regions: pd.Index
    nodes: pd.MultiIndex
    made: npt.NDArray[np.intp]
    per_delivery: Array
    deliveries: Array
    kinds: pd.DataFrame
    output: Array
    facts: dict[Hashable, Any] = field(default_factory=dict)
    what: str = "carbon"
    between_makers: Array | None = None
    uses: Array | None = None
    first_uses: Array | None = None

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Stages that this trace tells apart together, in their order."""
        return AXES if self.first_uses is None else LONG_AXES

    @property
    def total(self) -> float:
        """Emissions on all chains that pass through the set [emission unit]."""
        return float(self.per_delivery.sum(axis=0) @ self.deliveries.sum(axis=(1, 2)))

    def along(self, *axes: Axis) -> pd.Series:
        """Sum the carbon over all axes but some.

        Parameters
        ----------
        *axes : {"emitted", "made", "used", "assembled", "consumed"}
            Axes to keep, in any order; all that the trace has by default. ``used`` needs a trace
            with first use; together with ``consumed`` one that is not too large.

        Returns
        -------
        Series
            One index level per axis [emission unit]. Sums to `total`.

        Raises
        ------
        DataError
            An axis that is not known or named twice, or an array of more than 50 million cells:
            use a grouping.
        """
        kept = axes or self.axes
        wrong = [axis for axis in kept if axis not in LONG_AXES or kept.count(axis) > 1]
        if wrong:
            raise DataError(f"axis {wrong[0]!r}: name each of {', '.join(LONG_AXES)} once at most")
        if "used" in kept and self.uses is None:
            raise DataError("axis 'used': this trace has no first use; follow with first_use=True")
        m = len(self.regions)
        if m ** len(kept) > MOST_CELLS:
            raise DataError(
                f"{m} regions along {len(kept)} axes are {m ** len(kept):.2g} cells: keep fewer "
                "axes, or use a grouping"
            )
        left = self.per_delivery if "emitted" in kept else self.per_delivery.sum(axis=0)[None]
        if "used" not in kept or self.uses is None:
            right = self.deliveries[:, None]
        elif "consumed" not in kept:
            right = self.uses
        elif self.first_uses is not None:
            right = self.first_uses
        else:
            raise DataError(
                f"axes 'used' and 'consumed' together were too large for {m} regions: drop one, or "
                "use a grouping"
            )
        for place, axis in enumerate(("used", "assembled", "consumed"), start=1):
            if axis not in kept:
                right = right.sum(axis=place, keepdims=True)
        if "made" in kept:
            values = np.zeros((len(left), m, *right.shape[1:]))
            for q in range(m):
                at = self.made == q
                values[:, q] = np.tensordot(left[:, at], right[at], axes=1)
        else:
            values = np.tensordot(left, right, axes=1)[:, None]
        present = [axis for axis in LONG_AXES if axis in kept]
        values = values.reshape([m] * len(present))
        values = values.transpose([present.index(axis) for axis in kept])
        index: pd.Index = self.regions.rename(kept[0])
        if len(kept) > 1:
            index = pd.MultiIndex.from_product([self.regions] * len(kept), names=list(kept))
        return self._stated(values.ravel(), index, "along its way")

    def stages(self) -> pd.Series:
        """Split the carbon by the borders that it crosses.

        Returns
        -------
        Series
            Index ``upstream``, ``commodity``, ``product`` (True where that border is crossed):
            emitted elsewhere than made, the commodity with what is made of it before final
            assembly, the final product. A trace with first use tells ``commodity`` (from where it
            is made to its first use) and ``components`` (from there to final assembly) apart.
            What final users buy of the commodity itself crosses a border as a product
            [emission unit]. Sums to `total`.

        Notes
        -----
        A chain is cut where it leaves the set for the last time: steel sold to another steel maker
        is upstream. `moves` tells how much of upstream that is.
        """
        names = ["upstream", "commodity", "product"]
        if self.uses is not None:
            names.insert(2, "components")
        every = self.per_delivery.sum(axis=0)
        home = self.per_delivery[self.made, np.arange(len(self.made))]
        rates = np.stack([home, every - home])
        index = pd.MultiIndex.from_tuples(product([False, True], repeat=len(names)), names=names)
        return self._stated((rates @ self._by_border()).ravel(), index, "by border")

    def moves(self) -> pd.Series:
        """Carbon that crosses a border in each form; what does so in several counts in each.

        Returns
        -------
        Series
            Index ``upstream`` (emitted elsewhere than the commodity was last made),
            ``between makers`` (as the commodity, from one maker to another: nearly all of it
            upstream too), ``commodity`` (to its first user), ``components`` (from there to final
            assembly), ``product`` (to the consumer), and ``none`` (emitted, made, used, finished
            and consumed in one region)
            [emission unit]. Without first use, ``commodity`` includes components.

        Notes
        -----
        Between makers: ``e_S w`` less the same with ``A_SS = 0`` between regions.
        """
        stages = self.stages()
        levels = [str(level) for level in stages.index.names]
        found = {
            level: float(stages[stages.index.get_level_values(level)].sum()) for level in levels
        }
        between = 0.0
        if self.between_makers is not None:
            between = float(self.between_makers @ self.deliveries.sum(axis=(1, 2)))
        rows = {"upstream": found.pop("upstream"), "between makers": between, **found}
        rows["none"] = float(stages[(False,) * len(levels)])
        return self._stated(np.array(list(rows.values())), pd.Index(rows, name="form"), "by form")

    def _stated(self, values: Array, index: pd.Index, how: str) -> pd.Series:
        series = pd.Series(values, index, name="value")
        series.attrs = {
            "quantity": f"{self.what} of {self.name}, {how}", "unit": self.unit, **self.facts
        }  # fmt: skip
        return series

    def _by_border(self) -> Array:
        """Deliveries by the borders crossed after making, (s, 4), with first use (s, 8)."""
        m, s = len(self.regions), len(self.made)
        away = ~np.eye(m, dtype=bool)
        if self.uses is None:
            home = np.einsum("itt->it", self.deliveries)
            amounts = np.stack([home, self.deliveries.sum(axis=2) - home], axis=-1)
            codes = 2 * away[self.made][:, :, None] + np.arange(2)
        else:
            amounts = self.uses
            codes = (4 * away[self.made][:, :, None, None] + 2 * away[:, :, None]) + np.arange(2)
        size = 2 ** (amounts.ndim - 1)
        crossed = np.empty((s, size))
        for i in range(s):
            crossed[i] = np.bincount(codes[i].ravel(), amounts[i].ravel(), size)
        return crossed

    def physical(self, made: "pd.Series | Mapping[str, float]", unit: str = "t") -> "Trace":
        """Follow what is made by weight instead of by carbon, at one price per region.

        Parameters
        ----------
        made : Series or mapping
            Weight that each region makes; every region with output of the set.
        unit : str
            Unit of `made`, a mass.

        Returns
        -------
        Trace
            Weight in place of carbon: emitted and made are the same. What the set itself uses of
            its product (crude steel in rolled steel) does not leave it, so that the total is less
            than what is made.

        Raises
        ------
        LabelError
            A region that is missing, or that makes nothing in this table.
        DataError
            A negative amount, or one that is not a finite number.
        UnitError
            A unit that is no mass.

        Notes
        -----
        ``w_q Q_q / x_q``: the same price for all that a region delivers.

        Examples
        --------
        >>> import carbonflows as cf
        >>> trace = cf.tracer(cf.Leontief(cf.example(2004)), "Basic metals")
        >>> made = pd.Series(1.0, trace.regions)
        >>> shipped = trace.physical(made, "Mt").along("made", "assembled")
        >>> bool(shipped.sum() < 22)
        True
        """
        factor(unit, "t")
        made = pd.Series(made)
        if twice := repeated(made.index):
            raise LabelError(f"{some(twice)}: given twice; give each region once", labels=twice)
        output = block_sum(self.output, self.made, len(self.regions), axis=0)
        makers = self.regions[output != 0]
        if lost := [region for region in makers if region not in made.index]:
            raise LabelError(
                f"{some(lost)}: makes {self.name} here, but no amount is given; give 0 for nothing",
                labels=lost,
            )
        if odd := [region for region in made.index if region not in makers]:
            raise LabelError(
                f"{some(odd)}: makes no {self.name} in this table; leave it out", labels=odd
            )
        numbers = pd.to_numeric(made, errors="coerce").astype(float)
        bad = made.index[~np.isfinite(numbers) | (numbers < 0)]
        if len(bad):
            raise DataError(f"weight of {self.name} in {some(bad)}: give a number, zero or more")
        amounts = numbers.reindex(self.regions).fillna(0.0).to_numpy()
        rate = np.divide(amounts, output, out=np.zeros_like(output), where=output != 0)[self.made]
        per_delivery = np.zeros_like(self.per_delivery)
        per_delivery[self.made, np.arange(len(rate))] = rate
        facts: dict[Hashable, Any] = {key: self.facts[key] for key in ("table", "grouping")}
        return replace(
            self, what="weight", unit=unit, facts=facts, between_makers=None,
            per_delivery=per_delivery,
            kinds=pd.DataFrame({"direct": rate, "electricity": 0.0, "other": 0.0}, self.nodes),
        )  # fmt: skip
