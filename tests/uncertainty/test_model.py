"""Errors: sizes and sharing by brute force, moments of drawn factors, what is refused."""

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import CarbonflowsError, LabelError, UnitError
from carbonflows.table import Extension, IOTable
from carbonflows.uncertainty.cells import LEVELS, PARTS
from carbonflows.uncertainty.model import Error, Sampler, correlated
from carbonflows.uncertainty.sizes import SizeLaw
from worlds import random_world, three_by_two

RAGGED = random_world(2, 3, (2, 3, 1))
SHUFFLED = random_world(5, 3, (3, 2, 3), shuffled=True)
DRAWS = 4000
FAR = 4.0  # standard errors: a false alarm once in 16,000 fixed comparisons


def axes(table: IOTable, on: str) -> list[list[tuple[str, str]]]:
    """Labels of a part's cells, as plain lists."""
    nodes, demand = list(table.nodes), list(table.demand)
    return {
        "emissions": [nodes],
        "households": [demand],
        "inputs": [nodes, nodes],
        "demand": [nodes, demand],
    }[on]


def cells(table: IOTable, on: str) -> list[dict[str, str]]:
    """Labels of each cell by the name of their level, in the order of the cells."""
    return [
        dict(zip(LEVELS[on], [x for label in labels for x in label], strict=True))
        for labels in product(*axes(table, on))
    ]


@pytest.mark.parametrize("table", [RAGGED, SHUFFLED], ids=["ragged", "shuffled"])
@pytest.mark.parametrize("on", PARTS)
def test_cells_share_an_error_exactly_if_their_labels_agree(table, on):
    for size in range(len(LEVELS[on]) + 1):
        by = LEVELS[on][:size] if size % 2 else LEVELS[on][::-1][:size]
        ids = Error(on, 0.1, by=by).shared(table)
        keys = [tuple(cell[level] for level in by) for cell in cells(table, on)]
        assert ids.shape == tuple(len(axis) for axis in axes(table, on))
        pairs = set(zip(keys, ids.ravel().tolist(), strict=True))
        assert len(pairs) == len(set(keys)) == len(np.unique(ids))
    assert Error(on, 0.1).shared(table) is None


@pytest.mark.parametrize("on", PARTS)
def test_standard_deviations_by_label_go_to_the_cells_with_these_labels(on):
    for levels in (LEVELS[on][:1], LEVELS[on][::-1][:2], LEVELS[on][-1:]):
        keys = sorted({tuple(cell[x] for x in levels) for cell in cells(SHUFFLED, on)})
        given = {key: 0.01 * (1 + place) for place, key in enumerate(keys)}
        index = pd.MultiIndex.from_tuples(keys, names=levels)
        series = pd.Series([given[key] for key in keys], index).sample(frac=1, random_state=1)
        if len(levels) == 1:
            series.index = series.index.get_level_values(0)
        expected = [given[tuple(cell[x] for x in levels)] for cell in cells(SHUFFLED, on)]
        found = Error(on, series).relative(SHUFFLED)
        np.testing.assert_allclose(found.ravel(), expected, rtol=1e-12)


def test_labels_of_both_axes_together():
    table = three_by_two()
    index = pd.MultiIndex.from_product(
        [table.regions, table.sectors], names=["user_region", "source_sector"]
    )
    series = pd.Series(np.arange(1, 7) / 100, index)
    found = Error("inputs", series).relative(table)
    expected = [series[cell["user_region"], cell["source_sector"]]
                for cell in cells(table, "inputs")]  # fmt: skip
    np.testing.assert_allclose(found.ravel(), expected, rtol=1e-12)


def test_frames_are_matched_by_label_and_left_as_they_were():
    table = three_by_two()
    rng = np.random.default_rng(1)
    for on, frame in (("inputs", table.Z), ("demand", table.Y)):
        sd = pd.DataFrame(rng.uniform(0, 1, frame.shape), frame.index, frame.columns)
        shuffled = sd.sample(frac=1, random_state=2).sample(frac=1, axis=1, random_state=3)
        np.testing.assert_allclose(Error(on, shuffled).relative(table), sd, rtol=1e-12)
        shuffled.iloc[0, 0] = 0.5  # still writable


def test_a_series_by_node_needs_no_names():
    table = three_by_two()
    sd = pd.Series(np.arange(6) / 10, pd.MultiIndex.from_tuples(list(table.nodes)))
    np.testing.assert_allclose(Error("emissions", sd).relative(table), sd, atol=1e-15)


