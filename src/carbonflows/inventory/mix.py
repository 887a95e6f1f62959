"""Structure of energy use: how much of it is coal."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from carbonflows.errors import BalanceError, LabelError, some
from carbonflows.inventory.balance import EnergyBalance
from carbonflows.inventory.factors import FAMILIES, require_factors
from carbonflows.inventory.quantities import terajoules
from carbonflows.inventory.roles import SUPPLY, Role, require_choice
from carbonflows.inventory.sectoral import fuel_lines


def fuel_mix(
    balance: EnergyBalance,
    factors: pd.DataFrame,
    *,
    basis: Literal["supply", "use"] = "supply",
    families: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
) -> pd.DataFrame:
    """Shares of coal, oil and gas in the energy of each province's fuels.

    Parameters
    ----------
    balance : EnergyBalance
    factors : DataFrame
        From `emission_factors`, for calorific values and families.
    basis : {"supply", "use"}
        Apparent consumption, or what is burned: final use and inputs into power and heat, less
        non-energy use.
    families : mapping of str to str, optional
        Fuel → coal, oil, gas or other, for factors that do not say.
    leave_out : sequence of str
        Fuels to leave out.

    Returns
    -------
    DataFrame (r, 5)
        By province: ``coal``, ``oil``, ``gas`` and ``other`` [shares that sum to one], ``total``
        [TJ]. Electricity from water, wind and atoms is not in it, nor what is bought.

    Raises
    ------
    LabelError
        A fuel without a factor or family.
    BalanceError
        A province without any fuel, or with a family below zero, of which no share can be said.

    Examples
    --------
    >>> from carbonflows.inventory.balance import energy_balance, two_balances
    >>> from carbonflows.inventory.factors import emission_factors
    >>> factors = emission_factors(fuels={"Raw Coal": "Other bituminous coal"})
    >>> mix = fuel_mix(energy_balance(two_balances()), factors, leave_out=["Natural Gas"])
    >>> mix["coal"].tolist()
    [1.0, 1.0]
    """
    require_choice("basis", basis, ("supply", "use"))
    roles: Sequence[Role] = SUPPLY if basis == "supply" else ("final", "combusted", "non-energy")
    lines = fuel_lines(balance, roles, leave_out)
    fuels = [f for f in balance.fuels if lines.loc[lines["fuel"] == f, "value"].ne(0).any()]
    require_factors(fuels, factors)
    family = {f: (families or {}).get(f, str(factors["family"][f])) for f in fuels}
    lost = [f for f in fuels if family[f] not in FAMILIES]
    if lost:
        raise LabelError(f"{some(lost)}: no family; name coal, oil, gas or other in families")
    ncv = factors["ncv"].astype(float)
    energy = {
        f: terajoules(f, balance.units[f], ncv[f], str(factors["ncv_unit"][f])) for f in fuels
    }
    lines = lines[lines["fuel"].isin(fuels)]
    sign = np.where(lines["role"].isin(["combusted", "non-energy"]), -1.0, 1.0)
    used = lines.assign(
        family=lines["fuel"].map(family), value=lines["value"] * lines["fuel"].map(energy) * sign
    )
    sums = used.pivot_table("value", "region", "family", "sum")
    sums = sums.reindex(index=balance.regions, columns=list(FAMILIES)).fillna(0.0)
    total = sums.sum(axis=1)
    for region in balance.regions:
        low = [f for f in FAMILIES if sums.loc[region, f] < -1e-12 * abs(total[region])]
        if low or not total[region] > 0:
            told = f"{some(low)} is below zero" if low else "no fuel"
            raise BalanceError(f"{region}: {told}; no share can be said, see basis and leave_out")
    result = sums.div(total, axis=0).assign(total=total)
    result.index.name, result.columns.name = "province", None
    result.attrs = {"unit": "TJ", "basis": basis, "left out": sorted(leave_out)}
    return result
