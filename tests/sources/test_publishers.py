"""Which files are fetched from where, for each database; and the command from end to end."""

import hashlib
import html
import io
import json
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import carbonflows as cf
from carbonflows.cli import main
from carbonflows.errors import HashMismatch, SourceError, StoreError
from carbonflows.sources import NAMES, named, publishers
from carbonflows.sources.fetch import Patience
from carbonflows.sources.publishers import OFFERS, fetch
from sources.badserver import Server, bad_server, page, serve, status
from sources.layout_exiobase3 import write_exiobase3
from worlds import random_world

QUICK = Patience(attempts=2, wait=0.01, timeout=5)


def archive(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in members.items():
            packed.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return buffer.getvalue()


@pytest.fixture
def server(monkeypatch) -> Iterator[Server]:
    """A server in the place of every publisher."""
    with bad_server() as running:
        for name in ("ZENODO", "DATAVERSE", "OECD", "CIRCABC", "ADB", "JRC_CO2"):
            monkeypatch.setattr(publishers, name, f"{running.url}/{name}/")
        yield running


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".fetched.json"))


def exiobase(server: Server, body: bytes, checksum: str = "", record: str = "15689391") -> None:
    """List and serve two files as Zenodo does."""
    checksum = checksum or f"md5:{hashlib.md5(body).hexdigest()}"
    files = [
        {"key": f"IOT_2011_{system}.zip", "size": len(body), "checksum": checksum, "links": {}}
        for system in ("pxp", "ixi")
    ]
    server.files[f"/ZENODO/{record}"] = json.dumps({"id": 1, "files": files}).encode()
    for file in files:
        server.files[f"/ZENODO/{record}/files/{file['key']}/content"] = body


def test_exiobase_is_checked_against_the_list(server, tmp_path):
    exiobase(server, archive(x=b"1"))
    got = fetch("exiobase3", 2011, tmp_path / "e", patience=QUICK)
    assert names(tmp_path / "e") == ["IOT_2011_pxp.zip"]
    assert got.records[0]["checksum"].startswith("md5:")
    fetch("exiobase3", 2011, tmp_path / "i", system="ixi", release="3.9.6", patience=QUICK)
    assert names(tmp_path / "i") == ["IOT_2011_ixi.zip"]


def test_exiobase_that_is_not_what_the_list_says(server, tmp_path):
    exiobase(server, archive(x=b"1"), "md5:" + "0" * 32)
    with pytest.raises(HashMismatch, match=r"by hand: download IOT_<year>_pxp\.zip"):
        fetch("exiobase3", 2011, tmp_path / "e", patience=QUICK)
    assert names(tmp_path / "e") == []


def test_a_checksum_of_an_unknown_kind_is_not_claimed(server, tmp_path):
    exiobase(server, archive(x=b"1"), "crc9:12")
    assert fetch("exiobase3", 2011, tmp_path / "e", patience=QUICK).records[0]["checksum"] is None


def test_each_release_has_its_record_and_folder(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exiobase(server, archive(x=b"1"), record="5589597")
    assert fetch("exiobase3", 2011, release="3.8.2", patience=QUICK).folder == Path(
        "exiobase3-3.8.2"
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"year": 2030}, "2030 is not on offer: choose one of 2011"),
        ({"year": 2011, "release": "9"}, "release '9' is not known: use 3.8, "),
        ({"year": 2011, "system": "pxi"}, "system 'pxi'"),
        ({}, "--year"),
    ],
)
def test_what_exiobase_does_not_have(server, tmp_path, options, told):
    exiobase(server, archive(x=b"1"))
    with pytest.raises(SourceError, match=re.escape(told)):
        fetch("exiobase3", out=tmp_path / "e", patience=QUICK, **options)
    assert not (tmp_path / "e").exists()


@pytest.mark.parametrize("listing", [b"", b"{}", b"[]", b'{"files": [1]}', b'{"files": []}'])
@pytest.mark.parametrize("source", ["exiobase3", "wiod2013", "wiod2016", "adb"])
def test_lists_that_are_none(server, tmp_path, source, listing):
    for place in (
        "/ZENODO/15689391",
        "/DATAVERSE/datasets/:persistentId/?persistentId=doi:10.34894/XDTAUZ",
        "/DATAVERSE/datasets/:persistentId/?persistentId=doi:10.34894/PJ2M1C",
        "/ADB/",
    ):
        server.files[place] = listing
    with pytest.raises(SourceError, match="by hand: "):
        fetch(source, 2005, tmp_path / "o", patience=QUICK)
    assert not (tmp_path / "o").exists()


