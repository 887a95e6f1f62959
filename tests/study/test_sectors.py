"""Sector studies: printed beside computed, every table a split of the same total, refusals."""

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.accounts.sector import tracer
from carbonflows.errors import DataError, GroupingError, StudyError
from carbonflows.study import run
from carbonflows.study.named import whichever


@pytest.fixture(scope="module")
def result(tmp_path_factory):  # type: ignore[no-untyped-def]
    return run("carbon-trust", tmp_path_factory.mktemp("sectors") / "out")


def table(result, name: str) -> pd.DataFrame:  # type: ignore[no-untyped-def]
    return pd.read_csv(result.folder / "tables" / f"{name}.csv")


def test_all_tables_split_the_same_totals(result) -> None:  # type: ignore[no-untyped-def]
    totals = table(result, "sector_totals").set_index("sector")["total"]
    assert list(totals.index) == [
        "Steel",
        "Aluminium",
        "Cotton",
        "Clothing",
        "Cars and other vehicles",
    ]
    for name in ("sector_borders", "sector_sources"):
        sums = table(result, name).groupby("sector", sort=False)["value"].sum()
        np.testing.assert_allclose(sums[totals.index], totals, rtol=1e-9)
    routes = table(result, "sector_routes")
    for _, step in routes.groupby(["from_stage", "to_stage"]):
        sums = step.groupby("sector")["value"].sum()
        np.testing.assert_allclose(sums, totals[sums.index], rtol=1e-9)
    steps = routes.groupby("sector")[["from_stage", "to_stage"]].apply(
        lambda x: len(x.value_counts())
    )
    assert steps[totals.index].tolist() == [5, 5, 5, 3, 3]  # first use where a commodity is made


def test_what_moves_as_what_is_read_from_the_routes(result) -> None:  # type: ignore[no-untyped-def]
    moves = table(result, "sector_moves").set_index(["sector", "moves_as"])["value"]
    routes = table(result, "sector_routes")
    routes = routes[routes["from_region"] != routes["to_region"]]
    crossed = routes.groupby(["sector", "from_stage", "to_stage"])["value"].sum()
    for sector in ("Steel", "Aluminium", "Cotton"):
        for form, step in (
            ("on its way to the last maker", ("emitted", "made")),
            ("as the commodity, to its first user", ("made", "used")),
            ("as components made of it", ("used", "assembled")),
            ("in the finished product", ("assembled", "consumed")),
        ):
            assert moves[sector, form] == pytest.approx(crossed[(sector, *step)], rel=1e-9)
        assert moves[sector, "crosses no border"] > 0


def test_drivers_explain_the_printed_ratio(result) -> None:  # type: ignore[no-untyped-def]
    drivers = table(result, "drivers").set_index("region")
    account = table(result, "accounts").set_index("region")["consumption_over_production"]
    np.testing.assert_allclose(drivers["ratio"], account[drivers.index], rtol=0, atol=1e-9)
    parts = drivers[["volume", "mix", "intensity", "imbalance"]].sum(axis=1)
    np.testing.assert_allclose(parts, drivers["ratio"], rtol=0, atol=1e-9)
    assert drivers.loc["SWE", "intensity"] > drivers.loc["CHN", "intensity"]


def test_printed_beside_computed(result) -> None:  # type: ignore[no-untyped-def]
    beside = table(result, "published").set_index(["quantity", "region"]).sort_index()
    account = cf.footprint(cf.Leontief(cf.example(2004)))
    for region, printed in (
        ("GBR", 34),
        ("DEU", 29),
        ("JPN", 19),
        ("USA", 13),
        ("FRA", 43),
        ("SWE", 61),
    ):
        row = beside.loc[("consumption over production", region)].iloc[0]
        assert row["published"] == printed
        ratio = account.loc[region, "consumption"] / account.loc[region, "production"] - 1
        assert row["computed"] == pytest.approx(100 * ratio)
    traded = beside.loc[("traded share", "world")].set_index("measure")["computed"]
    assert traded.round(1).to_dict() == {"footprint": 22.9, "eebt": 23.6, "throughflow": 31.6}


def test_what_crosses_borders_is_all_that_does(result) -> None:  # type: ignore[no-untyped-def]
    stages = table(result, "border_stages").groupby("measure")["total"].sum()
    measures = table(result, "trade_measures").groupby("measure")["exports"].sum()
    for measure in ("eebt", "throughflow"):
        assert stages[measure] == pytest.approx(measures[measure], rel=1e-9)


