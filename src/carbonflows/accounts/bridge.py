"""The bridge between the measures of trade: gross exports taken apart into sixteen terms.

Footprint, EEBT and throughflow answer “how much carbon is exported?” with different numbers. The
decomposition of gross exports by Wang, Wei and Zhu, with emissions in place of value added, shows
why: its first five terms are the footprint's exports, the next three come home again, which makes
the EEBT, and the other eight are counted at more than one border, which makes the throughflow.
"""

from collections.abc import Hashable
from typing import Any, Literal, NamedTuple, TypeAlias, final

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.errors import DataError, SingularSystem, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import runs

Content: TypeAlias = Literal["emissions", "value_added"]
BridgeBy: TypeAlias = Literal["region", "partner", "sector", "all"]


class Term(NamedTuple):
    """One term of the decomposition: its code, the step of the bridge it belongs to, its words."""

    code: str
    step: str
    what: str


TERMS = (
    Term("DVA_FIN", "absorbed abroad", "final goods used in the importing region"),
    Term("DVA_INT", "absorbed abroad", "inputs of final goods that the importing region uses"),
    Term("DVA_INTrexI1", "absorbed abroad", "inputs passed on as inputs to third regions"),
    Term("DVA_INTrexF", "absorbed abroad", "inputs passed on in final goods to third regions"),
    Term("DVA_INTrexI2", "absorbed abroad", "inputs passed on twice, used in yet other regions"),
    Term("RDV_FIN", "returned", "back home in final goods of the importing region"),
    Term("RDV_FIN2", "returned", "back home in final goods of third regions"),
    Term("RDV_INT", "returned", "back home in inputs of final goods used at home"),
    Term("DDC_FIN", "domestic, counted again", "back home in inputs of exported final goods"),
    Term("DDC_INT", "domestic, counted again", "back home in inputs of exported inputs"),
    Term("MVA_FIN", "foreign", "emitted in the importing region, in final goods"),
    Term("OVA_FIN", "foreign", "emitted in third regions, in final goods"),
    Term("MVA_INT", "foreign", "emitted in the importing region, in inputs it uses up"),
    Term("OVA_INT", "foreign", "emitted in third regions, in inputs that are used up"),
    Term("MDC", "foreign, counted again", "emitted in the importing region, in inputs it ships on"),
    Term("ODC", "foreign, counted again", "emitted in third regions, in inputs shipped on"),
)
"""Terms in the order of Wang, Wei and Zhu, with the codes that packages print them under."""

CODES = tuple(term.code for term in TERMS)
STEPS = tuple(dict.fromkeys(term.step for term in TERMS))


