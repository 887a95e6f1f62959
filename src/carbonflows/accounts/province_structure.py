"""What a country's regions spend per head, and what they sell over their value added."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows import units
from carbonflows.accounts.emissions import Partition, partition
from carbonflows.accounts.intensity import Denominator
from carbonflows.accounts.province import country_of
from carbonflows.accounts.province_driver import driver_of
from carbonflows.errors import DataError, LabelError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable


def spending(
    system: Leontief,
    regions: str | Sequence[str],
    drivers: Mapping[str, Sequence[str]],
    population: Denominator,
    *,
    grouping: Grouping | None = None,
) -> pd.DataFrame:
    """Spending per head by driver, and exports over value added, of a country's regions.

    Parameters
    ----------
    system : Leontief
    regions : str or sequence of str
        The country's regions (or groups), for example its provinces.
    drivers : mapping of str to sequence of str
        Driver → categories of final demand, as in `by_driver`.
    population : Denominator
        By the table's regions inside the country [persons].
    grouping : Grouping, optional
        Report groups instead of regions; `regions` then names groups.

    Returns
    -------
    DataFrame, index ``region``
        Per driver what residents buy of all origins, per head [currency/person]; ``exports_abroad``
        and ``exports_inside``, goods and services sold abroad and to the country's other regions,
        over ``value_added`` [1]. ``value_added`` is output less inputs [money/yr].

    Raises
    ------
    LabelError
        A category in no driver or in two, a region that the table or `population` lacks.
    DataError
        A country that is the whole world, or people that are not above zero.

    References
    ----------
    Feng et al. 2013, PNAS 110:11654 (household consumption and capital formation per head and
    exports over GDP, the shading of fig. 1).

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> people = Denominator(pd.Series({"A": 10.0}), "person", "made up")
    >>> found = spending(Leontief(two_regions()), ["A"], {"all": ["final demand"]}, people)
    >>> found.loc["A"].tolist()  # 60 M USD of 10 people; 30 of 100 − 50
    [6000000.0, 0.6, 0.0, 50.0]
    """
    table = system.table
    part = partition(table, grouping)
    country, abroad = country_of(part, regions)
    of = driver_of(table, drivers)
    people = _people(table, part, country, population)
    bought = table.Y.to_numpy().sum(axis=0)
    buyer = part.region[table.demand_region]
    driver = np.array([of[c] for c in table.demand.get_level_values("category")])
    currency = units.currency(table.unit)
    scale = 1.0 if currency is None else units.factor(table.unit, currency)
    frame = pd.DataFrame(index=part.labels[country].rename("region"))
    for name in drivers:
        spent = np.bincount(buyer, np.where(driver == name, bought, 0.0), len(part.labels))
        frame[name] = spent[country] / people * scale
    sold = part.by_node(part.by_region(system.sales_by_region + system.final_use, axis=1))
    made = part.by_node(table.x.to_numpy() - table.Z.to_numpy().sum(axis=0))[country]
    inside = sold[np.ix_(country, country)]
    frame["exports_abroad"] = sold[np.ix_(country, abroad)].sum(axis=1) / made
    frame["exports_inside"] = (inside.sum(axis=1) - np.diag(inside)) / made
    frame["value_added"] = made
    frame.attrs = {
        "quantity": "spending per head and exports over value added", "table": table.label,
        "unit": f"drivers: {currency or table.unit}/person; exports: 1; value added: {table.unit}",
    }  # fmt: skip
    return frame


def _people(
    table: IOTable, part: Partition, country: npt.NDArray[np.intp], population: Denominator
) -> Array:
    """Population of the country's regions or groups [persons]."""
    inside = np.flatnonzero(np.isin(part.region, country))
    names = table.regions[inside]
    if lost := [r for r in names if r not in population.values.index]:
        raise LabelError(f"{some(lost)}: no population is given; give every region", labels=lost)
    heads = population.values[names].to_numpy(dtype=float)
    if not (heads > 0).all():
        raise DataError(f"population of {some(names[~(heads > 0)])}: give a number above zero")
    summed: Array = np.bincount(part.region[inside], heads, len(part.labels)).astype(float)
    return summed[country]