def test_weights_matter_and_are_told(result) -> None:  # type: ignore[no-untyped-def]
    weights = table(result, "weights")
    assert set(weights["part"]) == {"Steel", "Aluminium", "Cotton"}
    # odds, not shares: steel is half of metals, and doubled odds make it two thirds
    assert (weights[weights["factor"] == 2.0]["change"] > 0.1).all()
    assert (weights[weights["factor"] == 0.5]["change"] < -0.1).all()


def test_figures_of_every_sector(result) -> None:  # type: ignore[no-untyped-def]
    drawn = {path.stem for path in (result.folder / "figures").glob("*.svg")}
    assert {"borders", "sources", "way_steel", "way_cars_and_other_vehicles"} <= drawn


def study(tmp_path, text: str) -> str:  # type: ignore[no-untyped-def]
    path = tmp_path / "study.toml"
    path.write_text(
        'title = "S"\nkind = "sectors"\n[table]\nsource = "example"\nyear = 2004\n' + text
    )
    return str(path)


def test_carbon_per_tonne(tmp_path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "steel.csv").write_text("region,tonnes\nCHN,280e6\nDEU,46e6\n")
    text = (
        '[[sector]]\nname = "Metals"\nsectors = "Basic metals"\ntonnes = "steel.csv"\n'
        "per_tonne = [2.0, 2.3]\n"
    )
    found = run(study(tmp_path, text), tmp_path / "out", figures=False).tables["per_tonne"]
    system = cf.Leontief(cf.example(2004))
    e = cf.multipliers(system)["total"]
    node = ("DEU", "Basic metals")
    expected = e[node] * system.table.x[node] * 1e6 / 46e6
    assert found.set_index("region").loc["DEU", "carbon_per_tonne"] == pytest.approx(expected)
    assert found["range_high"].tolist() == [2.3, 2.3]


