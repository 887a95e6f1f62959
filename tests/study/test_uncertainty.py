"""The study of uncertainty: its numbers are those of draws and of first order, its report whole."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.accounts.emissions import partition
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.errors import CarbonflowsError, StudyError
from carbonflows.regions import Grouping
from carbonflows.solve import Leontief
from carbonflows.sources.plain import read_plain, write_plain
from carbonflows.study import load_study, run
from carbonflows.study.spec import Study
from carbonflows.study.uncertainty import study as uncertainty
from carbonflows.study.uncertainty.drawn import caused, drawn_at
from carbonflows.study.uncertainty.errors import named_errors, sd_of_file
from carbonflows.uncertainty.drawing import drawn_table
from carbonflows.uncertainty.draws import draws
from carbonflows.uncertainty.first_order import first_order
from carbonflows.uncertainty.model import Error
from worlds import random_world

DRAWS = 120
HEAD = """title = "Toy"
kind = "uncertainty"
[table]
source = "plain"
path = "toy"
"""
MODEL = """[uncertainty]
draws = 120
seed = 3
note = "Made up."
[[uncertainty.error]]
name = "totals"
on = "emissions"
by = ["region"]
sd = 0.05
[[uncertainty.error]]
name = "trade"
on = "inputs"
by = ["source_region", "user_region"]
rho = 0.3
size = { a = -2.0, b = -0.1, most = 0.3 }
[[uncertainty.error]]
on = "demand"
sd = 0.1
"""
GROUPS = '[grouping]\nname = "groups.csv"\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A table of five regions, as files, and two groups of them."""
    place = tmp_path_factory.mktemp("toy")
    write_plain(random_world(4, 5, 3), place / "toy")
    regions = read_plain(place / "toy").regions
    lines = [f"{region},{'east' if i < 2 else 'west'}" for i, region in enumerate(regions)]
    (place / "groups.csv").write_text("region,group\n" + "\n".join(lines) + "\n")
    return place


