"""Downloads from a server that misbehaves: complete and right, or one clear line."""

import errno
import fcntl
import hashlib
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from carbonflows.errors import HashMismatch, SourceError
from carbonflows.sources import fetch
from carbonflows.sources.fetch import Patience, Remote, download, text_at
from sources.badserver import Server, bad_server, page, serve, silent, status

QUICK = Patience(attempts=3, wait=0.01, timeout=2)


def packed(seed: int = 1, size: int = 1_500_000) -> bytes:
    """A zip archive that does not compress."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Z.txt", np.random.default_rng(seed).bytes(size))
    return buffer.getvalue()


BODY = packed()
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"


@pytest.fixture
def server() -> Iterator[Server]:
    with bad_server() as running:
        running.files["/t.zip"] = BODY
        yield running


@pytest.fixture
def get(server, tmp_path) -> Callable[..., dict[str, Any]]:
    def call(name: str = "t.zip", *, progress=None, overwrite=False, patience=QUICK, **facts: Any):
        remote = Remote(name, f"{server.url}/{name}", **facts)
        return download(remote, tmp_path, progress=progress, overwrite=overwrite, patience=patience)

    return call


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def complete(folder: Path, body: bytes = BODY) -> bool:
    """The file is there, right, with its record and with nothing else."""
    return names(folder) == ["t.zip", "t.zip.fetched.json"] and (
        (folder / "t.zip").read_bytes() == body
    )


def refused(get: Callable[..., Any], *told: str, **facts: Any) -> SourceError:
    """One line that says these things."""
    with pytest.raises(SourceError) as caught:
        get(**facts)
    assert "\n" not in str(caught.value)
    for word in told:
        assert word in str(caught.value)
    return caught.value


def ranges(server: Server) -> list[str | None]:
    return [headers.get("Range") for _, headers in server.asked]


def cut_once(get: Callable[..., Any], server: Server, bytes_: int = 600_000, **facts: Any) -> None:
    """Leave a download unfinished."""
    server.script = [serve(cut=bytes_)]
    refused(get, "breaks off", patience=Patience(attempts=1, timeout=2), **facts)
    server.asked.clear()
    server.script = []


@pytest.mark.parametrize("checksum", [None, MD5, MD5.upper().replace("MD5", "md5")])
def test_a_file_comes_whole_with_its_record(get, server, tmp_path, checksum):
    record = get(checksum=checksum, size=len(BODY))
    assert complete(tmp_path)
    assert record == json.loads((tmp_path / "t.zip.fetched.json").read_text())
    assert record["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert record["bytes"] == len(BODY)
    assert record["url"] == f"{server.url}/t.zip"
    assert record["checksum"] == (MD5 if checksum else None)


@pytest.mark.parametrize("checksum", [None, MD5])
def test_what_is_there_is_not_fetched_again(get, server, tmp_path, checksum):
    first = get(checksum=checksum)
    assert get(checksum=checksum) == first
    assert len(server.asked) == 1


def test_a_file_that_is_there_and_has_the_checksum_needs_no_record(get, server, tmp_path):
    (tmp_path / "t.zip").write_bytes(BODY)
    assert get(checksum=MD5)["fetched"] is None
    assert server.asked == []


@pytest.mark.parametrize("checksum", [None, MD5])
def test_another_file_of_that_name_is_replaced_only_on_purpose(get, tmp_path, checksum):
    get(checksum=checksum)
    (tmp_path / "t.zip").write_bytes(b"mine")
    refused(get, "t.zip is there", "--overwrite", checksum=checksum)
    assert (tmp_path / "t.zip").read_bytes() == b"mine"
    get(checksum=checksum, overwrite=True)
    assert complete(tmp_path)


def test_a_cut_is_mended_in_the_same_run(get, server, tmp_path):
    server.script = [serve(cut=600_000), serve(cut=600_000)]
    get()
    assert complete(tmp_path)
    whole, first, second = ranges(server)
    assert whole is None
    assert 0 < int(first[6:-1]) < int(second[6:-1]) < len(BODY)
    assert [headers.get("If-Range") for _, headers in server.asked] == [None, '"one"', '"one"']


def test_a_server_that_always_cuts_is_given_up_and_the_next_run_goes_on(get, server, tmp_path):
    server.script = [serve(cut=300_000)] * 3
    refused(get, "breaks off", "3 times", "t.zip.part", "run the same command")
    assert names(tmp_path) == ["t.zip.part", "t.zip.part.json"]
    kept = (tmp_path / "t.zip.part").stat().st_size
    assert kept > 500_000
    server.asked.clear()
    server.script = []
    get()
    assert complete(tmp_path)
    assert ranges(server) == [f"bytes={kept}-"]


def test_a_server_that_ignores_ranges_starts_anew(get, server, tmp_path):
    cut_once(get, server)
    server.script = [serve(ranges=False)]
    get()
    assert complete(tmp_path)
    assert ranges(server)[0] is not None


@pytest.mark.parametrize("honour_tag", [True, False])
def test_a_file_that_changed_meanwhile_starts_anew(get, server, tmp_path, honour_tag):
    cut_once(get, server)
    server.files["/t.zip"] = new = packed(2)
    server.script = [serve('"two"', honour_tag=honour_tag), serve('"two"')]
    get()
    assert complete(tmp_path, new)
    assert len(server.asked) == (1 if honour_tag else 2)


def test_without_tag_or_checksum_nothing_is_resumed(get, server, tmp_path):
    server.script = [serve(None, cut=600_000), serve(None)]
    get()
    assert complete(tmp_path)
    assert ranges(server) == [None, None]


def test_a_published_checksum_finds_two_versions_spliced(get, server, tmp_path):
    server.script = [serve(None, cut=600_000)]
    server.files["/t.zip"] = packed(2)
    refused(get, "breaks off", checksum=MD5, patience=Patience(attempts=1, timeout=2))
    server.asked.clear()
    server.files["/t.zip"] = BODY
    server.script = [serve(None), serve(None)]
    get(checksum=MD5)
    assert complete(tmp_path)
    first, second = ranges(server)
    assert first is not None
    assert second is None


def test_a_range_that_begins_elsewhere_starts_anew(get, server, tmp_path):
    cut_once(get, server)
    server.script = [serve(shift=10)]
    get()
    assert complete(tmp_path)


@pytest.mark.parametrize(
    ("behave", "new"),
    [
        (serve('"two"', honour_tag=False), b"4,5,6\n"),
        (serve(shift=10), b"1,2,3\n"),
        (serve(limit=300_000), b"1,2,3\n"),
    ],
    ids=["changed", "elsewhere", "in pieces"],
)
def test_text_is_neither_spliced_nor_cut(get, server, tmp_path, behave, new):
    """No checksum and no archive would notice it: what the server says has to be heeded."""
    server.files["/t.csv"] = b"1,2,3\n" * 200_000
    cut_once(get, server, name="t.csv")
    server.files["/t.csv"] = new * 200_000
    server.script = [behave]
    get("t.csv")
    assert (tmp_path / "t.csv").read_bytes() == new * 200_000
    assert len(server.asked) == 2


def test_a_part_that_is_complete_is_only_checked(get, server, tmp_path):
    cut_once(get, server)
    (tmp_path / "t.zip.part").write_bytes(BODY)
    get()
    assert complete(tmp_path)
    assert ranges(server) == [f"bytes={len(BODY)}-"]


def test_a_part_that_is_too_long_starts_anew(get, server, tmp_path):
    cut_once(get, server)
    (tmp_path / "t.zip.part").write_bytes(BODY + b"more")
    get()
    assert complete(tmp_path)


@pytest.mark.parametrize("code", [500, 502, 503, 429, 408])
def test_errors_that_pass_are_borne(get, server, tmp_path, code):
    server.script = [status(code, Retry_After="0"), status(code)]
    get()
    assert complete(tmp_path)


def test_the_pause_that_a_server_asks_for_is_kept(get, server, monkeypatch):
    pauses: list[float] = []
    monkeypatch.setattr(fetch.time, "sleep", pauses.append)
    server.script = [status(503, Retry_After="7"), status(503, Retry_After="9999")]
    get()
    assert pauses == [7.0, 60.0]


def test_errors_that_stay_are_given_up(get, server, tmp_path):
    server.script = [status(500)] * 9
    refused(get, "answers 500", "3 times")
    assert len(server.asked) == 3
    assert names(tmp_path) == []


@pytest.mark.parametrize("code", [404, 403, 410])
def test_a_refusal_is_final(get, server, tmp_path, code):
    server.script = [status(code)]
    assert refused(get, f"answers {code}", "--url").by_hand
    assert len(server.asked) == 1
    assert names(tmp_path) == []


def test_a_silent_server_is_given_up(get, server, tmp_path):
    server.script = [silent(5)] * 2
    refused(get, "silent for 0.1 s", "2 times", patience=Patience(2, 0.01, 0.1))
    assert names(tmp_path) == []


def test_a_server_that_falls_silent_is_resumed(get, server, tmp_path):
    def stall(handler, body):
        serve(cut=600_000)(handler, body)
        handler.wfile.flush()
        server.released.wait(5)

    server.script = [stall]
    get(patience=Patience(2, 0.01, 0.2))
    assert complete(tmp_path)
    assert ranges(server)[1] is not None


def test_no_server_at_all(tmp_path):
    with bad_server() as gone:
        url = gone.url
    with pytest.raises(SourceError, match=r"cannot be reached \(Connection refused\), 2 times"):
        download(Remote("t.zip", url), tmp_path, patience=Patience(2, 0.01, 1))
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["t.zip", "t.csv", "t.xlsx"])
@pytest.mark.parametrize("behave", [page, serve(kind="text/html; charset=utf-8")])
def test_a_web_page_is_refused(get, server, tmp_path, name, behave):
    server.script = [behave]
    assert refused(get, "web page instead of " + name, name=name).by_hand
    assert len(server.asked) == 1
    assert names(tmp_path) == []


@pytest.mark.parametrize("name", ["t.zip", "t.XLSX", "t.xlsb"])
def test_no_zip_where_one_is_expected(get, server, tmp_path, name):
    server.files[f"/{name}"] = b'{"error": "no such record"}'
    refused(get, "does not begin like", name=name)
    assert names(tmp_path) == []


def test_a_csv_need_not_be_a_zip(get, server):
    server.files["/t.csv"] = b"rowLabels,AR_A01\nAR_A01,1\n"
    assert get("t.csv")["bytes"] == 26


@pytest.mark.parametrize("name", ["t.zip", "t.csv"])
def test_an_empty_file_is_refused(get, server, tmp_path, name):
    server.files[f"/{name}"] = b""
    refused(get, "is empty", name=name)
    assert names(tmp_path) == []


def test_a_wrong_checksum_leaves_nothing(get, server, tmp_path):
    server.files["/t.zip"] = packed(2)
    assert isinstance(refused(get, "checksum", MD5, checksum=MD5), HashMismatch)
    assert len(server.asked) == 1
    assert names(tmp_path) == []


def test_a_size_that_is_not_the_listed_one(get, tmp_path):
    refused(get, f"{len(BODY):,} bytes", "lists 7", size=7)
    assert names(tmp_path) == []


@pytest.mark.parametrize("place", [700_000, len(BODY) - 5], ids=["entry", "directory"])
def test_a_damaged_zip_is_refused(get, server, tmp_path, place):
    server.files["/t.zip"] = BODY[:place] + b"?????" + BODY[place + 5 :]
    refused(get, "zip archive")
    assert names(tmp_path) == []


def test_a_content_length_that_is_too_long(get, server, tmp_path):
    server.script = [serve(length=len(BODY) + 1000)]
    server.script += [serve(length=len(BODY) + 1000, ranges=False)] * 2
    refused(get, "breaks off", "3 times")
    assert "t.zip" not in names(tmp_path)


def test_a_content_length_that_is_too_short(get, server, tmp_path):
    server.script = [serve(length=len(BODY) - 1000)]
    refused(get, "not a sound zip")
    assert names(tmp_path) == []


def test_a_compressed_answer_is_refused(get, server):
    def compressed(handler, body):
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()

    server.script = [compressed]
    refused(get, "sent compressed")
    assert server.asked[0][1]["Accept-Encoding"] == "identity"


def test_a_redirect_is_followed_and_a_circle_is_not(get, server, tmp_path):
    server.script = [status(302, Location="/there.zip")]
    server.files["/there.zip"] = BODY
    get()
    assert complete(tmp_path)
    server.script += [status(302, Location="/t.zip")] * 50
    refused(get, "redirects in a circle", name="u.zip")
    assert len(server.asked) < 20


def test_a_redirect_to_an_address_without_encryption_is_refused():
    answer = requests.Response()
    answer.status_code, answer.url = 302, "https://example.org/a.zip"
    with fetch._session() as session:
        answer.headers["Location"] = "/b.zip"
        assert session.get_redirect_target(answer) == "/b.zip"
        answer.headers["Location"] = "http://example.org/b.zip"
        with pytest.raises(SourceError, match="not encrypted"):
            session.get_redirect_target(answer)


def test_ctrl_c_leaves_a_part_that_the_next_run_takes_up(get, server, tmp_path):
    def interrupt(what: str, done: int, total: int | None) -> None:
        if done > 400_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(progress=interrupt)
    assert names(tmp_path) == ["t.zip.part", "t.zip.part.json"]
    kept = (tmp_path / "t.zip.part").stat().st_size
    get()
    assert complete(tmp_path)
    assert ranges(server) == [None, f"bytes={kept}-"]


def test_a_full_disk_is_said_before_it_is_full(get, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    refused(get, "disk is full", "1.0 MB free of 1.5 MB needed", "make room", size=len(BODY))
    assert names(tmp_path) == []


def test_a_disk_that_fills_up_keeps_what_came(get, server, tmp_path):
    def full(what: str, done: int, total: int | None) -> None:
        if done > 400_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    refused(get, "disk is full", "make room", progress=full)
    assert names(tmp_path) == ["t.zip.part", "t.zip.part.json"]
    get()
    assert complete(tmp_path)
    assert ranges(server)[1] is not None


def test_two_at_once_are_refused(get, tmp_path):
    with open(tmp_path / "t.zip.part", "wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        refused(get, "t.zip.part is being written", "wait")
    get()
    assert complete(tmp_path)


def test_progress_counts_to_the_end(get, server):
    seen: list[tuple[str, int, int | None]] = []
    server.script = [serve(cut=600_000)]
    get(progress=lambda *step: seen.append(step))
    moving = [done for what, done, _ in seen if what == "t.zip"]
    assert moving == sorted(moving)
    assert moving[-1] == len(BODY)
    assert {total for _, _, total in seen} == {len(BODY)}
    assert seen[-1][0] == "checking t.zip"


@pytest.mark.parametrize("name", ["../t.zip", "a/t.zip", ""])
def test_names_stay_in_the_folder(tmp_path, name):
    with pytest.raises(SourceError, match="no name of a file"):
        download(Remote(name, "http://127.0.0.1:9/t.zip"), tmp_path)


def test_texts(server):
    server.files["/list"] = "Österreich".encode()
    server.script = [status(500)]
    assert text_at(f"{server.url}/list", patience=QUICK) == "Österreich"
    server.script = [status(500)] * 9
    server.asked.clear()
    with pytest.raises(SourceError, match="answers 500") as caught:
        text_at(f"{server.url}/list", patience=QUICK)
    assert caught.value.by_hand
