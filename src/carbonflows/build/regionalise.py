"""Regional tables that nobody published, estimated from a national one: non-survey."""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from carbonflows.build.quotients import Regionalisation, described, self_supply
from carbonflows.build.regional import RegionalTable
from carbonflows.errors import DataError, LabelError, some, suggested
from carbonflows.labels import Array, repeated
from carbonflows.table import IOTable

SLACK = 1e-9
ROUNDING = 1e-13


def national_table(world: IOTable, country: str) -> RegionalTable:
    """Take one country out of a world table, with imports inside its uses.

    Parameters
    ----------
    world : IOTable
        Every product that the country uses must be a sector of the country too.
    country : str

    Returns
    -------
    RegionalTable
        Outflow and inflow are zero. Where the world table has no value added, it is output less
        all inputs.

    Raises
    ------
    LabelError
        A country that is not in the table, or products without a sector in the country.
    DataError
        Exports or imports below zero, because stocks abroad shrink.

    Examples
    --------
    >>> import carbonflows as cf
    >>> china = national_table(cf.example(2007), "CHN")
    >>> china.Z.shape, float(china.imports["Mining"].round())
    ((18, 18), 126134.0)
    >>> bool(china.error.abs().max() < 1e-9 * china.x.max())
    True
    """
    regions = world.regions
    if country not in regions:
        way = suggested([country], regions, f"choose from {some(regions)}")
        raise LabelError(f"{country!r} is not a region of {world.label}; {way}")
    inside = world.nodes.get_level_values("region") == country
    user = world.demand.get_level_values("region") == country
    sectors = pd.Index(world.nodes.get_level_values("sector")[inside], name="sector")
    categories = pd.Index(world.demand.get_level_values("category")[user], name="category")
    product = sectors.get_indexer(world.nodes.get_level_values("sector"))
    Z, Y, x = world.Z.to_numpy(), world.Y.to_numpy(), world.x.to_numpy()
    bought = np.hstack([Z[:, inside], Y[:, user]])
    if (foreign := (product < 0) & bought.any(axis=1)).any():
        extra = world.nodes.get_level_values("sector")[foreign].unique()
        raise LabelError(
            f"{country} uses {some(extra)}, which is no sector of its own; aggregate {world.label} "
            "to common sectors first"
        )
    used, imported = (np.zeros((len(sectors), bought.shape[1])) for _ in range(2))
    known = product >= 0
    np.add.at(used, product[known], bought[known])
    np.add.at(imported, product[known & ~inside], bought[known & ~inside])
    exports = Z[inside][:, ~inside].sum(axis=1) + Y[inside][:, ~user].sum(axis=1)
    inputs = pd.DataFrame(used[:, : len(sectors)], sectors, sectors)
    if world.value_added is None:
        value_added = x[inside] - inputs.to_numpy().sum(axis=0)
    else:
        value_added = world.value_added.to_numpy()[inside]
    return RegionalTable(
        country,
        inputs,
        pd.DataFrame(used[:, len(sectors) :], sectors, categories),
        exports=pd.Series(exports, sectors),
        imports=pd.Series(imported.sum(axis=1), sectors),
        outflow=pd.Series(0.0, sectors),
        inflow=pd.Series(0.0, sectors),
        x=pd.Series(x[inside], sectors),
        value_added=pd.Series(value_added, sectors),
        unit=world.unit,
        year=world.year,
        facts={"method": f"taken from {world.label}"},
    )


