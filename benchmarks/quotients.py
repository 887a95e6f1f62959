"""How much trade location quotients find where the true trade is known.

``python benchmarks/quotients.py --wiod FOLDER`` takes the 27 members that the European Union had in
2007 for regions of one country, whose trade the World Input-Output Database states, and a synthetic
country, and prints estimated over true trade between regions, by method, given the true output and
final use of each.
"""

import argparse
from pathlib import Path

import pandas as pd

import carbonflows as cf
from carbonflows.build.regionalise import national_table

EU = [
    "AUT", "BEL", "BGR", "CYP", "CZE", "DEU", "DNK", "ESP", "EST", "FIN", "FRA", "GBR",
    "GRC", "HUN", "IRL", "ITA", "LTU", "LUX", "LVA", "MLT", "NLD", "POL", "PRT", "ROU",
    "SVK", "SVN", "SWE",
]  # fmt: skip
METHODS = (("slq", 0.3), ("cilq", 0.3), ("flq", 0.1), ("flq", 0.3), ("pool", 0.3))


def compared(world: cf.IOTable, regions: list[str]) -> pd.Series:
    """Estimated over true trade between regions of a world table taken for one country."""
    names = {str(r): "country" if r in regions else str(r) for r in world.regions}
    national = national_table(cf.aggregate(world, cf.Grouping(names)), "country")
    x = world.x.unstack().loc[regions, national.sectors]  # noqa: PD010
    Y = world.Y.T.groupby(level=["region", "category"], sort=False).sum().sum(axis=1)
    final = Y.unstack().loc[regions, national.Y.columns].clip(lower=0)  # noqa: PD010
    true = 0.0
    for region in regions:
        others = [r for r in regions if r != region]
        true += float(world.Z.loc[others, region].to_numpy().sum())
        true += float(world.Y.loc[others, region].to_numpy().sum())
    found = {}
    for method, delta in METHODS:
        tables = cf.regionalise(national, x, final, method=method, delta=delta, by_use=["INVEN"])
        total = sum(float(table.inflow.sum()) for table in tables.values())
        found[f"{method}, delta {delta:g}" if method == "flq" else method] = total / true
    return pd.Series(found)


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--wiod", type=Path)
    given = parser.parse_args()
    rows = {}
    if given.wiod is not None:
        rows["27 members of the EU"] = compared(cf.read("wiod2013", given.wiod, year=2007), EU)
    made = cf.synthetic_country(cf.example(2007))
    rows["synthetic country"] = compared(made.truth, [str(r) for r in made.tables])
    print("Estimated trade between regions over true trade")
    print(pd.DataFrame(rows).T.round(2).to_string())


if __name__ == "__main__":
    main()
