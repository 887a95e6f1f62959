"""
Provinces inside the world
==========================

A country that does not exist, in China's place: what its statistics offices would publish goes in,
a world with its provinces comes out, and the truth says how good it is.
"""

# %%
# The country
# -----------
#
# Everything about it is known. What is published of it are regional tables, energy balances, and
# samples of trade in five commodities. Trade in all other products nobody has counted.

import numpy as np

import carbonflows as cf
from carbonflows.build.synthetic.observed import observed

world = cf.example(2007)
made = cf.synthetic_country(world, "CHN", provinces=12)
data = observed(made)
names = data.regions["name"]
print("samples:", ", ".join(data.samples))
data.regions[["name", "group", "population", "gdp"]].round(0)

# %%
# Emissions
# ---------
#
# The inventory was made from energy balances. What is burned and what is supplied should agree,
# but for losses: two per cent and less here.

supplied = cf.reference_emissions(data.energy, data.factors)
burned = data.inventory[data.inventory["fuel"] != "Process"]
burned.attrs = data.inventory.attrs
gap = cf.inventory_gap(burned, supplied).xs("all fuels", level="fuel")
gap[["sectoral", "reference", "ratio"]].round(3)

# %%
# One model of trade
# ------------------
#
# Gravity with spatial lags. The law that drew the sample has an elasticity of distance of −0.7 and
# lags of 0.3, 0.25 and −0.06.

fit = cf.gravity(
    made.samples["Food"], made.supply["Food"], made.demand["Food"], made.distance, method="ml",
    neighbours=made.neighbours,
)  # fmt: skip
fit.summary().round(2)

# %%
# The whole chain
# ---------------
#
# Models for sectors with a sample, distance and size for the others, balanced to what every
# province sends and receives, joined, and put in China's place.

chain = cf.regions_in_world(world, "CHN", data)
print(chain.table)
true = made.trade.loc[chain.trade.index, chain.trade.columns]
missed = (chain.trade - true).abs().to_numpy().sum() / true.to_numpy().sum()
print(f"estimated trade between provinces misses the truth by {100 * missed:.0f} % of all flows")

# %%
# Accounts
# --------
#
# Consumption-based accounts are far better than the flows that they rest on.

system, truth = cf.Leontief(chain.table), cf.Leontief(made.truth)
regions = list(names.index)
outside = cf.outside_share(system, regions)
expected = cf.outside_share(truth, regions)
print(f"outside share: {outside['outside_share']['country']:.3f}")
print(f"in truth:      {expected['outside_share']['country']:.3f}")
error = (outside["consumption"] / expected["consumption"] - 1).abs()
print(f"largest error of a consumption-based account: {100 * error.max():.1f} %")

# %%
# Where exports leave, and how much of their carbon comes from other provinces:

exits = cf.exit_shares(system, regions)
exits[["of_value", "of_emissions", "outside_share"]].round(3).rename(index=names).sort_values(
    "of_value", ascending=False
).head(5)

# %%
# The largest flows of emissions, from where they occur to where the final demand is.

from carbonflows.figures.flowmap import flow_map

between = cf.flows(system).loc[regions, regions]
shapes = data.shapes[["geometry"]].copy()
shapes["anchor"] = shapes.representative_point()
figure = flow_map(
    between, shapes, unit="Mt CO2", top=12, noun="province", labels=names.to_dict(),
    title="Largest flows between provinces", heading="Net exports inside the country",
    source=f"Source: {chain.table.label}, carbonflows",
)  # fmt: skip

# %%
# Without tables
# --------------
#
# Where no regional tables are published, they are estimated from GDP, emissions and location
# quotients. The same country then looks much more self-contained, and how much depends on the
# quotient. No method can know trade that nobody has counted.

from dataclasses import replace

from carbonflows.build.chain import ChainOptions

bare = replace(data, tables={}, samples={})
for quotients in ("pool", "slq", "flq"):
    guess = cf.regions_in_world(world, "CHN", bare, options=ChainOptions(quotients=quotients))
    share = cf.outside_share(cf.Leontief(guess.table), regions)["outside_share"]["country"]
    print(f"{quotients:5} {share:.3f}")

assert np.isclose(chain.table.x[regions].sum(), world.x["CHN"].sum())
