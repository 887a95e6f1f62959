"""Labelled text tables: headers with and without index names, and rows picked by label."""

from pathlib import Path

import numpy as np
import pytest

from carbonflows.errors import DataError, LabelError, SourceError
from carbonflows.sources.archive import Files
from carbonflows.sources.tabbed import last_column, picked, tabbed

HEAD = "region\t\tA\tB\nsector\t\tx\ty\n"
BODY = "A\tx\t1\t2\nB\ty\t3\t4\n"


def files(tmp_path: Path, text: str) -> Files:
    (tmp_path / "Z.txt").write_text(text)
    return Files(tmp_path)


@pytest.mark.parametrize("names", ["", "region\tsector\t\t\n"])
@pytest.mark.parametrize("square", [True, False])
def test_index_names_may_be_missing(tmp_path: Path, names: str, square: bool) -> None:
    source = files(tmp_path, HEAD + names + BODY)
    records: list[dict] = []
    found = tabbed(source, "Z.txt", records, index=2, header=2, square=square)
    np.testing.assert_array_equal(found.values, [[1, 2], [3, 4]])
    assert found.rows == found.columns == [("A", "x"), ("B", "y")]
    assert [total.tolist() for total in found.sums] == [[3, 7], [4, 6]]
    assert records == [source.record("Z.txt")]


@pytest.mark.parametrize("names", ["", "region\tsector\t\t\n"])
def test_line_numbers_are_those_of_the_file(tmp_path: Path, names: str) -> None:
    source = files(tmp_path, HEAD + names + BODY.replace("4", "four"))
    line = 4 + bool(names)
    for square in (True, False):
        with pytest.raises(DataError, match=rf"line {line}, column 4 is 'four'"):
            tabbed(source, "Z.txt", [], index=2, header=2, square=square)
    with pytest.raises(DataError, match=rf"line {line}, column 4 is 'four'"):
        picked(source, "Z.txt", [], lambda label: label[0] == "B", index=2, header=2)


def test_rows_that_are_not_wanted_are_not_parsed(tmp_path: Path) -> None:
    source = files(tmp_path, HEAD + BODY.replace("4", "four") + '"B ""b"""\tz\t\t5\n')
    found, labels = picked(source, "Z.txt", [], lambda label: label[1] != "y", index=2, header=2)
    assert labels == [("A", "x"), ("B", "y"), ('B "b"', "z")]
    assert found.rows == [("A", "x"), ('B "b"', "z")]
    np.testing.assert_array_equal(found.values, [[1, 2], [np.nan, 5]])


def test_repeated_labels_are_found_anywhere(tmp_path: Path) -> None:
    source = files(tmp_path, HEAD + BODY + "A\tx\t0\t0\n")
    with pytest.raises(LabelError, match="A/x occurs twice, the second time in line 5"):
        picked(source, "Z.txt", [], lambda label: False, index=2, header=2)


def test_one_column_with_index_names(tmp_path: Path) -> None:
    source = files(tmp_path, "region\t\tA\nsector\t\tx\nregion\tsector\t\nA\tx\t7\n")
    found = tabbed(source, "Z.txt", [], index=2, header=2, square=True)
    assert found.values.tolist() == [[7.0]]


def test_units(tmp_path: Path) -> None:
    source = files(tmp_path, "region\tsector\tunit\nA\tx\tM.EUR\nB\ty\tkg\n")
    assert last_column(source, "Z.txt", []) == {("A", "x"): "M.EUR", ("B", "y"): "kg"}
    source = files(tmp_path, "region\tsector\tunit\nA\tM.EUR\n")
    with pytest.raises(SourceError, match="line 2 has 2 cells, its header has 3"):
        last_column(source, "Z.txt", [])
