"""GTAP's files become a table whose rows are its outputs, cell by cell as the method says."""

import shutil
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonflows.errors import (
    CarbonflowsError,
    DataError,
    LabelError,
    SourceError,
    UnitError,
)
from carbonflows.figures.shapes import region_shapes
from carbonflows.sources.archive import Files
from carbonflows.sources.gtap import SOURCE, read_gtap, recognise
from carbonflows.sources.gtap_regions import COMPOSITES, gtap_regions
from carbonflows.sources.wiod2013 import read_wiod2013
from sources.layout_gtap import (
    FINAL,
    GOODS,
    MARGINS,
    REGIONS,
    base_data,
    co2_data,
    co2_headers,
    gtap_world,
    headers,
    world_of,
    write_gtap,
)

WORLD = gtap_world(1)


def by_definition(world):
    """Z and Y cell by cell, after Peters, Andrew and Lennox."""
    regions, goods, margins = world["regions"], world["goods"], world["margins"]
    m, g, k = len(regions), len(goods), len(FINAL)
    flows = np.zeros((m, g, m, g + k))
    for s in range(m):
        for i in range(g):
            total = world["imports"][i, :, s].sum() or 1.0
            for j in range(g + k):
                flows[s, i, s, j] += world["domestic"][i, j, s]
                share = world["imports"][i, j, s] / total
                for r in range(m):
                    flows[r, i, s, j] += world["exports"][i, r, s] * share
                    for t, name in enumerate(margins):
                        bill = world["used"][t, i, r, s] * share
                        for q in range(m):
                            part = world["supplied"][t, q] / (world["supplied"][t].sum() or 1.0)
                            flows[q, goods.index(name), s, j] += bill * part
    n = m * g
    return flows[..., :g].reshape(n, n), flows[..., g:].reshape(n, m * k)


@pytest.fixture(scope="module", params=["v6", "v7"])
def naming(request):
    return request.param


@pytest.fixture(scope="module")
def place(naming, tmp_path_factory):
    return write_gtap(tmp_path_factory.mktemp(naming), WORLD, naming)


@pytest.fixture(scope="module")
def table(place):
    return read_gtap(place)


def test_what_the_table_states(table, naming):
    assert table.label == "GTAP of 4 regions and 5 commodities 2011"
    assert list(table.regions) == ["USA", "CHN", "XOC", "XTW"]
    assert list(table.sectors) == list(GOODS)
    assert list(table.categories) == list(FINAL)
    assert (table.unit, table.currency) == ("M USD", "USD")
    assert table.members["XTW"] == ("*",)
    assert table.members["XOC"] == tuple(COMPOSITES["XOC"].split())
    assert "(toy release 1)" in table.provenance["release"]
    read, co2, made = table.provenance["steps"]
    assert read["headers"].startswith("VDFM" if naming == "v6" else "VDFB")
    assert max(read["largest imbalances"].values()) == 0
    assert co2["sum over"] == "fuels, domestic and imported"
    assert made["factor payments, sum"] == WORLD["factors"].sum()
    letter = "" if naming == "v6" else "f"
    assert [f["name"] for f in table.provenance["files"]] == [
        f"gsd{letter}dat.har", f"gsd{letter}emiss.har",
    ]  # fmt: skip


def test_every_cell_is_the_methods(table):
    Z, Y = by_definition(WORLD)
    assert np.abs(table.Z.to_numpy() - Z).max() < 1e-9
    assert np.abs(table.Y.to_numpy() - Y).max() < 1e-9


def test_output_identity(table):
    """Rows sum to VOM = Σ VDFM + VDPM + VDGM (+ cgds) + Σ VXMD + VST, and to factors and taxes."""
    output = WORLD["output"].T.reshape(-1)
    assert np.abs(table.x.to_numpy() - output).max() < 1e-9
    columns = table.Z.to_numpy().sum(axis=0) + table.value_added.to_numpy()
    assert np.abs(columns - output).max() < 1e-9
    assert table.value_added.sum() == pytest.approx(table.Y.to_numpy().sum(), abs=1e-6)


