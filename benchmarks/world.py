"""A synthetic world: a labelled table that looks like a real one, of any size, from a seed.

Sizes are log-normal, most inputs are bought at home, foreign trade is sparse and follows the size
of the seller, and every column of A sums to less than one. Output follows from final demand, so
that the rows balance. One final demand category, inventories, is partly negative.
"""

from pathlib import Path

import numpy as np
import pandas as pd

CATEGORIES = (
    "households", "non-profits", "government", "capital formation", "valuables", "inventories",
)  # fmt: skip
SHARES = np.array([0.55, 0.02, 0.17, 0.23, 0.005, 0.02])
FROM_ABROAD = 0.3  # of the cells between regions that are not zero
MADE = ("Z", "Y", "F", "F_Y")


def codes(count: int) -> list[str]:
    """ISO3 codes that the Belt and Road grouping and the country shapes both know.

    Sovereign countries come first, in the order of the grouping.
    """
    import carbonflows as cf
    from carbonflows.figures.shapes import country_shapes

    shapes = country_shapes()
    own = shapes["part_of"].isna()
    known = [code for code in cf.load_grouping("belt-and-road").members if code in shapes.index]
    known.sort(key=lambda code: not own[code])
    if count > len(known):
        raise SystemExit(f"{count} regions asked for, but only {len(known)} have names and shapes")
    return known[:count]


def make(folder: Path, regions: int, sectors: int, seed: int = 2018) -> None:
    """Write ``Z``, ``Y``, ``F`` and ``F_Y`` of a world as .npy files, and its region codes."""
    rng = np.random.default_rng([seed, regions, sectors])
    n = regions * sectors
    region = np.repeat(np.arange(regions), sectors)
    sector = np.tile(np.arange(sectors), regions)
    size = rng.lognormal(0.0, 1.6, regions)  # of economies
    weight = rng.lognormal(0.0, 0.7, sectors)  # of sectors
    supply = size[region] * weight[sector] * rng.lognormal(0.0, 0.4, n)

    technology = rng.lognormal(0.0, 1.5, (sectors, sectors))  # shared by all regions
    A = rng.lognormal(0.0, 1.0, (n, n)) * supply[:, None]
    A *= rng.random((n, n)) < FROM_ABROAD
    A.reshape(regions, sectors, regions, sectors)[:] *= technology[:, None, :]
    inputs = rng.uniform(0.25, 0.75, n)  # input sum of each column
    foreign = rng.uniform(0.15, 0.75, n) / (1.0 + 0.4 * size[region] / size.mean())
    for r in range(regions):
        rows = slice(r * sectors, (r + 1) * sectors)
        home = technology * rng.lognormal(0.0, 0.4, (sectors, sectors))
        A[rows, rows] = 0.0
        A[:, rows] *= inputs[rows] * foreign[rows] / A[:, rows].sum(axis=0)
        A[rows, rows] = home * (inputs[rows] * (1.0 - foreign[rows]) / home.sum(axis=0))

    final = np.zeros((n, regions))
    bought = supply[:, None] * rng.lognormal(0.0, 1.0, (n, regions))
    bought *= rng.random((n, regions)) < FROM_ABROAD
    for r in range(regions):
        rows = slice(r * sectors, (r + 1) * sectors)
        bought[rows, r] = 0.0
        home = weight * rng.lognormal(0.0, 0.6, sectors)
        final[:, r] = 0.12 * bought[:, r] / max(bought[:, r].sum(), 1e-300)
        final[rows, r] = 0.88 * home / home.sum()
    final *= 1e6 * size
    Y = final[:, :, None] * (SHARES * rng.lognormal(0.0, 0.3, (n, regions, len(SHARES))))
    Y[:, :, -1] *= rng.choice([1.0, -0.3], size=(n, regions))
    Y = Y.reshape(n, -1)

    x = spent = Y.sum(axis=1)
    while np.abs(spent).sum() > 1e-15 * np.abs(x).sum():
        spent = A @ spent
        x = x + spent
    A *= x  # now Z
    k = rng.lognormal(0.0, 1.3, sectors)[sector] * rng.lognormal(0.0, 0.5, n) * 3e-4
    of_households = np.zeros((1, Y.shape[1]))
    of_households[0, :: len(CATEGORIES)] = Y[:, :: len(CATEGORIES)].sum(axis=0) * 5e-5
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in zip(MADE, (A, Y, (k * x)[None, :], of_households), strict=True):
        np.save(folder / f"{name}.npy", values)
    (folder / "regions.txt").write_text("\n".join(codes(regions)))


def load(folder: Path) -> dict[str, pd.DataFrame]:
    """Read a world as labelled frames [M USD, Mt]."""
    Z, Y, F, F_Y = (np.load(folder / f"{name}.npy") for name in MADE)
    regions = (folder / "regions.txt").read_text().split()
    sectors = [f"s{i:03}" for i in range(len(Z) // len(regions))]
    nodes = pd.MultiIndex.from_product([regions, sectors], names=["region", "sector"])
    demand = pd.MultiIndex.from_product([regions, CATEGORIES], names=["region", "category"])
    gas = pd.Index(["CO2"], name="stressor")
    return {
        "Z": pd.DataFrame(Z, nodes, nodes, copy=False),
        "Y": pd.DataFrame(Y, nodes, demand, copy=False),
        "F": pd.DataFrame(F, gas, nodes, copy=False),
        "F_Y": pd.DataFrame(F_Y, gas, demand, copy=False),
    }
