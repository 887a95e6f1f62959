"""Trade estimated from totals: the printed case, exact recovery, and totals that cannot be met."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import carbonflows as cf
from carbonflows.build.gravity.fit import gravity
from carbonflows.build.interregional import interregional
from carbonflows.build.regional import two_regionals
from carbonflows.build.regionalise import national_table, regionalise
from carbonflows.build.trade import estimate_trade
from carbonflows.errors import BalanceError, DataError, LabelError, NotConverged, ShapeError

REGIONS = ["a", "b", "c"]
KM = pd.DataFrame([[0, 100.0, 200], [100, 0, 50], [200, 50, 0]], REGIONS, REGIONS)
OUT = pd.DataFrame({"coal": [100.0, 60, 40]}, REGIONS)
INTO = pd.DataFrame({"coal": [50.0, 80, 70]}, REGIONS)


class Power:
    """A fitted model with known powers of size and distance."""

    method = "by hand"

    def __init__(self, decay: float, size: float = 1.0) -> None:
        self.decay, self.size = decay, size
        self.seen: list[tuple[pd.Series, pd.Series]] = []

    def predict(
        self, origin: pd.Series, destination: pd.Series, distance: pd.DataFrame
    ) -> pd.DataFrame:
        self.seen.append((origin, destination))
        km = distance.to_numpy() + np.eye(len(distance))
        flows = np.outer(origin**self.size, destination**self.size) * km**-self.decay
        return pd.DataFrame(flows, distance.index, distance.columns)


def points(count: int, rng: np.random.Generator) -> pd.DataFrame:
    place = rng.uniform(0, 1000, (count, 2))
    km = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    names = [f"r{i}" for i in range(count)]
    return pd.DataFrame(km, names, names)


def totals(flows: np.ndarray, names: Any, sector: str = "coal") -> tuple[pd.DataFrame, ...]:
    return tuple(pd.DataFrame({sector: flows.sum(axis=k)}, names) for k in (1, 0))


# Seeds and their balance.


def test_hulu_and_hewings_as_printed() -> None:
    trade = estimate_trade(OUT, INTO, KM, model="hulu_hewings", pooled=0.6)
    expected = [[0, 58.2112, 41.7888], [31.7888, 0, 28.2112], [18.2112, 21.7888, 0]]
    np.testing.assert_allclose(trade.loc["coal"], expected, atol=5e-5)
    assert trade.attrs["models"] == {"coal": "Hulu-Hewings, pooled 0.6, decay 1"}
    quality = trade.attrs["quality"]["coal"]
    assert quality["total"] == pytest.approx(200)
    assert quality["residual"] < 1e-9
    mean = (58.2112 * 100 + 41.7888 * 200 + 31.7888 * 100 + 28.2112 * 50 + 18.2112 * 200) / 200
    assert quality["mean_distance"] == pytest.approx(mean + 21.7888 * 50 / 200, rel=1e-5)
    # The seed's rows are met, so that what moved is half the change of its cells.
    seed = np.array([[0, 61.3333, 38.6667], [22, 0, 38], [10.9538, 29.0462, 0]])
    moved = np.abs(trade.loc["coal"].to_numpy() - seed).sum() / 400
    assert quality["moved"] == pytest.approx(moved, abs=1e-5)


@given(st.integers(0, 10_000), st.integers(3, 9), st.floats(0, 2.5))
@settings(max_examples=40, deadline=None)
def test_a_law_of_distance_is_recovered_from_totals(seed: int, count: int, decay: float) -> None:
    rng = np.random.default_rng(seed)
    km = points(count, rng)
    law = (km.to_numpy() + np.eye(count)) ** -decay * (1 - np.eye(count))
    truth = law * np.outer(rng.lognormal(size=count), rng.lognormal(size=count))
    outflow, inflow = totals(truth, km.index)
    shuffled = rng.permutation(km.index)
    for model, exponent in (("inverse_distance", decay), (Power(decay, 0.3), 9.0)):
        trade = estimate_trade(
            outflow, inflow.loc[shuffled], km.loc[shuffled, shuffled[::-1]],
            model=model, decay=exponent,  # type: ignore[arg-type]
        )  # fmt: skip
        np.testing.assert_allclose(trade.loc["coal"], truth, rtol=1e-6, atol=1e-9 * truth.sum())


@given(st.integers(0, 10_000), st.integers(2, 9))
@settings(max_examples=40, deadline=None)
def test_totals_of_any_trade_are_met(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    km = points(count, rng)
    sectors = ["coal", "steel", "bread"]
    flows = rng.gamma(0.5, 10, (3, count, count)) * (1 - np.eye(count))
    flows[1, 0] = flows[1, :, 1] = 0  # r0 sends no steel, r1 receives none
    flows[2] = 0
    outflow = pd.DataFrame(flows.sum(axis=2).T, km.index, sectors)
    inflow = pd.DataFrame(flows.sum(axis=1).T, km.index, sectors)
    for model in ("hulu_hewings", "inverse_distance", "proportional", Power(1.0)):
        trade = estimate_trade(outflow, inflow, km, model=model)  # type: ignore[arg-type]
        assert trade.index.names == ["sector", "origin"]
        assert trade.columns.name == "destination"
        for sector in sectors:
            block = trade.loc[sector]
            assert (np.diag(block) == 0).all()
            assert (block >= 0).all(axis=None)
            size = 1e-8 * outflow[sector].sum()
            np.testing.assert_allclose(block.sum(axis=1), outflow[sector], rtol=1e-8, atol=size)
            np.testing.assert_allclose(block.sum(axis=0), inflow[sector], rtol=1e-8, atol=size)
        assert trade.attrs["models"]["bread"] == "no trade"


def test_proportional_is_the_balance_of_sizes() -> None:
    trade = estimate_trade(OUT, INTO, KM, model="proportional").loc["coal"]
    same = estimate_trade(OUT, INTO, KM, model="inverse_distance", decay=0.0).loc["coal"]
    pd.testing.assert_frame_equal(trade, same)


def test_goods_travel_less_far_the_more_distance_matters() -> None:
    km = points(5, np.random.default_rng(2))
    totals_ = [pd.DataFrame({"coal": t}, km.index) for t in ([5.0, 4, 3, 2, 1], [1.0, 4, 2, 3, 5])]
    distances = [
        estimate_trade(*totals_, km, model="inverse_distance", decay=d).attrs["quality"]["coal"][
            "mean_distance"
        ]
        for d in (0.0, 1.0, 2.0, 40.0)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[2] < 0.95 * distances[0]


def test_a_model_for_each_sector() -> None:
    outflow = pd.concat([OUT, OUT.rename(columns={"coal": "steel"}) * 2], axis=1)
    inflow = pd.concat([INTO, INTO.rename(columns={"coal": "steel"}) * 2], axis=1)
    fitted = Power(1.5)
    trade = estimate_trade(outflow, inflow, KM, model={"coal": "proportional", "steel": fitted})
    assert trade.attrs["models"] == {"coal": "proportional", "steel": "Power by hand"}
    one = estimate_trade(OUT, INTO, KM, model="proportional").loc["coal"]
    pd.testing.assert_frame_equal(trade.loc["coal"], one)
    other = estimate_trade(OUT, INTO, KM, model="inverse_distance", decay=1.5).loc["coal"]
    np.testing.assert_allclose(trade.loc["steel"], 2 * other, rtol=1e-8)


@pytest.mark.parametrize("method", ["ols", "ppml"])
def test_a_gravity_fit_of_a_sample_is_a_model(method: str) -> None:
    """A law learnt from tonnes of one good finds the money flows of another with the same law."""
    rng = np.random.default_rng(3)
    km = points(9, rng)
    law = (km.to_numpy() + np.eye(9)) ** -1.3 * (1 - np.eye(9))
    size = pd.DataFrame(rng.lognormal(size=(9, 2)), km.index)
    sample = pd.DataFrame(np.outer(size[0] ** 0.8, size[1] ** 0.9) * law, km.index, km.index)
    fit = gravity(sample, size[0], size[1], km, method=method, diagonal="drop")  # type: ignore[arg-type]
    truth = 1e6 * law * np.outer(rng.lognormal(size=9), rng.lognormal(size=9))
    trade = estimate_trade(*totals(truth, km.index), km, model=fit)
    np.testing.assert_allclose(trade.loc["coal"], truth, rtol=1e-5)
    assert trade.attrs["models"] == {"coal": f"GravityFit {method}"}


def test_a_fitted_model_sees_no_zeros() -> None:
    fitted = Power(1.0)
    outflow = pd.DataFrame({"coal": [0.0, 60, 40, 10]}, [*REGIONS, "d"])
    inflow = pd.DataFrame({"coal": [30.0, 30, 20, 30]}, [*REGIONS, "d"])
    km = points(4, np.random.default_rng(1)).set_axis(outflow.index).set_axis(outflow.index, axis=1)
    trade = estimate_trade(outflow, inflow, km, model=fitted)
    assert fitted.seen[0][0].tolist() == [10, 60, 40, 10]
    assert trade.attrs["floored"] == {"coal": 1}
    assert (trade.loc[("coal", "a")] == 0).all()


# One region on a side of every flow.


def test_a_hub_leaves_nothing_to_a_model() -> None:
    outflow = pd.DataFrame({"coal": [70.0, 20, 10]}, REGIONS)
    inflow = pd.DataFrame({"coal": [30.0, 50, 20]}, REGIONS)
    for model in ("hulu_hewings", "proportional", Power(3.0)):
        trade = estimate_trade(outflow, inflow, KM, model=model)  # type: ignore[arg-type]
        np.testing.assert_allclose(trade, [[0, 50, 20], [20, 0, 0], [10, 0, 0]], rtol=1e-12)
        assert trade.attrs["hubs"] == {"coal": "a"}
        assert trade.attrs["quality"]["coal"]["residual"] < 1e-12


def test_two_regions_are_each_others_hub() -> None:
    tables = two_regionals()
    outflow, inflow = (
        pd.DataFrame({name: getattr(t, key) for name, t in tables.items()}).T
        for key in ("outflow", "inflow")
    )
    km = pd.DataFrame([[0, 9.0], [9, 0]], list(tables), list(tables))
    trade = estimate_trade(outflow, inflow, km)
    np.testing.assert_allclose(trade, [[0, 20], [10, 0], [0, 5], [15, 0]])


@pytest.mark.parametrize("room", [1e-1, 1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("count", [3, 12])
def test_almost_a_hub(count: int, room: float) -> None:
    """Few flows but those of one region: plain RAS would take for ever."""
    rng = np.random.default_rng(count)
    km = points(count, rng)
    law = (km.to_numpy() + np.eye(count)) ** -1.5 * (1 - np.eye(count))
    truth = law * np.outer(rng.lognormal(size=count), rng.lognormal(size=count))
    truth[1:, 1:] *= room * truth[0].sum() / truth[1:, 1:].sum()
    outflow, inflow = totals(truth, km.index)
    trade = estimate_trade(outflow, inflow, km, model="inverse_distance", decay=1.5)
    np.testing.assert_allclose(trade.loc["coal"], truth, rtol=1e-6)
    quality = trade.attrs["quality"]["coal"]
    assert quality["iterations"] < 100
    assert not trade.attrs["hubs"]


# The whole way.


@pytest.mark.parametrize("method", ["flq", "slq", "pool"])
@pytest.mark.parametrize("regions", [2, 3, 12])
def test_from_a_nation_to_regions_that_trade(method: str, regions: int) -> None:
    nation = national_table(cf.example(2007), "CHN")
    rng = np.random.default_rng(regions)
    names = [f"province {i}" for i in range(regions)]
    size = rng.lognormal(0, 1, (regions, 1))
    output = pd.DataFrame(size * rng.lognormal(0, 0.8, (regions, 18)), names, nation.sectors)
    final = pd.DataFrame(size * rng.lognormal(0, 0.3, (regions, 5)), names, nation.Y.columns)
    tables = regionalise(nation, output, final, method=method)  # type: ignore[arg-type]
    km = points(regions, rng).set_axis(names).set_axis(names, axis=1)
    outflow, inflow = (
        pd.DataFrame({name: getattr(t, key) for name, t in tables.items()}).T
        for key in ("outflow", "inflow")
    )
    trade = estimate_trade(outflow, inflow, km, decay=1.2)
    joined = interregional(
        tables, trade, method={"trade": trade.attrs["method"], **tables[names[0]].facts}
    )
    most = 1e-9 * nation.x.max()
    assert joined.error.abs().max() < 1e-6 * nation.x.max()
    Z = (joined.Z.groupby(level=1).sum() + joined.import_Z).T.groupby(level=1).sum().T
    assert np.abs(Z.loc[nation.sectors, nation.sectors] - nation.Z).to_numpy().max() < most
    assert (joined.x.groupby(level=1).sum() - nation.x).abs().max() < most
    assert (joined.exports.groupby(level=1).sum() - nation.exports).abs().max() < most


# What is refused.


def test_regions_that_would_trade_with_themselves() -> None:
    outflow = pd.DataFrame({"coal": [80.0, 10, 10], "steel": [1.0, 1, 1]}, REGIONS)
    inflow = pd.DataFrame({"coal": [50.0, 30, 20], "steel": [1.0, 1, 1]}, REGIONS)
    with pytest.raises(BalanceError) as refused:
        estimate_trade(outflow, inflow, KM)
    assert "coal (a sends 80 and receives 50 of 100 in all)" in str(refused.value)
    assert refused.value.sectors == ["coal"]


def test_totals_that_disagree() -> None:
    with pytest.raises(BalanceError, match=r"coal \(sent 200, received 236, \+18\.0 %\); reconc"):
        estimate_trade(OUT, INTO * 1.18, KM)
    with pytest.raises(BalanceError, match="nothing sent"):
        estimate_trade(OUT * 0, INTO, KM)


def test_models_that_cannot_be_used() -> None:
    with pytest.raises(LabelError, match="model 'hulu' is not known; did you mean 'hulu_hewings'"):
        estimate_trade(OUT, INTO, KM, model="hulu")  # type: ignore[arg-type]
    with pytest.raises(LabelError, match="model lacks coal"):
        estimate_trade(OUT, INTO, KM, model={})
    with pytest.raises(LabelError, match="model has steel, no sector of outflow"):
        estimate_trade(OUT, INTO, KM, model={"coal": "proportional", "steel": "proportional"})
    with pytest.raises(DataError, match=r"pooled = 1\.5"):
        estimate_trade(OUT, INTO, KM, pooled=1.5)
    with pytest.raises(DataError, match="decay = nan"):
        estimate_trade(OUT, INTO, KM, decay=float("nan"))

    class Wrong(Power):
        def predict(self, *given: Any) -> pd.DataFrame:
            return super().predict(*given) * np.nan

    with pytest.raises(DataError, match="coal: the fitted model predicts nan from a to b"):
        estimate_trade(OUT, INTO, KM, model=Wrong(1.0))

    class Elsewhere(Power):
        def predict(self, *given: Any) -> pd.DataFrame:
            return super().predict(*given).rename(index={"a": "z"})

    with pytest.raises(LabelError, match="coal: the prediction of the fitted model lacks a"):
        estimate_trade(OUT, INTO, KM, model=Elsewhere(1.0))

    class Narrow(Power):
        def predict(self, *given: Any) -> pd.DataFrame:
            flows = super().predict(*given)
            flows.loc["a", "b"] = 0.0
            return flows

    with pytest.raises((BalanceError, NotConverged), match=r"^coal: "):
        estimate_trade(OUT, INTO, KM, model=Narrow(1.0))


def test_numbers_and_labels_that_cannot_be_used() -> None:
    with pytest.raises(DataError, match="outflow of a/coal is -100"):
        estimate_trade(-OUT, INTO, KM)
    with pytest.raises(DataError, match="inflow of a/coal is nan"):
        estimate_trade(OUT, INTO * np.nan, KM)
    with pytest.raises(DataError, match="distance from a to b is 0"):
        estimate_trade(OUT, INTO, KM * 0)
    with pytest.raises(LabelError, match="inflow lacks coal"):
        estimate_trade(OUT, INTO.rename(columns={"coal": "kohle"}), KM)
    with pytest.raises(LabelError, match="distance lacks c"):
        estimate_trade(OUT, INTO, KM.drop(index="c"))
    with pytest.raises(LabelError, match="outflow has a twice"):
        estimate_trade(pd.concat([OUT, OUT[:1]]), INTO, KM)
    with pytest.raises(ShapeError, match="outflow has 1 region"):
        estimate_trade(OUT[:1], INTO[:1], KM.iloc[:1, :1])