def study_of(folder: Path, model: str = MODEL, *, name: str = "study.toml") -> Path:
    path = folder / name
    path.write_text(HEAD + model, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def result(folder, tmp_path_factory):
    path = study_of(folder, GROUPS + MODEL)
    return run(path, tmp_path_factory.mktemp("result") / "out")


@pytest.fixture(scope="module")
def by_hand(folder) -> tuple[Any, list[Any]]:
    """The table and its draws, one by one."""
    study = load_study(study_of(folder, name="hand.toml"))
    table = read_plain(folder / "toy")
    errors = [part for one in named_errors(study, table) for part in one.errors]
    return table, [drawn_table(table, errors, seed=3, number=i) for i in range(DRAWS)]


def indexed(result, name: str) -> pd.DataFrame:
    return result.tables[name].set_index(["quantity", "region"])


# Numbers


@pytest.mark.parametrize("ending", ["", "_groups"])
def test_intervals_are_those_of_footprints_of_each_draw(result, by_hand, ending) -> None:
    table, drawn = by_hand
    groups = {r: "east" if i < 2 else "west" for i, r in enumerate(table.regions)}
    grouping = Grouping(groups) if ending else None
    accounts = [footprint(Leontief(one), grouping=grouping) for one in drawn]
    base = footprint(Leontief(table), grouping=grouping)
    found = indexed(result, f"intervals{ending}")
    for quantity in ("production", "consumption", "net_exports"):
        values = np.array([account[quantity] for account in accounts])
        rows = found.loc[quantity].loc[base.index]
        np.testing.assert_allclose(rows["base"], base[quantity], rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(rows["mean"], values.mean(axis=0), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(rows["sd"], values.std(axis=0, ddof=1), rtol=1e-8)
        low, middle, high = np.quantile(values, [0.025, 0.5, 0.975], axis=0)
        np.testing.assert_allclose(rows["low"], low, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(rows["median"], middle, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(rows["high"], high, rtol=1e-9, atol=1e-9)


def test_flows_signs_and_ranks_are_counted_from_draws(result, by_hand) -> None:
    table, drawn = by_hand
    between = np.array([flows(Leontief(one)).to_numpy() for one in drawn])
    rows = result.tables["flow_intervals"]
    assert len(rows) == 5 * 4
    assert (rows["base"].diff().dropna() <= 0).all()
    place = {region: i for i, region in enumerate(table.regions)}
    for row in rows.itertuples():
        values = between[:, place[row.source_region], place[row.demand_region]]
        assert row.sd == pytest.approx(values.std(ddof=1), rel=1e-8)
    accounts = [footprint(Leontief(one)) for one in drawn]
    net = np.array([account["net_exports"] for account in accounts])
    signs = result.tables["net_exporters"].set_index("region")
    np.testing.assert_allclose(signs["probability"], (net > 0).mean(axis=0), atol=1e-12)
    above, below = (net > 0).sum(axis=0), (net < 0).sum(axis=0)
    assert list(signs["sure"]) == list(np.maximum(above, below) >= 0.95 * DRAWS)
    used = np.array([account["consumption"] for account in accounts])
    ranks = (used[:, :, None] <= used[:, None, :]).sum(axis=2)  # without ties
    for row in result.tables["ranks"].itertuples():
        share = (ranks[:, place[row.region]] == row.rank).mean()
        assert row.probability == pytest.approx(share, abs=1e-12)


def test_first_order_and_its_shares(result, folder) -> None:
    table = read_plain(folder / "toy")
    named = named_errors(load_study(folder / "study.toml"), table)
    assert [len(one.errors) for one in named] == [1, 2, 1]
    first = first_order(table, [part for one in named for part in one.errors])
    found = indexed(result, "intervals")
    np.testing.assert_allclose(found["first_order"], first["sd"].loc[found.index], rtol=1e-12)
    np.testing.assert_allclose(found["ratio"], found["sd"] / found["first_order"], rtol=1e-12)
    shares = result.tables["variance_shares"].set_index(["quantity", "region", "error"])["share"]
    wide = shares.unstack("error")  # noqa: PD010
    np.testing.assert_allclose(wide.sum(axis=1), 1, rtol=1e-12)
    both = first[["share_inputs_1", "share_inputs_2"]].sum(axis=1)
    np.testing.assert_allclose(wide["trade"], both.loc[wide.index], rtol=1e-12)
    assert set(wide.columns) == {"totals", "trade", "Final demand"}


def test_convergence_compares_half_with_all(result, by_hand) -> None:
    _, drawn = by_hand
    used = np.array([footprint(Leontief(one))["consumption"] for one in drawn])
    rows = result.tables["convergence"].query("quantity == 'consumption'")
    for count in (DRAWS // 2, DRAWS):
        found = rows[rows["draws"] == count]["sd"]
        np.testing.assert_allclose(found, used[:count].std(axis=0, ddof=1), rtol=1e-8)
    assert set(rows["draws"]) == {DRAWS // 2, DRAWS}


def test_draws_summed_to_groups_are_draws_of_groups(by_hand) -> None:
    table, _ = by_hand
    made = draws(table, cf_error("emissions", 0.1), caused, number=3, seed=1, stressor=None)
    grouping = Grouping(dict.fromkeys(table.regions, "one"))
    one = drawn_at(made, len(table.regions), partition(table, grouping)).accounts()
    assert (one.values["net_exports"] == 0).all(axis=None)
    whole = drawn_at(made, len(table.regions), partition(table)).accounts()
    np.testing.assert_allclose(
        one.values["consumption"]["one"], whole.values["production"].sum(axis=1), rtol=1e-12
    )


def cf_error(on: Any, sd: float) -> Any:

    return Error(on, sd)


def test_same_seed_same_tables_alone_or_in_two_processes(folder, result, tmp_path) -> None:
    again = run(folder / "study.toml", tmp_path / "alone", figures=False)
    spread = run(folder / "study.toml", tmp_path / "two", figures=False, processes=2)
    assert not again.reused
    assert not spread.reused
    written = sorted(path.name for path in (result.folder / "tables").iterdir())
    assert "intervals_groups.csv" in written
    for name in written:
        one, two, three = (
            (found.folder / "tables" / name).read_bytes() for found in (result, again, spread)
        )
        assert one == two == three, name
    for name, frame in result.tables.items():
        pd.testing.assert_frame_equal(frame, spread.tables[name], check_exact=True)


def test_another_seed_other_tables(folder, result, tmp_path) -> None:
    path = study_of(folder, GROUPS + MODEL.replace("seed = 3", "seed = 4"), name="other.toml")
    other = run(path, tmp_path / "out", figures=False)
    assert not np.allclose(indexed(other, "intervals")["sd"], indexed(result, "intervals")["sd"])
    np.testing.assert_array_equal(
        indexed(other, "intervals")["base"], indexed(result, "intervals")["base"]
    )


# The report


def plain(html: str) -> str:
    return unescape(re.sub(r"data:image[^\"]*", "", html))


def test_the_report_is_whole(result) -> None:
    html = plain(result.report.read_text(encoding="utf-8"))
    for part in ("accounts", "signs", "ranks", "between", "sources", "draws", "model"):
        assert f'<h2 id="{part}">' in html
    ids = re.findall(r'<\w+ [^>]*?id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    assert {"consumption", "net_exports", "flows"} <= set(ids)
    drawn = {path.stem for path in (result.folder / "figures").glob("*.png")}
    assert drawn == {"consumption", "net_exports", "rank_probability", "flows"}
    assert not re.search(r"\bnan\b|None|http(?!://www.w3)", html)
    assert "Made up." in html
    assert "30 % of the log variance within source region and user region" in html
    assert 'id="ensemble"' not in html
    assert "The same by region" in html


def test_headlines_hold_the_numbers_of_the_tables(result) -> None:
    first, note, signs, ranks, share, against = result.headlines
    rows = indexed(result, "intervals_groups").loc["consumption"]
    largest = rows["base"].idxmax()
    assert f"{largest} is the largest consumer with" in first
    assert f"{100 * rows['cv'][largest]:.1f} %" in first
    assert note == "Made up."
    unsure = result.tables["net_exporters_groups"].query("not sure")
    assert ("unsure" in signs) == bool(len(unsure))
    assert all(region in signs for region in unsure["region"])
    assert "(one of both in at least 95 % of draws)" in signs
    own = result.tables["ranks_groups"]
    sure = [max(g["probability"]) >= 0.95 for _, g in own.groupby("region")]
    assert ranks.startswith(f"{sum(sure)} of 2 ranks")
    assert "(the same in at least 95 % of draws)" in ranks
    shares = result.tables["variance_shares_groups"].query("quantity == 'consumption'")
    leading = shares.loc[shares.groupby("region")["share"].idxmax(), "error"]
    assert f"“{leading.mode()[0]}”" in share
    compared = result.tables["intervals_groups"].query("quantity != 'production'")["ratio"]
    assert f"{compared.min():.2f} to {compared.max():.2f}" in against


def test_the_shipped_study_says_that_its_numbers_are_assumed(tmp_path) -> None:
    shipped = load_study("uncertainty")
    spec = shipped.uncertainty
    assert (spec.draws, spec.seed, shipped.table.year) == (1000, 1, 2007)
    assert "assumptions" in spec.note
    assert all(error.note.startswith("Assumed") for error in spec.error)
    few = shipped.model_copy(update={"uncertainty": spec.model_copy(update={"draws": 120})})
    found = run(few, tmp_path / "out", figures=False)
    assert "assumptions" in found.headlines[1]
    assert "assumptions" in found.report.read_text(encoding="utf-8")
    assert found.headlines[0].startswith(
        "WIOD example 2007: United States is the largest consumer with 6,447 Mt CO2, between "
    )
    rows = indexed(found, "intervals_groups")
    assert (
        (rows["ratio"] - 1).abs() < 4.6 / np.sqrt(2 * 119)
    ).all()  # standard errors, near normal
    cv = rows.loc["consumption"]["cv"]
    assert cv.between(0.01, 0.16).all()  # the range that Rodrigues et al. found for countries


SURE = re.compile(r"surely|are sure \(|is sure|least sure")


@pytest.mark.parametrize(("number", "says"), [(2, False), (99, False), (100, True)])
def test_few_draws_say_nothing_of_signs_and_ranks(folder, tmp_path, number, says) -> None:
    path = study_of(folder, MODEL.replace("draws = 120", f"draws = {number}"), name="few.toml")
    found = run(path, tmp_path / "out")
    html = plain(found.report.read_text(encoding="utf-8"))
    assert bool(SURE.search(" ".join(found.headlines))) == says
    assert ("Nothing is said of ranks" in html) == (not says)
    assert ('id="rank_probability"' in html) == says
    warned = found.headlines[0].startswith(f"{number} draws are too few to say anything of signs")
    assert warned == (not says)
    if not says:
        assert not re.search("first order|standard error", " ".join(found.headlines))
        assert not found.tables["net_exporters"]["sure"].any()
        assert not SURE.search(html)
        assert "Probability of net exporter" not in html


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_one_threshold_for_signs_and_ranks(folder, level) -> None:
    model = MODEL.replace("seed = 3", f"seed = 3\nlevel = {level}").replace("0.05", "0.6")
    found = uncertainty.outcome(of_table(folder, model), read_plain(folder / "toy"))
    signs = found.tables["net_exporters"]
    chance = np.maximum(signs["probability"], 1 - signs["probability"])
    assert list(signs["sure"]) == list(chance.round(9) >= level)
    assert f"in at least {100 * level:g} % of draws" in " ".join(found.headlines)


@pytest.mark.parametrize("sd", [0.99, 1.0, 5.0])
def test_errors_of_their_own_size_are_warned_of(folder, sd) -> None:
    model = MODEL.replace("sd = 0.05", f"sd = {sd}")
    found = uncertainty.outcome(of_table(folder, model), read_plain(folder / "toy"))
    assert found.headlines[0].startswith("Mind the errors") == (sd >= 1)
    errors = found.tables["errors"].set_index("error")
    assert errors["largest"]["totals"] == pytest.approx(sd)
    assert errors["skewed"].round(12).tolist() == [float(sd >= 1), 0, 0]
    if sd >= 1:
        assert f"“totals” (up to {100 * sd:g} %)" in found.headlines[0]
        assert "skewed" in found.headlines[0]


def test_an_error_of_zero_moves_nothing(folder, tmp_path) -> None:
    head, _, _ = MODEL.partition("[[uncertainty.error]]")
    path = study_of(folder, head + '[[uncertainty.error]]\non = "demand"\nsd = 0\n', name="0.toml")
    found = run(path, tmp_path / "out")
    np.testing.assert_allclose(found.tables["intervals"]["cv"].dropna(), 0.0, atol=1e-12)
    assert "The errors do not reach consumption at all" in " ".join(found.headlines)
    html = plain(found.report.read_text(encoding="utf-8"))
    assert not re.search(r"\bnan\b", html)


def test_what_matters_stands_before_the_tables_of_regions(result) -> None:
    html = plain(result.report.read_text(encoding="utf-8"))
    places = [html.index(f'<h2 id="{part}">') for part in ("sources", "model", "regions")]
    assert places == sorted(places)
    assert places[-1] < html.index("The same by region")


def test_without_groups_or_flows_or_first_order(folder, tmp_path) -> None:
    model = MODEL.replace("draws = 120", "draws = 6\nflows = 0\nrebalanced = true\ntotals = 0.01")
    found = run(study_of(folder, model, name="short.toml"), tmp_path / "out")
    assert "intervals_groups" not in found.tables
    assert "variance_shares" not in found.tables
    assert "first_order" not in found.tables["intervals"]
    html = plain(found.report.read_text(encoding="utf-8"))
    assert "Nothing is shown to first order: draws were rebalanced" in html
    assert "relative standard deviation of 1 %" in html
    assert 'id="between"' not in html
    assert 'href="#between"' not in html
    assert found.headlines[-1].startswith("No standard deviations to first order")


def test_a_single_region_trades_nothing(folder, tmp_path) -> None:
    write_plain(random_world(9, 1, 3), tmp_path / "toy")
    found = run(study_of(tmp_path), tmp_path / "out")
    rows = indexed(found, "intervals").loc["net_exports"]
    assert (rows[["base", "sd", "low", "high"]] == 0).all(axis=None)
    assert rows["ratio"].isna().all()
    assert len(found.headlines) == 4
    html = plain(found.report.read_text(encoding="utf-8"))
    assert not re.search(r"\bnan\b", html)
    assert "flows: not drawn" in html


# Files of standard deviations and of fuels


def test_standard_deviations_from_a_file(folder, tmp_path) -> None:
    table = read_plain(folder / "toy")
    sd = {region: 0.01 * (i + 1) for i, region in enumerate(table.regions)}
    lines = "".join(f"{region},{value}\n" for region, value in sd.items())
    (folder / "sd.csv").write_text("region,sd\n" + lines)
    model = """[uncertainty]
draws = 4
[[uncertainty.error]]
on = "emissions"
by = ["region"]
file = "sd.csv"
"""
    found = run(study_of(folder, model, name="file.toml"), tmp_path / "out", figures=False)
    rows = indexed(found, "intervals").loc["production"]
    load = cf.emissions(table)
    made = partition(table).by_node(load.production)
    expected = made * np.array([sd[region] for region in table.regions])
    np.testing.assert_allclose(rows["first_order"], expected, rtol=1e-12)
    assert "from sd.csv" in found.tables["errors"]["relative_sd"][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("region,sd\nA,x\n", r"line 2: sd is 'x': give a finite number from 0 up"),
        ("region,sd\nA,0.1\nB,-0.1\n", r"line 3: sd is '-0.1'"),
        ("region,sd\nA,0.1\nA,0.2\n", "A given twice"),
        ("region,rsd\nA,0.1\n", "has a column 'rsd'"),
        ("region\nA\n", "has no column sd"),
        ("sd\n0.1\n", "has no column of labels"),
        ("", "cannot be read as CSV"),
    ],
)
def test_files_that_cannot_be_used(tmp_path, text, said) -> None:
    path = tmp_path / "sd.csv"
    path.write_text(text)
    with pytest.raises(StudyError, match=said) as caught:
        sd_of_file(path, "emissions")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


FUELS = """[uncertainty]
draws = 100
[uncertainty.fuels]
file = "fuels.csv"
activity = { coal = 0.0, gas = 0.0 }
factor = { coal = 0.1, gas = 0.04 }
"""


def test_fuels_share_their_factors(folder, tmp_path) -> None:
    table = read_plain(folder / "toy")
    made = pd.Series(cf.emissions(table).production, table.nodes)
    lines = [
        f"{region},{sector},{fuel},{share * value!r}"
        for (region, sector), value in made.items()
        for fuel, share in (("coal", 0.75), ("gas", 0.25))
    ]
    (folder / "fuels.csv").write_text("region,sector,fuel,value\n" + "\n".join(lines) + "\n")
    found = run(study_of(folder, FUELS, name="fuels.toml"), tmp_path / "out", figures=False)
    rows = indexed(found, "intervals")
    whole = np.hypot(0.75 * 0.1, 0.25 * 0.04)
    producing = partition(table).by_node(made.to_numpy())
    np.testing.assert_allclose(rows.loc["production"]["first_order"], whole * producing, rtol=1e-9)
    assert (np.abs(rows["ratio"] - 1) < 4 * rows["ratio_error"]).all()
    (folder / "fuels.csv").write_text("region,sector,fuel,value\n" + "\n".join(lines[1:]) + "\n")
    with pytest.raises(StudyError, match=r"uncertainty.fuels \(.*fuels.csv\): .* by fuel"):
        run(folder / "fuels.toml", tmp_path / "less", figures=False)


# Other tables


def test_other_tables_and_their_inventories(folder, tmp_path) -> None:
    table = read_plain(folder / "toy")
    write_plain(table.replace(Y=table.Y * 1.5), folder / "other")
    more = '[[uncertainty.table]]\nsource = "plain"\nname = "second"\npath = "other"\n'
    path = study_of(folder, MODEL.replace("draws = 120", "draws = 4") + more, name="more.toml")
    found = run(path, tmp_path / "out", figures=False)
    rows = found.tables["ensemble"].set_index(["table", "inventory", "region"])
    assert set(rows.index.get_level_values("table")) == {"plain", "second"}
    for name, one in (("plain", table), ("second", read_plain(folder / "other"))):
        account = footprint(Leontief(one))
        np.testing.assert_allclose(
            rows.loc[(name, name)]["consumption"], account["consumption"], rtol=1e-9
        )
    effects = found.tables["ensemble_variance"]
    np.testing.assert_allclose(
        effects[["table", "inventory", "interaction"]].sum(axis=1), effects["variance"], rtol=1e-9
    )
    assert found.headlines[-1].startswith("Other tables and their inventories put")
    html = plain(found.report.read_text(encoding="utf-8"))
    assert '<h2 id="ensemble">' in html
    assert "second with the emissions of plain: the other's, node by node" in html
    path = study_of(folder, MODEL + more.replace('name = "second"\n', ""), name="twice.toml")
    with pytest.raises(StudyError, match="two tables are called 'plain'"):
        run(path, tmp_path / "twice", figures=False)


# Refusals


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("draws = 120", "draws = 1", "uncertainty.draws is wrong"),
        ("seed = 3", "seed = -1", "uncertainty.seed is wrong"),
        ("seed = 3", "level = 1.0", "uncertainty.level is wrong"),
        ("seed = 3", "totals = 0.1", "totals = 0.1 are drawn only where"),
        ("seed = 3", "sed = 3", "uncertainty.sed is not a known field"),
        ("sd = 0.05", "", "it says nothing of how large it is"),
        ("sd = 0.05", 'sd = 0.05\nfile = "x.csv"', "it says sd, file of how large it is"),
        ("sd = 0.05", "sd = -1", "uncertainty.error 1 \\(totals\\).sd is wrong"),
        ("sd = 0.05", "sd = nan", "uncertainty.error 1 \\(totals\\).sd is wrong"),
        ("sd = 0.05", "sd = 0.05\nrho = 1.5", "uncertainty.error 1 \\(totals\\).rho is wrong"),
        ('by = ["region"]', "rho = 0.5", "by = 'cell' shares nothing"),
        ('by = ["region"]', 'by = ["country"]', "by has 'country'"),
        ('by = ["region"]', 'by = ["region", "region"]', "has a level twice"),
        ('on = "demand"', 'on = "demand"\nstressor = "CO2"', "means nothing to demand"),
        ('on = "demand"', 'on = "prices"', "uncertainty.error 3.on is wrong"),
        ('name = "trade"', 'name = "totals"', "two errors are called 'totals'"),
    ],
)
def test_study_files_that_cannot_be_meant(folder, before, after, said) -> None:
    assert before in MODEL
    path = study_of(folder, MODEL.replace(before, after, 1), name="wrong.toml")
    with pytest.raises(StudyError, match=said) as caught:
        load_study(path)
    assert re.search(r"wrong\.toml line \d+: uncertainty", str(caught.value))
    assert "\n" not in str(caught.value)


def of_table(folder: Path, model: str) -> Study:
    return load_study(study_of(folder, model, name="refused.toml"))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("[uncertainty]\n", "no source of error is named"),
        (MODEL.replace("sd = 0.05", 'sd = 0.05\nstressor = "CH4"'),
         r"uncertainty.error 1 \(totals\): .*'CH4'"),
        (MODEL.replace("most = 0.3", 'most = 0.3, unit = "k EUR"'),
         r"uncertainty.error 2 \(trade\): .*'k EUR'"),
        (MODEL.replace("sd = 0.05", 'file = "nowhere.csv"'), "nowhere.csv cannot be read"),
        (GROUPS + 'route = "aggregate_first"\n' + MODEL, "aggregate_first"),
    ],
)  # fmt: skip
def test_errors_that_do_not_fit_the_table(folder, model, said) -> None:
    table = read_plain(folder / "toy")
    with pytest.raises(StudyError, match=said) as caught:
        uncertainty.outcome(of_table(folder, model), table)
    assert "\n" not in str(caught.value)


def test_a_file_that_lacks_a_region(folder) -> None:
    (folder / "lacking.csv").write_text("region,sd\nNowhere,0.1\n")
    model = MODEL.replace("sd = 0.05", 'file = "lacking.csv"')
    with pytest.raises(CarbonflowsError, match=r"error 1 \(totals\): .*Nowhere"):
        uncertainty.outcome(of_table(folder, model), read_plain(folder / "toy"))


def test_a_table_whose_output_is_not_that_of_its_rows(folder) -> None:
    table = random_world(4, 5, 3, output="given")
    with pytest.raises(StudyError, match="output “given”"):
        uncertainty.outcome(of_table(folder, MODEL), table)
