"""Drawn tables: the documented streams, what is touched, what adds up, what is refused."""

import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import BalanceError, CarbonflowsError, SingularSystem
from carbonflows.solve import Leontief
from carbonflows.table import Extension, IOTable, two_regions
from carbonflows.uncertainty.drawing import Drawing, drawn_table
from carbonflows.uncertainty.model import Error, correlated
from worlds import WORLDS, random_world, three_by_two, world

EVERYWHERE = [Error("inputs", 0.2), Error("demand", 0.2), Error("emissions", 0.3),
              Error("households", 0.3)]  # fmt: skip


def parts_of(table: IOTable) -> dict[str, np.ndarray]:
    extension = table.extensions["emissions"]
    frames = {"inputs": table.Z, "demand": table.Y, "emissions": extension.F}
    if extension.F_Y is not None:
        frames["households"] = extension.F_Y
    return {name: frame.to_numpy() for name, frame in frames.items()}


def same(one: IOTable, other: IOTable, parts: tuple[str, ...]) -> list[bool]:
    return [np.array_equal(parts_of(one)[part], parts_of(other)[part]) for part in parts]


def with_value_added(table: IOTable) -> IOTable:
    residual = np.linspace(-1, 1, len(table.nodes))
    return table.replace(value_added=table.x - table.Z.sum() + residual)


def test_a_draw_is_the_documented_formula_of_the_documented_stream():
    table = three_by_two()
    errors = [Error("emissions", 0.5), Error("inputs", 0.1), Error("inputs", 0.3, by=())]
    found = drawn_table(table, errors, seed=11, number=42)

    def normals(part: int, place: int, shape: object) -> np.ndarray:
        source = np.random.SeedSequence(11, spawn_key=(42, part, place))
        return np.random.Generator(np.random.PCG64(source)).standard_normal(shape)

    def factors(sd: float, g: np.ndarray) -> np.ndarray:
        variance = np.log(1 + sd**2)
        return np.exp(np.sqrt(variance) * g - variance / 2)

    Z = table.Z * factors(0.1, normals(2, 0, (6, 6))) * factors(0.3, normals(2, 1, 1)[0])
    F = table.extensions["emissions"].F * factors(0.5, normals(0, 0, 6))
    np.testing.assert_allclose(found.Z, Z, rtol=1e-13)
    np.testing.assert_allclose(found.extensions["emissions"].F, F, rtol=1e-13)
    gain = Z.sum(axis=1) - table.Z.sum(axis=1)
    sales = table.Z.sum(axis=1) + table.Y.clip(lower=0).sum(axis=1)
    np.testing.assert_allclose(found.x, table.x * (1 + gain / sales), rtol=1e-13)


@pytest.mark.parametrize("on", ["inputs", "demand", "emissions", "households"])
def test_only_what_is_in_error_changes(on):
    table = random_world(1)
    found = parts_of(drawn_table(table, Error(on, 0.2), seed=1, number=0))
    for name, values in parts_of(table).items():
        assert np.array_equal(found[name], values) == (name != on)


def test_one_cell_in_error_leaves_the_others_untouched():
    table = three_by_two()
    sd = pd.DataFrame(0.0, table.Z.index, table.Z.columns)
    sd.iloc[2, 4] = 0.5
    found = drawn_table(table, Error("inputs", sd), seed=1, number=0)
    changed = found.Z.to_numpy() != table.Z.to_numpy()
    assert np.argwhere(changed).tolist() == [[2, 4]]
    assert np.flatnonzero(found.x.to_numpy() != table.x.to_numpy()).tolist() == [2]


def test_errors_of_one_part_do_not_move_those_of_another():
    table = random_world(1)
    whole = drawn_table(table, EVERYWHERE, seed=3, number=5)
    for error in EVERYWHERE:
        alone = drawn_table(table, error, seed=3, number=5)
        assert all(same(alone, whole, (error.on,)))


