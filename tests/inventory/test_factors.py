"""Emission factors and the units of energy statistics."""

from pathlib import Path

import pandas as pd
import pytest

from carbonflows.errors import DataError, LabelError, SourceError, UnitError
from carbonflows.inventory.factors import CO2_PER_CARBON, carbon_per_unit, emission_factors
from carbonflows.inventory.quantities import is_standard_coal, kind_of, plain_unit, terajoules

SHIPPED = Path(__file__).parents[2] / "src/carbonflows/data/factors/ipcc2006.csv"


def own(**changes: object) -> pd.DataFrame:
    line = {
        "fuel": "Raw Coal", "ncv": 0.21, "ncv_unit": "PJ/10^4 t", "carbon": 26.32,
        "carbon_unit": "t C/TJ", "oxidation": 0.92, "source": "mine",
    }  # fmt: skip
    return pd.DataFrame([line | changes])


def test_shipped_carbon_gives_the_printed_co2():
    table = pd.read_csv(SHIPPED)
    assert len(table) == 33
    # Table 1.4 is carbon × 44/12 rounded to three figures.
    exact = table["carbon"] * CO2_PER_CARBON * 1000
    assert ((exact - table["co2"]).abs() / table["co2"]).max() < 0.005
    rounded = [float(f"{value:.3g}") for value in exact]
    assert rounded == table["co2"].tolist()


@pytest.mark.parametrize(
    ("fuel", "ncv", "carbon"),
    [
        ("Other bituminous coal", 25.8, 25.8), ("Coke oven coke", 28.2, 29.2),
        ("Natural gas", 48.0, 15.3), ("Crude oil", 42.3, 20.0), ("Blast furnace gas", 2.47, 70.8),
        ("Gas/diesel oil", 43.0, 20.2), ("Lignite", 11.9, 27.6), ("Peat", 9.76, 28.9),
    ],
)  # fmt: skip
def test_shipped_values(fuel, ncv, carbon):
    row = emission_factors().loc[fuel]
    assert (row["ncv"], row["carbon"], row["oxidation"]) == (ncv, carbon, 1.0)


def test_carbon_of_a_unit():
    # 10⁴ t × 0.21 PJ/10⁴ t × 26.32 t C/TJ = 5527.2 t C
    carbon = carbon_per_unit({"Raw Coal": "10⁴ t"}, emission_factors(own()))
    assert carbon["Raw Coal"] == pytest.approx(5.5272, rel=1e-14)


def test_a_gas_by_volume_and_a_balance_in_standard_coal():
    gas = own(fuel="Gas", ncv=3.89, ncv_unit="PJ/10^8 m3", carbon=15.32)
    factors = emission_factors(gas)
    assert carbon_per_unit({"Gas": "亿立方米"}, factors)["Gas"] == pytest.approx(3.89 * 15.32)
    by_energy = carbon_per_unit({"Gas": "10^4 tce"}, factors)["Gas"]
    assert by_energy == pytest.approx(293.076 * 15.32 / 1e3)


def test_names_of_a_balance():
    factors = emission_factors(fuels={"Raw Coal": "Lignite", "Diesel Oil": "Gas/diesel oil"})
    assert factors.index.tolist() == ["Raw Coal", "Diesel Oil"]
    assert factors["source fuel"].tolist() == ["Lignite", "Gas/diesel oil"]


def test_edited_factors_can_be_given_back():
    factors = emission_factors()
    pd.testing.assert_frame_equal(emission_factors(factors), factors)


