"""The world's table with the country replaced by its provinces, and back."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.synthetic.economy import Economy, National
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.table import Extension, IOTable, block_sum

Mask: TypeAlias = npt.NDArray[np.bool_]


class Places:
    """Where in a table's arrays a country and the rest of the world stand."""

    def __init__(self, world: IOTable, country: str) -> None:
        if country not in world.regions:
            raise LabelError(
                f"{country!r} is no region of {world.label}; choose from {some(world.regions, 9)}"
            )
        if world.output != "rows":
            raise DataError(
                f"{world.label} takes its output from {world.output}; give "
                "world.replace(output='rows'), so that rows balance"
            )
        self.home = np.asarray(world.nodes.get_level_values(0) == country)
        self.users = np.asarray(world.demand.get_level_values(0) == country)
        self.sectors = world.nodes[self.home].get_level_values(1)
        self.categories = world.demand[self.users].get_level_values(1)
        abroad = world.nodes[~self.home].get_level_values(1)
        if extra := [s for s in abroad.unique() if s not in self.sectors]:
            raise LabelError(
                f"sector {some(extra)} is abroad but not in {country}, so imports of it have no "
                "product; aggregate the sectors first"
            )
        self.product = self.sectors.get_indexer(abroad)
        self.partners = world.regions[world.regions != country]
        self.partner_Z = self.partners.get_indexer(world.nodes[~self.home].get_level_values(0))
        self.partner_Y = self.partners.get_indexer(world.demand[~self.users].get_level_values(0))


def national_of(world: IOTable, country: str) -> National:
    """Return what the world's table says of the country.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> nation = national_of(two_regions(), "A")
    >>> nation.Z.item(), nation.exports.item(), nation.import_Z.item(), nation.x.item()
    (20.0, 30.0, 30.0, 100.0)
    """
    at = Places(world, country)
    Z, Y = world.Z.to_numpy(), world.Y.to_numpy()
    if (Z < 0).any():
        raise DataError(f"{world.label}: Z has cells below zero; clear them before")
    partners, products = len(at.partners), len(at.sectors)
    sold = block_sum(Z[at.home][:, ~at.home], at.partner_Z, partners, axis=1)
    sold = sold + block_sum(Y[at.home][:, ~at.users], at.partner_Y, partners, axis=1)
    return National(
        sectors=tuple(at.sectors),
        Z=Z[at.home][:, at.home],
        Y=Y[at.home][:, at.users],
        import_Z=block_sum(Z[~at.home][:, at.home], at.product, products, axis=0),
        import_Y=block_sum(Y[~at.home][:, at.users], at.product, products, axis=0),
        exports=sold,
    )


