"""What statistics offices publish of the truth: provincial tables, trade, commodity samples."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.regional import RegionalTable
from carbonflows.build.synthetic.law import GravityLaw
from carbonflows.labels import Array
from carbonflows.table import IOTable, block_sum


def trade_between(truth: IOTable, provinces: list[str]) -> pd.DataFrame:
    """Return flows between and within the provinces of a table.

    Returns
    -------
    DataFrame (i·p, p)
        By ``(sector, origin)`` and ``destination`` [money/yr]; the diagonal is what stays.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> trade_between(two_regions(), ["A", "B"]).values.tolist()
    [[70.0, 30.0], [40.0, 60.0]]
    """
    flows, sectors = _flows(truth, provinces)
    return pd.DataFrame(
        np.moveaxis(flows, 0, 1).reshape(-1, len(provinces)),
        pd.MultiIndex.from_product([sectors, provinces], names=["sector", "origin"]),
        pd.Index(provinces, name="destination"),
    )


def regional_tables(truth: IOTable, provinces: list[str]) -> dict[str, RegionalTable]:
    """Return the table of each province as its statistics office would publish it.

    Imports are inside the uses; trade with other provinces is known by its totals only.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = regional_tables(two_regions(), ["A"])["A"]
    >>> table.exports.item(), table.imports.item(), table.Z.to_numpy().item()
    (30.0, 40.0, 50.0)
    """
    flows, sectors = _flows(truth, provinces)
    p, h = flows.shape[:2]
    own = np.einsum("pip->pi", flows)
    outflow, inflow = flows.sum(axis=2) - own, flows.sum(axis=0).T - own  # each (p, i)
    nodes, users, categories = _positions(truth, provinces, sectors)
    x, Z, Y = truth.x.to_numpy(), truth.Z.to_numpy(), truth.Y.to_numpy()
    added = x - Z.sum(axis=0) if truth.value_added is None else truth.value_added.to_numpy()

    exports = exports_by_partner(truth, provinces).to_numpy().sum(axis=1)
    imported = imported_uses(truth, provinces)
    imports = np.array([bought.to_numpy().sum(axis=1) for bought in imported.values()])
    used_Z = Z[np.ix_(nodes, nodes)].reshape(p, h, p, h).sum(axis=0)
    used_Y = Y[np.ix_(nodes, users)].reshape(p, h, p, -1).sum(axis=0)

    def column(values: Array, at: int) -> pd.Series:
        return pd.Series(values.reshape(p, h)[at], sectors)

    return {
        province: RegionalTable(
            province,
            pd.DataFrame(used_Z[:, at], sectors, sectors) + imported[province][sectors],
            pd.DataFrame(used_Y[:, at], sectors, categories) + imported[province][categories],
            exports=column(exports, at),
            imports=column(imports, at),
            outflow=column(outflow, at),
            inflow=column(inflow, at),
            x=column(x[nodes], at),
            value_added=column(added[nodes], at),
            unit=truth.unit,
            year=truth.year,
            facts={"table": "exact, from the synthetic truth"},
        )
        for at, province in enumerate(provinces)
    }


def imported_uses(truth: IOTable, provinces: list[str]) -> dict[str, pd.DataFrame]:
    """Return imported products by use in each province (i, i + q) [money/yr].

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> imported_uses(two_regions(), ["A"])["A"].values.tolist()
    [[30.0, 10.0]]
    """
    sectors = _sectors(truth, provinces)
    nodes, users, categories = _positions(truth, provinces, sectors)
    abroad = np.setdiff1d(np.arange(len(truth.nodes)), nodes)
    product = sectors.get_indexer(truth.nodes[abroad].get_level_values(1))
    h, p = len(sectors), len(provinces)
    bought = np.concatenate(
        [
            block_sum(flow[np.ix_(abroad, columns)], product, h, axis=0).reshape(h, p, -1)
            for flow, columns in ((truth.Z.to_numpy(), nodes), (truth.Y.to_numpy(), users))
        ],
        axis=2,
    )
    columns = [*sectors, *categories]
    return {
        province: pd.DataFrame(bought[:, at], sectors, columns)
        for at, province in enumerate(provinces)
    }


def exports_by_partner(truth: IOTable, provinces: list[str]) -> pd.DataFrame:
    """Return exports by ``(region, sector)`` and foreign region (p·i, f) [money/yr].

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> exports_by_partner(two_regions(), ["A"]).loc[("A", "goods"), "B"].item()
    30.0
    """
    order = pd.MultiIndex.from_product(
        [provinces, _sectors(truth, provinces)], names=["region", "sector"]
    )
    rows, count = truth.nodes.get_indexer(order), len(truth.regions)
    sold = block_sum(truth.Z.to_numpy()[rows], truth.node_region, count, axis=1)
    sold = sold + block_sum(truth.Y.to_numpy()[rows], truth.demand_region, count, axis=1)
    regions = truth.regions.rename("partner")
    return pd.DataFrame(sold, order, regions).loc[:, ~regions.isin(provinces)]


def _sectors(truth: IOTable, provinces: list[str]) -> pd.Index:
    own = truth.nodes[truth.nodes.get_level_values(0) == provinces[0]]
    return own.get_level_values(1).rename("sector")


def _positions(
    truth: IOTable, provinces: list[str], sectors: pd.Index
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], pd.Index]:
    """Where the provinces' nodes and final users stand, and the categories of these."""
    categories = truth.demand[truth.demand.get_level_values(0) == provinces[0]].get_level_values(1)
    nodes = truth.nodes.get_indexer(pd.MultiIndex.from_product([provinces, sectors]))
    users = truth.demand.get_indexer(pd.MultiIndex.from_product([provinces, categories]))
    return nodes, users, categories


def _flows(truth: IOTable, provinces: list[str]) -> tuple[Array, pd.Index]:
    """Return flows (origin, product, destination) between provinces, and the products."""
    sectors = _sectors(truth, provinces)
    nodes, users, _ = _positions(truth, provinces, sectors)
    p = len(provinces)
    used = truth.Z.to_numpy()[np.ix_(nodes, nodes)].reshape(p, len(sectors), p, -1).sum(axis=3)
    final = truth.Y.to_numpy()[np.ix_(nodes, users)].reshape(p, len(sectors), p, -1).sum(axis=3)
    return used + final, sectors


def samples_of_trade(
    trade: pd.DataFrame,
    sectors: Sequence[str],
    law: GravityLaw,
    distance: pd.DataFrame,
    neighbours: pd.DataFrame,
    rng: np.random.Generator,
) -> dict[str, pd.DataFrame]:
    """Draw what is carried of one commodity of each sector.

    Parameters
    ----------
    trade : DataFrame (i·p, p)
        As from `trade_between`: its row and column sums are the law's totals.
    sectors : sequence of str
    law : GravityLaw
    distance, neighbours : DataFrame (p, p)
    rng : numpy Generator

    Returns
    -------
    dict of str to DataFrame (p, p)
        Origin × destination [t], the diagonal included.
    """
    by_origin, by_destination = trade.sum(axis="columns"), trade.groupby(level="sector").sum()
    return {
        sector: law.flows(by_origin[sector], by_destination.T[sector], distance, neighbours, rng)
        for sector in sectors
    }
