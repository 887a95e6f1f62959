"""
Your own table
==============

A small world built from data frames, written to and read from a folder of CSV files, looked over,
and refused where something is wrong with it.
"""

# %%
# Labels are pairs: ``(region, sector)`` for nodes, ``(region, category)`` for final demand. Rows
# sell, columns buy. Inventories may be negative.

import numpy as np
import pandas as pd

import carbonflows as cf

regions = ["A", "B", "C"]
nodes = pd.MultiIndex.from_product([regions, ["goods", "services"]])
demand = pd.MultiIndex.from_product([regions, ["consumption", "stocks"]])

Z = [
    [20, 10, 5, 2, 3, 1],
    [15, 30, 4, 6, 2, 3],
    [6, 3, 40, 20, 8, 4],
    [2, 5, 25, 35, 6, 7],
    [4, 2, 6, 3, 25, 10],
    [3, 4, 2, 5, 12, 30],
]
Y = [
    [40, -5, 6, 1, 4, 0],
    [60, 10, 8, 2, 7, 1],
    [10, 2, 90, 20, 9, 3],
    [5, 1, 70, 30, 6, 2],
    [3, 0, 5, 1, 50, 4],
    [6, 2, 4, 0, 60, -3],
]
co2 = pd.DataFrame([[30.0, 10, 80, 25, 20, 6]], ["CO2"], nodes)
heating = pd.DataFrame([[8.0, 0, 15, 0, 5, 0]], ["CO2"], demand)  # households' own fuel

table = cf.IOTable(
    pd.DataFrame(Z, nodes, nodes, dtype=float),
    pd.DataFrame(Y, nodes, demand, dtype=float),
    extensions=cf.Extension(co2, heating, unit="kt CO2"),
    unit="M USD",
    year=2020,
    name="small world",
)
print(table)

# %%
# Its accounts, in the unit asked for.

system = cf.Leontief(table)
account = cf.footprint(system, unit="kt")
account[["production", "consumption", "direct", "net_exports"]].round(2)

# %%
# Total intensities: kilotonnes along the whole supply chain per million dollars of product.

cf.multipliers(system, cf.emissions(table, unit="kt")).round(4)

# %%
# The same as a picture. Figures take plain frames and series.

from carbonflows.figures.bars import ranked_nets

figure = ranked_nets(
    account["net_exports"],
    unit="kt CO2",
    title="Net exports of embodied emissions",
    source=f"Source: {table.label}, carbonflows",
)

# %%
# The same table as a folder of CSV files. This is the plain layout, the way in for any table.

import tempfile
from pathlib import Path

from carbonflows.sources.plain import write_plain

folder = write_plain(table, Path(tempfile.mkdtemp()) / "small-world")
for file in sorted(folder.iterdir()):
    print(file.name)
print()
print((folder / "F.csv").read_text())

# %%
# What comes back is the same table, to the last digit.

again = cf.read("plain", folder)
print(again)
assert np.array_equal(again.Z, table.Z)
assert cf.footprint(cf.Leontief(again)).equals(cf.footprint(system))

# %%
# Look a table over before its numbers are believed. Negative stocks are worth a note, no more.

print(cf.diagnose(again))

# %%
# What cannot be resolved is refused in one line: the culprit first, the way out last. The facts are
# attributes of the error.

try:
    cf.IOTable(table.Z, table.Y.rename(columns={"C": "D"}), unit="M USD")
except cf.CarbonflowsError as error:
    print(error)
    print(error.missing, error.extra)

# %%
# The same from a file, with its line:

Z_file = folder / "Z.csv"
Z_file.write_text(Z_file.read_text().replace("40.0", "n/a"))
try:
    cf.read("plain", folder)
except cf.CarbonflowsError as error:
    print(str(error).replace(str(folder), "small-world"))

# %%
# A table is read-only. New data make a new table.

renamed = table.replace(name="small world, revised")
print(renamed.name)
try:
    table.year = 2021
except AttributeError as error:
    print(error)
