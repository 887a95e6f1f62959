"""Blocks of numbers: two ways of parsing that must agree, and what each refuses."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import DataError, SourceError, quoted
from carbonflows.sources import numbers
from carbonflows.sources.numbers import number_block, number_pieces, separated
from carbonflows.sources.pieces import parsed, whole_lines

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=60, deadline=None)
@given(
    data=st.data(), rows=st.integers(1, 12), columns=st.integers(1, 7), labels=st.integers(0, 2),
    trailing=st.booleans(), separator=st.sampled_from("\t,;|"), end=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(), quoted=st.booleans(), piece=st.integers(8, 200),
)  # fmt: skip
def test_any_layout_comes_back_exactly(  # type: ignore[no-untyped-def]
    data, rows, columns, labels, trailing, separator, end, last, quoted, piece
) -> None:
    values = np.array(
        data.draw(st.lists(FINITE, min_size=rows * columns, max_size=rows * columns))
    ).reshape(rows, columns)
    quote = '"' if quoted and labels else ""
    lines = [
        separator.join(
            [f"{quote}n{i}{quote}" for _ in range(labels)] + [repr(float(v)) for v in row]
        )
        + separator * trailing
        for i, row in enumerate(values)
    ]
    text = (end.join(lines) + end * last).encode()
    layout = {"columns": columns, "labels": labels, "trailing": trailing, "separator": separator}
    found, names = number_block(io.BytesIO(text), "Z.txt", rows=rows, **layout)
    np.testing.assert_array_equal(found, values)
    assert names == [[f"n{i}" for i in range(rows)]] * labels
    pieces = list(number_pieces(io.BytesIO(text), "Z.txt", piece=piece, **layout))
    np.testing.assert_array_equal(np.vstack([p for p, _ in pieces]), values)


def test_the_quick_way_is_taken_and_agrees_with_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    values = rng.lognormal(0, 5, (40, 9))
    text = "\n".join("\t".join(map(repr, row)) for row in values.tolist()).encode()
    (piece,) = whole_lines(io.BytesIO(text), 1 << 20, 1)
    quick = parsed(piece, 9, "\t", 0, False)
    assert quick is not None
    monkeypatch.setattr(numbers, "parsed", lambda *_: None)
    slow, _ = number_block(io.BytesIO(text), "Z.txt", rows=40, columns=9)
    np.testing.assert_array_equal(quick[0], slow)
    np.testing.assert_array_equal(slow, values)


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("1\t2\n3\n", SourceError, "line 8 has 1 cells, 2 were expected"),
        ("1\t2\n3\t4\t5\n", SourceError, "line 8 has 3 cells"),
        ("1\t2\t3\n4\n", SourceError, "line 7 has 3 cells"),  # as many cells as two lines of two
        ("1\t2\n3\t\n", DataError, "line 8, column 2 is empty"),
        ("1\t2\n\t4\n", DataError, "line 8, column 1 is empty"),
        ("1\t2\n3\tx\n", DataError, "line 8, column 2 is 'x'"),
        ("1\t2\n3\tinf\n", DataError, "line 8, column 2 is 'inf'"),
        ("1\t2\n3\tnan\n", DataError, "line 8, column 2 is 'nan'"),
        ("1\t2\n3\t1e999\n", DataError, "line 8, column 2 is '1e999'"),
        ("1\t2\n\n3\t4\n", SourceError, "line 8 is empty"),
        ("1\t2\n", SourceError, "has 1 lines of numbers, 2 were expected"),
        ("1\t2\n3\t4\n5\t6\n", SourceError, "more than 2 lines"),
    ],
)
def test_refusals_name_the_place(text: str, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        number_block(io.BytesIO(text.encode()), "Z.txt", rows=2, columns=2, first_line=7)


def test_what_a_cell_holds_is_quoted_briefly() -> None:
    text = b"1\t" + bytes(5600) + b"\n"
    with pytest.raises(DataError) as caught:
        number_block(io.BytesIO(text), "Z.txt", rows=1, columns=2)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize(
    ("cell", "shown"),
    [("x", "'x'"), (None, "'None'"), ("a" * 40, f"'{'a' * 40}'"), ("a" * 41, f"'{'a' * 39}…'"),
     ("a\nb\x00", r"'a\nb\x00'"), ("é—", "'é—'")],
)  # fmt: skip
def test_quoted(cell: object, shown: str) -> None:
    assert quoted(cell) == shown


def test_without_memory_it_is_one_line() -> None:
    class Full:
        def read(self, size: int) -> bytes:
            raise RuntimeError("can't start new thread")

    with pytest.raises(SourceError, match=r"^reading Z\.txt needs more memory than"):
        list(number_pieces(Full(), "Z.txt", columns=2))  # type: ignore[arg-type]


def test_streams_that_can_only_read() -> None:
    class Reading:
        def __init__(self, text: bytes) -> None:
            self._inner = io.BytesIO(text)

        def read(self, size: int) -> bytes:
            return self._inner.read(min(size, 3))

    stream = Reading(b"1\t2\n3\t4\n5\t66")
    pieces = [p.tolist() for p, _ in number_pieces(stream, "Z.txt", columns=2, piece=5)]  # type: ignore[arg-type]
    assert [row for piece in pieces for row in piece] == [[1, 2], [3, 4], [5, 66]]


def test_a_quote_that_never_ends_and_stray_line_ends():
    with pytest.raises(SourceError, match=r"Z.csv cannot be split into cells .*: get it again"):
        separated('"' + "1," * 70_000, "Z.csv", ",")
    assert separated("a\rb,c", "Z.csv", ",") == [["a"], ["b", "c"]]
