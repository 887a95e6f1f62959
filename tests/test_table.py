"""Tables: labels matched once, output policies, nothing to be changed afterwards."""

# ruff: noqa: PD002

import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.errors import DataError, LabelError, ShapeError
from carbonflows.store import table_hash
from carbonflows.table import Extension, IOTable, block_sum, two_regions
from worlds import WORLDS, demand_of, nodes_of, random_world, relabelled, three_by_two

Parts = dict[str, Any]


def parts() -> Parts:
    """Frames of a world of 3 regions × 2 sectors, in the order of its table."""
    table = random_world(1, 3, 2)
    ext = table.extensions["emissions"]
    assert ext.F_Y is not None
    return {
        "Z": table.Z.copy(),
        "Y": table.Y.copy(),
        "F": ext.F.copy(),
        "F_Y": ext.F_Y.copy(),
        "x": table.x.copy(),
        "value_added": (table.x - table.Z.to_numpy().sum(axis=0)).rename("v"),
    }


def build(given: Parts, **options: Any) -> IOTable:
    extension = Extension(given["F"], given["F_Y"], unit="Mt")
    return IOTable(
        given["Z"], given["Y"], extensions=extension, x=given["x"],
        value_added=given["value_added"], **({"unit": "M USD"} | options),
    )  # fmt: skip


AXES = [
    ("Z", 0), ("Z", 1), ("Y", 0), ("Y", 1), ("F", 1), ("F_Y", 1), ("x", 0), ("value_added", 0),
]  # fmt: skip
EVERY_AXIS = pytest.mark.parametrize(("what", "axis"), AXES)


def same_numbers(found: IOTable, expected: IOTable) -> None:
    """Label by label, whatever the order."""
    nodes, demand = expected.nodes, expected.demand
    pd.testing.assert_frame_equal(found.Z.loc[nodes, nodes], expected.Z)
    pd.testing.assert_frame_equal(found.Y.loc[nodes, demand], expected.Y)
    pd.testing.assert_series_equal(found.x[nodes], expected.x)
    pd.testing.assert_series_equal(found.x_given[nodes], expected.x_given)
    pd.testing.assert_series_equal(found.value_added[nodes], expected.value_added)
    one, two = found.extensions["emissions"], expected.extensions["emissions"]
    pd.testing.assert_frame_equal(one.F[nodes], two.F)
    pd.testing.assert_frame_equal(one.F_Y[demand], two.F_Y)


@EVERY_AXIS
def test_a_reorder_of_any_axis_is_conformed(what: str, axis: int) -> None:
    given = parts()
    expected = build(parts())
    labels = given[what].axes[axis]
    given[what] = given[what].reindex(labels[[4, 2, 5, 0, 3, 1]], axis=axis)
    found = build(given)
    same_numbers(found, expected)
    for index in (found.Z.columns, found.Y.index, found.x.index, found.value_added.index):
        assert index.equals(found.nodes)
    assert found.extensions["emissions"].F.columns.equals(found.nodes)
    assert found.extensions["emissions"].F_Y.columns.equals(found.demand)


@EVERY_AXIS
@pytest.mark.parametrize("fault", ["missing", "extra", "misspelt", "duplicate", "empty"])
def test_a_wrong_label_on_any_axis_is_named(what: str, axis: int, fault: str) -> None:
    given = parts()
    labels = list(given[what].axes[axis])
    first, last = labels[0], labels[-1]
    wrong = ("r9", last[1])
    if fault == "missing":
        given[what] = given[what].drop([last], axis=axis)
        named = f"{last[0]}/{last[1]}|r3"
    elif fault == "extra":
        longer = pd.MultiIndex.from_tuples([*labels, wrong])
        given[what] = given[what].reindex(longer, axis=axis, fill_value=0.0)
        named = "r9"
    else:
        last, named = {
            "misspelt": (wrong, "r9"),
            "duplicate": (first, f"{first[0]}/{first[1]} occurs twice"),
            "empty": ((None, last[1]), "empty region label at position 5"),
        }[fault]
        labels[-1] = last
        given[what] = given[what].set_axis(pd.MultiIndex.from_tuples(labels), axis=axis)
    if what == "Z" and fault in ("missing", "extra"):
        with pytest.raises(ShapeError, match="it must be square"):
            build(given)
        return
    with pytest.raises(LabelError) as caught:
        build(given)
    assert any(part in str(caught.value) for part in named.split("|")), str(caught.value)


