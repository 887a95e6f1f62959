"""The seam between labelled frames and bare arrays."""

import numpy as np
import pandas as pd
import pytest

from carbonflows.errors import CarbonflowsError, DataError, LabelError, some
from carbonflows.labels import (
    DEMAND,
    NODE,
    conform,
    conform_series,
    flat,
    lock,
    pairs,
    repeated,
    same_labels,
)

NODES = pd.MultiIndex.from_tuples([("A", "s"), ("A", "t"), ("B", "s")], names=NODE)


def frame() -> pd.DataFrame:
    return pd.DataFrame(np.arange(9.0).reshape(3, 3), NODES, NODES)


def conformed(given: pd.DataFrame) -> pd.DataFrame:
    return conform(given, NODES, NODES, "Z", NODE, True)


def test_a_reorder_is_conformed() -> None:
    found = conformed(frame().iloc[[2, 0, 1], [1, 2, 0]])
    pd.testing.assert_frame_equal(found, frame())


def test_what_is_returned_is_read_only_and_a_copy() -> None:
    given = frame()
    found = conformed(given)
    assert not found.to_numpy().flags.writeable
    given.iloc[0, 0] = 99.0
    assert found.iloc[0, 0] == 0.0


@pytest.mark.parametrize("axis", [0, 1])
def test_missing_and_extra_labels_are_named(axis: int) -> None:
    missing = frame().drop([("A", "t")], axis=axis)
    with pytest.raises(LabelError, match=r"lack A/t") as caught:
        conformed(missing)
    assert caught.value.missing == [("A", "t")]
    extra = frame().reindex([*NODES, ("C", "s")], axis=axis, fill_value=0.0)
    with pytest.raises(LabelError, match=r"have C/s too many") as caught:
        conformed(extra)
    assert caught.value.extra == [("C", "s")]
    other = frame().rename({"B": "C"}, axis=axis, level=0)
    with pytest.raises(LabelError, match=r"lack B/s and have C/s too many"):
        conformed(other)


@pytest.mark.parametrize("axis", [0, 1])
def test_duplicates_are_named(axis: int) -> None:
    twice = pd.MultiIndex.from_tuples([("A", "s"), ("A", "t"), ("A", "s")])
    with pytest.raises(LabelError, match=r"A/s occurs twice") as caught:
        conformed(frame().set_axis(twice, axis=axis))
    assert caught.value.labels == [("A", "s")]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("hole", [None, np.nan, pd.NA])
@pytest.mark.parametrize("level", [0, 1])
def test_holes_in_labels_are_placed(axis: int, hole: object, level: int) -> None:
    labels = [list(label) for label in NODES]
    labels[1][level] = hole  # type: ignore[call-overload]
    holed = frame().set_axis(pd.MultiIndex.from_tuples(map(tuple, labels)), axis=axis)
    with pytest.raises(LabelError, match=f"empty {NODE[level]} label at position 1"):
        conformed(holed)


@pytest.mark.parametrize("blank", ["", "  "])
def test_blank_labels_are_empty_too(blank: str) -> None:
    index = pd.MultiIndex.from_tuples([("A", "s"), (blank, "t")])
    with pytest.raises(LabelError, match="empty region label at position 1"):
        pairs(index, "Z rows", NODE)


def test_two_levels_are_needed() -> None:
    for index in (pd.Index(["a", "b"]), pd.MultiIndex.from_tuples([("a", "b", "c")])):
        with pytest.raises(LabelError, match=r"labelled \(region, sector\), two levels"):
            pairs(index, "Z rows", NODE)


def test_labels_become_strings() -> None:
    found = pairs(pd.MultiIndex.from_tuples([(1, 2), (1, 3)]), "Z", NODE)
    assert list(found) == [("1", "2"), ("1", "3")]
    assert found.names == list(NODE)


def test_labels_that_become_the_same_string_are_duplicates() -> None:
    with pytest.raises(LabelError, match="1/s occurs twice"):
        pairs(pd.MultiIndex.from_tuples([(1, "s"), ("1", "s")]), "Z", NODE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_placed(bad: float) -> None:
    given = frame()
    given.iloc[1, 2] = bad
    with pytest.raises(DataError, match=r"1 value.*row A/t, column B/s: fill or drop") as caught:
        conformed(given)
    assert (caught.value.row, caught.value.column) == (("A", "t"), ("B", "s"))
    assert caught.value.count == 1


def test_the_place_is_told_in_the_order_of_the_table() -> None:
    given = frame()
    given.iloc[1, 2] = np.nan
    with pytest.raises(DataError, match=r"row A/t, column B/s"):
        conformed(given.iloc[::-1, ::-1])


@pytest.mark.parametrize("bad", ["many", None, pd.NA, ""])
def test_values_that_are_not_numbers_are_placed(bad: object) -> None:
    given = frame().astype(object)
    given.iloc[1, 2] = bad
    with pytest.raises(DataError, match=r"row A/t, column B/s"):
        conformed(given)


def test_complex_numbers_do_not_lose_their_other_half() -> None:
    with pytest.raises(DataError):
        conformed(frame() * (1 + 2j))


def test_series() -> None:
    series = pd.Series([1.0, 2.0, 3.0], NODES)
    found = conform_series(series.iloc[[1, 2, 0]], NODES, "x")
    assert found.tolist() == [1.0, 2.0, 3.0]
    assert not found.to_numpy().flags.writeable
    with pytest.raises(LabelError, match=r"labels of x .*lack B/s"):
        conform_series(series.iloc[:2], NODES, "x")
    with pytest.raises(DataError, match=r"x has 1 value.*A/t"):
        conform_series(series.where(series != 2.0), NODES, "x")


def test_same_labels_lists_a_few_of_many() -> None:
    with pytest.raises(LabelError, match="0, 1, 2, 3, 4 and 95 more"):
        same_labels(pd.Index([]), pd.Index(range(100)), "rows of x", "Z")
    same_labels(pd.Index([2, 1]), pd.Index([1, 2]), "rows of x", "Z")


def test_stressors() -> None:
    assert list(flat(pd.Index(["CO2", 5]), "F")) == ["CO2", "5"]
    two = pd.MultiIndex.from_tuples([("CO2", "air"), ("CH4", "air")])
    assert list(flat(two, "F")) == ["CO2 | air", "CH4 | air"]
    with pytest.raises(LabelError, match="CO2 occurs twice"):
        flat(pd.Index(["CO2", "CO2"]), "F")
    for hole in (None, np.nan):
        with pytest.raises(LabelError, match="an empty label"):
            flat(pd.Index(["CO2", hole]), "F")


def test_holes_in_two_level_stressors_are_refused() -> None:
    with pytest.raises(LabelError, match="empty label"):
        flat(pd.MultiIndex.from_tuples([("CO2", "air"), ("CH4", None)]), "F")


def test_repeated() -> None:
    assert repeated(["a", "b", "a", "a"]) == ["a"]
    assert repeated([("a", 1), ("a", 2)]) == []


def test_lock() -> None:
    values = lock(np.zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


def test_errors_carry_their_facts() -> None:
    error = LabelError("no such label", labels=["x"])
    assert isinstance(error, CarbonflowsError)
    assert isinstance(error, ValueError)
    assert error.labels == ["x"]
    with pytest.raises(AttributeError, match="LabelError has no fact 'region'"):
        _ = error.region


def test_some() -> None:
    assert some([("A", "s"), "x", 3]) == "A/s, x, 3"
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
    assert DEMAND == ("region", "category")
