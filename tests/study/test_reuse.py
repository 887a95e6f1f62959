"""A second run with the same inputs is read from the results; anything else is computed."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import carbonflows as cf
from carbonflows.study import inputs as inputs_module
from carbonflows.study.inputs import inputs
from carbonflows.study.pipeline import run
from carbonflows.study.spec import load_study
from carbonflows.study.template import write_template


def own(folder: Path) -> Path:
    """A study of the example world, saved, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    if not (folder / "world.zip").exists():
        cf.save_table(cf.example(2007), folder / "world.zip")
    file = folder / "study.toml"
    text = 'title = "Saved"\n[table]\nsource = "saved"\npath = "world.zip"\n'
    file.write_text(text + "[figures]\ndraw = false\n")
    return file


@pytest.fixture
def study(tmp_path: Path) -> Path:
    return own(tmp_path / "study")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_the_same_inputs_are_read_and_nothing_is_written(study: Path, out: Path) -> None:
    first = run(study, out)
    stamps = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    second = run(study, out)
    assert second.reused
    assert not first.reused
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == stamps
    assert second.headlines == first.headlines
    assert str(second.diagnosis) == str(first.diagnosis)
    assert second.report == first.report


def test_tables_that_are_read_are_those_that_were_computed(study: Path, out: Path) -> None:
    first, second = run(study, out), run(study, out)
    assert list(second.tables) == list(first.tables)
    for name, computed in first.tables.items():
        read = second.tables[name]
        assert list(read.columns) == [str(column) for column in computed.columns], name
        for column in computed:
            if pd.api.types.is_numeric_dtype(computed[column].dtype):
                wanted = computed[column].to_numpy(float)
                got = read[str(column)].to_numpy(float)
                np.testing.assert_allclose(got, wanted, rtol=1e-11, err_msg=name)
        if computed.attrs.get("unit"):
            assert read.attrs["unit"] == computed.attrs["unit"], name


def test_again_computes_anew(study: Path, out: Path) -> None:
    run(study, out)
    assert not run(study, out, again=True).reused


def test_a_copy_elsewhere_has_the_same_inputs(study: Path, tmp_path: Path) -> None:
    here, there = inputs(load_study(study)), inputs(load_study(own(tmp_path / "copy")))
    assert here.digest == there.digest


@pytest.mark.parametrize("change", ["table", "setting", "title"])
def test_other_inputs_are_computed(study: Path, out: Path, change: str) -> None:
    before = run(study, out).tables["accounts"]
    if change == "table":
        table = cf.example(2007)
        cf.save_table(cf.with_intensity(table, 2.0), study.parent / "world.zip", overwrite=True)
    text = study.read_text()
    if change == "setting":
        study.write_text(text + "[emissions]\nhouseholds = false\n")
    if change == "title":
        study.write_text(text.replace("Saved", "Another"))
    after = run(study, out)
    assert not after.reused
    same = after.tables["accounts"]["production"].equals(before["production"])
    assert same == (change == "title")


def test_a_file_that_the_study_names_counts_by_its_content(study: Path, out: Path) -> None:
    groups = study.parent / "groups.csv"
    regions = list(cf.example(2007).regions)
    groups.write_text("region,group\n" + "".join(f"{r},all\n" for r in regions))
    study.write_text(study.read_text() + '[grouping]\nname = "groups.csv"\n')
    run(study, out)
    assert run(study, out).reused
    rows = [f"{r},{'all' if i else 'one'}\n" for i, r in enumerate(regions)]
    groups.write_text("region,group\n" + "".join(rows))
    assert not run(study, out).reused


@pytest.mark.parametrize("damage", ["changed", "gone", "manifest"])
def test_results_that_are_not_as_written_are_computed(study: Path, out: Path, damage: str) -> None:
    run(study, out)
    file = out / "tables" / "accounts.csv"
    if damage == "changed":
        file.write_text(file.read_text().replace("1", "2", 1))
    elif damage == "gone":
        file.unlink()
    else:
        manifest = out / "datapackage.json"
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"inputs": "x"}))
    assert not run(study, out).reused
    assert run(study, out).reused


def test_another_program_computes_anew(
    study: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study, out)
    monkeypatch.setattr(inputs_module, "program_hash", lambda: "another")
    assert not run(study, out).reused


def test_results_inside_a_folder_that_is_read_are_not_inputs(tmp_path: Path) -> None:
    place = tmp_path / "country"
    write_template(place, number=4)
    study = place / "study.toml"
    first = inputs(load_study(study)).digest
    (place / "out").mkdir()
    for file in ("datapackage.json", "report.html"):
        (place / "out" / file).write_text("{}")
    (place / "out.parts").mkdir()
    (place / "out.parts" / "one").write_text("1")
    assert inputs(load_study(study)).digest == first
    (place / "more.csv").write_text("1")
    assert inputs(load_study(study)).digest != first
