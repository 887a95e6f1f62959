"""Energy balances: what is refused, and what is understood."""

import pandas as pd
import pytest

from carbonflows.errors import BalanceError, DataError, LabelError, SourceError, UnitError
from carbonflows.inventory import Row, energy_balance, split_row
from carbonflows.inventory.balance import two_balances
from carbonflows.inventory.places import named_regions
from carbonflows.inventory.roles import CHINA_ROWS


def with_line(*cells: object) -> pd.DataFrame:
    frame = two_balances()
    frame.loc[len(frame)] = list(cells)
    return frame


def changed(region: str, row: str, fuel: str, /, **cells: object) -> pd.DataFrame:
    frame = two_balances().astype({"value": object})
    at = frame["region"].eq(region) & frame["row"].eq(row) & frame["fuel"].eq(fuel)
    for column, value in cells.items():
        frame.loc[at, column] = value
    return frame


def test_rows_balance():
    balance = energy_balance(two_balances())
    assert balance.difference.abs().to_numpy().max() == 0
    assert balance.units["Natural Gas"] == "10^8 m^3"
    # A difference shows in its cell and nowhere else.
    more = energy_balance(changed("Shaanxi", "Rural", "Raw Coal", value=5)).difference
    assert more.loc["Shaanxi", "Raw Coal"] == 1.0
    assert more.abs().to_numpy().sum() == 1.0


def test_signs_the_other_way_round():
    frame = two_balances()
    turned = frame["row"].isin(["Outflow to other provinces", "Thermal power", "Coking"])
    frame.loc[turned, "value"] *= -1
    with pytest.raises(DataError, match=r"Outflow .* of Raw Coal in Shanxi is 300, above zero; .*"
                                        "signs='positive'"):  # fmt: skip
        energy_balance(frame)
    balance = energy_balance(frame, signs="positive")
    pd.testing.assert_frame_equal(balance.lines, energy_balance(two_balances()).lines)
    assert balance.facts["sign turned"] == ["Coking", "Outflow to other provinces", "Thermal power"]
    with pytest.raises(DataError, match=r"is -300, below zero; .*signs='published'"):
        energy_balance(two_balances(), signs="positive")


def test_stock_change_the_other_way_round():
    frame = two_balances()
    frame.loc[frame["row"].eq("Stock change"), "value"] *= -1
    balance = energy_balance(frame, stock_change="build-up")
    assert balance.difference.abs().to_numpy().max() == 0
    assert "turned" in balance.facts["stock change"]


@pytest.mark.parametrize(
    ("frame", "error", "says"),
    [
        (changed("Shanxi", "Coking", "Raw Coal", row="Cokeing"), LabelError,
         "row 'Cokeing' has no role; did you mean 'Coking'"),
        (changed("Shanxi", "Coking", "Raw Coal", fuel="Raw Coall"), LabelError,
         "fuel 'Raw Coall' is unknown; did you mean 'Raw Coal'"),
        (changed("Shanxi", "Coking", "Raw Coal", fuel="raw coal"), LabelError,
         "are one fuel; spell it one way"),
        (changed("Shanxi", "Coking", "Raw Coal", unit="10^4 tce"), UnitError,
         "Raw Coal is in '10.4 t' and, first at Shanxi/Coking, in '10.4 tce'"),
        (changed("Shanxi", "Coking", "Raw Coal", value="3o"), DataError,
         "Shanxi/Coking/Raw Coal is '3o'; write a number"),
        (changed("Shanxi", "Coking", "Raw Coal", value=None), DataError, "Shanxi/Coking/Raw Coal"),
        (changed("Shanxi", "Urban", "Raw Coal", value=-1), DataError,
         "Urban of Raw Coal in Shanxi is -1, below zero; correct it"),
        (changed("Shaanxi", "Urban", "Raw Coal", region="Shanxi"), LabelError,
         "Shanxi/Urban/Raw Coal occurs twice; keep one line; if one is Shaanxi, write 610000"),
        (changed("Shanxi", "Urban", "Raw Coal", region=""), LabelError, "has no region; fill"),
        (two_balances().drop(columns="unit"), SourceError, "lacks the column unit"),
        (two_balances().iloc[:0], SourceError, "has no lines"),
        (two_balances().replace("10^8 m^3", "bottles"), UnitError, "'bottles' is no mass"),
        (with_line("Shanxi", "Total final consumption", "Raw Coal", 95, "10^4 t"), BalanceError,
         "Total final consumption of Raw Coal in Shanxi is 95, its rows sum to 80"),
    ],
)  # fmt: skip
def test_bad_statistics(frame, error, says):
    with pytest.raises(error, match=says) as caught:
        energy_balance(frame)
    assert "\n" not in str(caught.value)


def test_a_total_that_fits_passes():
    energy_balance(with_line("Shanxi", "Total final consumption", "Raw Coal", 80.02, "10^4 t"))


@pytest.mark.parametrize("name", ["Shannxi", "shaxi", "Shan'xi"])
def test_shanxi_or_shaanxi(name):
    with pytest.raises(LabelError, match=r"Shanxi \(140000\) or Shaanxi \(610000\)"):
        energy_balance(two_balances().replace("Shaanxi", name))
    frame = two_balances().replace("Shaanxi", name)
    frame["code"] = frame["region"].map({"Shanxi": "140000", name: "610000"})
    balance = energy_balance(frame)
    assert balance.regions == ["Shanxi", "Shaanxi"]
    assert balance.facts["regions renamed"] == {name: "Shaanxi"}


