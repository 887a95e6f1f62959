"""
How sure is it?
===============

A table is drawn many times under stated errors. The errors below are assumptions, not measurements:
put your own in their place.
"""

import carbonflows as cf
from carbonflows.figures.intervals import intervals
from carbonflows.figures.rank_heat import rank_heat
from carbonflows.uncertainty.model import Error

table = cf.example(2007)
belt = cf.load_grouping("belt-and-road")
size = cf.SizeLaw(a=-0.5, b=-0.2, most=0.6, unit="M USD")  # ln rsd = a + b ln|value|
errors = [
    Error("emissions", 0.05, by=("region",)),  # a region's inventory as a whole
    Error("emissions", 0.10),  # how it is shared out to sectors
    Error("households", 0.07, by=("region",)),
    *cf.correlated("inputs", size, 0.2, by=("source_region", "user_region")),
]
drawn = cf.draws(table, errors, number=300, seed=1, grouping=belt)
found = cf.intervals(drawn)
print(found.loc["net_exports", ["base", "sd", "low", "high"]].round(0).astype(int).to_string())

# %%
# Dots are the table as it is, whiskers hold 95 % of the draws and the thick part half of them.
# Brackets are standard deviations to first order, which need no draws.

first = cf.first_order(table, errors, grouping=belt)
figure = intervals(
    found.loc["net_exports"],
    inner=cf.intervals(drawn, level=0.5).loc["net_exports"],
    first_order=first.loc["net_exports"],
    positive=cf.sign_probability(drawn)["net_exports"],
    unit="Mt CO2",
    heading="Net exports",
    title="Which net exporters are surely ones? 2007",
    note="Errors are assumed.",
)

# %%
# Which error matters? First order knows.

shares = first.loc["consumption"].filter(like="share_")
shares = shares.rename(columns=lambda name: name.removeprefix("share_"))
print((100 * shares).round(0).astype(int).to_string())

# %%
# The rank of each as a consumer.

figure = rank_heat(
    cf.rank_probability(drawn, "consumption"),
    title="Ranks by consumption-based emissions, 2007",
    note="Errors are assumed.",
)