def test_draws_depend_on_number_and_seed_and_on_nothing_else():
    table = random_world(1)
    drawing = Drawing(table, EVERYWHERE, seed=3)
    first = {number: drawing.table(number) for number in (4, 0, 2)}
    every = tuple(parts_of(table))
    for number in (2, 4):
        assert all(same(drawing.table(number), first[number], every))
        assert all(same(drawn_table(table, EVERYWHERE, seed=3, number=number), first[number],
                        every))  # fmt: skip
    assert not any(same(first[0], first[2], every))
    other = drawn_table(table, EVERYWHERE, seed=4, number=0)
    assert not any(same(first[0], other, every))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50), st.floats(0, 3), st.booleans(), st.booleans())
def test_zeros_stay_zero_and_signs_stay(seed, sd, idle, rebalanced):
    table = random_world(seed, 3, (2, 3, 2), inventories=True, idle=idle)
    errors = [Error(part, min(sd, 0.3) if rebalanced else sd) for part in ("inputs", "demand")]
    errors += [Error("emissions", sd, by=("region",)), Error("households", sd)]
    found = drawn_table(table, errors, seed=seed, number=0, rebalanced=rebalanced)
    for name, values in parts_of(table).items():
        assert np.array_equal(np.sign(parts_of(found)[name]), np.sign(values))


@pytest.mark.parametrize("rebalanced", [False, True])
def test_no_error_is_the_table_itself(rebalanced):
    table = with_value_added(random_world(3, 3, (2, 3, 2), inventories=True))
    errors = [Error(error.on, 0.0) for error in EVERYWHERE]
    found = drawn_table(table, errors, seed=1, number=0, rebalanced=rebalanced)
    for name, values in parts_of(table).items():
        np.testing.assert_allclose(parts_of(found)[name], values, rtol=1e-12)
    np.testing.assert_allclose(found.x, table.x, rtol=1e-12)
    np.testing.assert_allclose(found.value_added, table.value_added, rtol=1e-10)


@pytest.mark.parametrize("rebalanced", [False, True])
def test_value_added_takes_what_columns_lack(rebalanced):
    table = with_value_added(random_world(3, 3, (2, 3, 2)))
    found = drawn_table(table, EVERYWHERE, seed=1, number=0, rebalanced=rebalanced)
    before, after = (t.x - t.Z.sum() - t.value_added for t in (table, found))
    np.testing.assert_allclose(after, before, atol=1e-9)
    assert np.allclose(found.value_added, table.value_added, rtol=1e-6) == rebalanced
    assert drawn_table(random_world(1), EVERYWHERE, seed=1, number=0).value_added is None


def gross(table: IOTable) -> tuple[pd.Series, pd.Series, pd.Series]:
    Z, Y = table.Z.abs(), table.Y.abs()
    return Z.sum(axis=1) + Y.sum(axis=1), Z.sum(), Y.sum()


@pytest.mark.parametrize("inventories", [False, True])
@pytest.mark.parametrize("idle", [False, True])
def test_rebalanced_draws_meet_the_totals(inventories, idle):
    table = random_world(3, 3, (2, 3, 2), inventories=inventories, idle=idle)
    for number in range(5):
        found = drawn_table(table, EVERYWHERE, seed=1, number=number, rebalanced=True)
        assert not np.allclose(found.Z, table.Z, rtol=0.01)
        for got, wanted, size in zip(
            (found.x, found.Z.sum(), found.Y.sum()), (table.x, table.Z.sum(), table.Y.sum()),
            gross(found), strict=True,
        ):  # fmt: skip
            assert ((got - wanted).abs() <= 1e-9 * size).all()
        told = found.provenance["draw"]
        assert told["demand_times"] == pytest.approx(1, abs=1e-12)
        assert told["method"] == ("gras" if inventories else "ras")
        assert told["residual"] <= 1e-10


