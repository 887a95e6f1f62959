"""The synthetic country on the map: every place is known, and everything sums to the truth."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod, Transformer

from carbonflows.build.synthetic.cities import city_at, invented_cities, people_at, towns_of
from carbonflows.build.synthetic.country import SyntheticCountry, synthetic_country
from carbonflows.build.synthetic.emitters import SyntheticPlaces, synthetic_places, true_pattern
from carbonflows.build.synthetic.place import invented_provinces
from carbonflows.errors import DataError, GridError, LabelError, ShapeError
from carbonflows.raster import CHINA_ALBERS, Grid
from carbonflows.sources.example import example
from worlds import random_world

KEYS = ["region", "sector"]


@pytest.fixture(scope="module")
def made() -> SyntheticCountry:
    return synthetic_country(example(2007), "CHN")


@pytest.fixture(scope="module")
def places(made: SyntheticCountry) -> SyntheticPlaces:
    return synthetic_places(made)


@pytest.fixture(scope="module")
def exact(made: SyntheticCountry) -> SyntheticPlaces:
    return synthetic_places(made, noise=0)


def areas(shapes: Any) -> Any:
    return np.array([abs(Geod(ellps="WGS84").geometry_area_perimeter(s)[0]) for s in shapes])


def assert_is_a_partition(provinces: Any, cities: Any) -> None:
    """Every province is the union of its cities; no two of them share more than a border."""
    shapes = cities.geometry.to_numpy()
    assert shapely.is_valid(shapes).all()
    # Valid as a coverage: neighbours share each vertex of their common border.
    assert shapely.coverage_is_valid(shapes)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[one], shapes[other]))
    assert shared[one != other].max() < 1e-13
    for code, province in provinces.geometry.items():
        own = cities.geometry[cities["region"] == code]
        assert shapely.area(own.to_numpy()).sum() == pytest.approx(province.area, rel=1e-12)
        assert shapely.symmetric_difference(shapely.union_all(own), province).area < 1e-10


# --- cities


def test_outlines_stay_where_they_are_when_projected(
    made: SyntheticCountry, places: SyntheticPlaces
) -> None:
    flat = places.cities.to_crs(CHINA_ALBERS).area.groupby(places.cities["region"]).sum()
    dense = made.shapes.set_geometry(made.shapes.geometry.segmentize(0.01)).to_crs(CHINA_ALBERS)
    np.testing.assert_allclose(flat, dense.area, rtol=1e-5)
    # Few points on a border are not enough.
    assert (made.shapes.to_crs(CHINA_ALBERS).area / dense.area - 1).abs().max() > 1e-3


def test_cities_partition_provinces(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    assert len(places.cities) == 96
    assert_is_a_partition(made.shapes, places.cities)


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 12), st.integers(2, 14), st.integers(0, 10**6))
def test_any_country_is_cut(provinces: int, count: int, seed: int) -> None:
    shapes = invented_provinces("CHN", provinces, np.random.default_rng(seed), 1e9)
    cities = invented_cities(shapes, count, np.random.default_rng([seed, 3]))
    assert_is_a_partition(shapes, cities)
    number = cities.index.str[:2].astype(int)
    assert (shapes.index[number - 1] == cities["region"]).all()
    assert cities.index.is_unique
    assert cities.index.str.fullmatch(r"\d{4}00").all()
    assert cities["population"].gt(0).all()
    summed = cities.groupby("region")["population"].sum()
    assert summed.to_numpy() == pytest.approx(shapes["population"].to_numpy(), rel=1e-12)
    capital = cities[cities.index.str[2:4] == "01"].set_index("region")
    for code, province in shapes.iterrows():
        assert shapely.contains_xy(
            capital.geometry[code], province["longitude"], province["latitude"]
        )
    centres = shapely.points(cities[["longitude", "latitude"]].to_numpy())
    assert shapely.contains(cities.geometry.to_numpy(), centres).all()
    bearers = cities.groupby("name")["region"].agg(["size", "nunique"])
    assert (bearers["size"] == bearers["nunique"]).all()
    assert (bearers["nunique"] > 1).sum() >= 2


def test_sizes_are_heavy_tailed_and_the_coast_is_dense(made: SyntheticCountry) -> None:
    slopes, denser = [], []
    for seed in range(5):
        cities = invented_cities(made.shapes, 20, np.random.default_rng(seed))
        size = np.sort(cities["population"])[::-1]
        rank = np.arange(1, len(size) + 1)
        slopes.append(np.polyfit(np.log(rank[:100]), np.log(size[:100]), 1)[0])
        ports = made.shapes[["port_longitude", "port_latitude"]].dropna().to_numpy()
        to_port = shapely.distance(
            shapely.points(cities[["longitude", "latitude"]].to_numpy()), shapely.MultiPoint(ports)
        )
        # Neither capitals nor ports themselves, which are the largest anyway.
        others = (cities.index.str[2:4] > "02") & cities["region"].isin(
            made.shapes.index[made.shapes["coastal"]]
        )
        per_area = cities["population"] / areas(cities.geometry)
        near, far = others & (to_port < 1.1), others & (to_port > 1.8)
        denser.append(per_area[near].mean() / per_area[far].mean())
    assert -1.3 < np.mean(slopes) < -0.6
    assert np.mean(denser) > 2.2


def test_ports_bear_the_name_of_their_city(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    coastal = made.shapes[made.shapes["coastal"]]
    assert places.ports.index.equals(coastal.index)
    assert (places.ports["longitude"] == coastal["port_longitude"]).all()
    assert (places.ports["latitude"] == coastal["port_latitude"]).all()
    for region, port in places.ports.iterrows():
        city = places.cities.loc[port["city"]]
        assert (city["name"], city["region"]) == (port["name"], region)
        assert shapely.distance(
            city["geometry"], shapely.Point(port[["longitude", "latitude"]])
        ) < (1e-9)
        assert port["city"] == f"{made.shapes.index.get_loc(region) + 1:02d}0200"


# --- emitters


def test_emitters_sum_to_the_truth(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    F = made.truth.extensions["emissions"].F.loc["CO2"]  # kt
    F = F[F.index.get_level_values(0).isin(made.provinces)]
    summed = places.emitters.groupby(KEYS)["emissions"].sum()
    assert len(F) == 216
    assert len(summed) == (F > 0).sum()
    np.testing.assert_allclose(summed.reindex(F.index).fillna(0.0), F, rtol=1e-12)
    assert places.emissions.index.equals(F.index[F > 0])
    assert (places.emissions == F[F > 0]).all()
    # The inventory, which energy balances explain, is the same mass.
    listed = made.inventory[~made.inventory["sector"].isin(["Urban", "Rural"])]
    listed = listed.groupby(["province", "sector"])["value"].sum() * 1e3
    np.testing.assert_allclose(listed.reindex(F.index).fillna(0.0), F, rtol=1e-12)


def test_plants_are_the_countrys(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    plants = places.emitters.iloc[: len(made.plants)]
    assert (plants["kind"] == "plant").all()
    assert not (places.emitters["kind"].iloc[len(plants) :] == "plant").any()
    for column in (*KEYS, "longitude", "latitude", "emissions"):
        assert (plants[column] == made.plants[column]).all()
    rest = places.emitters.iloc[len(plants) :]
    assert not set(rest["sector"]) & set(plants["sector"])


def test_emitters_lie_in_their_city_and_province(
    made: SyntheticCountry, places: SyntheticPlaces
) -> None:
    emitters, cities = places.emitters, places.cities
    assert (cities["region"].reindex(emitters["city"]).to_numpy() == emitters["region"]).all()
    for column, outlines in (("region", made.shapes), ("city", cities)):
        for label, own in emitters.groupby(column):
            assert shapely.contains_xy(
                outlines.geometry[label], own["longitude"], own["latitude"]
            ).all(), label
    assert (emitters["emissions"] > 0).all()
    assert set(emitters.loc[emitters["kind"] == "diffuse", "sector"]) == {
        "Agriculture", "Construction", "Land transport and logistics", "Services",
        "Trade and hospitality", "Water and air transport",
    }  # fmt: skip


def test_diffuse_sectors_emit_at_the_middle_of_cells(
    made: SyntheticCountry, places: SyntheticPlaces
) -> None:
    grid = Grid.projected(made.shapes, 10e3)
    own = places.emitters[places.emitters["sector"] == "Services"]
    there = Transformer.from_crs("EPSG:4326", CHINA_ALBERS, always_xy=True)
    x, y = there.transform(own["longitude"], own["latitude"])
    cell = grid.cell_of(x, y)
    away = np.hypot(x - grid.x[cell % grid.columns], y - grid.y[cell // grid.columns])
    alone = ~pd.Series(cell).duplicated(keep=False).to_numpy()
    # Cells on the outline of the country may have their middle abroad.
    assert (away[alone] < 1e-3).mean() > 0.97
    assert away.max() < 10e3 / np.sqrt(2)


def test_works_are_few_uneven_and_near_ports_while_mines_are_not(places: SyntheticPlaces) -> None:
    works = places.emitters[places.emitters["kind"] == "works"]
    by_node = works.groupby(KEYS)["emissions"]
    assert by_node.size().between(2, 20).all()
    many = by_node.size() >= 4
    assert (by_node.max() / by_node.sum())[many].median() > 1.5 * (1 / by_node.size())[
        many
    ].median()
    coastal = works[works["region"].isin(places.ports.index)]
    port = places.ports.loc[coastal["region"]]
    gap = Geod(ellps="WGS84").inv(
        *coastal[["longitude", "latitude"]].to_numpy().T,
        *port[["longitude", "latitude"]].to_numpy().T,
    )[2]
    near, mines = np.asarray(gap) < 60e3, coastal["sector"] == "Mining"
    assert near[~mines].mean() > 0.3 > 2 * near[mines].mean()


def test_without_noise_diffuse_emissions_follow_people(
    made: SyntheticCountry, exact: SyntheticPlaces
) -> None:
    grid = Grid.projected(made.shapes, 10e3)
    shares, nodes = true_pattern(exact, grid)
    towns = towns_of(exact.cities, np.random.default_rng(0))  # elsewhere than the places'
    people = people_at(grid, exact.cities, towns)
    region = exact.cities["region"].to_numpy()[people["city"]]
    services = shares[:, [nodes.get_loc(("CHN-03", "Services"))]].toarray().ravel()
    farming = shares[:, [nodes.get_loc(("CHN-03", "Agriculture"))]].toarray().ravel()
    own = people[region == "CHN-03"]
    rural = np.bincount(own["cell"], own["rural"], grid.size)
    np.testing.assert_allclose(farming, rural / rural.sum(), atol=1e-15, rtol=1e-9)
    trade = shares[:, [nodes.get_loc(("CHN-03", "Trade and hospitality"))]].toarray().ravel()
    np.testing.assert_allclose(services, trade, atol=1e-15, rtol=1e-9)
    # Within single cities, too, emissions have the share of people.
    emitted = exact.emitters.query("region == 'CHN-03' and sector == 'Services'")
    by_city = emitted.groupby("city")["emissions"].sum()
    population = exact.cities["population"][by_city.index]
    np.testing.assert_allclose(by_city / by_city.sum(), population / population.sum(), rtol=1e-9)


def test_noise_of_diffuse_emissions_is_what_was_asked_for(
    places: SyntheticPlaces, exact: SyntheticPlaces
) -> None:
    noisy, plain = (
        p.emitters.query("kind == 'diffuse'")["emissions"].to_numpy() for p in (places, exact)
    )
    assert np.log(noisy / plain).std() == pytest.approx(0.3, abs=0.02)
    node = pd.MultiIndex.from_frame(places.emitters.query("kind == 'diffuse'")[KEYS])
    within = pd.Series(np.log(noisy / plain), node).groupby(level=[0, 1]).std()
    np.testing.assert_allclose(within, 0.3, atol=0.02)


# --- people and lights


def test_population_is_the_provinces(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    raster = places.population
    assert raster.attrs["units"] == "persons"
    assert raster.dims == ("lat", "lon")
    grid = Grid.of(raster)
    assert grid.resolution == "0.1°"
    persons = raster.to_numpy().ravel()
    assert persons.sum() == pytest.approx(1.3e9, rel=1e-12)
    # Cells inside a province hold its people only; those on its border hold the rest.
    lon, lat = (v.ravel() for v in np.meshgrid(grid.x, grid.y))
    cells = shapely.box(lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05)
    for code, province in made.shapes.iterrows():
        shapely.prepare(province["geometry"])
        inside = persons[shapely.contains(province["geometry"], cells)].sum()
        touching = persons[shapely.intersects(province["geometry"], cells)].sum()
        assert inside < province["population"] < touching, code
        assert touching - inside < 0.3 * touching
    abroad = ~shapely.intersects(shapely.union_all(made.shapes.geometry), cells)
    assert abroad.sum() > 5000
    assert persons[abroad].sum() == 0


def test_people_sum_to_cities_on_any_grid(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    towns = towns_of(places.cities, np.random.default_rng(1))
    coarse = None
    for size in (50e3, 25e3, 12.5e3):
        grid = Grid.projected(made.shapes, size)
        people = people_at(grid, places.cities, towns)
        by_city = people.groupby("city")["persons"].sum()
        np.testing.assert_allclose(by_city, places.cities["population"], rtol=1e-12)
        assert (people["persons"] > people["rural"]).all()
        assert people["rural"].sum() == pytest.approx(0.4 * 1.3e9)
        # Points are where they are said to be.
        there = Transformer.from_crs("EPSG:4326", CHINA_ALBERS, always_xy=True)
        assert (grid.cell_of(*there.transform(people["longitude"], people["latitude"]))
                == people["cell"]).all()  # fmt: skip
        # Grids of another size, and other points, give the same map.
        x, y = there.transform(people["longitude"], people["latitude"])
        first = Grid.projected(made.shapes, 50e3)
        found = np.bincount(first.cell_of(x, y), people["persons"], first.size)
        if coarse is not None:
            assert np.abs(found - coarse).sum() / 2 < 0.03 * 1.3e9
        coarse = found


def test_people_crowd_in_cities(places: SyntheticPlaces) -> None:
    grid = Grid.of(places.population)
    density = places.population.to_numpy().ravel() / grid.area.ravel()
    usual = places.cities["population"] / (areas(places.cities.geometry) / 1e6)
    centre = density[grid.cell_of(places.cities["longitude"], places.cities["latitude"])]
    assert (centre > 3 * usual).mean() > 0.95
    assert np.median(centre / usual) > 10


def test_lights_saturate_and_have_the_noise(
    made: SyntheticCountry, places: SyntheticPlaces, exact: SyntheticPlaces
) -> None:
    noisy, plain = (p.lights.to_numpy() for p in (places, exact))
    assert Grid.of(places.lights).resolution == "0.05°"
    assert places.lights.attrs["units"] == "1"
    assert noisy.min() == 0
    assert 60 < noisy.max() <= 63
    assert ((noisy > 0) == (plain > 0)).all()
    # Undo the saturation: what is left is the noise.
    dim = (plain > 0) & (plain < 60) & (noisy < 60)
    ratio = np.log(np.log1p(-noisy[dim] / 63) / np.log1p(-plain[dim] / 63))
    assert ratio.mean() == pytest.approx(0, abs=0.01)
    assert ratio.std() == pytest.approx(0.3, abs=0.01)
    # Two per cent of the lit cells are beyond the turn of the curve.
    lit = plain[plain > 0]
    assert (lit > 63 * (1 - np.exp(-1))).mean() == pytest.approx(0.02, abs=1e-3)
    # Works and plants outshine the cells around them.
    sites = places.emitters[places.emitters["kind"] != "diffuse"]
    row, column = np.divmod(
        Grid.of(exact.lights).cell_of(sites["longitude"], sites["latitude"]), plain.shape[1]
    )
    padded = np.pad(plain, 1)
    around = [padded[row + i, column + j] for i in (0, 2) for j in (0, 2)]
    assert np.median(plain[row, column] / np.median(around, axis=0)) > 1.5
    # Where people and output are, light is: undone, lights sum to the provinces' value added.
    grid = Grid.of(exact.lights)
    activity = -np.log1p(-np.minimum(plain.ravel(), 62.999) / 63) * grid.area.ravel()
    lon, lat = (v.ravel() for v in np.meshgrid(grid.x, grid.y))
    within = [activity[shapely.contains_xy(s, lon, lat)].sum() for s in made.shapes.geometry]
    assert np.corrcoef(within, made.shapes["gdp"])[0, 1] > 0.95


# --- what is registered


def test_registry_differs_from_the_truth_as_promised(
    made: SyntheticCountry, places: SyntheticPlaces
) -> None:
    registry, plants = places.registry, made.plants
    assert list(registry.columns) == [
        "name", "region", "sector", "fuel", "longitude", "latitude", "value", "capacity",
    ]  # fmt: skip
    missing = plants.index.difference(registry.index)
    assert len(missing) == registry.attrs["missing"] == int(np.ceil(0.05 * len(plants))) == 8
    assert (plants["emissions"][missing] < plants["emissions"].median()).all()
    true = plants.loc[registry.index]
    for column in ("region", "sector", "fuel"):
        assert (registry[column] == true[column]).all()
    pd.testing.assert_series_equal(registry["capacity"], true["capacity"])
    for axis in ("longitude", "latitude"):
        assert (registry[axis] - true[axis]).abs().between(1e-9, 0.005 + 1e-9).all()
        np.testing.assert_allclose(registry[axis] * 100, np.rint(registry[axis] * 100), atol=1e-9)
    error = np.log(registry["value"] / true["emissions"])
    assert error.std() == pytest.approx(0.3, abs=0.06)
    assert abs(error.mean()) < 0.3 / np.sqrt(len(error)) * 3
    assert registry["name"].is_unique
    assert registry.attrs["unit"] == "kt CO2"
    assert registry.attrs["noise"] == 0.3


def test_without_noise_the_registry_is_right(
    made: SyntheticCountry, exact: SyntheticPlaces
) -> None:
    assert (exact.registry["value"] == made.plants["emissions"][exact.registry.index]).all()


# --- patterns


@pytest.mark.parametrize("size", [40e3, 200e3])
def test_true_pattern_is_a_count_by_hand(
    made: SyntheticCountry, places: SyntheticPlaces, size: float
) -> None:
    grid = Grid.projected(made.shapes, size)
    shares, nodes = true_pattern(places, grid)
    assert nodes.names == KEYS
    assert nodes.equals(places.emissions.index)
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-12)
    x, y = Transformer.from_crs("EPSG:4326", CHINA_ALBERS, always_xy=True).transform(
        places.emitters["longitude"], places.emitters["latitude"]
    )
    row = ((grid.north - y) // size).astype(int)
    column = ((x - grid.west) // size).astype(int)
    for node in [("CHN-01", "Basic metals"), ("CHN-12", "Services"), ("CHN-07", "Mining")]:
        own = (places.emitters["region"] == node[0]) & (places.emitters["sector"] == node[1])
        wanted = np.zeros(grid.shape)
        np.add.at(wanted, (row[own], column[own]), places.emitters["emissions"][own])
        found = shares[:, [nodes.get_loc(node)]].toarray().reshape(grid.shape)
        np.testing.assert_allclose(found * places.emissions[node], wanted, rtol=1e-9, atol=1e-9)


def test_true_pattern_needs_the_whole_country(places: SyntheticPlaces) -> None:
    with pytest.raises(GridError, match=r"emitters lie outside the grid of 0.5°: make it cover"):
        true_pattern(places, Grid.lonlat(0.5, (100, 20, 110, 40)))


# --- the same again, or not at all


def test_same_seed_same_places(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    plants = made.plants.copy()
    again, other = synthetic_places(made), synthetic_places(made, seed=1)
    pd.testing.assert_frame_equal(pd.DataFrame(again.cities), pd.DataFrame(places.cities))
    for name in ("ports", "emitters", "registry"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(places, name))
    assert again.population.identical(places.population)
    assert again.lights.identical(places.lights)
    pd.testing.assert_frame_equal(pd.DataFrame(made.plants), pd.DataFrame(plants))
    assert not other.cities["longitude"].equals(places.cities["longitude"])
    assert not other.registry["value"].equals(places.registry["value"])
    own, others = (p.emitters.iloc[: len(plants)] for p in (places, other))
    pd.testing.assert_frame_equal(own.drop(columns="city"), others.drop(columns="city"))


def test_grids_that_were_asked_for(made: SyntheticCountry) -> None:
    world = Grid.lonlat(0.25)
    flat = Grid.projected(made.shapes, 50e3)
    found = synthetic_places(made, size=50e3, grid=world, lights_grid=flat)
    assert Grid.of(found.population) == world
    assert float(found.population.sum()) == pytest.approx(1.3e9)
    assert Grid.of(found.lights) == flat


def test_sectors_without_plants_become_works() -> None:
    country = synthetic_country(random_world(2, 3, 3), "r1", provinces=3)
    assert len(country.plants) == 0
    found = synthetic_places(country, size=50e3, grid=Grid.lonlat(1, (90, 15, 130, 50)))
    assert set(found.emitters["kind"]) == {"works"}
    assert len(found.registry) == 0
    summed = found.emitters.groupby(KEYS)["emissions"].sum()
    np.testing.assert_allclose(summed, found.emissions[summed.index], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"noise": -1}, DataError, "noise is -1: give a number of zero or more"),
        ({"noise": np.nan}, DataError, "noise is nan"),
        ({"seed": -1}, DataError, "seed is -1"),
        ({"size": np.inf}, DataError, "size is inf"),
        ({"size": 0}, GridError, "cells of 0: give a size above zero"),
        ({"cities_per_province": 1}, ShapeError, "1 cities per province: give a whole number"),
        ({"cities_per_province": 100}, ShapeError, "from 2 to 99"),
        ({"cities_per_province": 2.5}, ShapeError, "2.5 cities per province"),
        ({"stressor": "CH4"}, LabelError, "stressor 'CH4' is not in the table; choose from CO2"),
        ({"grid": Grid.lonlat(1, (100, 20, 110, 40))}, GridError, "1° leaves out a part"),
        ({"lights_grid": Grid.lonlat(1, (0, 0, 9, 9))}, GridError, "leaves out a part"),
    ],
)
def test_wrong_options(
    made: SyntheticCountry, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        synthetic_places(made, **options)
    assert "\n" not in str(caught.value)


def test_plants_that_do_not_sum_are_refused(made: SyntheticCountry) -> None:
    plants = made.plants.copy()
    plants.loc[0, "emissions"] *= 1.001
    with pytest.raises(DataError, match=r"CHN-01/Non-metallic minerals: plants emit .* table says"):
        synthetic_places(replace(made, plants=plants))


def test_a_city_between_points_is_refused(places: SyntheticPlaces) -> None:
    tiny = places.cities.iloc[:1].set_geometry([shapely.box(100.001, 30.001, 100.002, 30.002)])
    with pytest.raises(GridError, match=r"010100 is smaller than what lies between .* of 0.5°"):
        people_at(
            Grid.lonlat(0.5, (99, 29, 101, 31)), tiny, towns_of(tiny, np.random.default_rng())
        )


def test_points_on_no_side_have_one_city(made: SyntheticCountry, places: SyntheticPlaces) -> None:
    corner = shapely.get_coordinates(places.cities.geometry.iloc[0])[:3].T
    found = city_at(places.cities, "CHN-01", *corner)
    assert len(found) == 3
    assert all(
        shapely.distance(places.cities.geometry[code], shapely.Point(point)) == 0
        for code, point in zip(found, corner.T, strict=True)
    )
