"""Gross exports taken apart at the exporter's own border, bilaterally and without double counting.

The sixteen terms of the bridge put what is counted again with one partner or another by rules that
differ from term to term. Borin and Mancini apply one rule to all: what crosses the exporter's
border several times counts once, either when it leaves first (source) or when it leaves for the
last time (sink).
"""

from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows.accounts.bridge import (
    STEPS,
    Blocks,
    BridgeBy,
    Content,
    carried,
    facts,
    framed,
    solved,
)
from carbonflows.accounts.emissions import Partition, partition
from carbonflows.accounts.flows import Choice
from carbonflows.errors import DataError
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief

Perspective: TypeAlias = Literal["source", "sink"]


def export_steps(
    system: Leontief,
    stressor: Choice = None,
    *,
    perspective: Perspective = "source",
    content: Content = "emissions",
    by: BridgeBy = "region",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Take gross exports apart by what becomes of them and by where they were emitted.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    perspective : {"source", "sink"}
        What leaves the exporter more than once counts with the partner and sector that it leaves
        to first (source) or last (sink), and is “counted again” with the others.
    content : {"emissions", "value_added"}
        As in `bridge`.
    by : {"region", "partner", "sector", "all"}
        Rows: exporting regions; with partners; with exporting sectors; or with both.
    grouping : Grouping, optional
        Groups instead of regions: trade within a group does not count.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame
        Index ``region``, with ``partner`` and ``sector`` as asked for; columns as in the steps of
        `ladder` [emission unit or money]: ``absorbed abroad`` and ``returned`` (domestic content,
        once), ``domestic, counted again``, ``foreign`` (foreign content, once) and ``foreign,
        counted again``.

    Raises
    ------
    DataError
        A word that is not known.
    SingularSystem
        The system, or a region's part of it, cannot be solved.

    Notes
    -----
    Let ``k`` be the direct intensities, ``L`` the Leontief inverse, ``Lˢ = (I − A_ss)⁻¹``,
    ``F_sr`` final use by region, ``E_sr = F_sr + A_sr x_r``, ``E_s`` the sum over partners, and
    ``#`` element by element. ``B`` is the inverse of the system in which s sells no inputs abroad
    (``A_sr = 0`` for r ≠ s), ``F°`` final use without s's own final exports, and t all regions but
    s. For exporter s and importer r the domestic content of the first three columns is
    ``k_s L_ss # E_sr``, the foreign content of the other two ``Σ_t k_t L_ts # E_sr``. Counted once
    are

    - source: ``k_s Lˢ # E_sr``, of which ``k_s Lˢ # A_sr (L F)_rs`` returns (used up in s at
      last), and ``Σ_t k_t B_ts # E_sr``;
    - sink: ``k_s L_ss # E°_sr``, of which ``k_s L_ss # A_sr (B F°)_rs`` returns, and
      ``Σ_t k_t L_ts # E°_sr``, where ``E°_sr = F_sr + A_sr Σ_u (B F°)_ru``.

    No B is inverted. From ``L = B + B_·s A_s,≠s L`` follow ``B_·s = L_·s L_ss⁻¹ Lˢ`` and
    ``(B F°)_ru = (L F)_ru − L_rs L_ss⁻¹ Lˢ E_s(u)``, where ``Lˢ E_s(u) = (L F)_su − [u = s] Lˢ
    F_ss`` is what s makes for exports that u uses up at last. So blocks of one ``L`` are enough.

    By summing ``A_sr L_rs`` over partners to ``(I − A_ss) L_ss − I``, ``E°_s = L_ss⁻¹ Lˢ E_s``:
    each column has the same sum over partners and sectors from both perspectives. In these sums,
    absorbed abroad are the exports of the footprint, with what returns those of the EEBT
    (``k_s Lˢ E_s``), and all five columns those of the throughflow account; the last for every
    partner too. The measures are met exactly where output comes from rows.

    References
    ----------
    Borin and Mancini 2019, World Bank Policy Research Working Paper 8804; 2023, Econ. Syst. Res.
    35:586.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> export_steps(Leontief(two_regions())).loc["A"].round(2).to_dict()
    {'absorbed abroad': 15.56, 'returned': 3.19, 'domestic, counted again': 1.25, 'foreign': 3.75,
    'foreign, counted again': 0.25}
    """
    if perspective not in ("source", "sink"):
        raise DataError(f"perspective={perspective!r} is not known: use 'source' or 'sink'")
    part = partition(system.table, grouping)
    load, k = carried(system, stressor, content, by, unit)
    values = _steps(system, k, part, perspective)  # (5, n, m)
    frame = framed(values, pd.Index(STEPS, name="step"), system, part, by)
    frame.attrs = facts(system, load, part, f"by step, {perspective}-based")
    return frame


def _steps(system: Leontief, k: Array, part: Partition, perspective: Perspective) -> Array:
    """Compute the five steps by exporting node and importing region, shape (5, n, m)."""
    n, m = len(k), len(part.labels)
    blocks = Blocks(system, part)
    L, y, k, here = blocks.L, blocks.y, k[blocks.order], np.arange(n)
    embodied = blocks.embodied(k)
    own = embodied[blocks.node, here]
    foreign = embodied.sum(axis=0) - own
    Ly = L @ y
    x = Ly.sum(axis=1)
    values = np.zeros((len(STEPS), n, m))
    for s, at in enumerate(blocks.regions):
        L_ss = L[at, at]
        what = f"the system without the exports of {part.labels[s]}"
        made = np.stack([x, Ly[:, s]])  # in all, and for what s uses up itself, (2, n)
        own_once, foreign_once = own[at], foreign[at]
        if perspective == "source":
            first = solved(L_ss, foreign[at], what, transposed=True)
            (own_once, foreign_once), _ = blocks.at_home(s, np.stack([k[at], first]), y[at, s])
        else:
            _, used = blocks.at_home(s, k[at], y[at, s])
            made -= (L[:, at] @ solved(L_ss, (made[:, at] - used).T, what)).T
        once, returned = blocks.shipped(s, made)
        once += y[at]
        exports = y[at] + blocks.shipped(s, x[None])[0]
        block = values[:, at]
        block[1] = own_once[:, None] * returned
        block[0] = own_once[:, None] * once - block[1]
        block[2] = own[at, None] * exports - own_once[:, None] * once
        block[3] = foreign_once[:, None] * once
        block[4] = foreign[at, None] * exports - block[3]
        block[:, :, s] = 0.0
    return blocks.restored(values)
