"""What draws say of regions and of groups: one set of draws, summed up at both levels."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Partition, emissions
from carbonflows.accounts.flows import flows
from carbonflows.labels import Array
from carbonflows.solve import Leontief
from carbonflows.table import block_sum

if TYPE_CHECKING:
    from carbonflows.uncertainty.draws import Draws

QUANTITIES = ("production", "consumption", "net_exports")


def caused(system: Leontief, **chosen: Any) -> "pd.Series[float]":
    """Emissions by region and by whose final demand causes them, and direct ones.

    Parameters
    ----------
    system : Leontief
    **chosen
        Stressor, households and orphans, as for `carbonflows.emissions`.

    Returns
    -------
    Series, index ``(kind, source_region, demand_region)``
        ``caused`` for every pair of regions, then ``direct`` for every region with itself: m² + m
        numbers, of which every account of regions or groups is a sum.

    Raises
    ------
    CarbonflowsError
        As `carbonflows.emissions`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> caused(Leontief(two_regions())).round(2).tolist()
    [34.44, 15.56, 10.22, 9.78, 0.0, 0.0]
    """
    table = system.table
    load = emissions(table, **chosen)
    between = flows(system, load)
    regions = [str(region) for region in between.index]
    direct = load.final + block_sum(load.orphaned, table.node_region, len(regions), axis=0)
    labels = [("caused", r, s) for r in regions for s in regions]
    labels += [("direct", r, r) for r in regions]
    index = pd.MultiIndex.from_tuples(labels, names=["kind", "source_region", "demand_region"])
    found = pd.Series(np.concatenate([between.to_numpy().ravel(), direct]), index, name="value")
    found.attrs = dict(between.attrs)
    return found


@dataclass(frozen=True, eq=False)
class Drawn:
    """Draws of `caused`, at the level of regions or of groups.

    Attributes
    ----------
    draws : Draws
        As they were made.
    labels : Index
        Regions or groups.
    flows : array (draws, regions, regions)
        Emissions by source and by whose final demand causes them.
    direct : array (draws, regions)
    base_flows, base_direct : array
        The same without errors.
    """

    draws: "Draws"
    labels: pd.Index
    flows: Array
    direct: Array
    base_flows: Array
    base_direct: Array

    def accounts(self) -> "Draws":
        """Draws of production, consumption and net exports, labelled (quantity, region)."""
        columns = pd.MultiIndex.from_product(
            [QUANTITIES, self.labels], names=["quantity", "region"]
        )
        return self._as_draws(
            _accounts(self.flows, self.direct), _accounts(self.base_flows, self.base_direct),
            columns,
        )  # fmt: skip

    def between(self) -> "Draws":
        """Draws of the flows between different regions, labelled (source, demand)."""
        names = ["source_region", "demand_region"]
        apart = ~np.eye(len(self.labels), dtype=bool)
        columns = pd.MultiIndex.from_product([self.labels, self.labels], names=names)
        return self._as_draws(self.flows[:, apart], self.base_flows[apart], columns[apart.ravel()])

    def _as_draws(self, values: Array, base: Array, columns: pd.MultiIndex) -> "Draws":
        frame = pd.DataFrame(values, self.draws.values.index, columns)
        return replace(self.draws, values=frame, base=pd.Series(base, columns))


def drawn_at(draws: "Draws", m: int, by: Partition) -> Drawn:
    """Sum draws of `caused` up to regions or groups.

    Parameters
    ----------
    draws : Draws
        Of `caused`, for a table of `m` regions.
    m : int
    by : Partition

    Returns
    -------
    Drawn
    """

    values: Array = draws.values.to_numpy(dtype=float)
    pairs, direct = values[:, : m * m].reshape(-1, m, m), values[:, m * m :]
    base: Array = np.asarray(draws.base, dtype=float)
    base_pairs, base_direct = base[: m * m].reshape(m, m), base[m * m :]
    return Drawn(
        draws, by.labels,
        by.by_region(by.by_region(pairs, axis=1), axis=2), by.by_region(direct, axis=1),
        by.by_region(by.by_region(base_pairs), axis=1), by.by_region(base_direct),
    )  # fmt: skip


def _accounts(between: Array, direct: Array) -> Array:
    """Production, consumption and net exports in a row, for one or for many."""
    traded = np.where(np.eye(between.shape[-1], dtype=bool), 0.0, between)  # no rest of own use
    net = traded.sum(axis=-1) - traded.sum(axis=-2)
    accounts = between.sum(axis=-1) + direct, between.sum(axis=-2) + direct, net
    return np.concatenate(accounts, axis=-1)
