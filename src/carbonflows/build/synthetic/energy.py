"""Energy balances of the provinces that burn exactly what the truth emits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from carbonflows.inventory.factors import CO2_PER_CARBON, carbon_per_unit, emission_factors
from carbonflows.inventory.roles import CHINA_ROWS, Row
from carbonflows.labels import Array

UNIT = "10^4 t"
COAL, COKING_COAL, COKE = "Other bituminous coal", "Coking coal", "Coke oven coke"
CRUDE, GASOLINE, DIESEL = "Crude oil", "Motor gasoline", "Gas/diesel oil"
NAPHTHA, GAS = "Naphtha", "Natural gas"
FUELS = (COAL, COKING_COAL, COKE, CRUDE, GASOLINE, DIESEL, NAPHTHA, GAS)

KINDS = {
    "power": r"electric(ity)?, gas|power",
    "transport": r"transport(?!.*equipment)",
    "metals": r"metals",
    "minerals": r"non-metallic",
    "refining": r"petroleum",
    "chemicals": r"chemical",
    "mining": r"mining|quarrying",
}
"""What sectors are recognised by."""
MIX: Mapping[str, Mapping[str, float]] = {
    "power": {COAL: 0.95, GAS: 0.05},
    "transport": {GASOLINE: 0.3, DIESEL: 0.7},
    "metals": {COKE: 0.6, COAL: 0.3, GAS: 0.1},
    "minerals": {COAL: 0.9, GAS: 0.1},
    "other": {COAL: 0.6, DIESEL: 0.15, GASOLINE: 0.1, GAS: 0.15},
    "Urban": {COAL: 0.2, GAS: 0.5, GASOLINE: 0.3},
    "Rural": {COAL: 0.8, GASOLINE: 0.2},
}
"""Shares of fuels in the CO2 of combustion, before provinces differ."""
HEAT = 0.08  # of the power sector's CO2
FEEDSTOCK = 0.25  # carbon in chemicals' naphtha, relative to what the sector burns
LOST = {COAL: 0.01, GAS: 0.02}
MADE = {
    "Coking": (COKING_COAL, (COKE,), 0.9),
    "Petroleum refining": (CRUDE, (GASOLINE, DIESEL, NAPHTHA), 0.97),
}
"""Fuels made from which other, and the part of its carbon that they hold."""
PRIMARY = np.array([all(fuel not in made for _, made, _ in MADE.values()) for fuel in FUELS])
IMPORTED = {COAL: 0.03, CRUDE: 0.45, GASOLINE: 0.02, DIESEL: 0.04, NAPHTHA: 0.05, GAS: 0.1}
EXPORTED = {COAL: 0.02, COKE: 0.05}
TRANSIT = 0.03
PROCESS = 0.45  # of the CO2 of non-metallic minerals
CEMENT = 0.39
"""t CO2 per t cement: 0.52 t per t clinker (IPCC 2006), 0.75 t clinker per t cement."""


@dataclass(frozen=True, eq=False)
class EnergyStatistics:
    """Energy balances, and the inventory that they lead to.

    Parameters
    ----------
    balances : DataFrame
        ``region``, ``row``, ``fuel``, ``value``, ``unit``; outflow, exports and inputs of
        transformation are below zero, stock change is above zero where stocks are run down.
    rows : mapping of str to Row
        Role and sector of every row.
    inventory : DataFrame
        ``province``, ``sector``, ``fuel``, ``value`` [Mt CO2]; the sectors are the table's, with
        ``Urban`` and ``Rural``, the fuels those of the balances, with ``Process``.
    cement : Series (p,)
        Output [10⁴ t].
    """

    balances: pd.DataFrame
    rows: Mapping[str, Row]
    inventory: pd.DataFrame
    cement: pd.Series


def kind_of_sector(sector: str) -> str:
    """Return how a sector uses energy, by its name.

    Examples
    --------
    >>> [kind_of_sector(s) for s in ("Electricity, gas and water", "Transport equipment")]
    ['power', 'other']
    >>> kind_of_sector("Land transport and logistics"), kind_of_sector("Basic metals")
    ('transport', 'metals')
    """
    name = sector.casefold()
    return next((kind for kind, words in KINDS.items() if re.search(words, name)), "other")


def energy_statistics(
    emitted: pd.DataFrame,
    households: pd.Series,
    output: pd.DataFrame,
    coastal: pd.Series,
    rng: np.random.Generator,
) -> EnergyStatistics:
    """Make balances whose combustion, with IPCC 2006 factors, emits what is given.

    Power stations and heating plants burn all of the power sector's fuel; cement gives a part of
    what non-metallic minerals emit; coke ovens and refineries pass carbon on and lose some; naphtha
    for chemicals is not burned; some coal and gas is lost.

    Parameters
    ----------
    emitted : DataFrame (p, i)
        CO2 by province and sector [kt CO2].
    households : Series (p,)
        CO2 of households [kt CO2].
    output : DataFrame (p, i)
        Output [money/yr]; where fuels are mined and refined.
    coastal : Series of bool (p,)
        Where fuels are imported and exported.
    rng : numpy Generator

    Returns
    -------
    EnergyStatistics
    """
    provinces, sectors = emitted.index, [str(sector) for sector in emitted.columns]
    kinds = {sector: kind_of_sector(sector) for sector in sectors}
    carbon = carbon_per_unit(dict.fromkeys(FUELS, UNIT), emission_factors("ipcc2006"))
    co2 = (carbon * CO2_PER_CARBON).reindex(FUELS).to_numpy()  # kt per 10⁴ t

    process = emitted * [PROCESS if kinds[s] == "minerals" else 0.0 for s in sectors]
    burned = _burned(emitted - process, households, kinds, rng)
    inventory = [(s, f, v) for s, mix in burned.items() for f, v in zip(FUELS, mix.T, strict=True)]
    inventory += [(s, "Process", process[s].to_numpy()) for s in sectors if kinds[s] == "minerals"]
    lines = [
        (province, sector, fuel, kt / 1e3)
        for sector, fuel, values in inventory
        for province, kt in zip(provinces, values, strict=True)
        if kt
    ]
    rows, values = _uses({s: mix / co2 for s, mix in burned.items()}, kinds, co2)
    _transform(values, rows, _where("refining", kinds, output), co2)
    _supply(values, rows, _where("mining", kinds, output), output, coastal, rng)
    balances = [
        (province, row, fuel, amount, UNIT)
        for row, amounts in values.items()
        for province, by_fuel in zip(provinces, amounts, strict=True)
        for fuel, amount in zip(FUELS, by_fuel, strict=True)
        if amount
    ]
    return EnergyStatistics(
        pd.DataFrame(balances, columns=["region", "row", "fuel", "value", "unit"]),
        rows,
        pd.DataFrame(lines, columns=["province", "sector", "fuel", "value"]),
        (process.sum(axis=1) / (CEMENT * 10)).rename("cement"),
    )


def national_balance(balances: pd.DataFrame, country: str, gap: float) -> pd.DataFrame:
    """Sum balances to the nation's, which provinces exceed by a share `gap`.

    Examples
    --------
    >>> lines = pd.DataFrame([["a", "Industry", "Lignite", 6.0, "t"],
    ...     ["b", "Industry", "Lignite", 6.0, "t"]],
    ...     columns=["region", "row", "fuel", "value", "unit"])
    >>> national_balance(lines, "CHN", 0.2)["value"].tolist()
    [10.0]
    """
    between = balances["row"].isin(("Inflow from other provinces", "Outflow to other provinces"))
    summed = (
        balances[~between].groupby(["row", "fuel", "unit"], sort=False)["value"].sum() / (1 + gap)
    ).reset_index()
    return summed.assign(region=country)[["region", "row", "fuel", "value", "unit"]]


def _burned(
    emitted: pd.DataFrame,
    households: pd.Series,
    kinds: Mapping[str, str],
    rng: np.random.Generator,
) -> dict[str, Array]:
    """Return CO2 of combustion by sector: provinces × fuels [kt CO2]."""
    urban = rng.uniform(0.45, 0.75, len(households))
    users = {s: (kinds[s], emitted[s].to_numpy()) for s in emitted.columns}
    users["Urban"] = ("Urban", households.to_numpy() * urban)
    users["Rural"] = ("Rural", households.to_numpy() * (1 - urban))
    burned = {}
    for name, (kind, total) in users.items():
        mix = _by_fuel(MIX.get(kind, MIX["other"]))
        shares = mix * np.exp(rng.normal(0, 0.3, (len(total), len(FUELS))))
        burned[name] = shares / shares.sum(axis=1, keepdims=True) * total[:, None]
    return burned


def _uses(
    used: Mapping[str, Array], kinds: Mapping[str, str], co2: Array
) -> tuple[dict[str, Row], dict[str, Array]]:
    """Return rows in which fuels are burned, used as feedstock or lost [10⁴ t]."""
    rows, values = {}, {}
    for name, amount in used.items():
        if kinds.get(name) == "power":
            # Several power sectors would need rows of their own.
            suffix = "" if list(kinds.values()).count("power") == 1 else f", {name}"
            for row, share in (("Thermal power", 1 - HEAT), ("Heating supply", HEAT)):
                rows[row + suffix] = Row("combusted", name)
                values[row + suffix] = -share * amount
            continue
        rows[name] = Row("final", name)
        values[name] = amount.copy()
        if kinds.get(name) == "chemicals":
            feedstock = np.zeros_like(amount)
            at = FUELS.index(NAPHTHA)
            feedstock[:, at] = FEEDSTOCK * (amount @ co2) / co2[at]
            rows[f"Non-energy use, {name}"] = Row("non-energy", name)
            values[f"Non-energy use, {name}"] = feedstock
            values[name] += feedstock
    rows["Loss"] = CHINA_ROWS["Loss"]
    values["Loss"] = np.sum(list(used.values()), axis=0) * _by_fuel(LOST)
    return rows, values


def _need(values: Mapping[str, Array], rows: Mapping[str, Row]) -> Array:
    """Return what the rows take, less what they give (p, f) [10⁴ t]."""
    sign = {"combusted": -1, "transformation": -1, "final": 1, "loss": 1}
    taken = [sign[rows[row].role] * v for row, v in values.items() if rows[row].role in sign]
    need: Array = np.sum(taken, axis=0)
    return need


def _transform(values: dict[str, Array], rows: dict[str, Row], located: Array, co2: Array) -> None:
    """Add coke ovens and refineries that make what the country needs."""
    wanted = _need(values, rows).sum(axis=0) * (1 - _by_fuel(IMPORTED) + _by_fuel(EXPORTED))
    for row, (raw, products, kept) in MADE.items():
        made = np.where([fuel in products for fuel in FUELS], wanted, 0.0)
        at = FUELS.index(raw)
        made[at] = -(made @ co2) / kept / co2[at]
        rows[row] = CHINA_ROWS[row]
        values[row] = located[:, None] * made


def _by_fuel(shares: Mapping[str, float]) -> Array:
    return np.array([shares.get(fuel, 0.0) for fuel in FUELS])


def _supply(
    values: dict[str, Array],
    rows: dict[str, Row],
    located: Array,
    output: pd.DataFrame,
    coastal: pd.Series,
    rng: np.random.Generator,
) -> None:
    """Add where fuels come from: mines, abroad, stocks and other provinces."""
    need = _need(values, rows)
    made = np.sum([values[row] for row in MADE], axis=0)
    # Trade goes by what is used before coke ovens and refineries give their products.
    used = np.where(PRIMARY, need, need + made).sum(axis=0)
    ports = output.sum(axis=1).to_numpy() * coastal.to_numpy()
    ports = (ports / ports.sum())[:, None]
    imports, exports = used * _by_fuel(IMPORTED), used * _by_fuel(EXPORTED)
    stocks = np.where(PRIMARY, 0.01 * need * rng.normal(0, 1, need.shape), 0.0)
    mined = located[:, None] * np.exp(rng.normal(0, 0.4, need.shape))
    mined /= mined.sum(axis=0)
    production = np.where(PRIMARY, used + exports - imports - stocks.sum(axis=0), 0.0)
    supply = {
        "Indigenous production": mined * production,
        "Import": ports * imports,
        "Export": -ports * exports,
        "Stock change": stocks,
    }
    net = np.sum(list(supply.values()), axis=0) - need
    transit = TRANSIT * np.abs(need)
    supply["Inflow from other provinces"] = np.maximum(-net, 0) + transit
    supply["Outflow to other provinces"] = -np.maximum(net, 0) - transit
    for row, amount in supply.items():
        rows[row] = CHINA_ROWS[row]
        values[row] = amount


def _where(kind: str, kinds: Mapping[str, str], output: pd.DataFrame) -> Array:
    """Return each province's share in the output of a kind of sector, or of all."""
    chosen = [s for s in output.columns if kinds[s] == kind] or list(output.columns)
    made: Array = output[chosen].sum(axis=1).to_numpy(dtype=float)
    share: Array = made / made.sum()
    return share
