"""Words and maps of a study of provinces."""

import pandas as pd
import pytest
from shapely import MultiPolygon, Point, box

import carbonflows as cf
from carbonflows.figures.page import note_of
from carbonflows.study import load_study
from carbonflows.study.outcome import Outcome, Picture
from carbonflows.study.provinces import page as provinces_page
from carbonflows.study.provinces.study import outcome


@pytest.fixture(scope="module")
def found() -> Outcome:
    study = load_study("china-provinces").changed(provinces={"sensitivity": False, "number": 4})
    return outcome(study, cf.example(2007))


@pytest.fixture(scope="module")
def pictures(found: Outcome) -> dict[str, Picture]:
    return {picture.stem: picture for picture in found.pictures()}


@pytest.mark.parametrize(("stem", "end"), [
    ("all_drivers", "the final demand is or, for exports, where they leave the country. "),
    ("exports", "the exports leave the country. "),
    ("capital_formation", "the final demand is. "),
])  # fmt: skip
def test_captions_of_maps_say_where_flows_end(pictures, stem: str, end: str) -> None:
    picture = pictures[f"fluxes_{stem}"]
    assert f"from where the emissions occur to where {end}" in picture.caption
    assert picture.caption.startswith(stem.capitalize().replace("_", " "))
    assert "Only regions with data are drawn." in note_of(picture.figure)


def test_few_provinces_are_ranked_from_one_end(pictures) -> None:
    heads = {t.get_text() for a in pictures["rankings"].figure.axes for t in a.texts
             if t.get_gid() == "head"}  # fmt: skip
    assert "Consumption" in heads
    assert not any("mallest" in head for head in heads)
    assert any(head.endswith("Mt CO₂") for head in heads)


def test_the_balance_is_of_provinces_and_says_what_is_hatched(
    found: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provinces_page, "MOST_MAPPED", 3)
    (picture,) = (picture for picture in found.pictures() if picture.stem == "balance")
    names = {t.get_text() for a in picture.figure.axes for t in a.texts if t.get_gid() == "name"}
    regions = found.tables["regions"]
    assert not names & set(regions["group"])
    assert "hatched: intermediate" in picture.figure.texts[1].get_text()


def test_heads_and_captions_of_tables(found: Outcome) -> None:
    page = found.page()
    assert ">Exports<" in page["driver_shares"]
    assert ">Of GDP<" in page["driver_shares"]
    caption = page["intensities"].split("</caption>")[0]
    assert "Mt CO₂" in caption
    assert "kg/USD" in caption


def test_macro_regions_are_named_where_their_people_are() -> None:
    regions = pd.DataFrame(
        {"longitude": [0.0, 4, 9], "latitude": [1.0, 1, 5], "population": [3.0, 1, 2],
         "group": ["West", "West", "East"]}, [*"ABC"],
    )  # fmt: skip
    assert provinces_page._centres(regions) == {"West": (1.0, 1.0), "East": (9.0, 5.0)}
    assert provinces_page._inside(box(0, 0, 4, 2), (1.0, 1.0)) == Point(1, 1)


def test_a_centre_outside_gives_way_to_a_point_in_the_largest_piece() -> None:
    pieces = MultiPolygon([box(0, 0, 1, 1), box(5, 0, 9, 4)])
    for centre in ((3.0, 1.0), None):
        assert pieces.geoms[1].contains(provinces_page._inside(pieces, centre))
