"""
Which measure of embodied trade?
================================

“A quarter of the world's emissions are traded”, “a third”, “a tenth”: the numbers differ because
they measure different things. Here they stand side by side.
"""

# %%
# Four measures
# -------------
#
# - **footprint**: a region's emissions caused by final demand abroad;
# - **EEBT**: a region's emissions in everything that it ships, whoever uses it in the end;
# - **throughflow**: all emissions, own and foreign, in everything that crosses the border; a tonne
#   counts at every border that it crosses;
# - **pairwise net**: what is left of the footprint flows when each pair of partners is netted.

import matplotlib.pyplot as plt
import pandas as pd

import carbonflows as cf
from carbonflows.countries import country_names
from carbonflows.figures.style import style

NAMES = {"throughflow": "Throughflow", "eebt": "EEBT", "footprint": "Footprint",
         "pairwise_net": "Pairwise net"}  # fmt: skip
COLOURS = {"throughflow": "#CC79A7", "eebt": "#D55E00", "footprint": "#0072B2",
           "pairwise_net": "#555555"}  # fmt: skip

years = (1995, 2000, 2004, 2007, 2009)
systems = {year: cf.Leontief(cf.example(year)) for year in years}
share = 100 * pd.DataFrame({y: cf.world_share(s)["share"] for y, s in systems.items()}).T
share.round(1)

# %%
# The share of the world's CO2 (households included) that is traded between the 22 regions of the
# example world, by measure.

with style():
    fig, axes = plt.subplots(figsize=(6.3, 3.4), layout="constrained")
    for measure in NAMES:
        axes.plot(share[measure], "o-", color=COLOURS[measure], linewidth=1.6, markersize=4)
    ends = share.iloc[-1].copy()
    ends["eebt"] += 0.9  # EEBT and footprint end close to each other
    ends["footprint"] -= 0.9
    for measure, name in NAMES.items():
        axes.annotate(
            f"{name} {share[measure].iloc[-1]:.1f} %", (years[-1], ends[measure]), (8, 0),
            textcoords="offset points", va="center", color=COLOURS[measure],
        )  # fmt: skip
    axes.set(xticks=years, xlim=(1994.5, 2013), ylim=(0, 38))
    axes.set_title("Emissions embodied in trade, % of world CO₂", loc="left")
    axes.grid(axis="y", color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines["bottom"].set_bounds(years[0], years[-1])

# %%
# From footprint to throughflow
# -----------------------------
#
# For each exporter the gross measures nest: footprint ≤ EEBT ≤ throughflow. What EEBT adds are own
# emissions that come back in imports; what throughflow adds are foreign emissions that pass through
# and own emissions that cross the border more than once.

measures = cf.trade_measures(systems[2007])
exports = measures.pivot_table("exports", "region", "measure")[list(NAMES)]
largest = exports.sort_values("throughflow", ascending=False).head(10)
largest.round(1)

# %%

with style():
    fig, axes = plt.subplots(figsize=(6.3, 3.6), layout="constrained")
    rows = largest.iloc[::-1]
    names = country_names(rows.index)
    parts = {
        "footprint: own emissions for final demand abroad": rows["footprint"],
        "EEBT adds own emissions that return": rows["eebt"] - rows["footprint"],
        "throughflow adds what passes through": rows["throughflow"] - rows["eebt"],
    }
    left = pd.Series(0.0, rows.index)
    colours = iter(("#0072B2", "#D55E00", "#e3b7cf"))
    for label, width in parts.items():
        axes.barh(names, width, left=left, color=next(colours), label=label)
        left += width
    axes.set_title("Exports of embodied CO₂ in 2007, Mt", loc="left")
    axes.legend(loc="lower right", frameon=False)
    axes.grid(axis="x", color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)

# %%
# One net
# -------
#
# Nets are another matter: footprint, throughflow and pairwise netting agree on every region's net
# exports. EEBT does not.

nets = measures.pivot_table("net", "region", "measure").loc[largest.index, list(NAMES)]
nets.round(1)

# %%
# So a statement about gross trade needs the name of its measure, and a statement about net trade
# needs it only where it is EEBT.

agree = (nets["footprint"] - nets["throughflow"]).abs().max()
apart = (nets["footprint"] - nets["eebt"]).abs().max()
print(f"footprint and throughflow differ by at most {agree:.1e} Mt, EEBT by up to {apart:.0f} Mt")
