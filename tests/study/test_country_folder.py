"""A country's statistics as files: written and read without a loss, and errors that say where."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carbonflows.build.chain import regions_in_world
from carbonflows.build.country import CountryData, inventoried
from carbonflows.build.regional import FLOWS
from carbonflows.build.synthetic.country import synthetic_country
from carbonflows.build.synthetic.observed import observed
from carbonflows.errors import CarbonflowsError, SourceError
from carbonflows.sources.example import example
from carbonflows.study.country_folder import read_country, write_country

WORLD = example(2007)
REGIONS = [f"CHN-0{i}" for i in range(1, 6)]
EMITTED = ("energy.csv", "rows.csv", "process.csv")


@pytest.fixture(scope="module")
def known() -> CountryData:
    return observed(synthetic_country(WORLD, provinces=5))


@pytest.fixture(scope="module")
def folder(known, tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("country") / "files"
    write_country(known, place)
    return place


@pytest.fixture
def mine(folder, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(folder, tmp_path / "mine"))


def reading(place: Path) -> CountryData:
    return read_country(place, unit="M USD", year=2007)


def renamed(data: CountryData, names: list[str]) -> CountryData:
    """The same country with other names of regions, its inventory given as it is."""
    of = dict(zip(data.regions.index, names, strict=True))
    inventory = data.inventory.assign(province=data.inventory["province"].map(of))
    return replace(
        data, inventory=inventory, energy=None, factors=None,
        regions=data.regions.rename(of), shapes=data.shapes.rename(of),
        tables={of[key]: replace(t, name=of[key]) for key, t in data.tables.items()},
        samples={s: sample.rename(index=of, columns=of) for s, sample in data.samples.items()},
    )  # fmt: skip


def tidy(inventory: pd.DataFrame) -> pd.Series:
    return inventory.set_index(["province", "sector", "fuel"])["value"].sort_index()


def same(ours: CountryData, theirs: CountryData) -> None:
    """Hold one country to another, number by number."""
    options = {"check_exact": True, "check_names": False}
    pd.testing.assert_frame_equal(
        ours.regions, theirs.regions[ours.regions.columns], check_index_type=False, **options
    )
    assert set(ours.tables) == set(theirs.tables)
    for name, table in ours.tables.items():
        other = theirs.tables[name]
        assert (other.name, other.unit, other.year) == (name, table.unit, table.year)
        for part in ("Z", "Y"):
            pd.testing.assert_frame_equal(getattr(table, part), getattr(other, part), **options)
        for key in FLOWS:
            pd.testing.assert_series_equal(getattr(table, key), getattr(other, key), **options)
    assert set(ours.samples) == set(theirs.samples)
    for sector, sample in ours.samples.items():
        pd.testing.assert_frame_equal(sample, theirs.samples[sector], **options)
    for part in ("output", "final"):
        if getattr(ours, part) is not None:
            pd.testing.assert_frame_equal(getattr(ours, part), getattr(theirs, part), **options)
    if ours.exports is not None:
        pd.testing.assert_series_equal(ours.exports, theirs.exports, **options)
    if ours.shapes is not None:
        assert ours.shapes.geometry.geom_equals(theirs.shapes.geometry).all()
    exact = ours.energy is None  # balances are added up again
    pd.testing.assert_series_equal(
        tidy(ours.inventory), tidy(theirs.inventory), check_exact=exact, rtol=1e-12
    )


NAMES = {
    "as they are": REGIONS,
    "spaces, commas, quotes, umlauts": [
        "Inner Mongolia", "Korea, South", "Zürich", "Ñuble 'x'", 'A "b"'
    ],
    "numbers": ["11", "12", "13", "14", "15"],
    "leading zeros": ["01", "02", "03", "04", "11"],
    "words that pandas takes for nothing": ["NA", "None", "null", "nan", "x"],
    "truth values": ["true", "false", "True", "False", "x"],
    "dots": ["St. A", "St. B", "c.csv", "d.", "x"],
}  # fmt: skip


@pytest.mark.parametrize("case", NAMES)
def test_what_is_written_is_read(known, tmp_path, case):
    data = renamed(known, NAMES[case])
    write_country(data, tmp_path / "country")
    same(data, reading(tmp_path / "country"))


def test_energy_statistics_are_written_and_counted_again(known, folder):
    found = reading(folder)
    same(known, found)
    assert dict(found.energy.roles) == dict(known.energy.roles)
    keys = ["region", "row", "fuel"]
    ours, theirs = (d.energy.lines.set_index(keys)[["value", "unit"]] for d in (known, found))
    pd.testing.assert_frame_equal(ours, theirs.loc[ours.index], rtol=1e-15)
    assert not (folder / "inventory.csv").exists()


def test_proxies_and_shares_are_written(known, tmp_path):
    rng = np.random.default_rng(0)
    data = replace(
        known, tables={}, samples={}, shapes=None,
        output=pd.DataFrame(rng.random((5, 18)), REGIONS, list(WORLD.sectors)),
        final=pd.DataFrame(rng.random((5, 5)), REGIONS, list(WORLD.categories)),
        exports=pd.Series(rng.dirichlet(np.ones(5)), REGIONS, name="share"),
    )  # fmt: skip
    write_country(data, tmp_path / "country")
    assert not (tmp_path / "country/tables").exists()
    same(data, reading(tmp_path / "country"))


def test_only_regions_are_always_needed(known, tmp_path):
    write_country(CountryData(known.regions), tmp_path / "country")
    assert [p.name for p in (tmp_path / "country").iterdir()] == ["regions.csv"]
    found = reading(tmp_path / "country")
    assert (found.inventory, found.energy, found.shapes, found.exports) == (None,) * 4
    assert not found.tables


def test_nothing_that_is_known_is_lost_without_a_word(known, tmp_path):
    """Own factors, an inventory that was scaled, energy statistics without an inventory."""
    factors = known.factors.assign(carbon=1.05 * known.factors["carbon"])
    changed = {
        "factors": replace(
            known, factors=factors, inventory=inventoried(known.energy, factors)
        ),
        "scaled": replace(
            known, inventory=known.inventory.assign(value=2 * known.inventory["value"])
        ),
    }  # fmt: skip
    for name, data in changed.items():
        try:
            write_country(data, tmp_path / name)
        except CarbonflowsError:
            continue
        found = reading(tmp_path / name).inventory["value"].sum()
        assert found == pytest.approx(data.inventory["value"].sum(), rel=1e-9), name
    try:
        write_country(replace(known, inventory=None), tmp_path / "energy")
    except CarbonflowsError:
        return
    assert (tmp_path / "energy/energy.csv").exists()


def test_line_ends_and_byte_order_marks_do_not_matter(known, mine):
    for file in mine.rglob("*.csv"):
        text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
        file.write_bytes(b"\xef\xbb\xbf" + text.encode("utf-8"))
    same(known, reading(mine))


def test_comments_and_the_order_of_lines_do_not_matter(known, mine):
    table = reading(mine)
    for file in mine.rglob("*.csv"):
        head, *lines = file.read_text(encoding="utf-8").splitlines()
        file.write_text("\n".join(["# a comment", head, *lines[::-1]]), encoding="utf-8")
    found = reading(mine)
    assert list(found.regions.index) == list(table.regions.index[::-1])
    one, two = (regions_in_world(WORLD, "CHN", data).table for data in (table, found))
    ours = one.Z
    floor = 1e-6 * float(ours.to_numpy().max())
    np.testing.assert_allclose(two.Z.loc[ours.index, ours.columns], ours, rtol=1e-5, atol=floor)


def test_further_texts_are_written_and_nothing_is_overwritten(known, tmp_path):
    place = tmp_path / "country"
    write_country(CountryData(known.regions), place, texts={"note.txt": "Größe\n"})
    assert (place / "note.txt").read_text(encoding="utf-8") == "Größe\n"
    with pytest.raises(CarbonflowsError, match="country"):
        write_country(known, place)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["country", "note.txt", "regions.csv"]


@pytest.mark.parametrize("part", ["samples", "tables"])
def test_a_name_that_no_file_can_have_is_refused(known, tmp_path, part):
    if part == "samples":
        data = replace(known, samples={"Food/drink": known.samples["Food"]})
        name = "Food/drink"
    else:
        data = renamed(known, ["a/b", "b", "c", "d", "e"])
        name = "a/b"
    with pytest.raises(CarbonflowsError, match=name) as caught:
        write_country(data, tmp_path / "country")
    assert "non-existent directory" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def cell(file: str, row: str, column: str, value: str):
    def change(place: Path) -> None:
        frame = pd.read_csv(place / file, index_col=0, dtype=str, keep_default_na=False)
        frame.loc[row, column] = value
        frame.to_csv(place / file)

    return change


def without_row(file: str, first: str):
    def change(place: Path) -> None:
        lines = (place / file).read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if not line.startswith(first + ",")]
        assert len(kept) < len(lines)
        (place / file).write_text("\n".join(kept), encoding="utf-8")

    return change


def without_column(file: str, column: str):
    def change(place: Path) -> None:
        pd.read_csv(place / file, dtype=str).drop(columns=column).to_csv(place / file, index=False)

    return change


def other(file: str, old: str, new: str, times: int = -1):
    def change(place: Path) -> None:
        text = (place / file).read_text(encoding="utf-8")
        assert old in text
        (place / file).write_text(text.replace(old, new, times), encoding="utf-8")

    return change


def more(file: str, line: str):
    def change(place: Path) -> None:
        with (place / file).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    return change


def given(place: Path) -> None:
    """An inventory instead of energy statistics."""
    lines = reading(place).inventory.rename(columns={"province": "region"}).assign(unit="Mt")
    for name in EMITTED:
        (place / name).unlink()
    lines.to_csv(place / "inventory.csv", index=False)


def proxied(place: Path) -> None:
    """Proxies instead of tables."""
    for name in ("tables", "trade"):
        shutil.rmtree(place / name)
    for name, labels in (("output", WORLD.sectors), ("final", WORLD.categories)):
        frame = pd.DataFrame(1.0, pd.Index(REGIONS, name="region"), list(labels))
        frame.to_csv(place / f"{name}.csv")
    share = pd.Series(0.2, pd.Index(REGIONS, name="region"), name="share")
    share.to_csv(place / "exports.csv")


def steps(*changes):
    def change(place: Path) -> None:
        for one in changes:
            one(place)

    return change


def twice_sent(place: Path) -> None:
    for file in (place / "tables").iterdir():
        frame = pd.read_csv(file, index_col=0)
        frame["outflow"] *= 1.3
        frame.to_csv(file)


def emptied(name: str):
    def change(place: Path) -> None:
        for file in (place / name).iterdir():
            file.rename(file.with_suffix(".xlsx"))

    return change


TABLE, SAMPLE = "tables/CHN-02.csv", "trade/Food.csv"
BAD = {
    "no regions.csv": (lambda p: (p / "regions.csv").unlink(), "regions.csv"),
    "an empty file": (lambda p: (p / "regions.csv").write_text(""), "regions.csv"),
    "not text": (lambda p: (p / "regions.csv").write_bytes(b"\xff\xfe\x00"), "regions.csv"),
    "a ragged line": (more("regions.csv", ",".join("x" * 30)), "regions.csv"),
    "no column region": (other("regions.csv", "region,", "province,"), "region"),
    "no column gdp": (without_column("regions.csv", "gdp"), "gdp"),
    "region missing in regions.csv": (without_row("regions.csv", "CHN-03"), "CHN-03"),
    "region twice": (other("regions.csv", "CHN-03", "CHN-02"), "CHN-02"),
    "code twice": (
        lambda p: pd.read_csv(p / "regions.csv").assign(code=[1, 2, 2, 4, 5])
        .to_csv(p / "regions.csv", index=False), "code 2",
    ),
    "text for a coordinate": (cell("regions.csv", "CHN-02", "longitude", "116E"), "116E"),
    "no coordinate": (cell("regions.csv", "CHN-02", "longitude", ""), "CHN-02"),
    "latitude beyond the pole": (cell("regions.csv", "CHN-02", "latitude", "120"), "CHN-02"),
    "no area": (cell("regions.csv", "CHN-02", "area_km2", "0"), "CHN-02"),
    "text for GDP": (cell("regions.csv", "CHN-02", "gdp", "rich"), "rich"),
    "GDP below zero": (cell("regions.csv", "CHN-02", "gdp", "-1"), "CHN-02"),
    "no GDP": (cell("regions.csv", "CHN-02", "gdp", ""), "CHN-02"),
    "text for population": (cell("regions.csv", "CHN-02", "population", "many"), "many"),
    "region without a table": (lambda p: (p / TABLE).unlink(), "CHN-02"),
    "a table of an unknown region": (
        lambda p: shutil.copy(p / TABLE, p / "tables/CHN-22.csv"), "CHN-22"
    ),
    "a table without outflow": (without_column(TABLE, "outflow"), "CHN-02.*outflow"),
    "a table without a buying sector": (without_column(TABLE, "Z:Food"), "CHN-02"),
    "a table without a category": (without_column(TABLE, "Y:GFCF"), "GFCF"),
    "a table without a sector": (
        steps(without_row(TABLE, "Food"), without_column(TABLE, "Z:Food")), "Food"
    ),
    "outflow below zero": (cell(TABLE, "Food", "outflow", "-5"), "CHN-02.*Food"),
    "text for a flow": (cell(TABLE, "Food", "outflow", "n.a."), "CHN-02.*n.a."),
    "text for an input": (cell(TABLE, "Food", "Z:Mining", "x1"), "CHN-02.*x1"),
    "an empty cell": (cell(TABLE, "Food", "Z:Mining", ""), "CHN-02"),
    "tables that are no CSV": (emptied("tables"), "tables"),
    "samples that are no CSV": (emptied("trade"), "trade"),
    "totals that disagree by 30 %": (twice_sent, "30 %"),
    "a sample without an origin": (without_row(SAMPLE, "CHN-03"), "Food.*CHN-03"),
    "a sample without a destination": (without_column(SAMPLE, "CHN-03"), "Food.*CHN-03"),
    "a sample with an unknown region": (other(SAMPLE, "CHN-03", "CHN-33"), "Food.*CHN-03"),
    "a sample of an unknown sector": (
        lambda p: (p / SAMPLE).rename(p / "trade/Foood.csv"), "Foood"
    ),
    "text in a sample": (cell(SAMPLE, "CHN-01", "CHN-02", "x"), "Food.csv.*x"),
    "a sample below zero": (cell(SAMPLE, "CHN-01", "CHN-02", "-3"), "CHN-01.*CHN-02"),
    "energy and inventory": (
        lambda p: (p / "inventory.csv").write_text("region,sector,fuel,value,unit\n"),
        "energy.csv.*keep the one",
    ),
    "region missing in energy.csv": (without_row("energy.csv", "CHN-03"), "CHN-03"),
    "unknown region in energy.csv": (other("energy.csv", "CHN-03", "CHN-33", 1), "CHN-33"),
    "wrong unit in energy.csv": (other("energy.csv", "10^4 t", "barrel", 1), "barrel"),
    "mixed units in energy.csv": (other("energy.csv", "10^4 t", "kt", 1), "kt"),
    "unknown fuel": (other("energy.csv", "Other bituminous coal", "Magic rock"), "Magic rock"),
    "unknown row": (other("energy.csv", "Coking", "Cooking", 1), "Cooking"),
    "text in energy.csv": (more("energy.csv", "CHN-01,Loss,Naphtha,lots,10^4 t"), "lots|Loss"),
    "rows.csv without roles": (without_column("rows.csv", "role"), "role"),
    "rows.csv without sectors": (without_column("rows.csv", "sector"), "sector"),
    "an unknown role": (other("rows.csv", ",final,", ",finall,", 1), "finall"),
    "a row twice in rows.csv": (more("rows.csv", "Mining,final,Food"), "Mining"),
    "factors without columns": (lambda p: (p / "factors.csv").write_text("a,b\n1,2\n"), "fuel"),
    "wrong unit in process.csv": (other("process.csv", ",Mt", ",kt"), "kt"),
    "processes of an unknown sector": (more("process.csv", "CHN-01,Foood,Process,1,Mt"), "Foood"),
    "wrong unit in inventory.csv": (
        steps(given, other("inventory.csv", ",Mt", ",10^4 t", 1)), "10\\^4 t"
    ),
    "region missing in inventory.csv": (
        steps(given, without_row("inventory.csv", "CHN-03")), "CHN-03"
    ),
    "text in inventory.csv": (
        steps(given, more("inventory.csv", "CHN-01,Food,Peat,lots,Mt")), "CHN-01/Food/Peat"
    ),
    "a line twice in inventory.csv": (
        steps(given, more("inventory.csv", "CHN-01,Food,Peat,1,Mt\nCHN-01,Food,Peat,1,Mt")),
        "CHN-01.*Food.*Peat",
    ),
    "inventory.csv without fuels": (
        steps(given, without_column("inventory.csv", "fuel")), "fuel"
    ),
    "text in output.csv": (steps(proxied, cell("output.csv", "CHN-01", "Food", "x")), "output.*x"),
    "sector missing in output.csv": (
        steps(proxied, without_column("output.csv", "Food")), "output.*Food"
    ),
    "unknown sector in output.csv": (
        steps(proxied, cell("output.csv", "CHN-01", "Foood", "1")), "output.*Foood"
    ),
    "output below zero": (steps(proxied, cell("output.csv", "CHN-01", "Food", "-9")), "output"),
    "category missing in final.csv": (
        steps(proxied, without_column("final.csv", "GFCF")), "final.*GFCF"
    ),
    "region missing in final.csv": (steps(proxied, without_row("final.csv", "CHN-03")), "CHN-03"),
    "text in exports.csv": (steps(proxied, cell("exports.csv", "CHN-01", "share", "x")), "exports"),
    "a share below zero": (
        steps(proxied, cell("exports.csv", "CHN-01", "share", "-0.1")), "exports"
    ),
    "exports.csv without shares": (
        steps(proxied, lambda p: (p / "exports.csv").write_text("region,part\nCHN-01,1\n")),
        "share",
    ),
    "outlines that cannot be read": (
        lambda p: (p / "shapes.geojson").write_text("hello"), "shapes.geojson"
    ),
    "outlines without regions": (
        other("shapes.geojson", '"region":', '"name":'), "shapes.geojson.*region"
    ),
    "region without an outline": (other("shapes.geojson", '"CHN-03"', '"CHN-33"', 1), "CHN-03"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_one_clear_line(mine, case):
    """Read, and put in the world: somewhere on the way the culprit is named, on one line."""
    change, told = BAD[case]
    change(mine)
    before = sorted(str(p) for p in mine.rglob("*"))
    with pytest.raises(CarbonflowsError, match=told) as caught:
        regions_in_world(WORLD, "CHN", reading(mine))
    assert "\n" not in str(caught.value)
    assert sorted(str(p) for p in mine.rglob("*")) == before


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere is no folder.*regions\.csv"):
        read_country(tmp_path / "nowhere")


def test_a_fuel_with_a_factor_of_ones_own_is_known(mine, known):
    """A fuel that factors.csv has needs no other place to be named."""
    own = known.factors.reset_index()
    coal = own[own["fuel"] == "Other bituminous coal"].assign(fuel="Magic rock")
    columns = ["fuel", "ncv", "ncv_unit", "carbon", "carbon_unit", "oxidation", "source"]
    pd.concat([own, coal])[columns].to_csv(mine / "factors.csv", index=False)
    other("energy.csv", "Other bituminous coal", "Magic rock")(mine)
    found = reading(mine).inventory["value"].sum()
    assert found == pytest.approx(known.inventory["value"].sum(), rel=1e-9)
