"""Many draws: the same whoever makes them, linear cases exact, any account, parts kept."""

import pickle

import numpy as np
import pandas as pd
import pytest

import carbonflows.uncertainty.draws as module
from carbonflows.accounts.emissions import emissions
from carbonflows.accounts.flows import flows
from carbonflows.accounts.footprint import footprint
from carbonflows.errors import CarbonflowsError, DataError, LabelError, SingularSystem
from carbonflows.solve import Leontief
from carbonflows.uncertainty.drawing import drawn_table
from carbonflows.uncertainty.draws import Draws, draws
from carbonflows.uncertainty.measured import production_and_consumption
from carbonflows.uncertainty.model import Error, correlated
from carbonflows.work import working
from worlds import halves, random_world, three_by_two, world

TABLE = random_world(1)
EVERYWHERE = [*correlated("inputs", 0.2, 0.4, by=("source_region",)), Error("demand", 0.1),
              Error("emissions", 0.2, by=("region",)), Error("households", 0.3)]  # fmt: skip
FAR = 4.0  # standard errors: a false alarm once in 16,000 fixed comparisons


def identical(one: Draws, other: Draws) -> bool:
    return (
        np.array_equal(one.values, other.values)
        and np.array_equal(one.base, other.base)
        and one.values.columns.equals(other.values.columns)
        and one.values.index.equals(other.values.index)
    )


@pytest.mark.parametrize("warm_start", [True, False])
@pytest.mark.parametrize("rebalanced", [False, True])
def test_each_value_is_the_account_of_its_drawn_table(rebalanced, warm_start):
    found = draws(TABLE, EVERYWHERE, number=5, seed=3, rebalanced=rebalanced, batch=2,
                  warm_start=warm_start)  # fmt: skip
    base = footprint(Leontief(TABLE))
    total = base["production"].sum()
    for quantity in ("production", "consumption", "net_exports"):
        np.testing.assert_allclose(found.base[quantity], base[quantity], atol=1e-12 * total)
        for number in range(5):
            table = drawn_table(TABLE, EVERYWHERE, seed=3, number=number, rebalanced=rebalanced)
            np.testing.assert_allclose(
                found.values.loc[number, quantity], footprint(Leontief(table))[quantity],
                rtol=0, atol=1e-11 * total,
            )  # fmt: skip
    assert found.values.columns.names == ["quantity", "region"]
    assert found.values.index.tolist() == list(range(5))
    assert (found.unit, found.seed, found.rebalanced, found.table) == (
        "Mt", 3, rebalanced, TABLE.label,
    )  # fmt: skip
    assert found.facts["stressor"] == "CO2"
    assert [told["on"] for told in found.errors] == [error.on for error in EVERYWHERE]


def test_draws_are_the_same_in_any_batches_and_however_many_there_are():
    whole = draws(TABLE, EVERYWHERE, number=12, seed=3)
    for batch in (1, 5, 12, 100):
        assert identical(draws(TABLE, EVERYWHERE, number=12, seed=3, batch=batch), whole)
    fewer = draws(TABLE, EVERYWHERE, number=7, seed=3, batch=3)
    assert np.array_equal(fewer.values, whole.values[:7])
    other = draws(TABLE, EVERYWHERE, number=12, seed=4)
    assert not (other.values == whole.values).any(axis=None)


def test_draws_are_the_same_in_other_processes():
    table = random_world(3, 3, (2, 3, 2), inventories=True)
    for rebalanced in (False, True):
        here = draws(table, EVERYWHERE, number=9, seed=3, rebalanced=rebalanced)
        with working(processes=2) as work:
            there = draws(table, EVERYWHERE, number=9, seed=3, rebalanced=rebalanced, batch=2,
                          work=work)  # fmt: skip
        assert identical(here, there)


def test_what_travels_is_the_same_table_and_nothing_that_can_be_made_again():
    setting = module._Setting(
        TABLE, EVERYWHERE, 3, False, 0.0, production_and_consumption, {}, True
    )
    before = setting.drawn(2)
    sent = pickle.loads(pickle.dumps(setting))
    assert not {"drawing", "near"} & set(sent.__dict__)
    pd.testing.assert_series_equal(sent.drawn(2), before, check_exact=True)
    assert (sent.table.label, sent.table.provenance) == (TABLE.label, TABLE.provenance)
    assert not sent.table.Z.to_numpy().flags.writeable


