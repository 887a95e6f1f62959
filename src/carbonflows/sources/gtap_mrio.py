"""From GTAP's accounts to a multi-regional table, after Peters, Andrew and Lennox (2011)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from carbonflows.errors import DataError
from carbonflows.labels import NODE, Array

CATEGORIES = ("Households", "Government", "Investment")


@dataclass(frozen=True)
class Flows:
    """GTAP's accounts of one year, whatever its headers call them [M USD].

    Axes: ``i`` commodity, ``j`` activity, ``k`` final demand, ``m`` transport service, ``f``
    factor, ``r`` from, ``s`` to.

    Attributes
    ----------
    naming : str
        The headers that were found.
    regions, goods, activities, margins : tuple of str
        The sets.
    domestic, imported : array (i, j, s)
        Purchases of activities at market (basic) prices of the buyer's region.
    final_domestic, final_imported : array (i, k, s)
        Purchases of final demand, likewise.
    exports, landed : array (i, r, s)
        Trade at the exporter's and at the importer's market prices.
    supplied : array (m, r)
        Sales to international transport.
    used : array (m, i, r, s)
        Transport services used by trade.
    fob, cif : array (i, r, s) or None
        Trade at world prices, before and after transport.
    factors : array (f, j, s) or None
        Payments to factors.
    make : array (i, j, s) or None
        Commodities by the activity that makes them; None where each activity makes its own.
    """

    naming: str
    regions: tuple[str, ...]
    goods: tuple[str, ...]
    activities: tuple[str, ...]
    margins: tuple[str, ...]
    domestic: Array
    imported: Array
    final_domestic: Array
    final_imported: Array
    exports: Array
    landed: Array
    supplied: Array
    used: Array
    fob: Array | None = None
    cif: Array | None = None
    factors: Array | None = None
    make: Array | None = None

    @property
    def apart(self) -> bool:
        """Whether activities and commodities are different nodes."""
        if self.make is None:
            return False
        if len(self.goods) != len(self.activities):
            return True
        return bool(self.make[~np.eye(len(self.goods), dtype=bool)].any())

    def nodes(self, regions: list[str]) -> pd.MultiIndex:
        """Labels of the table's nodes, region-major."""
        sectors = list(self.goods)
        if self.apart:
            sectors = [f"Activity: {a}" for a in self.activities]
            sectors += [f"Commodity: {g}" for g in self.goods]
        return pd.MultiIndex.from_product([regions, sectors], names=NODE)

    def of_activities(self, values: Array) -> Array:
        """Spread values by region and activity (s, j) over the nodes (n,)."""
        if not self.apart:
            return values.reshape(-1)
        padding = np.zeros((len(self.regions), len(self.goods)))
        return np.concatenate([values, padding], axis=1).reshape(-1)

    def made(self) -> Array | None:
        """Output that the make matrix states (n,) [M USD]; None without one."""
        if self.make is None:
            return None
        if not self.apart:
            return np.ascontiguousarray(self.make.sum(axis=1).T).reshape(-1)
        both = np.concatenate([self.make.sum(axis=0).T, self.make.sum(axis=1).T], axis=1)
        return both.reshape(-1)


def check(flows: Flows, where: str, tolerance: float) -> dict[str, float]:
    """Compare accounts that GTAP balances.

    Parameters
    ----------
    flows : Flows
    where : str
        File, for messages.
    tolerance : float
        Largest difference, as a share of the larger side; M USD 0.01 are always let pass.

    Returns
    -------
    dict of str to float
        Largest difference of each pair of accounts [M USD].

    Raises
    ------
    DataError
        They differ by more; the message names the worst place.
    """
    goods, regions = flows.goods, flows.regions
    bought = flows.imported.sum(axis=1) + flows.final_imported.sum(axis=1)
    pairs = [
        ("imports by source and by use", flows.landed.sum(axis=1), bought, (goods, regions)),
        (
            "international transport supplied and used",
            flows.supplied.sum(axis=1), flows.used.sum(axis=(1, 2, 3)), (flows.margins,),
        ),
    ]  # fmt: skip
    if flows.fob is not None and flows.cif is not None:
        landed = flows.fob + flows.used.sum(axis=0)
        pairs.append(("imports and exports plus transport at world prices", flows.cif, landed,
                      (goods, regions, regions)))  # fmt: skip
    if flows.make is not None:
        sold = flows.domestic.sum(axis=1) + flows.final_domestic.sum(axis=1)
        sold = sold + flows.exports.sum(axis=2)
        sold[[goods.index(m) for m in flows.margins]] += flows.supplied
        pairs.append(("output made and sold", flows.make.sum(axis=1), sold, (goods, regions)))
    worst = {}
    for what, one, other, sets in pairs:
        gap = np.abs(one - other)
        worst[what] = float(gap.max(initial=0.0))
        over = gap - tolerance * np.maximum(np.abs(one), np.abs(other)) - 0.01
        if (over > 0).any():
            place = np.unravel_index(int(over.argmax()), over.shape)
            at = "/".join(names[k] for names, k in zip(sets, place, strict=True))
            raise DataError(
                f"{where}: {what} differ at {at} ({one[place]:.6g} and {other[place]:.6g} M USD), "
                f"and at {int((over > 0).sum()) - 1} other places: the headers are of different "
                "releases or damaged, get the files again",
                path=where, account=what, place=at,
            )  # fmt: skip
    return worst