def test_a_rebalanced_draw_is_its_raw_draw_scaled_by_rows_and_columns():
    table = three_by_two()
    raw, fitted = (
        drawn_table(table, EVERYWHERE[:3], seed=1, number=0, rebalanced=rebalanced)
        for rebalanced in (False, True)
    )
    logs = np.log(fitted.Z.to_numpy() / raw.Z.to_numpy())
    effects = logs.mean(1, keepdims=True) + logs.mean(0) - logs.mean()
    np.testing.assert_allclose(logs, effects, atol=1e-9)
    assert np.ptp(logs) > 0.01


def test_drawn_totals_add_up_and_keep_a_nodes_inputs_per_output():
    table = random_world(3, 3, (2, 3, 2), inventories=True)
    drawing = Drawing(table, EVERYWHERE, seed=1, rebalanced=True, totals=0.1)
    factors = []
    for number in range(4):
        found = drawing.table(number)
        output, inputs = found.x / table.x, found.Z.sum() / table.Z.sum()
        np.testing.assert_allclose(output, inputs, rtol=1e-8)
        source = np.random.SeedSequence(1, spawn_key=(number, 4, 0))
        g = np.random.Generator(np.random.PCG64(source)).standard_normal(7 + table.Y.shape[1])
        drawn = np.exp(np.sqrt(np.log(1.01)) * g - np.log(1.01) / 2)
        np.testing.assert_allclose(output, drawn[:7], rtol=1e-8)
        times = found.provenance["draw"]["demand_times"]
        gap = found.Y.sum() - table.Y.sum() * drawn[7:] * times
        assert (gap.abs() <= 1e-9 * found.Y.abs().sum()).all()
        assert times != 1
        factors.append(output)
    assert np.std(factors) > 0.03


def test_totals_alone_may_be_uncertain():
    table = random_world(1, 3, 2)
    found = drawn_table(table, [], seed=1, number=0, rebalanced=True, totals=0.1)
    assert not np.allclose(found.x, table.x, rtol=0.01)


def two_gases() -> IOTable:
    table = three_by_two()
    F, demand = table.extensions["emissions"].F, table.demand
    gases = Extension(
        pd.concat([F, 2 * F]).set_axis(["CO2", "CH4"]),
        pd.DataFrame(1.0, ["CO2", "CH4"], demand), unit={"CO2": "Mt", "CH4": "kt"}, name="gases",
        source="here",
    )  # fmt: skip
    return table.replace(extensions=[gases, Extension(3 * F, unit="Mt", name="land")])


def test_stressors_share_a_factor_unless_one_is_named():
    table = two_gases()
    every = drawn_table(table, Error("emissions", 0.2), seed=1, number=0)
    rows = np.vstack([every.extensions[e].F / table.extensions[e].F for e in ("gases", "land")])
    assert np.ptp(rows, axis=0).max() < 1e-12
    assert np.ptp(rows, axis=1).min() > 0.01
    one = drawn_table(table, Error("emissions", 0.2, stressor="CH4"), seed=1, number=0)
    same_factor = one.extensions["gases"].F.loc["CH4"] / table.extensions["gases"].F.loc["CH4"]
    np.testing.assert_allclose(same_factor, rows[0], rtol=1e-12)
    for extension, stressor in (("gases", "CO2"), ("land", "CO2")):
        now, before = (t.extensions[extension].F.loc[stressor] for t in (one, table))
        assert np.array_equal(now, before)
    named = drawn_table(table, Error("emissions", 0.2, stressor="land/CO2"), seed=1, number=0)
    assert np.array_equal(named.extensions["gases"].F, table.extensions["gases"].F)
    assert not np.array_equal(named.extensions["land"].F, table.extensions["land"].F)