@pytest.mark.parametrize("rebalanced", [False, True])
def test_without_errors_every_draw_is_the_base(rebalanced):
    errors = [Error(part, 0.0) for part in ("inputs", "demand", "emissions", "households")]
    found = draws(TABLE, errors, number=3, rebalanced=rebalanced)
    scale = found.base["production"].sum()
    np.testing.assert_allclose(
        found.values, np.tile(found.base, (3, 1)), rtol=0, atol=1e-12 * scale
    )


def exact_sd(table, rsd: float, by: str | None) -> np.ndarray:
    """Standard deviation of consumption under errors of emissions: it is linear in them."""
    caused = flows(Leontief(table), source="node").to_numpy()  # node × consumer, at the base
    if by is not None:
        groups = pd.factorize(table.nodes.get_level_values(by))[0]
        caused = np.array([caused[groups == g].sum(axis=0) for g in range(groups.max() + 1)])
    return rsd * np.sqrt((caused**2).sum(axis=0))


@pytest.mark.parametrize("by", [None, "region", "sector"])
def test_errors_of_emissions_spread_as_the_exact_formula_says(by):
    error = Error("emissions", 0.2, by="cell" if by is None else (by,))
    found = draws(TABLE, error, number=300, seed=5, batch=100).values["consumption"]
    expected = exact_sd(TABLE, 0.2, by)
    kurtosis = ((found - found.mean()) ** 4).mean() / found.var(ddof=0) ** 2
    far_sd = (found.var() / expected**2 - 1) / np.sqrt((kurtosis - 1) / len(found))
    base = production_and_consumption(Leontief(TABLE))["consumption"]
    far_mean = (found.mean() - base) / (expected / np.sqrt(len(found)))
    assert far_sd.abs().max() < FAR
    assert far_mean.abs().max() < FAR


def test_consumption_is_linear_in_drawn_emissions():
    table = three_by_two()
    error = Error("emissions", 0.5)
    found = draws(table, error, number=6, seed=1).values
    share = flows(Leontief(table), source="node").div(
        table.extensions["emissions"].F.to_numpy()[0], axis=0
    )
    for number in range(6):
        F = drawn_table(table, error, seed=1, number=number).extensions["emissions"].F.to_numpy()[0]
        np.testing.assert_allclose(found.loc[number, "consumption"], F @ share, rtol=1e-12)


def test_correlated_errors_spread_more_than_independent_ones():
    table = random_world(1, 4, 6)
    sd = [
        draws(table, correlated("emissions", 0.2, rho, by=("region",)), number=80, seed=1)
        .values["production"].std().sum()
        for rho in (0.0, 0.5, 1.0)
    ]  # fmt: skip
    assert sd[0] * 1.2 < sd[1] < sd[2] / 1.1


def test_flows_are_stacked_by_their_own_levels():
    found = draws(TABLE, Error("inputs", 0.1), flows, number=2, seed=1, grouping=halves(TABLE))
    assert found.values.columns.names == ["demand_region", "source_region"]
    table = drawn_table(TABLE, Error("inputs", 0.1), seed=1, number=1)
    expected = flows(Leontief(table), grouping=halves(TABLE))
    for source in expected.index:
        for consumer in expected.columns:
            assert found.values.loc[1, (consumer, source)] == pytest.approx(
                expected.loc[source, consumer], rel=1e-10
            )
    assert found.facts["grouping"] == "halves"


def world_total(system: Leontief) -> pd.Series:
    return pd.Series(
        [production_and_consumption(system)["production"].sum()], pd.Index(["world"], name="of")
    )


def tidy_intensity(system: Leontief) -> pd.DataFrame:
    load = emissions(system.table)
    return pd.DataFrame({
        "sector": [s for _, s in system.table.nodes], "region": [r for r, _ in system.table.nodes],
        "direct": load.per_output(system.table),
    })  # fmt: skip


def test_series_and_tidy_frames_are_accounts_too():
    one = draws(TABLE, Error("emissions", 0.1), world_total, number=2)
    assert one.values.columns.to_list() == [("value", "world")]
    assert one.values.columns.names == ["quantity", "of"]
    assert one.unit == ""
    tidy = draws(TABLE, Error("emissions", 0.1), tidy_intensity, number=2)
    assert tidy.values.columns.names == ["quantity", "sector", "region"]
    k = emissions(TABLE).per_output(TABLE)
    assert tidy.base["direct", "s2", "r3"] == k[list(TABLE.nodes).index(("r3", "s2"))]