def dataverse(server: Server, doi: str, files: dict[str, bytes]) -> None:
    """List and serve files as Dataverse does."""
    listed = []
    for number, (name, body) in enumerate(files.items()):
        checksum = {"type": "SHA-1", "value": hashlib.sha1(body).hexdigest()}
        facts = {"id": number, "filename": name, "filesize": len(body), "checksum": checksum}
        listed.append({"label": name, "dataFile": facts})
        server.files[f"/DATAVERSE/access/datafile/{number}"] = body
    place = f"/DATAVERSE/datasets/:persistentId/?persistentId=doi:{doi}"
    server.files[place] = json.dumps({"data": {"latestVersion": {"files": listed}}}).encode()


WORKBOOKS = {"WIOT07_ROW_Apr12_dot_xlsx": b"seven", "a__WIOT08_ROW_Sep12_dot_xlsx": b"eight"}


def test_wiod_2013_takes_the_workbook_out(server, tmp_path):
    files = {"WIOTS_in_EXCEL.zip": archive(**WORKBOOKS), "CO2_may12.zip": archive(x=b"1")}
    dataverse(server, "10.34894/XDTAUZ", files)
    got = fetch("wiod2013", 2008, tmp_path / "w", patience=QUICK)
    assert names(tmp_path / "w") == ["CO2_may12.zip", "WIOT08_ROW_Sep12.xlsx", "WIOTS_in_EXCEL.zip"]
    assert (tmp_path / "w/WIOT08_ROW_Sep12.xlsx").read_bytes() == b"eight"
    assert got.by_hand == ""
    assert got.records[0]["checksum"].startswith("sha1:")
    asked = len(server.asked)
    fetch("wiod2013", 2007, tmp_path / "w", patience=QUICK)  # from the zip that is there
    assert len(server.asked) == asked + 1
    assert (tmp_path / "w/WIOT07_ROW_Apr12.xlsx").read_bytes() == b"seven"


def test_wiod_2013_says_which_accounts_are_missing(server, tmp_path):
    dataverse(server, "10.34894/XDTAUZ", {"WIOTS_in_EXCEL.zip": archive(**WORKBOOKS)})
    assert "CO2_may12.zip" in fetch("wiod2013", 2007, tmp_path / "w", patience=QUICK).by_hand


def test_a_workbook_of_the_user_is_not_replaced_unasked(server, tmp_path):
    dataverse(server, "10.34894/XDTAUZ", {"WIOTS_in_EXCEL.zip": archive(**WORKBOOKS)})
    mine = tmp_path / "WIOT07_ROW_Apr12.xlsx"
    mine.write_bytes(b"mine!")
    with pytest.raises(StoreError, match="--overwrite"):
        fetch("wiod2013", 2007, tmp_path, patience=QUICK)
    assert mine.read_bytes() == b"mine!"
    fetch("wiod2013", 2007, tmp_path, overwrite=True, patience=QUICK)
    assert mine.read_bytes() == b"seven"


def test_an_archive_without_the_year(server, tmp_path):
    dataverse(server, "10.34894/XDTAUZ", {"WIOTS_in_EXCEL.zip": archive(**WORKBOOKS)})
    with pytest.raises(SourceError, match=r"EXCEL\.zip holds no file for 2000, there are WIOT07"):
        fetch("wiod2013", 2000, tmp_path, patience=QUICK)


def test_wiod_2016_comes_with_its_accounts(server, tmp_path):
    table = archive(WIOT2014_Nov16_ROW_dot_xlsb=b"t", WIOT2013_Nov16_ROW_dot_xlsb=b"s")
    dataverse(server, "10.34894/PJ2M1C", {"WIOTS_in_EXCEL.zip": table})
    server.files["/JRC_CO2/"] = archive(**{"CO2 emissions_dot_xlsx": b"c"})
    fetch("wiod2016", 2014, tmp_path, patience=QUICK)
    assert names(tmp_path) == [
        "CO2 emissions.xlsx", "WIOT2014_Nov16_ROW.xlsb", "WIOTS_in_EXCEL.zip", "co2em56.zip",
    ]  # fmt: skip