def true_table(
    world: IOTable,
    country: str,
    provinces: pd.Index,
    economy: Economy,
    emitted: Array,
    residents: Array,
    step: dict[str, Any],
) -> IOTable:
    """Put provinces in the country's place.

    Parameters
    ----------
    world : IOTable
    country : str
    provinces : Index (p,)
    economy : Economy
    emitted : array (p, i)
        Each province's share in the country's emissions by sector.
    residents : array (p,)
        Each province's share in the country's emissions of final users.
    step : dict
        What is written into the provenance.

    Returns
    -------
    IOTable
        Foreign regions in their order, the provinces where the country was.
    """
    at = Places(world, country)
    h, count, q = len(at.sectors), len(provinces), len(at.categories)
    nodes, row = _replaced(world.nodes, at.home, provinces, at.sectors, NODE)
    demand, column = _replaced(world.demand, at.users, provinces, at.categories, DEMAND)
    Z_w, Y_w = world.Z.to_numpy(), world.Y.to_numpy()
    Z, Y = np.empty((len(nodes),) * 2), np.empty((len(nodes), len(demand)))
    here, there = row == "in", row == "out"
    spend, spent = column == "in", column == "out"
    n = h * count

    Z[np.ix_(there, there)] = Z_w[~at.home][:, ~at.home]
    Y[np.ix_(there, spent)] = Y_w[~at.home][:, ~at.users]
    flows = np.transpose(economy.flows, (1, 0, 2, 3))  # (p, i, s, k)
    Z[np.ix_(here, here)] = flows[..., :h].reshape(n, n)
    Y[np.ix_(here, spend)] = flows[..., h:].reshape(n, count * q)
    share = economy.export_share
    for block, table, user, partner in (
        (Z, Z_w[at.home][:, ~at.home], there, at.partner_Z),
        (Y, Y_w[at.home][:, ~at.users], spent, at.partner_Y),
    ):
        block[np.ix_(here, user)] = (share[:, :, partner] * table).reshape(n, -1)
    phi = economy.import_share[at.product]  # (foreign node, s, k)
    Z[np.ix_(there, here)] = (phi[..., :h] * Z_w[~at.home][:, None, at.home]).reshape(-1, n)
    bought = phi[..., h:] * Y_w[~at.home][:, None, at.users]
    Y[np.ix_(there, spend)] = bought.reshape(-1, count * q)

    x = Z.sum(axis=1) + Y.sum(axis=1)
    made = x[here].reshape(count, h)
    total = made.sum(axis=0)
    part = np.divide(made, total, out=np.full_like(made, 1 / count), where=total > 0)

    def split(values: Array, shares: Array) -> Array:
        """Give provinces their shares (p, i) of a row of the world's values."""
        whole = np.empty((*values.shape[:-1], len(nodes)))
        whole[..., there] = values[..., ~at.home]
        whole[..., here] = (values[..., None, at.home] * shares).reshape(*values.shape[:-1], n)
        return whole

    value_added = None
    if world.value_added is not None:
        # What the publisher's value added lacks or exceeds is shared out by output.
        rest = world.value_added.to_numpy() - (world.x.to_numpy() - Z_w.sum(axis=0))
        value_added = pd.Series(x - Z.sum(axis=0) + split(rest, part), nodes)
        value_added[there] = world.value_added.to_numpy()[~at.home]
    given = None
    if world.x_given is not None:
        given = pd.Series(split(world.x_given.to_numpy(), part), nodes)
    extensions = []
    for ext in world.extensions.values():
        F = pd.DataFrame(split(ext.F.to_numpy(), emitted), ext.F.index, nodes)
        F_Y = None
        if ext.has_final and ext.F_Y is not None:
            whole = np.empty((len(F), len(demand)))
            whole[:, spent] = ext.F_Y.to_numpy()[:, ~at.users]
            own = ext.F_Y.to_numpy()[:, None, at.users] * residents[:, None]
            whole[:, spend] = own.reshape(len(F), -1)
            F_Y = pd.DataFrame(whole, F.index, demand)
        unit = {str(s): str(u) for s, u in ext.unit.items()}
        extensions.append(Extension(F, F_Y, unit=unit, name=ext.name, source=ext.source))
    kept = {r: tuple(m) for r, m in world.members.items() if r != country}
    provenance = world.provenance
    provenance["steps"] = [*provenance.get("steps", []), step]
    return IOTable(
        pd.DataFrame(Z, nodes, nodes), pd.DataFrame(Y, nodes, demand), extensions=extensions,
        x=given, value_added=value_added, unit=world.unit, year=world.year,
        currency=world.currency, price_basis=world.price_basis,
        name=f"{world.name}, invented provinces of {country}", source=world.source,
        members=kept | dict.fromkeys(provinces, world.members[country]), provenance=provenance,
        copy=False,
    )  # fmt: skip


def _replaced(
    labels: pd.MultiIndex, home: Mask, provinces: pd.Index, inner: pd.Index, names: tuple[str, str]
) -> tuple[pd.MultiIndex, npt.NDArray[np.str_]]:
    """Put provinces where the country's first label stands; say which labels are in or out."""
    first = int(np.argmax(home))
    before = [label for label, at in zip(labels[:first], home[:first], strict=True) if not at]
    after = [label for label, at in zip(labels[first:], home[first:], strict=True) if not at]
    inside = [(p, label) for p in provinces for label in inner]
    where = np.array(["out"] * len(before) + ["in"] * len(inside) + ["out"] * len(after))
    return pd.MultiIndex.from_tuples([*before, *inside, *after], names=names), where