def test_size_laws_see_the_cells_of_their_part():
    table, law = random_world(4, 3, 2), SizeLaw(-0.5, -0.3)
    extension = table.extensions["emissions"]
    for on, values in (
        ("inputs", table.Z), ("demand", table.Y),
        ("emissions", extension.F.iloc[0]), ("households", extension.F_Y.iloc[0]),
    ):  # fmt: skip
        np.testing.assert_allclose(
            Error(on, law).relative(table), law.relative(values.to_numpy()), rtol=1e-12
        )


def test_a_size_law_for_emissions_knows_their_unit_and_needs_one_stressor():
    table = random_world(4, 3, 2)
    with pytest.raises(UnitError):
        Error("emissions", SizeLaw(-1, -0.1, unit="kt")).relative(table)
    F = table.extensions["emissions"].F
    two = table.replace(
        extensions=Extension(pd.concat([F, 2 * F]).set_axis(["CO2", "CH4"]), unit="Mt")
    )
    with pytest.raises(LabelError, match=r"choose stressor= from emissions/CO2, emissions/CH4"):
        Error("emissions", SizeLaw(-1, -0.1)).relative(two)
    law = SizeLaw(-1, -0.1)
    np.testing.assert_allclose(
        Error("emissions", law, stressor="CH4").relative(two),
        law.relative(2 * F.to_numpy()[0]), rtol=1e-12,
    )  # fmt: skip


@settings(deadline=None)
@given(st.floats(0, 1e200), st.floats(0, 1))
def test_shares_of_a_variance_add_up(sd, share):
    table = three_by_two()
    parts = (Error("emissions", sd, share=s).log_sd(table)[0] for s in (share, 1 - share))
    whole = Error("emissions", sd).log_sd(table)[0]
    assert sum(part**2 for part in parts) == pytest.approx(whole**2, rel=1e-12, abs=1e-300)


def moments(sample: np.ndarray, mean: float, sd: float) -> tuple[float, float]:
    """How far mean and variance of a sample of lognormals are from theirs, in standard errors."""
    w = 1 + sd**2
    kurtosis = w**4 + 2 * w**3 + 3 * w**2 - 3
    z_mean = (sample.mean() - mean) / (sd / np.sqrt(len(sample)))
    z_var = (sample.var() / sd**2 - 1) / np.sqrt((kurtosis - 1) / len(sample))
    return abs(z_mean), abs(z_var)


@pytest.mark.parametrize("sd", [0.05, 0.3])
@pytest.mark.parametrize("on", PARTS)
def test_drawn_factors_have_mean_one_and_the_standard_deviation_asked_for(on, sd):
    table, rng = three_by_two(), np.random.default_rng(7)
    sampler = Sampler(Error(on, sd), table)
    sample = np.array([sampler.factors(rng).ravel()[[0, -1]] for _ in range(DRAWS)])
    for column in sample.T:
        assert max(moments(column, 1.0, sd)) < FAR
    assert abs(np.corrcoef(sample.T)[0, 1]) * np.sqrt(DRAWS) < FAR  # each cell its own


def test_cells_of_a_group_get_one_deviate_each_with_its_own_spread():
    table, rng = three_by_two(), np.random.default_rng(8)
    sd = pd.Series([0.1, 0.4], pd.Index(["s1", "s2"], name="user_sector"))
    sampler = Sampler(Error("inputs", sd, by=("source_region",)), table)
    sample = np.log([sampler.factors(rng) for _ in range(DRAWS)])
    sigma = np.sqrt(np.log1p(np.array([0.1, 0.4]) ** 2))
    deviates = (sample + np.tile(sigma**2 / 2, 3)) / np.tile(sigma, 3)
    np.testing.assert_allclose(deviates[:, :2], deviates[:, [0], :1] + 0 * deviates[:, :2])
    between = np.corrcoef(deviates[:, 0, 0], deviates[:, 2, 0])[0, 1]
    assert abs(between) * np.sqrt(DRAWS) < FAR
    assert max(moments(np.exp(sample[:, 0, 1]), 1.0, 0.4)) < FAR


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0])
def test_correlated_errors_have_the_correlation_and_the_spread_asked_for(rho):
    table, rng, sd = three_by_two(), np.random.default_rng(9), 0.3
    samplers = [Sampler(e, table) for e in correlated("emissions", sd, rho, by=("region",))]
    sample = np.array([np.prod([s.factors(rng) for s in samplers], 0) for _ in range(DRAWS)])
    assert max(moments(sample[:, 0], 1.0, sd)) < FAR
    found = np.corrcoef(np.log(sample[:, :4]).T)
    for i, j in ((0, 1), (2, 3)):  # same region; Fisher's z has a known standard error
        if rho == 1.0:
            assert found[i, j] == pytest.approx(1.0, abs=1e-12)
        else:
            far = (np.arctanh(found[i, j]) - np.arctanh(rho)) * np.sqrt(DRAWS - 3)
            assert abs(far) < FAR
    assert abs(found[0, 2]) * np.sqrt(DRAWS) < FAR