def test_a_question_whether_one_is_a_robot_is_no_table(server, tmp_path):
    dataverse(server, "10.34894/PJ2M1C", {"WIOTS_in_EXCEL.zip": b""})
    server.script = [serve(), serve(kind="text/html")]
    with pytest.raises(SourceError, match=r"web page instead of WIOTS_in_EXCEL.zip.*by hand: "):
        fetch("wiod2016", 2014, tmp_path, patience=QUICK)
    server.asked.clear()
    server.script = [page]
    with pytest.raises(SourceError, match=r"is no list of files; by hand: "):
        fetch("wiod2016", 2014, tmp_path, patience=QUICK)


@pytest.mark.parametrize(
    ("year", "release", "place", "member"),
    [
        (2018, None, "2025/2016-2022_SML.zip", "2018_SML.csv"),
        (2022, "2025-extended", "2025/2016-2022_EXT.zip", "2022_EXT.csv"),
        (1995, "2023", "2023/1995-2000_SML.zip", "1995_SML.csv"),
        (2018, "2021", "2021/ICIO2021_2015-2018.zip", "ICIO2021_2018.csv"),
    ],
)
def test_oecd_blocks_of_years(server, tmp_path, year, release, place, member):
    members = {member.replace(".", "_dot_"): b"V1", "1066_SML_dot_csv": b"no"}
    server.files[f"/OECD/{place}"] = archive(**members)
    fetch("oecd_icio", year, tmp_path, release=release, patience=QUICK)
    assert names(tmp_path) == sorted([Path(place).name, member])


def test_an_archive_that_reaches_outside_itself_is_refused(server, tmp_path):
    members = {"..__..__2018_SML_dot_csv": b"V1", "..__2019_SML_dot_csv": b"V1"}
    server.files["/OECD/2025/2016-2022_SML.zip"] = archive(**members)
    with pytest.raises(SourceError, match=r"outside itself \(\.\./\.\./2018_SML\.csv\)"):
        fetch("oecd_icio", 2018, tmp_path, patience=QUICK)
    assert not [name for name in names(tmp_path) if name.endswith(".csv")]


def test_oecd_years_that_an_edition_lacks(server, tmp_path):
    with pytest.raises(SourceError, match="2020 is not on offer: choose one of 1995-2018"):
        fetch("oecd_icio", 2020, tmp_path, release="2021")
    with pytest.raises(SourceError, match=r"2018.*not known.*by hand: download the CSV zips"):
        fetch("oecd_icio", 2010, tmp_path, release="2018")


def test_figaro(server, tmp_path):
    server.files["/CIRCABC/ba9d7f3a-a381-49f2-998d-64fec81c3d35"] = b"rowLabels,AR_A01\n"
    got = fetch("figaro", 2019, tmp_path, patience=QUICK)
    assert names(tmp_path) == ["matrix_eu-ic-io_ind-by-ind_26ed_2019.csv"]
    assert "env_ac_co2fp" in got.by_hand
    assert named("figaro").recognise(cf.sources.archive.Files(tmp_path)) is not None


def test_adb_files_are_found_on_its_page(server, tmp_path):
    listed = [
        {"href": f"/download/mrio-file/{n}", "filename": name, "historical_year": "2019"}
        for n, name in enumerate(
            ["ADB-MRIO-2019_Dec2022.xlsx", "ADB-MRIO72-2019_Dec2022.xlsx", "ADB-MRIO-2018.xlsx"]
        )
    ]
    text = json.dumps(listed).replace("/", "\\/")
    server.files["/ADB/"] = f'<html><div data-files="{html.escape(text)}">'.encode()
    server.files["/download/mrio-file/0"] = server.files["/download/mrio-file/1"] = archive(x=b"1")
    fetch("adb", 2019, tmp_path / "62", patience=QUICK)
    assert names(tmp_path / "62") == ["ADB-MRIO-2019_Dec2022.xlsx"]
    fetch("adb", 2019, tmp_path / "72", release="72", patience=QUICK)
    assert names(tmp_path / "72") == ["ADB-MRIO72-2019_Dec2022.xlsx"]
    with pytest.raises(SourceError, match=r"lists no table of 2001 with 62 economies.*by hand: "):
        fetch("adb", 2001, tmp_path / "01", patience=QUICK)


