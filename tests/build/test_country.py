"""What is known of a country's regions, checked before anything is computed from it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.country import CountryData, inventoried
from carbonflows.build.regional import two_regionals
from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.observed import observed
from carbonflows.errors import LabelError
from carbonflows.inventory import process_emissions
from carbonflows.sources.example import example

PLACES = pd.DataFrame(
    [[0.0, 50.0, 1e4, 1e6, 10.0], [1.0, 51.0, 2e4, 2e6, 30.0]],
    ["north", "south"],
    ["longitude", "latitude", "area_km2", "population", "gdp"],
)
BOTH = pd.Index(["north", "south"])
WRONG = pd.Index(["north", "south", "west"])
ONE = pd.Index(["north"])


def inventory_of(names) -> pd.DataFrame:
    lines = [(name, "goods", "Coal", 1.0) for name in names]
    return pd.DataFrame(lines, columns=["province", "sector", "fuel", "value"])


def parts(names: pd.Index) -> dict:
    """Every part that names regions, for these regions."""
    return {
        "tables": {name: two_regionals()["north"] for name in names},
        "samples": {"goods": pd.DataFrame(1.0, names, names)},
        "inventory": inventory_of(names),
        "output": pd.DataFrame({"goods": 1.0}, names),
        "final": pd.DataFrame({"households": 1.0}, names),
        "exports": pd.Series(1.0, names),
        "shapes": pd.DataFrame({"geometry": 0}, names),
    }


def test_regions_that_are_the_same_everywhere_pass():
    data = CountryData(PLACES, **parts(BOTH[::-1]))
    assert list(data.regions.index) == ["north", "south"]


@pytest.mark.parametrize("part", list(parts(BOTH)))
@pytest.mark.parametrize(("names", "culprit"), [(ONE, "south"), (WRONG, "west")])
def test_a_region_missing_or_unknown_in_one_part_is_named(part, names, culprit):
    with pytest.raises(LabelError, match=culprit) as caught:
        CountryData(PLACES, **{part: parts(names)[part]})
    told = str(caught.value)
    assert {"samples": "sample of goods"}.get(part, part) in told
    assert "\n" not in told


def test_shanxi_for_shaanxi_is_named():
    with pytest.raises(LabelError, match="inventory: Shaanxi is missing"):
        CountryData(
            PLACES.set_axis(["Shanxi", "Shaanxi"]), inventory=inventory_of(["Shanxi", "Shanxi"])
        )


@pytest.mark.parametrize("column", PLACES.columns)
def test_a_column_that_is_missing_is_named(column):
    with pytest.raises(LabelError, match=column):
        CountryData(PLACES.drop(columns=column))


def test_a_region_or_a_code_that_is_there_twice_is_named():
    with pytest.raises(LabelError, match="north is there twice"):
        CountryData(PLACES.set_axis(["north", "north"]))
    with pytest.raises(LabelError, match="code 7 is there twice"):
        CountryData(PLACES.assign(code=7))
    CountryData(PLACES.assign(code=[7, 8]))


def test_processes_are_added_to_what_is_burned():
    made = synthetic_country(example(2007), provinces=4)
    known = observed(made)
    burned = inventoried(known.energy, known.factors)
    assert "Process" not in set(burned["fuel"])
    tonnes = pd.Series(100.0, made.provinces)
    cement = process_emissions(
        tonnes, 0.5, unit="10^4 t", product="cement", sector="Non-metallic minerals", source="test"
    )
    both = inventoried(known.energy, known.factors, cement)
    assert both["value"].sum() == pytest.approx(burned["value"].sum() + 4 * 0.5)


def test_what_is_published_of_a_synthetic_country_is_not_its_truth():
    made = synthetic_country(example(2007), provinces=6, statistical_gap=0.1)
    known = observed(made)
    assert list(known.regions.index) == list(made.provinces)
    assert set(known.tables) == set(made.provinces)
    assert known.source == "synthetic country in place of CHN"
    assert set(known.regions["group"]) == {"Coast", "West", "East"}
    assert (known.regions["group"] == "Coast").equals(known.regions["coastal"])
    west, east = (
        known.regions.loc[known.regions["group"] == g, "longitude"] for g in ("West", "East")
    )
    assert west.max() < east.min()
    process = known.inventory.query("fuel == 'Process'").set_index("province")["value"]
    np.testing.assert_allclose(process[made.cement.index[made.cement > 0]],
                               (made.cement * 0.39 / 100)[made.cement > 0])  # fmt: skip


def test_a_synthetic_country_without_cement_has_no_processes():
    made = synthetic_country(example(2007), provinces=4)
    bare = replace(made, cement=0 * made.cement)
    assert "Process" not in set(observed(bare).inventory["fuel"])
