"""What a price on emissions would cost whom, in Leontief's price model.

The price model is static: quantities, technology and sourcing stay as they are and costs are passed
on in full along every chain (unless a share or a cap says otherwise), so that results are
first-order upper bounds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.accounts.emissions import Emissions, emissions, partition, stated
from carbonflows.accounts.flows import Choice, Demand, final_use_by
from carbonflows.change.capped import borne
from carbonflows.change.scenario import Values, by_label, number, told
from carbonflows.errors import DataError, UnitError, some
from carbonflows.labels import Array
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.table import IOTable

Coverage: TypeAlias = str | Sequence[Any] | pd.Series | Mapping[Any, float] | None
MODEL = "static first-order upper bound: no substitution, quantities as they are"


def unit_prices(system: Leontief) -> pd.Series:
    """Return the prices that primary inputs alone explain: one each, in a balanced table.

    Parameters
    ----------
    system : Leontief
        Its table must have value added.

    Returns
    -------
    Series (n,)
        ``π₀ = (v x̂⁻¹) L`` [1]; NaN where nothing is made.

    Raises
    ------
    DataError
        The table has no value added.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> added = table.x - table.Z.sum(axis=0)
    >>> unit_prices(Leontief(table.replace(value_added=added))).round(12).tolist()
    [1.0, 1.0]
    """
    table = system.table
    if table.value_added is None:
        raise DataError(
            f"{table.label} has no value added: give replace(value_added=…), for example output "
            "less inputs"
        )
    found = system.multipliers(table.value_added.to_numpy() * system.per_output).values
    prices = pd.Series(np.where(system.idle, np.nan, found), table.nodes, name="price")
    prices.attrs = {"quantity": "prices by primary inputs", "unit": "1", "table": table.label}
    return prices


def price_change(
    system: Leontief,
    tau: Values,
    stressor: Choice = None,
    *,
    unit: str,
    coverage: Coverage = None,
    pass_through: Values = 1.0,
    cap: Values | None = None,
    rates: Mapping[str, float] | None = None,
) -> pd.Series:
    """Relative change of prices due to a price on emissions.

    Parameters
    ----------
    system : Leontief
    tau : float, Series or mapping
        Price of emissions [`unit`], or prices by emitting region, sector or node; those not named
        pay nothing.
    stressor : str, sequence of str or Emissions, optional
        See `carbonflows.emissions`.
    unit : str
        Of the price, money per mass: ``"USD/t CO2"``.
    coverage : str, sequence, Series or mapping, optional
        Regions, sectors or nodes whose emissions are priced, or the shares that are [0 to 1];
        default all.
    pass_through : float, Series or mapping
        Share of its cost that each emitting node passes on [0 to 1], 1 where it is not named; the
        rest comes out of its value added, and users of its product pass on what they are charged.
    cap : float, Series or mapping, optional
        Largest rise of a product's price that is passed on to buyers [1]: 0.05 for 5 %. What its
        producer pays beyond, for emissions and for dearer inputs, comes out of its value added.
        Products that are not named have none.
    rates : mapping of str to float, optional
        Exchange rates where the price is in another currency than the table, see
        `carbonflows.units.factor`.

    Returns
    -------
    Series (n,)
        ``Δπ = (θ ∘ τ ∘ k) L`` [1], relative to prices before; ``τ e`` for one price for all. With a
        cap ``Δπ = min(Δπ A + θ ∘ τ ∘ k, cap)``.

    Raises
    ------
    DataError
        A price that is negative or not finite; shares above one; coverage of no emissions.
    LabelError
        Unknown names.
    UnitError
        A price unit that is no money per mass, of another substance, or of another currency
        without an exchange rate.
    NotConverged
        A cap that prices do not keep because the table has negative flows.

    Notes
    -----
    ``π = (I − A')⁻¹ (v/x + τ k)``; static, with no substitution: a first-order upper bound.

    References
    ----------
    Miller and Blair 2009, section 2.6; Metcalf and Weisbach 2009, Harvard Environ. Law Rev. 33:499.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> price_change(Leontief(two_regions()), 0.1, unit="USD/t CO2").round(6).tolist()
    [0.08, 0.046667]
    """
    table = system.table
    load = emissions(table, stressor)
    cost = costs(table, load, tau, unit=unit, coverage=coverage, rates=rates)
    theta = shares(table, pass_through, "pass_through", otherwise=1.0)
    passed = cost * theta * load.per_output(table)
    if cap is not None:
        passed = passed - borne(system, passed, by_label(cap, table, "cap", otherwise=np.inf))
    found = system.multipliers(passed).values
    change = pd.Series(found, table.nodes, name="price_change")
    change.attrs = {
        "quantity": "relative change of prices", "unit": "1", "table": table.label,
        "stressor": load.name, "price_unit": unit, "cap": told(cap), "model": MODEL,
    }  # fmt: skip
    return change


def burden(
    system: Leontief,
    tau: Values,
    stressor: Choice = None,
    *,
    unit: str,
    coverage: Coverage = None,
    pass_through: Values = 1.0,
    cap: Values | None = None,
    direct: float | None = None,
    demand: Demand = "region",
    product: Literal["node"] | None = None,
    source: Literal["node"] | None = None,
    grouping: Grouping | None = None,
    rates: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Cost of a price on emissions to consumers.

    Parameters
    ----------
    system : Leontief
    tau, stressor, unit, coverage, pass_through, cap, rates
        See `price_change`.
    direct : float, optional
        Price on emissions of final users themselves [`unit`]. Default: `tau` if it is one number
        and `coverage` is left out, else zero; stated in ``attrs``.
    demand : {"region", "category"}
        Rows: consuming regions, or their categories of demand.
    product, source : {"node"}, optional
        Second row level instead: the final product that is bought, or the node that emits.
    grouping : Grouping, optional
        Groups of consuming regions.

    Returns
    -------
    DataFrame
        ``embodied``, what consumers pay in prices [table's money]. By region alone also
        ``direct``, on their own emissions and on those of nodes without output; ``burden``, both;
        ``final_use``; ``relative``, the burden per final use [1]; and ``absorbed``, what producers
        bear of the cost of what is consumed. ``attrs["absorbed"]`` is what they bear in all.

    Raises
    ------
    DataError, LabelError, UnitError
        See `price_change`; product and source asked for at once; source with a cap, under which
        what is paid cannot be told by emitter.
    NotConverged
        See `price_change`.

    Notes
    -----
    ``Δπ F`` = ``τ CBA_s`` for one price that is passed on in full; in any case burden and absorbed
    add up to what the price on the consumer's emissions comes to. By emitting node:
    ``(θ ∘ τ ∘ k) ∘ L F``. Negative final demand, as of stocks, earns the change of price.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> cost = burden(Leontief(two_regions()), 0.3, unit="USD/t CO2")
    >>> cost["burden"].round(9).tolist()  # 0.3 × (134/3, 76/3)
    [13.4, 7.6]
    """
    if product is not None and source is not None:
        raise DataError("product and source were both asked for: choose one")
    for name, value in (("product", product), ("source", source)):
        if value not in (None, "node"):
            raise DataError(f"{name}={value!r} is not known: use 'node', or leave it out")
    table = system.table
    load = emissions(table, stressor)
    part = partition(table, grouping)
    cost = costs(table, load, tau, unit=unit, coverage=coverage, rates=rates)
    theta = shares(table, pass_through, "pass_through", otherwise=1.0)
    k = load.per_output(table)
    passed = cost * theta * k
    if cap is not None:
        if source is not None:
            raise DataError("source='node' was asked for with a cap: leave one of them out")
        passed = passed - borne(system, passed, by_label(cap, table, "cap", otherwise=np.inf))
    kept = cost * k - passed  # borne by producers, per unit of output
    final, columns = final_use_by(system, part, demand)
    if source is not None:
        by_node = passed[:, None] * system.outputs(final).values
    else:
        by_node = system.multipliers(passed).values[:, None] * final
    if direct is None:
        uniform = coverage is None and not isinstance(tau, pd.Series | Mapping)
        direct = number(tau, "tau") if uniform else 0.0
    own = number(direct, "direct") * scale(table, load, unit, rates)
    if product is not None or source is not None:
        role = "product" if product is not None else "source"
        labels = [
            (*(c if isinstance(c, tuple) else (c,)), *i) for c in columns for i in table.nodes
        ]
        names = [*columns.names, f"{role}_region", f"{role}_sector"]
        index = pd.MultiIndex.from_tuples(labels, names=names)
        frame = pd.DataFrame({"embodied": by_node.T.ravel()}, index)
    else:
        frame = pd.DataFrame({"embodied": by_node.sum(axis=0)}, columns)
        if demand == "region":
            frame["direct"] = part.by_region(load.final) * own + part.by_node(load.orphaned * cost)
            frame["burden"] = frame["embodied"] + frame["direct"]
            frame["final_use"] = final.sum(axis=0)
            frame["relative"] = frame["burden"] / frame["final_use"].where(frame["final_use"] != 0)
            frame["absorbed"] = kept @ system.outputs(final).values if kept.any() else 0.0
    frame = stated(frame, system, load, part, "cost of a price on emissions to consumers")
    frame.attrs |= {
        "unit": table.unit, "price_unit": unit, "price_direct": direct, "cap": told(cap),
        "model": MODEL, "absorbed": float(kept @ table.x.to_numpy()),
    }  # fmt: skip
    return frame


def scale(
    table: IOTable, load: Emissions, unit: str, rates: Mapping[str, float] | None = None
) -> float:
    """Money of the table per unit of emissions that a price of one costs.

    Parameters
    ----------
    table : IOTable
    load : Emissions
    unit : str
        Of the price, money per mass.
    rates : mapping of str to float, optional

    Returns
    -------
    float

    Raises
    ------
    UnitError
        See `price_change`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> scale(table, emissions(table), "USD/kt CO2")  # M USD per Mt
    0.001
    """
    money, _, mass = unit.partition("/") if isinstance(unit, str) else ("", "", "")
    if not mass or units.currency(money) is None:
        raise UnitError(f"price unit {unit!r} is no money per mass: write it as 'USD/t CO2'")
    priced = units.substance(mass.strip())
    named = next((gas for gas in units.SUBSTANCES if gas != "C" and gas in load.name), "")
    emitted = units.substance(load.unit) or {"CO2e": "CO2eq", "CO2-eq": "CO2eq"}.get(named, named)
    if priced and priced != emitted and (emitted or priced == "C"):
        raise UnitError(
            f"price unit {unit!r} is per {priced}, but {load.name} is in {load.gas}: state the "
            "price of what is emitted"
        )
    per_mass = units.factor(load.unit, mass.strip())
    paid, kept = units.currency(money), units.currency(table.unit)
    try:
        return per_mass * units.factor(money.strip(), table.unit, rates=rates)
    except UnitError as error:
        if "have" not in error.facts or kept is None or paid == kept:
            raise
        raise UnitError(
            f"price unit {unit!r} is in {paid} and {table.label} in {kept}: give the exchange "
            f"rate, {paid} per {kept}, as rates={{'{paid}/{kept}': …}}",
            **error.facts,
        ) from error


def costs(
    table: IOTable, load: Emissions, tau: Values, *, unit: str, coverage: Coverage,
    rates: Mapping[str, float] | None,
) -> Array:  # fmt: skip
    """Price of each node's emissions that are covered, shape (n,) [table's money/emission unit].

    Parameters
    ----------
    table : IOTable
    load : Emissions
    tau, unit, coverage, rates
        See `price_change`.

    Returns
    -------
    array (n,)

    Raises
    ------
    DataError, LabelError, UnitError
        See `price_change`.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> table = two_regions()
    >>> costs(table, emissions(table), 50.0, unit="USD/t CO2", coverage="B", rates=None).tolist()
    [0.0, 50.0]
    """
    money = scale(table, load, unit, rates)
    price = by_label(tau, table, "tau", otherwise=0.0)
    if coverage is None:
        return price * money
    if not isinstance(coverage, pd.Series | Mapping):
        if not isinstance(coverage, str | Sequence | pd.Index):
            raise DataError(
                f"coverage={coverage!r}: name regions, sectors or nodes, or give shares"
            )
        listed = [coverage] if isinstance(coverage, str) else list(coverage)
        coverage = dict.fromkeys(listed, 1.0)
    covered = shares(table, coverage, "coverage", otherwise=0.0)
    if not (covered * (load.production + load.orphaned)).any():
        raise DataError("coverage holds no emissions: name nodes that emit, or shares above zero")
    return price * covered * money


def shares(table: IOTable, values: Values, what: str, *, otherwise: float) -> Array:
    """Shares by node, shape (n,); none above one.

    Parameters
    ----------
    table : IOTable
    values : float, Series or mapping
        By region, sector or node [0 to 1].
    what : str
    otherwise : float
        Share of nodes that are not named.

    Returns
    -------
    array (n,)

    Raises
    ------
    DataError, LabelError
        Shares outside 0 to 1, or unknown names.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> shares(two_regions(), {"A": 0.4}, "coverage", otherwise=0.0).tolist()
    [0.4, 0.0]
    """
    found = by_label(values, table, what, otherwise=otherwise)
    if (found > 1).any():
        where = table.nodes[found > 1]
        raise DataError(f"{what} of {some(where)} is above one: give a share from 0 to 1")
    return found
