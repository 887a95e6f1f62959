"""What is unpacked equals what was packed, to the bit and in its types."""

import json
import math
from datetime import date
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from carbonflows.errors import DataError
from carbonflows.packing import packed, unpacked


def again(value):
    """Pack, send through the bytes of an archive as a file would, unpack."""
    text, held = packed(value)
    stream = BytesIO()
    np.savez(stream, **held)
    stream.seek(0)
    with np.load(stream, allow_pickle=False) as archive:
        return unpacked(text, dict(archive))


def same(one, other) -> bool:
    """Equal in type, value, sign of zero and place of NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, float):
        return repr(one) == repr(other)
    return one == other


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
names = st.text() | st.integers() | st.tuples(st.text(), st.integers())
nested = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(names, inner, max_size=4)
    ),
    max_leaves=20,
)


@given(nested)
def test_plain_values(value):
    assert same(again(value), value)


@given(arrays(scalar_dtypes(), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
def test_arrays_to_the_bit(value):
    back = again(value)
    assert back.dtype == value.dtype
    assert back.shape == value.shape
    assert back.tobytes() == value.tobytes()


def test_order_in_memory_and_writing():
    value = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    back = again(value)
    assert back.flags.f_contiguous
    assert not back.flags.c_contiguous
    back[0, 0] = 7  # what is loaded can be used as what was computed


def test_numpy_scalars_keep_their_type():
    for value in (np.float64(0.1), np.int32(3), np.bool_(True), np.str_("kt"), np.float32("nan")):
        back = again(value)
        assert type(back) is type(value)
        assert repr(back) == repr(value)


regions = pd.MultiIndex.from_product([["CHN", "IND"], [1995, 2009]], names=["region", "year"])
FRAMES = {
    "tidy": pd.DataFrame(
        {
            "region": ["CHN", None, "Côte d’Ivoire"],
            "year": [1995, 2000, 2004],
            "kt": [0.1, math.nan, -0.0],
            "net": [True, False, True],
            "kind": pd.Categorical(["a", "b", "a"], categories=["b", "a"], ordered=True),
            "when": pd.to_datetime(["1995-01-01", None, "2009-12-31"]),
        }
    ),
    "levels": pd.DataFrame(np.random.default_rng(0).random((4, 4)), regions, regions),
    "a level that is not used": pd.DataFrame({"kt": [1.0, 2.0]}, regions[:2]),
    "missing in a level": pd.DataFrame(
        {"kt": [1.0, 2.0]}, pd.MultiIndex.from_tuples([("CHN", None), (None, 2.0)])
    ),
    "labels twice": pd.DataFrame([[1, 2.5, "x"]], columns=["a", "a", "b"]),
    "objects": pd.DataFrame([["a", None], [1, 2.5]], index=[("x", 1), "y"]),
    "tuples as labels": pd.DataFrame(
        {"kt": [1.0, 2.0]}, index=pd.Index([("a", 1), ("b", 2)], tupleize_cols=False)
    ),
    "one type of category": pd.DataFrame({"a": pd.Categorical(["x"]), "b": pd.Categorical(["x"])}),
    "categories as index": pd.DataFrame({"kt": [1, 2]}, pd.CategoricalIndex(["b", "a"], name="k")),
    "no rows": pd.DataFrame({"kt": np.zeros(0), "region": np.zeros(0, dtype=object)}),
    "no columns": pd.DataFrame(index=["CHN"]),
    "nothing": pd.DataFrame(),
    "steps": pd.DataFrame({"kt": np.zeros(3, dtype=np.float32)}, pd.RangeIndex(9, 3, -2, name="n")),
    "names that are tuples": pd.DataFrame(
        np.zeros((1, 2)), columns=pd.Index([1, 2], name=("a", 1))
    ),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames(name):
    frame = FRAMES[name].copy()
    frame.attrs = {"unit": "kt", "years": [1995, 2009], "weights": {"CHN": 0.1}, "pair": (1, None)}
    back = again(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_column_type="exact")
    assert same(back.attrs, frame.attrs)
    assert back.index.names == frame.index.names
    assert list(back.dtypes) == list(frame.dtypes)
    for place in range(frame.shape[1]):
        series = frame.iloc[:, place]
        pd.testing.assert_series_equal(again(series), series, check_exact=True)


def test_levels_stay_as_they_are():
    back = again(FRAMES["a level that is not used"]).index
    assert [list(level) for level in back.levels] == [["CHN", "IND"], [1995, 2009]]


@given(st.lists(st.floats(), max_size=8))
def test_series_to_the_bit(values):
    series = pd.Series(
        values, dtype=float, name=("kt", 1), index=[f"r{i}" for i in range(len(values))]
    )
    series.attrs["unit"] = "kt"
    back = again({"a": series})["a"]
    assert back.to_numpy().tobytes() == series.to_numpy().tobytes()
    pd.testing.assert_series_equal(back, series, check_exact=True)
    assert back.attrs == {"unit": "kt"}


def test_text_holds_no_digits_of_arrays():
    text, held = packed({"e": np.full(3, 0.125)})
    assert json.loads(text) == ["dict", [["e", ["array", "array0"]]]]
    assert list(held) == ["array0"]


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        date(1995, 1, 1),
        object(),
        len,
        np.ma.array([1.0], mask=[True]),
        np.zeros(1, dtype=[("a", float)]),
        pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
        pd.DatetimeIndex(["1995-01-01"]),
        [{"deep": {1.5, 2.5}}],
        np.array([object()], dtype=object),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_types_are_refused(value):
    with pytest.raises(DataError, match=r"part can keep: (return|convert)"):
        packed(value)


def test_subclasses_are_refused_because_they_would_come_back_as_their_base():
    class Labelled(dict):
        pass

    with pytest.raises(DataError, match="Labelled"):
        packed(Labelled(a=1))
