"""The regions of one country in a world table: whose consumption their emissions serve."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.accounts.emissions import Partition, emissions, partition, stated
from carbonflows.accounts.flows import Choice, flows
from carbonflows.accounts.footprint import footprint, row_residual
from carbonflows.accounts.gateway import positions_of
from carbonflows.errors import DataError, LabelError
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief

Positions = npt.NDArray[np.intp]


def country_of(part: Partition, regions: str | Sequence[str]) -> tuple[Positions, Positions]:
    """Return the positions of a country's regions and of those abroad, in the table's order.

    Parameters
    ----------
    part : Partition
    regions : str or sequence of str
        The country's regions (or groups).

    Returns
    -------
    tuple of array of int
        Inside and abroad.

    Raises
    ------
    LabelError
        A region that the table does not have.
    DataError
        A country that is the whole world.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> inside, abroad = country_of(partition(two_regions()), ["B"])
    >>> inside.tolist(), abroad.tolist()
    ([1], [0])
    """
    inside = positions_of(part.labels, regions, "regions")
    if len(inside) == len(part.labels):
        raise DataError("these regions are the whole world: leave out those abroad")
    return inside, np.setdiff1d(np.arange(len(part.labels)), inside)


def serving_nobody(system: Leontief, k: Array) -> Array:
    """Emissions of each node that the table's row residual drives, shape (n,).

    ``k ∘ L ρ``: what is produced beyond the recorded uses; zero with output from rows.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> serving_nobody(Leontief(two_regions()), np.array([0.5, 0.2])).tolist()
    [0.0, 0.0]
    """
    residual = row_residual(system)
    return k * system.outputs(residual).values if residual.any() else np.zeros(len(k))


def outside_share(
    system: Leontief,
    regions: str | Sequence[str],
    stressor: Choice = None,
    *,
    households: bool | None = None,
    total: str = "country",
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Share of each region's emissions that serves consumption outside it, and the reverse.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    stressor : str, sequence of str or Emissions, optional
        See `emissions`.
    households : bool, optional
        Include direct emissions of final users (default); they are consumed where they occur.
    total : str
        Label of the last row, the sum over the country.
    grouping : Grouping, optional
        Report groups instead of regions; `regions` then names groups.
    unit : str, optional
        See `emissions`.

    Returns
    -------
    DataFrame, index ``region``, the country last
        ``emissions`` (production-based) split into those for consumption in the same region
        (``own``), elsewhere in the ``country``, ``abroad``, and for nobody's recorded use
        (``imbalance``, zero unless the table's rows do not add up). ``outside_share`` is
        ``(country + abroad) / emissions``. ``consumption`` (consumption-based) is ``own`` plus
        ``from_country`` and ``from_abroad``; ``imported_share`` is ``1 − own / consumption``. The
        country's row is the sum of its regions, so that its shares count trade between them.
        Shares are NaN where their denominator is zero.

    Raises
    ------
    LabelError
        A region that the table does not have, or one that is named like `total`.
    DataError
        A country that is the whole world.

    Notes
    -----
    ``1 − (T_rr + p^Y_r) / PBA_r`` and ``1 − (T_rr + p^Y_r) / CBA_r`` with ``T = R k̂ L F``; for the
    country ``1 − Σ_r (T_rr + p^Y_r) / Σ_r PBA_r``. The two have different denominators: a region
    may send little and import much.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (57 % of emissions outside the province of consumption; “up to
    80 %” of consumption emissions imported).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> outside_share(Leontief(two_regions()), ["A"])["outside_share"].round(4).tolist()  # 14/45
    [0.3111, 0.3111]
    """
    table = system.table
    load = emissions(table, stressor, households=households, unit=unit)
    part = partition(table, grouping)
    inside, abroad = country_of(part, regions)
    labels = part.labels[inside]
    if total in labels:
        raise LabelError(
            f"{total} is a region, and the country's row has the same label: pass another total=",
            labels=[total],
        )
    account = footprint(system, load, grouping=grouping).iloc[inside]
    caused = flows(system, load, grouping=grouping).to_numpy()
    within = caused[np.ix_(inside, inside)]
    at_home = np.diag(within)
    imbalance = part.by_node(serving_nobody(system, load.per_output(table)))
    frame = pd.DataFrame(
        {
            "emissions": account["production"],
            "own": at_home + account["direct"],
            "country": within.sum(axis=1) - at_home,
            "abroad": caused[np.ix_(inside, abroad)].sum(axis=1),
            "imbalance": imbalance[inside],
            "consumption": account["consumption"],
            "from_country": within.sum(axis=0) - at_home,
            "from_abroad": caused[np.ix_(abroad, inside)].sum(axis=0),
        },
        labels.rename("region"),
    )
    frame.loc[total] = frame.sum()
    left = frame["country"] + frame["abroad"]
    came = frame["from_country"] + frame["from_abroad"]
    produced, consumed = frame["emissions"], frame["consumption"]
    frame.insert(5, "outside_share", left / produced.where(produced != 0))
    frame["imported_share"] = came / consumed.where(consumed != 0)
    frame = stated(frame, system, load, part, "emissions by place of consumption")
    frame.attrs["unit"] = f"shares: 1; the rest: {load.unit}"
    return frame
