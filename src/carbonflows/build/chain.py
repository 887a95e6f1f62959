"""From a country's statistics to its regions inside the world, in one go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from carbonflows.build.balancing.totals import Policy, reconcile
from carbonflows.build.country import CountryData
from carbonflows.build.gravity.distance import great_circle
from carbonflows.build.gravity.fit import GravityFit, Method, gravity
from carbonflows.build.gravity.neighbours import neighbours
from carbonflows.build.interregional import interregional
from carbonflows.build.nest import nest
from carbonflows.build.nest_emissions import Level
from carbonflows.build.proxies import OutputProxy, output_shares, spread_exports
from carbonflows.build.quotients import Regionalisation, described
from carbonflows.build.regional import Interregional, RegionalTable
from carbonflows.build.regionalise import national_table, regionalise
from carbonflows.build.trade import Model, estimate_trade
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.inventory.concordance import Concordance, by_sector, load_concordance
from carbonflows.table import Extension, IOTable


@dataclass(frozen=True)
class ChainOptions:
    """Choices on the way; each is stated in the result.

    Attributes
    ----------
    gravity : str
        Method for sectors with a sample of flows, see `gravity`.
    neighbours : int
        Nearest neighbours in spatial lags, where no outlines show who borders on whom, and of
        islands.
    otherwise : str or model
        Trade of sectors without a sample, see `estimate_trade`.
    decay : float
        Exponent of distance there.
    totals : str
        Which total counts where outflow and inflow disagree, see `reconcile`.
    most : float
        Largest disagreement that is reconciled.
    proxy : {"emissions", "gdp", "both"}
        What stands in for output where there are no regional tables, see `output_shares`.
    quotients, delta : str, float
        Regionalisation there, see `regionalise`.
    stocks : sequence of str
        Categories of final use that go by the use of each product there.
    emissions : {"given", "national"}
        Level of the inventory, see `nest`.
    """

    gravity: Method = "ml"
    neighbours: int = 5
    otherwise: Model = "hulu_hewings"
    decay: float = 1.0
    totals: Policy = "geometric"
    most: float = 0.1
    proxy: OutputProxy = "both"
    quotients: Regionalisation = "slq"
    delta: float = 0.3
    stocks: Sequence[str] = ("INVEN",)
    emissions: Level = "given"


@dataclass(frozen=True, eq=False)
class Chain:
    """A country's regions in the world, with every step on the way.

    Attributes
    ----------
    table : IOTable
        The world with the regions in the country's place.
    inside : Interregional
        The country's own table, in its own unit.
    tables : dict of str to RegionalTable
        Regional tables that it was joined from.
    trade : DataFrame
        Flows between regions: rows ``(sector, origin)``, columns destination.
    fits : dict of str to GravityFit
        By sector with a sample.
    survey : bool
        Whether regional tables were published; if not, they are estimates from proxies.
    totals : DataFrame
        By sector: outflow, inflow, and what reconciling them changed.
    """

    table: IOTable
    inside: Interregional
    tables: dict[str, RegionalTable]
    trade: pd.DataFrame
    fits: dict[str, GravityFit]
    survey: bool
    totals: pd.DataFrame = field(default_factory=pd.DataFrame)


def regions_in_world(
    world: IOTable,
    country: str,
    data: CountryData,
    *,
    concordance: "Concordance | str | None" = None,
    options: ChainOptions | None = None,
) -> Chain:
    """Put a country's regions inside a world table.

    Published regional tables are joined by trade that a gravity model estimates from samples, or,
    without a sample, by distance and size. Where there are no regional tables, they are estimated
    from proxies and location quotients, and the result says so.

    Parameters
    ----------
    world : IOTable
    country : str
        The region whose place the country's regions take.
    data : CountryData
    concordance : Concordance or str, optional
        From the inventory's sectors to the world's; not needed where they are the same.
    options : ChainOptions, optional

    Returns
    -------
    Chain

    Raises
    ------
    LabelError, DataError, BalanceError, NotConverged
        Statistics that do not fit together, naming what and where.

    Examples
    --------
    >>> import carbonflows as cf
    >>> columns = ["longitude", "latitude", "area_km2", "population", "gdp"]
    >>> places = pd.DataFrame(
    ...     [[116, 40, 1e6, 4e8, 2.0], [121, 31, 1e6, 5e8, 3.0], [104, 30, 2e6, 4e8, 1.0]],
    ...     ["North", "Coast", "West"], columns,
    ... )
    >>> found = regions_in_world(cf.example(2007), "CHN", CountryData(places))
    >>> found.survey, found.table.regions[:4].tolist()
    (False, ['North', 'Coast', 'West', 'IND'])
    """
    chosen = options or ChainOptions()
    if country not in world.regions:
        raise LabelError(
            f"{country!r} is no region of {world.label}, which has {some(world.regions, 45)}",
            labels=[country],
        )
    place = data.regions
    distance = great_circle(place["longitude"], place["latitude"], area=place["area_km2"])
    if data.tables:
        tables, totals = _reconciled(data.tables, chosen)
    else:
        tables, totals = _estimated(world, country, data, concordance, chosen), pd.DataFrame()
    outflow = pd.DataFrame({name: t.outflow for name, t in tables.items()}).T
    inflow = pd.DataFrame({name: t.inflow for name, t in tables.items()}).T
    fits = _fits(data, tables, distance, chosen)
    model: dict[str, Model] = {
        str(sector): fits.get(str(sector), chosen.otherwise) for sector in outflow.columns
    }
    trade = estimate_trade(outflow, inflow, distance, model=model, decay=chosen.decay)
    method = {
        "regional tables": "published" if data.tables else _how_estimated(data, chosen),
        "trade": trade.attrs["method"], "models": trade.attrs["models"],
    }  # fmt: skip
    inside = interregional(tables, trade, method=method)
    table = nest(
        world, country, inside, emissions=_emissions(world, country, data, concordance, tables),
        emissions_level=chosen.emissions,
    )  # fmt: skip
    return Chain(table, inside, tables, trade, fits, bool(data.tables), totals)


def _how_estimated(data: CountryData, chosen: ChainOptions) -> str:
    """What stands in for regional tables, in words."""
    if data.output is not None:
        output = "output as given"
    else:
        by = "gdp" if data.inventory is None else chosen.proxy
        output = "output by " + {"both": "emissions and GDP", "gdp": "GDP"}.get(by, by)
    return f"non-survey: {described(chosen.quotients, chosen.delta)}; {output}"


def _reconciled(
    tables: Mapping[str, RegionalTable], chosen: ChainOptions
) -> tuple[dict[str, RegionalTable], pd.DataFrame]:
    """Published tables whose outflow and inflow agree; their errors take the difference."""
    outflow = pd.DataFrame({name: table.outflow for name, table in tables.items()}).T
    inflow = pd.DataFrame({name: table.inflow for name, table in tables.items()}).T
    agreed = reconcile(outflow, inflow, policy=chosen.totals, most=chosen.most)
    totals = pd.DataFrame({"outflow": outflow.sum(), "inflow": inflow.sum()})
    totals["reconciled"] = agreed.outflow.sum()
    sent, received = agreed.outflow.T, agreed.inflow.T
    return {
        name: replace(table, outflow=sent[name], inflow=received[name])
        for name, table in tables.items()
    }, totals


def _estimated(
    world: IOTable, country: str, data: CountryData, concordance: Any, chosen: ChainOptions
) -> dict[str, RegionalTable]:
    """Regional tables by proxies and location quotients."""
    national = national_table(world, country)
    regions, gdp = data.regions.index, data.regions["gdp"]
    if data.output is not None:
        output = data.output
    else:
        emitted = pd.DataFrame(0.0, regions, national.sectors)
        if data.inventory is not None:
            F, _ = _placed(world, country, data, concordance, national.x)
            cells = F.to_numpy()[0].reshape(len(regions), -1)
            emitted = pd.DataFrame(cells, regions, national.sectors)
        output = output_shares(emitted, gdp, "gdp" if data.inventory is None else chosen.proxy)
    if set(output.columns) != set(national.sectors):
        odd = list(set(output.columns) ^ set(national.sectors))
        raise LabelError(f"output: {some(odd)} is missing or no sector of {world.label}")
    output = output[national.sectors]
    output = output / output.sum() * national.x
    if data.final is not None:
        final = data.final
    else:
        people = data.regions["population"]
        share = (gdp / gdp.sum() + people / people.sum()) / 2
        final = pd.DataFrame(dict.fromkeys(national.Y.columns, share), regions)
    exports = None
    if data.exports is not None:
        exports = spread_exports(output, national.exports, data.exports)
    stocks = [c for c in chosen.stocks if c in national.Y.columns]
    return regionalise(
        national, output, final, method=chosen.quotients, delta=chosen.delta, by_use=stocks,
        exports=exports,
    )  # fmt: skip


def _fits(
    data: CountryData, tables: Mapping[str, RegionalTable], distance: pd.DataFrame,
    chosen: ChainOptions,
) -> dict[str, GravityFit]:  # fmt: skip
    """A gravity model per sample, on what regions sell to and buy from the whole country."""
    supply = pd.DataFrame({name: table.x - table.exports for name, table in tables.items()}).T
    demand = pd.DataFrame(
        {name: t.Z.sum(axis=1) + t.Y.sum(axis=1) - t.imports for name, t in tables.items()}
    ).T
    found = {}
    names = distance.index
    weights = None
    if data.samples and chosen.gravity in ("ml", "s2sls", "ols_lags"):
        weights = _weights(data, chosen.neighbours)
    for sector, sample in data.samples.items():
        if sector not in supply:
            near = suggested([sector], supply.columns, f"they have {some(supply.columns, 40)}")
            raise LabelError(f"sample {sector!r}: no sector of the tables; {near}")
        try:
            found[sector] = gravity(
                sample.loc[names, names], supply.loc[names, sector], demand.loc[names, sector],
                distance, method=chosen.gravity, neighbours=weights,
            )  # fmt: skip
        except DataError as error:
            raise DataError(
                f'sample {sector!r}: {error}; or gravity = "ppml", which takes zeros'
            ) from error
    return found


def _weights(data: CountryData, k: int) -> pd.DataFrame:
    """Regions that share a border, or, without outlines, the `k` nearest; islands their nearest."""
    k = max(1, min(k, len(data.regions) - 2))
    if data.shapes is not None:
        return neighbours(data.shapes.loc[data.regions.index], "contiguity", k=k, islands="knn")
    places = data.regions[["longitude", "latitude"]].set_axis(["lon", "lat"], axis=1)
    return neighbours(places, "knn", k=k)


def _emissions(
    world: IOTable, country: str, data: CountryData, concordance: Any,
    tables: Mapping[str, RegionalTable],
) -> Any:  # fmt: skip
    """The inventory on the nodes of the regions, or a word for sharing the country's own."""
    if data.inventory is None:
        return "shares"
    keys = pd.concat({name: table.x for name, table in tables.items()})
    F, F_Y = _placed(world, country, data, concordance, keys)
    return Extension(F, F_Y, unit="Mt", name="emissions", source=data.source)


