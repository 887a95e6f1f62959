"""Studies of hotspots for all tests that look at them: the shipped one, and a quick one."""

import shutil
from pathlib import Path

import pytest

import carbonflows as cf
from carbonflows.study import StudyResult, load_study, run
from carbonflows.study.country import Country, country_of
from carbonflows.study.hotspots import study as hotspots
from carbonflows.study.hotspots.mapped import Mapped, mapped
from carbonflows.study.hotspots.places import places_of
from hotspot_cases import found_in, lay_out
from hotspot_edits import Files


@pytest.fixture(scope="session")
def shipped(tmp_path_factory) -> tuple[StudyResult, Mapped]:
    """What it found, and what it put on the grid."""
    return found_in("export-hotspots", tmp_path_factory.mktemp("hotspots") / "out")


@pytest.fixture(scope="session")
def result(shipped) -> StudyResult:
    return shipped[0]


@pytest.fixture(scope="session")
def found(shipped) -> Mapped:
    return shipped[1]


@pytest.fixture(scope="session")
def grids(result):
    import xarray as xr

    with xr.open_dataset(result.folder / "grids/emissions.nc", engine="h5netcdf") as data:
        return data.load()


@pytest.fixture(scope="session")
def coarse_folder(tmp_path_factory) -> Path:
    """A country of four provinces as files, with coarse rasters."""
    place = tmp_path_factory.mktemp("coarse") / "country"
    lay_out(place, 0.25)
    return place


@pytest.fixture(scope="session")
def coarse_country(coarse_folder) -> Country:
    """The folder's provinces inside the world, once for all."""
    study = load_study(coarse_folder / "study.toml")
    return country_of(
        study, cf.example(2007), grouping=None, given=None, progress=lambda step: None
    )


@pytest.fixture(scope="session")
def coarse(coarse_folder, coarse_country) -> Mapped:
    """What the folder as it is puts on the grid."""
    study = load_study(coarse_folder / "study.toml")
    return mapped(study, coarse_country, places_of(study, coarse_country))


@pytest.fixture
def attempt(coarse_folder, coarse_country, tmp_path, monkeypatch):
    """Run the folder with another study file or other files in it."""

    def attempted(
        edit: tuple[str, str] = ("", ""), files: Files = lambda place: None, *, more: str = "",
        given: Country = coarse_country,
    ):  # fmt: skip
        place = tmp_path / "country"
        shutil.copytree(coarse_folder, place)
        text = (place / "study.toml").read_text(encoding="utf-8")
        assert edit[0] in text
        text = text.replace(*edit, 1) if edit[0] else text
        (place / "study.toml").write_text(text + more, encoding="utf-8")
        files(place)
        monkeypatch.setattr(hotspots, "country_of", lambda *given_, **more_: given)
        return run(place / "study.toml", tmp_path / "out", figures=False)

    return attempted
