"""
How did it develop?
===================

One account asked of several years: who emits, who consumes, and since when the two are apart.
"""

import carbonflows as cf
from carbonflows.figures.series import gap_series, series

years = cf.read_panel("example", None, [1995, 2000, 2004, 2007, 2009])
belt = cf.load_grouping("belt-and-road")
accounts = cf.over(years, cf.footprint, grouping=belt)
change = cf.trend(accounts, values="consumption").set_index("region")
print(change[["first", "last", "percent", "percent_per_year"]].round(1).to_string())

# %%
# A table is read when its turn comes; labels, money and units that change from one year to the next
# would have been refused.

largest = change["last"].nlargest(6).index
both = accounts.loc[(slice(None), largest), ["production", "consumption"]]
figure = gap_series(
    both,
    unit="Mt CO2",
    own_scale=False,
    title="Production and consumption, 1995 to 2009",
    note="China's gap has opened after 2000; that of the USA is closing since 2004.",
)

# %%
# Net exporters and net importers in one panel.

net = accounts["net_exports"].unstack("region")
figure = series(
    net,
    unit="Mt CO2",
    heading="Net exports",
    emphasised=["China", "United States", "West Europe", "Mongolia & Russia"],
    title="Who emits for whom, 1995 to 2009",
)
