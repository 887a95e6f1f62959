"""A study of hotspots beside the truth: what lies in a wrong cell, and nothing of the truth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy import sparse

import carbonflows as cf
from carbonflows.accounts.emissions import emissions
from carbonflows.build.synthetic.emitters import true_pattern
from carbonflows.grid.nodes import node_account
from carbonflows.study.hotspots.mapped import Mapped
from carbonflows.study.hotspots.score import places_scored
from hotspot_cases import driven_of


def true_sources(found: Mapped, nodes: pd.MultiIndex) -> pd.DataFrame:
    """Every emitter as a point of its node's pattern."""
    emitters, grid = found.places.truth.emitters, found.places.grid
    there = Transformer.from_crs("EPSG:4326", grid.system, always_xy=True)
    whole = emitters.groupby(["region", "sector"])["emissions"].transform("sum")
    return pd.DataFrame(
        {
            "pattern": nodes.get_indexer(pd.MultiIndex.from_frame(emitters[["region", "sector"]])),
            "longitude": emitters["longitude"], "latitude": emitters["latitude"],
            "share": emitters["emissions"] / whole,
            "cell": grid.cell_of(*there.transform(emitters["longitude"], emitters["latitude"])),
        }
    )  # fmt: skip


def with_truth(found: Mapped, *, table: bool, where: bool) -> Mapped:
    """The same with the true account, true places, or both."""
    truth = found.country.truth.truth
    load = emissions(truth, "CO2", households=False, unit="Mt")
    account = node_account(cf.Leontief(truth), load)
    own = found.gridded
    if where:
        pattern, nodes = true_pattern(found.places.truth, found.places.grid)
        mix = sparse.eye_array(len(nodes), format="csc")
        sources = true_sources(found, nodes)
        caused = own.caused.reindex(nodes).fillna(0.0)
        own = replace(own, patterns=pattern, mix=mix, caused=caused, sources=sources)
    if table:
        nodes = own.caused.index
        columns = [c for c in account.columns if c in own.caused.columns]
        caused = account.reindex(index=nodes, columns=pd.MultiIndex.from_tuples(columns))
        caused.columns.names, caused.index.names = own.caused.columns.names, nodes.names
        own = replace(own, caused=caused.fillna(0.0))
    return replace(found, gridded=own)


@pytest.fixture(scope="module")
def score(result) -> pd.Series:
    return result.tables["score"].set_index("what")["found"]


def wrong(score: pd.Series) -> pd.Series:
    return score[score.index.str.startswith("in a wrong cell of")]


def test_larger_cells_have_less_in_a_wrong_one(result, score):
    shares = wrong(score)
    assert [what.split(" of ")[1] for what in shares.index] == ["10 km", "20 km", "50 km", "100 km"]
    assert shares.between(0, 100, inclusive="neither").all()
    assert (np.diff(shares) < 0).all()
    assert 0 < score["in a wrong city"] < shares.iloc[0]
    # Places, not the table, are what is uncertain; together they are hardly worse.
    places = score["in a wrong cell, only places estimated"]
    table = score["in a wrong cell, only the table estimated"]
    assert table < places <= shares.iloc[0] + table
    truth = result.tables["score"].set_index("what")["truth"]
    assert truth["driven from abroad"] == pytest.approx(score["driven from abroad"], rel=0.02)
    assert score["driven from abroad"] == pytest.approx(driven_of(result), rel=1e-12)


def test_the_truth_itself_scores_without_a_fault(found):
    scored = places_scored(with_truth(found, table=True, where=True)).set_index("what")
    assert wrong(scored["found"]).to_numpy() == pytest.approx(0, abs=1e-9)
    for what in (
        "in a wrong cell, only places estimated", "in a wrong cell, only the table estimated"
    ):  # fmt: skip
        assert scored.loc[what, "found"] == pytest.approx(0, abs=1e-9), what
    for what in (
        "driven from abroad", "land that holds 75 %", "hotspots in common, of all that either has"
    ):  # fmt: skip
        assert scored.loc[what, "found"] == pytest.approx(scored.loc[what, "truth"], rel=1e-9), what
    # Points are exact, so that the true points put everything into its city.
    assert scored.loc["in a wrong city", "found"] == pytest.approx(0, abs=1e-9)
    assert scored.loc["cities: of the ten largest, found", "found"] == 10
    assert scored.loc["cities: rank correlation (Spearman)", "found"] == pytest.approx(1)


