"""Sectoral and reference approach, processes, gaps: golden numbers and identities."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import BalanceError, DataError, LabelError, UnitError
from carbonflows.inventory import (
    combined,
    emission_factors,
    energy_balance,
    fuel_mix,
    inventory_gap,
    national_gap,
    process_emissions,
    reference_emissions,
    scaled_inventory,
    sectoral_emissions,
)  # fmt: skip
from carbonflows.inventory.balance import COLUMNS, two_balances
from carbonflows.inventory.roles import CHINA_ROWS, POWER, SUPPLY

OWN = pd.DataFrame(
    [
        ("Raw Coal", 0.21, "PJ/10^4 t", 26.32, "t C/TJ", 0.92, "mine", "coal", "primary"),
        ("Coke", 0.28, "PJ/10^4 t", 31.38, "t C/TJ", 0.93, "mine", "coal", "secondary"),
        ("Natural Gas", 3.89, "PJ/10^8 m^3", 15.32, "t C/TJ", 0.99, "mine", "gas", "primary"),
    ],
    columns=["fuel", "ncv", "ncv_unit", "carbon", "carbon_unit", "oxidation", "source", "family",
             "kind"],
)  # fmt: skip
FACTORS = emission_factors(OWN)
KT_C = {"Raw Coal": 0.21e3 * 26.32 / 1e3, "Coke": 0.28e3 * 31.38 / 1e3, "Natural Gas": 3.89 * 15.32}
O = {"Raw Coal": 0.92, "Coke": 0.93, "Natural Gas": 0.99}  # noqa: E741


def lines(*rows: tuple[str, str, float, str], region: str = "North") -> pd.DataFrame:
    return pd.DataFrame([(region, *row) for row in rows], columns=list(COLUMNS))


def value(tidy: pd.DataFrame, *labels: str) -> float:
    found = tidy[(tidy[["province", "sector", "fuel"]] == list(labels)).all(axis=1)]
    return float(found["value"].iloc[0])


def test_raw_coal_with_the_users_factors():
    found = sectoral_emissions(
        energy_balance(lines(("Industry", "Raw Coal", 100, "10^4 t"))), FACTORS
    )
    assert found["value"].sum() == pytest.approx(1.8645088, rel=1e-14)


def test_bituminous_coal_of_the_ipcc():
    balance = energy_balance(lines(("Industry", "Other bituminous coal", 1, "Mt")))
    found = sectoral_emissions(balance, emission_factors("ipcc2006"))
    assert found["value"].sum() == pytest.approx(2.44068, rel=1e-14)


def test_cement_and_clinker():
    found = process_emissions({"Hebei": 1.0}, 0.2906, unit="Mt", product="cement")
    assert found["value"].tolist() == [0.2906]
    clinker = process_emissions({"Hebei": 200.0}, "ipcc2006", unit="万吨", product="clinker")
    assert clinker["value"].sum() == pytest.approx(1.04)
    assert clinker.attrs["factor"] == 0.52
    with pytest.raises(LabelError, match=r"is of clinker, not of cement"):
        process_emissions({"Hebei": 1.0}, "ipcc2006", unit="Mt", product="cement")
    with pytest.raises(UnitError, match=r"'10.8 m.3' is no mass"):
        process_emissions({"Hebei": 1.0}, 0.3, unit="10^8 m^3", product="cement")
    with pytest.raises(DataError, match=r"output of cement in Hebei"):
        process_emissions({"Hebei": -1.0}, 0.3, unit="Mt", product="cement")
    with pytest.raises(DataError, match=r"factor -0.3"):
        process_emissions({"Hebei": 1.0}, -0.3, unit="Mt", product="cement")


def by_hand(frame: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    """Sum line by line: final use less non-energy use, plus inputs into power and heat."""
    found: dict[tuple[str, str, str], float] = {}
    for region, row, fuel, amount, _ in frame.itertuples(index=False):
        role = CHINA_ROWS[row].role
        if fuel == "Electricity" or role not in ("final", "non-energy", "combusted"):
            continue
        sign = {"final": 1, "non-energy": -1, "combusted": -1}[role]
        key = (region, CHINA_ROWS[row].sector, fuel)
        mt = sign * amount * KT_C[fuel] * O[fuel] * 44 / 12 / 1000
        found[key] = found.get(key, 0.0) + mt
    return found


def test_sectoral_line_by_line():
    tidy = sectoral_emissions(energy_balance(two_balances()), FACTORS)
    expected = by_hand(two_balances())
    found = {tuple(key): v for *key, v in tidy.itertuples(index=False) if v}
    assert found.keys() == {k for k, v in expected.items() if v}
    assert all(found[k] == pytest.approx(expected[k], rel=1e-13) for k in found)
    assert list(tidy.columns) == ["province", "sector", "fuel", "value"]
    assert tidy.attrs["unit"] == "Mt CO2"
    # 1.5 × 4 × 10⁴ t of coal and 1.5 × 10⁸ m³ of gas are no fuel.
    apart = tidy.attrs["excluded"]["non-energy use"]
    assert apart["Raw Coal"] == pytest.approx(6 * KT_C["Raw Coal"] * 44 / 12 / 1000)
    assert tidy.attrs["excluded"]["loss"]["Natural Gas"] == pytest.approx(
        0.75 * KT_C["Natural Gas"] * 44 / 12 / 1000
    )


def test_electricity_emits_where_it_is_made():
    tidy = sectoral_emissions(energy_balance(two_balances()), FACTORS)
    assert "Electricity" not in set(tidy["fuel"])
    mt = 120 * KT_C["Raw Coal"] * 0.92 * 44 / 12 / 1000
    assert value(tidy, "Shanxi", POWER, "Raw Coal") == pytest.approx(mt)


def test_options_move_what_they_say():
    balance = energy_balance(two_balances())
    base = sectoral_emissions(balance, FACTORS)["value"].sum()

    def more(**options):
        return sectoral_emissions(balance, FACTORS, **options)["value"].sum() - base

    coal, gas = (KT_C[f] * O[f] * 44 / 12 / 1000 for f in ("Raw Coal", "Natural Gas"))
    assert more(losses="include") == pytest.approx(0.75 * gas)
    assert more(non_energy="include") == pytest.approx(6 * coal + 1.5 * gas)
    stored = {"Raw Coal": 0.75, "Natural Gas": 0.25}
    assert more(non_energy="stored", stored=stored) == pytest.approx(1.5 * coal + 1.125 * gas)
    assert more(oxidation={"Raw Coal": 1.0}) == pytest.approx(1.5 * 196 * coal * (1 / 0.92 - 1))
    # The special one counts before the sector, and the sector before the fuel.
    given = {("Urban", "Raw Coal"): 0.46, "Urban": 0.1, "Natural Gas": 0.99}
    assert more(oxidation=given) == pytest.approx(-12 * coal / 2 - 1.5 * gas * (1 - 0.1 / 0.99))
    lost = 45 * KT_C["Raw Coal"] * 44 / 12 / 1000  # coking without outputs loses all
    assert more(transformation="net_loss") == pytest.approx(lost)
    base_attrs = sectoral_emissions(balance, FACTORS).attrs
    assert base_attrs["excluded"]["transformation"]["Coking"] == pytest.approx(lost)


def test_net_loss_by_inputs():
    frame = lines(
        ("Coking", "Raw Coal", -100, "10^4 t"), ("Coking", "Natural Gas", -1, "10^8 m^3"),
        ("Coking", "Coke", 50, "10^4 t"),
    )  # fmt: skip
    tidy = sectoral_emissions(energy_balance(frame), FACTORS, transformation="net_loss")
    inputs = 100 * KT_C["Raw Coal"], KT_C["Natural Gas"]
    lost = sum(inputs) - 50 * KT_C["Coke"]
    assert tidy["value"].sum() == pytest.approx(lost * 44 / 12 / 1000)
    sector = "Petroleum Processing and Coking"
    share = value(tidy, "North", sector, "Raw Coal") / tidy["value"].sum()
    assert share == pytest.approx(inputs[0] / sum(inputs))
    assert value(tidy, "North", sector, "Coke") == 0
    gains = energy_balance(frame.replace(-100, -10))
    with pytest.raises(BalanceError, match=r"North/Coking: carbon of inputs less outputs is -"):
        sectoral_emissions(gains, FACTORS, transformation="net_loss")
    clipped = sectoral_emissions(gains, FACTORS, transformation="net_loss", negative="clip")
    assert clipped["value"].sum() == 0
    assert clipped.attrs["clipped"][0]["at"] == ("North", "Coking")


def test_more_non_energy_use_than_use():
    frame = lines(
        ("Industry", "Raw Coal", 3, "10^4 t"), ("Non-energy use", "Raw Coal", 4, "10^4 t")
    )
    balance = energy_balance(frame)
    with pytest.raises(BalanceError, match=r"North/Industry/Raw Coal: final use less non-energy "
                                           "use is -5.5.*negative='clip'"):  # fmt: skip
        sectoral_emissions(balance, FACTORS)
    tidy = sectoral_emissions(balance, FACTORS, negative="clip")
    assert tidy["value"].sum() == 0
    (record,) = tidy.attrs["clipped"]
    assert record["at"] == ("North", "Industry", "Raw Coal")
    assert record["Mt CO2"] == pytest.approx(-KT_C["Raw Coal"] * 44 / 12 / 1000)
    with pytest.raises(BalanceError, match=r"non-energy use without a final use"):
        sectoral_emissions(energy_balance(frame.iloc[1:]), FACTORS)


def test_what_cannot_be_counted():
    balance = energy_balance(two_balances())
    with pytest.raises(LabelError, match=r"Natural Gas: no emission factor"):
        sectoral_emissions(balance, FACTORS.drop("Natural Gas"))
    found = sectoral_emissions(balance, FACTORS.drop("Natural Gas"), leave_out=["Natural Gas"])
    assert found.attrs["left out"] == ["Natural Gas"]
    with pytest.raises(LabelError, match=r"leave_out: Gas is no fuel of the balance"):
        sectoral_emissions(balance, FACTORS, leave_out=["Gas"])
    with pytest.raises(LabelError, match=r"Raw Coal.*: no stored share"):
        sectoral_emissions(balance, FACTORS, non_energy="stored")
    with pytest.raises(LabelError, match=r"pass non_energy='stored'"):
        sectoral_emissions(balance, FACTORS, stored={"Raw Coal": 1})
    with pytest.raises(LabelError, match=r"oxidation: Urbn is no sector or fuel"):
        sectoral_emissions(balance, FACTORS, oxidation={"Urbn": 1})
    with pytest.raises(DataError, match=r"oxidation of Urban is 92"):
        sectoral_emissions(balance, FACTORS, oxidation={"Urban": 92})
    mixed = two_balances()
    mixed.loc[mixed["fuel"].eq("Natural Gas"), "unit"] = "10^4 tce"
    with pytest.raises(
        UnitError, match=r"Natural Gas is in 10.4 tce of standard coal, Raw Coal in"
    ):
        sectoral_emissions(energy_balance(mixed), FACTORS)
    by_mass = emission_factors(fuels={"Raw Coal": "Lignite", "Natural Gas": "Natural gas"})
    with pytest.raises(UnitError, match=r"Natural Gas: quantities in '10.8 m.3'"):
        sectoral_emissions(balance, by_mass)


def test_secondary_fuels_are_not_produced():
    frame = lines(("Indigenous production", "Coke", 5, "10^4 t"))
    with pytest.raises(DataError, match=r"North: Indigenous production of Coke is 5, but"):
        reference_emissions(energy_balance(frame), FACTORS)


AMOUNT = st.floats(0, 1e4, allow_nan=False).map(lambda v: round(v, 3))


@st.composite
def balances(draw: st.DrawFn) -> pd.DataFrame:
    """Balances with every kind of row; no more is taken out than there is."""
    found = []
    for region in ("North", "South"):
        for fuel, unit in (("Raw Coal", "10^4 t"), ("Natural Gas", "10^8 m^3")):
            industry, coking = draw(AMOUNT), draw(AMOUNT)
            rows = {
                "Indigenous production": draw(AMOUNT),
                "Import": draw(AMOUNT),
                "Inflow from other provinces": draw(AMOUNT),
                "Export": -draw(AMOUNT),
                "Outflow to other provinces": -draw(AMOUNT),
                "Foreign planes and ships refuelling in China": -draw(AMOUNT),
                "Stock change": draw(AMOUNT) - draw(AMOUNT),
                "Thermal power": -draw(AMOUNT),
                "Coking": -coking,
                "Loss": draw(AMOUNT),
                "Industry": industry,
                "Non-energy use": industry * draw(st.floats(0, 1)),
                "Urban": draw(AMOUNT),
            }
            found += [(region, row, fuel, v, unit) for row, v in rows.items()]
            if fuel == "Raw Coal":
                found.append((region, "Coking", "Coke", 0.5 * coking, unit))
    return pd.DataFrame(found, columns=list(COLUMNS))


@settings(max_examples=40, deadline=None)
@given(balances(), st.sampled_from(["exclude", "include"]))
def test_the_two_approaches_differ_by_the_statistical_difference(frame, non_energy):
    """Supply = burned + lost + difference, in carbon; all of it burns where oxidation is one."""
    factors = FACTORS.assign(oxidation=1.0)
    balance = energy_balance(frame)
    sectoral = sectoral_emissions(
        balance, factors, transformation="net_loss", losses="include", non_energy=non_energy
    )
    reference = reference_emissions(balance, factors, non_energy=non_energy)
    difference = balance.difference.mul(pd.Series(KT_C)).sum(axis=1) * 44 / 12 / 1000
    gap = inventory_gap(sectoral, reference).xs("all fuels", level="fuel")["gap"]
    scale = 1e-12 * (1 + reference["value"].abs().sum() + sectoral["value"].sum())
    assert (gap - difference.reindex(gap.index)).abs().max() <= scale


def test_reference_line_by_line():
    found = reference_emissions(energy_balance(two_balances()), FACTORS)
    expected = 0.0
    for _, row, fuel, amount, _ in two_balances().itertuples(index=False):
        if fuel != "Electricity" and CHINA_ROWS[row].role in SUPPLY:
            expected += amount * KT_C[fuel] * O[fuel]
        if fuel != "Electricity" and CHINA_ROWS[row].role == "non-energy":
            expected -= amount * KT_C[fuel] * O[fuel]
    assert found["value"].sum() == pytest.approx(expected * 44 / 12 / 1000, rel=1e-13)


def tidy(values: dict[tuple[str, str, str], float]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(*key, v) for key, v in values.items()], columns=["province", "sector", "fuel", "value"]
    )
    frame.attrs["unit"] = "Mt CO2"
    return frame


PROVINCES = tidy(
    {("A", "s", "Coal"): 700.0, ("B", "s", "Coal"): 480.0, ("A", "s", "Gas"): 50.0,
     ("B", "t", "Gas"): 51.0}
)  # fmt: skip
NATION = tidy({("N", "s", "Coal"): 1000.0, ("N", "t", "Gas"): 100.0})


def test_the_nation_is_18_per_cent_below():
    gap = national_gap(PROVINCES, NATION)
    assert gap.loc["Coal", "gap"] == 180.0
    assert gap.loc["Coal", "ratio"] == pytest.approx(0.18)
    assert gap["flagged"].to_dict() == {"Coal": True, "Gas": False, "all": True}
    assert gap.loc["Coal", "says"].startswith(
        "Coal: 1180 Mt CO2 in provinces, 18.0 % above the 1000 in nation"
    )
    assert gap.loc["Gas", "says"] == ""
    assert gap.attrs["largest"]["Coal"] == ["A", "B"]
    by_sector = national_gap(PROVINCES, NATION, by="sector")
    assert by_sector.loc["t", "gap"] == -49.0


def test_gaps_need_the_same_things():
    with pytest.raises(UnitError, match=r"state one unit"):
        national_gap(PROVINCES, NATION.assign().set_axis(NATION.columns, axis=1).pipe(_bare))
    with pytest.raises(LabelError, match=r"the nation has the provinces A, B"):
        national_gap(PROVINCES, PROVINCES)
    with pytest.raises(LabelError, match=r"reference lacks the province B"):
        inventory_gap(PROVINCES, PROVINCES[PROVINCES["province"].eq("A")])


def _bare(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(frame.to_dict("list"))


def test_scaling_only_on_request():
    same = scaled_inventory(PROVINCES)
    assert same["value"].tolist() == PROVINCES["value"].tolist()
    assert same.attrs["scaled"] == {"scale": "none", "factors": {}}
    nation = scaled_inventory(PROVINCES, "to_nation", nation=NATION)
    sums = nation.groupby("fuel")["value"].sum()
    assert sums.to_dict() == pytest.approx({"Coal": 1000.0, "Gas": 100.0})
    assert nation.attrs["scaled"]["factors"]["Coal"] == pytest.approx(1 / 1.18)
    total = scaled_inventory(PROVINCES, "to_total", total=640.5)
    assert total["value"].sum() == pytest.approx(640.5)
    np.testing.assert_allclose(total["value"] / PROVINCES["value"], 0.5)
    with pytest.raises(LabelError, match=r"nation is missing with scale='to_nation'"):
        scaled_inventory(PROVINCES, "to_nation")
    with pytest.raises(LabelError, match=r"total is given with scale='none'"):
        scaled_inventory(PROVINCES, total=3.0)
    more = tidy({("N", "s", "Coal"): 1.0, ("N", "s", "Peat"): 1.0})
    with pytest.raises(BalanceError, match=r"Peat: the nation has it and no province"):
        scaled_inventory(PROVINCES, "to_nation", nation=more)


def test_processes_are_no_fuel_in_the_gap():
    sectoral = sectoral_emissions(energy_balance(two_balances()), FACTORS)
    cement = process_emissions({"Shanxi": 10.0}, 0.3, unit="Mt", product="cement")
    both = combined(sectoral, cement)
    assert both["value"].sum() == pytest.approx(sectoral["value"].sum() + 3.0)
    reference = reference_emissions(energy_balance(two_balances()), FACTORS)
    gap = inventory_gap(both, reference)
    assert gap.attrs["process left out"] == 3.0
    pd.testing.assert_frame_equal(gap, inventory_gap(sectoral, reference))
    with pytest.raises(LabelError, match=r"in two of the inventories"):
        combined(cement, cement)


def test_fuel_mix():
    balance = energy_balance(two_balances())
    mix = fuel_mix(balance, FACTORS)
    coal, gas = 230 * 0.21e3, 8 * 3.89e3  # TJ
    assert mix.loc["Shanxi", "coal"] == pytest.approx(coal / (coal + gas))
    assert mix.loc["Shanxi", "total"] == pytest.approx(coal + gas)
    np.testing.assert_allclose(mix[["coal", "oil", "gas", "other"]].sum(axis=1), 1.0)
    use = fuel_mix(balance, FACTORS, basis="use")
    coal, gas = (120 + 80 - 4) * 0.21e3, (1 + 6.5 - 1) * 3.89e3
    assert use.loc["Shaanxi", "coal"] == pytest.approx(coal / (coal + gas))
    with pytest.raises(LabelError, match=r"Raw Coal.*: no family"):
        fuel_mix(balance, FACTORS.assign(family=""))
    away = two_balances()
    away.loc[away["row"].eq("Indigenous production"), "value"] = 0
    with pytest.raises(BalanceError, match=r"Shanxi: coal, gas is below zero"):
        fuel_mix(energy_balance(away), FACTORS)