def test_the_factors_of_an_error_are_those_of_its_sampler():
    table, error = three_by_two(), Error("demand", 0.2, by=("category",))
    one, other = (
        draw(np.random.default_rng(4))
        for draw in (lambda rng: error.factors(table, rng), Sampler(error, table).factors)
    )
    assert np.array_equal(one, other)


def test_what_is_told_is_json_and_tells_errors_apart():
    table = three_by_two()
    sd = pd.DataFrame(0.1, table.Z.index, table.Z.columns)
    errors = [
        Error("inputs", 0.1), Error("inputs", 0.2), Error("demand", 0.1),
        Error("inputs", 0.1, by=()), Error("inputs", sd), Error("inputs", 2 * sd),
        Error("inputs", sd.iloc[::-1]), Error("inputs", SizeLaw(-1, -0.1)),
        Error("inputs", SizeLaw(-1, -0.1, most=0.5)), Error("inputs", 0.1, share=0.5),
        Error("emissions", 0.1), Error("emissions", 0.1, stressor="CO2"),
        Error("emissions", pd.Series([0.1, 0.2], pd.Index(["a", "b"], name="region"))),
    ]  # fmt: skip
    texts = [json.dumps(error.told(), allow_nan=False) for error in errors]
    assert len(set(texts)) == len(texts)
    assert json.dumps(Error("inputs", sd.copy()).told()) == texts[4]


TABLE = three_by_two()
BY_REGION = pd.Index(["R1", "R2", "R3"], name="region")


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: Error("Z", 0.1), "on='Z'"),
        (lambda: Error("inputs", -0.1), "sd='-0.1' of inputs"),
        (lambda: Error("inputs", np.inf), "sd='inf' of inputs"),
        (lambda: Error("inputs", "much"), "sd='much' of inputs"),
        (lambda: Error("inputs", True), "sd='True' of inputs"),
        (lambda: Error("inputs", [0.1, 0.2]), "sd='[0.1, 0.2]' of inputs"),
        (lambda: Error("inputs", 0.1, by="source_region"), "by='source_region'"),
        (lambda: Error("inputs", 0.1, by=("region",)), "by: cells of inputs have no region"),
        (lambda: Error("inputs", 0.1, share=1.5), "share=1.5"),
        (lambda: Error("demand", 0.1, stressor="CO2"), "stressor='CO2'"),
        (lambda: Error("emissions", pd.DataFrame([[0.1]])), "sd of emissions is a DataFrame"),
        (lambda: Error("emissions", pd.Series([0.1] * 3)), "sd of emissions is labelled by an"),
        (
            lambda: Error("emissions", pd.Series([0.1, -1, 0.2], BY_REGION)),
            "sd of emissions is -1 at R2",
        ),
        (
            lambda: Error("emissions", pd.Series([0.1, "x", 0.2], BY_REGION)),
            "sd of emissions is no number",
        ),
        (
            lambda: Error("emissions", pd.Series([0.1] * 3, BY_REGION[[0, 0, 1]])),
            "sd of emissions: R1 is there twice",
        ),
        (
            lambda: Error("emissions", pd.Series([0.1] * 2, BY_REGION[:2])).relative(TABLE),
            "sd of emissions lacks R3",
        ),
        (
            lambda: Error("demand", pd.DataFrame(0.1, TABLE.Z.index, TABLE.Z.columns)).relative(
                TABLE
            ),
            "labels of sd of demand columns do not match",
        ),
        (lambda: correlated("inputs", 0.1, 1.2), "rho=1.2"),
        (lambda: correlated("inputs", 0.1, 0.5, by="cell"), "by='cell'"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(call, culprit):
    with pytest.raises(CarbonflowsError) as refused:
        call()
    assert str(refused.value).startswith(culprit)
    assert "\n" not in str(refused.value)