def test_finished_parts_are_found_again_and_only_for_the_same_draws(tmp_path, monkeypatch):
    made: list[int] = []
    drawn = module._Setting.drawn

    def counted(self, number):
        made.append(number)
        return drawn(self, number)

    monkeypatch.setattr(module._Setting, "drawn", counted)

    def again(table=TABLE, errors=EVERYWHERE, number=6, **options):
        made.clear()
        with working(parts=tmp_path) as work:
            return draws(table, errors, number=number, batch=2, work=work, **options)

    first = again()
    assert made == [0, 1, 2, 3, 4, 5]
    assert identical(again(), first)
    assert made == []
    assert identical(again(errors=[*EVERYWHERE]), first)
    assert made == []
    more = again(number=8)
    assert made == [6, 7]
    assert np.array_equal(more.values[:6], first.values)
    for options in (
        {"seed": 1}, {"rebalanced": True}, {"unit": "kt"}, {"grouping": halves(TABLE)},
        {"errors": EVERYWHERE[:-1]}, {"table": TABLE.replace(Z=TABLE.Z * 1.01)},
        {"warm_start": True}, {"account": footprint},
    ):  # fmt: skip
        again(**options)
        assert made == [0, 1, 2, 3, 4, 5], options


def test_progress_is_told_by_batches():
    told: list[tuple[str, int, int]] = []
    with working(progress=lambda *what: told.append(what)) as work:
        draws(TABLE, Error("inputs", 0.1), number=5, batch=2, work=work)
    assert told == [("draws", done, 4) for done in range(5)]  # the base is one item


def test_a_draw_that_cannot_be_solved_is_named():
    table = world([[10.0]], [[5, -4]], [1], [("A", "s")], [("A", "f"), ("A", "INV")])
    with pytest.raises(SingularSystem, match=r"^draw \d+ of seed 7: table: .*columns"):
        draws(table, Error("demand", 1.0), number=60, seed=7)


def textual(system: Leontief) -> pd.DataFrame:
    return footprint(system).assign(rank="first")


def by_rank(system: Leontief) -> pd.Series:
    return footprint(system)["consumption"].sort_values()


def twice(system: Leontief) -> pd.DataFrame:
    return pd.concat([footprint(system)] * 2)


def number_only(system: Leontief) -> float:
    return 1.0


ERROR = Error("emissions", 0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: draws(TABLE, ERROR, number=0), r"^number=0 is no number of draws"),
        (lambda: draws(TABLE, ERROR, batch=0.5), r"^batch=0.5 is no number of draws"),
        (lambda: draws(TABLE, ERROR, "footprint"), r"^account='footprint' is no function"),
        (lambda: draws(TABLE, ERROR, number_only, number=1), r"^the account returned a float"),
        (lambda: draws(TABLE, ERROR, textual, number=1), r"^the account's column\(s\) rank hold"),
        (lambda: draws(TABLE, ERROR, twice, number=1), r"^the account's production/r1, .* twice"),
        (lambda: draws(TABLE, ERROR, stressor=emissions(TABLE)), r"^these emissions of CO2"),
        (lambda: draws(TABLE, ERROR, stressor="N2O", number=1), r"^stressor 'N2O' is not in"),
        (lambda: draws(TABLE, [], number=1), r"^no errors were given"),
        (lambda: draws(TABLE, ERROR, number=1, seed=None), r"^seed=None"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(call, message):
    with pytest.raises(CarbonflowsError, match=message) as refused:
        call()
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("batch", [1, 20])
def test_labels_that_change_from_draw_to_draw_are_refused(batch):
    with pytest.raises(LabelError, match=r"^draw \d+: the account's labels .*their order"):
        draws(TABLE, ERROR, by_rank, number=30, batch=batch)


def test_an_account_without_a_name_cannot_be_kept(tmp_path):
    with working(parts=tmp_path) as work, pytest.raises(DataError, match="use a function of a"):
        draws(TABLE, ERROR, lambda system: footprint(system), number=1, work=work)
    assert draws(TABLE, ERROR, lambda system: footprint(system), number=1).values.shape[1] == 40
