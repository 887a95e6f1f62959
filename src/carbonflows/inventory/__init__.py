"""Energy statistics into CO2 by province, sector and fuel.

`energy_balance` checks statistics and says what each row is; `emission_factors` has the carbon of
each fuel. `sectoral_emissions` counts what is burned where, `reference_emissions` what is supplied,
`inventory_gap` compares them, and `national_gap` the provinces with the nation. `process_emissions`
adds cement. `by_sector` places an inventory on the sectors of a table. `fuel_mix` says how much of
the energy is coal.
"""

from carbonflows.inventory.balance import EnergyBalance, energy_balance
from carbonflows.inventory.concordance import Concordance, by_sector, load_concordance
from carbonflows.inventory.factors import emission_factors
from carbonflows.inventory.gaps import inventory_gap, national_gap, scaled_inventory
from carbonflows.inventory.mix import fuel_mix
from carbonflows.inventory.process import combined, process_emissions
from carbonflows.inventory.reference import reference_emissions
from carbonflows.inventory.roles import CHINA_ROWS, Row
from carbonflows.inventory.sectoral import sectoral_emissions
from carbonflows.inventory.subsectors import split_row

__all__ = [
    "CHINA_ROWS",
    "Concordance",
    "EnergyBalance",
    "Row",
    "by_sector",
    "combined",
    "emission_factors",
    "energy_balance",
    "fuel_mix",
    "inventory_gap",
    "load_concordance",
    "national_gap",
    "process_emissions",
    "reference_emissions",
    "scaled_inventory",
    "sectoral_emissions",
    "split_row",
]
