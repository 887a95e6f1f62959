"""CEADs' tables of China's provinces are found by their labels; damaged ones are refused."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.accounts.footprint import footprint
from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError, UnitError
from carbonflows.solve import Leontief
from carbonflows.sources.archive import Files
from carbonflows.sources.ceads_inventory import read_ceads_inventory
from carbonflows.sources.ceads_mrio import SOURCE, read_ceads_mrio, recognise
from carbonflows.sources.ceads_provinces import PROVINCES, province
from sources.balanced import same_table
from sources.layout_ceads_mrio import SECTORS, ceads_rows, china, write_ceads
from sources.layout_xlsx import write_xlsx

NAME = "MRIO 2017.xlsx"
VARIANTS = {
    "English": {},
    "Chinese": {"language": "Chinese"},
    "a province in every cell": {"merged": False},
    "no codes": {"codes": False},
    "columns per province": {"per_province": True},
    "Chinese without codes": {"language": "Chinese", "codes": False, "per_province": True},
    "errors subtracted": {"error_sign": -1},
    "moved": {"above": 5, "left": 3},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("competitive", [False, True])
def test_round_trip(tmp_path, variant, competitive):
    table = china(competitive=competitive)
    read = read_ceads_mrio(write_ceads(table, tmp_path, **VARIANTS[variant]))
    same_table(read, table)
    assert (read.label, read.unit) == ("CEADs China MRIO 2017", "10^4 CNY")
    assert read.price_basis == "current producers' prices"
    assert read.currency == "CNY"
    assert dict(read.members) == {
        "Beijing": ("CN-BJ",), "Inner Mongolia": ("CN-NM",), "Shaanxi": ("CN-SN",), "ROW": ("ROW",),
    }  # fmt: skip
    assert dict(read.extensions) == {}
    assert recognise(Files(tmp_path / NAME)) == "CEADs China MRIO 2017"


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    provinces=st.lists(st.sampled_from(list(PROVINCES)), min_size=2, max_size=5, unique=True),
    sectors=st.lists(
        st.sampled_from(["农林牧渔", "Others", "Finance", "Households"]), min_size=1, unique=True
    ),
    errors=st.booleans(),
    competitive=st.booleans(),
    variant=st.sampled_from(list(VARIANTS)),
)
def test_any_table(tmp_path_factory, seed, provinces, sectors, errors, competitive, variant):
    table = china(seed, provinces, sectors, errors=errors, competitive=competitive)
    path = write_ceads(table, tmp_path_factory.mktemp("c"), **VARIANTS[variant])
    same_table(read_ceads_mrio(path), table)


def test_signs_are_those_that_balance(tmp_path):
    table = china(competitive=True)
    for sign in (1, -1):
        read = read_ceads_mrio(write_ceads(table, tmp_path, import_sign=sign, error_sign=sign))
        same_table(read, table)
        signs = read.provenance["steps"][0]["signs in the row balance"]
        assert signs == {"imports": -sign, "errors": sign}


def test_exports_as_a_category_of_the_exporter(tmp_path):
    table = china()
    read = read_ceads_mrio(write_ceads(table, tmp_path), abroad="category")
    assert list(read.regions) == ["Beijing", "Inner Mongolia", "Shaanxi"]
    exports = table.Y[("ROW", "exports")]
    for region in read.regions:
        own = read.Y[(region, "exports")]
        assert np.array_equal(own[region], exports[region])
        assert own.drop(region, level="region").eq(0).all()
    n = len(read.nodes)
    assert np.allclose(read.x, table.x[:n])
    imported = table.Z.to_numpy()[n, :n]
    assert np.allclose(read.value_added, table.value_added[:n] + imported)
    assert np.allclose(read.Z.sum() + read.value_added, read.x)
    left_out = read.provenance["steps"][0]["left out"]
    assert left_out["imports of final users"] == pytest.approx(table.Y.to_numpy()[n].sum())


def test_consumption_of_provinces_does_not_include_their_exports(tmp_path):
    table = china(errors=False)
    co2 = list(range(1, 10))
    path = write_ceads(table, tmp_path, co2=co2)
    apart = footprint(Leontief(read_ceads_mrio(path)))
    within = footprint(Leontief(read_ceads_mrio(path, abroad="category")))
    assert apart["consumption"].sum() == pytest.approx(sum(co2))
    assert within["consumption"].sum() == pytest.approx(sum(co2))
    provinces = ["Beijing", "Inner Mongolia", "Shaanxi"]
    assert apart.loc["ROW", "production"] == 0
    assert apart.loc["ROW", "consumption"] > 0
    assert (apart.loc[provinces, "consumption"] < within.loc[provinces, "consumption"]).all()


def test_competitive_imports_taken_out_in_proportion(tmp_path):
    table = china(competitive=True, errors=False)
    path = write_ceads(table, tmp_path)
    read = read_ceads_mrio(path, imports="proportional")
    n = len(read.nodes) - 1
    assert ("ROW", "imports") not in read.demand
    assert np.allclose(read.x[:n], table.x[:n])
    uses = [column for column in table.demand if column[0] != "ROW"]
    inside = table.Z.to_numpy()[:n, :n].sum(axis=1) + table.Y[uses].to_numpy()[:n].sum(axis=1)
    share = 1 + table.Y[("ROW", "imports")].to_numpy()[:n] / inside
    assert np.allclose(read.Z.to_numpy()[:n, :n], table.Z.to_numpy()[:n, :n] * share[:, None])
    # What is cut from the rows is what the imports row sells.
    assert read.x.to_numpy()[n] == pytest.approx(-table.Y[("ROW", "imports")].sum())
    assert np.allclose(read.Z.sum().to_numpy()[:n], table.Z.sum().to_numpy()[:n])
    rows = ceads_rows(table)
    rows[4][-2] = 1e7
    write_xlsx(tmp_path / NAME, {"Table_2017": rows})
    with pytest.raises(DataError, match=r"imports more than is sold of it within China"):
        read_ceads_mrio(tmp_path / NAME, imports="proportional", totals="report")


def test_errors_dropped(tmp_path):
    table = china()
    read = read_ceads_mrio(write_ceads(table, tmp_path), errors="drop")
    dropped = table.Y.xs("errors", axis=1, level="category").to_numpy().sum()
    assert "errors" not in read.categories
    assert read.x.sum() == pytest.approx(table.x.sum() - dropped)
    assert read.provenance["steps"][0]["left out"]["errors"] == pytest.approx(dropped)


def test_own_row_of_co2(tmp_path):
    co2 = list(range(1, 10))
    path = write_ceads(china(), tmp_path, co2=co2)
    extension = read_ceads_mrio(path).extensions["emissions"]
    assert extension.F.to_numpy().tolist() == [[*co2, 0]]
    assert extension.unit.to_dict() == {"CO2": "Mt CO2"}
    assert not extension.has_final
    assert dict(read_ceads_mrio(path, emissions=False).extensions) == {}


def inventory(provinces=("Beijing", "InnerMongolia", "Shaanxi")):
    frame = pd.DataFrame(
        [(p, s, f) for p in provinces for s in ("Farms", "Coal", "Urban", "Rural") for f in "ab"],
        columns=["province", "sector", "fuel"],
    )
    frame["value"] = np.arange(1.0, len(frame) + 1)
    frame.attrs = {"unit": "Mt CO2", "year": 2017, "source": "CEADs"}
    return frame


CONCORDANCE = pd.DataFrame(
    [("Farms", "Agriculture"), ("Coal", "Coal mining"), ("Coal", "Others")],
    columns=["inventory", "sector"],
)


def test_emissions_of_the_inventories(tmp_path):
    table = china()
    path = write_ceads(table, tmp_path)
    read = read_ceads_mrio(path, emissions=inventory(), concordance=CONCORDANCE)
    found = read.extensions["emissions"]
    x = table.x["Beijing"]
    key = x["Coal mining"] / (x["Coal mining"] + x["Others"])
    assert np.allclose(found.F["Beijing"].to_numpy(), [[3, 7 * key, 7 * (1 - key)]])
    assert found.F["Inner Mongolia"].to_numpy().sum() == pytest.approx(19 + 23)
    assert found.F_Y.loc["CO2", ("Beijing", "urban households")] == 11
    assert found.F_Y.loc["CO2", ("Beijing", "rural households")] == 15
    assert found.F.to_numpy().sum() + found.F_Y.to_numpy().sum() == inventory()["value"].sum()
    assert found.F.loc["CO2", ("ROW", "imports")] == 0
    step = read.provenance["steps"][1]
    assert step["split in proportion to output"] == ["Coal"]
    shares = CONCORDANCE.assign(share=["1", "0.25", "0.75"])
    shares.to_csv(tmp_path / "to42.csv", index=False)
    read = read_ceads_mrio(path, emissions=inventory(), concordance=tmp_path / "to42.csv")
    assert np.allclose(read.extensions["emissions"].F["Beijing"], [[3, 7 / 4, 21 / 4]])
    assert read.provenance["steps"][1]["files"][0]["name"] == "to42.csv"


def test_provinces_without_inventory(tmp_path):
    path = write_ceads(china(), tmp_path)
    given = {"emissions": inventory(("Beijing", "Shaanxi")), "concordance": CONCORDANCE}
    with pytest.raises(LabelError, match="nothing for Inner Mongolia: add it, or pass missing"):
        read_ceads_mrio(path, **given)
    read = read_ceads_mrio(path, missing="zero", **given)
    assert read.extensions["emissions"].F["Inner Mongolia"].to_numpy().sum() == 0
    step = read.provenance["steps"][1]
    assert step["provinces without inventory, taken as zero"] == ["Inner Mongolia"]
    assert read.provenance["warnings"] == [
        "Inner Mongolia has no inventory: its emissions are taken as zero"
    ]


def test_published_inventory(shared, tmp_path):
    path = shared / "china" / "Emission_Inventories_for_30_Provinces_2012.xlsx"
    sectors = [s for s in read_ceads_inventory(path)["sector"].unique() if s not in
               ("Urban", "Rural")]  # fmt: skip
    provinces = list(read_ceads_inventory(path)["province"].unique())
    table = china(0, provinces, ["Coal mining", "all else"], year=2012)
    lines = [(s, "Coal mining" if "Coal" in s else "all else") for s in sectors]
    read = read_ceads_mrio(
        write_ceads(table, tmp_path),
        emissions=path,
        concordance=pd.DataFrame(lines, columns=["inventory", "sector"]),
    )
    found = read.extensions["emissions"]
    assert found.F.to_numpy().sum() + found.F_Y.to_numpy().sum() == pytest.approx(9742.7006)
    with pytest.raises(SourceError, match="no year 2017"):
        read_ceads_mrio(
            write_ceads(china(0, provinces), tmp_path), emissions=path, concordance=CONCORDANCE
        )


WRONG = {
    "share": (CONCORDANCE.assign(share=["", "0.5", "0.4"]), DataError, "must sum to 1"),
    "text": (CONCORDANCE.assign(share=["", "x", ""]), DataError, "line 3: the share is no number"),
    "missing": (CONCORDANCE[1:], LabelError, "does not say where the inventory's Farms goes"),
    "unknown": (CONCORDANCE.replace("Others", "Other"), LabelError, "Other, which is no sector"),
    "extra": (CONCORDANCE.replace("Farms", "Farm"), LabelError, "where the inventory's Farms"),
    "twice": (pd.concat([CONCORDANCE, CONCORDANCE[:1]]), LabelError, "Agriculture occurs twice"),
    "column": (CONCORDANCE[["inventory"]], SourceError, "lacks the column sector"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_concordance_is_refused(tmp_path, name):
    concordance, error, message = WRONG[name]
    with pytest.raises(error, match=message) as caught:
        read_ceads_mrio(
            write_ceads(china(), tmp_path), emissions=inventory(), concordance=concordance
        )
    assert "\n" not in str(caught.value)


def test_emissions_need_a_concordance(tmp_path):
    with pytest.raises(SourceError, match="need a concordance"):
        read_ceads_mrio(write_ceads(china(), tmp_path), emissions=inventory())
    with pytest.raises(LabelError, match="the inventory has Hebei, the table has not"):
        read_ceads_mrio(
            write_ceads(china(), tmp_path),
            emissions=inventory(("Beijing", "Hebei")),
            concordance=CONCORDANCE,
        )


def test_years_and_sheets(tmp_path):
    write_ceads(china(), tmp_path)
    write_ceads(china(1, year=2012), tmp_path, "China MRIO 2012.xlsx")
    with pytest.raises(SourceError, match="holds the years 2012, 2017: say which one"):
        read_ceads_mrio(tmp_path)
    same_table(read_ceads_mrio(tmp_path, 2012), china(1, year=2012))
    with pytest.raises(SourceError, match="has no year 2010: there are 2012, 2017"):
        read_ceads_mrio(tmp_path, 2010)
    (tmp_path / NAME).rename(tmp_path / "MRIO 2015.xlsx")
    with pytest.raises(SourceError, match="has a sheet of 2017 under the name of 2015: rename it"):
        read_ceads_mrio(tmp_path, 2015)
    rows = ceads_rows(china())
    book = write_xlsx(tmp_path / "6128b91470f926be0.xlsx", {"Table": rows})
    assert read_ceads_mrio(book).year == 2017
    with pytest.raises(SourceError, match="'Table' is the table of 2017, not of 2012"):
        read_ceads_mrio(book, 2012)
    rows[0] = [""]
    book = write_xlsx(tmp_path / "6128b91470f926be0.xlsx", {"Table": rows})
    with pytest.raises(SourceError, match="sheet 'Table' states no year: pass year="):
        read_ceads_mrio(book)
    assert read_ceads_mrio(book, 2017).year == 2017
    (tmp_path / "MRIO 2015.xlsx").unlink()
    with pytest.raises(SourceError, match=r"MRIO 2012[.]xlsx: give the path of one workbook"):
        read_ceads_mrio(tmp_path)
    assert read_ceads_mrio(tmp_path, 2012).year == 2012
    sheets = {"Table_2017": [["x"]], "English_Version": rows}
    assert read_ceads_mrio(write_xlsx(book, sheets)).year == 2017


def test_english_before_chinese(tmp_path):
    rows = {"Table_2017": ceads_rows(china(), language="Chinese")}
    rows["Table_2017_English Version"] = ceads_rows(china())
    read = read_ceads_mrio(write_xlsx(tmp_path / NAME, rows))
    assert read.provenance["steps"][0]["sheet"] == "Table_2017_English Version"


def test_packed(tmp_path):
    with zipfile.ZipFile(tmp_path / "ceads.zip", "w") as archive:
        archive.write(write_ceads(china(), tmp_path), f"tables/{NAME}")
    same_table(read_ceads_mrio(tmp_path / "ceads.zip"), china())
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.write(tmp_path / NAME, f"../{NAME}")
    with pytest.raises(SourceError, match="entry outside itself"):
        read_ceads_mrio(tmp_path / "bad.zip")


def test_blank_cells(tmp_path):
    rows = ceads_rows(china())
    rows[5][4] = ""
    path = write_xlsx(tmp_path / NAME, {"Table_2017": rows})
    read = read_ceads_mrio(path, totals="report")
    assert read.provenance["steps"][0]["blank cells read as zero"] == 1
    assert read.Z.iloc[1, 1] == 0
    assert "1 blank cell(s) are read as zero" in read.provenance["warnings"]
    with pytest.raises(DataError, match=r"cell E6 is blank \(1 cells are\)"):
        read_ceads_mrio(path, blank="refuse")
    with pytest.raises(DataError, match="sums to"):
        read_ceads_mrio(path)
    rows = ceads_rows(china())
    rows[13][4] = rows[13][15] = ""  # of the import row
    read = read_ceads_mrio(write_xlsx(tmp_path / NAME, {"Table_2017": rows}))
    assert "2 blank cell(s) are read as zero" in read.provenance["warnings"]


def swap(lines, one, other):
    for line in lines:
        line[one], line[other] = line[other], line[one]


def times(row, column, factor):
    def change(rows):
        rows[row][column] *= factor

    return change


def put(row, column, value):
    def change(rows):
        rows[row][column] = value

    return change


# Rows 4 to 12 are nodes, columns 3 to 11 too; 12 is TIU, 13 to 27 final demand, then EX TFU ERR GO.
MUTATIONS = {
    "missing row": (lambda r: r.pop(5), LabelError, "row 6 is Beijing/Others, but the columns"),
    "cut off": (lambda r: r.__delitem__(slice(9, None)), SourceError, "ends before Inner Mongolia"),
    "no value added": (lambda r: r.pop(15), SourceError, "ends before compensation of employees"),
    "no total input": (lambda r: r.pop(), SourceError, "ends before TI: it is cut off"),
    "swapped rows": (
        lambda r: r.__setitem__(slice(5, 7), [r[6], r[5]]),
        LabelError,
        "row 6 is Beijing/Others",
    ),
    "swapped sectors": (lambda r: swap(r[2:4], 4, 5), LabelError, "missing or swapped"),
    "swapped provinces": (lambda r: swap(r[1:2], 3, 6), LabelError, "swapped"),
    "province twice": (put(1, 6, "Beijing"), LabelError, "Beijing/Agriculture, .* heads two"),
    "no province": (put(1, 6, ""), LabelError, "Beijing/Agriculture, .* heads two columns"),
    "row twice": (lambda r: r.insert(15, r[14]), LabelError, "row 16 is the second row of TII"),
    "extra row": (
        lambda r: r.insert(14, ["", "Tourism", "TO", *range(9)]),
        LabelError,
        "row 15, 'Tourism",
    ),
    "row without a label": (
        lambda r: r[6].__setitem__(slice(0, 3), [""] * 3),
        LabelError,
        "row 7 has numbers but no",
    ),
    "unknown column": (put(2, 30, "Tourism"), None, None),
    "unknown use": (
        lambda r: (put(2, 14, "Tourists")(r), put(3, 14, "FU9")(r)),
        LabelError,
        "column O is labelled 'Tourists / FU9', right of final demand",
    ),
    "no final demand": (
        lambda r: [row.__delitem__(slice(13, 28)) for row in r[1:]],
        LabelError,
        "does not list",
    ),
    "final demand of one province less": (
        lambda r: [row.__delitem__(slice(23, 28)) for row in r[1:]],
        LabelError,
        "Shaanxi has sectors or final demand but not both",
    ),
    "text": (put(6, 5, "x"), DataError, "cell F7 is 'x', not a number"),
    "text below": (put(16, 5, "x"), DataError, "cell F17 is 'x', not a number"),
    "decimal point": (times(6, 5, 1e5), DataError, "row Beijing/Others, column Beijing/Others is"),
    "decimal point in use": (times(6, 15, 1e4), DataError, "row Beijing/Others sums to"),
    "decimal point in exports": (times(6, 28, 1e4), DataError, "row Beijing/Others sums to"),
    "decimal point in value added": (times(16, 5, 1e5), DataError, "column Beijing/Others sums"),
    "decimal point in imports": (times(13, 5, 1e5), DataError, "column Beijing/Others sums to"),
    "decimal point in imports for final demand": (
        times(13, 15, 1e6), DataError, "the row of imports sums to .* more than China's output"
    ),
    "decimal point in a total": (times(6, 12, 1e5), DataError, "TIU: row Beijing/Others sums to"),
    "empty row": (
        lambda r: r[6].__setitem__(slice(3, None), [""] * 29), DataError, "row 7 has no number"
    ),
    "other unit": (put(0, 0, "MRIO 2017 (unit: 100 million yuan)"), UnitError, "expected 10.4 CNY"),
    "other year": (put(0, 0, "MRIO of China 2012"), SourceError, "is the table of 2012, not of"),
    "no provinces": (lambda r: r.pop(1), SourceError, "no sheet with a table of provinces"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_table_is_refused(tmp_path, name):
    change, error, message = MUTATIONS[name]
    rows = [list(row) for row in ceads_rows(china())]
    change(rows)
    path = write_xlsx(tmp_path / NAME, {"Table_2017": rows})
    if error is None:  # a code decides, whatever the text beside it says
        same_table(read_ceads_mrio(path), china())
        return
    with pytest.raises(error, match=message) as caught:
        read_ceads_mrio(path)
    assert NAME in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_cut_workbook_is_refused(tmp_path_factory, data):
    path = write_ceads(china(), tmp_path_factory.mktemp("cut"))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 60))])
    with pytest.raises(CarbonflowsError, match=r"MRIO 2017[.]xlsx"):
        read_ceads_mrio(path)


def test_other_files(tmp_path):
    page = tmp_path / NAME
    page.write_text("<!DOCTYPE html><html>login</html>")
    with pytest.raises(SourceError, match="is a web page, not data"):
        read_ceads_mrio(page)
    path = write_xlsx(tmp_path / "ADB-MRIO-2019_Dec2022.xlsx", {"ADB": [["x", 1]]})
    assert recognise(Files(path)) is None
    with pytest.raises(SourceError, match="no sheet with a table of provinces among ADB"):
        read_ceads_mrio(path)
    (tmp_path / "notes.csv").write_text("a,b\n")
    with pytest.raises(SourceError, match="holds no workbook"):
        read_ceads_mrio(tmp_path / "notes.csv")
    with pytest.raises(SourceError, match="abroad='home' is not a policy: use 'region' or 'categ"):
        read_ceads_mrio(write_ceads(china(), tmp_path), abroad="home")
    assert SOURCE.read is read_ceads_mrio


@pytest.mark.parametrize(
    ("text", "name"),
    [("陕西省", "Shaanxi"), ("山西", "Shanxi"), ("Shannxi", "Shaanxi"),
     ("广西壮族自治区", "Guangxi"),
     ("CN-XZ", "Tibet"), ("650000", "Xinjiang"), ("Hebei Province", "Hebei"), ("11", None),
     ("China", None)],
)  # fmt: skip
def test_names_of_provinces(text, name):
    assert province(text) == name
    assert len(PROVINCES) == 31
    assert len(SECTORS) == 3