def test_output_that_is_published(table, naming):
    if naming == "v6":
        assert table.x_given is None
    else:
        assert np.array_equal(table.x_given, WORLD["output"].T.reshape(-1))


def test_transport_is_an_input_of_importers_not_final_demand_of_the_transporter(table):
    """Without margins the sellers of transport would have their domestic sales and exports only."""
    used = WORLD["used"].sum()
    no_margins = {
        "used": WORLD["used"] * 0, "supplied": WORLD["supplied"] * 0, "cif": WORLD["fob"],
    }  # fmt: skip
    Z, Y = by_definition(WORLD | no_margins | {"margins": ()})
    extra_Z, extra_Y = table.Z.to_numpy() - Z, table.Y.to_numpy() - Y
    assert extra_Z.sum() + extra_Y.sum() == pytest.approx(used)
    shares = (WORLD["imports"][:, :5] / WORLD["imports"].sum(axis=1, keepdims=True)).sum(axis=1)
    to_firms = (WORLD["used"].sum(axis=(0, 2)) * shares).sum()
    assert extra_Z.sum() == pytest.approx(to_firms)
    rows = extra_Z.sum(axis=1) + extra_Y.sum(axis=1)
    services = rows.reshape(4, 5)[:, [GOODS.index(m) for m in MARGINS]].T
    assert np.abs(services - WORLD["supplied"]).max() < 1e-9


def test_trade_within_a_region_is_kept(table):
    inner = WORLD["exports"][:, 2, 2]
    assert (inner > 0).all()
    block = table.Z.loc["XOC", "XOC"].sum(axis=1) + table.Y.loc["XOC", "XOC"].sum(axis=1)
    domestic = WORLD["domestic"][:, :, 2].sum(axis=1)
    freight = block.to_numpy() - domestic - inner
    assert np.abs(freight[[0, 1, 4]]).max() < 1e-9  # the others sell transport too


def test_emissions(table):
    co2 = table.extensions["emissions"]
    both = sum(WORLD["co2"].values()).sum(axis=0)
    assert co2.F.loc["CO2"].tolist() == both[:5].T.reshape(-1).tolist()
    assert co2.F_Y.loc["CO2"].tolist() == both[5:].T.reshape(-1).tolist()
    assert co2.unit["CO2"] == "Mt CO2"


def test_recognised(place, naming, tmp_path):
    assert recognise(Files(place)) == ("GTAP" if naming == "v6" else "GTAP 10 or 11")
    (tmp_path / "x.har").write_bytes(b"1")
    assert recognise(Files(tmp_path)) is None
    assert SOURCE.read is read_gtap


def test_zip_folder_and_file_are_the_same(table, place, naming, tmp_path):
    packed = tmp_path / "GTAP.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in place.iterdir():
            archive.write(file, f"flexagg9aY11/{file.name}")
    base = next(place.glob("*dat.har"))
    for other in (read_gtap(packed), read_gtap(base), read_gtap(base, 2011)):
        assert other.Z.equals(table.Z)
        assert other.extensions["emissions"].F.equals(table.extensions["emissions"].F)
        assert other.year == 2011
    only = tmp_path / "download"
    only.mkdir()
    packed.rename(only / "flexagg9aY11.zip")
    assert recognise(Files(only)) is not None
    assert read_gtap(only).Z.equals(table.Z)


