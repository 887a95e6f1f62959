"""
Why did emissions rise?
=======================

The change between two years is taken apart into factors: cleaner production, other inputs, other
suppliers, another mix of demand, and more of it. An effect depends on what has changed before it.
So what counts is its mean over all orders of change, and how far the orders are apart.
"""

import carbonflows as cf
from carbonflows.figures.contributions import contributions
from carbonflows.figures.effects import effects

years = cf.read_panel("example", None, [1995, 2000, 2004, 2007, 2009])
belt = cf.load_grouping("belt-and-road")
steps = cf.chained(years, grouping=belt)
china = steps.xs("China", level="region")
print(china.round(0).astype(int).T.to_string())
print(steps.attrs["caveat"])

# %%
# Step by step from one year to the next. Tables are in current prices: a rise in prices raises the
# level of demand and lowers intensity by as much. Look at the two together.

groups = ["China", "United States", "South Asia", "West Europe"]
parts = steps.loc[(slice(None), groups), :]
figure = contributions(
    parts,
    unit="Mt CO2",
    first=1995,
    title="What drove consumption-based emissions, 1995 to 2009",
)

# %%
# In one step over all fourteen years the orders are farther apart. Whiskers reach from the least to
# the most over all 120 of them.

before, after = (cf.Leontief(years.table(year)) for year in (1995, 2009))
whole = cf.decompose(before, after, grouping=belt, spread=True)
accounts = cf.over(years, cf.footprint, grouping=belt)["consumption"]
figure = effects(
    whole.loc["China"],
    first=accounts[1995, "China"],
    last=accounts[2009, "China"],
    years=(1995, 2009),
    unit="Mt CO2",
    title="China's consumption: 1995 to 2009 in one step",
)
