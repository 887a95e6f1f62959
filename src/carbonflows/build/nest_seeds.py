"""Shares of a country's provinces in its flows, from a table of the provinces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.regional import Interregional
from carbonflows.errors import BalanceError, DataError, LabelError, some
from carbonflows.labels import Array, pairs, same_labels
from carbonflows.regions import Grouping

Categories = Mapping[str, str | Sequence[str]]


@dataclass
class Fallbacks:
    """Flows of the country that no province has: shared by output, and counted.

    Attributes
    ----------
    most : float
        Largest share of a block's flow that may be shared so.
    blocks : dict
        What was done: cells, share of the block's flow, the largest cells.
    """

    most: float
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def count(
        self, block: str, cells: Array, missing: npt.NDArray[np.bool_],
        rows: Sequence[str | tuple[str, ...]], columns: Sequence[str], most: float | None = None,
    ) -> None:  # fmt: skip
        """Record the cells of a block that fell back; raise if they carry too much."""
        carried = np.abs(np.where(missing, cells, 0.0))
        mass = float(carried.sum() / max(np.abs(cells).sum(), 1e-300))
        largest = [np.unravel_index(k, carried.shape) for k in np.argsort(-carried, axis=None)[:5]]
        named = [
            "/".join([*(rows[i] if isinstance(rows[i], tuple) else [rows[i]]), columns[j]])
            for i, j in largest if carried[i, j] > 0
        ]  # fmt: skip
        if mass > (self.most if most is None else most):
            raise BalanceError(
                f"{block}: {mass:.2%} of the country's flow is in cells that no province has, most "
                f"in {some(named)}; regroup, give the provinces these flows, or share them by "
                f"output with fallback={np.ceil(mass * 1e4) / 1e4:g}",
                labels=named,
            )
        self.blocks[block] = {
            "cells": int((carried > 0).sum()), "share": mass, "largest": named
        }  # fmt: skip


@dataclass(frozen=True)
class Provinces:
    """The table of the provinces in the sectors and categories of the country.

    Attributes
    ----------
    names, sectors, categories : list of str
    output, exports, value_added : array (p, g)
    flows : array (p, g, p, u)
        Domestic flows to uses: the sectors, then the categories.
    imports : array (g, p, u)
        Imports by product, province and use.
    """

    names: list[str]
    sectors: list[str]
    categories: list[str]
    output: Array
    exports: Array
    value_added: Array
    flows: Array
    imports: Array

    @property
    def use_share(self) -> Array:
        """Share of each province in a use (p, u): in a sector's output, in a category's size.

        Where a sector makes nothing, it is the share in what it buys; where a use is empty in all
        provinces, the share in the output of all sectors.
        """
        size = np.maximum(self.flows.sum(axis=(0, 1)) + self.imports.sum(axis=0), 0.0)
        making = np.flatnonzero(self.output.sum(axis=0))
        size[:, making] = self.output[:, making]
        found = shares(size)
        found[:, found.sum(axis=0) == 0] = shares(self.output.sum(axis=1, keepdims=True))
        return found

    @property
    def share(self) -> Array:
        """Share of each province in a sector (p, g), as `use_share` has it."""
        return self.use_share[:, : len(self.sectors)]


def shares(amounts: Array) -> Array:
    """Share of each row in the sum of its column; zero where the sum is.

    Examples
    --------
    >>> shares(np.array([[1.0, 0], [3, 0]])).tolist()
    [[0.25, 0.0], [0.75, 0.0]]
    """
    total = amounts.sum(axis=0, keepdims=True)
    return np.divide(amounts, total, out=np.zeros_like(amounts), where=total > 0)


def provinces_of(
    inside: Interregional,
    grouping: Grouping | None,
    sectors: Sequence[str],
    categories: Sequence[str],
    of_category: Categories | None,
) -> Provinces:
    """Bring the provinces' table into the sectors and categories of the country.

    Parameters
    ----------
    inside : Interregional
    grouping : Grouping or None
        From the provinces' sectors to the country's.
    sectors, categories : sequence of str
        Of the country, in its order.
    of_category : mapping or None
        Country's category → the provinces' categories it takes its shares from.

    Returns
    -------
    Provinces

    Raises
    ------
    LabelError
        Sectors or categories that do not correspond.
    DataError
        Output or exports below zero.
    """
    names = [str(r) for r in inside.regions]
    own = [str(s) for s in inside.sectors]
    groups = own if grouping is None else grouping.of(own)
    same_labels(
        pd.Index(groups).unique(), pd.Index(sectors), "the provinces' sectors",
        "the country (regroup either side with sectors or world_sectors)",
    )  # fmt: skip
    if len(inside.nodes) != len(names) * len(own):
        raise LabelError("provinces have different sectors; give every province the same ones")
    _require_labels(inside)
    for key in ("x", "exports"):
        flow = getattr(inside, key)
        if len(low := flow.index[~(flow >= 0)]):
            raise DataError(f"inside: {key} of {some(low)} is below zero; correct the table")
    order = pd.MultiIndex.from_product([inside.regions, inside.sectors])
    to = np.zeros((len(own), len(sectors)))
    to[np.arange(len(own)), [list(sectors).index(g) for g in groups]] = 1.0
    uses = _use_columns(inside, categories, of_category)
    p, h = len(names), len(own)
    Z = inside.Z.loc[order, order].to_numpy(dtype=float).reshape(p, h, p, h)
    Y = np.stack([inside.Y.loc[order, c].to_numpy(dtype=float).sum(1) for r in uses for c in r], 1)
    mY = np.stack([inside.import_Y.loc[inside.sectors, c].to_numpy(dtype=float).sum(1)
                   for r in uses for c in r], 1)  # fmt: skip
    mZ = inside.import_Z.loc[inside.sectors, order].to_numpy(dtype=float).reshape(h, p, h)
    k = len(categories)

    def by_node(series: pd.Series) -> Array:
        return np.asarray(series.loc[order].to_numpy(dtype=float).reshape(p, h) @ to)

    return Provinces(
        names=names,
        sectors=list(sectors),
        categories=list(categories),
        output=by_node(inside.x),
        exports=by_node(inside.exports),
        value_added=by_node(inside.value_added),
        flows=np.concatenate(
            [
                np.einsum("phqi,hg,ij->pgqj", Z, to, to, optimize=True),
                np.einsum("phqk,hg->pgqk", Y.reshape(p, h, p, k), to, optimize=True),
            ],
            axis=3,
        ),
        imports=np.concatenate(
            [
                np.einsum("hqi,hg,ij->gqj", mZ, to, to, optimize=True),
                np.einsum("hqk,hg->gqk", mY.reshape(h, p, k), to, optimize=True),
            ],
            axis=2,
        ),
    )


def _require_labels(inside: Interregional) -> None:
    """Raise unless all parts of the provinces' table have its nodes, sectors and numbers."""
    for key, labels, known in (
        ("columns of Z", inside.Z.columns, inside.nodes),
        ("rows of Y", inside.Y.index, inside.nodes),
        ("exports", inside.exports.index, inside.nodes),
        ("x", inside.x.index, inside.nodes),
        ("value added", inside.value_added.index, inside.nodes),
        ("columns of import_Z", inside.import_Z.columns, inside.nodes),
        ("rows of import_Z", inside.import_Z.index, inside.sectors),
        ("rows of import_Y", inside.import_Y.index, inside.sectors),
        ("columns of import_Y", inside.import_Y.columns, inside.Y.columns),
    ):
        same_labels(labels, known, f"inside: {key}", "the rest of it")
    for key in ("Z", "Y", "import_Z", "import_Y", "value_added"):
        if not np.isfinite(getattr(inside, key).to_numpy(dtype=float)).all():
            raise DataError(f"inside: {key} has a cell that is not finite; fill it on purpose")