def test_without_emissions_and_with_others(table, place, tmp_path):
    assert dict(read_gtap(place, emissions=False).extensions) == {}
    shutil.copytree(place, tmp_path / "own")
    (source,) = (tmp_path / "own").glob("*emiss.har")
    elsewhere = tmp_path / "mine.har"
    source.rename(elsewhere)
    with pytest.raises(SourceError, match=r"finds no gsdemiss\.har: pass emissions=PATH, or"):
        read_gtap(tmp_path / "own", 2011)
    found = read_gtap(tmp_path / "own", 2011, emissions=elsewhere)
    assert found.extensions["emissions"].F.equals(table.extensions["emissions"].F)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 10_000), m=st.integers(1, 4), g=st.integers(2, 6),
    naming=st.sampled_from(["v6", "v7"]),
)  # fmt: skip
def test_random_worlds(tmp_path_factory, seed, m, g, naming):
    goods = tuple(f"g{i}" for i in range(g))
    world = gtap_world(seed, tuple(f"reg{i}" for i in range(m)), goods, (goods[-1],))
    table = read_gtap(write_gtap(tmp_path_factory.mktemp("any"), world, naming))
    Z, Y = by_definition(world)
    assert np.abs(table.Z.to_numpy() - Z).max() < 1e-9
    assert np.abs(table.Y.to_numpy() - Y).max() < 1e-9
    assert np.abs(table.x.to_numpy() - world["output"].T.reshape(-1)).max() < 1e-9


def test_sets_in_another_order_are_conformed(table, naming, tmp_path):
    """A header that lists its sets in another order says the same."""
    name = "VXMD" if naming == "v6" else "VXSB"
    values, sets, labels = headers(WORLD, naming)[name]
    order = [3, 1, 0, 2]
    turned = (values[:, :, order], [*sets[:2], "DST"], [*labels[:2], [REGIONS[k] for k in order]])
    found = read_gtap(replaced(tmp_path, naming, **{name: turned}))
    assert found.Z.equals(table.Z)


def replaced(folder, naming="v6", **changes):
    place = write_gtap(folder, WORLD, naming)
    next(place.glob("*dat.har")).write_bytes(base_data(WORLD, naming, **changes))
    return place


def several(world):
    """Each activity makes two commodities: its own and a little of the next."""
    g = len(world["goods"])
    make = np.eye(g)[:, :, None] * world["output"][:, None, :]
    for i in range(g):
        made = np.floor(make[i, i] / 10)
        make[i, i] -= made
        make[i, (i + 1) % g] += made
    activities = tuple(f"a_{x}" for x in world["goods"])
    return world | {"make": make, "activities": activities}


def test_activities_that_make_several_commodities(table, tmp_path):
    world = several(WORLD)
    found = read_gtap(write_gtap(tmp_path, world, "v7"))
    assert list(found.sectors) == [
        *(f"Activity: a_{g}" for g in GOODS), *(f"Commodity: {g}" for g in GOODS),
    ]  # fmt: skip
    made, sold = found.x.loc["USA"][:5], found.x.loc["USA"][5:]
    assert np.abs(sold.to_numpy() - WORLD["output"][:, 0]).max() < 1e-9
    assert np.abs(made.to_numpy() - world["make"].sum(axis=0)[:, 0]).max() < 1e-9
    uses = found.Z.to_numpy().reshape(4, 10, 4, 10)
    assert np.abs(uses[:, 5:, :, :5].reshape(20, 20) - table.Z.to_numpy()).max() < 1e-9
    assert np.array_equal(uses[1, :5, 1, 5:], world["make"][:, :, 1].T)
    assert not uses[0, :5, 1].any()
    assert not uses[:, :5, :, :5].any()
    co2 = found.extensions["emissions"].F.to_numpy().reshape(4, 10)
    assert not co2[:, 5:].any()
    assert co2.sum() == table.extensions["emissions"].F.to_numpy().sum()
    assert np.abs(found.value_added.to_numpy().reshape(4, 10)[:, 5:]).max() < 1e-9


def test_other_names_of_activities_are_no_other_nodes(table, tmp_path):
    world = WORLD | {"activities": tuple(f"a_{g}" for g in GOODS)}
    assert read_gtap(write_gtap(tmp_path, world, "v7")).Z.equals(table.Z)