@EVERY_AXIS
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_placed(what: str, axis: int, bad: float) -> None:
    given = parts()
    label = given[what].axes[axis][3]
    if isinstance(given[what], pd.Series):
        given[what].iloc[3] = bad
    elif axis == 0:
        given[what].iloc[3, 0] = bad
    else:
        given[what].iloc[0, 3] = bad
    with pytest.raises(DataError, match=r"1 value.*not finite") as caught:
        build(given)
    assert "/".join(label) in str(caught.value)


def test_an_oblong_table_is_refused() -> None:
    given = parts()
    given["Z"] = given["Z"].iloc[:, :5]
    with pytest.raises(ShapeError, match="6 rows and 5 columns: it must be square"):
        build(given)


def test_a_region_without_final_demand_is_named() -> None:
    given = parts()
    given["Y"] = given["Y"].drop(columns=["r2"], level=0)
    given["F_Y"] = given["F_Y"].drop(columns=["r2"], level=0)
    with pytest.raises(LabelError, match="lack r2"):
        build(given)


def test_final_demand_of_a_region_that_makes_nothing_is_named() -> None:
    given = parts()
    for what in ("Y", "F_Y"):
        given[what][("r9", "C")] = 1.0
    with pytest.raises(LabelError, match="have r9 too many"):
        build(given)


def test_final_demand_by_region_alone_gets_a_category() -> None:
    table = two_regions()
    Y = table.Y.set_axis(["A", "B"], axis=1)
    found = table.replace(Y=Y, extensions=())
    assert list(found.demand) == [("A", "final demand"), ("B", "final demand")]
    assert found.x.tolist() == [100, 100]


def test_demand_is_grouped_by_region_in_the_order_of_the_nodes() -> None:
    table = WORLDS["shuffled"]
    assert list(table.demand.get_level_values(0)) == sorted(
        table.demand.get_level_values(0), key=list(table.regions).index
    )


# Output policies.


def test_output_from_rows() -> None:
    table = build(parts())
    np.testing.assert_allclose(table.x, table.Z.sum(axis=1) + table.Y.sum(axis=1), rtol=1e-15)


def test_output_from_columns() -> None:
    given = parts()
    given["value_added"] *= 1.25
    table = build(given, output="columns")
    np.testing.assert_allclose(table.x, given["Z"].sum(axis=0) + given["value_added"], rtol=1e-14)


def test_value_added_by_component_is_summed() -> None:
    given = parts()
    whole = given["value_added"]
    given["value_added"] = pd.DataFrame([whole * 0.25, whole * 0.75], ["wages", "rest"])
    pd.testing.assert_series_equal(
        build(given).value_added, whole, check_names=False, check_exact=False
    )


def test_a_hole_in_one_component_of_value_added_is_not_zero() -> None:
    given = parts()
    given["value_added"] = pd.DataFrame([given["value_added"]] * 2, ["wages", "rest"])
    given["value_added"].iloc[1, 3] = np.nan
    with pytest.raises(DataError, match="value_added has 1 value"):
        build(given)


def test_output_as_given() -> None:
    given = parts()
    given["x"] = given["x"] * 1.5
    table = build(given, output="given")
    assert table.x.tolist() == table.x_given.tolist() == given["x"].tolist()
    kept = build(given)
    assert kept.x_given.tolist() == given["x"].tolist()
    assert kept.x.tolist() != given["x"].tolist()


