"""The folder that `carbonflows template` writes runs as it is and says what the default says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from carbonflows.cli import app
from carbonflows.errors import CarbonflowsError
from carbonflows.study import load_study, run
from carbonflows.study.country_folder import read_country
from carbonflows.study.template import README, write_template

FAST = {"sensitivity": False, "number": 6}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("template") / "country"
    write_template(place, number=6)
    return place


def numbers(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """What does not depend on the truth or on where files are; fits in the order of sectors."""
    kept = {name: frame for name, frame in tables.items() if name not in ("score", "diagnosis")}
    fits = kept["fits"].sort_values("sector", kind="stable", ignore_index=True)
    return {**kept, "fits": fits}


def test_the_template_gives_the_numbers_of_the_default(folder, tmp_path):
    """The same labels, units and numbers, but for the score, which needs the truth."""
    default = load_study("china-provinces").changed(provinces=FAST)
    template = load_study(folder / "study.toml").changed(provinces={"sensitivity": False})
    one = run(default, tmp_path / "one", figures=False)
    two = run(template, tmp_path / "two", figures=False)
    ours, theirs = numbers(one.tables), numbers(two.tables)
    assert set(ours) == set(theirs)
    assert "score" in one.tables
    assert "score" not in two.tables
    for name, frame in ours.items():
        pd.testing.assert_frame_equal(
            frame, theirs[name], check_exact=False, rtol=1e-8, atol=1e-6, check_dtype=False,
            obj=name,
        )  # fmt: skip
    assert one.headlines[1:] == two.headlines[1:]
    assert "does not exist" in one.headlines[0]
    assert "gravity model for 5 sectors" in two.headlines[0]


def test_the_study_of_hotspots_runs_and_gives_the_numbers_of_the_default(folder, tmp_path):
    """By the command, on larger cells; the default knows the truth, the files do not tell it."""
    import shutil

    place = tmp_path / "country"
    shutil.copytree(folder, place)
    text = (place / "hotspots.toml").read_text(encoding="utf-8")
    assert text.count("cell = 10 ") == 1
    (place / "hotspots.toml").write_text(text.replace("cell = 10 ", "cell = 50 "), "utf-8")
    done = CliRunner().invoke(
        app, ["run", str(place / "hotspots.toml"), "--out", str(tmp_path / "out"), "--no-figures"]
    )
    assert done.exit_code == 0, done.output
    template = load_study(place / "hotspots.toml")
    assert template.kind == "hotspots"
    families = template.hotspots.families
    default = load_study("export-hotspots").changed(
        provinces={"number": 6}, hotspots={"cell": 50.0, "families": families}
    )
    found = run(default, tmp_path / "default", figures=False)
    written = {p.stem for p in (tmp_path / "out/tables").iterdir()}
    assert set(found.tables) - written == {"score"}
    assert written <= set(found.tables)
    for name in ("totals", "destinations", "categories", "families", "concentration", "hubs",
                 "ranks", "cities", "city_flows", "placed", "layers"):  # fmt: skip
        ours = pd.read_csv(tmp_path / f"out/tables/{name}.csv", dtype={"city": str})
        theirs = pd.read_csv(tmp_path / f"default/tables/{name}.csv", dtype={"city": str})
        if name in ("placed", "layers"):  # the same, but for the order of layers
            ours, theirs = (f.sort_values("layer", ignore_index=True) for f in (ours, theirs))
        pd.testing.assert_frame_equal(ours, theirs, rtol=1e-6, atol=1e-9, obj=name)
    assert set(ours["layer"]) == {"registered plants", "night lights", "population"}


def test_gdp_is_in_the_unit_of_the_world(tmp_path):
    """The made-up GDP is value added in the world's currency, not in yuan."""
    study = load_study("china-provinces").changed(provinces=FAST)
    found = run(study, tmp_path / "out", figures=False)
    units = found.tables["rankings"].query("per == 'gdp'")["unit"].unique()
    assert len(units) == 1
    assert "USD" in units[0]


def test_the_readme_names_every_file(folder):
    told = (folder / "README.txt").read_text(encoding="utf-8")
    assert told == README
    written = {p.name for p in folder.iterdir()} - {"README.txt"}
    assert {"regions.csv", "energy.csv", "rows.csv", "shapes.geojson", "tables"} <= written
    places = {"plants.csv", "population.tif", "lights.tif", "cities.geojson", "ports.csv"}
    assert {*places, "study.toml", "hotspots.toml"} <= written
    named = (folder / "hotspots.toml").read_text(encoding="utf-8")
    assert all(f'"{name}"' in named for name in places)
    for name in written:
        assert f"{name}/" in told if (folder / name).is_dir() else name in told


def test_files_that_a_user_leaves_out(folder, tmp_path):
    """Without tables, samples and maps the same folder still runs, as non-survey."""
    import shutil

    place = tmp_path / "bare"
    shutil.copytree(folder, place)
    for name in ("tables", "trade"):
        shutil.rmtree(place / name)
    (place / "shapes.geojson").unlink()
    found = run(
        load_study(place / "study.toml").changed(provinces={"sensitivity": False}),
        tmp_path / "out", figures=False,
    )  # fmt: skip
    assert "non-survey" in found.headlines[0]
    assert "non-survey" in found.report.read_text(encoding="utf-8")
    assert "fits" not in found.tables


def test_the_same_seed_writes_the_same_bytes(folder, tmp_path):
    def files(place: Path) -> dict[str, bytes]:
        return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}

    write_template(tmp_path / "again", number=6)
    assert files(tmp_path / "again") == files(folder)
    write_template(tmp_path / "other", number=6, seed=1)
    assert files(tmp_path / "other") != files(folder)


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    place = tmp_path / "mine"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    with pytest.raises(CarbonflowsError, match="mine"):
        write_template(place, number=4)
    assert [p.name for p in tmp_path.rglob("*")] == ["mine", "notes.txt"]


@pytest.mark.parametrize(("options", "told"), [
    ({"country": "ATL"}, "ATL"), ({"number": 2}, "2 provinces"), ({"year": 1996}, "1996"),
])  # fmt: skip
def test_a_wrong_wish_leaves_nothing(tmp_path, options, told):
    with pytest.raises(CarbonflowsError, match=told):
        write_template(tmp_path / "out", **({"number": 4} | options))
    assert not list(tmp_path.iterdir())


def test_the_command_writes_it_and_says_what_next(tmp_path):
    place = tmp_path / "country"
    done = CliRunner().invoke(
        app, ["template", str(place), "--country", "IND", "--provinces", "4", "--seed", "3"]
    )
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "README.txt" in said
    assert "carbonflows run" in said
    assert (place / "hotspots.toml").is_file()
    assert load_study(place / "hotspots.toml").provinces.country == "IND"
    found = read_country(place)
    assert list(found.regions.index) == [f"IND-{i:02d}" for i in range(1, 5)]
    assert np.isfinite(found.inventory["value"]).all()
    assert load_study(place / "study.toml").provinces.country == "IND"


@pytest.mark.parametrize("arguments", [["--provinces", "2"], ["--provinces", "41"]])
def test_the_command_refuses_impossible_numbers(tmp_path, arguments):
    done = CliRunner().invoke(app, ["template", str(tmp_path / "x"), *arguments])
    assert done.exit_code != 0
    assert not list(tmp_path.iterdir())