def regionalise(
    national: RegionalTable,
    output: pd.DataFrame,
    final: pd.DataFrame,
    *,
    method: Regionalisation = "flq",
    delta: float = 0.3,
    by_output: Collection[str] = (),
    by_use: Collection[str] = (),
    local: Collection[str] = (),
    exports: pd.DataFrame | None = None,
    imports: pd.DataFrame | None = None,
) -> dict[str, RegionalTable]:
    """Estimate the tables of a nation's regions from proxies: non-survey, and labelled so.

    Parameters
    ----------
    national : RegionalTable
        The nation, without outflow and inflow.
    output : DataFrame (r, h)
        Proxy of output by region and sector. Only the proportions between regions count, sector by
        sector: shares or amounts in any unit, for all regions of the nation.
    final : DataFrame (r, q)
        Proxy of final use by region and category; again only proportions count.
    method : {"flq", "aflq", "slq", "cilq", "rlq", "pool"}
        What a region buys inside: location quotients cut at 1 (see `location_quotients`), or
        ``pool``, where it buys outside only what it lacks, the least trade there can be.
    delta : float
        Exponent of region size in ``flq`` and ``aflq``.
    by_output, by_use : collection of str
        Categories that are shared, product by product, by its output or by its other uses, such as
        changes in stocks; not needed in `final`, and not used from it. By use, stocks that shrink
        never give a region more than it uses.
    local : collection of str
        Sectors that regions supply themselves as far as they can, such as construction or public
        services: inflow is only what a region lacks, whatever the `method`.
    exports : DataFrame (r, h), optional
        Proxy of exports; by default they follow output.
    imports : DataFrame (r, h), optional
        Proxy of imports; by default they follow use.

    Returns
    -------
    dict of str to RegionalTable
        By region, in the order of `output`. Their sum is the national table; every region has the
        nation's input coefficients, and of its error the share that it has of domestic products
        used. `facts` say that the table is non-survey, with which method, and what was raised or
        lowered to keep trade possible [money/yr by sector].

    Raises
    ------
    LabelError
        Regions, sectors or categories that are missing, repeated or too many.
    DataError
        Proxies that are negative, or zero where the nation has something to share; exports above
        output, imports above use, or stocks that give more than a region uses.

    Notes
    -----
    Use of product i from inside the country in region r is ``d_ij^r = (1 − μ_i^r) z_ij^r``, where
    ``μ_i^r`` is imports over all uses that are not negative; final use likewise. Then ::

        inflow_i^r = Σ_j (1 − min(q_ij^r, 1)) d_ij^r + Σ_c (1 − min(q_i^r, 1)) d_ic^r
        outflow_i^r = inflow_i^r + x_i^r + m_i^r − use_i^r − exports_i^r − error_i^r

    with ``q_i^r`` the simple quotient for final use, times λ for ``flq`` and ``aflq``. The second
    line balances every row, and because the national table balances, outflow and inflow of a
    product agree over all regions. Inflow is raised where outflow would be negative; it is lowered
    where it would exceed the region's use from inside the country; and where one region would
    buy more than all others sell, its cross-hauling (inflow and outflow alike) is lowered to that.

    References
    ----------
    Miller and Blair (2009), chapter 8. Flegg and Webber (2000). Flegg and Tohmo (2013).

    Examples
    --------
    >>> import carbonflows as cf
    >>> china = national_table(cf.example(2007), "CHN")
    >>> output = pd.DataFrame(0.5, ["north", "south"], china.sectors)
    >>> output["Mining"] = [0.8, 0.2]
    >>> final = pd.DataFrame(0.5, output.index, china.Y.columns)
    >>> tables = regionalise(china, output, final, method="flq", delta=0.3)
    >>> tables["north"].facts["method"]
    'non-survey: flq location quotients, delta 0.3'
    >>> round(tables["north"].outflow["Mining"]) == round(tables["south"].inflow["Mining"])
    True
    """
    nation = _nation(national)
    regions, sectors, categories = output.index, national.sectors, national.Y.columns
    if twice := repeated(regions):
        raise LabelError(f"output: region {some(twice)} is there twice; name each once")
    for what, named, known, kind in (
        ("by_output", by_output, categories, "category of final use"),
        ("by_use", by_use, categories, "category of final use"),
        ("local", local, sectors, "sector"),
    ):
        if extra := [label for label in named if label not in known]:
            way = suggested(extra, known, f"choose from {some(known)}")
            raise LabelError(f"{what}: {some(extra)} is no {kind}; {way}")

    # What each region makes and uses.
    make = _shares(output, regions, sectors, "output")
    touched: npt.NDArray[np.bool_] = (nation.x != 0) | (nation.value_added != 0)
    touched |= nation.Z.any(axis=0) | national.Y[list(by_output)].to_numpy().any(axis=1)
    _refuse_empty(make, touched, sectors, "output")
    rule = {c: "output" if c in by_output else "use" if c in by_use else "" for c in categories}
    proxied = [c for c in categories if not rule[c]]
    final = final.drop(columns=[c for c in final if c in by_output or c in by_use])
    taken = _shares(final, regions, pd.Index(proxied), "final")
    spent: npt.NDArray[np.bool_] = (national.Y[proxied].to_numpy() != 0).any(axis=0)
    _refuse_empty(taken, spent, proxied, "final")
    x, value_added = make * nation.x, make * nation.value_added
    Z = make[:, None, :] * nation.Z
    Y = make[:, :, None] * nation.Y
    Y[:, :, [not rule[c] for c in categories]] = taken[:, None, :] * national.Y[proxied].to_numpy()
    others = [rule[c] != "use" for c in categories]
    used = np.maximum(Z, 0).sum(axis=2) + np.maximum(Y[:, :, others], 0).sum(axis=2)
    using = np.where(used.any(axis=0), _over(used, used.sum(axis=0)), make)
    for k, c in enumerate(categories):
        if rule[c] == "use":
            _refuse_empty(using, nation.Y[:, k] != 0, sectors, "use")
            Y[:, :, k] = using * nation.Y[:, k]

    # What crosses the border of the country.
    sold = make if exports is None else _shares(exports, regions, sectors, "exports")
    _refuse_empty(sold, nation.exports != 0, sectors, "exports")
    abroad = sold * nation.exports
    positive_Z, positive_Y = np.maximum(Z, 0), np.maximum(Y, 0)
    base = positive_Z.sum(axis=2) + positive_Y.sum(axis=2)
    bought = _over(base, base.sum(axis=0))
    if imports is not None:
        bought = _shares(imports, regions, sectors, "imports")
    _refuse_empty(bought, nation.imports != 0, sectors, "imports")
    foreign = bought * nation.imports
    _refuse_over(foreign, base, regions, sectors, "imports of {} are above its use")
    # Shared like this, the nation's error turns no region's use negative.
    domestic = np.maximum(base - foreign, 0)
    spread = np.where(domestic.any(axis=0), _over(domestic, domestic.sum(axis=0)), make)
    error = spread * nation.error

    # What crosses borders inside the country.
    supply = x - abroad
    _refuse_over(abroad, x, regions, sectors, "exports of {} are above its output")
    demand = Z.sum(axis=2) + Y.sum(axis=2) - foreign + error
    _refuse_over(
        -demand, np.zeros_like(demand), regions, sectors,
        "{} takes more out of stocks than it uses; share stocks by_use",
        scale=x + base,
    )  # fmt: skip
    mine = _over(domestic, base)
    q_inputs, q_final = self_supply(pd.DataFrame(x, regions, sectors), method, delta)
    guessed = mine * (
        ((1 - q_inputs) * positive_Z).sum(axis=2) + (1 - q_final) * positive_Y.sum(axis=2)
    )
    guessed[:, sectors.isin(list(local))] = 0.0
    trade = _possible(guessed, demand, supply, ROUNDING * (x + base))

    facts: dict[Hashable, Any] = {
        "method": f"non-survey: {described(method, delta)}",
        "survey": False,
        "nation": national.name,
        "technology": "national",
        "local": [str(s) for s in sectors if s in local],
        "output": "given proportions",
        "final use": {
            str(c): f"proportions of {rule[c]}" if rule[c] else "given proportions"
            for c in categories
        },
        "exports": "proportions of output" if exports is None else "given proportions",
        "imports": "proportions of use" if imports is None else "given proportions",
        "error": "the nation's, in proportions of domestic products used",
    }
    tables: dict[str, RegionalTable] = {}
    for r, name in enumerate(regions):
        changes = {
            key: {str(s): float(v) for s, v in zip(sectors, change[r], strict=True) if v > 0}
            for key, change in trade.changes.items()
        }
        tables[str(name)] = RegionalTable(
            str(name),
            pd.DataFrame(Z[r], sectors, sectors),
            pd.DataFrame(Y[r], sectors, categories),
            **{
                key: pd.Series(values[r], sectors)
                for key, values in (
                    ("exports", abroad), ("imports", foreign), ("outflow", trade.outflow),
                    ("inflow", trade.inflow), ("x", x), ("value_added", value_added),
                )
            },
            unit=national.unit,
            year=national.year,
            facts=facts | changes,
        )  # fmt: skip
    return tables


