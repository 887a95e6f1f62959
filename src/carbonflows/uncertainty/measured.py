"""What is measured on each draw unless another account is asked for."""

import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice, embodied
from carbonflows.errors import DataError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief


def production_and_consumption(
    system: Leontief,
    stressor: Choice = None,
    *,
    households: bool | None = None,
    grouping: Grouping | None = None,
    unit: str | None = None,
) -> pd.DataFrame:
    """Production- and consumption-based emissions from one right-hand side.

    Parameters
    ----------
    system : Leontief
        Of a table with output from rows.
    stressor, households, grouping, unit
        As in `carbonflows.footprint`.

    Returns
    -------
    DataFrame, index ``region``
        ``production``, ``consumption`` and ``net_exports``, as `carbonflows.footprint` has them.

    Raises
    ------
    DataError
        A table whose output is not from rows; see also `carbonflows.accounts.emissions`.
    LabelError, GroupingError, UnitError
        As `carbonflows.footprint`.

    Notes
    -----
    ``CBA = e F + p^Y`` with ``e = k L``. With ``x = L F`` what a region's nodes emit is what all
    final use causes there, so that net exports are production less consumption.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> production_and_consumption(Leontief(two_regions())).round(3).to_numpy().tolist()
    [[50.0, 44.667, 5.333], [20.0, 25.333, -5.333]]
    """
    table = system.table
    if table.output != "rows":
        raise DataError(
            f"{table.label} has output={table.output!r}, with which production less consumption is "
            "not net exports: give table.replace(output='rows'), or use footprint"
        )
    load = emissions(table, stressor, households=households, unit=unit)
    by = partition(table, grouping)
    direct = by.by_region(load.final) + by.by_node(load.orphaned)
    produced = by.by_node(load.production)
    caused = by.by_region(embodied(system, load) @ system.final_use)
    frame = pd.DataFrame(
        {
            "production": produced + direct,
            "consumption": caused + direct,
            "net_exports": produced - caused,
        },
        by.labels,
    )
    return stated(frame, system, load, by, "production- and consumption-based emissions")
