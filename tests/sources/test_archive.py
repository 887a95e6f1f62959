"""Files in folders and archives: found by pattern, refused when unsound."""

import errno
import io
import os
import re
import zipfile
from pathlib import Path

import pytest

from carbonflows.errors import SourceError
from carbonflows.sources import archive
from carbonflows.sources.archive import Files, refuse_web_page
from carbonflows.sources.sheets import sheet_names, unpackable


@pytest.fixture(params=["folder", "zip"])
def place(request, tmp_path) -> Path:
    content = {"T.txt": b"1\t2\n", "labels/labels_T.txt": b"A\n", "readme.md": "é".encode()}
    if request.param == "zip":
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        return tmp_path / "all.zip"
    for name, data in content.items():
        file = tmp_path / "all" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return tmp_path / "all"


def test_folder_and_archive_answer_alike(place):
    files = Files(place)
    assert set(files.names) == {"T.txt", "labels/labels_T.txt", "readme.md"}
    assert files.find(r"t\.TXT", "flows") == "T.txt"
    assert files.matching(r"labels_.*") == ("labels/labels_T.txt",)
    assert files.read("T.txt") == b"1\t2\n"
    assert files.text("readme.md") == "é"
    assert files.record("T.txt") == {
        "name": "T.txt",
        "bytes": 4,
        "sha256": "0c944e60f2140df3aaa1c17f7e4ed1e3699bcf647cf9e38623180ff5e86ac971",
    }
    with pytest.raises(SourceError, match="no file for value added"):
        files.find(r"V\.txt", "value added")
    with pytest.raises(SourceError, match="holds 2 files for text"):
        files.find(r".*\.txt", "text")


def test_a_folder_with_nothing_but_an_archive_stands_for_it(place, tmp_path):
    folder = tmp_path / "only"
    folder.mkdir()
    with zipfile.ZipFile(folder / "release.zip", "w") as archive:
        archive.writestr("Z.txt", "1")
    (folder / "release.zip.fetched.json").write_text("{}")
    (folder / "README.txt").write_text("about it")
    files = Files(folder)
    assert (files.path, files.names) == (folder / "release.zip", ("Z.txt",))
    (folder / "Y.txt").write_text("2")
    assert Files(folder).path == folder


def test_an_archive_that_reaches_outside_itself_is_refused(tmp_path):
    for name in ("../evil.txt", "/etc/evil", "a/../../b", "C:/evil"):
        path = tmp_path / "bad.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
        with pytest.raises(SourceError, match="outside itself"):
            Files(path)


def test_what_is_no_sound_archive(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"<!DOCTYPE html><html>404</html>")
    with pytest.raises(SourceError, match="is a web page"):
        Files(path)
    path.write_bytes(b"garbage")
    with pytest.raises(SourceError, match="not a sound zip"):
        Files(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("T.txt", b"0123456789" * 50)
    whole = path.read_bytes()
    path.write_bytes(whole[:40] + b"XX" + whole[42:])
    with pytest.raises(SourceError, match="cannot be read to its end"):
        Files(path).read("T.txt")
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="not a sound zip"):
        Files(path)


def test_web_pages_and_nothing(tmp_path):
    page = tmp_path / "T.csv"
    page.write_bytes(b"\xef\xbb\xbf\n <HTML><body>not found")
    with pytest.raises(SourceError, match=r"T\.csv is a web page, not data"):
        Files(page).read("T.csv")
    with pytest.raises(SourceError, match="does not exist"):
        Files(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="is empty"):
        Files(tmp_path / "empty")
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    with pytest.raises(SourceError, match="is not utf-8-sig text"):
        Files(tmp_path / "latin.txt").text("latin.txt")


def test_any_wrong_byte_of_an_archive_is_an_error_or_does_no_harm(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("T.txt", "1.5\t2.25\n" * 30)
    whole, refused = path.read_bytes(), 0
    for at in range(len(whole)):
        for bit in (1, 16):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            try:
                files = Files(path)
                assert files.read(files.names[0]) == b"1.5\t2.25\n" * 30
            except SourceError as error:
                refused += "t.zip" in str(error)
    assert refused > len(whole) / 2


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>no</html>", "is a web page"),
        (b"\n<!-- moved -->\n<HTML lang='en'>no</HTML>", "is a web page"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0'>", "is a web page"),
    ],
)
def test_what_is_saved_as_a_workbook(tmp_path, content, told):
    path = tmp_path / "WIOT.xlsx"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"WIOT\.xlsx {told}"):
        sheet_names(Files(path), "WIOT.xlsx", str(path))
    with pytest.raises(SourceError, match=rf"WIOT\.xlsx {told}"):
        unpackable(path, str(path))
    with pytest.raises(SourceError, match=rf"WIOT\.xlsx {told}"):
        unpackable(io.BytesIO(content), str(path))


def test_xml_is_no_web_page():
    refuse_web_page(
        b"<?xml version='1.0'?><Workbook><body-count>1</body-count></Workbook>", "b.xml"
    )


def test_what_may_not_be_read_says_so(tmp_path, monkeypatch):
    def refused(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(arguments[0]))

    for name in ("Z.txt", "Z.zip"):
        (tmp_path / name).write_text("1")
    told = r"may not be read \(Permission denied\): change its permissions$"
    files = Files(tmp_path / "Z.txt")
    monkeypatch.setattr(archive, "open", refused, raising=False)
    with pytest.raises(SourceError, match=rf"Z\.txt {told}"):
        files.read("Z.txt")
    with pytest.raises(SourceError, match=rf"Z\.zip {told}"):
        Files(tmp_path / "Z.zip")
    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(SourceError, match=rf"{re.escape(str(tmp_path))} {told}"):
        Files(tmp_path)
