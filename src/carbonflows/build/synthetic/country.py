"""A synthetic country: its truth, and what statistics offices would publish of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from carbonflows import units
from carbonflows.build.regional import RegionalTable
from carbonflows.build.synthetic.economy import true_economy
from carbonflows.build.synthetic.energy import energy_statistics, kind_of_sector, national_balance
from carbonflows.build.synthetic.law import GravityLaw, default_law
from carbonflows.build.synthetic.place import (
    distance_between,
    invented_provinces,
    neighbour_weights,
)
from carbonflows.build.synthetic.plants import plants_on_map
from carbonflows.build.synthetic.statistics import (
    exports_by_partner,
    imported_uses,
    regional_tables,
    samples_of_trade,
    trade_between,
)
from carbonflows.build.synthetic.truth import national_of, true_table
from carbonflows.errors import DataError, LabelError, some
from carbonflows.inventory.roles import Row
from carbonflows.labels import Array
from carbonflows.table import IOTable

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

SPECIALISATION = 0.6  # standard deviation of logs of output shares about a province's size
POINT_SOURCES = ("power", "minerals", "metals")


@dataclass(frozen=True, eq=False)
class SyntheticCountry:
    """A country that does not exist, of which everything is known.

    Parameters
    ----------
    country : str
        The region of the world that it takes the place of.
    shapes : GeoDataFrame (p, …)
        Provinces: index ``region``; ``name``, ``coastal``, ``population`` [persons], ``area_km2``,
        ``gdp`` [money/yr], ``longitude`` and ``latitude`` of the capital, ``port_longitude`` and
        ``port_latitude`` (empty inland), ``geometry`` (WGS 84).
    truth : IOTable
        The world with the provinces in the country's place.
    trade : DataFrame (i·p, p)
        True flows between provinces by ``(sector, origin)`` and ``destination``, zero from a
        province to itself [money/yr].
    law : GravityLaw
        What trade follows before it is made consistent with the nation.
    tables : dict of str to RegionalTable
        What each province's statistics office publishes, exactly as the truth has it.
    imported : dict of str to DataFrame (i, i + q)
        Uses of imported products in each province, by sector and category; non-competitive tables
        publish them [money/yr].
    customs : DataFrame (p·i, f)
        Exports by ``(region, sector)`` and partner [money/yr].
    samples : dict of str to DataFrame (p, p)
        Commodity flows by sector, origin × destination [t], drawn from the law with the totals
        ``supply`` and ``demand``.
    supply, demand : DataFrame (p, i)
        What provinces sell to, and buy from, the whole country including themselves [money/yr]:
        ``x − exports`` and ``Z 1 + Y 1 − imports`` of `tables`.
    distance : DataFrame (p, p)
        Between capitals; a province's own is ``0.67 √(area/π)`` [km].
    neighbours : DataFrame (p, p)
        Contiguity, rows summing to one.
    energy : DataFrame
        Energy balances: ``region``, ``row``, ``fuel``, ``value``, ``unit``.
    national_energy : DataFrame
        Balance of the nation; provinces sum to ``1 + statistical_gap`` times it.
    rows : mapping of str to Row
        Role and sector of every row of the balances.
    inventory : DataFrame
        True CO2: ``province``, ``sector`` (the table's, ``Urban``, ``Rural``), ``fuel`` (with
        ``Process``), ``value`` [Mt CO2].
    cement : Series (p,)
        Output [10⁴ t].
    plants : GeoDataFrame
        ``region``, ``sector``, ``fuel``, ``capacity`` [MW], ``emissions`` [kt CO2],
        ``longitude``, ``latitude``, ``geometry``.
    statistical_gap : float
    """

    country: str
    shapes: "GeoDataFrame"
    truth: IOTable
    trade: pd.DataFrame
    law: GravityLaw
    tables: Mapping[str, RegionalTable]
    imported: Mapping[str, pd.DataFrame]
    customs: pd.DataFrame
    samples: Mapping[str, pd.DataFrame]
    supply: pd.DataFrame
    demand: pd.DataFrame
    distance: pd.DataFrame
    neighbours: pd.DataFrame
    energy: pd.DataFrame
    national_energy: pd.DataFrame
    rows: Mapping[str, Row]
    inventory: pd.DataFrame
    cement: pd.Series
    plants: "GeoDataFrame"
    statistical_gap: float

    @property
    def provinces(self) -> pd.Index:
        """Codes of the provinces."""
        codes: pd.Index = self.shapes.index
        return codes


def synthetic_country(
    world: IOTable,
    country: str = "CHN",
    *,
    provinces: int = 12,
    seed: int = 0,
    technology: float = 0.2,
    heterogeneity: float = 0.2,
    noise: float = 0.3,
    statistical_gap: float = 0.0,
    law: GravityLaw | None = None,
    sampled: Sequence[str] | None = None,
    population: float = 1.3e9,
    stressor: str = "CO2",
) -> SyntheticCountry:
    """Replace a country by invented provinces whose every flow is known.

    Provinces are cells of an invented coastline. They share the nation's output of each product
    by size and chance, its inputs by output and chance, its exports with odds ten times higher on
    the coast. Trade between them follows a spatial-lag gravity law and is scaled, product by
    product, to what provinces supply and use; so every cell of the world's table is met exactly
    and the world abroad is untouched.

    Parameters
    ----------
    world : IOTable
        For example ``carbonflows.example(2007)``.
    country : str
        Region of the world whose place the provinces take.
    provinces : int
        How many, from 3 to 40.
    seed : int
        The same seed makes the same country.
    technology : float
        Standard deviation of logs of provincial input coefficients and emission intensities about
        the nation's; 0 makes provinces alike, but for what imports prefer ports.
    heterogeneity : float
        Standard deviation of logs of a product's origins by using sector, and of export shares by
        partner, about their averages; with 0, origins are the same for all uses in a province, as
        column-coefficient models suppose.
    noise : float
        Standard deviation of the law's disturbance, in the truth and, drawn anew, in the samples.
    statistical_gap : float
        By how much provincial energy balances exceed the national one, as a share.
    law : GravityLaw, optional
        Another law than `default_law`; it has its own disturbance, and `noise` is not used.
    sampled : sequence of str, optional
        Sectors with a commodity sample; by default the first five in which every province trades.
    population : float
        People in the country [persons].
    stressor : str
        The CO2 that energy balances and plants explain, in a unit of CO2 mass.

    Returns
    -------
    SyntheticCountry

    Raises
    ------
    LabelError
        An unknown country, sector or stressor, or sectors that are abroad only.
    ShapeError
        Too few or too many provinces.
    DataError
        Options that are not finite or below zero, or inputs below zero in the table.
    UnitError
        A stressor that is no mass of CO2.
    BalanceError
        A country that sells more of a product than it has.
    NotConverged
        Options so wild that flows cannot be scaled to the nation's.

    Examples
    --------
    >>> from carbonflows.sources.example import example
    >>> made = synthetic_country(example(2007), "CHN", provinces=6)
    >>> made.truth
    <IOTable 'WIOD example, invented provinces of CHN' 2007: 27 regions, 486 nodes,
    135 demand columns, M USD, stressors CO2>
    >>> made.shapes["coastal"].sum(), list(made.samples)[:2]
    (np.int64(4), ['Agriculture', 'Mining'])
    """
    options = {
        "technology": technology, "heterogeneity": heterogeneity, "noise": noise,
        "statistical_gap": statistical_gap,
    }  # fmt: skip
    for key, value in {**options, "seed": seed}.items():
        if not (np.isfinite(value) and value >= 0):
            raise DataError(f"{key} is {value}: give a number of zero or more")
    if not (np.isfinite(population) and population > 0):
        raise DataError(f"population is {population}: give a number above zero")
    extension = _extension_of(world, stressor)
    drawing, making, reporting = (np.random.default_rng([seed, part]) for part in range(3))
    nation = national_of(world, country)
    shapes = invented_provinces(country, provinces, drawing, population)
    codes = shapes.index
    if taken := [code for code in codes if code in world.regions]:
        raise LabelError(f"{some(taken)} is in {world.label} already; give a world without it")
    distance, neighbours = distance_between(shapes), neighbour_weights(shapes)
    followed = default_law(noise) if law is None else law

    coastal = shapes["coastal"].to_numpy()
    size = shapes["population"].to_numpy() * np.where(coastal, 1.5, 1.0)
    size = size * np.exp(making.normal(0, 0.2, provinces))
    economy = true_economy(
        nation, size / size.sum(), coastal, followed, distance.to_numpy(), neighbours.to_numpy(),
        making, specialisation=SPECIALISATION, technology=technology, heterogeneity=heterogeneity,
    )  # fmt: skip
    emitted = _shares(economy.output * np.exp(making.normal(0, technology, economy.output.shape)))
    residents = shapes["population"].to_numpy() * np.exp(making.normal(0, technology, provinces))
    step = {
        "step": "synthetic country", "country": country, "provinces": provinces, "seed": seed,
        **options, "noise": followed.sigma,
        "law": {"b": dict(followed.b), "rho": dict(followed.rho)},
    }  # fmt: skip
    truth = true_table(world, country, codes, economy, emitted, residents / residents.sum(), step)

    listed = [str(code) for code in codes]
    whole = trade_between(truth, listed)
    sectors = pd.Index(nation.sectors, name="sector")
    flows = whole.to_numpy().reshape(len(sectors), provinces, provinces)
    supply = pd.DataFrame(flows.sum(axis=2).T, codes, sectors)
    demand = pd.DataFrame(flows.sum(axis=1).T, codes, sectors)
    busy = sectors[((supply > 0).all() & (demand > 0).all()).to_numpy()]
    if sampled is None:
        sampled = list(busy[:5])
    elif idle := [s for s in sampled if s not in busy]:
        raise LabelError(f"sampled: {some(idle)} is not traded in {country}; choose {some(busy)}")
    tables = regional_tables(truth, listed)
    shapes.insert(4, "gdp", [float(tables[code].value_added.sum()) for code in listed])

    to_kt = units.factor(str(world.extensions[extension].unit[stressor]), "kt CO2")
    F, F_Y = truth.extensions[extension].F, truth.extensions[extension].F_Y
    home = truth.nodes.get_level_values(0).isin(codes)
    by_sector = pd.DataFrame(
        F.loc[stressor].to_numpy()[home].reshape(provinces, -1) * to_kt, codes, sectors
    )
    households = pd.Series(0.0, codes)
    if F_Y is not None:
        users = truth.demand.get_level_values(0).isin(codes)
        households += F_Y.loc[stressor].to_numpy()[users].reshape(provinces, -1).sum(axis=1) * to_kt
    made = pd.DataFrame([tables[code].x for code in listed], codes)
    energy = energy_statistics(by_sector, households, made, shapes["coastal"], reporting)
    return SyntheticCountry(
        country=country,
        shapes=shapes,
        truth=truth,
        trade=_between(whole),
        law=followed,
        tables=tables,
        imported=imported_uses(truth, listed),
        customs=exports_by_partner(truth, listed),
        samples=samples_of_trade(whole, sampled, followed, distance, neighbours, reporting),
        supply=supply,
        demand=demand,
        distance=distance,
        neighbours=neighbours,
        energy=energy.balances,
        national_energy=national_balance(energy.balances, country, statistical_gap),
        rows=energy.rows,
        inventory=energy.inventory,
        cement=energy.cement,
        plants=plants_on_map(shapes, _point_sources(energy.inventory), reporting),
        statistical_gap=statistical_gap,
    )


def _extension_of(world: IOTable, stressor: str) -> str:
    """Return the extension that has the stressor."""
    holders = [name for name, ext in world.extensions.items() if stressor in ext.stressors]
    if not holders:
        there = [s for ext in world.extensions.values() for s in ext.stressors]
        raise LabelError(
            f"stressor {stressor!r} is not in {world.label}; choose from {some(there)}"
        )
    return holders[0]


def _shares(values: Array) -> Array:
    """Shares of rows in their column's sum, equal ones where there is nothing."""
    total = values.sum(axis=0)
    equal = np.full_like(values, 1 / len(values))
    shares: Array = np.divide(values, total, out=equal, where=total > 0)
    return shares


def _between(flows: pd.DataFrame) -> pd.DataFrame:
    """Set flows from a province to itself to zero."""
    own = flows.index.get_level_values("origin").to_numpy()[:, None] == flows.columns.to_numpy()
    return flows.mask(own, 0.0)


def _point_sources(inventory: pd.DataFrame) -> pd.DataFrame:
    """Return what single plants emit: power by fuel, cement and steel works whole."""
    kind = inventory["sector"].map(kind_of_sector)
    lines = inventory[kind.isin(POINT_SOURCES)].copy()
    lines["power"] = kind[lines.index] == "power"
    main = lines.sort_values("value").groupby(["province", "sector"])["fuel"].last()
    works = pd.MultiIndex.from_frame(lines[["province", "sector"]])
    lines["fuel"] = np.where(lines["power"], lines["fuel"], main.reindex(works).to_numpy())
    lines["value"] *= 1e3
    keys = ["province", "sector", "fuel", "power"]
    summed = lines.groupby(keys, sort=False)["value"].sum().reset_index()
    family = np.where(summed["fuel"].str.contains("gas"), "gas", "coal")
    return summed.assign(family=family).rename(columns={"province": "region"})
