"""The true economy: who makes what where, with which inputs, and from whom they come.

All arrays are by position: p and s are provinces of origin and of use, i products, j using sectors,
k uses (the sectors, then the categories of final demand), f foreign regions.
"""

from dataclasses import dataclass

import numpy as np

from carbonflows.build.synthetic.law import GravityLaw
from carbonflows.errors import BalanceError, NotConverged, some
from carbonflows.labels import Array


@dataclass(frozen=True)
class National:
    """What the world's table says of the country, and what has to come back.

    Z (i, j) and Y (i, q) are domestic, import_Z and import_Y imported from all regions; exports
    (i, f) are summed over what each foreign region does with them.
    """

    sectors: tuple[str, ...]
    Z: Array
    Y: Array
    import_Z: Array
    import_Y: Array
    exports: Array

    @property
    def x(self) -> Array:
        """Gross output (i,)."""
        output: Array = self.Z.sum(axis=1) + self.Y.sum(axis=1) + self.exports.sum(axis=1)
        return output


@dataclass(frozen=True)
class Economy:
    """Shares and flows from which the true table is put together.

    Parameters
    ----------
    output : array (p, i)
        Output that the margins were made for [money/yr].
    flows : array (i, p, s, k)
        Domestic flows [money/yr].
    export_share : array (p, i, f)
        Province's part of what the country sells to a foreign region.
    import_share : array (i, s, k)
        Province's part of what the country's use k imports.
    """

    output: Array
    flows: Array
    export_share: Array
    import_share: Array


def true_economy(
    national: National,
    size: Array,
    coastal: Array,
    law: GravityLaw,
    distance: Array,
    neighbours: Array,
    rng: np.random.Generator,
    *,
    specialisation: float,
    technology: float,
    heterogeneity: float,
) -> Economy:
    """Draw provinces and their trade so that everything adds up to the nation.

    Parameters
    ----------
    national : National
    size : array (p,)
        Economic weight of the provinces.
    coastal : array of bool (p,)
    law : GravityLaw
        What trade between provinces follows before its margins are met.
    distance, neighbours : array (p, p)
    rng : numpy Generator
    specialisation, technology, heterogeneity : float
        Standard deviations of logs: output shares about the size; inputs, their odds against value
        added and final use about the nation's; a product's origins about their average over uses.

    Raises
    ------
    BalanceError
        The country exports more of a product than it makes, stocks included.
    """
    h, provinces = len(national.sectors), len(size)
    x = national.x
    _check_balance(national)
    share = size * _lognormal(rng, specialisation, (h, provinces))
    share /= share.sum(axis=1, keepdims=True)  # (i, p)
    output = share * x[:, None]

    use, imported = _use(national, share, coastal, rng, technology)
    exports = _exports(national.exports.sum(axis=1), share, x, coastal)
    supply, demand = output - exports, use.sum(axis=2)  # (i, p), (i, s)
    traded = (supply > 0).all(axis=1) & (demand > 0).all(axis=1)
    seed = np.ones((h, provinces, provinces))
    noise = rng.normal(0, law.sigma, seed.shape)
    logs = law.logs(supply[traded], demand[traded], distance, neighbours, noise[traded])
    seed[traded] = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    trade = scaled(seed, supply, demand)  # (i, p, s)

    flows = _by_use(trade, use, rng, heterogeneity)
    export_share = _by_partner(exports, national.exports, rng, heterogeneity)
    import_total = np.concatenate([national.import_Z, national.import_Y], axis=1)[:, None, :]
    ratio = np.divide(
        imported, import_total, out=np.broadcast_to(share[:, :, None], imported.shape).copy(),
        where=import_total != 0,
    )  # fmt: skip
    return Economy(output.T, flows, export_share, ratio)


