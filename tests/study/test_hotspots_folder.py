"""A study of hotspots from a folder of files: as from the synthetic country, and with more."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.grid.nodes import FINAL_USERS
from carbonflows.study import StudyResult, load_study, run
from carbonflows.study.hotspots import study as hotspots
from carbonflows.study.hotspots.mapped import ABROAD, ALL, Mapped
from hotspot_cases import MORE, REST, driven_of, found_in, lay_out, total


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("folder") / "country"
    lay_out(place)
    return place


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> StudyResult:
    """The synthetic country of the folder, as the study makes it itself."""
    families = {"Electricity": "Electricity, gas and water", "Metals": "Basic metals"}
    study = load_study("export-hotspots").changed(
        provinces={"number": 4}, hotspots={"cell": 50.0, "families": families}
    )
    return run(study, tmp_path_factory.mktemp("default") / "out", figures=False)


@pytest.fixture(scope="module")
def filed(folder, tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """The same from files."""
    return found_in(folder / "study.toml", tmp_path_factory.mktemp("filed") / "out", figures=False)


def test_files_give_what_the_synthetic_country_gives(default, filed):
    one, other = default.tables, filed[0].tables
    assert set(one) - set(other) == {"score"}
    assert set(other) <= set(one)
    for name in set(other) - {"diagnosis", "lorenz", "conservation"}:
        a, b = one[name], other[name]
        assert list(a.columns) == list(b.columns), name
        if name == "placed":  # the same, but for the order of layers
            a, b = (f.sort_values("layer").reset_index(drop=True) for f in (a, b))
        pd.testing.assert_frame_equal(
            a, b, check_dtype=False, rtol=1e-6, atol=1e-9, check_exact=False, obj=name
        )
    assert default.headlines[1:-1] == filed[0].headlines[1:]


def test_what_places_emissions_is_told_of_files(filed):
    line = filed[0].headlines[0]
    assert "does not exist" not in line
    for name in ("points “registered plants”", "raster “night lights”", "raster “population”"):
        assert name in line
    told = [float(share) for share in re.findall(r"(\d+) %", line)]
    assert sum(told) == pytest.approx(100, abs=1.5)
    assert not (filed[0].folder / "map.html").exists()
    assert not (filed[0].folder / "figures").exists()


@pytest.fixture(scope="module")
def fuller(folder, filed, tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """With territory, a list of countries, printed numbers, chosen destinations, and the world."""
    text = (folder / "study.toml").read_text(encoding="utf-8") + MORE
    text = text.replace('ports = "ports.csv"', "\n".join([
        'ports = "ports.csv"', 'countries = "countries.csv"', 'destinations = ["JPN", "ROW"]',
        "share = 0.6", "coarser = [3]", "smallest = 2",
    ]))  # fmt: skip
    (folder / "fuller.toml").write_text(text + PRINTED, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotspots, "country_of", lambda *given, **more: filed[1].country)
        return found_in(folder / "fuller.toml", tmp_path_factory.mktemp("fuller") / "out",
                        figures=False)  # fmt: skip


PRINTED = """
[published]
source = "A study"
differs = "Everything."
""" + "".join(
    f'\n[[published.values]]\nquantity = "{q}"\nregion = "{r}"\nvalue = {v}\nunit = "{u}"\n'
    for q, r, v, u in (
        ("driven from abroad", "country", 1466, "Mt"),
        ("share of industrial emissions", "country", 14.6, "%"),
        ("share of what is driven from abroad", "USA", 23, "%"),
        ("share of what is driven from abroad", "HKG", 10.8, "%"),
        ("share of category", "USA, Household consumption", 49, "%"),
        ("share of emitting sectors", "Electricity", 42, "%"),
        ("land with share of emissions", "60", 1, "%"),
        ("land with share of emissions", "75%", 1, "%"),
        ("rank as a country", "hubs", 5, "rank"),
    )
)


def test_land_without_emissions_makes_shares_of_land_smaller(filed, fuller):
    """Land of the island, by area on the ellipsoid; all else is as it was.

    Without it, whole cells of 50 km along the coast have more land than the country.
    """
    from pyproj import Geod

    island = abs(Geod(ellps="WGS84").polygon_area_perimeter(
        [80, 85, 85, 80], [40, 40, 45, 45]
    )[0]) / 1e6  # fmt: skip
    one, other = filed[0], fuller[0]
    before, after = (total(r, "land of the territory") for r in (one, other))
    assert after - before == pytest.approx(island, rel=2e-3)  # parallels are no geodesics
    assert driven_of(one) == pytest.approx(driven_of(other), rel=1e-12)
    shares = [r.tables["concentration"].set_index(["map", "share"])["area_share"] for r in
              (one, other)]  # fmt: skip
    cells = [2500.0 * total(r, "cells with emissions") for r in (one, other)]
    assert cells[0] == cells[1] > before
    assert cells[1] < after
    for name in (ABROAD, ALL):
        for share in (0.5, 0.75, 0.9):
            ratio = shares[0][name, share] / shares[1][name, share]
            assert ratio == pytest.approx(after / cells[0], rel=1e-9), (name, share)
    found = fuller[1]
    regions = len(found.places.shapes)
    assert len(found.places.outlines) == regions + 1  # the island is drawn, as without data
    assert len(filed[1].places.outlines) == regions
    assert found.land == pytest.approx(after, rel=1e-12)
    assert filed[1].land == pytest.approx(cells[0], rel=1e-12)
    rows = other.tables["resolution"].set_index(["map", "size"])["land_km2"]
    assert rows[ABROAD, 1] == pytest.approx(after, rel=1e-12)


def test_choices_of_the_study_file_are_kept(fuller):
    result, found = fuller
    assert set(result.tables["concentration"]["share"]) == {0.5, 0.6, 0.75, 0.9}
    assert list(result.tables["resolution"]["size"]) == [1, 3, 1, 3]
    assert found.destinations == ["JPN", "ROW"]
    assert set(result.tables["city_flows"]["destination"]) == {"JPN", "ROW", REST}
    assert (result.tables["hubs"]["cells"] >= 2).all()
    held = result.tables["hubs"][f"{ABROAD} of all"].sum()
    assert held < float(found.maps[ABROAD].where(found.mask > 0).sum() / found.maps[ABROAD].sum())
    ranks = result.tables["ranks"].set_index(["numerator", "own_country"])
    value = result.tables["hubs"][ALL].sum()
    for how, own in (("as listed", 5000), ("less the value", 5000 - value)):
        assert ranks.loc[(ALL, how), "rank"] == 1 + sum(v > value for v in (own, 4000, 1000, 100))
    assert (ranks["of"] == 5).all()  # the listed four and the hubs


def test_the_mirror_is_the_footprint_of_the_region(fuller):
    """Where what the United States use is emitted: an inverse in full, and what households burn."""
    import rasterio

    world = cf.example(2007)
    Z, Y, x = np.array(world.Z), np.array(world.Y), np.array(world.x)
    extension = next(e for e in world.extensions.values() if "CO2" in e.stressors)
    p = extension.F.loc["CO2"].to_numpy(float) / 1e3
    k = np.divide(p, x, out=np.zeros_like(p), where=x > 0)
    L = np.linalg.inv(np.eye(len(x)) - np.divide(Z, x, out=np.zeros_like(Z), where=x > 0))
    used = Y[:, [str(r) == "USA" for r, _ in world.demand]].sum(axis=1)
    expected = pd.Series(k * (L @ used), [str(r) for r, _ in world.nodes]).groupby(level=0).sum()
    expected["USA"] += extension.F_Y.T.groupby(level=0).sum().T.loc["CO2", "USA"] / 1e3
    rows = fuller[0].tables["mirror"].set_index("source")
    assert list(rows.index[:1]) == ["USA"]
    np.testing.assert_allclose(rows["emissions"], expected[rows.index], rtol=1e-6)
    assert rows["share"].sum() == pytest.approx(1)
    assert set(rows["destination"]) == {"USA"}
    with rasterio.open(fuller[0].folder / "grids/mirror.tif") as file:
        assert file.crs.to_epsg() == 4326
        assert set(file.units) == {"Mt"}
        assert file.shape == (36, 72)
        assert np.nansum(file.read(1)) == pytest.approx(rows["emissions"].sum(), rel=1e-9)


def test_printed_numbers_stand_beside_ours(fuller):
    result = fuller[0]
    rows = result.tables["published"].set_index(["quantity", "region"]).sort_index()
    tables, driven = result.tables, driven_of(result)
    assert rows.loc[("driven from abroad", "country"), "computed"].item() == driven
    both = rows.loc[("share of industrial emissions", "country")].set_index("basis")["computed"]
    assert both["of all sectors, with transport"] > both["of all emissions, with households' own"]
    share = tables["destinations"].set_index("destination")["share"]
    ours = rows.loc["share of what is driven from abroad"]
    assert ours.loc["USA", "computed"].item() == pytest.approx(100 * share["USA"])
    assert np.isnan(ours.loc["HKG", "computed"])
    assert "ROW" in ours.loc["HKG", "basis"]
    kinds = tables["categories"].set_index(["destination", "driver"])["share"]
    one = rows.loc[("share of category", "USA, Household consumption"), "computed"].item()
    assert one == pytest.approx(100 * kinds["USA", "Household consumption"])
    family = tables["families"].set_index("family")["share_of_driven"]["Electricity"]
    one = rows.loc[("share of emitting sectors", "Electricity"), "computed"].item()
    assert one == pytest.approx(100 * family)
    land = tables["concentration"].set_index(["map", "share"])
    for text, at in (("60", 0.6), ("75%", 0.75)):
        found = rows.loc[("land with share of emissions", text)].set_index("basis")["computed"]
        assert found["cells of 50 km, interpolated"] == pytest.approx(
            100 * land.loc[(ABROAD, at), "area_share"]
        )
        assert found["whole cells of 50 km"] >= found["cells of 50 km, interpolated"]
    assert len(rows.loc[("rank as a country", "hubs")]) == 4
    assert (rows.loc[("rank as a country", "hubs"), "published"] == 5).all()
    assert "Printed and computed" in result.report.read_text(encoding="utf-8")
    assert "A study" in result.report.read_text(encoding="utf-8")


def test_a_second_run_replaces_the_first(folder, filed, tmp_path):
    study = load_study(folder / "study.toml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hotspots, "country_of", lambda *given, **more: filed[1].country)
        run(study, tmp_path / "out", figures=False)
        first = (tmp_path / "out/grids/emissions.nc").read_bytes()
        smaller = study.changed(hotspots={"cell": 100.0}).model_copy(
            update={"hotspots": study.hotspots.model_copy(update={"cell": 100.0, "cities": None})}
        )
        result = run(smaller, tmp_path / "out", figures=False)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/grids/emissions.nc").read_bytes() != first
    assert "cities" not in result.tables
    assert not (tmp_path / "out/tables/cities.csv").exists()
    assert "city_codes" not in result.tables["hubs"]
    assert set(result.tables["concentration"]["resolution"]) == {"100 km"}
    assert driven_of(result) == pytest.approx(driven_of(filed[0]), rel=1e-12)


def test_without_households_final_users_have_no_place(filed):
    own = filed[1].gridded
    assert FINAL_USERS in own.names("sector")
    driven = filed[1].abroad.totals("sector")
    assert driven[FINAL_USERS] == 0  # nobody abroad burns fuel here
