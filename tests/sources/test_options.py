"""Options of readers: values fitted to the signature, unknown ones refused, all of them noted."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows import sources
from carbonflows.errors import DataError, SourceError
from carbonflows.sources.options import (
    effective,
    given_values,
    given_words,
    offering,
    options_of,
    resolved,
)
from carbonflows.sources.source import Source
from carbonflows.store import save_stream, save_table, stream_table
from carbonflows.streamed import StreamedTable, streamed
from carbonflows.table import two_regions
from sources.reader_cases import CASES


def reader(
    path: str,
    year: int | None = None,
    *,
    co2: str | Sequence[str] | bool = "fossil",
    split: Literal["merge", "keep"] = "merge",
    kind: Literal["ixi", "pxp"] | None = None,
    emissions: str | Path | pd.DataFrame | Literal[False] | None = None,
    files: str | Path | list[str | Path] | None = None,
    extensions: Sequence[str] | None = None,
    economies: int | None = None,
    tolerance: float = 1e-3,
    verify: bool = True,
) -> None:
    """Has every kind of option that there is."""


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("co2=Total CO2 emissions (Gg) from EDGAR", "Total CO2 emissions (Gg) from EDGAR"),
        ("co2=a=b", "a=b"),
        ("co2=one, two", ["one", "two"]),
        ('co2="one, two",three', ["one, two", "three"]),
        ('co2="one, two"', "one, two"),
        ("co2=False", False),
        ("split=keep", "keep"),
        ("kind=pxp", "pxp"),
        ("emissions=false", False),
        ("emissions=data/e.csv", Path("data/e.csv")),
        ("emissions=a,b.csv", Path("a,b.csv")),
        ("files=a.tsv,b.tsv", [Path("a.tsv"), Path("b.tsv")]),
        ("files=a.tsv", Path("a.tsv")),
        ("extensions=one", ["one"]),
        ("economies=62", 62),
        ("tolerance=0.01", 0.01),
        ("tolerance=1", 1.0),
        ("verify=false", False),
    ],
)
def test_words_become_what_the_signature_asks_for(word: str, value: Any) -> None:
    (found,) = resolved("r", reader, given_words([word])).values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("co2", "false", "false"),  # in a file a text stays a text
        ("co2", "one, two", "one, two"),
        ("co2", ["one", "two"], ["one", "two"]),
        ("co2", False, False),
        ("emissions", "e.csv", Path("study/e.csv")),
        ("emissions", "/data/e.csv", Path("/data/e.csv")),
        ("emissions", False, False),
        ("files", ["a.tsv", "b.tsv"], [Path("study/a.tsv"), Path("study/b.tsv")]),
        ("economies", 62, 62),
        ("tolerance", 1, 1.0),
    ],
)
def test_values_of_files_start_in_their_folder(name: str, value: Any, found: Any) -> None:
    (fitted,) = resolved("r", reader, given_values({name: value}, Path("study"))).values()
    assert fitted == found
    assert type(fitted) is type(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            given_words(["split=both"]),
            "split='both' does not fit source 'r': use 'merge' or 'keep'",
        ),
        (given_words(["emissions=true"]), "emissions=.true. does not fit .* use false or a path"),
        (given_words(["economies=many"]), "economies='many' does not fit .* use a whole number"),
        (given_words(["verify=yes"]), "verify='yes' does not fit .* use true or false"),
        (given_values({"emissions": True}), "emissions=True does not fit .* use false or a path"),
        (given_values({"economies": True}), "economies=True does not fit"),
        (given_values({"verify": 1}), "verify=1 does not fit"),
        (given_values({"split": False}), "split=False does not fit"),
        (given_values({"co2": {"row": 1}}), "co2={'row': 1} does not fit"),
        (given_values({"extensions": [1, 2]}), r"extensions=\[1, 2\] does not fit .* use a list"),
        (
            {"splitt": "keep"},
            "source 'r' has no option 'splitt', did you mean 'split'\\? it knows co2",
        ),
        ({"zzz": 1}, "source 'r' has no option 'zzz': it knows co2, split, kind"),
    ],
)
def test_what_does_not_fit_says_what_does(options: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        resolved("r", reader, options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["co2", "=1", "co2=", " = "])
def test_words_without_key_or_value(word: str) -> None:
    with pytest.raises(SourceError, match="write --set KEY=VALUE"):
        given_words([word])


def test_keys_that_are_given_elsewhere_or_twice() -> None:
    for key in ("year", "path", "source"):
        with pytest.raises(SourceError, match=f"'{key}' is no option of a reader"):
            given_words([f"{key}=1"])
    with pytest.raises(SourceError, match="co2 is given twice"):
        given_words(["co2=a", "co2=b"])
    assert given_words(None) == {}


@pytest.mark.parametrize("name", sources.NAMES)
def test_every_option_of_every_reader_takes_something(name: str) -> None:
    known = sources.named(name)
    for option in options_of(known.read).values():
        assert option.expected
    if known.stream is not None:
        assert signature(known.stream).parameters == signature(known.read).parameters


def test_python_says_which_options_there_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="has no option 'cO2', did you mean 'co2'"):
        cf.read("eora26", tmp_path, cO2=False)
    with pytest.raises(SourceError, match="source 'plain' has no option 'co2': it takes none"):
        cf.read("plain", tmp_path, co2=False)
    with pytest.raises(SourceError, match="'gloria' has no option 'co2'"):
        sources.named("gloria").blocks(tmp_path, co2=False)


def test_effective_values_are_plain() -> None:
    given = {"emissions": pd.DataFrame(), "files": [Path("a/b.tsv"), "c/d.tsv"], "split": "keep"}
    found = effective(reader, given)
    assert found["emissions"] == "a DataFrame"
    assert found["files"] == ["b.tsv", "d.tsv"]
    assert (found["split"], found["co2"], found["tolerance"]) == ("keep", "fossil", 1e-3)
    assert list(found) == list(options_of(reader))


def test_errors_carry_the_options_and_stay_what_they_are() -> None:
    with pytest.raises(DataError, match="as it was") as caught, offering(reader):
        raise DataError("as it was", row=3)
    assert caught.value.options == list(options_of(reader))
    assert caught.value.row == 3


def test_errors_of_passing_rows_carry_them_too() -> None:
    def rows() -> Iterator[Any]:
        yield 0, np.zeros((1, 2))
        raise DataError("row 2 is odd: accept it with unbalanced='keep'")

    def stream(path: str, year: int | None = None, *, unbalanced: str = "refuse") -> StreamedTable:
        return replace(streamed(two_regions()), rows=rows)

    source = Source("s", "", "", "", "", stream, lambda files: None, stream)  # type: ignore[arg-type]
    passing = source.blocks("x", unbalanced="refuse")
    with pytest.raises(DataError, match="row 2 is odd") as caught:
        list(passing.rows())
    assert caught.value.options == ["unbalanced"]


TELLING = {
    case.reader: name
    for name, case in CASES.items()
    if case.reader in sources.NAMES and case.reader not in ("plain", "saved", "example")
}


@pytest.mark.parametrize("name", TELLING.values(), ids=TELLING)
def test_every_table_tells_all_its_policies(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    (tmp_path / "in").mkdir()
    case.write(tmp_path / "in", 0, False)
    known = sources.named(case.reader)
    told = cf.read(case.reader, tmp_path / "in", year=case.year).provenance["policies"]
    assert told == effective(known.read, {})
    passing = known.blocks(tmp_path / "in", case.year)
    save_stream(passing, tmp_path / "t.zarr")
    assert passing.provenance()["policies"] == told
    saved = cf.read("saved", tmp_path / "t.zarr", verify=False)
    assert saved.provenance == stream_table(tmp_path / "t.zarr").provenance()
    assert saved.provenance["policies"] == told  # those of its reader, not of opening it


def test_policies_given_are_told_whole_or_in_blocks(tmp_path: Path) -> None:
    CASES["eora"].write(tmp_path, 0, False)
    options = {"co2": False, "discrepancies": "keep"}
    table = cf.read("eora", tmp_path, **options)
    assert not table.extensions
    policies = table.provenance["policies"]
    assert (policies["co2"], policies["discrepancies"]) == (False, "keep")
    assert policies["unbalanced"] == "refuse"
    stream = sources.named("eora").blocks(tmp_path, **options)
    whole, blocks = tmp_path / "whole.zip", tmp_path / "blocks.zip"
    assert save_table(table, whole).read_bytes() == save_stream(stream, blocks).read_bytes()
