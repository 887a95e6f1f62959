"""How well a chain of estimates finds a country whose truth is known."""

import numpy as np
import pandas as pd

from carbonflows.accounts.emissions import Emissions, emissions
from carbonflows.accounts.footprint import footprint
from carbonflows.build.chain import Chain
from carbonflows.build.synthetic.country import SyntheticCountry
from carbonflows.regions import Grouping, aggregate
from carbonflows.solve import Leontief
from carbonflows.sources.ceads_inventory import HOUSEHOLDS
from carbonflows.table import IOTable


def scored(chain: Chain, truth: SyntheticCountry, load: Emissions) -> pd.DataFrame:
    """Compare estimates with the truth, and check what must not change at any joint.

    Parameters
    ----------
    chain : Chain
    truth : SyntheticCountry
    load : Emissions
        Of the chain's table.

    Returns
    -------
    DataFrame
        ``what``, ``truth``, ``found``, ``unit``: parameters of the law (mean of the sectors with a
        sample, with the largest distance in standard errors), error of trade flows (STPE: sum of
        absolute errors over the sum of flows), errors of consumption-based accounts, and
        differences that must be zero.
    """
    rows: list[tuple[str, float, float, str]] = []
    law = {**truth.law.b, **{f"lag {k}": v for k, v in truth.law.rho.items()}}
    for term, true in law.items():
        if term == "constant":
            continue
        kind, name = ("rho", term.removeprefix("lag ")) if term.startswith("lag ") else ("", term)
        tables = [f.rho if kind else f.coefficients for f in chain.fits.values()]
        found = [t.loc[name] for t in tables if name in t.index]
        if not found:
            continue
        mean = float(np.mean([row["estimate"] for row in found]))
        away = max(abs(row["estimate"] - true) / row["standard_error"] for row in found)
        rows.append((f"law: {term}, mean of {len(found)} sectors", true, mean, "1"))
        rows.append((f"law: {term}, farthest estimate", 0.0, float(away), "standard errors"))
    true_trade = truth.trade.loc[chain.trade.index, chain.trade.columns]
    total = float(true_trade.to_numpy().sum())
    missed = float((chain.trade - true_trade).abs().to_numpy().sum())
    rows.append(("trade between provinces, STPE", 0.0, 100 * missed / total, "%"))
    regions = list(truth.tables)
    found_cba = _consumption(chain.table, load)[regions]
    true_load = emissions(truth.truth, load.name, households=load.households, unit=load.unit)
    true_cba = _consumption(truth.truth, true_load)[regions]
    error = 100 * (found_cba / true_cba - 1).abs()
    rows.append(("consumption-based account, mean error", 0.0, float(error.mean()), "%"))
    rows.append(("consumption-based account, largest error", 0.0, float(error.max()), "%"))
    rows += _joints(chain, truth, load, true_load)
    return pd.DataFrame(rows, columns=["what", "truth", "found", "unit"])


def _consumption(table: IOTable, load: Emissions) -> pd.Series:
    return footprint(Leontief(table), load)["consumption"]


def _joints(
    chain: Chain, truth: SyntheticCountry, load: Emissions, true_load: Emissions
) -> list[tuple[str, float, float, str]]:
    """What has to be conserved from step to step."""
    counted = truth.inventory
    if not load.households:
        counted = counted[~counted["sector"].isin(HOUSEHOLDS)]
    inventory = float(counted["value"].sum())
    regions = list(truth.tables)
    home = np.isin(chain.table.nodes.get_level_values("region"), regions)
    placed = float(load.production[home].sum() + load.orphaned[home].sum())
    final = np.isin(chain.table.regions, regions)
    placed += float(load.final[final].sum())
    outflow = sum(float(table.outflow.sum()) for table in chain.tables.values())
    joined = Grouping(
        {str(r): truth.country if r in regions else str(r) for r in chain.table.regions}
    )
    whole, expected = aggregate(chain.table, joined), aggregate(truth.truth, joined)
    gap = float(np.abs(whole.Z.to_numpy() - expected.Z.to_numpy()).max())
    return [
        ("CO2 of the inventory and of the nested table", inventory, placed, load.unit),
        ("trade and outflow", outflow, float(chain.trade.to_numpy().sum()), chain.inside.unit),
        ("largest difference from the world's own cells", 0.0, gap, chain.table.unit),
        (
            "CO2 of all producers in the world", float(true_load.production.sum()),
            float(load.production.sum()), load.unit,
        ),
    ]  # fmt: skip