@dataclass(frozen=True)
class _Nation:
    """Arrays of the national table."""

    Z: Array
    Y: Array
    x: Array
    value_added: Array
    exports: Array
    imports: Array
    error: Array


@dataclass(frozen=True)
class _Trade:
    """Trade with other regions (r, h), and by how much it differs from the guess."""

    outflow: Array
    inflow: Array
    changes: dict[str, Array]


def _nation(national: RegionalTable) -> _Nation:
    """Arrays of the national table, checked to be one."""
    crossing = national.sectors[(national.outflow > 0) | (national.inflow > 0)]
    if len(crossing):
        raise DataError(
            f"{national.name} trades {some(crossing)} with other regions; give a national table, "
            "without outflow and inflow"
        )
    if len(low := national.sectors[national.x < 0]):
        raise DataError(f"{national.name}: output of {some(low)} is below zero; correct it first")
    keys = ("Z", "Y", "x", "value_added", "exports", "imports", "error")
    return _Nation(**{key: getattr(national, key).to_numpy(dtype=float) for key in keys})


def _shares(proxy: pd.DataFrame, regions: pd.Index, labels: pd.Index, what: str) -> Array:
    """Proportions between regions (r, k); a column is zero where the proxy is."""
    for found, wanted, kind in ((proxy.index, regions, "region"), (proxy.columns, labels, "")):
        missing = [label for label in wanted if label not in found]
        extra = [label for label in found if label not in wanted]
        if missing or extra or repeated(found):
            told = f"has {some(extra)} too many" if extra else f"has {some(repeated(found))} twice"
            told = f"lacks {some(missing)}" if missing else told
            raise LabelError(f"{what} {told}; give every {kind or 'column'} of the table once")
    values = proxy.loc[regions, labels].to_numpy(dtype=float)
    bad = ~(np.isfinite(values) & (values >= 0))
    if bad.any():
        r, k = np.argwhere(bad)[0]
        raise DataError(
            f"{what} of {some([(regions[r], labels[k])])} is {values[r, k]:g}; "
            "give finite numbers that are not negative"
        )
    return _over(values, values.sum(axis=0))