def test_a_near_name_in_a_file_of_its_own(tmp_path):
    frame = two_balances().replace("Shaanxi", "Hennan")
    for region, part in frame.groupby("region"):
        part.to_csv(tmp_path / f"{region}.csv", index=False)
    with pytest.raises(LabelError, match=r"'Hennan' is no province"):
        energy_balance(tmp_path)


def test_a_country_that_shares_a_name():
    frame = two_balances().replace({"Shanxi": "Hainan", "Shaanxi": "South"})
    with pytest.raises(LabelError, match=r"'South' is no province"):
        energy_balance(frame)
    assert energy_balance(frame, regions=["Hainan", "South"]).regions == ["Hainan", "South"]


def test_codes_with_gaps():
    frame = two_balances()
    frame["code"] = frame["region"].map({"Shanxi": 140000.0})
    assert energy_balance(frame).regions == ["Shanxi", "Shaanxi"]
    frame.loc[frame.index[0], "code"] = 610000.0
    with pytest.raises(LabelError, match=r"'Shanxi' has two codes"):
        energy_balance(frame)


def test_other_near_names_are_refused_with_candidates():
    with pytest.raises(LabelError, match=r"'Shaanxii' is no province; .*Shaanxi \(610000\) or "
                                         r"Shanxi \(140000\)"):  # fmt: skip
        energy_balance(two_balances().replace("Shaanxi", "Shaanxii"))
    with pytest.raises(LabelError, match=r"Henan \(410000\)"):
        named_regions(["Hebei", "Hennan"], "x")


def test_code_and_name_that_contradict():
    frame = two_balances()
    frame["code"] = frame["region"].map({"Shanxi": "610000", "Shaanxi": "140000"})
    with pytest.raises(LabelError, match=r"'Shanxi' has the code of Shaanxi"):
        energy_balance(frame)


def test_one_region_under_two_names():
    with pytest.raises(LabelError, match=r"Shanxi, 山西 are all Shanxi"):
        energy_balance(two_balances().replace("Shaanxi", "山西"))


def test_regions_of_any_country_stay():
    balance = energy_balance(two_balances().replace({"Shanxi": "North", "Shaanxi": "South"}))
    assert balance.regions == ["North", "South"]
    with pytest.raises(LabelError, match=r"lacks East"):
        energy_balance(balance.lines, regions=["North", "South", "East"])
    with pytest.raises(LabelError, match=r"unknown region 'South'"):
        energy_balance(balance.lines, regions=["North"])


def test_a_region_missing_from_one_file(tmp_path):
    frame = two_balances()
    coal = frame["fuel"].eq("Raw Coal")
    frame[coal].to_csv(tmp_path / "coal.csv", index=False)
    rest = frame[~coal]
    rest.to_csv(tmp_path / "rest.csv", index=False)
    balance = energy_balance(tmp_path)
    assert len(balance.lines) == len(frame)
    extra = rest[rest["region"].eq("Shanxi")].assign(region="Hebei")
    pd.concat([rest, extra]).to_csv(tmp_path / "rest.csv", index=False)
    with pytest.raises(LabelError, match=r"coal.csv lacks Hebei, which other files have"):
        energy_balance(tmp_path)
    with pytest.raises(SourceError, match=r"does not exist"):
        energy_balance(tmp_path / "none.csv")


def test_a_file_per_region(tmp_path):
    for region, part in two_balances().groupby("region"):
        part.to_csv(tmp_path / f"{region}.csv", index=False)
    assert sorted(energy_balance(tmp_path).regions) == ["Shaanxi", "Shanxi"]


def test_options_and_roles_are_checked():
    with pytest.raises(LabelError, match=r"signs='minus' is no option"):
        energy_balance(two_balances(), signs="minus")
    with pytest.raises(LabelError, match=r"role 'burnt' of Coking is unknown"):
        energy_balance(two_balances(), roles={**CHINA_ROWS, "Coking": Row("burnt")})


def branches(*values: float) -> pd.DataFrame:
    return pd.DataFrame(
        [(s, f, v) for s, v in zip("AB", values, strict=True)
         for f in ("Raw Coal", "Natural Gas", "Electricity")],
        columns=["sector", "fuel", "value"],
    )  # fmt: skip


def test_split_row_keeps_every_cell():
    balance = energy_balance(two_balances())
    split = split_row(balance, "Industry", branches(2.0, 1.0))
    pd.testing.assert_frame_equal(split.difference, balance.difference, atol=1e-12)
    for role in ("final", "non-energy"):
        before = balance.of(role).groupby(["region", "fuel"])["value"].sum()
        after = split.of(role).groupby(["region", "fuel"])["value"].sum()
        pd.testing.assert_series_equal(before, after)
    assert split.facts["split"]["scaled by"]["Shanxi/Raw Coal"] == pytest.approx(20.0)
    assert set(split.of("non-energy")["sector"]) == {"A", "B"}


def test_split_row_refuses():
    balance = energy_balance(two_balances())
    with pytest.raises(
        LabelError, match=r"'Industri' is no final use of the balance; did you mean"
    ):
        split_row(balance, "Industri", branches(1, 1))
    with pytest.raises(LabelError, match=r"Shanxi/Electricity.* used in Industry, by no branch"):
        split_row(balance, "Industry", branches(1, 1).query("fuel != 'Electricity'"))
    with pytest.raises(DataError, match=r"no number from 0"):
        split_row(balance, "Industry", branches(1, -1))
    with pytest.raises(LabelError, match=r"Rural: a row of the balance already"):
        split_row(balance, "Industry", branches(1, 1).replace("A", "Rural"))
