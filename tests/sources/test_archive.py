"""Files in folders and archives: found by pattern, refused when unsound."""

import zipfile
from pathlib import Path

import pytest

from carbonflows.errors import SourceError
from carbonflows.sources.archive import Files


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