def scaled(seed: Array, rows: Array, columns: Array, tolerance: float = 1e-13) -> Array:
    """Scale many small matrices at once to their margins; the columns are met to the last digit.

    Parameters
    ----------
    seed : array (…, a, b)
        Not negative.
    rows, columns : array (…, a) and (…, b)
        Of equal sums.
    tolerance : float
        Largest gap of a row, relative to its matrix's total.

    Raises
    ------
    NotConverged
        Margins that the seed's zeros do not allow.

    Examples
    --------
    >>> scaled(np.ones((2, 2)), np.array([1.0, 3]), np.array([2.0, 2])).tolist()
    [[0.5, 0.5], [1.5, 1.5]]
    """
    X = seed.copy()
    total = np.maximum(rows.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    for _ in range(5000):
        X = X * _ratio(rows, X.sum(axis=-1))[..., :, None]
        X = X * _ratio(columns, X.sum(axis=-2))[..., None, :]
        if np.max(np.abs(X.sum(axis=-1) - rows) / total) <= tolerance:
            return X
    raise NotConverged(
        "synthetic country: its flows do not meet their margins; choose another seed, or smaller "
        "specialisation, technology and heterogeneity"
    )


def _ratio(wanted: Array, found: Array) -> Array:
    return np.divide(wanted, found, out=np.zeros_like(wanted), where=found != 0)


def _lognormal(rng: np.random.Generator, deviation: float, shape: tuple[int, ...]) -> Array:
    return np.exp(rng.normal(0, deviation, shape))


def _check_balance(national: National) -> None:
    """Raise where the country has less of a product than it sells abroad."""
    home = national.Z.sum(axis=1) + national.Y.sum(axis=1)
    bought = national.import_Z.sum(axis=1) + national.import_Y.sum(axis=1)
    sold = national.exports.sum(axis=1)
    for what, total in (("use of its own", home), ("imports", bought), ("exports", sold)):
        if (total < 0).any():
            bad = [s for s, low in zip(national.sectors, total < 0, strict=True) if low]
            raise BalanceError(
                f"{some(bad)}: the country's {what} is below zero, stocks included; aggregate it "
                "with another sector first",
                sectors=bad,
            )


def _use(
    national: National, share: Array, coastal: Array, rng: np.random.Generator, technology: float
) -> tuple[Array, Array]:
    """Return domestic and imported use by province (i, s, k)."""
    h, provinces = share.shape
    port = np.where(coastal, 1.6, 1.0)
    inputs = np.stack([national.Z, national.import_Z])  # (2, i, j)
    x, bought = national.x, inputs.sum(axis=(0, 1))
    lead = rng.normal(0, technology, share.shape)
    wanted = x[:, None] * share * _parts(_ratio(bought, x), share, lead)  # (j, s)
    # A sector that makes nothing but buys, or buys more than it makes, is shared by size.
    wanted = np.where((bought < x)[:, None], wanted, bought[:, None] * share)

    seed = inputs[..., None] * share * _lognormal(rng, technology, (2, h, h, provinces))
    seed[1] *= port
    by_user = scaled(
        np.moveaxis(seed, 2, 0).reshape(h, 2 * h, provinces),
        np.moveaxis(inputs, 2, 0).reshape(h, 2 * h),
        wanted,
    ).reshape(h, 2, h, provinces)  # (j, origin, i, s)
    # The rows are what the nation buys: they have the last word.
    by_user *= _ratio(np.moveaxis(inputs, 2, 0), by_user.sum(axis=3))[..., None]

    income = np.maximum(x[:, None] * share - wanted, 0).sum(axis=0)
    final = []
    spending = income * _lognormal(rng, technology / 2, (national.Y.shape[1], provinces))  # (q, s)
    for origin, (total, tilt) in enumerate([(national.Y, 1.0), (national.import_Y, port)]):
        part = spending * tilt * _lognormal(rng, technology, (h, *spending.shape))  # (i, q, s)
        part /= part.sum(axis=2, keepdims=True)
        used = by_user[:, origin].sum(axis=0) + (part * np.maximum(total, 0)[..., None]).sum(axis=1)
        # Stocks run down where the product is used, so that no province's use turns negative.
        part = np.where((total < 0)[..., None], _shares(used)[:, None, :], part)
        final.append(np.moveaxis(part * total[..., None], 2, 1))  # (i, s, q)
    domestic, imported = (
        np.concatenate([np.transpose(by_user[:, origin], (1, 2, 0)), final[origin]], axis=2)
        for origin in (0, 1)
    )
    return domestic, imported


def _shares(values: Array) -> Array:
    """Shares along the last axis, equal ones where there is nothing."""
    total = values.sum(axis=-1, keepdims=True)
    equal = np.full_like(values, 1 / values.shape[-1])
    shares: Array = np.divide(values, total, out=equal, where=total > 0)
    return shares


def _exports(sold: Array, share: Array, x: Array, coastal: Array) -> Array:
    """Return exports by product and province (i, p), most of them from the coast.

    The odds that a product is sold abroad are ten times higher on the coast; their level is such
    that the nation's exports come out, and no province sells more than it makes.
    """
    lead = np.where(coastal, np.log(10.0), 0.0)
    exports = share * _parts(_ratio(sold, x), share, lead) * x[:, None]
    return exports * _ratio(sold, exports.sum(axis=1))[:, None]


def _parts(mean: Array, share: Array, lead: Array) -> Array:
    """Spread a part of something about its mean, with odds that differ by a lead in logs.

    What is between nothing and all for the nation is so in every province.
    """
    low, high = np.full(len(mean), -60.0), np.full(len(mean), 60.0)
    part = np.zeros_like(share)
    for _ in range(100):
        level = (low + high) / 2
        part = 1 / (1 + np.exp(-(level[:, None] + lead)))
        more = (share * part).sum(axis=1) < mean
        low, high = np.where(more, level, low), np.where(more, high, level)
    return np.where(((mean > 0) & (mean < 1))[:, None], part, mean[:, None])


def _by_partner(
    exports: Array, partners: Array, rng: np.random.Generator, heterogeneity: float
) -> Array:
    """Return each province's share in exports by partner (p, i, f)."""
    common = _shares(exports)  # (i, p)
    bought = np.maximum(partners, 0)
    seed = common[:, :, None] * bought[:, None, :]
    seed *= _lognormal(rng, heterogeneity, seed.shape)
    # A partner whose stocks of the product run down takes back from every province alike.
    rows = common * bought.sum(axis=1)[:, None]
    flows = scaled(seed, rows, bought)
    apart = np.broadcast_to(common[:, :, None], flows.shape).copy()
    share = np.divide(flows, bought[:, None, :], out=apart, where=bought[:, None, :] > 0)
    return np.moveaxis(share, 1, 0)


def _by_use(trade: Array, use: Array, rng: np.random.Generator, heterogeneity: float) -> Array:
    """Split trade by use (i, p, s, k); totals by province and by use stay what they are."""
    origins = _shares(np.swapaxes(trade, 1, 2))  # (i, s, p)
    less = origins[..., None] * np.minimum(use, 0)[:, :, None, :]
    bought = np.maximum(use, 0)
    seed = origins[..., None] * bought[:, :, None, :]  # (i, s, p, k)
    if heterogeneity:
        seed *= _lognormal(rng, heterogeneity, seed.shape)
        seed = scaled(seed, np.swapaxes(trade, 1, 2) - less.sum(axis=3), bought)
    return np.swapaxes(seed + less, 1, 2)