@pytest.mark.parametrize(
    ("policy", "missing", "message"),
    [
        ("columns", "value_added", "needs value_added; give it, or use output='rows'"),
        ("given", "x", "needs x; give it, or use output='rows'"),
        ("guess", "", "output='guess' is not a policy"),
    ],
)
def test_a_policy_without_its_data_is_refused(policy: str, missing: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build(parts() | ({missing: None} if missing else {}), output=policy)


# What a table knows.


def test_what_a_table_knows() -> None:
    table = WORLDS["idle, shuffled"]
    names = [r for r, _ in table.nodes]
    assert list(table.regions) == list(dict.fromkeys(names))
    assert [table.regions[i] for i in table.node_region] == names
    assert [table.regions[i] for i in table.demand_region] == [r for r, _ in table.demand]
    assert list(table.sectors) == list(dict.fromkeys(s for _, s in table.nodes))
    assert sorted(table.categories) == ["C", "INV"]
    assert table.label == "random 6 2012"
    assert table.replace(year=None).label == "random 6"
    final = table.final_demand()
    for r in table.regions:
        np.testing.assert_allclose(final[r], table.Y[r].sum(axis=1), rtol=1e-14)


def test_currency_comes_from_the_unit() -> None:
    assert two_regions().currency == "USD"
    assert two_regions().replace(unit="10^4 CNY", currency=None).currency == "CNY"
    assert two_regions().replace(unit="money", currency="EUR").currency == "EUR"
    with pytest.raises(LabelError, match="'EUR' contradicts the unit 'M USD'"):
        two_regions().replace(currency="EUR")


def test_members() -> None:
    table = two_regions()
    assert dict(table.members) == {"A": ("A",), "B": ("B",)}
    found = table.replace(members={"B": ["DEU", "FRA"], "A": ["*"]})
    assert dict(found.members) == {"A": ("*",), "B": ("DEU", "FRA")}
    with pytest.raises(LabelError, match="lack B and have C too many"):
        table.replace(members={"A": ["CHN"], "C": ["IND"]})


def test_one_member_is_not_taken_apart_into_letters() -> None:
    try:
        found = two_regions().replace(members={"A": "CHN", "B": "IND"})
    except (LabelError, DataError, TypeError):
        return
    assert found.members["A"] == ("CHN",)


# Extensions.


def test_without_final_users_their_emissions_are_zero() -> None:
    ext = two_regions().extensions["emissions"]
    assert not ext.has_final
    assert ext.F_Y.to_numpy().tolist() == [[0.0, 0.0]]


def test_units_of_stressors() -> None:
    F = pd.DataFrame([[1.0, 2], [3, 4]], ["CO2", "CH4"], two_regions().nodes)
    ext = Extension(F, unit={"CH4": "kt", "CO2": "Mt"})
    assert ext.unit.to_dict() == {"CO2": "Mt", "CH4": "kt"}
    with pytest.raises(LabelError, match="no unit for CH4"):
        Extension(F, unit={"CO2": "Mt"})
    with pytest.raises(LabelError, match="CO2 occurs twice"):
        Extension(F.set_axis(["CO2", "CO2"]), unit="Mt")


def test_a_unit_for_a_stressor_that_is_not_there_is_refused() -> None:
    F = pd.DataFrame([[1.0, 2]], ["CO2"], two_regions().nodes)
    with pytest.raises(LabelError, match="CO3"):
        Extension(F, unit={"CO2": "Mt", "CO3": "kt"})


def test_stressors_of_final_users_are_matched() -> None:
    table = random_world(1, 2, 1)
    F = pd.DataFrame([[1.0, 2], [3, 4]], ["CO2", "CH4"], table.nodes)
    F_Y = pd.DataFrame(np.ones((2, 4)) * [[7], [8]], ["CH4", "CO2"], table.demand)
    found = table.replace(extensions=Extension(F, F_Y, unit="t")).extensions["emissions"]
    assert found.F_Y.index.equals(found.F.index)
    assert found.F_Y.to_numpy().tolist() == [[8.0] * 4, [7.0] * 4]
    with pytest.raises(LabelError, match=r"F_Y do not match.*lack CH4"):
        Extension(F, F_Y.drop("CH4"), unit="t")


def test_extensions_need_names_of_their_own() -> None:
    ext = two_regions().extensions["emissions"]
    with pytest.raises(LabelError, match="two extensions are called emissions"):
        two_regions().replace(extensions=[ext, ext])


# Replacing.


def test_replace_changes_one_thing() -> None:
    table = WORLDS["given"].replace(
        price_basis="basic", source="a book", provenance={"steps": []}, members=None
    )
    found = table.replace(year=1999)
    assert (found.year, table.year) == (1999, 2012)
    for name in ("output", "unit", "currency", "price_basis", "name", "source"):
        assert getattr(found, name) == getattr(table, name)
    assert dict(found.members) == dict(table.members)
    pd.testing.assert_frame_equal(found.Z, table.Z)
    pd.testing.assert_series_equal(found.x, table.x)
    assert found.extensions["emissions"].has_final == table.extensions["emissions"].has_final


def test_replace_recomputes_output() -> None:
    table = three_by_two()
    found = table.replace(Y=table.Y * 2)
    np.testing.assert_allclose(found.x - table.x, table.Y.sum(axis=1))
    assert table.x.tolist() == [87, 148, 215, 194, 113, 125]


def test_replace_with_something_unknown() -> None:
    with pytest.raises(LabelError, match="IOTable has no colour"):
        two_regions().replace(colour="red")


def test_replace_matches_labels_again() -> None:
    with pytest.raises(LabelError, match="lack r1, r2 and have A, B too many"):
        two_regions().replace(Z=random_world(1, 2, 1).Z)


# Immutability.


def full() -> IOTable:
    return build(parts(), provenance={"steps": [{"step": "read"}]}, year=2012)


def facts(table: IOTable) -> list[Any]:
    """Everything a table says, copied."""
    ext = table.extensions["emissions"]
    frames = [table.Z, table.Y, ext.F, ext.F_Y]
    series = [table.x, table.x_given, table.value_added, ext.unit]
    found: list[Any] = []
    for frame in frames:
        assert frame is not None
        found += [frame.to_numpy().tolist(), list(frame.index), list(frame.columns)]
        found += [list(frame.index.names), list(frame.columns.names)]
    for one in series:
        assert one is not None
        found += [one.tolist(), list(one.index)]
    found += [list(table.regions), list(table.demand), table.year, table.unit, dict(table.members)]
    return [*found, repr(dict(table.provenance)), list(table.extensions), ext.name, repr(table)]


NODE_1, DEMAND_1 = ("r1", "s1"), ("r1", "C")
FRAMES: dict[str, Callable[[IOTable], pd.DataFrame]] = {
    "Z": lambda t: t.Z,
    "Y": lambda t: t.Y,
    "F": lambda t: t.extensions["emissions"].F,
    "F_Y": lambda t: t.extensions["emissions"].F_Y,  # type: ignore[dict-item, return-value]
}
SERIES: dict[str, Callable[[IOTable], pd.Series]] = {
    "x": lambda t: t.x,
    "x_given": lambda t: t.x_given,  # type: ignore[dict-item, return-value]
    "value_added": lambda t: t.value_added,  # type: ignore[dict-item, return-value]
    "unit": lambda t: t.extensions["emissions"].unit,
}


def _in_place(frame: pd.DataFrame) -> None:
    frame *= 2


def _set_names(frame: pd.DataFrame) -> None:
    frame.index.names = [f"level {i}" for i in range(frame.index.nlevels)]


def _set_index(frame: Any) -> None:
    frame.index = range(len(frame))


def _set_columns(frame: pd.DataFrame) -> None:
    frame.columns = range(frame.shape[1])


def _unlock(frame: pd.DataFrame) -> None:
    values = frame.to_numpy()
    values.setflags(write=True)
    values[0, 0] = 99.0


WRITES: dict[str, Callable[[pd.DataFrame], object]] = {
    "iloc": lambda f: f.iloc.__setitem__((0, 0), 99.0),
    "iat": lambda f: f.iat.__setitem__((0, 0), 99.0),
    "iloc of text": lambda f: f.iloc.__setitem__((0, 0), "a"),
    "row by label": lambda f: f.loc.__setitem__(f.index[0], 0.0),
    "column by label": lambda f: f.loc.__setitem__((slice(None), f.columns[0]), 0.0),
    "column": lambda f: f.__setitem__(f.columns[0], 0.0),
    "new column": lambda f: f.__setitem__(("r9", "s9"), 0.0),
    "enlarge": lambda f: f.loc.__setitem__(("r9", "s9"), 0.0),
    "insert": lambda f: f.insert(0, ("r9", "s9"), 0.0),
    "delete": lambda f: f.__delitem__(f.columns[0]),
    "pop": lambda f: f.pop(f.columns[0]),
    "drop": lambda f: f.drop(columns=[f.columns[0]], inplace=True),
    "mask": lambda f: f.__setitem__(f > 0, 0.0),
    "clip": lambda f: f.clip(0, 1, inplace=True),
    "sort": lambda f: f.sort_index(axis=1, ascending=False, inplace=True),
    "rename": lambda f: f.rename(columns={"r1": "r9"}, inplace=True),
    "values": lambda f: f.values.__setitem__((0, 0), 99.0),
    "array": lambda f: f.to_numpy().__setitem__((0, 0), 99.0),
    "array in place": lambda f: np.multiply(f.to_numpy(), 2, out=f.to_numpy()),
    "unlocked array": _unlock,
    "in place": _in_place,
    "index": _set_index,
    "columns": _set_columns,
    "names": _set_names,
}
SERIES_WRITES: dict[str, Callable[[pd.Series], object]] = {
    "iloc": lambda s: s.iloc.__setitem__(0, 99.0),
    "text": lambda s: s.iloc.__setitem__(0, "kt"),
    "label": lambda s: s.__setitem__(s.index[0], 99.0),
    "all": lambda s: s.__setitem__(slice(None), 99.0),
    "enlarge": lambda s: s.__setitem__(("r9", "s9"), 99.0),
    "drop": lambda s: s.drop(s.index[0], inplace=True),
    "array": lambda s: s.to_numpy().__setitem__(0, 99.0),
    "index": _set_index,
}
ATTRIBUTES: dict[str, Callable[[IOTable], object]] = {
    "set": lambda t: setattr(t, "year", 1999),
    "set a frame": lambda t: setattr(t, "Z", t.Z * 2),
    "delete": lambda t: delattr(t, "Z"),
    "multiply": lambda t: exec("t.Z *= 2", {"t": t}),
    "extension": lambda t: t.extensions.__setitem__("more", 1),  # type: ignore[attr-defined]
    "extension name": lambda t: setattr(t.extensions["emissions"], "name", "x"),
    "delete from extension": lambda t: delattr(t.extensions["emissions"], "F"),
    "members": lambda t: t.members.__setitem__("r1", ()),  # type: ignore[attr-defined]
    "provenance": lambda t: t.provenance.__setitem__("steps", ()),  # type: ignore[attr-defined]
    "step": lambda t: t.provenance["steps"].append("x"),
    "step within": lambda t: t.provenance["steps"][0].update(step="x"),
    "nodes": lambda t: setattr(t.nodes, "names", ["a", "b"]),
    "final demand": lambda t: _in_place(t.final_demand()),
    "regions": lambda t: t.node_region.__setitem__(0, 9),
}


def attempt(write: Callable[[Any], object], target: Any) -> None:
    """Try to write; whether that raises does not matter here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            write(target)
        except Exception:
            return


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_frames_cannot_be_changed(frame: Callable, write: Callable) -> None:
    table = full()
    before = facts(table)
    attempt(write, frame(table))
    assert facts(table) == before


@pytest.mark.parametrize("write", SERIES_WRITES.values(), ids=SERIES_WRITES)
@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
def test_series_cannot_be_changed(series: Callable, write: Callable) -> None:
    table = full()
    before = facts(table)
    attempt(write, series(table))
    assert facts(table) == before


@pytest.mark.parametrize("write", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_attributes_cannot_be_changed(write: Callable) -> None:
    table = full()
    before = facts(table)
    attempt(write, table)
    assert facts(table) == before


def test_setting_an_attribute_says_what_to_do() -> None:
    with pytest.raises(AttributeError, match="use replace"):
        full().year = 1999
    with pytest.raises(AttributeError, match="build a new one"):
        full().extensions["emissions"].name = "x"


def test_a_table_owns_its_numbers() -> None:
    given = parts()
    steps = {"steps": [{"step": "read"}]}
    members = {"r1": ["CHN"], "r2": ["IND"], "r3": ["*"]}
    table = build(given, provenance=steps, members=members, year=2012)
    before = facts(table)
    for name in ("Z", "Y", "F", "F_Y"):
        given[name].iloc[:, :] = 99.0
    for name in ("x", "value_added"):
        given[name].iloc[:] = 99.0
    members["r1"].append("JPN")
    steps["more"] = []
    assert facts(table) == before


def test_a_table_that_takes_ownership_is_read_only() -> None:
    given = parts()
    table = IOTable(given["Z"], given["Y"], unit="M USD", copy=False)
    assert not table.Z.to_numpy().flags.writeable
    assert not table.Y.to_numpy().flags.writeable


# Helpers.


def test_block_sum() -> None:
    values = np.arange(12.0).reshape(3, 4)
    for groups, size in (
        ([0, 0, 1, 1], 2),
        ([1, 0, 1, 0], 2),
        ([0, 2, 2, 2], 3),
        ([1, 1, 1, 1], 3),
    ):
        of = np.array(groups)
        expected = np.stack([values[:, of == g].sum(axis=1) for g in range(size)], axis=1)
        np.testing.assert_array_equal(block_sum(values, of, size, axis=1), expected)
        np.testing.assert_array_equal(block_sum(values.T, of, size, axis=0), expected.T)
    assert block_sum(np.array([1.0, 2, 4]), np.array([1, 0, 1]), 2, axis=0).tolist() == [2.0, 5.0]


def test_relabelled_worlds_hold_the_same_numbers() -> None:
    table = random_world(3, 2, 2)
    found = relabelled(table, [3, 1, 0, 2], [1, 0, 3, 2])
    assert found.Z.loc[("r1", "s1"), ("r2", "s2")] == table.Z.loc[("r1", "s1"), ("r2", "s2")]
    assert nodes_of([("a", "b")]).names == ["region", "sector"]
    assert demand_of([("a", "b")]).names == ["region", "category"]


def test_a_table_goes_to_another_process_and_stays_read_only():
    table = cf.example(2007)
    again = pickle.loads(pickle.dumps(table, protocol=5))
    assert table_hash(again) == table_hash(table)
    assert again.provenance == table.provenance
    assert again.label == table.label
    with pytest.raises(ValueError, match="read-only"):
        again.Z.to_numpy()[0, 0] = 1.0