def test_a_real_table_in_gtaps_layout(shared, tmp_path):
    """GTAP keeps imports by source and by use apart: what it keeps of WIOD comes back exactly."""
    wiod = read_wiod2013(shared / "wiod2013", 2007)
    found = read_gtap(write_gtap(tmp_path, world_of(wiod), "v7", name="GTAP_2007"))
    m, g = len(wiod.regions), len(wiod.sectors)
    assert list(found.regions) == list(wiod.regions)
    one, other = (t.Z.to_numpy().reshape(m, g, m, g) for t in (found, wiod))
    own = np.eye(m, dtype=bool)
    assert np.abs(one.transpose(0, 2, 1, 3)[own] - other.transpose(0, 2, 1, 3)[own]).max() == 0
    assert np.abs(found.x.to_numpy() - wiod.x.to_numpy()).max() < 1e-6
    assert np.abs(one.sum(axis=0) - other.sum(axis=0)).max() < 1e-6  # technology
    trade = [
        t.Z.to_numpy().reshape(m, g, m, g).sum(axis=3)
        + t.Y.to_numpy().reshape(m, g, m, -1).sum(axis=3)
        for t in (found, wiod)
    ]
    assert np.abs(trade[0] - trade[1]).max() < 1e-6
    for part in ("F", "F_Y"):
        sums = [getattr(t.extensions["emissions"], part).to_numpy().sum() for t in (found, wiod)]
        assert sums[0] == pytest.approx(sums[1] / 1000, rel=1e-6)


def changed(name, naming="v6", by=1.01, at=...):
    values, sets, labels = headers(WORLD, naming)[name]
    values = np.array(values)
    values[at] = values[at] * by
    return {name: (values, sets, labels)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("VIMS", r"imports by source and by use differ at"),
        ("VIFM", "imports by source and by use differ at"),
        ("VIPM", "imports by source and by use differ at"),
        ("VST", "international transport supplied and used differ at (otp|wtp)"),
        ("VTWR", "international transport supplied and used differ at (otp|wtp)"),
        ("VXWD", "imports and exports plus transport at world prices differ at"),
        ("VIWS", "imports and exports plus transport at world prices differ at"),
    ],
)
def test_accounts_that_do_not_balance(tmp_path, name, message):
    place = replaced(tmp_path, **changed(name))
    with pytest.raises(DataError, match=message) as caught:
        read_gtap(place)
    assert "gsddat.har: " in str(caught.value)
    assert str(caught.value).endswith("damaged, get the files again")
    assert read_gtap(place, tolerance=0.02).year == 2011


@pytest.mark.parametrize("name", ["VDFB", "VDPB", "VDGB", "VDIB", "VXSB", "MAKB"])
def test_output_made_and_sold(tmp_path, name):
    place = replaced(tmp_path, "v7", **changed(name, "v7", by=3.0))
    with pytest.raises(DataError, match=r"gsdfdat\.har: output made and sold differ at"):
        read_gtap(place)


def test_one_wrong_cell(tmp_path):
    place = replaced(tmp_path, **changed("VIFM", by=1000.0, at=(2, 1, 3)))
    with pytest.raises(DataError, match=r"differ at otp/xtw \(.*, and at 0 other places"):
        read_gtap(place)


MIXED = gtap_world(5, (*REGIONS[:3], "ind"))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"VST": None}, SourceError, "lacks the header VST: give complete base data"),
        ({"VIMS": None, "VDGM": None}, SourceError, "lacks the header VDGM, VIMS"),
        ({"VDFM": None}, SourceError, "has neither VDFM nor VDFB"),
        ({"VDFB": headers(WORLD, "v7")["VDFB"]}, SourceError, "has both VDFM and VDFB"),
        (
            {"VXMD": headers(MIXED)["VXMD"]}, LabelError,
            "header 'VXMD', dimension 2: lacks xtw and has ind too many: the headers are of diff",
        ),
        ({"VIFM": headers(WORLD)["VDPM"]}, SourceError, "'VIFM' has 2 dimensions, expected 3"),
        (
            {"VIFM": (headers(WORLD)["VIFM"][0], (), ())}, SourceError,
            "'VIFM' has 7 dimensions, expected 3",
        ),
        (
            {"VST": (WORLD["supplied"], ["M", "R"], [None, REGIONS])}, LabelError,
            "'VST' does not list the elements of its dimension 1: save it with sets",
        ),
        (
            {"VDFM": (np.ones((5, 5, 4)), ["A", "B", "C"], [GOODS, GOODS, REGIONS])}, LabelError,
            "VDFM has coa, p_c, otp and 2 more as buyers, expected its commodities and capital",
        ),
        (
            {"VTWR": (WORLD["used"], [*"ABCD"], [("otp", "sea"), GOODS, REGIONS, REGIONS])},
            LabelError, "VTWR has the transport service sea, which is no commodity of VDFM",
        ),
        (
            {"VXMD": (WORLD["exports"] * np.nan, *headers(WORLD)["VXMD"][1:])}, DataError,
            "header 'VXMD' .* has no finite number at coa/usa/usa",
        ),
    ],
)  # fmt: skip
def test_refused(tmp_path, changes, error, message):
    with pytest.raises(error, match=message) as caught:
        read_gtap(replaced(tmp_path, **changes))
    assert "gsddat.har" in str(caught.value)


