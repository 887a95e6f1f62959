"""Who answers for emissions: schemes that share out the same world total in different ways.

Every scheme in `responsibility` adds up to the world's emissions; `avoided_emissions` does not, and
is no share of anything.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied, flows
from carbonflows.accounts.sector import sector_nodes
from carbonflows.errors import DataError, LabelError, some
from carbonflows.factors import factorised
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum


def responsibility(
    system: Leontief,
    stressor: Choice = None,
    *,
    extraction: Sequence[str] | str = (),
    processing: Sequence[str] | str = (),
    households: bool | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Share out the world's emissions by every scheme that adds up to them.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    extraction : str or sequence of str
        Sectors that extract fuels; named, there is a column ``extraction``.
    processing : str or sequence of str
        Sectors that sell processed fuels (refineries), through which fuels are followed back; only
        together with `extraction`.
    households : bool, optional
        Include direct emissions of final users (default); every scheme but ``extraction`` leaves
        them with their region.
    grouping : Grouping, optional
        Groups instead of regions.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``
        ``production``, ``consumption``, ``income``, ``final_production``, ``shared``,
        ``production_consumption`` (the mean of both), ``consumption_income``,
        ``technology_adjusted`` and, where asked for, ``extraction``. With output from rows all
        columns have the same sum.

    Raises
    ------
    LabelError
        Sectors that the table does not have, or named as extraction and as processing.
    DataError
        `processing` without `extraction`.

    Notes
    -----
    - income: ``v̂ G k`` with the Ghosh inverse ``G = x̂⁻¹ L x̂``, so ``(v/x) # L p`` (Marques et al.
      2012); v is output less inputs.
    - final production: ``Σ_{j∈t} e_j y_j``, by the region of final assembly.
    - shared: a node passes on the share ``α = 1 − v / (x − z_ii)``, kept within 0 and 1, of what
      it answers for to its buyers, final users included, and keeps the rest
      (Gallego and Lenzen 2005; Lenzen et al. 2007):
      ``k (I − α#A)⁻¹`` times ``α#y`` for consumers and ``(1 − α)#x`` less what stays in α for
      producers.
    - technology-adjusted: ``CBA_r + Σ_i (e_i^r − e_i^W) EX_i^r`` with ``e^W`` the mean of all
      exports of a product (Kander et al. 2015).
    - extraction: emissions go back along purchases of fuels, in money, to the region where they
      were extracted (after Davis, Peters and Caldeira 2011, who follow physical fuels); emissions
      of buyers of no fuel stay. Processed fuel that comes from no extraction at all counts as
      extracted where it is processed.

    References
    ----------
    Marques, Rodrigues, Lenzen and Domingos 2012, Ecol. Econ. 84:57. Lenzen, Murray, Sack and
    Wiedmann 2007, Ecol. Econ. 61:27. Kander, Jiborn, Moran and Wiedmann 2015, Nature Clim. Change
    5:431. Davis, Peters and Caldeira 2011, PNAS 108:18554.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> shares = responsibility(Leontief(two_regions()))
    >>> shares["income"].round(2).tolist()  # 320/9 and 310/9
    [35.56, 34.44]
    >>> shares.sum().round(6).unique().tolist()
    [70.0]
    """
    table = system.table
    by_well = np.size(extraction) > 0
    if np.size(processing) and not by_well:
        named = [processing] if np.ndim(processing) == 0 else processing
        raise DataError(
            f"processing={some(named)} counts only where fuels are followed back to their "
            "extraction: name the sectors that extract them, extraction=…, or leave it out"
        )
    load = emissions(table, stressor, households=households, unit=unit)
    part = partition(table, grouping)
    e = embodied(system, load)
    direct = part.by_region(load.final) + part.by_node(load.orphaned)
    final = system.final_use.sum(axis=1)
    produced = part.by_node(load.production)
    consumed = flows(system, load, grouping=grouping).to_numpy().sum(axis=0)
    income = part.by_node(_added(system) * system.outputs(load.production).values)
    columns = {
        "production": produced,
        "consumption": consumed,
        "income": income,
        "final_production": part.by_node(e * final),
        "shared": _shared(system, load, part),
        "production_consumption": (produced + consumed) / 2,
        "consumption_income": (consumed + income) / 2,
        "technology_adjusted": consumed + _technology(system, e, part),
    }
    frame = pd.DataFrame(columns, part.labels.rename("region")).add(direct, axis=0)
    if by_well:
        frame["extraction"] = _extracted(system, load, part, extraction, processing)
    return stated(frame, system, load, part, "emissions by scheme of responsibility")


