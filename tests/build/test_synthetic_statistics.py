"""Energy balances, plants and the map of the synthetic country agree with its truth."""

import numpy as np
import pandas as pd
import pytest
import shapely

from carbonflows.build.synthetic.country import SyntheticCountry, synthetic_country
from carbonflows.build.synthetic.energy import CEMENT, kind_of_sector
from carbonflows.build.synthetic.place import ELLIPSOID, invented_provinces, neighbour_weights
from carbonflows.sources.example import example

WORLD = example(2007)
# IPCC 2006 Vol. 2, Tables 1.2 and 1.3: TJ/Gg and kg C/GJ.
FACTORS = {
    "Other bituminous coal": (25.8, 25.8),
    "Coking coal": (28.2, 25.8),
    "Coke oven coke": (28.2, 29.2),
    "Crude oil": (42.3, 20.0),
    "Motor gasoline": (44.3, 18.9),
    "Gas/diesel oil": (43.0, 20.2),
    "Naphtha": (44.5, 20.0),
    "Natural gas": (48.0, 15.3),
}
CO2 = pd.Series({f: 10 * ncv * carbon * 44 / 12 / 1e3 for f, (ncv, carbon) in FACTORS.items()})


@pytest.fixture(scope="module")
def made() -> SyntheticCountry:
    return synthetic_country(WORLD, statistical_gap=0.18)


def true_co2(made: SyntheticCountry) -> pd.DataFrame:
    """Province × sector, households last [kt CO2]."""
    emissions = made.truth.extensions["emissions"]
    home = list(made.provinces)
    by_sector = pd.DataFrame({p: emissions.F.loc["CO2"].loc[p].loc[WORLD.sectors] for p in home}).T
    return by_sector.assign(Households=emissions.F_Y.loc["CO2", home].groupby(level=0).sum())


def test_balances_burn_what_the_truth_emits(made: SyntheticCountry) -> None:
    lines = made.energy.assign(
        role=made.energy["row"].map(lambda row: made.rows[row].role),
        sector=made.energy["row"].map(lambda row: made.rows[row].sector),
    )
    assert (lines["unit"] == "10^4 t").all()
    sign = lines["role"].map({"final": 1, "non-energy": -1, "combusted": -1}).fillna(0)
    lines["co2"] = sign * lines["value"] * lines["fuel"].map(CO2)
    burned = lines[sign != 0].pivot_table(
        index="region", columns="sector", values="co2", aggfunc="sum"
    )
    burned["Households"] = burned.pop("Urban") + burned.pop("Rural")
    burned["Non-metallic minerals"] += made.cement * CEMENT * 10
    true = true_co2(made)
    pd.testing.assert_frame_equal(
        burned[true.columns], true, check_names=False, rtol=1e-12, atol=1e-9
    )
    # There is something to leave out, or the comparison would prove little.
    assert lines.loc[lines["role"] == "non-energy", "value"].sum() > 1000
    assert lines.loc[lines["role"] == "loss", "value"].sum() > 1000
    assert {"Coking", "Petroleum refining"} <= set(lines["row"])


def test_the_inventory_sums_to_the_truth(made: SyntheticCountry) -> None:
    found = made.inventory.replace({"sector": {"Urban": "Households", "Rural": "Households"}})
    summed = found.pivot_table(index="province", columns="sector", values="value", aggfunc="sum")
    true = true_co2(made)
    pd.testing.assert_frame_equal(summed[true.columns] * 1e3, true, check_names=False, rtol=1e-12)


def test_every_balance_closes(made: SyntheticCountry) -> None:
    wide = made.energy.pivot_table(
        index=["region", "fuel"], columns="row", values="value", aggfunc="sum"
    ).fillna(0.0)
    roles = {row: made.rows[row].role for row in wide}
    down = [r for r, role in roles.items() if role in ("final", "loss")]
    up = [r for r, role in roles.items() if role not in ("final", "loss", "non-energy")]
    gap = wide[up].sum(axis=1) - wide[down].sum(axis=1)
    assert gap.abs().max() < 1e-9 * wide.abs().to_numpy().max()
    between = wide["Inflow from other provinces"] + wide["Outflow to other provinces"]
    assert between.groupby("fuel").sum().abs().max() < 1e-9 * wide.abs().to_numpy().max()
    assert (wide[["Indigenous production", "Import", "Inflow from other provinces"]] >= 0).all(
        axis=None
    )
    assert (wide[["Export", "Outflow to other provinces", "Thermal power"]] <= 0).all(axis=None)