def test_own_file(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("# mine\n" + own(family="coal").to_csv(index=False))
    found = emission_factors(path)
    assert found.loc["Raw Coal", "family"] == "coal"
    assert found.loc["Raw Coal", "carbon"] == 26.32


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"oxidation": 92}, DataError, "oxidation of Raw Coal is above 1"),
        ({"ncv": "n.a."}, DataError, "ncv of Raw Coal is 'n.a.'"),
        ({"ncv": -1}, DataError, "ncv of Raw Coal"),
        ({"carbon_unit": "t CO2/TJ"}, UnitError, "carbon of Raw Coal is in 't CO2/TJ'"),
        ({"carbon_unit": "t/TJ"}, UnitError, "carbon of Raw Coal is in 't/TJ'"),
        ({"ncv_unit": "PJ"}, UnitError, "Raw Coal: 'PJ' is no calorific value"),
        ({"ncv_unit": "PJ/km"}, UnitError, "no mass, volume or energy"),
        ({"carbon": 94.6}, DataError, "carbon of Raw Coal is 94.6 kg C/GJ, fuels have 9 to 90"),
        ({"ncv": 20.9}, DataError, "ncv of Raw Coal is 2090 GJ/t, fuels have 1 to 60"),
        ({"ncv_unit": "PJ/10^8 m^3", "ncv": 389}, DataError, "ncv of Raw Coal is 3890 MJ/m.3"),
        ({"ncv_unit": "TJ/tce", "ncv": 1}, UnitError, "'TJ/tce' of Raw Coal is by energy"),
        ({"source": ""}, DataError, "source of Raw Coal is empty"),
        ({"family": "wood"}, LabelError, "family wood is unknown"),
    ],
)
def test_factors_that_cannot_be_used(changes, error, says):
    with pytest.raises(error, match=says):
        emission_factors(own(**changes))


def test_missing_fuels_files_and_columns():
    factors = emission_factors(own())
    with pytest.raises(LabelError, match=r"Raw coal: no emission factor; did you mean 'Raw Coal'"):
        carbon_per_unit({"Raw coal": "t"}, factors)
    with pytest.raises(LabelError, match=r"ipcc2006 has no fuel Brown coal"):
        emission_factors(fuels={"x": "Brown coal"})
    with pytest.raises(SourceError, match=r"shipped are ipcc2006"):
        emission_factors("ceads")
    with pytest.raises(SourceError, match=r"none.csv does not exist"):
        emission_factors("none.csv")
    with pytest.raises(SourceError, match=r"lacks the column carbon"):
        emission_factors(own().drop(columns="carbon"))
    with pytest.raises(LabelError, match=r"fuel Raw Coal twice"):
        emission_factors(pd.concat([own(), own()]))
    with pytest.raises(UnitError, match=r"give one by volume"):
        carbon_per_unit({"Raw Coal": "10^8 m^3"}, factors)


@pytest.mark.parametrize(
    ("unit", "base", "value"),
    [
        ("10^4 t", "mass", 1e4), ("10⁴ t", "mass", 1e4), ("万吨", "mass", 1e4),
        ("Mt", "mass", 1e6), ("10 000 tons", "mass", 1e4),
        ("10,000 t", "mass", 1e4), ("10000 t", "mass", 1e4),
        ("10^8 m³", "volume", 1e8), ("100 million cu.m", "volume", 1e8),
        ("亿立方米", "volume", 1e8),
        ("10^4 tce", "energy", 293.076), ("万吨标准煤", "energy", 293.076), ("TJ", "energy", 1.0),
        ("10^8 kWh", "energy", 360.0), ("亿千瓦小时", "energy", 360.0),
        ("百亿千焦", "energy", 10.0),
        ("million tons of SCE", "energy", 29307.6),
    ],
)  # fmt: skip
def test_statistical_units(unit, base, value):
    assert kind_of(unit, "x") == base
    ncv_unit = {"mass": "TJ/t", "volume": "TJ/m3", "energy": "TJ/Gg"}[base]
    assert terajoules("x", unit, 1.0, ncv_unit) == pytest.approx(value, rel=1e-12)


def test_units_that_mean_nothing():
    for unit in ("", "boxes", "CNY", "10^4"):
        with pytest.raises(UnitError, match=r"no mass, volume or energy"):
            kind_of(unit, "Raw Coal")
    assert is_standard_coal("万吨标准煤")
    assert not is_standard_coal("10^4 t")
    assert plain_unit("TJ/Gg") == "TJ/Gg"
