"""
The Belt and Road in ten lines
==============================

From a table to who causes whose emissions: read it, solve it, ask it.
"""

# %%
# The example world is a real table that ships with the package: 22 regions, 18 sectors, CO2 of
# sectors and households. Any other table comes in through `carbonflows.read`.

import carbonflows as cf

table = cf.example(2007)
system = cf.Leontief(table)  # I − A, factorised once for everything below
belt = cf.load_grouping("belt-and-road")
account = cf.footprint(system, grouping=belt)
flows = cf.flows(system, grouping=belt)

shown = ["production", "consumption", "direct", "exports", "imports", "net_exports"]
account[shown].round(1)

# %%
# Every result says what it is: the unit, the table, the stressor, whether direct emissions of
# households are inside, and the grouping.

for name, value in account.attrs.items():
    print(f"{name}: {value}")

# %%
# The accounts close: what the world emits is what the world consumes.

print(f"produced {account['production'].sum():.3f} {account.attrs['unit']}")
print(f"consumed {account['consumption'].sum():.3f} {account.attrs['unit']}")

# %%
# Whose final demand causes China's emissions? Direct emissions of households cause no flow and are
# not in this array.

flows.loc["China"].sort_values(ascending=False).head(5).round(1)

# %%
# The largest flows on the map. Outlines of groups come from the countries in them; what the table
# does not show apart belongs to the rest of the world.

from carbonflows.figures.flowmap import flow_map
from carbonflows.figures.shapes import region_shapes

members: dict[str, list[str]] = {}
for region, group in zip(table.regions, belt.of(table.regions), strict=True):
    members.setdefault(group, []).extend(table.members[region])

figure = flow_map(
    flows,
    region_shapes(members),
    unit="Mt CO2",
    title="Embodied carbon flows between the Belt and Road and the rest of the world",
    subtitle="Emissions by where they occur and whose final demand causes them",
    source=f"Source: {table.label}, carbonflows",
)

# %%
# Called with a path, this script saves the map there:
# ``python examples/plot_belt_and_road.py docs/_static/flow_map.png``.

import sys
from pathlib import Path

from carbonflows.figures.style import save

if len(sys.argv) > 1:
    save(figure, Path(sys.argv[1]).with_suffix(""), formats=("png",), dpi=95)
