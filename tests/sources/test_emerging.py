"""EMERGING's MATLAB files are read by name, in blocks; damaged ones are refused."""

import zipfile
from contextlib import suppress

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError
from carbonflows.sources import emerging
from carbonflows.sources.archive import Files
from carbonflows.sources.emerging import SOURCE, read_emerging, recognise, stream_emerging
from carbonflows.sources.wiod2013 import read_wiod2013
from sources.balanced import balanced, same_table
from sources.layout_emerging import CATEGORIES, SECTORS, write_co2, write_emerging

NAME = "global_mrio_2010.mat"


def world(seed=0, regions=("AUS", "CHN", "ABW"), sectors=SECTORS):
    """A table whose nodes are of very different sizes."""
    table = balanced(seed, regions, sectors, CATEGORIES, stock="capital formation")
    size = 10 ** np.random.default_rng(seed).uniform(-1, 1, (len(table.nodes), 1))
    Z, Y = table.Z * size, table.Y * size
    x = Z.sum(axis=1) + Y.sum(axis=1)
    return table.replace(Z=Z, Y=Y, x=x, value_added=x - Z.sum())


@pytest.mark.parametrize(
    "options",
    [{}, {"chunks": 2}, {"struct": "EMERGING_V2_2010"}, {"name": "EMERGING_V2_2010_m.mat"}],
)
def test_round_trip(tmp_path, options):
    table = world()
    path = write_emerging(table, tmp_path, **options)
    read = read_emerging(path)
    same_table(read, table)
    assert np.array_equal(read.x_given, table.x)
    assert (read.label, read.unit, read.price_basis) == ("EMERGING 2010", "M USD", "current prices")
    assert dict(read.members) == {"AUS": ("AUS",), "CHN": ("CHN",), "ABW": ("ABW",)}
    assert dict(read.extensions) == {}
    assert [f["name"] for f in read.provenance["files"]] == [path.name]
    release = "EMERGING 2" if "V2" in path.name else "EMERGING 1"
    assert recognise(Files(path)) == read.provenance["release"] == release


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    regions=st.lists(st.sampled_from(["AUS", "CHN", "USA"]), min_size=1, unique=True),
    sectors=st.lists(st.sampled_from(["a", "b", "食品", "d é"]), min_size=1, unique=True),
    struct=st.sampled_from([None, "EMERGING"]),
    order=st.sampled_from(["matlab", "c"]),
)
def test_any_table(tmp_path_factory, seed, regions, sectors, struct, order):
    table = world(seed, regions, sectors)
    path = write_emerging(table, tmp_path_factory.mktemp("e"), struct=struct, order=order)
    same_table(read_emerging(path, order=order), table)


def test_wiod_in_this_layout(shared, tmp_path):
    table = read_wiod2013(shared / "wiod2013", 2007)
    path = write_emerging(table, tmp_path, chunks=500)
    same_table(read_emerging(path, unbalanced="keep"), table.replace(value_added=table.value_added))


@pytest.mark.parametrize(("block", "most", "chunks", "steps"), [
    (9 * 8 * 2, 9 * 8 * 9, 3, [0, 3, 6]),  # a chunk is wider than a block
    (9 * 8 * 5, 9 * 8 * 9, 2, [0, 4, 8]),  # a block is cut to whole chunks
    (9 * 8 * 1, 9 * 8 * 2, 9, [0, 2, 4, 6, 8]),  # a chunk is too wide to be a block
    (9 * 8 * 9, 9 * 8 * 9, None, [0]),
])  # fmt: skip
def test_blocks(tmp_path, monkeypatch, block, most, chunks, steps):
    monkeypatch.setattr(emerging, "_BLOCK", block)
    monkeypatch.setattr(emerging, "_MOST", most)
    table = world()
    found = stream_emerging(write_emerging(table, tmp_path, chunks=chunks))
    for _ in range(2):  # as often as they are asked for
        blocks = list(found.rows())
        assert [start for start, _ in blocks] == steps
        assert np.array_equal(np.vstack([rows for _, rows in blocks]), table.Z)
    assert found.provenance()["steps"][0]["balance"]["sells"]["gap"] < 1e-12


def test_names_of_countries(tmp_path):
    table = world(regions=("Australia", "CHN", "Bolivarian Republic of Elsewhere"))
    read = read_emerging(write_emerging(table, tmp_path))
    assert list(read.regions) == ["AUS", "CHN", "Bolivarian Republic of Elsewhere"]
    step = read.provenance["steps"][0]
    assert step["labels that are no ISO3 codes"] == ["Bolivarian Republic of Elsewhere"]
    table = world(regions=("Australia", "CHN", "AUS"))
    with pytest.raises(LabelError, match="AUS occurs twice in country_list"):
        read_emerging(write_emerging(table, tmp_path))


