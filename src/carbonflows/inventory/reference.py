"""Emissions of what is supplied, whoever burns it: the reference approach."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from carbonflows.errors import DataError
from carbonflows.inventory.balance import EnergyBalance
from carbonflows.inventory.factors import CO2_PER_CARBON
from carbonflows.inventory.roles import SUPPLY, Role, require_choice
from carbonflows.inventory.sectoral import (
    NonEnergy,
    Oxidation,
    carbon_of,
    fuel_lines,
    non_energy_carbon,
    oxidised,
)  # fmt: skip

_KEYS = ["region", "fuel"]


def reference_emissions(
    balance: EnergyBalance,
    factors: pd.DataFrame,
    *,
    non_energy: NonEnergy = "exclude",
    stored: Mapping[str, float] | None = None,
    oxidation: Oxidation | None = None,
    leave_out: Sequence[str] = (),
) -> pd.DataFrame:
    """CO2 of the apparent consumption of each fuel.

    Parameters
    ----------
    balance : EnergyBalance
    factors : DataFrame
        From `emission_factors`; where it says which fuels are secondary, those may not be produced.
    non_energy, stored
        What is excluded, as in `sectoral_emissions`.
    oxidation : mapping of str to float, optional
        Share of carbon that burns, by fuel, in place of the factors' own.
    leave_out : sequence of str
        Fuels to leave out.

    Returns
    -------
    DataFrame
        ``province``, ``fuel``, ``value`` [Mt CO2]; below zero where more of a secondary fuel
        leaves than arrives. ``attrs`` as from `sectoral_emissions`.

    Raises
    ------
    LabelError, UnitError
        As in `sectoral_emissions`.
    DataError
        Primary production of a secondary fuel.

    Notes
    -----
    ``AC = production + inflow + imports + refuelling abroad − outflow − exports − bunkers + draw
    on stocks``; ``E = (AC · NCV · CC − excluded carbon) · O · 44/12``. What transformation and
    transport lose is within it. Fuel that own planes and ships take on abroad is supply here, as in
    China's balances, so that it meets the final use that it is in.

    References
    ----------
    IPCC 2006, Guidelines, Vol. 2, Chapter 6.

    Examples
    --------
    >>> from carbonflows.inventory.balance import energy_balance, two_balances
    >>> from carbonflows.inventory.factors import emission_factors
    >>> factors = emission_factors(fuels={"Raw Coal": "Other bituminous coal"})
    >>> found = reference_emissions(
    ...     energy_balance(two_balances()), factors, leave_out=["Natural Gas"]
    ... )
    >>> round(float(found["value"].sum()), 4)  # 1.5 × (500 + 20 − 300 + 10 − 4) × 10⁴ t
    8.2739
    """
    require_choice("non_energy", non_energy, ("exclude", "stored", "include"))
    roles: list[Role] = [*SUPPLY, "non-energy"]
    lines = fuel_lines(balance, roles, leave_out)
    made = lines[lines["role"].eq("production") & lines["value"].ne(0)]
    secondary = factors.index[factors["kind"] == "secondary"]
    for _, line in made[made["fuel"].isin(secondary)].head(1).iterrows():
        raise DataError(
            f"{line['region']}: {line['row']} of {line['fuel']} is {line['value']:g}, but it is "
            "made of other fuels that count already; book it as transformation"
        )
    carbon = carbon_of(lines, balance, factors, used=SUPPLY)
    lines = lines[lines["fuel"].isin(carbon.index)]
    lines = lines.assign(carbon=lines["value"] * lines["fuel"].map(carbon), sector="")
    share = oxidised(lines, factors, oxidation)
    supplied = lines[lines["role"] != "non-energy"].groupby(_KEYS)["carbon"].sum()
    apart = lines[lines["role"] == "non-energy"]
    kept_back = non_energy_carbon(apart, non_energy, stored, _KEYS)
    index = pd.MultiIndex.from_product(
        [balance.regions, [f for f in balance.fuels if f in carbon.index]], names=_KEYS
    )
    net = supplied.reindex(index, fill_value=0.0) - kept_back.reindex(index, fill_value=0.0)
    burned = pd.Series([share.get(("", f), 1.0) for _, f in index], index)
    result = (net * burned * CO2_PER_CARBON / 1e3).rename("value").reset_index()
    result = result.rename(columns={"region": "province"})
    excluded: dict[str, Any] = {}
    if non_energy != "include":
        by_fuel = kept_back.groupby(level="fuel").sum() * CO2_PER_CARBON / 1e3
        excluded["non-energy use"] = {str(f): float(v) for f, v in by_fuel.items() if v}
    result.attrs = {
        "unit": "Mt CO2",
        "approach": "reference",
        "options": {
            "non_energy": non_energy,
            "oxidation": "given" if oxidation else "of the factors",
        },
        "excluded": excluded,
        "left out": sorted({*leave_out} & {*balance.fuels}),
        "source": sorted(set(factors.loc[list(carbon.index), "source"].astype(str))),
    }
    return result