def bridge(
    system: Leontief,
    stressor: Choice = None,
    *,
    content: Content = "emissions",
    by: BridgeBy = "region",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Take gross exports apart into sixteen terms that bridge footprint, EEBT and throughflow.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    content : {"emissions", "value_added"}
        What exports are taken apart into. Value added is what output exceeds inputs by, so that
        its terms sum to gross exports in money.
    by : {"region", "partner", "sector", "all"}
        Rows: exporting regions; with partners; with exporting sectors; or with both.
    grouping : Grouping, optional
        Groups instead of regions: trade within a group does not count.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame
        Index ``region``, with ``partner`` and ``sector`` as asked for; one column per term, named
        as in `CODES` [emission unit or money].

    Raises
    ------
    SingularSystem
        The system, or a region's domestic system, cannot be solved.

    Notes
    -----
    For exporter s and importer r, with ``k`` the direct intensities, ``L`` the Leontief inverse,
    ``Lˢ = (I − A_ss)⁻¹``, ``E_r`` all exports of r, ``#`` element by element and t other regions::

        1       k_s L_ss # F_sr
        2       k_s Lˢ # A_sr L_rr F_rr
        3       k_s Lˢ # A_sr Σ_t L_rt F_tt
        4       k_s Lˢ # A_sr L_rr Σ_t F_rt
        5       k_s Lˢ # A_sr Σ_t L_rt Σ_{u≠s,t} F_tu
        6       k_s Lˢ # A_sr L_rr F_rs
        7       k_s Lˢ # A_sr Σ_t L_rt F_ts
        8       k_s Lˢ # A_sr L_rs F_ss
        9       k_s Lˢ # A_sr L_rs Σ_{t≠s} F_st
        10      (k_s L_ss − k_s Lˢ) # A_sr x_r
        11, 12  k_r L_rs # F_sr, Σ_t k_t L_ts # F_sr
        13, 14  the same with A_sr Lʳ F_rr in place of F_sr
        15, 16  the same with A_sr Lʳ E_r

    Summed over partners and sectors, terms 1–5 are the footprint's exports, 1–8 those of the EEBT
    and 1–16 those of the throughflow account. For one partner they are not: what is used up in
    third regions counts with the partner that it was shipped to first. The measures are met exactly
    where output comes from rows; else exports that no final demand explains are in no term.

    References
    ----------
    Wang, Wei and Zhu 2013, NBER Working Paper 19677. Codes as in the R packages decompr (Quast and
    Kummritz) and exvatools. Meng, Peters, Wang and Li 2018, Energy Econ. 73:24 (with emissions).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> terms = bridge(Leontief(two_regions()))
    >>> ladder(terms).loc["A"].round(2).to_dict()
    {'absorbed abroad': 15.56, 'footprint': 15.56, 'returned': 3.19, 'eebt': 18.75,
    'domestic, counted again': 1.25, 'foreign': 3.11, 'foreign, counted again': 0.89,
    'throughflow': 24.0}
    """
    part = partition(system.table, grouping)
    load, k = carried(system, stressor, content, by, unit)
    values = _terms(system, k, part)  # (16, n, m)
    frame = framed(values, pd.Index(CODES, name="term"), system, part, by)
    frame.attrs = facts(system, load, part, "by term")
    return frame


def ladder(terms: pd.DataFrame) -> pd.DataFrame:
    """Sum the terms of a bridge step by step, from the smallest measure to the largest.

    Parameters
    ----------
    terms : DataFrame
        As `bridge` returns it.

    Returns
    -------
    DataFrame
        Same index; the steps, with the measure that each reaches behind it: ``footprint``,
        ``eebt``, ``throughflow``. With partners in the index, the footprint is counted where
        exports go first.

    Raises
    ------
    DataError
        Not a frame with every term once.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> list(ladder(bridge(Leontief(two_regions()))))[:4]
    ['absorbed abroad', 'footprint', 'returned', 'eebt']
    """
    if not isinstance(terms, pd.DataFrame):
        raise DataError(
            f"the ladder climbs a DataFrame of terms, not a {type(terms).__name__}: give it what "
            "bridge(system) returns"
        )
    wrong = [code for code in CODES if np.count_nonzero(terms.columns == code) != 1]
    if wrong:
        raise DataError(
            f"{some(wrong)}: the ladder needs every term in one column: give it what "
            "bridge(system) returns",
            labels=wrong,
        )
    steps = {step: [t.code for t in TERMS if t.step == step] for step in STEPS}
    frame = pd.DataFrame(
        {step: terms[codes].sum(axis=1, skipna=False) for step, codes in steps.items()}
    )
    reached = frame.cumsum(axis=1, skipna=False)
    frame.insert(1, "footprint", reached["absorbed abroad"])
    frame.insert(3, "eebt", reached["returned"])
    frame["throughflow"] = reached.iloc[:, -1]
    frame.attrs = {**terms.attrs, "quantity": "exports by measure and what lies between them"}
    return frame


def _terms(system: Leontief, k: Array, part: Partition) -> Array:
    """Compute the sixteen terms by exporting node and importing region, shape (16, n, m)."""
    n, m = len(k), len(part.labels)
    blocks = Blocks(system, part)
    L, y, regions = blocks.L, blocks.y, blocks.regions
    k, here = k[blocks.order], np.arange(n)
    home, total = y[here, blocks.node], y.sum(axis=1)
    x = L @ total
    embodied = blocks.embodied(k)
    own = embodied[blocks.node, here]
    e = embodied.sum(axis=0)
    Ly, L_home = L @ y, L @ home
    back_home, back_all, near = np.empty((n, m)), np.empty((n, m)), np.empty((n, m))
    near_home, near_all, near_used, domestic = (np.empty(n) for _ in range(4))
    for s, at in enumerate(regions):
        back_home[:, s] = L[:, at] @ home[at]  # L_rs F_ss
        back_all[:, s] = L[:, at] @ total[at]  # L_rs Σ_t F_st
        near[at] = L[at, at] @ y[at]  # L_rr F_rs, for every s
        near_home[at] = near[at, s]  # L_rr F_rr
        near_all[at] = L[at, at] @ total[at]  # L_rr Σ_t F_rt
        domestic[at], near_used[at] = blocks.at_home(s, k[at], home[at])
    values = np.zeros((len(TERMS), n, m))
    for s, at in enumerate(regions):
        passed = near_all - near_home - near[:, s]
        inputs = np.stack(
            [
                near_home,
                L_home - near_home - back_home[:, s],
                passed,
                x - L_home - Ly[:, s] - back_all[:, s] + 2 * back_home[:, s] - passed,
                near[:, s],
                Ly[:, s] - back_home[:, s] - near[:, s],
                back_home[:, s],
                back_all[:, s] - back_home[:, s],
                x,
                near_used,
                x - near_used,
            ]
        )  # what the importer makes of the inputs shipped to it, (11, n)
        shipped = blocks.shipped(s, inputs)  # (11, n_s, m)
        first, later = domestic[at][:, None], (own[at] - domestic[at])[:, None]
        theirs = embodied[:, at].T  # of the importing region
        others = (e[at] - own[at])[:, None] - theirs
        block = values[:, at]
        block[0] = own[at][:, None] * y[at]
        block[1:9] = first * shipped[:8]
        block[9] = later * shipped[8]
        for place, what in ((10, y[at]), (12, shipped[9]), (14, shipped[10])):
            block[place], block[place + 1] = theirs * what, others * what
        block[:, :, s] = 0.0
    return blocks.restored(values)


@final
class Blocks:
    """A system with the nodes of a region side by side: its blocks are slices, its sums runs.

    Parameters
    ----------
    system : Leontief
    part : Partition
        Regions or groups.

    Attributes
    ----------
    order : array of int (n,)
        Node at each place; everything below is in this order.
    node : array of int (n,)
        Position of each node's region.
    regions : list of slice
        The places of each region.
    L : array (n, n)
        Leontief inverse.
    y : array (n, m)
        Final use by consuming region [money/yr].
    """

    def __init__(self, system: Leontief, part: Partition) -> None:
        self.order = np.argsort(part.node, kind="stable")
        self.node = part.node[self.order]
        self.regions = list(runs(self.node))
        self.L, self._Z = system.inverse().to_numpy(), system.table.Z.to_numpy()
        if (np.diff(self.order) < 0).any():
            around = np.ix_(self.order, self.order)
            self.L, self._Z = self.L[around], self._Z[around]
        self.y = part.by_region(system.final_use, axis=1)[self.order]
        self._scale = system.per_output[self.order]
        self._starts = np.array([at.start for at in self.regions])
        self._labels = part.labels

    def embodied(self, k: Array) -> Array:
        """``k_t L_tr`` by region of emission and node, shape (m, n), from ``k`` in this order."""
        return np.add.reduceat(k[:, None] * self.L, self._starts, axis=0)

    def shipped(self, s: int, output: Array) -> Array:
        """Inputs ``A_sr x_r`` of region s to every region, for q outputs (q, n): (q, n_s, m)."""
        inputs = self._Z[self.regions[s]] * (self._scale * output)[:, None, :]
        return np.add.reduceat(inputs, self._starts, axis=2)

    def at_home(self, s: int, left: Array, right: Array) -> tuple[Array, Array]:
        """Solve the domestic system of region s: ``left Lˢ`` and ``Lˢ right``."""
        at = self.regions[s]
        system = np.eye(at.stop - at.start) - self._Z[at, at] * self._scale[at]
        what = f"the domestic system of {self._labels[s]}"
        return solved(system, left.T, what, transposed=True).T, solved(system, right, what)

    def restored(self, values: Array) -> Array:
        """Put the axis of nodes of an array (…, n, m) back into the table's order."""
        found = np.empty_like(values)
        found[:, self.order] = values
        return found


def solved(matrix: Array, right: Array, what: str, *, transposed: bool = False) -> Array:
    """Solve a small system, or raise SingularSystem and say which it was."""
    try:
        return np.asarray(np.linalg.solve(matrix.T if transposed else matrix, right), dtype=float)
    except np.linalg.LinAlgError as error:
        raise SingularSystem(f"{what} is singular: look at diagnose(table)") from error


def carried(
    system: Leontief, stressor: Choice, content: Content, by: BridgeBy, unit: str | None
) -> tuple[Emissions | None, Array]:
    """Check the words, and give what exports carry per unit of output: emissions or value added."""
    table = system.table
    if by not in ("region", "partner", "sector", "all"):
        raise DataError(f"by={by!r} is not known: use 'region', 'partner', 'sector' or 'all'")
    if content == "emissions":
        load = emissions(table, stressor, unit=unit)
        return load, load.per_output(table)
    if content == "value_added":
        added = table.x.to_numpy() - table.Z.to_numpy().sum(axis=0)
        return None, np.where(system.idle, 0.0, added * system.per_output)
    raise DataError(f"content={content!r} is not known: use 'emissions' or 'value_added'")


def framed(
    values: Array, columns: pd.Index, system: Leontief, part: Partition, by: BridgeBy
) -> pd.DataFrame:
    """Label terms (q, n, m) by exporting node and partner, summed to the rows asked for."""
    m, count = len(part.labels), len(columns)
    regions = part.labels
    if by in ("region", "partner"):
        between = np.stack([part.by_node(term) for term in values])  # (q, m, m)
        if by == "region":
            return pd.DataFrame(between.sum(axis=2).T, regions.rename("region"), columns)
        apart = ~np.eye(m, dtype=bool)
        pairs = pd.MultiIndex.from_product([regions, regions], names=["region", "partner"])
        return pd.DataFrame(between[:, apart].T, pairs[apart.ravel()], columns)
    sectors = system.table.nodes.get_level_values("sector")
    nodes = pd.MultiIndex.from_arrays([regions[part.node], sectors], names=["region", "sector"])
    unique = nodes.unique()
    place: npt.NDArray[np.intp] = unique.get_indexer(nodes)
    if by == "sector":
        summed = np.zeros((len(unique), count))
        np.add.at(summed, place, values.sum(axis=2).T)
        return pd.DataFrame(summed, unique, columns)
    summed = np.zeros((len(unique), m, count))
    np.add.at(summed, place, values.transpose(1, 2, 0))
    apart = unique.get_level_values(0).to_numpy()[:, None] != regions.to_numpy()[None, :]
    row, column = np.nonzero(apart)
    index = pd.MultiIndex.from_arrays(
        [unique.get_level_values(0)[row], regions[column], unique.get_level_values(1)[row]],
        names=["region", "partner", "sector"],
    )
    return pd.DataFrame(summed[row, column], index, columns)


def facts(
    system: Leontief, load: Emissions | None, part: Partition, how: str
) -> dict[Hashable, Any]:
    """State what a decomposition of gross exports is."""
    if load is not None:
        quantity = f"emissions embodied in gross exports, {how}"
        return stated(pd.DataFrame(), system, load, part, quantity).attrs
    return {
        "quantity": f"value added embodied in gross exports, {how}",
        "unit": system.table.unit,
        "table": system.table.label,
        "grouping": part.name,
    }