@pytest.mark.parametrize("new", [False, True])
def test_co2(tmp_path, new):
    table = world()
    path = write_emerging(table, tmp_path)
    co2 = write_co2(table, tmp_path, new=new, suffix="_IEA")
    for place, emissions in ((path, None), (tmp_path, None), (path, co2), (path, tmp_path)):
        read = read_emerging(place, emissions=emissions)
        extension = read.extensions["emissions"]
        assert np.allclose(extension.F, table.extensions["emissions"].F, rtol=1e-14)
        assert extension.unit.to_dict() == {"CO2": "Mt CO2"}
        assert not extension.has_final
        assert [f["name"] for f in read.provenance["files"]] == [NAME, co2.name]
        assert read.provenance["steps"][1]["columns summed"] == 7
    assert dict(read_emerging(path, emissions=False).extensions) == {}
    write_co2(table, tmp_path)
    with pytest.raises(SourceError, match=r"holds EMERGING_CO2_2010.mat, .* say which"):
        read_emerging(path)


def test_damaged_co2(tmp_path):
    path = write_emerging(world(), tmp_path)
    co2 = write_co2(world(regions=("AUS", "CHN")), tmp_path)
    with pytest.raises(LabelError, match="has 6 rows of CO2, the table 9 nodes"):
        read_emerging(path)
    values = np.random.default_rng(0).uniform(1, 9, (9, 3))
    for column, value, message in ((0, np.nan, "CO2 of AUS/01"), (2, None, "column 3 of CO2 is")):
        wrong = values.copy()
        wrong[:, column] = values[:, :2].sum(axis=1) if value is None else value
        savemat(co2, {"CO2": wrong})
        with pytest.raises(DataError, match=message):
            read_emerging(path)
    savemat(co2, {"CO": values})
    with pytest.raises(SourceError, match="has no matrix CO2"):
        read_emerging(path)
    whole = write_co2(world(), tmp_path).read_bytes()
    for cut in (0, 40, 130, 200, len(whole) // 2):
        co2.write_bytes(whole[:cut])
        with pytest.raises(SourceError, match="EMERGING_CO2_2010"):
            read_emerging(path)


def test_gaps_are_kept_on_purpose(tmp_path):
    path = write_emerging(world(), tmp_path)
    with h5py.File(path, "r+") as file:
        file["z"][1, 2] = 1e6
    with pytest.raises(DataError, match="unbalanced='keep'"):
        read_emerging(path)
    read = read_emerging(path, unbalanced="keep")
    assert read.Z.iloc[2, 1] == 1e6
    assert "AUS/03 Transport, which sells 1" in read.provenance["warnings"][0]


def test_years(tmp_path):
    write_emerging(world(), tmp_path)
    write_emerging(world().replace(year=2019), tmp_path)
    with pytest.raises(SourceError, match="holds the years 2010, 2019: say which one"):
        read_emerging(tmp_path)
    assert read_emerging(tmp_path, 2019).year == 2019
    with pytest.raises(SourceError, match="has no year 2015: there are 2010, 2019"):
        read_emerging(tmp_path, 2015)
    other = write_emerging(world(), tmp_path, "EMERGING_V2_2011.mat", struct="EMERGING_V2_2010")
    with pytest.raises(SourceError, match="is the table of 2010 under the name of 2011: rename it"):
        read_emerging(other)
    write_emerging(world(), tmp_path, "EMERGING_V2_2010_m.mat")
    with pytest.raises(SourceError, match="for 2010: give the path of one"):
        read_emerging(tmp_path, 2010)


def test_the_other_order_is_told_from_damage(tmp_path):
    table = world()
    with h5py.File(write_emerging(table, tmp_path), "r+") as file:
        z = file["z"][()]
        file["z"][...] = z.T
    with pytest.raises(DataError, match="would not if z were transposed: pass the other order"):
        read_emerging(tmp_path)
    path = write_emerging(world(sectors=SECTORS[:2]), tmp_path, order="c")
    with pytest.raises(LabelError, match=r"its labels say \(9, 6\): pass order='c'"):
        read_emerging(path.rename(tmp_path / "global_mrio_2011.mat"))


def change(key, place, value):
    def mutate(file):
        file[key][place] = value

    return mutate


def replace(key, values):
    def mutate(file):
        del file[key]
        if values is not None:
            file[key] = values

    return mutate


def rename_sector(file):
    first = file[file["sector_list"][0, 1]]
    letters = np.array([[ord(c)] for c in SECTORS[0]], dtype=np.uint16)
    del file[first.name]
    file["sector_list"][0, 1] = file["#refs#"].create_dataset("again", data=letters).ref


MUTATIONS = {
    "no z": (replace("z", None), SourceError, "has no variable z; there are #refs#, X"),
    "no labels": (replace("sector_list", None), SourceError, "has no variable sector_list"),
    "not square": (replace("z", np.ones((9, 8))), LabelError, "z is stored as"),
    "too small": (replace("z", np.ones((8, 8))), LabelError, r"stored as \(8, 8\), its labels"),
    "final demand": (replace("f", np.ones((6, 9))), LabelError, r"f is stored as \(6, 9\)"),
    "value added": (replace("va", np.ones((1, 8))), LabelError, "va is stored as"),
    "sector twice": (rename_sector, LabelError, "01 Growing of wheat occurs twice or is empty in"),
    "decimal point": (change("z", (1, 2), 1e6), DataError, "AUS/03 Transport sells 1"),
    "decimal point in use": (change("f", (1, 2), 1e6), DataError, "AUS/03 Transport sells 1"),
    "decimal point in value added": (change("va", (2, 0), 1e6), DataError, "Transport costs 1"),
    "decimal point in output": (change("X", (0, 2), 1e6), DataError, "is said to make 1000000"),
    "NaN": (change("z", (1, 2), np.nan), DataError, "Z has 1 value.* at row AUS/03 Transport"),
    "NaN in use": (change("f", (1, 2), np.nan), DataError, "Y has 1 value"),
    "shifted rows": (
        lambda file: change("z", slice(None), np.roll(file["z"][()], 3, axis=1))(file),
        DataError, "sells",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_damaged_file_is_refused(tmp_path, name):
    mutate, error, message = MUTATIONS[name]
    path = write_emerging(world(), tmp_path)
    with h5py.File(path, "r+") as file:
        mutate(file)
    with pytest.raises(error, match=message) as caught:
        read_emerging(path)
    assert "\n" not in str(caught.value)
    if "NaN" not in name:
        assert NAME in str(caught.value)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_cut_file_is_refused(tmp_path_factory, data):
    path = write_emerging(world(), tmp_path_factory.mktemp("cut"))
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(CarbonflowsError, match=r"global_mrio_2010[.]mat"):
        read_emerging(path)


@pytest.mark.parametrize("seed", range(12))
def test_a_hole_in_a_file_is_refused(tmp_path, seed):
    path = write_emerging(world(), tmp_path)
    whole = path.read_bytes()
    start = int(np.random.default_rng(seed).integers(len(whole) - 2000))
    path.write_bytes(whole[:start] + bytes(2000) + whole[start + 2000 :])
    with suppress(CarbonflowsError):  # zeros among numbers may be what the world is like
        read_emerging(path, unbalanced="keep")


def test_labels_that_lead_nowhere(tmp_path):
    path = write_emerging(world(), tmp_path)
    with h5py.File(path, "r+") as file:
        file["sector_list"][0, 1] = h5py.Reference()
    with pytest.raises(SourceError, match=r"no complete MATLAB file of version 7\.3 \(.*get it"):
        read_emerging(path)


def test_other_files(tmp_path):
    path = tmp_path / NAME
    path.write_text("<!DOCTYPE html><html>login</html>")
    with pytest.raises(SourceError, match="is a web page, not data"):
        read_emerging(path)
    path.write_text("year,region\n")
    assert recognise(Files(path)) is None
    with pytest.raises(SourceError, match=r"is no complete MATLAB file of version 7\.3"):
        read_emerging(path)
    write_emerging(world(), tmp_path)
    packed = tmp_path / "packed" / "emerging.zip"
    packed.parent.mkdir()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(path, NAME)
    with pytest.raises(SourceError, match="cannot be read while it is packed: unpack it first"):
        read_emerging(packed)
    for options, message in (
        ({"order": "fortran"}, "order='fortran' is not known: use 'matlab' or 'c'"),
        ({"unbalanced": "drop"}, "unbalanced='drop' is not known"),
    ):
        with pytest.raises(SourceError, match=message):
            read_emerging(path, **options)
    other = tmp_path / "other"
    other.mkdir()
    (other / "EMERGING_CO2_2010.mat").write_bytes(b"MATLAB")
    assert recognise(Files(other)) is None
    with pytest.raises(SourceError, match="holds no table of EMERGING"):
        read_emerging(other)
    assert SOURCE.read is read_emerging
    assert SOURCE.stream is stream_emerging
