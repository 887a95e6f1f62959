"""What one pass over the intermediate flows says of a table: sums, trade, negative cells.

The diagnosis and the overview of a table start from these sums, so that both also work for tables
whose flows memory does not hold.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.labels import Array
from carbonflows.streamed import StreamedTable, checked_rows, streamed
from carbonflows.table import Extension, IOTable, block_sum


@dataclass(frozen=True)
class Negative:
    """Negative cells of an array.

    Attributes
    ----------
    count : int
    sum, smallest : float
        Zero where there are none.
    place : tuple of int
        Position of the smallest.
    """

    count: int
    sum: float
    smallest: float
    place: tuple[int, ...]


def negative_cells(values: Array) -> Negative:
    """Count and sum the negative cells of an array.

    Parameters
    ----------
    values : array

    Returns
    -------
    Negative

    Examples
    --------
    >>> negative_cells(np.array([[1.0, -2], [-3, 4]]))
    Negative(count=2, sum=-5.0, smallest=-3.0, place=(1, 0))
    """
    if not values.size or not (smallest := float(values.min())) < 0:
        return Negative(0, 0.0, 0.0, (0,) * values.ndim)
    below = values < 0
    place = np.unravel_index(int(values.argmin()), values.shape)
    return Negative(
        int(below.sum()), float(values[below].sum()), smallest, tuple(int(i) for i in place)
    )


@dataclass(frozen=True, eq=False)
class Summed:
    """A table but for its intermediate flows, and the sums of those.

    Attributes
    ----------
    table : StreamedTable
        Labels, final demand, emissions and everything else that is small.
    uses, inputs : array (n,)
        Row and column sums of Z [money/yr].
    trade : array (m, m)
        Sales from region to region, intermediate [money/yr].
    negative : Negative
        Negative cells of Z.
    negative_inputs : array (n,)
        Their sum by column.
    """

    table: StreamedTable
    uses: Array
    inputs: Array
    trade: Array
    negative: Negative
    negative_inputs: Array

    @cached_property
    def regions(self) -> pd.Index:
        """Regions in order of their first node."""
        return self.table.nodes.get_level_values("region").unique()

    @cached_property
    def node_region(self) -> npt.NDArray[np.intp]:
        """Position of each node's region in `regions`, shape (n,)."""
        return self.regions.get_indexer(self.table.nodes.get_level_values("region"))

    @cached_property
    def demand_region(self) -> npt.NDArray[np.intp]:
        """Position of each demand column's region in `regions`, shape (m·q,)."""
        return self.regions.get_indexer(self.table.Y.columns.get_level_values("region"))

    @cached_property
    def sold(self) -> Array:
        """Sales to industries and final users (n,) [money/yr]."""
        return self.uses + self.table.Y.to_numpy().sum(axis=1)

    @cached_property
    def x(self) -> Array:
        """Gross output by the table's policy (n,) [money/yr]."""
        table = self.table
        if table.output == "columns" and table.value_added is not None:
            return self.inputs + table.value_added.to_numpy()
        if table.output == "given" and table.x_given is not None:
            return table.x_given.to_numpy()
        return self.sold

    @cached_property
    def added(self) -> Array:
        """Value added as published, or else output less inputs (n,) [money/yr]."""
        if self.table.value_added is None:
            return self.x - self.inputs
        return self.table.value_added.to_numpy()

    @cached_property
    def final_trade(self) -> Array:
        """Sales to final users from region to region (m, m) [money/yr]."""
        m = len(self.regions)
        by_consumer = block_sum(self.table.Y.to_numpy(), self.demand_region, m, axis=1)
        return block_sum(by_consumer, self.node_region, m, axis=0)

    def emitted(self, extension: Extension) -> tuple[Array, Array]:
        """Emissions of industries and of final users by region.

        Parameters
        ----------
        extension : Extension
            One of the table's.

        Returns
        -------
        industries, final users : array (s, m)
            In each stressor's unit.
        """
        m = len(self.regions)
        made = block_sum(extension.F.to_numpy(), self.node_region, m, axis=1)
        if extension.F_Y is None:
            return made, np.zeros_like(made)
        return made, block_sum(extension.F_Y.to_numpy(), self.demand_region, m, axis=1)


def summed(table: IOTable | StreamedTable) -> Summed:
    """Sum a table's intermediate flows in one pass over blocks of their rows.

    Parameters
    ----------
    table : IOTable or StreamedTable

    Returns
    -------
    Summed

    Raises
    ------
    ShapeError, DataError
        As `checked_rows`, for a table that is not in memory.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = summed(two_regions())
    >>> found.uses.tolist(), found.inputs.tolist(), found.trade.tolist()
    ([30.0, 70.0], [50.0, 50.0], [[20.0, 10.0], [30.0, 40.0]])
    """
    if isinstance(table, IOTable):
        table = streamed(table)
        blocks = table.rows()
    else:
        blocks = checked_rows(table)
    regions = table.nodes.get_level_values("region")
    region = regions.unique().get_indexer(regions)
    n, m = len(region), int(region.max(initial=-1)) + 1
    uses, inputs, negative_inputs = np.zeros(n), np.zeros(n), np.zeros(n)
    trade = np.zeros((m, m))
    negative = Negative(0, 0.0, 0.0, (0, 0))
    for start, block in blocks:
        rows = slice(start, start + len(block))
        uses[rows] = block.sum(axis=1)
        inputs += block.sum(axis=0)
        np.add.at(trade, region[rows], block_sum(block, region, m, axis=1))
        here = negative_cells(block)
        if here.count:
            negative_inputs += np.minimum(block, 0.0).sum(axis=0)
            place = (start + here.place[0], here.place[1])
            lower = here.smallest < negative.smallest
            negative = Negative(
                negative.count + here.count,
                negative.sum + here.sum,
                here.smallest if lower else negative.smallest,
                place if lower else negative.place,
            )
    return Summed(table, uses, inputs, trade, negative, negative_inputs)
