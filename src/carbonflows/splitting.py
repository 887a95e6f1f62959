"""A sector taken apart with weights: aluminium out of basic metals, cotton out of crops.

All totals are kept: the parts of a row, of a column and of the emissions sum to what they were
made from. Weights that are all the same leave every coefficient as it was and change no result;
what another weight changes is the user's own knowledge, or guess, and the result says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import TypeAlias

import numpy as np
import pandas as pd

from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import DEMAND, NODE, Array
from carbonflows.table import Extension, IOTable

Weight: TypeAlias = float | Mapping[str, float]
FINAL = "final demand"


@dataclass(frozen=True)
class Part:
    """One part of a sector, by its shares of the whole.

    Attributes
    ----------
    output : float or mapping of str to float
        Share of the sector's sales, unless said otherwise in `sales`; one number, or one per
        region. Purchases and emissions follow what the part then sells in all; value added is what
        is left.
    sales : mapping of str to float
        Buying sector, or ``"final demand"``, → share of the sector's sales to it.
    inputs : mapping of str to float
        Selling sector → share of the sector's purchases from it; by default the part's share of
        all sales.
    emissions : float or mapping of str to float, optional
        Share of the sector's emissions; by default the part's share of all sales.

    Examples
    --------
    >>> Part(0.1, inputs={"Electricity": 0.3}).output
    0.1
    """

    output: Weight
    sales: Mapping[str, float] = field(default_factory=dict)
    inputs: Mapping[str, float] = field(default_factory=dict)
    emissions: Weight | None = None


def disaggregate(table: IOTable, sector: str, parts: Mapping[str, Part]) -> IOTable:
    """Split a sector of every region that has it.

    Parameters
    ----------
    table : IOTable
    sector : str
        Sector to split.
    parts : mapping of str to Part
        Names of the new sectors; their shares must sum to one everywhere.

    Returns
    -------
    IOTable
        The parts stand where the sector stood.

    Raises
    ------
    LabelError
        A sector or region that the table does not have, or a new name that it has already.
    DataError
        Parts that are no `Part`, shares that are no numbers between 0 and 1 or do not sum to one,
        or a part that sells nothing but buys or emits.

    Notes
    -----
    ``z_ij`` of a row i that is split becomes ``s_i z_ij`` with s the share of sales to j; of a
    column that is split, ``t_j z_ij`` with t the share of purchases from i; where both are split,
    ``s_i t_j z_ij``.

    References
    ----------
    Lenzen 2011, Econ. Syst. Res. 23:73 (disaggregation instead of aggregation).

    Examples
    --------
    >>> import carbonflows as cf
    >>> table = cf.example(2004)
    >>> split = disaggregate(
    ...     table, "Basic metals", {"Aluminium": Part(0.1), "Other metals": Part(0.9)}
    ... )
    >>> len(split.nodes) - len(table.nodes)
    22
    >>> bool(abs(split.x.sum() - table.x.sum()) < 1e-6)
    True
    """
    if sector not in table.sectors:
        usual = f"it has {some(table.sectors, 40)}"
        raise LabelError(
            f"{sector!r} is no sector of {table.label}: "
            + suggested([sector], table.sectors, usual),
            labels=[sector],
        )
    _require_parts(parts)
    if len(parts) < 2:
        raise DataError(f"{sector} is to be split into {len(parts)}: name two parts at least")
    taken = [name for name in parts if name in table.sectors and name != sector]
    if taken:
        raise LabelError(f"{some(taken)}: already a sector of {table.label}", labels=taken)
    old = table.nodes
    regions, sectors = (old.get_level_values(level) for level in NODE)
    position, names = [], []  # old position and new sector of each new node
    for i, name in enumerate(sectors):
        new = list(parts) if name == sector else [name]
        position += [i] * len(new)
        names += new
    at = np.array(position)
    nodes = pd.MultiIndex.from_arrays([regions[at], names], names=NODE)
    split = (sectors == sector)[at]
    shares = _Shares(table, sector, parts, regions[at][split], np.array(names)[split])
    Z = table.Z.to_numpy()[np.ix_(at, at)]
    Y = table.Y.to_numpy()[at]
    whole = (table.Z.to_numpy().sum(axis=1) + table.Y.to_numpy().sum(axis=1))[at][split]
    sales = shares.of("sales", sectors, shares.output)
    Y[split] *= shares.of("sales", pd.Index([FINAL]), shares.output)
    sold = (table.Z.to_numpy()[at[split]] * sales).sum(axis=1) + Y[split].sum(axis=1)
    made = np.divide(sold, whole, out=shares.output.copy(), where=whole != 0)
    Z[split] *= sales[:, at]
    Z[:, split] *= shares.of("inputs", sectors, made)[:, at].T
    output, emitted = np.ones(len(nodes)), np.ones(len(nodes))
    output[split] = made
    emitted[split] = np.where(np.isnan(shares.emitted), made, shares.emitted)
    amounts = {name: e.F.to_numpy()[:, at] * emitted for name, e in table.extensions.items()}
    active = Z.any(axis=0) | np.any([F.any(axis=0) for F in amounts.values()], axis=0)
    idle = np.flatnonzero((output == 0) & (table.x.to_numpy()[at] != 0) & active)
    if len(idle):
        raise DataError(
            f"{some(nodes[idle])}: a part that sells nothing cannot buy or emit; give it a share "
            "of sales, or none of the inputs and emissions",
            labels=list(nodes[idle]),
        )
    extensions = [
        Extension(
            pd.DataFrame(amounts[key], e.F.index, nodes),
            e.F_Y if e.has_final else None,
            unit={str(s): str(u) for s, u in e.unit.items()}, name=e.name, source=e.source,
        )
        for key, e in table.extensions.items()
    ]  # fmt: skip

    def by_output(series: pd.Series | None) -> pd.Series | None:
        return None if series is None else pd.Series(series.to_numpy()[at] * output, nodes)

    value_added = by_output(table.value_added)
    if value_added is not None and table.value_added is not None:
        # Value added is what is left of a part's costs, so that columns balance as they did.
        costs = (table.value_added.to_numpy() + table.Z.to_numpy().sum(axis=0))[at[split]]
        value_added[split] = costs * made - Z[:, split].sum(axis=0)
    step = {
        "step": "disaggregate", "sector": sector,
        "parts": {name: _plain(part) for name, part in parts.items()},
    }  # fmt: skip
    return table.replace(
        Z=pd.DataFrame(Z, nodes, nodes, copy=False),
        Y=pd.DataFrame(Y, nodes, table.demand.set_names(DEMAND), copy=False),
        extensions=extensions,
        x=by_output(table.x_given),
        value_added=value_added,
        provenance={
            **table.provenance, "steps": [*table.provenance.get("steps", []), step]
        },
    )  # fmt: skip


class _Shares:
    """Shares of the new nodes that came from one sector."""

    def __init__(
        self,
        table: IOTable,
        sector: str,
        parts: Mapping[str, Part],
        regions: pd.Index,
        names: Array,
    ) -> None:
        self.sector, self.parts, self.names = sector, parts, names
        self.known = {
            "sales": {*table.sectors, FINAL}, "inputs": set(table.sectors)
        }  # fmt: skip
        self.table = table
        having = list(regions.unique())
        shares = {name: self._by_region(part.output, having) for name, part in parts.items()}
        self._whole(shares, having, "output")
        pairs = list(zip(names, regions, strict=True))
        self.output = np.array([shares[name][region] for name, region in pairs])
        self.emitted = np.full(len(pairs), np.nan)
        stated = [name for name, part in parts.items() if part.emissions is not None]
        if stated:
            missing = [name for name in parts if name not in stated]
            if missing:
                raise DataError(
                    f"emissions of {sector}: no share for {some(missing)}; give one for every part"
                )
            emitted = {
                name: self._by_region(part.emissions, having)
                for name, part in parts.items()
                if part.emissions is not None
            }
            self._whole(emitted, having, "emissions")
            self.emitted = np.array([emitted[name][region] for name, region in pairs])

    def of(self, kind: str, partners: pd.Index, usual: Array) -> Array:
        """Shares of sales to, or purchases from, each partner, shape (new nodes, partners)."""
        values = np.repeat(usual[:, None], len(partners), axis=1)
        given: dict[str, dict[str, float]] = {
            name: dict(getattr(part, kind)) for name, part in self.parts.items()
        }
        named = {partner for shares in given.values() for partner in shares}
        unknown = sorted(named - self.known[kind], key=str)
        if unknown:
            raise LabelError(
                f"{kind} of {self.sector}: {some(unknown)} is no sector of {self.table.label}; "
                + suggested(unknown, self.known[kind], f"it has {some(self.table.sectors, 40)}"),
                labels=unknown,
            )
        for partner in named:
            missing = [name for name in self.parts if partner not in given[name]]
            if missing:
                raise DataError(
                    f"{kind} of {self.sector} and {partner}: no share for {some(missing)}; give "
                    "one for every part"
                )
            self._whole(
                {name: {partner: given[name][partner]} for name in self.parts}, [partner], kind
            )
            chosen = partners == partner
            for name in self.parts:
                values[np.ix_(self.names == name, chosen)] = given[name][partner]
        return values

    def _by_region(self, weight: Weight, regions: list[str]) -> dict[str, float]:
        if not isinstance(weight, Mapping):
            return dict.fromkeys(regions, float(weight))
        extra, missing = set(weight) - set(self.table.regions), set(regions) - set(weight)
        if extra or missing:
            what = (
                f"no region {some(sorted(extra, key=str))}" if extra
                else f"no share for {some(sorted(missing))}"
            )  # fmt: skip
            usual = "name each region that has the sector"
            raise LabelError(
                f"shares of {self.sector}: {what}; {suggested(extra, self.table.regions, usual)}",
                labels=sorted(extra or missing, key=str),
            )
        return {region: float(weight[region]) for region in regions}

    def _whole(self, shares: Mapping[str, Mapping[str, float]], keys: list[str], what: str) -> None:
        for key in keys:
            values = [shares[name][key] for name in shares]
            total = sum(values)
            if not all(0 <= value <= 1 for value in values) or abs(total - 1) > 1e-9:
                raise DataError(
                    f"{what} of {self.sector} ({key}): shares {', '.join(map(str, values))} of "
                    f"{some(shares)} must be 0 to 1 and sum to one, not to {total:.10g}",
                    total=total,
                )


def _require_parts(parts: object) -> None:
    """Raise unless these are parts by name, whose shares are numbers."""
    if not isinstance(parts, Mapping):
        raise DataError(
            f"parts are given as a {type(parts).__name__}: give a mapping, name → Part(share)"
        )
    for name, part in parts.items():
        if not isinstance(name, str) or not name.strip():
            raise LabelError(f"{name!r} cannot name a part: give it a name in words")
        if not isinstance(part, Part):
            raise DataError(f"{name}: {part!r} is no Part; write Part(share)")
        for kind in ("output", "sales", "inputs", "emissions"):
            given = getattr(part, kind)
            if kind == "emissions" and given is None:
                continue
            if kind in ("sales", "inputs") and not isinstance(given, Mapping):
                raise DataError(f"{name}: {kind}={given!r}; give a mapping, sector → share")
            for share in given.values() if isinstance(given, Mapping) else [given]:
                if not isinstance(share, Real) or isinstance(share, bool):
                    raise DataError(f"{name}: {kind} {share!r} is no number; give a share, 0 to 1")


def _plain(part: Part) -> dict[str, object]:
    """Write a part as provenance keeps it."""
    return {
        "output": dict(part.output) if isinstance(part.output, Mapping) else part.output,
        "sales": dict(part.sales),
        "inputs": dict(part.inputs),
        "emissions": dict(part.emissions)
        if isinstance(part.emissions, Mapping)
        else part.emissions,
    }
