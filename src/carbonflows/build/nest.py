"""A country's provinces put in its place in a world table."""

from typing import Literal

import numpy as np
import pandas as pd

from carbonflows.build.nest_blocks import Nation, blocks_by_province
from carbonflows.build.nest_emissions import Level, inventory_of, nested_extensions, placing
from carbonflows.build.nest_seeds import Categories, Fallbacks, provinces_of, shares
from carbonflows.build.regional import Interregional
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array
from carbonflows.regions import Grouping, aggregate, require_grouping
from carbonflows.table import Extension, IOTable


def nest(
    world: IOTable,
    country: str,
    inside: Interregional,
    *,
    sectors: Grouping | None = None,
    world_sectors: Grouping | None = None,
    categories: Categories | None = None,
    exports: pd.DataFrame | None = None,
    value_added: Literal["residual", "shares"] = "residual",
    emissions: Extension | Literal["shares"] = "shares",
    emissions_level: Level = "given",
    control: Literal["national"] = "national",
    fallback: float = 0.01,
    tolerance: float = 1e-9,
    sweeps: int = 5000,
) -> IOTable:
    """Replace a country of a world table by its provinces.

    Only shares are taken from the provinces' table, so its unit and price level do not matter.

    Parameters
    ----------
    world : IOTable
    country : str
        Region to replace.
    inside : Interregional
        Table of the provinces.
    sectors, world_sectors : Grouping, optional
        From the provinces' sectors, and from the world's, to common ones; left out, a side keeps
        its own. The result has the common sectors everywhere.
    categories : mapping of str to str or sequence of str, optional
        Each of the country's final demand categories → those of the provinces that it takes its
        shares from; left out, both have the same names.
    exports : DataFrame, optional
        Exports of the provinces by partner: rows ``(province, common sector)`` or province, columns
        regions abroad; any unit. Partners left out take the provinces' exports to all.
    value_added : {"residual", "shares"}
        What output leaves after inputs; or the country's value added by the provinces' shares,
        with inputs scaled to fit.
    emissions : Extension or "shares"
        Inventory of the provinces, columns as in `inside` and ``(province, country's category)``;
        what it does not have is shared by output (of producers) and use (of final users).
    emissions_level : {"given", "national"}
        Keep the inventory's level, or scale it to the world table's total of each sector.
    control : {"national"}
        Every flow of the world table is kept: provinces add up to the country.
    fallback : float
        Largest part of domestic flows, exports or imports that may be shared by output because no
        province has such a flow.
    tolerance : float
        Relative gap allowed between a province's sales and its share of the country's output.
    sweeps : int
        Most rounds of scaling.

    Returns
    -------
    IOTable
        Provinces stand where the country stood; each has the country's `members`. Provenance tells
        what fell back, how emissions compare, where value added is negative.

    Raises
    ------
    LabelError, DataError
        Labels that do not correspond; an option that is not known.
    BalanceError
        Sales that cannot add up, by province and sector; more fallbacks than allowed.

    Notes
    -----
    Cells ``Σ_pq z_ij^pq = z_ij^cc``, and exports and imports likewise, hold to rounding; row sums
    are ``x_i^c · x_i^p / Σ_q x_i^q``. Seeds are the provinces' flows; scaled by generalised RAS
    (compare Wang, Geschke and Lenzen 2017). Provinces that are alike up to size leave the
    country's results as they were.

    Examples
    --------
    >>> import carbonflows as cf
    >>> from carbonflows.build.interregional import interregional
    >>> from carbonflows.build.regional import two_regionals
    >>> tables = two_regionals()
    >>> rows = pd.MultiIndex.from_product([["goods", "services"], list(tables)])
    >>> trade = pd.DataFrame([[0, 20.0], [10, 0], [0, 5], [15, 0]], rows, list(tables))
    >>> china = interregional(tables, trade, method={"trade": "survey"})
    >>> world = cf.example(2007)
    >>> last = ("Trade and hospitality", "Services")
    >>> two = cf.Grouping({s: "services" if s in last else "goods" for s in world.sectors})
    >>> use = dict.fromkeys(["CONS_h", "CONS_np", "CONS_g"], "households")
    >>> use |= dict.fromkeys(["GFCF", "INVEN"], "investment")
    >>> nested = nest(world, "CHN", china, world_sectors=two, categories=use)
    >>> nested.regions[:3].tolist(), len(nested.nodes)
    (['north', 'south', 'IND'], 46)
    >>> whole = cf.aggregate(world, sectors=two)
    >>> bool(abs(nested.x[["north", "south"]].sum() / whole.x["CHN"].sum() - 1) < 1e-9)
    True
    """
    _require(control, value_added, emissions_level, emissions)
    for grouping in (sectors, world_sectors):
        require_grouping(grouping)
    if country not in world.regions:
        raise LabelError(
            f"{country!r} is no region of {world.label}: "
            + suggested([country], world.regions, f"it has {some(world.regions)}")
        )
    if world_sectors is not None:
        world = aggregate(world, sectors=world_sectors)
    if taken := [r for r in map(str, inside.regions) if r in world.regions and r != country]:
        raise LabelError(f"province {some(taken)} is a region of {world.label} too; rename it")
    nation = Nation(world, country)
    own = provinces_of(inside, sectors, nation.sectors, nation.categories, categories)
    fallbacks = Fallbacks(fallback)
    blocks = blocks_by_province(nation, own, exports, value_added, fallbacks, tolerance, sweeps)
    rows = placing(world.nodes, country, own.names, nation.sectors)
    columns = placing(world.demand, country, own.names, nation.categories)
    g = len(nation.sectors)
    n, count, abroad = len(rows.labels), len(rows.new), len(rows.old)
    Z, Y = np.empty((n, n)), np.empty((n, len(columns.labels)))
    Z[np.ix_(rows.kept, rows.kept)] = nation.Z[np.ix_(rows.old, rows.old)]
    Y[np.ix_(rows.kept, columns.kept)] = nation.Y[np.ix_(rows.old, columns.old)]
    Z[np.ix_(rows.new, rows.new)] = blocks.domestic[..., :g].reshape(count, count)
    Y[np.ix_(rows.new, columns.new)] = blocks.domestic[..., g:].reshape(count, -1)
    sent = blocks.exports.reshape(count, abroad + len(columns.old))
    Z[np.ix_(rows.new, rows.kept)], Y[np.ix_(rows.new, columns.kept)] = np.hsplit(sent, [abroad])
    Z[np.ix_(rows.kept, rows.new)] = blocks.imports[..., :g].reshape(-1, count)
    Y[np.ix_(rows.kept, columns.new)] = blocks.imports[..., g:].reshape(-1, len(columns.new))
    final = blocks.domestic[..., g:].sum(axis=(0, 1)) + blocks.imports[..., g:].sum(axis=0)
    use_share = shares(np.maximum(final, 0.0))
    use_share[:, use_share.sum(axis=0) == 0] = own.use_share[:, g:][:, use_share.sum(axis=0) == 0]
    inventory = None
    if isinstance(emissions, Extension):
        inventory = inventory_of(emissions, inside, sectors, own, world)
    extensions, report = nested_extensions(
        world, (nation.nodes, nation.demand), own, use_share, inventory, emissions_level,
        (rows, columns),
    )  # fmt: skip
    negative = blocks.value_added < 0
    wanted = nation.categories if categories is None else categories.values()
    used = {c for listed in wanted for c in ([listed] if isinstance(listed, str) else listed)}
    made = own.output.sum(axis=0)
    step = {
        "step": "nest",
        "country": country,
        "provinces": own.names,
        "control": control,
        "groupings": [
            {"name": by.name, "source": by.source, "sha256": by.hash}
            for by in (sectors, world_sectors) if by is not None
        ],
        "categories": None if categories is None else dict(categories),
        "categories not used": [
            c for c in inside.Y.columns.get_level_values(1).unique() if c not in used
        ],
        "sectors of the provinces only": [
            s for s, x, all_of in zip(own.sectors, nation.sales, made, strict=True)
            if x == 0 and all_of > 0
        ],
        "exports": "all partners alike" if exports is None else
                   {"by partner": [str(c) for c in exports.columns]},
        "fallbacks": fallbacks.blocks,
        "sweeps": blocks.sweeps,
        "largest relative gap": blocks.gap,
        "value added": value_added,
        "negative value added": [
            f"{own.names[i]}/{own.sectors[j]}" for i, j in np.argwhere(negative).tolist()
        ],
        "emissions": report,
        "inside": dict(inside.method),
    }  # fmt: skip
    provenance = world.provenance

    def by_node(series: pd.Series | None, provinces: Array) -> pd.Series | None:
        if series is None:
            return None
        return pd.Series(rows.row(series.to_numpy(), provinces), rows.labels)

    given = world.x_given
    return world.replace(
        Z=pd.DataFrame(Z, rows.labels, rows.labels),
        Y=pd.DataFrame(Y, rows.labels, columns.labels),
        extensions=extensions,
        x=None if given is None else by_node(given, own.share * given.to_numpy()[nation.nodes]),
        value_added=by_node(world.value_added, blocks.value_added),
        members={
            r: world.members[country if r in own.names else r]
            for r in rows.labels.get_level_values(0).unique()
        },
        name=f"{world.name} with provinces of {country}",
        provenance={**provenance, "steps": [*provenance.get("steps", []), step]},
    )


def _require(control: str, value_added: str, level: str, emissions: object) -> None:
    """Raise for an option that is not known."""
    if control == "provincial":
        raise DataError("control='provincial' is not there; use 'national'")
    for name, value, known in (
        ("control", control, ("national",)),
        ("value_added", value_added, ("residual", "shares")),
        ("emissions_level", level, ("given", "national")),
    ):
        if value not in known:
            raise DataError(f"{name}={value!r} is not known: choose {' or '.join(known)}")
    if not isinstance(emissions, Extension) and emissions != "shares":
        raise DataError("emissions: give an Extension or 'shares'")