def test_everything_else_of_a_table_stays():
    table = two_gases()
    found = drawn_table(table, [Error("emissions", 0.2), Error("households", 0.2)], seed=1,
                        number=0)  # fmt: skip
    assert found.label == table.label
    gases = found.extensions["gases"]
    assert (gases.source, dict(gases.unit)) == ("here", {"CO2": "Mt", "CH4": "kt"})
    assert not found.extensions["land"].has_final
    told = found.provenance["draw"]
    assert (told["seed"], told["number"], len(told["errors"])) == (1, 0, 2)
    assert "draw" not in table.provenance


def test_correlated_errors_are_two_streams():
    table = three_by_two()
    both = correlated("inputs", 0.2, 0.5, by=("source_region",))
    found = drawn_table(table, both, seed=2, number=1)
    first = drawn_table(table, both[0], seed=2, number=1)
    rest = np.log(found.Z / first.Z).to_numpy()  # what the second adds: each cell its own
    assert len(np.unique(rest.round(12))) == rest.size


class Halved:
    """An error of another kind: the second node's emissions are halved or doubled."""

    on, stressor = "emissions", None

    def factors(self, table: IOTable, generator: np.random.Generator) -> np.ndarray:
        return np.where(np.arange(len(table.nodes)) == 1, generator.choice([0.5, 2.0]), 1.0)

    def told(self) -> dict[str, str]:
        return {"on": self.on}


def test_any_error_with_factors_of_its_own_can_be_drawn():
    table = two_regions()
    found = [
        drawn_table(table, Halved(), seed=1, number=i).extensions["emissions"].F.to_numpy()[0]
        for i in range(8)
    ]
    assert {tuple(row) for row in found} == {(50.0, 10.0), (50.0, 40.0)}


def test_totals_that_cannot_be_met_are_told_with_the_draw():
    table = world(
        [[10, 0], [0, 10]], [[20, 0], [0, 20]], [1, 1],
        [("A", "s"), ("B", "s")], [("A", "f"), ("B", "f")],
    )  # fmt: skip
    assert drawn_table(table, Error("inputs", 0.2), seed=5, number=3, rebalanced=True).x.sum() == 60
    with pytest.raises(BalanceError, match=r"^draw 3 of seed 5: .*has no place"):
        drawn_table(table, Error("inputs", 0.2), seed=5, number=3, rebalanced=True, totals=0.2)


def test_final_demand_of_the_wrong_sign_is_told_with_the_draw():
    table = world([[10.0]], [[5, -4]], [1], [("A", "s")], [("A", "f"), ("A", "INV")])
    drawing = Drawing(table, [], seed=0, rebalanced=True, totals=1.0)
    refused = first_refusal(drawing.table)
    assert isinstance(refused, BalanceError)
    assert re.match(r"draw \d+ of seed 0: drawn final demand sums to -", str(refused))


@given(st.integers(0, 1000), st.floats(0, 2))
@settings(max_examples=25, deadline=None)
def test_draws_without_negative_cells_are_always_productive(seed, sd):
    table = random_world(seed % 7, 3, 2)
    found = drawn_table(table, [Error("inputs", sd), Error("demand", sd)], seed=seed, number=0)
    Leontief(found).require_productive()


def test_negative_cells_follow_their_row():
    table = world(
        [[10.0, 0], [3, 2]], [[5, -4, 1, -1], [2, 0, 3, 0]], [1, 1],
        [("A", "s"), ("B", "s")], [("A", "f"), ("A", "INV"), ("B", "f"), ("B", "INV")],
    )  # fmt: skip
    errors = [Error("inputs", 0.5), Error("demand", 0.5)]
    for number in range(20):
        found = drawn_table(table, errors, seed=3, number=number)
        Z, Y = found.Z.to_numpy(), found.Y.to_numpy()
        times = (Z[0, 0] + Y[0, 0] + Y[0, 2]) / 16
        assert Y[0, 1] == pytest.approx(-4 * times, rel=1e-14)
        assert Y[0, 3] == pytest.approx(-1 * times, rel=1e-14)
        assert found.x.iloc[0] == pytest.approx(11 * times, rel=1e-13)
        assert abs(times - 1) > 1e-3