def test_the_share_in_a_wrong_city_is_by_outlines(result, found, score):
    """Half of what differs between the cities' shares; true points in outlines by geopandas."""
    from geopandas import GeoDataFrame, points_from_xy

    truth = with_truth(found, table=True, where=True).abroad
    driven = truth.caused.sum(axis=1)
    emitters = found.places.truth.emitters
    of = pd.MultiIndex.from_frame(emitters[["region", "sector"]])
    whole = emitters.groupby(["region", "sector"])["emissions"].transform("sum")
    value = driven.reindex(of).fillna(0.0).to_numpy() * (emitters["emissions"] / whole)
    places = points_from_xy(emitters["longitude"], emitters["latitude"])
    outlines = found.places.cities[["geometry"]].rename_axis("city").reset_index()
    points = GeoDataFrame({"value": value}, geometry=places, crs=4326)
    inside = points.sjoin(outlines, predicate="within")
    right = inside.groupby("city")["value"].sum()
    ours = result.tables["cities"].set_index("city")["driven_from_abroad"]
    ours = ours[found.places.in_cities.labels]
    right = right.reindex(ours.index).fillna(0.0)
    apart = 50 * (ours / ours.sum() - right / right.sum()).abs().sum()
    assert score["in a wrong city"] == pytest.approx(apart, rel=1e-3)
    spearman = score["cities: rank correlation (Spearman)"]
    assert spearman == pytest.approx(right.rank().corr(ours.rank()), abs=1e-3)


def test_one_truth_at_a_time_is_what_the_score_says_of_the_other(found, score):
    for given, what in (
        ({"table": True, "where": False}, "in a wrong cell, only places estimated"),
        ({"table": False, "where": True}, "in a wrong cell, only the table estimated"),
    ):
        scored = places_scored(with_truth(found, **given)).set_index("what")["found"]
        assert wrong(scored).iloc[0] == pytest.approx(score[what], rel=1e-9), what


def test_the_share_in_a_wrong_cell_is_what_would_have_to_be_moved(found, score, grids):
    """The truth by hand: every emitter's part of what its sector is driven to, in its cell."""
    truth = found.country.truth.truth
    Z, Y, x = np.array(truth.Z), np.array(truth.Y), np.array(truth.x)
    p = next(e for e in truth.extensions.values() if "CO2" in e.stressors).F.loc["CO2"].to_numpy()
    k = np.divide(p, x, out=np.zeros(len(x)), where=x > 0)
    L = np.linalg.inv(np.eye(len(x)) - np.divide(Z, x, out=np.zeros_like(Z), where=x > 0))
    abroad = ~np.isin([str(r) for r, _ in truth.demand], found.country.regions)
    driven = k * (L @ Y[:, abroad].sum(axis=1))
    part = pd.Series(np.divide(driven, p, out=np.zeros(len(p)), where=p > 0), list(truth.nodes))
    emitters, grid = found.places.truth.emitters, found.places.grid
    there = Transformer.from_crs("EPSG:4326", grid.system, always_xy=True)
    cell = grid.cell_of(*there.transform(emitters["longitude"], emitters["latitude"]))
    of = list(zip(emitters["region"], emitters["sector"], strict=True))
    value = emitters["emissions"].to_numpy() * part.reindex(of).to_numpy()
    right = np.bincount(cell, value, grid.size)
    ours = grids["driven_from_abroad"].sel(destination="abroad").to_numpy().ravel()
    moved = 50 * np.abs(ours / ours.sum() - right / right.sum()).sum()
    assert wrong(score).iloc[0] == pytest.approx(moved, rel=1e-6)
