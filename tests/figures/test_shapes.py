"""Outlines of countries and regions."""

import hashlib
import json
from importlib.resources import files

import geopandas
import numpy as np
import pytest
import shapely

from carbonflows.errors import LabelError
from carbonflows.figures.shapes import WORLD, country_shapes, flattened, region_shapes

FOLDER = files("carbonflows") / "data" / "shapes"
# Countries of the usual MRIO tables that are small, new, or drawn apart.
SMALL = [
    "SGP", "BHR", "MLT", "LUX", "HKG", "MAC", "CYP", "TWN", "PSE", "MDV", "BRN",
    "MCO", "LIE", "SMR", "AND", "ABW", "BMU", "TUV", "XKX", "SSD", "MNE",
]  # fmt: skip


def test_file_is_small_valid_and_a_coverage(countries):
    text = (FOLDER / "countries.geojson").read_bytes()
    assert len(text) < 500_000
    geometry = countries.geometry.to_numpy()
    assert shapely.is_valid(geometry).all()
    assert shapely.coverage_is_valid(geometry)
    west, south, east, north = countries.total_bounds
    assert (west, east) == (-180, 180)
    assert -60 < south < north < 84


def test_readme_states_the_checksum():
    digest = hashlib.sha256((FOLDER / "countries.geojson").read_bytes()).hexdigest()
    assert digest in (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("code", SMALL)
def test_small_states_have_land(countries, code):
    assert countries.geometry[code].area > 0


def test_every_iso_country_is_there_but_antarctica(countries):
    import pandas as pd

    table = pd.read_csv(
        files("country_converter") / "country_data.tsv", sep="\t", dtype=str, keep_default_na=False
    )
    current = set(table.loc[(table["obsolete"] == "") & (table["ISOnumeric"] != ""), "ISO3"])
    assert current - set(countries.index) == {"ATA"}
    assert "XKX" in countries.index


def test_disputed_areas_are_where_the_readme_says(countries):
    def inside(code, lon, lat):
        return countries.geometry[code].contains(shapely.Point(lon, lat))

    assert inside("CYP", 33.4, 35.3)  # Northern Cyprus
    assert inside("SOM", 45.0, 9.5)  # Somaliland
    assert inside("UKR", 34.0, 45.2)  # Crimea
    assert not inside("RUS", 34.0, 45.2)
    assert inside("GUF", -53.0, 4.0)
    assert not inside("FRA", -53.0, 4.0)


@pytest.mark.parametrize(
    ("code", "box"),
    [
        ("USA", (-110, 35, -90, 43)),
        ("FRA", (0, 44, 5, 49)),
        ("RUS", (70, 52, 120, 68)),
        ("CHN", (95, 30, 112, 40)),
        ("CAN", (-115, 50, -85, 65)),
        ("NOR", (5, 58, 16, 68)),
        ("HRV", (15, 45, 18, 46.5)),
        ("FJI", (177, -19, 180, -16)),
    ],
)
def test_anchors_are_where_a_reader_expects_them(code, box):
    shapes = region_shapes({code: [code], "ROW": ["*"]})
    anchor = shapes.loc[code, "anchor"]
    assert shapely.box(*box).contains(anchor)
    assert shapes.geometry[code].contains(anchor)


def test_every_anchor_is_inside_the_largest_piece(countries, regions):
    for shapes in (countries, regions):
        flat = flattened(shapes.geometry.to_numpy(), WORLD)
        points = flattened(shapes["anchor"].to_numpy(), WORLD)
        for label, shape, point in zip(shapes.index, flat, points, strict=True):
            pieces = shapely.get_parts(shape)
            largest = pieces[np.argmax(shapely.area(pieces))]
            assert largest.distance(point) < 500, label  # m: the file is rounded


def test_regions_partition_the_world(countries, regions):
    world = shapely.area(countries.geometry.to_numpy()).sum()
    assert shapely.area(regions.geometry.to_numpy()).sum() == pytest.approx(world, rel=1e-6)
    assert shapely.coverage_is_valid(regions.geometry.to_numpy())
    assert sorted(c for listed in regions["members"] for c in listed) == sorted(countries.index)


def test_regions_have_no_slivers_and_no_inner_borders(regions):
    for label, shape in regions.geometry.items():
        pieces = shapely.get_parts(shape)
        if len(pieces) > 1:
            assert shapely.area(pieces).min() >= 2e-3, label
    # Two neighbours become one piece: the border between them is gone.
    joined = region_shapes({"A": ["MNG", "RUS"]}).geometry["A"]
    border = shapely.Point(98.0, 50.9)
    assert joined.buffer(-0.2).distance(border) < 0.9
    assert len(shapely.get_parts(joined)) < sum(
        len(shapely.get_parts(country_shapes().geometry[c])) for c in ("MNG", "RUS")
    )


def test_projected_outlines_are_whole_across_the_antimeridian(regions, countries):
    for shapes in (countries, regions):
        flat = flattened(shapes.geometry.to_numpy(), WORLD)
        assert shapely.is_valid(flat).all()
        for label, shape in zip(shapes.index, flat, strict=True):
            for ring in shapely.get_rings(shape):
                steps = np.abs(np.diff(shapely.get_coordinates(ring)[:, 0]))
                assert steps.max() < 2e6, label  # m: no line across the map
    russia = flattened(countries.geometry[["RUS"]].to_numpy(), WORLD)[0]
    chukotka = flattened(np.array([shapely.Point(-172.0, 66.8)]), WORLD)[0]
    largest = max(russia.geoms, key=lambda piece: piece.area)
    assert largest.buffer(5e4).contains(chukotka)


def test_projection_keeps_areas(countries):
    ours = shapely.area(flattened(countries.geometry.to_numpy(), WORLD))
    theirs = countries.to_crs("EPSG:8857").area.to_numpy()
    large = theirs > 1e10
    assert ours[large] == pytest.approx(theirs[large], rel=2e-3)


def test_territories_follow_their_country_unless_named():
    shapes = region_shapes({"FRA": ["FRA"], "Serbia": ["SRB"], "ROW": ["*"]})
    assert {"GUF", "REU"} <= set(shapes.loc["FRA", "members"])
    assert shapes.loc["Serbia", "members"] == ("SRB", "XKX")
    apart = region_shapes({"FRA": ["FRA"], "Islands": ["REU"], "ROW": ["*"]})
    assert "REU" not in apart.loc["FRA", "members"]
    assert "GRL" in shapes.loc["ROW", "members"]


def test_former_codes_are_understood():
    assert region_shapes({"A": ["ROM"]}).loc["A", "members"] == ("ROU",)
    assert region_shapes({"A": ["ANT"]}).loc["A", "members"] == ("BES", "CUW", "SXM")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"A": ["CHN", "QQQ"], "B": ["ZZZ"]}, "QQQ, ZZZ: no shape for this ISO3 code"),
        ({"A": ["CHN"], "B": ["CHN"]}, "CHN is a member of both A and B"),
        ({"A": ["*"], "B": ["*"]}, r"A, B: '\*' in more than one region"),
        ({"A": []}, "A: no members"),
        ({}, "no regions"),
    ],
)
def test_bad_members_are_refused(members, message):
    with pytest.raises(LabelError, match=message):
        region_shapes(members)


def test_shapes_are_copies():
    first = country_shapes()
    first.loc["CHN", "geometry"] = shapely.Point(0, 0)
    assert country_shapes().geometry["CHN"].area > 100


def test_file_opens_with_geopandas():
    with (FOLDER / "countries.geojson").open(encoding="utf-8") as file:
        features = json.load(file)["features"]
    frame = geopandas.GeoDataFrame.from_features(features, crs="EPSG:4326")
    assert list(frame.columns) == ["geometry", "iso3", "name", "part_of"]
    assert frame["iso3"].is_unique


def test_script_remakes_the_shipped_file(shared, tmp_path):
    import subprocess
    import sys
    from pathlib import Path

    script = Path(__file__).resolve().parents[2] / "scripts" / "make_shapes.py"
    source = shared / "geo" / "countries-50m.json"
    subprocess.run([sys.executable, script, source, "--out", tmp_path], check=True,
                   capture_output=True)  # fmt: skip
    for name in ("countries.geojson", "README.md"):
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes()