@given(st.integers(0, 1000), st.floats(0.1, 2))
@settings(max_examples=25, deadline=None)
def test_output_keeps_its_sign(seed, sd):
    table = WORLDS["inventories"]
    found = drawn_table(table, [Error("inputs", sd), Error("demand", sd)], seed=seed, number=0)
    assert (np.sign(found.x) == np.sign(table.x)).all()


def test_a_row_that_adds_up_to_nothing_stays():
    table = world(
        [[0.0, 3], [0, 2]], [[4, -7], [2, 3]], [0, 1],
        [("A", "s"), ("B", "s")], [("A", "f"), ("B", "f")],
    )  # fmt: skip
    assert table.x.iloc[0] == 0
    found = drawn_table(table, [Error("inputs", 0.5), Error("demand", 0.5)], seed=0, number=0)
    assert found.x.iloc[0] == 0
    np.testing.assert_array_equal(found.Z.iloc[0], table.Z.iloc[0])
    assert found.Z.iloc[1, 1] != table.Z.iloc[1, 1]
    assert (found.Y.iloc[1] != table.Y.iloc[1]).all()


def test_a_draw_may_be_unproductive_and_is_then_refused():
    table = world([[10.0]], [[5, -4]], [1], [("A", "s")], [("A", "f"), ("A", "INV")])
    Leontief(table).require_productive()
    drawing = Drawing(table, Error("demand", 1.0), seed=0)
    refused = first_refusal(lambda number: Leontief(drawing.table(number)).require_productive())
    assert isinstance(refused, SingularSystem)


def first_refusal(call: Callable[[int], object]) -> CarbonflowsError:
    for number in range(50):
        try:
            call(number)
        except CarbonflowsError as refused:
            return refused
    raise AssertionError("nothing was refused")


TABLE = three_by_two()
ERROR = Error("inputs", 0.1)


@pytest.mark.parametrize(
    ("call", "culprit"),
    [
        (lambda: drawn_table(TABLE.Z, ERROR, seed=0, number=0), "a DataFrame is no table"),
        (lambda: drawn_table(TABLE, "inputs", seed=0, number=0), "a str is no error"),
        (lambda: drawn_table(TABLE, [0.1], seed=0, number=0), "a float is no error"),
        (lambda: drawn_table(TABLE, [], seed=0, number=0), "no errors were given"),
        (lambda: drawn_table(TABLE, ERROR, seed=-1, number=0), "seed=-1"),
        (lambda: drawn_table(TABLE, ERROR, seed=0.5, number=0), "seed=0.5"),
        (lambda: drawn_table(TABLE, ERROR, seed=0, number=-1), "number=-1"),
        (lambda: drawn_table(TABLE, ERROR, seed=0, number=0, totals=0.1), "totals=0.1 needs"),
        (
            lambda: drawn_table(TABLE, ERROR, seed=0, number=0, totals=-1, rebalanced=True),
            "totals=-1 is no",
        ),
        (
            lambda: drawn_table(
                random_world(8, output="given"), ERROR, seed=0, number=0
            ),
            "random 8 2012 has output='given'",
        ),
        (
            lambda: drawn_table(TABLE, Error("households", 0.1), seed=0, number=0),
            "three by two 2012 has no households",
        ),
        (
            lambda: drawn_table(TABLE, Error("emissions", 0.1, stressor="N2O"), seed=0, number=0),
            "stressor 'N2O' has no emissions in three by two 2012",
        ),
        (
            lambda: drawn_table(
                two_gases(), Error("emissions", 0.1, stressor="CO2"), seed=0, number=0
            ),
            "stressor 'CO2' occurs more than once",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_in_a_line(call, culprit):
    with pytest.raises(CarbonflowsError) as refused:
        call()
    assert str(refused.value).startswith(culprit)
    assert "\n" not in str(refused.value)