def assembled(flows: Flows, where: str) -> tuple[Array, Array]:
    """Make the intermediate flows and the final demand of a multi-regional table.

    Parameters
    ----------
    flows : Flows
    where : str
        File, for messages.

    Returns
    -------
    Z : array (n, n)
        Intermediate flows at the exporter's basic prices [M USD].
    Y : array (n, 3 m)
        Final demand by region and category, likewise.

    Raises
    ------
    DataError
        Exports to a region none of whose agents buys the imported commodity.

    Notes
    -----
    ``u_ijs = M_ijs / Σ_j M_ijs`` with the imports ``M`` of all agents ``j``, final demand among
    them; ``Z_(ri)(sj) = X_irs u_ijs + δ_rs D_ijs + [i = m] w_mr Σ_r'i' T_mi'r's u_i'js`` with trade
    ``X``, domestic purchases ``D``, transport ``T`` and the pool's shares
    ``w_mr = VST_mr / Σ_r VST_mr``. Rows sum to ``Σ_j D_irj + Σ_s X_irs + VST_ir``.

    References
    ----------
    Peters, Andrew and Lennox (2011), Econ. Syst. Res. 23:131-152, section 3.
    """
    m, g, a, k = len(flows.regions), len(flows.goods), len(flows.activities), len(CATEGORIES)
    ahead = a if flows.apart else 0
    Z = np.zeros((m, ahead + g, m, ahead + g if flows.apart else g))
    Y = np.zeros((m, ahead + g, m, k))
    pool = flows.supplied / _nonzero(flows.supplied.sum(axis=1))[:, None]
    transport = [ahead + flows.goods.index(name) for name in flows.margins]
    freight = flows.used.sum(axis=2)  # m i s
    for s in range(m):
        bought = np.concatenate([flows.imported[:, :, s], flows.final_imported[:, :, s]], axis=1)
        total = bought.sum(axis=1)
        lost = (total == 0) & (np.abs(flows.exports[:, :, s]).sum(axis=1) > 0)
        if lost.any():
            i = int(np.flatnonzero(lost)[0])
            raise DataError(
                f"{where}: {flows.goods[i]} is exported to {flows.regions[s]}, where nobody buys "
                "it: get the file again",
                path=where, labels=[(flows.regions[s], flows.goods[i])],
            )  # fmt: skip
        share = bought / _nonzero(total)[:, None]
        # One exporter at a time: the block of all would be as large as a tenth of the table.
        for r in range(m):
            uses = flows.exports[:, r, s][:, None] * share
            Z[r, ahead:, s, :a] += uses[:, :a]
            Y[r, ahead:, s] += uses[:, a:]
        Z[s, ahead:, s, :a] += flows.domestic[:, :, s]
        Y[s, ahead:, s] += flows.final_domestic[:, :, s]
        service = freight[:, :, s] @ share
        for row, name in enumerate(transport):
            Z[:, name, s, :a] += pool[row][:, None] * service[row, :a]
            Y[:, name, s] += pool[row][:, None] * service[row, a:]
        if flows.apart and flows.make is not None:
            Z[s, :a, s, a:] = flows.make[:, :, s].T
    n = m * (ahead + g)
    return Z.reshape(n, n), Y.reshape(n, m * k)


def _nonzero(values: Array) -> Array:
    return np.where(values == 0, 1.0, values)