def test_some_carbon_is_lost_on_the_way(made: SyntheticCountry) -> None:
    for row, kept in (("Coking", 0.9), ("Petroleum refining", 0.97)):
        lines = made.energy[made.energy["row"] == row]
        carbon = lines["value"] * lines["fuel"].map(CO2)
        assert carbon[carbon > 0].sum() / -carbon[carbon < 0].sum() == pytest.approx(kept)


def test_the_nation_is_the_sum_but_for_the_gap(made: SyntheticCountry) -> None:
    keys = ["row", "fuel"]
    national = made.national_energy.set_index(keys)["value"]
    summed = made.energy.groupby(keys)["value"].sum().loc[national.index]
    np.testing.assert_allclose(summed, 1.18 * national)
    assert set(made.national_energy["region"]) == {"CHN"}
    assert not national.index.get_level_values(0).str.contains("other provinces").any()


def test_plants_are_in_their_provinces_and_emit_the_truth(made: SyntheticCountry) -> None:
    plants = made.plants
    cells = made.shapes.geometry.loc[plants["region"]].to_numpy()
    assert shapely.contains(cells, plants.geometry.to_numpy()).all()
    assert (plants.geometry.x == plants["longitude"]).all()
    assert plants.crs == made.shapes.crs
    true = true_co2(made)
    kinds = {s: kind_of_sector(s) for s in WORLD.sectors}
    large = [s for s, kind in kinds.items() if kind in ("power", "minerals", "metals")]
    assert large == ["Non-metallic minerals", "Basic metals", "Electricity, gas and water"]
    found = plants.pivot_table(index="region", columns="sector", values="emissions", aggfunc="sum")
    pd.testing.assert_frame_equal(found[large], true[large], check_names=False, rtol=1e-12)
    power = plants["sector"] == "Electricity, gas and water"
    assert plants.loc[power, "capacity"].gt(0).all()
    assert plants.loc[~power, "capacity"].isna().all()
    # Power by fuel is what the balances burn for power and heat.
    rows = made.energy["row"].isin(["Thermal power", "Heating supply"])
    burned = made.energy[rows].assign(co2=lambda f: -f["value"] * f["fuel"].map(CO2))
    pd.testing.assert_series_equal(
        plants[power].groupby(["region", "fuel"])["emissions"].sum(),
        burned.groupby(["region", "fuel"])["co2"].sum(),
        check_names=False,
        rtol=1e-12,
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("provinces", [3, 12, 40])
def test_provinces_cover_the_country_without_overlap(seed: int, provinces: int) -> None:
    shapes = invented_provinces("CHN", provinces, np.random.default_rng(seed), 1e9)
    cells = shapes.geometry.to_numpy()
    assert shapely.coverage_is_valid(cells)
    whole = shapely.union_all(cells)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    area = abs(ELLIPSOID.geometry_area_perimeter(whole)[0]) / 1e6
    assert shapes["area_km2"].sum() == pytest.approx(area, rel=1e-9)
    assert shapely.contains_xy(cells, shapes["longitude"], shapes["latitude"]).all()
    assert shapes["population"].sum() == pytest.approx(1e9)
    assert shapes["coastal"].any()
    assert not shapes["name"].duplicated().any()
    ports = shapes[shapes["coastal"]]
    points = shapely.points(ports[["port_longitude", "port_latitude"]].to_numpy())
    assert shapely.distance(ports.geometry.to_numpy(), points).max() < 1e-5
    assert shapely.distance(whole.boundary, points).max() < 1e-5
    W = neighbour_weights(shapes).to_numpy()
    assert ((W > 0) == (W > 0).T).all()
    assert (np.diag(W) == 0).all()
    linked = np.linalg.matrix_power(np.eye(provinces) + (W > 0), provinces) > 0
    assert linked.all()


def test_distances_are_geodesic(made: SyntheticCountry) -> None:
    shapes, kilometres = made.shapes, made.distance.to_numpy()
    radius = 6371.0
    lon, lat = np.radians(shapes["longitude"].to_numpy()), np.radians(shapes["latitude"].to_numpy())
    cosine = np.sin(lat)[:, None] * np.sin(lat) + np.cos(lat)[:, None] * np.cos(lat) * np.cos(
        lon[:, None] - lon
    )
    sphere = radius * np.arccos(np.clip(cosine, -1, 1))
    off = ~np.eye(len(shapes), dtype=bool)
    np.testing.assert_allclose(kilometres[off], sphere[off], rtol=5e-3)
    own = 0.67 * np.sqrt(shapes["area_km2"].to_numpy() / np.pi)
    np.testing.assert_allclose(np.diag(kilometres), own)