def test_regions_twice(tmp_path):
    world = gtap_world(2, ("rom", "rou"), GOODS)
    with pytest.raises(LabelError, match=r"gsddat\.har has the region ROU twice: rename one"):
        read_gtap(write_gtap(tmp_path, world))


def test_activities_without_make(tmp_path):
    world = several(WORLD)
    place = write_gtap(tmp_path, world, "v7")
    (place / "gsdfdat.har").write_bytes(base_data(world, "v7", MAKB=None))
    with pytest.raises(SourceError, match="lacks the header MAKB, which says what a_coa"):
        read_gtap(place)


def test_exports_that_nobody_buys(tmp_path):
    world = gtap_world(3)
    world["imports"][1, :, 2] = world["landed"][1, :, 2] = 0.0
    world["fob"][1, :, 2] = world["cif"][1, :, 2] = world["used"][:, 1, :, 2] = 0.0
    world["supplied"] = world["supplied"] * (
        world["used"].sum(axis=(1, 2, 3)) / world["supplied"].sum(axis=1)
    ).reshape(-1, 1)
    with pytest.raises(DataError, match="p_c is exported to xoc, where nobody buys it"):
        read_gtap(write_gtap(tmp_path, world))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"MIF": None}, SourceError, "has none of the headers MIF, MMF, expected one"),
        ({"MMF": co2_headers(WORLD)["MIF"]}, SourceError, "has MIF, MMF of the headers MIF, MMF"),
        ({"MDI": co2_headers(WORLD)["MDP"]}, SourceError, "has none of the headers MII, MMI"),
        ({"MDF": co2_headers(MIXED)["MDF"]}, LabelError, "'MDF', dimension 3: lacks xtw and has"),
        (
            {"MDF": (co2_headers(WORLD)["MDF"][0] * 1e3, *co2_headers(WORLD)["MDF"][1:])},
            UnitError, "Mt CO2, more than the world emits: it is not in Mt",
        ),
    ],
)  # fmt: skip
def test_emissions_refused(tmp_path, changes, error, message):
    place = write_gtap(tmp_path, WORLD)
    (place / "gsdemiss.har").write_bytes(co2_data(WORLD, **changes))
    with pytest.raises(error, match=message) as caught:
        read_gtap(place)
    assert "gsdemiss.har" in str(caught.value)


def test_emissions_of_capital_goods_are_investments(table, tmp_path):
    values, sets, labels = co2_headers(WORLD)["MDF"]
    more = np.concatenate([values, np.full((2, 1, 4), 3.0)], axis=1)
    place = write_gtap(tmp_path, WORLD)
    (place / "gsdemiss.har").write_bytes(
        co2_data(WORLD, MDF=(more, sets, [labels[0], (*GOODS, "CGDS"), REGIONS]))
    )
    co2 = read_gtap(place).extensions["emissions"]
    assert co2.F.equals(table.extensions["emissions"].F)
    assert co2.F_Y.loc["CO2", ("USA", "Investment")] == 6.0