def _use_columns(
    inside: Interregional, categories: Sequence[str], of_category: Categories | None
) -> list[list[list[tuple[Any, Any]]]]:
    """Columns of inside.Y behind each category of the country, by province."""
    there = set(inside.Y.columns.get_level_values(1))
    wanted: dict[str, list[Any]] = {c: [c] for c in categories}
    if of_category is not None:
        same_labels(pd.Index(list(of_category)), pd.Index(categories), "categories", "the country")
        wanted = {c: [s] if isinstance(s, str) else list(s) for c, s in of_category.items()}
    if unknown := [c for listed in wanted.values() for c in listed if c not in there]:
        raise LabelError(
            f"{some(dict.fromkeys(unknown))}: no category of the provinces, which have "
            f"{some(sorted(map(str, there)), 8)}; say with categories which of them each of "
            f"{some(categories, 8)} takes its shares from",
            labels=unknown,
        )
    present = set(inside.Y.columns)
    return [
        [[(r, c) for c in wanted[k] if (r, c) in present] for k in categories]
        for r in inside.regions
    ]


def domestic_seeds(own: Provinces, national: Array, fallbacks: Fallbacks) -> Array:
    """Flows between provinces before they are scaled (p, g, p, u), in the country's money.

    A cell of the country that no province has with that sign is shared by output and use.
    """
    seeds = own.flows * (np.abs(national).sum() / max(np.abs(own.flows).sum(), 1e-300))
    plus = np.maximum(seeds, 0.0).sum(axis=(0, 2))
    minus = np.maximum(-seeds, 0.0).sum(axis=(0, 2))
    missing = ((national > 0) & (plus == 0)) | ((national < 0) & (minus == 0))
    fallbacks.count(
        "domestic flows", national, missing, own.sectors, [*own.sectors, *own.categories]
    )
    instead = np.einsum("pg,gu,qu->pgqu", own.share, np.where(missing, national, 0), own.use_share)
    return np.where(missing[None, :, None, :], instead, seeds)


