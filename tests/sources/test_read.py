"""One door for all sources."""

import shutil
import subprocess
import sys

import pytest

from carbonflows.errors import SourceError
from carbonflows.sources import NAMES, named, read, recognised
from carbonflows.sources.files import file_record, pick_year
from carbonflows.sources.plain import write_plain
from carbonflows.sources.pymrio_write import write_pymrio
from carbonflows.store import save_table
from carbonflows.table import two_regions


def test_every_source_says_what_it_is():
    for name in NAMES:
        known = named(name)
        assert known.name == name
        for text in (known.title, known.coverage, known.licence, known.get):
            assert len(text) > 10


def test_a_table_is_recognised_by_its_files(tmp_path, shared):
    plain = write_plain(two_regions(), tmp_path / "plain")
    saved = save_table(two_regions(), tmp_path / "saved.zip")
    folder = save_table(two_regions(), tmp_path / "saved.zarr")
    assert recognised(plain) == {"plain": "plain folder"}
    assert recognised(saved) == {"saved": "a table saved by carbonflows"}
    assert recognised(folder) == {"saved": "a table saved by carbonflows"}
    assert recognised(shared / "wiod2013") == {"wiod2013": "WIOD 2013"}
    assert read("auto", plain).x.tolist() == read("auto", saved).x.tolist() == [100.0, 100.0]


def test_what_is_not_recognised_says_what_there_is(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match="looks like no database that carbonflows knows"):
        read("auto", tmp_path)
    with pytest.raises(SourceError, match="does not exist"):
        read("auto", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wiod2O13", "no source 'wiod2O13', did you mean 'wiod2013'? There are example, plain,"),
        ("Example", "no source 'Example', did you mean 'example'? There are example, plain,"),
        ("zzz", "no source 'zzz': use example, plain, saved, wiod2013"),
    ],
)
def test_unknown_source_lists_what_there_is(name, message):
    with pytest.raises(SourceError) as caught:
        read(name)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", ["plain", "saved", "wiod2013"])
def test_missing_path(name):
    with pytest.raises(SourceError, match=f"source '{name}' needs a path"):
        read(name)


def test_saved_checks_the_year(tmp_path):
    path = save_table(two_regions().replace(year=2012), tmp_path / "t.zip")
    assert read("saved", path).year == 2012
    assert read("saved", path, year=2012).year == 2012
    with pytest.raises(SourceError, match=r"t.zip holds the year 2012, not 2013: ask for 2012"):
        read("saved", path, year=2013)


def test_a_folder_that_holds_only_an_archive(tmp_path):
    table = two_regions().replace(year=2012)
    folder = tmp_path / "saved"
    folder.mkdir()
    save_table(table, folder / "t.zip")
    for source in ("auto", "saved"):
        assert read(source, folder).Z.equals(table.Z)
    folder = tmp_path / "pymrio"
    folder.mkdir()
    write_pymrio(table, tmp_path / "system")
    shutil.make_archive(str(folder / "system"), "zip", tmp_path / "system")
    for source in ("auto", "pymrio_folder"):
        assert read(source, folder).Z.equals(table.Z)


def test_readers_are_imported_when_asked_for():
    code = "import carbonflows.sources, carbonflows.store, sys; print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for module in ("zarr", "polars", "python_calamine", "carbonflows.sources.wiod2013"):
        assert f"'{module}'" not in out.stdout


def test_pick_year():
    assert pick_year({2007: None}, None, "here") == 2007
    with pytest.raises(SourceError, match="here holds the years 2007, 2008: say which one"):
        pick_year({2008: None, 2007: None}, None, "here")


def test_file_record(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(b"abc")
    assert file_record(file) == {
        "name": "a.csv",
        "bytes": 3,
        "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }
    with pytest.raises(SourceError, match=r"b.csv: no such file; check the path"):
        file_record(tmp_path / "b.csv")
    with pytest.raises(SourceError, match="cannot be read"):
        file_record(tmp_path)
