"""The study of drivers: its numbers, by other routes."""

from itertools import pairwise, permutations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.change.panel import Panel, panel, read_panel
from carbonflows.regions import Grouping, load_grouping
from carbonflows.study.drivers.study import outcome
from carbonflows.study.outcome import Outcome
from carbonflows.study.spec import Study, load_study
from carbonflows.table import IOTable
from worlds import random_world

YEARS = [1995, 2000, 2004, 2007, 2009]


def study(**sections) -> Study:
    return Study(title="Drivers", kind="drivers", table={"source": "example"}, **sections)


def rows(found: Outcome, name: str, **where) -> pd.DataFrame:
    frame = found.tables[name]
    for column, value in where.items():
        frame = frame[frame[column] == value]
    return frame


@pytest.fixture(scope="module")
def shipped() -> Outcome:
    return outcome(
        load_study("drivers"), read_panel("example", None, YEARS),
        grouping=load_grouping("belt-and-road"),
    )  # fmt: skip


def parts(table: IOTable) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Intensity, inputs summed over origins, origin shares, and final demand by region."""
    x = table.x.to_numpy()
    A = table.Z.to_numpy() / x
    sectors = len(table.sectors)
    sums = A.reshape(-1, sectors, len(A)).sum(axis=0)
    tiled = np.tile(sums, (len(A) // sectors, 1))
    shares = np.divide(A, tiled, out=np.zeros_like(A), where=tiled != 0)
    k = table.extensions["emissions"].F.to_numpy()[0] / 1000 / x
    F = table.Y.T.groupby(level="region", sort=False).sum().T.to_numpy()
    return k, tiled, shares, F


def all_orders(before: IOTable, after: IOTable, split: bool) -> pd.DataFrame:
    """Mean, least and most of the world's effects over every single order, by plain numpy."""
    old, new = parts(before), parts(after)
    sectors = before.sectors
    names = ["intensity", "technology", "sourcing", "mix", "level"] if split else [
        "intensity", "inputs", "demand"]  # fmt: skip
    known: dict[tuple[str, ...], float] = {}

    def emitted(changed: tuple[str, ...]) -> float:
        changed = tuple(sorted(changed))
        if changed not in known:
            k = (old, new)["intensity" in changed][0]
            technology = (old, new)["technology" in changed or "inputs" in changed][1]
            sourcing = (old, new)["sourcing" in changed or "inputs" in changed][2]
            mix = (old, new)["mix" in changed or "demand" in changed][3]
            level = (old, new)["level" in changed or "demand" in changed][3].sum(axis=0)
            y = (mix / mix.sum(axis=0) * level).sum(axis=1)
            known_origins = sourcing.reshape(-1, len(sectors), len(k)).sum(axis=0) > 0.5
            known_origins = np.tile(known_origins, (len(k) // len(sectors), 1))
            own = (old, new)["technology" in changed or "inputs" in changed][2]
            A = technology * np.where(known_origins, sourcing, own)  # what is new has new origins
            known[changed] = float(k @ np.linalg.solve(np.eye(len(A)) - A, y))
        return known[changed]

    effects = []
    for order in permutations(names):
        steps = [emitted(order[:i]) for i in range(len(order) + 1)]
        effects.append(dict(zip(order, np.diff(steps), strict=True)))
    frame = pd.DataFrame(effects)
    return pd.DataFrame({"effect": frame.mean(), "least": frame.min(), "most": frame.max()})


def test_the_world_is_the_mean_of_all_120_orders_counted_one_by_one(shipped) -> None:
    expected = all_orders(cf.example(1995), cf.example(2009), split=True)
    got = rows(shipped, "drivers_first_last", view="demand", region="world").set_index("factor")
    for column in expected:
        np.testing.assert_allclose(got.loc[expected.index, column], expected[column], rtol=1e-9)


def test_chained_effects_are_sums_of_every_step_by_brute_force() -> None:
    found = outcome(
        study(drivers={"factors": ["intensity", "inputs", "demand"]}),
        read_panel("example", None, [1995, 2000, 2009]),
    )
    expected = sum(
        all_orders(cf.example(a), cf.example(b), split=False)
        for a, b in pairwise([1995, 2000, 2009])
    )
    got = rows(found, "drivers_cumulated", view="source", region="world", year=2009)
    got = got.set_index("factor").loc[expected.index, list(expected)]
    np.testing.assert_allclose(got, expected, rtol=1e-9)


def test_effects_sum_to_the_change_of_accounts_everywhere(shipped) -> None:
    accounts = shipped.tables["accounts"].set_index(["year", "region"])
    checks = shipped.tables["checks"]
    groups = 14  # 13 groups and the world
    assert len(checks) == 2 * groups * (4 + 1 + 1)
    assert checks["gap"].max() < 1e-12
    for (view, region), steps in shipped.tables["drivers_steps"].groupby(["view", "region"]):
        column = {"demand": "consumption", "source": "production"}[view]
        change = accounts.loc[(2009, region), column] - accounts.loc[(1995, region), column]
        assert steps["effect"].sum() == pytest.approx(change, abs=1e-8)
    co2 = cf.example(2009).extensions["emissions"]
    total = (co2.F.to_numpy().sum() + co2.F_Y.to_numpy().sum()) / 1000
    assert accounts.loc[(2009, "world"), "production"] == pytest.approx(total)


def test_a_gap_is_seen_where_an_effect_is_wrong(monkeypatch) -> None:
    from carbonflows.study.drivers import steps as drivers_steps

    real = drivers_steps.decompose

    def wrong(*args, **kwargs):
        frame = real(*args, **kwargs)
        frame["level"] += 1.0
        return frame

    monkeypatch.setattr(drivers_steps, "decompose", wrong)
    found = outcome(study(), read_panel("example", None, [1995, 2000]))
    assert found.tables["checks"]["gap"].min() > 1e-5
    assert any(line.startswith("Effects do not sum to the change") for line in found.headlines)


def test_groups_and_both_views_sum_to_the_world(shipped) -> None:
    for name in ("drivers_steps", "drivers_cumulated", "drivers_first_last"):
        frame = shipped.tables[name]
        keys = ["year", "view", "factor"]
        whole = frame[frame["region"] == "world"].set_index(keys)["effect"]
        groups = frame[frame["region"] != "world"].groupby(keys)["effect"].sum()
        np.testing.assert_allclose(groups.reindex(whole.index), whole, atol=1e-7)
        demand, source = (whole.xs(view, level="view") for view in ("demand", "source"))
        np.testing.assert_allclose(demand, source.reindex(demand.index), rtol=1e-9)


def test_effects_lie_within_their_range_and_chaining_narrows_it(shipped) -> None:
    for name in ("drivers_steps", "drivers_cumulated", "drivers_first_last"):
        frame = shipped.tables[name]
        assert (frame["least"] <= frame["effect"] + 1e-9).all()
        assert (frame["effect"] <= frame["most"] + 1e-9).all()
    one = rows(shipped, "drivers_first_last", region="world", view="demand").set_index("factor")
    last = rows(shipped, "drivers_cumulated", region="world", view="demand", year=2009)
    last = last.set_index("factor")
    wide, narrow = (frame["most"] - frame["least"] for frame in (one, last))
    assert narrow["level"] < 0.4 * wide["level"]
    assert (one["chained"] == last["effect"].reindex(one.index)).all()
    assert one["difference"].to_numpy() == pytest.approx((one["chained"] - one["effect"]).array)


def test_methods_agree_on_the_sum_and_differ_in_the_parts(shipped) -> None:
    methods = shipped.tables["drivers_methods"]
    sums = methods.groupby(["route", "method"])["effect"].sum()
    assert len(sums) == 6
    np.testing.assert_allclose(sums, 6810.621541, rtol=1e-9)
    polar = methods[(methods["method"] == "polar") & (methods["factor"] == "intensity")]
    polar = polar.set_index("route")["difference"]
    assert 0 < -polar["chained"] < 0.2 * -polar["first to last"]
    shapley = methods[methods["method"] == "shapley"].set_index(["route", "factor"])["effect"]
    one = rows(shipped, "drivers_first_last", region="world", view="demand").set_index("factor")
    np.testing.assert_allclose(shapley["first to last"], one["effect"], rtol=1e-12)
    np.testing.assert_allclose(shapley["chained"], one["chained"], rtol=1e-12)


def test_polar_is_taken_when_asked_for() -> None:
    found = outcome(study(drivers={"method": "polar"}), read_panel("example", None, [1995, 2009]))
    methods = found.tables["drivers_methods"]
    polar = methods[methods["method"] == "polar"].set_index(["route", "factor"])["effect"]
    one = rows(found, "drivers_first_last", region="world", view="demand").set_index("factor")
    np.testing.assert_allclose(one["effect"], polar["first to last"], rtol=1e-12)
    assert found.tables["drivers_steps"].attrs["method"] == "polar"


@pytest.mark.parametrize("seed", range(4))
def test_random_worlds_sum_too_and_say_so(seed: int) -> None:
    worlds = {2000 + i: random_world(17 * seed + i, 3, 2).replace(year=2000 + i) for i in range(3)}
    found = outcome(study(), panel(worlds))
    assert found.tables["checks"]["gap"].max() < 1e-10
    assert any(line.startswith("All ") for line in found.headlines)


def test_output_that_rows_do_not_account_for_is_an_effect_of_its_own() -> None:
    worlds = {}
    for year in (1995, 2000):
        table = cf.example(year)
        worlds[year] = table.replace(output="given", x=table.x * 1.01)
    found = outcome(study(), panel(worlds))
    assert set(rows(found, "drivers_steps", view="source")["factor"]) >= {"imbalance"}
    assert "imbalance" not in set(rows(found, "drivers_steps", view="demand")["factor"])
    assert found.tables["checks"]["gap"].max() < 1e-12


def test_regions_without_groups_and_a_world_of_one() -> None:
    years = read_panel("example", None, [1995, 2000])
    found = outcome(study(), years)
    assert rows(found, "accounts", year=1995)["region"].nunique() == 23
    whole = Grouping(dict.fromkeys(cf.example(1995).regions, "world"), name="all")
    one = outcome(study(), years, grouping=whole)
    assert list(one.tables["accounts"]["region"]) == ["world", "world"]
    both = [
        rows(each, "drivers_steps", view="demand", region="world").set_index("factor")["effect"]
        for each in (found, one)
    ]
    np.testing.assert_allclose(*both, rtol=1e-12)
    assert not [line for line in one.headlines if "rose most in" in line]
    assert [p.stem for p in closed(one)] == [
        "drivers_world", "drivers_world_one_step", "contributions_world",
    ]  # fmt: skip


def closed(found: Outcome) -> list:
    import matplotlib.pyplot as plt

    pictures = []
    for picture in found.pictures():
        pictures.append(picture)
        plt.close(picture.figure)
    return pictures


def test_each_year_is_read_once_for_accounts_and_once_for_steps() -> None:
    read = []

    def reader(year: int):
        def table() -> IOTable:
            read.append(year)
            return cf.example(year)

        return table

    outcome(study(), Panel({year: reader(year) for year in (1995, 2000, 2004)}))
    assert len(read) <= 1 + 3 + 3 + 2, read  # the first for its regions; the one step at the end


def test_the_whole_of_wiod(shared: Path) -> None:
    found = outcome(
        study(), read_panel("wiod2013", shared / "wiod2013", [1995, 1996, 2009]),
        grouping=load_grouping("belt-and-road"),
    )  # fmt: skip
    assert found.tables["checks"]["gap"].max() < 1e-9
    one = rows(found, "drivers_first_last", region="world", view="demand").set_index("factor")
    assert one["effect"].sum() == pytest.approx(6810.621541, abs=1e-3)
    assert one.loc["level", "effect"] == pytest.approx(24851.5, abs=0.1)


def test_digits_do_not_depend_on_which_steps_a_process_took_before(monkeypatch) -> None:
    monkeypatch.setattr("carbonflows.solve.KRYLOV_FROM", 100)  # as in tables of 1000 nodes
    from carbonflows.study.drivers.steps import step_effects
    from carbonflows.study.drivers.years import years_of

    steps = [
        {"before": before, "after": after, "chained": True}
        for before, after in pairwise([1995, 2000, 2004])
    ]
    asked = read_panel("example", None, [1995, 2000, 2004])
    alone = [step_effects(years_of(study(), asked, None), step) for step in steps]
    same = years_of(study(), asked, None)
    for one, step in zip(alone, steps, strict=True):
        pd.testing.assert_frame_equal(
            step_effects(same, step)["effects"], one["effects"], check_exact=True
        )