def _placed(
    world: IOTable, country: str, data: CountryData, concordance: Any, keys: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The inventory by region and sector of the world, and by region and category."""
    assert data.inventory is not None
    of_country = world.nodes.get_level_values("region") == country
    sectors = list(world.nodes.get_level_values("sector")[of_country])
    home = str(world.categories[0])
    if concordance is None:
        households = ["Urban", "Rural", "Households"]
        own = dict.fromkeys(data.inventory["sector"].unique())
        if lost := [s for s in own if s not in sectors and s not in households]:
            raise DataError(
                f"the inventory's {some(lost)}: no sector of {world.label}; give a concordance"
            )
        pairs = [(s, "Households" if s in households else s) for s in own]
        lines = pd.DataFrame(pairs, columns=["sector", "target"])
        lines["kind"] = ["final" if target == "Households" else "industry" for _, target in pairs]
        concordance = Concordance(lines, "same sectors")
    elif not isinstance(concordance, Concordance):
        concordance = load_concordance(concordance)
    if strange := [s for s in concordance.targets("industry") if s not in sectors]:
        raise LabelError(
            f"{some(strange)}: sectors that concordance {concordance.name} leads to and "
            f"{world.label} has not; give one for this world"
        )
    return by_sector(
        data.inventory, concordance, keys, sectors=sectors, categories={"Households": home}
    )