def test_tonnes_go_where_deliveries_go(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = cf.example(2004)
    every = pd.DataFrame({"region": world.regions, "tonnes": 1e6})
    every.to_csv(tmp_path / "metals.csv", index=False)
    text = (
        '[[sector]]\nname = "Metals"\nsectors = "Basic metals"\ntonnes = "metals.csv"\n'
        '[[sector]]\nname = "Some"\nsectors = "Mining"\ntonnes = "some.csv"\n'
    )
    (tmp_path / "some.csv").write_text("region,tonnes\nCHN,280e6\n")
    found = run(study(tmp_path, text), tmp_path / "out", figures=False).tables
    routes = found["tonnes_routes"]
    assert set(routes["sector"]) == {"Metals"}  # of mining not all makers are given
    trace = tracer(cf.Leontief(world), "Basic metals")
    steel = trace.deliveries.sum(axis=(1, 2)) / trace.output * 1e6
    made = routes[routes["from_stage"] == "made"].groupby(["to_stage", "from_region"])["value"]
    for stage in ("used", "assembled"):
        np.testing.assert_allclose(made.sum()[stage][world.regions], steel)
    assert set(found["per_tonne"]["sector"]) == {"Metals", "Some"}


def test_everything_goes_by_group(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = cf.example(2004)
    every = pd.DataFrame({"region": world.regions, "tonnes": 1e6})
    every[every["region"] != "IND"].to_csv(tmp_path / "metals.csv", index=False)
    text = '[[sector]]\nname = "Metals"\nsectors = "Basic metals"\ntonnes = "metals.csv"\n'
    found = run(study(tmp_path, text), tmp_path / "out", grouping="belt-and-road")
    groups = cf.load_grouping("belt-and-road")
    names = list(dict.fromkeys(groups.of(world.regions)))
    for name in ("accounts", "drivers"):
        assert set(found.tables[name]["region"]) == set(names)
    system = cf.Leontief(world)
    share = cf.world_share(system, grouping=groups)["share"]
    assert found.tables["world_share"]["share"].to_numpy() == pytest.approx(share.to_numpy())
    made = found.tables["per_tonne"].set_index("region")["tonnes"]
    group = groups.of(["IND"])[0]
    assert group not in made.index  # one of its makers is missing
    assert made["China"] == 1e6
    html = found.report.read_text(encoding="utf-8")
    assert f"none are given for {group}" in html
    assert "tonnes_routes" not in found.tables


def test_tonnes_may_be_a_row_of_the_table(tmp_path) -> None:  # type: ignore[no-untyped-def]
    world = cf.example(2004)
    weight = pd.DataFrame(0.0, ["metal"], world.nodes)
    weight.loc["metal", (slice(None), "Basic metals")] = np.arange(1.0, len(world.regions) + 1)
    table = cf.IOTable(
        world.Z, world.Y, year=2004, unit=world.unit, output="given", x=world.x,
        extensions=[*world.extensions.values(), cf.Extension(weight, unit="kt", name="weights")],
    )  # fmt: skip
    cf.save_table(table, tmp_path / "table.zarr")
    path = tmp_path / "study.toml"
    text = (
        'title = "S"\nkind = "sectors"\n[table]\nsource = "saved"\npath = "table.zarr"\n'
        '[emissions]\nstressor = "CO2"\n'
        '[[sector]]\nname = "Metals"\nsectors = "Basic metals"\ntonnes = "row: metal"\n'
    )
    path.write_text(text)
    found = run(str(path), tmp_path / "out", figures=False).tables["per_tonne"]
    assert found["tonnes"].tolist() == [1000.0 * i for i in range(1, len(world.regions) + 1)]
    path.write_text(text.replace("row: metal", "row: gold"))
    with pytest.raises(StudyError, match=r"tonnes of Metals: .*gold"):
        run(str(path), tmp_path / "out2", figures=False)


def test_a_part_that_is_nothing_carries_nothing(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = (
        '[[sector]]\nname = "None"\nsectors = "A"\n[[split]]\nsector = "Mining"\n'
        "[split.parts.A]\noutput = 0.0\n[split.parts.B]\noutput = 1.0\n"
    )
    found = run(study(tmp_path, text), tmp_path / "out")
    assert found.tables["sector_totals"]["total"].tolist() == [0.0]


def test_a_commodity_is_the_tracer(tmp_path) -> None:  # type: ignore[no-untyped-def]
    text = '[[sector]]\nname = "Metals"\nsectors = ["Basic metals|Steel"]\n'
    found = run(study(tmp_path, text), tmp_path / "out", figures=False)
    trace = tracer(cf.Leontief(cf.example(2004)), "Basic metals")
    assert found.tables["sector_totals"]["total"][0] == pytest.approx(trace.total)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("", StudyError, "names no sectors to follow"),
        (2 * '[[sector]]\nname = "X"\nsectors = "Mining"\n', StudyError, "two sectors .* X"),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\nheads = ["Emitted in"]\n',
            StudyError,
            "heads of X: give 4",
        ),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\nper_tonne = [2.3, 0.4]\n',
            StudyError,
            "per_tonne of X",
        ),
        ('[[sector]]\nname = "X"\nsectors = "Oil|Gas"\n', StudyError, "no sector 'Oil' or 'Gas'"),
        (
            '[sectors]\nelectricity = "Power"\n[[sector]]\nname = "X"\nsectors = "Mining"\n',
            StudyError,
            "electricity: .*'Power'",
        ),
        (
            '[sectors]\nstages = "belt-and-road"\n[[sector]]\nname = "X"\nsectors = "Mining"\n',
            GroupingError,
            "has no group for",
        ),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\n[[split]]\nsector = "Mining"\n'
            "[split.parts.A]\noutput = 0.5\n[split.parts.B]\noutput = 0.6\n",
            DataError,
            "sum to one, not to 1.1",
        ),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\ntonnes = "none.csv"\n',
            StudyError,
            "none.csv: tonnes of X cannot be read",
        ),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\n[published]\nsource = "S"\ndiffers = "D"\n'
            '[[published.values]]\nquantity = "exported share, net"\nregion = "GRB"\nvalue = 1\n'
            'unit = "%"\n',
            StudyError,
            "'GRB' is no region",
        ),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\n[published]\nsource = "S"\ndiffers = "D"\n'
            '[[published.values]]\nquantity = "traded share"\nregion = "wrld"\nvalue = 1\n'
            'unit = "%"\n',
            StudyError,
            "'traded share' is of the world, not of 'wrld'",
        ),
        (
            '[[sector]]\nname = "X"\nsectors = "Mining"\ntonnes = "row: CO2"\n',
            StudyError,
            "'CO2' is what is followed",
        ),
    ],
)
def test_mistakes(tmp_path, text, error, said) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(error, match=said):
        run(study(tmp_path, text), tmp_path / "out", figures=False)
    assert not (tmp_path / "out").exists()


def test_alternatives_are_taken_once() -> None:
    world = cf.example(2004)
    named = ["Textiles and leather|Textiles", "Leather|Textiles and leather"]
    assert whichever(world, named, "clothing") == ["Textiles and leather"]