def _over(part: Array, whole: Array) -> Array:
    """Quotient, zero where the whole is zero."""
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole != 0)


def _refuse_empty(
    shares: Array, needed: npt.NDArray[np.bool_], labels: Collection[Hashable], what: str
) -> None:
    """Raise where the nation has something and the proxy gives it to nobody."""
    empty = [k for k, lost in zip(labels, needed & ~shares.any(axis=0), strict=True) if lost]
    if empty:
        raise DataError(
            f"{what} is zero in every region for {some(empty)}, which the nation has; "
            f"give a proxy of {what} for it"
        )


def _refuse_over(
    part: Array, whole: Array, regions: pd.Index, sectors: pd.Index, told: str,
    scale: Array | None = None,
) -> None:  # fmt: skip
    """Raise where a part exceeds its whole by more than rounding."""
    size = whole if scale is None else scale
    over = np.argwhere(part - whole > SLACK * size.max(initial=0.0))
    if len(over):
        culprits = some([(regions[r], sectors[i]) for r, i in over])
        way = "" if ";" in told else "; give other proxies, or take re-exports out of both first"
        raise DataError(told.format(culprits) + way)


def _possible(guessed: Array, demand: Array, supply: Array, dust: Array) -> _Trade:
    """Inflow nearest to the guess with which regions can trade; outflow balances."""
    surplus = supply - demand
    sold, needed = np.maximum(surplus, 0), np.maximum(-surplus, 0)
    # Surpluses and deficits agree but for rounding; what is left of that must not pass for trade.
    sold[:, sold.sum(axis=0) <= dust.sum(axis=0)] = 0
    needed *= _over(sold.sum(axis=0), needed.sum(axis=0))
    inflow = np.minimum(np.maximum(guessed, needed), np.maximum(demand, needed))
    crossing = inflow - needed
    crossing[crossing <= dust] = 0
    # At most one region can buy more than all others sell, for the totals agree.
    outflow = sold + crossing
    total = outflow.sum(axis=0)
    excess = np.maximum(inflow + outflow - total, 0)
    excess[excess <= SLACK * total] = 0
    crossing = np.maximum(crossing - excess, 0)
    changes = {
        "inflow raised": np.maximum(inflow - guessed, 0),
        "inflow lowered": np.maximum(guessed - inflow, 0),
        "cross-hauling lowered": excess,
    }
    return _Trade(sold + crossing, needed + crossing, changes)