def export_shares(
    own: Provinces, given: pd.DataFrame | None, national: Array, partners: Sequence[str],
    fallbacks: Fallbacks,
) -> Array:  # fmt: skip
    """Share of each province in the country's exports by sector and partner (p, g, s).

    Parameters
    ----------
    own : Provinces
    given : DataFrame or None
        Exports of the provinces by partner; rows ``(province, sector)`` or province only.
    national : array (g, s)
        Size of the country's exports.
    partners : sequence of str
    fallbacks : Fallbacks

    Returns
    -------
    array (p, g, s)
    """
    seeds = np.repeat(own.exports[:, :, None], len(partners), axis=2)
    if given is not None:
        seeds = _given_exports(own, given, partners, seeds)
    theta = np.asarray(shares(seeds))
    missing = (theta.sum(axis=0) == 0) & (national != 0)
    fallbacks.count("exports", national, missing, own.sectors, partners)
    return np.where(missing[None], own.share[:, :, None], theta)


def _given_exports(
    own: Provinces, given: pd.DataFrame, partners: Sequence[str], seeds: Array
) -> Array:
    """Seeds with the partners that are given; without sectors, these are as the table has them."""
    if unknown := [s for s in given.columns if s not in partners]:
        raise LabelError(f"exports: {some(unknown)} is no region abroad; name the world's regions")
    by_sector = given.index.nlevels == 2
    if by_sector:
        rows: pd.Index = pd.MultiIndex.from_product([own.names, own.sectors])
        given = given.set_axis(pairs(given.index, "rows of exports", ("province", "sector")))
    else:
        rows = pd.Index(own.names)
    if not given.index.is_unique or not given.columns.is_unique:
        raise LabelError("exports: a province or partner is there twice; name each once")
    same_labels(given.index, rows, "the rows of exports", "the provinces")
    values = given.loc[rows].to_numpy(dtype=float)
    if not (np.isfinite(values) & (values >= 0)).all():
        raise DataError("exports: a cell is below zero or not finite; correct it")
    at = [list(partners).index(s) for s in given.columns]
    new = seeds.copy()
    if by_sector:
        new[:, :, at] = values.reshape(len(own.names), len(own.sectors), -1)
    else:
        new[:, :, at] = seeds[:, :, at] * shares(values)[:, None, :]
        total = own.exports.sum(axis=1)[:, None, None]
        new[:, :, at] = np.divide(new[:, :, at], total, out=np.zeros_like(new[:, :, at]),
                                  where=total > 0)  # fmt: skip
    return new


def import_shares(
    own: Provinces, national: Array, product: npt.NDArray[np.intp], rows: Sequence[tuple[str, ...]],
    fallbacks: Fallbacks,
) -> tuple[Array, npt.NDArray[np.intp]]:  # fmt: skip
    """Share of each province in a use of an imported product (2, g + 1, p, u).

    Parameters
    ----------
    own : Provinces
    national : array (f, u)
        The country's imports by foreign node and use.
    product : array of int
        Position of each foreign node's sector among the country's; g where it has none such.
    rows : sequence
        Names of the foreign nodes.
    fallbacks : Fallbacks

    Returns
    -------
    array (2, g + 1, p, u)
        For positive flows, then for negative ones: a flow of one sign is shared among the provinces
        whose own flow has that sign, or if there is none, the other.
    array of int (f, u)
        Which of the two a cell takes.
    """
    unknown = np.zeros((1, *own.imports.shape[1:]))
    parts = [np.concatenate([np.maximum(sign * own.imports, 0.0), unknown]) for sign in (1, -1)]
    phi = np.stack([shares(part.transpose(1, 0, 2)).transpose(1, 0, 2) for part in parts])
    side = (national < 0).astype(np.intp)
    uses = [*own.sectors, *own.categories]

    def lacking(none: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Tell which of the country's cells meet a missing share."""
        of_cell = none[side, product[:, None], np.arange(national.shape[1])[None, :]]
        return np.asarray(of_cell & (national != 0))

    none = phi.sum(axis=2) == 0  # (2, g + 1, u)
    turned = none & ~none[::-1]
    fallbacks.count("imports of the other sign", national, lacking(turned), rows, uses, most=1.0)
    phi = np.where(turned[:, :, None, :], phi[::-1], phi)
    none &= ~turned
    fallbacks.count("imports", national, lacking(none), rows, uses)
    return np.where(none[:, :, None, :], own.use_share, phi), side
