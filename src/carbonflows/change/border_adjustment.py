"""What a charge on the carbon in imports would raise: border carbon adjustment by scope."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import emissions, partition, stated
from carbonflows.accounts.flows import Choice
from carbonflows.accounts.gateway import positions_of
from carbonflows.accounts.sector import sector_nodes
from carbonflows.change.prices import MODEL, scale, shares
from carbonflows.change.scenario import Values, by_label, number, told
from carbonflows.errors import DataError
from carbonflows.labels import Array
from carbonflows.solve import Leontief
from carbonflows.table import block_sum

Scope: TypeAlias = Literal["direct", "electricity", "upstream"]


def border_adjustment(
    system: Leontief,
    tau: float,
    importers: str | Sequence[str],
    products: str | Sequence[str],
    stressor: Choice = None,
    *,
    unit: str,
    scope: Scope = "direct",
    electricity: str | Sequence[str] | None = None,
    free_allocation: Values = 0.0,
    domestic_price: Values = 0.0,
    cap: Values | None = None,
    rates: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Charge on imports of covered products for the emissions of making them.

    Parameters
    ----------
    system : Leontief
    tau : float
        Price of emissions among the importers [`unit`].
    importers : str or sequence of str
        Regions that adjust as one; trade among them is free.
    products : str or sequence of str
        Sectors whose products are covered.
    stressor : str, sequence of str or Emissions, optional
        See `carbonflows.emissions`.
    unit : str
        Of all prices, money per mass: ``"USD/t CO2"``.
    scope : {"direct", "electricity", "upstream"}
        Emissions of the maker alone; with those of making the electricity that it buys; or of the
        whole supply chain, wherever it is, the importers' own part included.
    electricity : str or sequence of str, optional
        Sectors that make electricity; needed for that scope.
    free_allocation : float, Series or mapping
        Share of the price that makers of the product among the importers are spared [0 to 1]; by
        sector, or by region or node that exports; those not named are not spared any.
    domestic_price : float, Series or mapping
        Price already paid on emissions where they occur [`unit`], by emitting region, sector or
        node; those not named pay none.
    cap : float, Series or mapping, optional
        Largest rise of an imported product's price that is passed on to its buyers [1], by sector,
        or by region or node that exports: 0.05 for 5 %. Its maker bears the rest of the charge out
        of what it is paid. Products that are not named have none. What is charged stays the same.
    rates : mapping of str to float, optional
        Exchange rates, see `carbonflows.units.factor`.

    Returns
    -------
    DataFrame, index ``(importer, region, sector)``
        By importing region and origin, where anything is imported: ``imports`` for intermediate
        and final use [table's money], ``intensity`` in the scope [emission unit per money],
        ``emissions``; then in the table's money ``gross = τ × emissions``, ``free_allocation``,
        ``paid_at_home``, ``charge``, what is left; ``passed_on`` and ``borne``, who pays it, buyers
        or makers; ``excess``, what was paid at home beyond the price and is not paid back;
        ``rate``, charge per imports [1].

    Raises
    ------
    DataError
        Prices that are negative, shares above one, every region an importer.
    LabelError
        Unknown names, or electricity not named.
    UnitError
        See `carbonflows.change.prices.price_change`.

    Notes
    -----
    Per unit of product i with intensities ``s_ji`` (emissions at node j in the scope):
    ``Σ_j max(0, τ (1 − a_i) − d_j) s_ji``. Static, at unchanged imports: a first-order upper bound
    of revenue. Products from stocks count as negative imports. The cap holds at the border, once:
    unlike that of `carbonflows.price_change` it says nothing of what is made from imports.

    References
    ----------
    Böhringer, Fischer, Rosendahl and Rutherford 2022, Nat. Clim. Change 12:22.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> found = border_adjustment(
    ...     Leontief(two_regions()), 0.5, "A", "goods", unit="USD/t CO2", domestic_price={"B": 0.1}
    ... )
    >>> found[["imports", "gross", "charge"]].round(9).to_numpy().tolist()
    [[40.0, 4.0, 3.2]]
    """
    if scope not in get_args(Scope):
        raise DataError(f"scope={scope!r} is not known: use 'direct', 'electricity' or 'upstream'")
    table = system.table
    most = np.inf if cap is None else by_label(cap, table, "cap", otherwise=np.inf)
    buyers = positions_of(table.regions, importers, "importers")
    inside = np.isin(table.node_region, buyers)
    if inside.all():
        raise DataError(f"importers are all regions of {table.label}: leave some to import from")
    covered = np.zeros(len(inside), dtype=bool)
    covered[sector_nodes(table, products)] = True
    sellers = np.flatnonzero(covered & ~inside)
    if not len(sellers):
        raise DataError("products are made by the importers only: name some that others make")
    power = np.zeros(len(inside))
    if scope == "electricity":
        if electricity is None:
            raise DataError("electricity is not named: name the sectors that make it")
        power[sector_nodes(table, electricity)] = 1.0
    load = emissions(table, stressor)
    k = load.per_output(table)
    money = scale(table, load, unit, rates)
    price = number(tau, "tau") * money
    paid = by_label(domestic_price, table, "domestic_price", otherwise=0.0) * money
    spared = shares(table, free_allocation, "free_allocation", otherwise=0.0)

    def in_scope(weight: Array) -> Array:
        """Emissions in the scope per unit of product, weighted where they occur, shape (n,)."""
        if scope == "upstream":
            return system.multipliers(weight * k).values
        return weight * k + system.A_times(power * weight * k)

    intensity = in_scope(np.ones_like(k))
    due, over = np.zeros_like(k), np.zeros_like(k)
    for share in np.unique(spared[sellers]):  # one solution for each degree of sparing
        left = price * (1 - share) - paid
        these = spared == share
        due[these] = in_scope(np.maximum(left, 0.0))[these]
        over[these] = in_scope(np.maximum(-left, 0.0))[these]
    m = len(table.regions)
    bought = block_sum(table.Z.to_numpy()[sellers], table.node_region, m, axis=1)
    bought = bought + block_sum(table.Y.to_numpy()[sellers], table.demand_region, m, axis=1)
    imports = bought[:, buyers].T  # (importers, sellers)
    index = pd.MultiIndex.from_tuples(
        [(r, *node) for r in table.regions[buyers] for node in table.nodes[sellers]],
        names=["importer", "region", "sector"],
    )
    frame = pd.DataFrame({"imports": imports.ravel()}, index)
    frame["intensity"] = np.tile(intensity[sellers], len(buyers))
    frame["emissions"] = frame["imports"] * frame["intensity"]
    frame["gross"] = frame["emissions"] * price
    frame["free_allocation"] = frame["gross"] * np.tile(spared[sellers], len(buyers))
    frame["charge"] = (imports * due[sellers]).ravel()
    frame.insert(5, "paid_at_home", frame["gross"] - frame["free_allocation"] - frame["charge"])
    frame["passed_on"] = (imports * np.minimum(due, most)[sellers]).ravel()
    frame["borne"] = frame["charge"] - frame["passed_on"]
    frame["excess"] = (imports * over[sellers]).ravel()
    frame = frame[frame["imports"] != 0]
    frame["rate"] = frame["charge"] / frame["imports"]
    frame = stated(frame, system, load, partition(table), "charge on emissions of imports")
    frame.attrs |= {
        "unit": f"emissions: {load.unit}; intensity: {load.unit}/{table.unit}; rate: 1; others: "
        f"{table.unit}",
        "price": tau, "price_unit": unit, "scope": scope, "cap": told(cap),
        "model": MODEL,
        "negative_imports": float(np.minimum(imports, 0.0).sum()),
    }  # fmt: skip
    return frame
