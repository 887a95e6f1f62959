"""Groupings, and tables aggregated by them."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.accounts.footprint import footprint
from carbonflows.errors import GroupingError, LabelError, SourceError
from carbonflows.regions import (
    Grouping,
    aggregate,
    groupings,
    load_grouping,
)
from carbonflows.solve import Leontief
from carbonflows.streamed import streamed
from carbonflows.table import IOTable
from worlds import WORLDS, everything, halves, random_world

HAN = {
    "China": "CHN",
    "Central Asia": "KAZ KGZ TJK TKM UZB",
    "Mongolia & Russia": "MNG RUS",
    "Southeast Asia": "BRN KHM IDN LAO MYS MMR PHL SGP THA VNM",
    "South Asia": "AFG BGD IND MDV NPL PAK LKA BTN",
    "Central & East Europe": "ALB BLR BIH BGR HRV CYP CZE EST HUN LVA LTU MKD MDA MNE POL ROU "
    "SRB SVK SVN UKR",
    "West Asia & Middle East": "ARM AZE BHR EGY GEO IRN IRQ ISR JOR KWT LBN OMN PSE QAT SAU SYR "
    "TUR ARE YEM",
}
"""Han et al. 2018, Table 1."""


# The shipped grouping.


def test_the_belt_and_road_is_the_one_of_the_study() -> None:
    belt = load_grouping("belt-and-road")
    known = {c for c in belt.members if not belt.notes[c]}
    counts = {group: len(codes.split()) for group, codes in HAN.items()}
    assert list(counts.values()) == [1, 5, 2, 10, 8, 20, 19]
    assert len(known) == sum(counts.values()) == 65
    for group, codes in HAN.items():
        assert {c for c in known if belt.members[c] == group} == set(codes.split())
    assert belt.groups[:7] == tuple(HAN)
    assert belt.name == "belt-and-road"
    assert "Han et al. 2018" in belt.source


def test_what_the_study_does_not_list_is_flagged() -> None:
    belt = load_grouping("belt-and-road")
    others = [c for c in belt.members if belt.notes[c]]
    assert len(others) > 100
    flags = ("guess", "remainder", "region of the example world", "not in Han")
    assert [c for c in others if not belt.notes[c].startswith(flags)] == []
    assert belt.members["USA"] == "United States"
    assert {belt.members[c] for c in ("HKG", "MAC", "TWN", "JPN")} == {"Rest of East Asia"}
    assert belt.members["DEU"] == "West Europe"


def test_it_covers_the_countries_of_the_world() -> None:
    belt = load_grouping("belt-and-road")
    wiod = """AUS AUT BEL BGR BRA CAN CHN CYP CZE DEU DNK ESP EST FIN FRA GBR GRC HUN IDN IND IRL
    ITA JPN KOR LTU LUX LVA MEX MLT NLD POL PRT ROU RUS SVK SVN SWE TUR TWN USA ROW"""
    assert len(belt.of(wiod.split())) == 41
    with pytest.raises(GroupingError, match="no group for WWA: add it"):
        belt.of([*wiod.split(), "WWA"])


def test_shipped_names() -> None:
    assert "belt-and-road" in groupings()
    with pytest.raises(SourceError, match=r"no grouping 'silk-road': shipped are .*belt-and-road"):
        load_grouping("silk-road")


# The object.


def test_grouping() -> None:
    grouping = Grouping({"CHN": "Asia", "DEU": "Europe", "IND": "Asia"}, name="blocs")
    assert grouping.groups == ("Asia", "Europe")
    assert grouping.of(["DEU", "CHN", "DEU"]) == ["Europe", "Asia", "Europe"]
    assert grouping.used(["DEU"]) == ("Europe",)
    groups, positions = grouping.positions(["DEU", "IND", "CHN"])
    assert (groups, positions.tolist()) == (("Asia", "Europe"), [1, 0, 0])
    assert repr(grouping) == "<Grouping 'blocs': 3 labels in 2 groups>"


def test_missing_labels_are_all_named() -> None:
    with pytest.raises(GroupingError, match="no group for USA, BRA: add them") as caught:
        Grouping({"CHN": "Asia"}, name="blocs").of(["USA", "CHN", "BRA", "USA"])
    assert caught.value.labels == ["USA", "BRA"]
    assert isinstance(caught.value, LabelError)


@pytest.mark.parametrize("members", [{}, {"CHN": ""}, {"": "Asia"}, {"CHN": "  "}])
def test_empty_sides_are_refused(members: dict[str, str]) -> None:
    with pytest.raises(GroupingError, match=r"no members|empty side"):
        Grouping(members)


def test_the_hash_is_of_the_assignment() -> None:
    one = Grouping({"A": "x", "B": "y"}, name="one")
    assert one.hash == Grouping({"B": "y", "A": "x"}, name="two", source="s").hash
    assert one.hash == hashlib.sha256(b"A\tx\nB\ty").hexdigest()
    assert one.hash != Grouping({"A": "x", "B": "x"}).hash
    assert one.hash != Grouping({"A": "y", "B": "x"}).hash


def test_members_cannot_be_changed() -> None:
    given = {"A": "x"}
    grouping = Grouping(given)
    with pytest.raises(TypeError):
        grouping.members["A"] = "y"  # type: ignore[index]
    given["A"] = "y"
    assert grouping.members["A"] == "x"


def test_a_hash_once_told_stays_true() -> None:
    grouping = Grouping({"A": "x"})
    before = grouping.hash
    try:
        grouping.members = {"A": "y"}
    except (AttributeError, TypeError):
        return
    assert grouping.hash != before


# The user's own file.


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    file = path / "mine.csv"
    file.write_bytes(text.encode(encoding))
    return file


GOOD = "region,group,note\nCHN,Asia,\nDEU,Europe,a guess\n"


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        "\ufeff" + GOOD.replace("\n", "\r\n"),
        "# source: a book\n" + GOOD,
        "\ufeff# source: a book\n# another line\n" + GOOD,
        GOOD.replace(",Asia", ", Asia ").replace("CHN", " CHN"),
        GOOD.replace("region,group", "Region,GROUP"),
        GOOD.replace("region", "iso3"),
        GOOD.rstrip("\n"),
        GOOD + "\n,,\n\n",
        GOOD + "CHN,Asia,\n",
        "note,group,region\n,Asia,CHN\na guess,Europe,DEU\n",
        '"region","group","note"\n"CHN","Asia",""\n"DEU","Europe","a guess"\n',
    ],
)
def test_ways_to_write_it(tmp_path: Path, text: str) -> None:
    found = load_grouping(write(tmp_path, text))
    assert dict(found.members) == {"CHN": "Asia", "DEU": "Europe"}
    assert found.notes["DEU"] == "a guess"
    assert found.name == "mine"
    assert found.source == ("a book" if "a book" in text else "")


@pytest.mark.parametrize(
    "names",
    [
        ("China", "Germany"),
        ("People's Republic of China", "deu"),
        ("CHN", "Federal Republic of Germany"),
    ],
)
def test_a_country_written_out_is_found_by_name_and_by_code(tmp_path: Path, names) -> None:
    china, germany = names
    text = GOOD.replace("CHN", china).replace("DEU", germany)
    found = load_grouping(write(tmp_path, text))
    assert found.of([china, "CHN", germany, "DEU"]) == ["Asia", "Asia", "Europe", "Europe"]
    assert found.notes["DEU"] == "a guess"


def test_notes_are_optional(tmp_path: Path) -> None:
    found = load_grouping(str(write(tmp_path, "region,group\nCHN,Asia\n")))
    assert dict(found.notes) == {"CHN": ""}


def test_groups_may_contain_commas_and_accents(tmp_path: Path) -> None:
    found = load_grouping(write(tmp_path, 'region,group\nFRA,"Europe, côté ouest"\n'))
    assert found.members["FRA"] == "Europe, côté ouest"


def test_regions_that_are_no_countries_stay_as_they_are(tmp_path: Path) -> None:
    text = "region,group\nROW,rest\nRest of Western Europe,rest\nWWA,rest\nROM,rest\n"
    found = load_grouping(write(tmp_path, text))
    assert list(found.members) == ["ROW", "Rest of Western Europe", "WWA", "ROM"]


def test_sectors_are_never_taken_for_countries(tmp_path: Path) -> None:
    found = load_grouping(write(tmp_path, "sector,group\nTurkey,Food\nc1,Food\n"))
    assert dict(found.members) == {"Turkey": "Food", "c1": "Food"}


def test_a_misspelt_country_is_named_when_it_is_missed(tmp_path: Path) -> None:
    found = load_grouping(write(tmp_path, GOOD.replace("DEU", "Germny")))
    with pytest.raises(GroupingError, match="'mine' has no group for DEU: add it"):
        found.of(["CHN", "DEU"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("country,bloc\nCHN,Asia\n", "line 1: found the columns country, bloc; expected"),
        ("region;group\nCHN;Asia\n", "line 1: found the columns region;group; expected"),
        ("region\nCHN\n", "line 1: found the columns region; expected region,group"),
        ("# source: x\n\nCHN,Asia\n", "line 3: found the columns chn, asia"),
        ("region,group\nCHN,\n", "line 2: empty group"),
        ("region,group\nCHN\n", "line 2: empty group"),
        ("region,group\nCHN,Asia\n ,Asia\n", "line 3: empty region"),
        ("# a\n\nregion,group\nCHN,Asia\n\nIND,\n", "line 6: empty group"),
        ("region,group\nCHN,Asia\nCHN,BRICS\n", "line 3: CHN is in 'Asia' and in 'BRICS'"),
        ("region,group\nCHN,Asia\nChina,BRICS\n", "China (CHN) is in 'BRICS' and in 'Asia'"),
        ("sector,group\n,Food\n", "line 2: empty sector"),
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("region,group\n", "no members"),
    ],
)
def test_what_is_wrong_with_it_and_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(GroupingError) as caught:
        load_grouping(write(tmp_path, text))
    assert message in str(caught.value)
    assert "mine" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, "region,group\nCIV,Côte\n", "latin-1")
    with pytest.raises(GroupingError, match="save it as CSV UTF-8"):
        load_grouping(file)
    file = write(tmp_path, GOOD, "utf-16")
    with pytest.raises(GroupingError, match="save it as CSV UTF-8"):
        load_grouping(file)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv does not exist"):
        load_grouping(tmp_path / "nowhere.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match=r"folder\.csv"):
        load_grouping(tmp_path / "folder.csv")
    with pytest.raises(SourceError, match=r"must end in \.csv"):
        load_grouping(tmp_path / "mine.txt")


# Aggregated tables.


def summed(table: IOTable, of: dict[str, str], sector: dict[str, str]) -> dict:
    """Flows between new nodes by plain addition."""
    found: dict = {}
    for (r, i), row in zip(table.nodes, np.array(table.Z), strict=True):
        for (s, j), value in zip(table.nodes, row, strict=True):
            key = (of[r], sector[i], of[s], sector[j])
            found[key] = found.get(key, 0.0) + value
    return found


AGGREGATED = {name: WORLDS[name] for name in ("ragged", "idle, shuffled", "columns", "given")}


@pytest.mark.parametrize("table", AGGREGATED.values(), ids=AGGREGATED)
@pytest.mark.parametrize("by", ["regions", "sectors", "both"])
def test_flows_are_added_up(table: IOTable, by: str) -> None:
    regions = halves(table) if by != "sectors" else None
    goods = Grouping({"s3": "rest", "s1": "goods", "s2": "goods"}, name="goods")
    sectors = goods if by != "regions" else None
    of = {r: regions.members[r] if regions else r for r in table.regions}
    sector = {s: sectors.members[s] if sectors else s for s in table.sectors}
    found = aggregate(table, regions, sectors)
    for (r, i, s, j), value in summed(table, of, sector).items():
        assert found.Z.loc[(r, i), (s, j)] == pytest.approx(value, rel=1e-13)
    assert set(found.nodes) == {(of[r], sector[i]) for r, i in table.nodes}
    assert set(found.demand) == {(of[r], c) for r, c in table.demand}
    for (r, c), column in table.Y.items():
        assert column.sum() > -1e9
        same = [d for d in table.demand if (of[d[0]], d[1]) == (of[r], c)]
        total = table.Y[same].to_numpy().sum()
        assert found.Y[of[r], c].sum() == pytest.approx(total)
    for pick in (lambda t: t.x, lambda t: t.x_given, lambda t: t.value_added):
        if pick(table) is None:
            assert pick(found) is None
            continue
        keys = [(of[r], sector[i]) for r, i in table.nodes]
        expected = pd.Series(pick(table).to_numpy()).groupby(pd.Series(keys)).sum()
        for key, value in expected.items():
            assert pick(found)[key] == pytest.approx(value, rel=1e-13)
    one, two = table.extensions["emissions"], found.extensions["emissions"]
    assert two.F.to_numpy().sum() == pytest.approx(one.F.to_numpy().sum())
    assert two.F_Y.to_numpy().sum() == pytest.approx(one.F_Y.to_numpy().sum())
    assert (two.has_final, two.unit["CO2"]) == (one.has_final, one.unit["CO2"])
    assert (found.output, found.unit, found.year) == (table.output, table.unit, table.year)


def test_one_world_consumes_what_it_produces() -> None:
    table = WORLDS["inventories"]
    found = footprint(Leontief(aggregate(table, everything(table))))
    assert found["consumption"].tolist() == pytest.approx(found["production"].tolist())
    assert found["exports"].tolist() == [0.0]


def test_provenance_and_members_follow() -> None:
    table = random_world(1, 3, 2).replace(
        members={"r1": ["CHN"], "r2": ["DEU", "FRA"], "r3": ["*"]},
        provenance={"steps": [{"step": "read"}], "reader": "x"},
    )
    groups = halves(table)
    found = aggregate(table, groups)
    assert dict(found.members) == {"far": ("CHN",), "near": ("DEU", "FRA", "*")}
    read, step = found.provenance["steps"]
    assert read == {"step": "read"}
    assert step["groupings"][0]["sha256"] == groups.hash
    assert step["from"] == "3 regions, 6 nodes"
    assert table.provenance["steps"] == [{"step": "read"}]
    assert found.name == "random 1 by halves"
    assert aggregate(table, groups, name="small").name == "small"


def test_groups_come_in_the_order_of_the_grouping() -> None:
    table = random_world(1, 3, 2)
    regions = Grouping({"r3": "last", "r2": "last", "r1": "first"})
    sectors = Grouping({"s2": "late", "s1": "early"})
    found = aggregate(table, regions, sectors)
    assert list(found.regions) == ["last", "first"]
    assert list(found.sectors) == ["late", "early"]
    assert list(found.demand.get_level_values(0)) == ["last", "last", "first", "first"]


def test_aggregating_in_two_steps_or_one() -> None:
    table = random_world(2, 4, 2)
    two = Grouping({"r1": "a", "r2": "a", "r3": "b", "r4": "c"})
    one = Grouping({"a": "x", "b": "x", "c": "y"})
    both = Grouping({r: one.members[g] for r, g in two.members.items()})
    pd.testing.assert_frame_equal(aggregate(aggregate(table, two), one).Z, aggregate(table, both).Z)


def test_what_is_not_covered_is_named() -> None:
    table = random_world(1, 3, 2)
    with pytest.raises(GroupingError, match="no group for r2, r3: add them"):
        aggregate(table, Grouping({"r1": "x"}))
    with pytest.raises(GroupingError, match="no group for s2: add it"):
        aggregate(table, sectors=Grouping({"s1": "x"}))


def test_a_table_that_passes_by_is_summed_as_one_in_memory() -> None:
    table = random_world(3, 5, 4)
    grouping = Grouping({r: "some" if r in ("r1", "r4") else "rest" for r in table.regions})
    whole = aggregate(table, grouping)
    found = aggregate(streamed(table, block=500), grouping)
    np.testing.assert_allclose(found.Z, whole.Z, rtol=1e-13)
    pd.testing.assert_frame_equal(found.Y, whole.Y)
    pd.testing.assert_frame_equal(found.extensions["emissions"].F, whole.extensions["emissions"].F)
    assert found.provenance == whole.provenance
    assert dict(found.members) == dict(whole.members)