def avoided_emissions(
    system: Leontief,
    stressor: Choice = None,
    *,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Emissions that imports would have caused at home, with the importer's own technology.

    Parameters
    ----------
    system : Leontief
    stressor, grouping, unit
        As in `responsibility`.

    Returns
    -------
    DataFrame, index ``region``
        ``imports``: embodied in imports as they were made (throughflow); ``imports_at_home``: the
        same imports with the importer's own total intensities; ``avoided``: what the region avoided
        by importing, ``imports_at_home − imports``, negative where its own technology is cleaner;
        ``not_valued`` [money]: imports of products that the region does not make, which are left
        out of both.

    Notes
    -----
    These are no shares of the world's emissions: over all regions ``avoided`` does not add up to
    zero, and it says nothing about who answers for emissions.

    References
    ----------
    Dietzenbacher and Mukhopadhyay 2007, Environ. Resour. Econ. 36:427.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> avoided_emissions(Leontief(two_regions()))["avoided"].round(2).tolist()
    [13.33, -10.0]
    """
    table = system.table
    load = emissions(table, stressor, unit=unit)
    part = partition(table, grouping)
    e = embodied(system, load)
    m, s = len(part.labels), len(table.sectors)
    product = table.sectors.get_indexer(table.nodes.get_level_values("sector"))
    shipped = part.by_region(system.sales_by_region + system.final_use, axis=1)
    shipped[np.arange(len(e)), part.node] = 0.0
    x = np.where(system.idle, 0.0, table.x.to_numpy())
    at = part.node * s + product
    made = block_sum(x, at, m * s, axis=0).reshape(m, s)
    weighted = block_sum(e * x, at, m * s, axis=0).reshape(m, s)
    known = made != 0
    own = np.divide(weighted, made, out=np.zeros((m, s)), where=known).T  # (s, m)
    bought = block_sum(shipped, product, s, axis=0)
    actual = block_sum(e[:, None] * shipped, product, s, axis=0)
    counted = np.where(known.T, actual, 0.0).sum(axis=0)
    at_home = (own * bought).sum(axis=0)
    frame = pd.DataFrame(
        {
            "imports": counted, "imports_at_home": at_home, "avoided": at_home - counted,
            "not_valued": np.where(known.T, 0.0, bought).sum(axis=0),
        },
        part.labels.rename("region"),
    )  # fmt: skip
    frame = stated(frame, system, load, part, "emissions avoided by imports; no share of a total")
    frame.attrs["unit"] = f"{load.unit}; not_valued: {table.unit}"
    return frame


def _added(system: Leontief) -> Array:
    """Value added per output, ``(x − 1ᵀZ) / x``."""
    table = system.table
    return (table.x.to_numpy() - table.Z.to_numpy().sum(axis=0)) * system.per_output


def _shared(system: Leontief, load: Emissions, part: Partition) -> Array:
    """Shared producer and consumer responsibility."""
    table = system.table
    Z, x = table.Z.to_numpy(), table.x.to_numpy()
    net = x - np.diag(Z)
    added = _added(system) * x
    kept = np.divide(added, net, out=np.ones_like(net), where=net != 0)
    passed = np.where(system.idle, 0.0, 1 - np.clip(kept, 0.0, 1.0))
    k = load.per_output(table)
    # With g = e # α the system e (I − α#A) = k becomes g (I − A α̂) = k # α.
    factors = factorised(Z, system.per_output * passed, np.float64)
    g = factors.solve((k * passed)[None], transposed=True)[0]
    e = k + system.A_times(g)
    final = part.by_region(system.final_use, axis=1)
    inputs = x - system.final_use.sum(axis=1)  # A x
    producers = part.by_node(e * (1 - passed) * (inputs + final.sum(axis=1)))
    return producers + (e * passed) @ final


def _technology(system: Leontief, e: Array, part: Partition) -> Array:
    """Credit for exports that are cleaner than the mean export of the same product."""
    table = system.table
    shipped = part.by_region(system.sales_by_region + system.final_use, axis=1)
    shipped[np.arange(len(e)), part.node] = 0.0
    exported = shipped.sum(axis=1)
    product = table.sectors.get_indexer(table.nodes.get_level_values("sector"))
    s = len(table.sectors)
    amount = block_sum(exported, product, s, axis=0)
    content = block_sum(e * exported, product, s, axis=0)
    mean = np.divide(content, amount, out=np.zeros(s), where=amount != 0)
    return part.by_node((e - mean[product]) * exported)


def _extracted(
    system: Leontief,
    load: Emissions,
    part: Partition,
    extraction: Sequence[str] | str,
    processing: Sequence[str] | str,
) -> Array:
    """Emissions by the region where the fuels behind them were extracted."""
    table = system.table
    n, m = len(table.nodes), len(table.regions)
    wells = sector_nodes(table, extraction)
    plants = sector_nodes(table, processing) if np.size(processing) else np.array([], dtype=int)
    both = np.intersect1d(wells, plants)
    if len(both):
        raise LabelError(
            f"{some(table.nodes[both])}: named as extraction and as processing; choose one",
            labels=list(table.nodes[both]),
        )
    fuels = np.concatenate([wells, plants])
    Z = np.maximum(table.Z.to_numpy()[fuels], 0.0)
    Y = np.maximum(
        block_sum(table.Y.to_numpy()[fuels], table.demand_region, m, axis=1), 0.0
    )  # what final users burn, by region
    bought = np.concatenate([Z, Y], axis=1)
    total = bought.sum(axis=0)
    share = np.divide(bought, total, out=np.zeros_like(bought), where=total != 0)
    share[:, wells] = 0.0  # what is burnt where fuels are extracted stays there
    w = len(wells)
    # A plant whose fuel comes from no well, through whatever plants, is where its fuel comes from.
    supplied = share[:w, plants].any(axis=0)
    for _ in plants:
        supplied |= share[w:, plants][supplied].any(axis=0)
    share[:, plants[~supplied]] = 0.0
    back = np.eye(len(plants)) - share[w:, plants]
    ends = share[:w, plants]
    lost = 1.0 - share[:, plants].sum(axis=0)
    origin = np.concatenate([ends, np.diag(lost)]) @ np.linalg.inv(back)  # (w + plants, plants)
    reached = np.concatenate([share[:w], np.zeros((len(plants), n + m))])
    reached += origin @ share[w:]
    amounts = np.concatenate([load.production + load.orphaned, load.final])
    moved = reached @ amounts
    stays = amounts * (1.0 - share.sum(axis=0))
    values = part.by_node(stays[:n]) + part.by_region(stays[n:])
    np.add.at(values, part.node[fuels], moved)
    return values
