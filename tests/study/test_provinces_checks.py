"""Statistics that cannot be right are told of."""

from dataclasses import replace

import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.build.chain import ChainOptions
from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.observed import observed
from carbonflows.errors import BalanceError
from carbonflows.study.provinces.checks import emission_levels, odd_regions, table_balance

WORLD = cf.example(2007)


@pytest.fixture(scope="module")
def data() -> cf.CountryData:
    return observed(synthetic_country(WORLD, provinces=5))


def test_a_region_that_is_ten_times_the_others_is_told(data: cf.CountryData) -> None:
    even = pd.DataFrame({"emissions": data.regions["gdp"] * 2.0})
    assert odd_regions(even, data).empty
    even.loc["CHN-03", "emissions"] *= 10
    assert odd_regions(even, data).to_dict() == pytest.approx({"CHN-03": 10.0})
    even.loc["CHN-03", "emissions"] /= 1000
    assert odd_regions(even, data).to_dict() == pytest.approx({"CHN-03": 0.01})


def test_tables_that_miss_their_totals_are_measured_and_refused(data: cf.CountryData) -> None:
    assert table_balance(data, WORLD, "CHN")["row_error"].max() < 1e-9
    name = "CHN-02"
    off = replace(data.tables[name], x=data.tables[name].x * 1.02)
    found = table_balance(replace(data, tables={**data.tables, name: off}), WORLD, "CHN")
    assert found.set_index("region")["row_error"][name] == pytest.approx(0.02 / 1.02)
    worse = replace(off, x=off.x * 1.3)
    with pytest.raises(BalanceError, match="CHN-02: its table misses its own totals by 2"):
        table_balance(replace(data, tables={**data.tables, name: worse}), WORLD, "CHN")


@pytest.mark.parametrize("level", ["given", "national"])
def test_levels_of_inventory_and_world_are_beside_each_other(
    data: cf.CountryData, level: str
) -> None:
    twice = data.inventory.assign(value=2 * data.inventory["value"])
    options = ChainOptions(emissions=level)  # type: ignore[arg-type]
    found = cf.regions_in_world(
        WORLD, "CHN", replace(data, inventory=twice, energy=None), options=options
    )
    levels = emission_levels(found.table)
    assert levels["inventory"].sum() == pytest.approx(2 * levels["world"].sum())
    assert set(levels["used"]) == {"inventory" if level == "given" else "world"}
    emitted = found.table.extensions["emissions"]
    share = emitted.F[list(data.regions.index)].to_numpy().sum() / WORLD.extensions[
        "emissions"
    ].F["CHN"].to_numpy().sum()  # fmt: skip
    assert share == pytest.approx(2.0 if level == "given" else 1.0)


def test_without_an_inventory_there_is_nothing_to_compare(data: cf.CountryData) -> None:
    found = cf.regions_in_world(WORLD, "CHN", replace(data, inventory=None, energy=None))
    assert emission_levels(found.table) is None
