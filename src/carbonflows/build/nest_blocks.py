"""The blocks of a country in a world table, and the same blocks by province."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.nest_controls import Control, Scaled, scaled_to
from carbonflows.build.nest_seeds import (
    Fallbacks,
    Provinces,
    domestic_seeds,
    export_shares,
    import_shares,
    shares,
)
from carbonflows.errors import BalanceError, some
from carbonflows.labels import Array
from carbonflows.table import IOTable, block_sum

Positions = npt.NDArray[np.intp]


class Nation:
    """What a world table says of a country: its blocks as arrays.

    Parameters
    ----------
    world : IOTable
    country : str

    Attributes
    ----------
    nodes, demand : array of int
        Positions of the country's nodes and final demand columns.
    sectors, categories, partners : list of str
    domestic : array (g, u)
        Flows to the country's own uses: sectors, then categories.
    exports : array (g, b)
        Flows to all columns abroad, inputs first; `partner` is each column's region.
    imports : array (f, u)
        Flows from the nodes abroad, `foreign`; `product` is each one's sector, g if unknown here.
    sales, inputs, output, value_added : array (g,)
        Row sums, column sums, and what the table states.
    gap : array (g,)
        Value added less what output leaves after inputs.
    """

    def __init__(self, world: IOTable, country: str) -> None:
        self.country = country
        ours = np.asarray(world.nodes.get_level_values(0) == country)
        final = np.asarray(world.demand.get_level_values(0) == country)
        self.nodes, self.demand = np.flatnonzero(ours), np.flatnonzero(final)
        abroad, used = np.flatnonzero(~ours), np.flatnonzero(~final)
        self.sectors = [str(s) for _, s in world.nodes[self.nodes]]
        self.categories = [str(c) for _, c in world.demand[self.demand]]
        self.Z, self.Y = world.Z.to_numpy(), world.Y.to_numpy()

        def block(rows: npt.NDArray[np.intp], inputs: npt.NDArray[np.intp],
                  demand: npt.NDArray[np.intp]) -> Array:  # fmt: skip
            return np.hstack([self.Z[np.ix_(rows, inputs)], self.Y[np.ix_(rows, demand)]])

        self.domestic = block(self.nodes, self.nodes, self.demand)
        self.exports = block(self.nodes, abroad, used)
        self.imports = block(abroad, self.nodes, self.demand)
        self.partners = [str(r) for r in world.regions if r != country]
        where = [*world.nodes[abroad].get_level_values(0), *world.demand[used].get_level_values(0)]
        self.partner = np.array([self.partners.index(r) for r in where], dtype=np.intp)
        place = {s: i for i, s in enumerate(self.sectors)}
        self.foreign = [tuple(node) for node in world.nodes[abroad]]
        self.product = np.array(
            [place.get(s, len(self.sectors)) for _, s in self.foreign], dtype=np.intp
        )
        self.sales = self.domestic.sum(axis=1) + self.exports.sum(axis=1)
        self.output = world.x.to_numpy()[self.nodes]
        g = len(self.sectors)
        self.inputs = self.domestic[:, :g].sum(axis=0) + self.imports[:, :g].sum(axis=0)
        published = world.value_added
        residual = self.output - self.inputs
        self.value_added = residual if published is None else published.to_numpy()[self.nodes]
        self.gap = self.value_added - residual


@dataclass(frozen=True)
class Blocks:
    """A country's blocks by province.

    Attributes
    ----------
    domestic : array (p, g, p, u)
    exports : array (p, g, b)
    imports : array (f, p, u)
    value_added : array (p, g)
    sweeps : int
        Rounds of scaling.
    gap : float
        Largest relative gap of a province's sales (or inputs).
    """

    domestic: Array
    exports: Array
    imports: Array
    value_added: Array
    sweeps: int
    gap: float


@dataclass
class _Flows:
    """Flows to be scaled together: each block with its cells of the country and its margins."""

    seeds: list[Array] = field(default_factory=list)
    totals: list[Array] = field(default_factory=list)
    groups: dict[str, list[npt.NDArray[np.int64]]] = field(
        default_factory=lambda: {"cell": [], "row": [], "column": []}
    )

    def add(
        self, seeds: Array, cells: Array, axis: int, row: Positions | int, column: Positions | int
    ) -> None:
        """Add a block that sums over an axis to cells; margins broadcast to it, −1 is none."""
        first = sum(t.size for t in self.totals)
        number = np.expand_dims(first + np.arange(cells.size).reshape(cells.shape), axis)
        for key, group in (("cell", number), ("row", row), ("column", column)):
            self.groups[key].append(np.broadcast_to(group, seeds.shape).ravel())
        self.seeds.append(seeds)
        self.totals.append(cells)

    def scaled(
        self, rows: Array, columns: Array | None, tolerance: float, sweeps: int
    ) -> tuple[list[Array], Scaled]:
        """Scale all blocks to their cells and margins."""
        group = {key: np.concatenate(listed) for key, listed in self.groups.items()}
        controls = [
            Control(group["cell"], np.concatenate([t.ravel() for t in self.totals])),
            Control(group["row"], rows.ravel()),
        ]
        if columns is not None:
            controls.append(Control(group["column"], columns.ravel()))
        flat = np.concatenate([block.ravel() for block in self.seeds])
        done = scaled_to(flat, controls, tolerance=tolerance, sweeps=sweeps)
        cut = np.split(done.flows, np.cumsum([block.size for block in self.seeds])[:-1])
        return [f.reshape(b.shape) for f, b in zip(cut, self.seeds, strict=True)], done


def blocks_by_province(
    nation: Nation,
    own: Provinces,
    exports: pd.DataFrame | None,
    value_added: str,
    fallbacks: Fallbacks,
    tolerance: float,
    sweeps: int,
) -> Blocks:
    """Scale the provinces' flows until the country's cells and their margins hold.

    Parameters
    ----------
    nation : Nation
    own : Provinces
    exports : DataFrame or None
        Exports by partner.
    value_added : {"residual", "shares"}
    fallbacks : Fallbacks
        Takes up what was shared by output.
    tolerance : float
    sweeps : int

    Returns
    -------
    Blocks

    Raises
    ------
    BalanceError
        Margins that cannot be met, by province and sector.
    """
    p, g, u = len(own.names), len(own.sectors), nation.domestic.shape[1]
    made = own.output.sum(axis=0)
    if lost := [own.sectors[i] for i in np.flatnonzero((made == 0) & (nation.sales != 0)).tolist()]:
        raise BalanceError(
            f"{some(lost)}: made in {nation.country} and in no province; regroup sectors",
            labels=lost,
        )
    node = np.arange(p * g).reshape(p, g)
    column = np.full((p, u), -1)
    column[:, :g] = node
    flows = _Flows()
    seeds = domestic_seeds(own, nation.domestic, fallbacks)
    row = np.repeat(node.T, p, axis=1)[:, None, :]  # (g, 1, p·p): origin, then use
    pairs = seeds.transpose(1, 3, 0, 2).reshape(g, u, p * p)
    flows.add(pairs, nation.domestic, 2, row, np.tile(column.T, (1, p))[None])
    # All columns of a partner, of one sign, are scaled alike: one flow stands for them.
    sold = _by_sign(nation.exports, nation.partner, len(nation.partners), axis=1)
    size = np.abs(sold).sum(axis=0)
    theta = export_shares(own, exports, size, nation.partners, fallbacks)
    flows.add(theta * sold[:, None], sold, 1, node[None, :, :, None], -1)
    phi, side = import_shares(own, nation.imports, nation.product, nation.foreign, fallbacks)
    wanted = None
    if value_added == "shares":
        wanted = _wanted_inputs(nation, own)
        bought = _by_sign(nation.imports[:, :g], nation.product, g + 1, axis=0)
        flows.add(phi[..., :g] * bought[:, :, None], bought, 2, -1, node[None, None])
    solved, done = flows.scaled(nation.sales * own.share, wanted, tolerance, sweeps)
    if not done.converged:
        _tell(done, own, tolerance)
    domestic = solved[0].reshape(g, u, p, p).transpose(2, 0, 3, 1)
    theta = shares(np.abs(solved[1]).swapaxes(0, 1))  # (p, sign, g, s)
    sign = (nation.exports < 0).astype(np.intp)
    sent = theta[:, sign, np.arange(g)[:, None], nation.partner] * nation.exports
    if value_added == "shares":
        scaled = shares(np.abs(solved[2]).transpose(2, 0, 1, 3)).transpose(1, 2, 0, 3)
        phi[..., :g] = np.where(bought[:, :, None] != 0, scaled, phi[..., :g])
    use, province = np.arange(u)[None, None, :], np.arange(p)[None, :, None]
    taken = phi[side[:, None, :], nation.product[:, None, None], province, use]
    imports = taken * nation.imports[:, None, :]
    inputs = domestic[..., :g].sum(axis=(0, 1)) + imports[..., :g].sum(axis=0)
    left = own.share * (nation.output + nation.gap) - inputs
    gap = max(float(np.abs(found).max(initial=0.0)) for found in done.gaps)
    return Blocks(domestic, sent, imports, left, done.sweeps, gap)


def _by_sign(flows: Array, groups: Positions, size: int, *, axis: int) -> Array:
    """Sum positive and negative flows apart over groups (2, …)."""
    parts = [sign * np.maximum(sign * flows, 0.0) for sign in (1.0, -1.0)]
    return np.stack([block_sum(part, groups, size, axis=axis) for part in parts])


def _wanted_inputs(nation: Nation, own: Provinces) -> Array:
    """Inputs that leave each province its share of the country's value added (p, g)."""
    inputs = own.share * (nation.output + nation.gap) - shares(own.value_added) * nation.value_added
    low = np.argwhere((inputs < 0) | (own.value_added < 0)).tolist()
    if low:
        raise BalanceError(
            f"value added of {some(_named(own, low))} is below zero or more than output; use "
            "value_added='residual'"
        )
    return inputs


def _tell(done: Scaled, own: Provinces, tolerance: float) -> None:
    """Name the provinces' sectors whose sums could not be met."""
    g = len(own.sectors)
    told = []
    for what, gap in zip(("sales", "inputs"), done.gaps[1:], strict=False):
        short = [k for k in np.argsort(gap).tolist() if gap[k] < -tolerance]
        if short:
            named = some(_named(own, [divmod(k, g) for k in short]))
            told.append(f"{what} of {named} (up to {-gap[short[0]]:.2%} short)")
    raise BalanceError(
        f"{'; '.join(told)}: the country's cells leave no room for them after {done.sweeps} "
        "sweeps; check these flows of the provinces, regroup sectors or raise tolerance"
    )


def _named(own: Provinces, places: Sequence[Sequence[int]]) -> list[tuple[str, str]]:
    return [(own.names[i], own.sectors[j]) for i, j in places]
