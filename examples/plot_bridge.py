"""
How much carbon does China export?
==================================

Three measures give three answers. The bridge takes gross exports apart into sixteen terms and shows
what lies between them.
"""

import carbonflows as cf
from carbonflows.figures.waterfall import Step, waterfall

system = cf.Leontief(cf.example(2004))
terms = cf.bridge(system)
steps = cf.ladder(terms).loc["CHN"]
print(steps.round(1).to_string())

# %%
# Footprint: own emissions caused by final demand abroad. EEBT: also those that come home again.
# Throughflow: everything that crosses the border, own or not, each time it does.

measures = {"footprint": "Footprint", "eebt": "EEBT", "throughflow": "Throughflow"}
bars = [
    Step(measures.get(name, name.capitalize()), v, name in measures) for name, v in steps.items()
]
figure = waterfall(
    bars,
    unit="Mt CO2",
    heading="China's exports",
    reference=cf.footprint(system).loc["CHN", "production"],
    reference_name="China's production",
    title="China's exports of carbon in 2004",
)

# %%
# The carbon of a commodity can be followed on its way: emitted, made, assembled, consumed.

metals = cf.tracer(system, "Basic metals")
print(metals.stages().round(0).to_string())