def test_years(tmp_path):
    for name in ("flexagg9aY04", "flexAgg11c17", "GTAP_2014"):
        write_gtap(tmp_path / "all", WORLD, name=name)
    assert [read_gtap(tmp_path / "all", y).year for y in (2004, 2017, 2014)] == [2004, 2017, 2014]
    with pytest.raises(SourceError, match="all has no year 2011: there are 2004, 2014, 2017"):
        read_gtap(tmp_path / "all", 2011)
    with pytest.raises(SourceError, match="all holds the years 2004, 2014, 2017: say which one"):
        read_gtap(tmp_path / "all")
    write_gtap(tmp_path / "all", WORLD, name="GTAP 10 of 2014")
    with pytest.raises(SourceError, match="for 2014: give the path of one"):
        read_gtap(tmp_path / "all", 2014)
    own = write_gtap(tmp_path / "mine", WORLD, name="my aggregation")
    assert read_gtap(own, 2011).year == 2011
    with pytest.raises(SourceError, match="names do not say of which year the data are: pass year"):
        read_gtap(own)


def test_no_data(tmp_path):
    (tmp_path / "notes.txt").write_text("GTAP")
    with pytest.raises(SourceError, match="has no file for the data"):
        read_gtap(tmp_path)
    with pytest.raises(SourceError, match="nowhere does not exist: check the path"):
        read_gtap(tmp_path / "nowhere")


@pytest.mark.parametrize("which", ["gsddat.har", "gsdemiss.har"])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[: len(data) // 2], "cut off|damaged"),
        (lambda data: data[:-4], "cut off"),
        (lambda data: b"<!DOCTYPE html><html><body>404</body></html>", "is a web page, not data"),
        (lambda data: b"", "is empty"),
        (lambda data: data.decode("latin-1").encode("utf-16"), "it is no .little-endian. HAR file"),
    ],
)
def test_damaged_files(tmp_path, which, damage, message):
    place = write_gtap(tmp_path, WORLD)
    (place / which).write_bytes(damage((place / which).read_bytes()))
    with pytest.raises(SourceError, match=message) as caught:
        read_gtap(place)
    assert which in str(caught.value)


def test_archive_with_an_entry_outside_itself(tmp_path):
    packed = tmp_path / "flexagg9aY11.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../gsddat.har", b"")
    with pytest.raises(SourceError, match=r"has an entry outside itself \(\.\./gsddat\.har\)"):
        read_gtap(packed)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_damage_gives_a_wrong_table(tmp_path_factory, data):
    """Bytes changed at random: refused, or a table that differs by what its accounts let pass."""
    place = PLACE.setdefault("folder", None) or write_gtap(
        tmp_path_factory.mktemp("d"), WORLD, "v7"
    )
    PLACE["folder"] = place
    whole = PLACE.setdefault("bytes", (place / "gsdfdat.har").read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    spoiled = whole[:at] + bytes([data.draw(st.integers(0, 255))]) + whole[at + 1 :]
    (place / "gsdfdat.har").write_bytes(spoiled)
    refusal = ""
    try:
        found = read_gtap(place, emissions=False)
    except CarbonflowsError as error:
        refusal = str(error)
    if refusal:
        assert "gsdfdat.har" in refusal
        return
    # The byte may have made an activity's second commodity: then commodities come second.
    sold = found.x.to_numpy().reshape(4, -1)[:, -5:]
    assert np.abs(sold - WORLD["output"].T).max() <= 2e-3 * WORLD["output"].max()


PLACE: dict = {}


def test_composite_regions_have_shapes():
    """Countries are in one region only, and every code is one that maps know."""
    codes = "aus nzl xoc usa can xna ind xsa xer xsu xws xnf xwf xcf xac xec xsc xtw xcb xca"
    members = gtap_regions(codes.split(), "x.har")
    shapes = region_shapes(members)
    assert len(shapes) == 20
    every = [c for text in COMPOSITES.values() for c in text.split()]
    assert len(every) == len(set(every))
    assert len(region_shapes({k: tuple(v.split()) for k, v in COMPOSITES.items()})) == 19
    assert gtap_regions(["irq", "xws"], "x")["XWS"] == tuple(
        c for c in COMPOSITES["XWS"].split() if c != "IRQ"
    )