@pytest.mark.parametrize("source", [name for name in NAMES if name not in OFFERS])
def test_the_rest_say_what_to_do_by_hand(source, tmp_path):
    with pytest.raises(SourceError) as caught:
        fetch(source, 2010, tmp_path)
    assert named(source).get in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_offer_is_of_a_source_and_every_address_is_encrypted():
    assert set(OFFERS) <= set(NAMES)
    text = Path(publishers.__file__).read_text(encoding="utf-8")
    assert "https://" in text
    assert "http://" not in text


def test_publishers_that_are_gone_are_replaced_by_an_address(server, tmp_path):
    server.files["/m/WIOTS_in_EXCEL.zip"] = archive(**WORKBOOKS)
    server.files["/m/CO2_may12.zip"] = archive(x=b"1")
    got = fetch("wiod2013", 2007, tmp_path, url=f"{server.url}/m/", patience=QUICK)
    assert [place for place, _ in server.asked] == ["/m/WIOTS_in_EXCEL.zip", "/m/CO2_may12.zip"]
    assert {record["checksum"] for record in got.records} == {None}
    with pytest.raises(SourceError, match="anew with each edition"):
        fetch("adb", 2007, tmp_path, url=server.url)


def test_options_of_other_databases_are_refused(tmp_path):
    with pytest.raises(SourceError, match="no systems"):
        fetch("figaro", 2019, tmp_path, system="ixi")


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_fetch_then_import_auto(capsys, server, tmp_path):
    world = random_world(1, 3, 2, inventories=True, emission_unit="kg CO2")
    table = write_exiobase3(world, tmp_path, packed=True)
    server.files[f"/{table.name}"] = table.read_bytes()
    words = ("fetch", "exiobase3", "--year", 2011, "--url", server.url, "--out", tmp_path / "got")
    code, out, err = run(capsys, *words)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"IOT_2011_pxp.zip: {table.stat().st_size:,} bytes, no checksum published",
        f"Import it: carbonflows import exiobase3 {tmp_path / 'got'} OUT --year 2011",
    ]
    code, _, err = run(capsys, "import", "auto", tmp_path / "got", tmp_path / "t.zarr")
    assert code == 0, err
    read = cf.open_table(tmp_path / "t.zarr")
    assert read.year == 2011
    np.testing.assert_allclose(read.Z.to_numpy(), world.Z.to_numpy())


def test_a_mistake_is_one_line(capsys, server, tmp_path):
    server.script = [status(404)]
    words = ("fetch", "exiobase3", "--year", 2011, "--url", server.url, "--out", tmp_path / "e")
    code, out, err = run(capsys, *words)
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {server.url}/IOT_2011_pxp.zip answers 404")
    assert err.count("\n") == 1
    assert "by hand: download IOT_<year>" in err


def test_ctrl_c_at_the_terminal(server, tmp_path):
    body = archive(x=np.random.default_rng(1).bytes(3_000_000))
    server.files["/IOT_2011_pxp.zip"] = body

    def stall(handler, content):
        serve(cut=2_000_000)(handler, content)
        handler.wfile.flush()
        server.released.wait(20)

    server.script = [stall]
    part = tmp_path / "IOT_2011_pxp.zip.part"
    command = [sys.executable, "-c", "from carbonflows.cli import main; main()"]
    words = ["fetch", "exiobase3", "--year", "2011", "--url", server.url, "--out", str(tmp_path)]
    with subprocess.Popen([*command, *words], stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 20
        while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130
    assert err == "stopped: the same command goes on from what is there (.part)\n"
    assert names(tmp_path) == [part.name, part.name + ".json"]
    kept = part.stat().st_size
    with pytest.raises(SystemExit):
        main(words)
    assert (tmp_path / "IOT_2011_pxp.zip").read_bytes() == body
    assert server.asked[1][1]["Range"] == f"bytes={kept}-"
