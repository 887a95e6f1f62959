"""Why a region consumes more carbon than it emits, or less: volume, mix and intensity of trade."""

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.accounts.footprint import row_residual
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import block_sum


def transfer_drivers(
    system: Leontief,
    stressor: Choice = None,
    *,
    households: bool | None = None,
    least_made: float = 0.1,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Split consumption less production into volume of trade, mix of products and intensity.

    A country with clean power has dirtier imports than exports at the same volume and mix; a
    country with a trade deficit imports more of everything.

    Parameters
    ----------
    system : Leontief
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    households : bool, optional
        Include direct emissions of final users in production (default).
    least_made : float
        A product is valued at home intensity where the region makes at least this much of it,
        relative to its imports. A tiny sector of the same name is no measure: an oil importer's
        quarries say nothing about crude oil.
    grouping : Grouping, optional
        Groups instead of regions: trade within a group does not count.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``
        ``ratio`` is consumption over production less 1. It is the sum of ``volume`` (imports worth
        more than exports), ``mix`` (imports of products that are carbon-intensive at home too),
        ``intensity`` (the same products made with more carbon abroad than at home) and
        ``imbalance`` (the table's row residual), all relative to production [1]. Then
        ``imports`` and ``exports`` [money/yr], ``not_made`` (share of imports without a home
        intensity [1]), and the emissions per money of ``import_intensity``,
        ``import_intensity_at_home`` (the same products as if made here) and ``export_intensity``
        [emission unit/money]. NaN: relative to production that is zero, intensities of no trade.

    Notes
    -----
    ``CBA − PBA = V_M ε_M − V_X ε_X − e·ρ`` with the values V of gross imports and exports and their
    total intensities ε (throughflow). With ``ε_M⁰`` the intensity of the imports at home
    intensities and ``V̄ = (V_M + V_X) / 2``: volume ``(V_M − V_X) (ε_M + ε_X) / 2``, mix
    ``(ε_M⁰ − ε_X) V̄``, intensity ``(ε_M − ε_M⁰) V̄``; exact. A product that the region does not
    make, or hardly, has no home intensity: it is taken as imported, so that it counts under mix.
    The finer the sectors, the less of the difference is intensity and the more is mix.

    References
    ----------
    Jakob and Marschinski 2013, Nat. Clim. Change 3:19 (the idea; parts here are symmetric).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> parts = transfer_drivers(Leontief(two_regions()))  # A: 134/3 of 50, so −16/3 of 50
    >>> parts.loc["A", ["ratio", "volume", "mix", "intensity"]].round(3).tolist()
    [-0.107, 0.127, 0.0, -0.233]
    """
    table = system.table
    load = emissions(table, stressor, households=households, unit=unit)
    part = partition(table, grouping)
    e = embodied(system, load)
    bought = part.by_region(system.sales_by_region + system.final_use, axis=1)
    abroad = part.node[:, None] != np.arange(len(part.labels))
    shipped_in = np.where(abroad, bought, 0.0)
    shipped_out = shipped_in.sum(axis=1)
    values = shipped_in.sum(axis=0), part.by_node(shipped_out)
    carbon = e @ shipped_in, part.by_node(e * shipped_out)
    as_home, lost = _at_home(system, e, shipped_in, part, least_made)
    production = (
        part.by_node(load.production) + part.by_node(load.orphaned) + part.by_region(load.final)
    )
    imbalance = -part.by_node(e * row_residual(system))
    with np.errstate(divide="ignore", invalid="ignore"):
        intensities = pd.DataFrame(
            {
                "import_intensity": carbon[0] / values[0],
                "import_intensity_at_home": as_home / values[0],
                "export_intensity": carbon[1] / values[1],
            },
            part.labels.rename("region"),
        )
    # one-sided trade: what is missing is taken as what there is, so that all of it is volume
    of_imports, at_home, of_exports = (
        intensities.bfill(axis=1).ffill(axis=1).fillna(0.0).to_numpy().T
    )
    parts = pd.DataFrame(
        {
            "volume": (values[0] - values[1]) * (of_imports + of_exports) / 2,
            "mix": (at_home - of_exports) * (values[0] + values[1]) / 2,
            "intensity": (of_imports - at_home) * (values[0] + values[1]) / 2,
            "imbalance": imbalance,
        },
        intensities.index,
    )
    parts.insert(0, "ratio", carbon[0] - carbon[1] + imbalance)
    parts = parts.div(np.where(production == 0, np.nan, production), axis=0)
    not_made = np.divide(lost, values[0], out=np.zeros_like(lost), where=values[0] > 0)
    frame = parts.assign(imports=values[0], exports=values[1], not_made=not_made).join(intensities)
    frame = stated(frame, system, load, part, "consumption over production, by driver")
    money = table.unit
    frame.attrs["unit"] = (
        f"imports, exports: {money}; intensities: {load.unit}/{money}; the rest: 1"
    )
    return frame


def _at_home(
    system: Leontief, e: Array, shipped_in: Array, part: Partition, least_made: float
) -> tuple[Array, Array]:
    """Carbon of imports at home intensities (m,) and the value that has none (m,).

    Where several nodes of a region make the product, their intensity is weighted by output.
    """
    table = system.table
    product = table.sectors.get_indexer(table.nodes.get_level_values("sector"))
    m, s = len(part.labels), len(table.sectors)
    place = part.node * s + product
    output = np.abs(table.x.to_numpy())
    made = block_sum(output, place, m * s, axis=0)
    content = block_sum(output * e, place, m * s, axis=0)
    bought = block_sum(shipped_in, product, s, axis=0).T.ravel()
    enough = (made > 0) & (made >= least_made * bought)
    own = np.divide(content, made, out=np.full(m * s, np.nan), where=enough).reshape(m, s)
    of_node = own[:, product].T  # (n, m): home intensity of each node's product
    unknown = np.isnan(of_node)
    carbon = (np.where(unknown, e[:, None], of_node) * shipped_in).sum(axis=0)
    return carbon, (unknown * shipped_in).sum(axis=0)
