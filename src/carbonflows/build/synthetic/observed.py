"""What statistics offices would publish of a country that does not exist."""

import numpy as np
import pandas as pd

from carbonflows.build.country import CountryData, inventoried
from carbonflows.build.synthetic.country import SyntheticCountry
from carbonflows.build.synthetic.energy import CEMENT
from carbonflows.inventory import emission_factors, energy_balance, process_emissions


def observed(made: SyntheticCountry) -> CountryData:
    """Return what is published of a synthetic country: all but its trade and its truth.

    Parameters
    ----------
    made : SyntheticCountry

    Returns
    -------
    CountryData
        The inventory is made from energy balances and cement, not taken from the truth.
        Macro-regions are the coast and, inland, the west and the east.

    Examples
    --------
    >>> import carbonflows as cf
    >>> from carbonflows.build.synthetic.country import synthetic_country
    >>> known = observed(synthetic_country(cf.example(2007), provinces=6))
    >>> len(known.tables), sorted(set(known.regions["group"]))
    (6, ['Coast', 'East', 'West'])
    """
    regions = pd.DataFrame(made.shapes.drop(columns="geometry"))
    west = regions["longitude"] < regions.loc[~regions["coastal"], "longitude"].median()
    regions["group"] = np.where(regions["coastal"], "Coast", np.where(west, "West", "East"))
    balance = energy_balance(made.energy, roles=made.rows)
    factors = emission_factors("ipcc2006")
    process = process_emissions(
        made.cement, CEMENT, unit="10^4 t", product="cement", source="synthetic country",
        sector=_maker_of_cement(made),
    ) if made.cement.sum() else None  # fmt: skip
    return CountryData(
        regions, tables=made.tables, samples=made.samples,
        inventory=inventoried(balance, factors, process), energy=balance, factors=factors,
        shapes=made.shapes, source=f"synthetic country in place of {made.country}",
    )  # fmt: skip


def _maker_of_cement(made: SyntheticCountry) -> str:
    """The sector whose process emissions the truth has."""
    process = made.inventory[made.inventory["fuel"] == "Process"]
    return str(process["sector"].iloc[0])
