"""The report of a study of hotspots, and the files beside it."""

import re
from dataclasses import replace

import numpy as np
import pytest
from pyproj import CRS
from shapely import Point

from carbonflows.grid.nodes import FINAL_USERS
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.study.hotspots.files import labelled_cities, zoomed
from carbonflows.study.hotspots.mapped import ABROAD, ALL
from carbonflows.study.hotspots.page import hotspot_pictures
from hotspot_cases import driven_of, total

FIGURES = {
    "driven_from_abroad", "all_emissions", "destinations", "families", "lorenz", "hubs", "cities",
}  # fmt: skip


def test_every_figure_is_drawn(result):
    html = result.report.read_text(encoding="utf-8")
    assert "not drawn" not in html
    assert html.count("data:image/svg+xml;base64,") == len(FIGURES)
    assert {p.stem for p in (result.folder / "figures").iterdir()} == FIGURES
    for stem in FIGURES:
        for suffix in (".png", ".svg"):
            assert (result.folder / "figures" / f"{stem}{suffix}").stat().st_size > 5000


def test_report_and_map_load_nothing(result):
    from plotly.offline import get_plotlyjs

    loading = re.compile(
        r"""(?:src|href|srcset|action|data)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?https?:"""
        r"""|@import|<link\b|<iframe|XMLHttpRequest|\bfetch\(|\bimport\(""",
        re.IGNORECASE,
    )
    for file in (result.report, result.folder / "map.html"):
        own = file.read_text(encoding="utf-8").replace(get_plotlyjs(), "")
        assert not loading.search(own), (file.name, loading.search(own))
    assert "<script" not in result.report.read_text(encoding="utf-8")
    for svg in (result.folder / "figures").glob("*.svg"):
        assert not re.search(r'(?:href|src)="https?:', svg.read_text(encoding="utf-8")), svg.name
    page = (result.folder / "map.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert (result.folder / "map.html").stat().st_size < 10e6


def test_the_report_says_that_the_country_does_not_exist(result):
    html = result.report.read_text(encoding="utf-8")
    for place in (html, result.headlines[0]):
        assert "does not exist" in place
        assert "scored against the truth" in place
    for heading in ("Totals", "Hubs, the largest first", "Cities ranked", "Found beside the truth",
                    "What places emissions"):  # fmt: skip
        assert heading in html
    assert 'href="map.html"' in html
    for line in result.headlines:
        assert "nan" not in line.lower()
    assert ">nan<" not in html.lower()


def test_headlines_are_the_numbers_of_the_tables(result):
    text = "\n".join(result.headlines)
    driven = driven_of(result)
    sectors = total(result, "of all sectors, without final users themselves")
    assert f"{driven:,.0f} Mt CO2" in text
    assert f"{100 * driven / sectors:.1f} %" in text
    rows = result.tables["concentration"].set_index(["map", "share"])
    assert f"{100 * rows.loc[(ABROAD, 0.75), 'area_share']:.2g} % of the land hold 75 %" in text
    assert f"form {len(result.tables['hubs'])} hubs" in text
    first = result.tables["cities"].iloc[0]
    assert f"{first['name']} {first['driven_from_abroad']:,.1f}" in text


def test_ranks_are_told_as_listed_first_and_then_beside_what_is_left(result):
    (line,) = (line for line in result.headlines if "hubs (" in line)
    told = re.search(
        r"the first has ([\d,]+) km²\)\. As a country of their own they would be number (\d+) by "
        r"all they emit \(([\d,]+) Mt CO2\) and number (\d+) by what is driven from abroad "
        r"\(([\d,]+)\); beside what is left of their own country, numbers (\d+) and (\d+)\.$",
        line,
    )
    area, of_all, everything, of_driven, driven, *less = (
        float(number.replace(",", "")) for number in told.groups()
    )
    hubs = result.tables["hubs"]
    ranks = result.tables["ranks"].set_index(["numerator", "own_country"])["rank"]
    assert area == pytest.approx(hubs["area_km2"].iloc[0], abs=0.5)
    assert (of_all, of_driven) == (ranks[ALL, "as listed"], ranks[ABROAD, "as listed"])
    assert less == [ranks[ALL, "less the value"], ranks[ABROAD, "less the value"]]
    assert everything == pytest.approx(hubs[ALL].sum(), abs=0.5)
    assert driven == pytest.approx(hubs[ABROAD].sum(), abs=0.5)


def test_figures_say_that_the_country_is_made_up(result):
    told = "the country, its cities and ports are made up"
    for svg in (result.folder / "figures").glob("*.svg"):
        # Lines of text may be broken; each is a node of its own.
        words = " ".join(re.findall(r"<!-- (.*?) -->", svg.read_text(encoding="utf-8")))
        assert told in " ".join(words.split()), svg.name
    assert told in (result.folder / "map.html").read_text(encoding="utf-8")


def test_homonyms_are_told_apart_on_maps(result, found):
    """The largest cities, by the names that the table has."""
    cities = result.tables["cities"]
    drawn = labelled_cities(found, 12)
    assert list(drawn["name"]) == list(cities["name"].head(12))
    assert drawn["name"].str.contains(r"\(").any()
    outlines = found.places.cities.geometry
    for city, row in zip(cities["city"], drawn.itertuples(), strict=False):
        assert outlines[city].contains(Point(row.longitude, row.latitude)), row.name


def test_maps_have_no_data_where_the_regions_are_not(found, monkeypatch):
    """Cells that no region touches are empty, and those without emissions are zero."""
    from carbonflows.figures import zoom

    layers: dict = {}
    monkeypatch.setattr(zoom, "zoomable_map", lambda given, *rest, **more: layers.update(given))
    zoomed(found)
    sea = found.places.in_regions.land == 0
    assert (found.maps[ALL].to_numpy()[sea] == 0).all()
    assert set(layers) > {"Driven from abroad", "All emissions"}
    assert len(layers) == 2 + len(found.destinations) + found.by_family["sector"].size
    for name, data in layers.items():
        np.testing.assert_array_equal(np.isnan(data), sea, err_msg=name)
        assert data.attrs["units"] == "t"
    tonnes = 1e6 * found.maps[ABROAD].clip(min=0).sum()  # from Mt
    assert float(layers["Driven from abroad"].sum()) == pytest.approx(float(tonnes), rel=1e-12)


def test_up_to_nine_families_are_drawn_the_largest_first(result, found, monkeypatch):
    """Every sector a family of its own: some fifteen."""
    from carbonflows.figures import gridmap

    sectors = [sector for own in found.families.values() for sector in own]
    several = replace(found, families={sector: [sector] for sector in sectors})
    kept: list[list[str]] = []
    monkeypatch.setattr(gridmap, "grid_map", lambda *given, **more: None)
    monkeypatch.setattr(gridmap, "grid_maps", lambda *given, titles, **more: kept.append(titles))
    pictures = hotspot_pictures(several, result.tables)
    (picture,) = (p for p in (next(pictures) for _ in range(4)) if p.stem == "families")
    sums = found.abroad.totals("sector").sort_values(ascending=False)
    assert len(sums.drop(FINAL_USERS, errors="ignore")) > 9
    assert kept[1] == [str(sector) for sector in sums.index[:9]]
    assert picture.caption.endswith(f"The 9 largest of {several.by_family['sector'].size}.")


def test_netcdf_says_where_it_lies_and_what_it_is_in(grids, found):
    assert CRS(grids["spatial_ref"].attrs["crs_wkt"]).equals(CRS(CHINA_ALBERS))
    for name in ("all_emissions", "driven_from_abroad", "driven_by_family", "driven_by_demand"):
        assert grids[name].attrs["units"] == "Mt", name
        # As `grid_mapping` of the variable, or as xarray keeps it.
        held = grids[name].attrs | grids[name].encoding
        assert held["grid_mapping"] == "spatial_ref"
        assert np.isfinite(grids[name]).all()
    assert np.diff(grids["x"]) == pytest.approx(1e4)
    assert np.diff(grids["y"]) == pytest.approx(-1e4)
    assert Grid.of(grids["all_emissions"]) == found.places.grid
    assert grids.attrs["title"] == "Where exports are emitted"
    assert grids.attrs["stressor"] == "CO2"


def test_geotiff_has_the_same_in_its_bands(result, grids, found):
    import rasterio

    with rasterio.open(result.folder / "grids/driven_from_abroad.tif") as file:
        assert CRS(file.crs.to_wkt()).equals(CRS(CHINA_ALBERS), ignore_axis_order=True)
        assert file.shape == found.places.grid.shape
        assert tuple(file.bounds) == pytest.approx(found.places.grid.bounds)
        assert set(file.units) == {"Mt"}
        bands = [str(name) for name in grids["destination"].values]
        assert [text.split()[-1] for text in file.descriptions] == bands
        np.testing.assert_array_equal(file.read(), grids["driven_from_abroad"])
