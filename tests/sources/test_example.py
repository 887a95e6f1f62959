"""The example world is what its script makes of WIOD, and what its papers say."""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import pytest

import carbonflows as cf
from carbonflows.errors import SourceError
from carbonflows.sources.example import YEARS, example, read_example
from carbonflows.store import save_table, table_hash

EAST = ["BGR", "CYP", "CZE", "EST", "HUN", "LTU", "LVA", "POL", "ROU", "SVK", "SVN"]
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "src" / "carbonflows" / "data" / "example"


@pytest.fixture(scope="module")
def script():
    place = ROOT / "scripts" / "make_example.py"
    spec = importlib.util.spec_from_file_location("make_example", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_checksums():
    lines = (DATA / "SHA256SUMS").read_text().splitlines()
    stated = {name: digest for digest, name in (line.split("  ") for line in lines)}
    files = {p.name for p in DATA.iterdir()} - {"SHA256SUMS"}
    assert set(stated) == files
    assert {f"wiod_{year}.zip" for year in YEARS} < files
    for name, digest in stated.items():
        assert hashlib.sha256((DATA / name).read_bytes()).hexdigest() == digest, name


def test_small_enough_to_ship():
    assert sum(p.stat().st_size for p in DATA.iterdir()) < 3_000_000


@pytest.mark.parametrize("year", YEARS)
def test_shape_and_units(year):
    world = example(year)
    assert (len(world.regions), len(world.sectors), len(world.categories)) == (22, 18, 5)
    assert (world.year, world.unit, world.output) == (year, "M USD", "rows")
    assert world.price_basis == "current basic prices"
    co2 = world.extensions["emissions"]
    assert co2.unit.to_dict() == {"CO2": "kt CO2"}
    assert co2.has_final
    homes = co2.F_Y.T.groupby(level="category").sum()["CO2"]
    assert homes["CONS_h"] > 1e6
    assert (homes.drop("CONS_h") == 0).all()
    assert "Timmer" in world.source
    assert "Genty" in world.source


def test_world_totals_of_2007():
    world = example(2007)
    co2 = world.extensions["emissions"]
    total = co2.F.to_numpy().sum() + co2.F_Y.to_numpy().sum()
    assert total / 1e6 == pytest.approx(29.22, abs=0.005)
    assert world.x_given.sum() / 1e6 == pytest.approx(109.4, abs=0.05)
    # Rows balance up to the rounding of 1435 numbers to whole M USD.
    assert np.abs(world.x - world.x_given).max() < 4000


def test_members_cover_the_world_once():
    members = example().members
    assert members["ROW"] == ("*",)
    assert members["CHN"] == ("CHN",)
    codes = [code for region in members.values() for code in region]
    assert len(codes) == len(set(codes)) == 41
    assert set(members["EEU"]) == set(EAST)


def test_year_that_is_not_there():
    with pytest.raises(
        SourceError,
        match="the example world has no year 2008: there are 1995, 2000, 2004, 2007, 2009",
    ):
        read_example(year=2008)


def test_a_path_is_refused():
    with pytest.raises(SourceError, match="source 'example' takes no path"):
        read_example("somewhere")


def test_script_makes_the_same_table_and_bytes(shared, script, tmp_path):
    made = script.example_table(shared / "wiod2013", 2007)
    shipped = example(2007)
    assert table_hash(made) == table_hash(shipped)
    assert made.nodes.equals(shipped.nodes)
    assert dict(made.members) == dict(shipped.members)
    assert (made.name, made.source, made.year) == (shipped.name, shipped.source, shipped.year)
    again = tmp_path / "again.zip"
    save_table(made, tmp_path / "made.zip")
    save_table(script.example_table(shared / "wiod2013", 2007), again)
    assert (tmp_path / "made.zip").read_bytes() == again.read_bytes()


def test_groupings_beside_the_tables(script, tmp_path):
    for name, column, grouping in (
        ("regions.csv", "region", script.region_grouping()),
        ("sectors.csv", "sector", script.sector_grouping()),
    ):
        script.write_grouping(tmp_path / name, column, grouping)
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
    assert (DATA / "README.md").read_text(encoding="utf-8") == script.README


def test_sums_of_the_full_table(shared):
    """Every region's own flows and emissions, summed by hand from the arrays of the source."""
    stored = np.load(shared / "wiod2013" / "wiod13_2007.npz")
    countries = [str(c) for c in stored["countries"]]
    china = countries.index("CHN")
    power = stored["Z"][china * 35 + 16]
    world = example(2007)
    assert world.Z.loc[("CHN", "Electricity, gas and water")].sum() == power.sum()
    assert world.Z.loc[("CHN", "Electricity, gas and water"), "CHN"].sum() == (
        power[china * 35 : china * 35 + 35].sum()
    )
    co2 = world.extensions["emissions"]
    east = [countries.index(c.replace("ROU", "ROM")) for c in EAST]
    assert co2.F["EEU"].sum(axis=1)["CO2"] == pytest.approx(stored["co2_kt"][east].sum(), 1e-12)
    assert co2.F_Y[("EEU", "CONS_h")]["CO2"] == pytest.approx(stored["co2_hh_kt"][east].sum())


@pytest.mark.parametrize("year", YEARS)
def test_bias_against_the_full_table(shared, script, year):
    """The bounds that the README beside the tables states."""
    full = cf.Leontief(cf.read("wiod2013", shared / "wiod2013", year=year))
    small = cf.Leontief(example(year))
    regions = script.region_grouping()
    account, short = cf.footprint(full, grouping=regions), cf.footprint(small)
    np.testing.assert_allclose(short["production"], account["production"], rtol=1e-12)
    gap = (short["consumption"] - account["consumption"]).abs()
    assert (gap / account["consumption"]).max() < 0.04
    assert gap.sum() / account["consumption"].sum() < 0.007
    flows, coarse = cf.flows(full, grouping=regions), cf.flows(small)
    apart = ~np.eye(len(flows), dtype=bool)
    off = np.abs(coarse.to_numpy() - flows.to_numpy())[apart].sum()
    assert off / flows.to_numpy()[apart].sum() < 0.05
    share = cf.world_share(full, grouping=regions)["share"]
    assert 0 < cf.world_share(small)["share"]["footprint"] - share["footprint"] < 0.005
