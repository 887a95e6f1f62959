"""The command line: what it prints, and one clear line for every mistake of the user's."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.cli import main
from carbonflows.sources import NAMES
from carbonflows.sources.plain import write_plain
from carbonflows.sources.publishers import OFFERS
from carbonflows.table import two_regions
from sources.reader_cases import CASES


def call(capsys, *words: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as caught:
        main([str(word) for word in words])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.fixture
def plain(tmp_path) -> Path:
    """A small sound table in the plain layout."""
    return write_plain(two_regions().replace(year=2012), tmp_path / "world")


def refused(capsys, *words: object) -> str:
    """One line on stderr, nothing on stdout, exit code 1."""
    code, out, err = call(capsys, *words)
    assert code == 1, err
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_run_prints_headlines_and_the_report(capsys, tmp_path):
    out = tmp_path / "o"
    code, printed, _ = call(capsys, "run", "belt-and-road", "--out", out, "--no-figures")
    lines = printed.splitlines()
    assert code == 0
    assert [line[:2] for line in lines[:-1]] == ["- "] * 5
    assert lines[-1] == f"Report: {out / 'report.html'}"
    assert (out / "report.html").is_file()


def test_run_over_several_years(capsys, tmp_path):
    out, words = tmp_path / "o", ("--out", tmp_path / "o", "--no-figures")
    code, printed, _ = call(capsys, "run", "belt-and-road", "--years", "1995-2004", *words)
    assert code == 0
    assert printed.splitlines()[-1] == f"Report: {out / 'report.html'}"
    accounts = pd.read_csv(out / "tables" / "accounts.csv").set_index(["year", "region"])
    assert accounts.index.unique("year").tolist() == [1995, 2000, 2004]
    for year in (1995, 2000, 2004):
        alone = cf.footprint(cf.Leontief(cf.example(year)))
        found = accounts.loc[year].loc[alone.index]
        for column in ("production", "consumption"):
            assert found[column].to_numpy() == pytest.approx(alone[column].to_numpy(), rel=1e-9)
    assert "1996" in (out / "report.html").read_text()  # which years are absent is said
    assert [file.name for file in tmp_path.iterdir()] == ["o"]  # finished parts are gone
    code, printed, _ = call(capsys, "run", "belt-and-road", "--years", "1995,2000,2004", *words)
    assert "Read from the results" not in printed  # no year is absent: another report
    assert "1996" not in (out / "report.html").read_text()
    code, printed, _ = call(capsys, "run", "belt-and-road", "--years", "1995,2000,2004", *words)
    assert "Read from the results of an earlier run with the same inputs" in printed
    err = refused(capsys, "run", "belt-and-road", "--years", "1996-1999", *words)
    assert "the example has none of the years 1996-1999 (it has 1995, 2000, 2004, 2007" in err


def test_check_prints_the_diagnosis(capsys, plain):
    code, printed, _ = call(capsys, "check", "--source", "plain", "--path", plain)
    assert code == 0
    assert "2 regions" in printed
    for check in ("row balance", "spectral radius of A", "negative cells"):
        assert check in printed


def test_check_takes_its_table_either_way(capsys, plain):
    by_option = call(capsys, "check", "--source", "plain", "--path", plain)
    assert call(capsys, "check", plain) == by_option
    assert call(capsys, "check", "--path", plain) == by_option
    code, out, err = call(capsys, "check", plain, "--path", plain)
    assert (code, out) == (2, "")
    assert "give the table once" in err


def test_check_fails_where_totals_cannot_be_the_world_s(capsys, tmp_path):
    wrong = cf.save_table(cf.example(2007).replace(unit="k USD"), tmp_path / "world.zip")
    code, out, _ = call(capsys, "check", wrong)
    assert code == 1
    assert "it would fit in M USD" in " ".join(out.split())
    words = ("run", "belt-and-road", "--source", "saved", "--path", wrong, "--no-figures")
    code, out, err = call(capsys, *words, "--out", tmp_path / "o")
    assert code == 0
    assert err.startswith("  error   final demand / GDP of the world: ")
    assert "it would fit in M USD" in (tmp_path / "o/report.html").read_text(encoding="utf-8")


def test_info_says_what_is_in_a_table(capsys, plain, tmp_path):
    code, out, err = call(capsys, "info", plain)
    assert (code, err) == (0, "")
    assert out.startswith("two regions 2012\n")
    expected = {
        "  regions        2", "  nodes          2          1 sector in every region",
        "  output           200 M USD  2 × final demand", "  world        70 Mt",
        "  final users   0 Mt  none given", "  reader plain",
    }  # fmt: skip
    assert expected <= set(out.splitlines())
    assert "SHA-256       " not in out
    assert call(capsys, "info", plain, "--source", "plain", "--year", 2012)[1] == out
    saved = tmp_path / "world.zip"
    assert call(capsys, "import", "plain", plain, saved)[0] == 0
    code, again, _ = call(capsys, "info", saved)
    assert f"  SHA-256       {cf.store.table_hash(cf.open_table(saved))}\n" in again
    assert call(capsys, "info")[1].startswith("WIOD example 2007\n")


def test_info_for_machines(capsys, plain):
    code, out, _ = call(capsys, "info", plain, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["table"], told["year"]) == ("two regions 2012", 2012)
    values = {(row["section"], row["item"]): row["value"] for row in told["facts"]}
    assert values["money", "output"] == 200
    assert told["provenance"]["files"][0]["name"] == "table.toml"


def test_mistakes_of_info(capsys, plain, tmp_path):
    assert "nowhere" in refused(capsys, "info", tmp_path / "nowhere")
    assert "2012" in refused(capsys, "info", plain, "--year", "2013")
    (tmp_path / "empty").mkdir()
    assert "is empty" in refused(capsys, "info", tmp_path / "empty")
    assert "needs a path" in refused(capsys, "info", "--source", "plain")


def test_import_then_run_on_the_saved_table(capsys, plain, tmp_path):
    saved = tmp_path / "world.zip"
    assert call(capsys, "import", "plain", plain, saved)[0] == 0
    assert "world.zip" in refused(capsys, "import", "plain", plain, saved)
    assert call(capsys, "import", "plain", plain, saved, "--overwrite")[0] == 0
    grouping = tmp_path / "g.csv"
    grouping.write_text("region,group\nA,one\nB,two\n")
    code, _, err = call(
        capsys, "run", "belt-and-road", "--source", "saved", "--path", saved,
        "--grouping", grouping, "--no-figures", "--out", tmp_path / "out",
    )  # fmt: skip
    assert code == 0, err
    accounts = (tmp_path / "out/tables/accounts.csv").read_text().splitlines()
    assert accounts[1].startswith("2012,A,50,44.666666")


def laid_out(name: str, folder: Path) -> Path:
    """A small table as its publisher lays it out."""
    folder.mkdir()
    CASES[name].write(folder, 0, False)
    return folder


WITHOUT = ["oecd_icio 2018", "figaro matrix", "adb", "lr_wiod"]


@pytest.mark.parametrize("name", WITHOUT)
def test_import_gives_a_table_its_emissions(capsys, tmp_path, name):
    case = CASES[name]
    place, out = laid_out(name, tmp_path / "in"), tmp_path / "t.zip"
    words = ("import", case.reader, place, out, "--year", case.year)
    code, printed, err = call(capsys, *words)
    assert (code, err) == (0, "")
    last, way_out = printed.splitlines()[-2:]
    assert last == f"Saved: {out}"
    assert way_out == "No emissions inside: --set emissions=FILE, see docs/tables.md"
    (file,) = (f for f in place.iterdir() if f.name in ("emissions.csv", "env_ac_co2fp.tsv"))
    code, printed, err = call(capsys, *words, "--overwrite", "--set", f"emissions={file}")
    assert (code, err) == (0, "")
    assert printed.splitlines()[-1] == f"Saved: {out}"
    assert f"emissions: {file.name}" in " ".join(printed.split())
    expected = case.read(place, case.year)
    pd.testing.assert_frame_equal(
        cf.open_table(out).extensions["emissions"].F, expected.extensions["emissions"].F
    )


def test_import_says_what_it_did(capsys, tmp_path):
    place = laid_out("oecd_icio 2018", tmp_path / "in")
    emissions = f"emissions={place / 'emissions.csv'}"
    code, printed, _ = call(
        capsys, "import", "auto", place, tmp_path / "t.zip", "--set", emissions, "--set",
        "totals=report",
    )  # fmt: skip
    assert code == 0
    lines = printed.splitlines()
    assert lines[0].startswith("<StreamedTable 'OECD ICIO' 2010: 5 regions")
    assert lines[1] == "  recognised: oecd_icio, release OECD ICIO 2018"
    assert lines[2].startswith("  read: left out: value added rows of final demand, sum: 135; ")
    text = " ".join(printed.split())
    assert "policies: split: merge; discrepancy: drop; totals: report" in text
    assert "from ICIO2018_2010.csv: " in text
    assert len(lines) <= 12
    named = call(capsys, "import", "oecd_icio", place, tmp_path / "u.zip")[1]
    assert named.splitlines()[1] == "  named: oecd_icio, release OECD ICIO 2018"


@pytest.mark.parametrize("name", sorted({case.reader: name for name, case in CASES.items()
                                         if case.reader in NAMES}.values()))  # fmt: skip
def test_import_is_brief_about_every_database(capsys, tmp_path, name):
    case = CASES[name]
    place = laid_out(name, tmp_path / "in")
    code, printed, err = call(
        capsys, "import", "auto", place, tmp_path / "t.zarr", "--year", case.year
    )
    assert code == 0, err
    lines = printed.splitlines()
    assert len(lines) <= 14
    assert lines[1].startswith("  recognised: ")
    assert f"Saved: {tmp_path / 't.zarr'}" in lines


def test_import_passes_warnings_on(capsys, tmp_path):
    place = laid_out("eora26", tmp_path / "in")
    file = next(place.rglob("*_bp_T.txt"))
    text = file.read_text()
    file.write_text(text.rstrip("\n"))
    code, printed, err = call(capsys, "import", "eora26", place, tmp_path / "t.zip")
    assert code == 0
    assert err.startswith(f"warning: {file.name} ends within a line")
    assert f"What the warnings come to: carbonflows check {tmp_path / 't.zip'}\n" in printed


def test_options_reach_every_command(capsys, tmp_path):
    place = laid_out("eora26", tmp_path / "in")
    off = ("--set", "co2=false", "--set", "discrepancies=keep")
    assert "stressors none" in call(capsys, "check", place, *off)[1]
    assert "stressors CO2" in call(capsys, "check", place)[1]
    told = json.loads(call(capsys, "info", place, "--json", *off)[1])["provenance"]["policies"]
    assert (told["co2"], told["discrepancies"], told["reexport"]) == (False, "keep", "keep")
    kept = ("--set", "co2=Total CO2 emissions (Gg) from EDGAR", "--set", "unit=M USD")
    assert "M USD, stressors CO2" in call(capsys, "check", place, *kept)[1]
    grouping = tmp_path / "g.csv"
    regions = cf.read("eora26", place).regions
    grouping.write_text("region,group\n" + "".join(f"{r},one\n" for r in regions))
    code, _, err = call(
        capsys, "run", "belt-and-road", "--source", "eora26", "--path", place, "--out",
        tmp_path / "o", "--no-figures", "--grouping", grouping, *kept, "--set",
        "discrepancies=to_final",
    )  # fmt: skip
    assert code == 0, err
    manifest = json.loads((tmp_path / "o/datapackage.json").read_text(encoding="utf-8"))
    assert manifest["provenance"]["policies"]["discrepancies"] == "to_final"
    assert manifest["table"]["unit"] == "M USD"


def test_options_of_a_study_start_in_its_folder(capsys, tmp_path, monkeypatch):
    laid_out("oecd_icio 2018", tmp_path / "in")
    (tmp_path / "mine.toml").write_text(
        'title = "Mine"\n[table]\nsource = "auto"\npath = "in"\n'
        '[table.options]\nemissions = "in/emissions.csv"\ntotals = "report"\n'
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    words = ("run", tmp_path / "mine.toml", "--no-figures", "--out", elsewhere / "o")

    def policies() -> dict[str, object]:
        manifest = json.loads((elsewhere / "o/datapackage.json").read_text(encoding="utf-8"))
        return manifest["provenance"]["policies"]

    assert call(capsys, *words)[0] == 0
    assert (policies()["totals"], policies()["emissions"]) == ("report", "emissions.csv")
    assert call(capsys, *words, "--set", "totals=check")[0] == 0
    assert (policies()["totals"], policies()["emissions"]) == ("check", "emissions.csv")
    lost = refused(capsys, *words, "--set", "emissions=in/emissions.csv")  # not in this folder
    assert "in/emissions.csv" in lost
    (elsewhere / "own.csv").write_bytes((tmp_path / "in/emissions.csv").read_bytes())
    assert call(capsys, *words, "--set", "emissions=own.csv")[0] == 0
    assert policies()["emissions"] == "own.csv"
    # Another table: the study's options are not its own.
    other = laid_out("eora26", tmp_path / "other")
    assert call(capsys, *words, "--source", "eora26", "--path", other)[0] == 0
    assert "totals" not in policies()


def test_mistaken_options(capsys, tmp_path):
    place = laid_out("oecd_icio 2018", tmp_path / "in")
    for words in (("check", place), ("info", place), ("import", "auto", place, tmp_path / "t.zip"),
                  ("run", "belt-and-road", "--path", place, "--source", "auto")):  # fmt: skip
        err = refused(capsys, *words, "--set", "splitt=keep")
        assert err == (
            "error: source 'oecd_icio' has no option 'splitt', did you mean 'split'? it knows "
            "split, discrepancy, totals, emissions, output\n"
        )
        assert refused(capsys, *words, "--set", "split=both") == (
            "error: split='both' does not fit source 'oecd_icio': use 'merge' or 'keep'\n"
        )
    assert "--set split has no key" in refused(capsys, "check", place, "--set", "split")
    assert "--year" in refused(capsys, "check", place, "--set", "year=2010")


def test_way_out_of_a_reader_is_said_for_the_command_line(capsys, tmp_path):
    place = laid_out("eora26", tmp_path / "in")
    file = next(place.rglob("labels_Q.txt"))
    file.write_text(file.read_text().replace("CO2", "CO"))
    for words in (("check", place), ("import", "eora26", place, tmp_path / "t.zip")):
        err = refused(capsys, *words)
        assert "co2=False" in err
        assert err.endswith(" (on the command line: --set co2=…)\n")


def test_a_place_that_cannot_be_saved_at_is_said_before_anything_is_read(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.setattr("carbonflows.sources.the_one_recognised", lambda path: 1 / 0)
    (tmp_path / "full").mkdir()
    words = ("import", "auto", tmp_path)
    assert "full exists" in refused(capsys, *words, tmp_path / "full")
    not_ours = refused(capsys, *words, tmp_path / "full", "--overwrite")
    assert "full is not a saved table" in not_ours
    assert "nowhere is not a folder" in refused(capsys, *words, tmp_path / "nowhere" / "t.zarr")


def test_sources_say_what_is_fetched(capsys):
    code, out, _ = call(capsys, "sources")
    assert code == 0
    blocks = dict(re.findall(r"^(\w+): .*\n((?:    .*\n)+)", out, re.M))
    assert list(blocks) == list(NAMES)
    fetched = {name for name, text in blocks.items() if "    fetch: carbonflows fetch " in text}
    assert fetched == set(OFFERS)


def test_lists(capsys):
    assert "belt-and-road" in call(capsys, "studies")[1]
    assert "Han et al." in call(capsys, "groupings")[1]
    assert cf.__version__ in call(capsys, "--version")[1]


def test_mistyped_commands_exit_with_2(capsys):
    for words in (["runn"], ["run"], ["run", "belt-and-road", "--year", "x"], ["check", "--nope"]):
        code, _, err = call(capsys, *words)
        assert code == 2
        assert "Error: " in err


def test_a_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr("carbonflows.study.run", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["run", "belt-and-road"])


def replaced(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text, text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("Y.csv", "B,goods", "C,goods", ["B/goods", "C/goods", "Y"]),  # a wrong label
        ("Z.csv", "B,goods,30", "A,goods,30", ["A/goods", "twice"]),  # a duplicate
        ("Z.csv", "40.0", "nan", ["Z", "B"]),  # a NaN
        ("Z.csv", "40.0", "", ["Z", "B"]),  # an empty cell
        ("Z.csv", "40.0", "forty", ["forty"]),  # no number
        ("table.toml", 'unit = "M USD"', 'units = "M USD"', ["unit"]),  # no unit
        ("F.csv", ",Mt,", ",Mtt,", ["Mtt"]),  # a unit that does not convert
    ],
)
def test_bad_tables(capsys, plain, tmp_path, file, old, new, said):
    replaced(plain, file, old, new)
    words = ("run", "belt-and-road", "--source", "plain", "--path", plain, "--out", tmp_path / "o")
    err = refused(capsys, *words)
    for word in said:
        assert word in err
    assert not (tmp_path / "o").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"world"}


def test_a_shape_mismatch(capsys, plain, tmp_path):
    rows = (plain / "Z.csv").read_text().splitlines()
    (plain / "Z.csv").write_text("\n".join(rows[:-1]) + "\n")
    err = refused(capsys, "check", "--source", "plain", "--path", plain)
    assert "Z" in err


@pytest.mark.parametrize("missing", ["Z.csv", "Y.csv", "F.csv"])
def test_a_missing_file(capsys, plain, missing):
    (plain / missing).unlink()
    assert missing in refused(capsys, "check", "--source", "plain", "--path", plain)


def test_a_missing_folder_source_and_study(capsys, tmp_path):
    nowhere = tmp_path / "nowhere"
    assert "nowhere" in refused(capsys, "check", "--source", "plain", "--path", nowhere)
    assert "nowhere" in refused(capsys, "check", "--source", "wiod2013", "--path", nowhere)
    assert "nowhere" in refused(capsys, "check", "--source", "saved", "--path", nowhere)
    assert "needs a path" in refused(capsys, "check", "--source", "plain")
    assert "wiod2013" in refused(capsys, "check", "--source", "wiod")
    assert "belt-and-road" in refused(capsys, "run", "belt-and-rod")
    assert "shipped" in refused(capsys, "run", "belt-and-road", "--grouping", "nope")


def test_a_year_that_is_not_there(capsys, plain):
    assert "2007" in refused(capsys, "run", "belt-and-road", "--year", "1990")
    assert "2012" in refused(
        capsys, "check", "--source", "plain", "--path", plain, "--year", "2013"
    )


def test_a_grouping_that_misses_a_country(capsys, plain, tmp_path):
    err = refused(
        capsys, "run", "belt-and-road", "--source", "plain", "--path", plain, "--out",
        tmp_path / "o",
    )  # fmt: skip
    assert "has no group for A, B" in err


def test_a_singular_system(capsys, tmp_path):
    table = two_regions()
    nodes = table.nodes
    # Everything that is made is used up on the way: final demand is zero, I − A is singular.
    Z = pd.DataFrame([[60.0, 40.0], [40.0, 60.0]], nodes, nodes)
    closed = table.replace(Z=Z, Y=table.Y * 0.0)
    folder = write_plain(closed, tmp_path / "closed")
    grouping = tmp_path / "g.csv"
    grouping.write_text("region,group\nA,one\nB,two\n")
    err = refused(
        capsys, "run", "belt-and-road", "--source", "plain", "--path", folder, "--grouping",
        grouping, "--out", tmp_path / "o",
    )  # fmt: skip
    assert "no meaningful inverse" in err
    assert not (tmp_path / "o").exists()


@pytest.fixture
def small_disk(tmp_path_factory):
    """A file system of 1 MB, where the machine lets us mount one."""
    place = tmp_path_factory.mktemp("disk")
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if not done or done.returncode:
        pytest.skip("a small file system cannot be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk(capsys, small_disk, monkeypatch):
    err = refused(capsys, "run", "belt-and-road", "--out", small_disk / "o")
    assert "No space left" in err or "full" in err
    assert "free" in err
    assert not list(small_disk.iterdir())
    (small_disk / "filler").write_bytes(b"x" * 990_000)
    import importlib.resources

    example = importlib.resources.files("carbonflows") / "data/example/wiod_2007.zip"
    err = refused(capsys, "import", "saved", example, small_disk / "t.zip")
    assert "free" in err
    assert {p.name for p in small_disk.iterdir()} == {"filler"}


def test_ctrl_c_says_that_nothing_is_left(tmp_path):
    out = tmp_path / "o"
    code = (
        "import sys, signal, carbonflows.study.analysis as a\n"
        "def slow(*args, **kwargs):\n    signal.raise_signal(signal.{signal})\n"
        "a.footprint = slow\n"
        "from carbonflows.cli import main\n"
        "main(['run', 'belt-and-road', '--out', {out!r}, '--no-figures'])"
    )
    for name in ("SIGINT", "SIGTERM"):
        text = code.format(signal=name, out=str(out))
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
        assert done.returncode == 130
        assert done.stderr.strip() == "stopped: nothing half-written is left"
        assert not list(tmp_path.iterdir())


def test_a_read_only_file_system(capsys, tmp_path_factory):
    place = tmp_path_factory.mktemp("ro")
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "ro", "tmpfs", str(place)], capture_output=True
    )
    if not done or done.returncode:
        pytest.skip("a read-only file system cannot be mounted here")
    try:
        err = refused(capsys, "run", "belt-and-road", "--out", place / "o", "--no-figures")
        assert "Read-only" in err
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_file_in_the_way(capsys, tmp_path):
    (tmp_path / "file").write_text("x")
    err = refused(capsys, "run", "belt-and-road", "--out", tmp_path / "file" / "sub")
    assert "is in the way" in err
    assert "is a file" in refused(capsys, "run", "belt-and-road", "--out", tmp_path / "file")


def test_help_answers_without_the_scientific_stack():
    code = (
        "import sys\nfrom carbonflows.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('numpy', 'pandas', 'pint', 'zarr') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
