"""Header array files: every kind reads back, GEMPACK's own files too, damage is named."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from carbonflows.errors import CarbonflowsError, DataError, LabelError, SourceError
from carbonflows.sources.har import read_har
from sources.layout_har import (
    BLANK,
    beginning,
    har,
    ints,
    matrix_header,
    real_header,
    record,
    set_record,
    text_chunks,
    texts_header,
)


def read(data: bytes, names=None):
    return read_har(io.BytesIO(data), "a.har", names)


GOODS, REGIONS = ("agr", "mfg", "ser"), ("usa", "chn")
CUBE = np.arange(18.0).reshape(3, 2, 3)


def cube(**options) -> bytes:
    sets, labels = ("COMM", "REG", "COMM"), (GOODS, REGIONS, GOODS)
    return real_header("CUBE", CUBE, sets, labels, **options)


@pytest.fixture(scope="module")
def published(shared):
    return shared / "layouts" / "gtap_har"


def test_published_file(published):
    data = (published / "test.har").read_bytes()
    arrays_ = read(data)
    assert list(arrays_) == [
        "XXCD", "XXCR", "XXCP", "XXHS", "CHST", "INTA", "SIMP", "SIM2", "NH01", "ARR7",
    ]  # fmt: skip
    assert arrays_["CHST"].texts == ("A_string", "B_string", "C_string", "D_string", "E_string")
    assert arrays_["CHST"].title == "Simple set of strings"
    assert arrays_["XXCR"].texts == ("ViewHAR", "HARFILE.PAS 30/Jun/2016")
    assert arrays_["SIM2"].texts == ("I", "II")
    assert len(arrays_["XXHS"].texts) == 53
    # The records at these bytes, decoded by hand: see the struct formats.
    small = arrays_["NH01"]
    assert small.offset == 4630
    assert (small.coefficient, small.sets) == ("Array2D", ("SimpleSet", "SimpleSet2"))
    assert small.labels == (("A", "B"), ("I", "II"))
    by_hand = np.array(struct.unpack_from("<4f", data, 5056 + 4 + 8))
    assert small.values.tolist() == by_hand.reshape(2, 2, order="F").tolist()
    assert small.values[0, 0] == 1.0
    assert small.values[1, 0] == small.values[0, 1] == pytest.approx(3.14, abs=1e-6)
    whole = arrays_["INTA"]
    assert whole.values.tolist() == [list(row) for row in ints_by_hand(data, whole.offset)]
    seven = arrays_["ARR7"]
    assert seven.values.shape == (2,) * 7
    assert seven.sets[::2] == ("SimpleSet",) * 4
    flat = struct.unpack_from("<128f", data, 5599 + 4 + 8)
    assert seven.values.reshape(-1, order="F").tolist() == list(flat)


def ints_by_hand(data: bytes, offset: int):
    """The 4 × 4 integers of INTA: after its name (12 bytes) and description (8 + 92), one block."""
    values = struct.unpack_from("<16i", data, offset + 12 + 100 + 4 + 4 + 28)
    return [values[k::4] for k in range(4)]


def test_other_published_files(published):
    (one,) = read((published / "test_read.har").read_bytes()).values()
    assert one.texts == ("F_string", "B_string", "C_string", "D_string", "E_string")
    sets = read((published / "setsnew7.har").read_bytes())
    assert len(sets) == 62
    assert len(sets["COM"].texts) == 78
    assert sets["REG"].texts == ("NSW", "VIC", "QLD", "SA", "WA", "TAS", "NT", "ACT")
    assert sets["RMAP"].values.shape == (56, 6)
    assert set(np.unique(sets["RMAP"].values)) <= {0.0, 1.0}


def test_only_what_is_asked_for():
    data = texts_header("REG", REGIONS) + cube() + matrix_header("M", np.eye(2))
    assert list(read(data, ["cube", "none"])) == ["CUBE"]
    assert list(read(data)) == ["REG", "CUBE", "M"]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("chunk", [1, 2, 3, 6, 7, 18, 7996])
@pytest.mark.parametrize("kind", ["RE", "RL", "DE", "DL"])
def test_chunks(sparse, chunk, kind):
    found = read(cube(sparse=sparse, chunk=chunk, kind=kind))["CUBE"]
    values = found.values.reshape(CUBE.shape)
    assert values.tolist() == CUBE.tolist()
    if kind[1] == "E":
        assert found.labels == (GOODS, REGIONS, GOODS)
        assert found.sets == ("COMM", "REG", "COMM")
    else:
        assert found.labels == (None,) * 7


def test_sets_of_every_state():
    values = np.arange(4.0).reshape(2, 1, 2)
    data = real_header("MIX", values, ("REG", "ONE", "ANY"), (REGIONS, "agr", None))
    found = read(data)["MIX"]
    assert found.labels == (REGIONS, ("agr",), None)
    assert found.values.tolist() == values.tolist()
    unknown = beginning("V", "RE", "FULL", "", (2, 1, 1, 1, 1, 1, 1))
    unknown += record(BLANK, ints(0, -1, 1), b"V".ljust(12), ints(0, 0))
    unknown += real_header("V", [1.0, 2.0])[len(beginning("V", "RL", "FULL", "", (0,) * 7)) :]
    assert read(unknown)["V"].labels == (None,)
    assert read(unknown)["V"].values.tolist() == [1, 2]


def test_scalar_and_empty():
    assert read(real_header("S", 3.5, ("X",), (None,)[:0] or ("one",)))["S"].values.tolist() == [
        3.5
    ]
    assert read(real_header("Z", np.zeros((2, 2)), sparse=True))["Z"].values.sum() == 0
    assert read(texts_header("NONE", ()))["NONE"].texts == ()


def test_texts_in_chunks():
    texts = tuple(f"element {i}" for i in range(10))
    assert read(texts_header("T", texts, 12, chunk=3))["T"].texts == texts


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32, array_shapes(max_dims=7, max_side=4), elements=st.floats(-1e6, 1e6, width=32)
    ),
    st.integers(1, 40),
    st.booleans(),
)
def test_any_array_comes_back(values, chunk, sparse):
    labels = [tuple(f"e{i}" for i in range(n)) for n in values.shape]
    sets = [f"S{k}" for k in range(values.ndim)]
    found = read(real_header("ANY", values, sets, labels, sparse=sparse, chunk=chunk))["ANY"]
    assert found.values.shape == values.shape
    assert (found.values == values.astype(float)).all()
    assert list(found.labels) == labels


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_file_cut_off_anywhere_is_refused_or_whole(data):
    whole = (
        texts_header("REG", REGIONS)
        + cube(chunk=6)
        + cube(sparse=True, chunk=5).replace(b"CUBE", b"SPAR", 1)
    )
    first = len(texts_header("REG", REGIONS))
    ends = {first: 1, first + len(cube(chunk=6)): 2}
    cut = data.draw(st.integers(0, len(whole) - 1))
    if cut in ends:
        assert len(read(whole[:cut])) == ends[cut]
        return
    with pytest.raises(SourceError, match=r"a\.har.*(cut off|it is not a HAR file)"):
        read(whole[:cut])


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_byte_is_named_or_changes_only_content(data):
    """A damaged frame never gives numbers of another shape or from another place."""
    whole = cube(chunk=6)
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    damaged = whole[:place] + bytes([byte]) + whole[place + 1 :]
    refusal, found = "", {}
    try:
        found = read(damaged)
    except CarbonflowsError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith("a.har")
        return
    (array,) = found.values()
    assert array.values.shape == CUBE.shape
    assert (array.values != CUBE).sum() <= 1


def test_damage_has_header_and_byte():
    data = bytearray(texts_header("REG", REGIONS) + cube())
    start = len(texts_header("REG", REGIONS))
    data[start + 12] += 1  # length of the description
    with pytest.raises(SourceError, match=f"a.har: header 'CUBE' at byte {start + 12} ") as caught:
        read(bytes(data))
    assert (caught.value.header, caught.value.offset) == ("CUBE", start + 12)


def about(kind=b"RE", storage=b"FULL", shape=(3, 2, 3, 1, 1, 1, 1), rank=7) -> bytes:
    return record(BLANK, kind, storage, b"title".ljust(70), ints(rank, *shape))


def rebuilt(**changes) -> bytes:
    """The cube with one of its records replaced."""
    parts = {
        "name": record(b"CUBE"),
        "about": about(),
        "sets": set_record("CUBE", ("COMM", "REG", "COMM"), (GOODS, REGIONS, GOODS)),
        "size": record(BLANK, ints(3, 7, 3, 2, 3, 1, 1, 1, 1)),
        "place": record(BLANK, ints(2, 1, 3, 1, 2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1)),
        "numbers": record(BLANK, ints(1), CUBE.astype("<f4").tobytes(order="F")),
    }
    return b"".join((parts | changes).values())


def test_rebuilt_is_the_cube():
    assert read(rebuilt())["CUBE"].values.tolist() == CUBE.tolist()


NOT_FINITE = CUBE.copy()
NOT_FINITE[1, 1, 2] = np.nan


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"about": about(kind=b"XX")}, SourceError, "is of the kind 'XX', not 1C, 2I"),
        ({"about": about(storage=b"HALF")}, SourceError, "stored as 'HALF', not FULL or SPSE"),
        ({"about": about(rank=8)}, SourceError, "states 8 dimensions in 112 bytes"),
        ({"about": about(rank=6)}, SourceError, "states 6 dimensions in 112 bytes"),
        ({"about": about(shape=(3, -2, 3, 1, 1, 1, 1))}, SourceError, "impossible size 3 × -2"),
        ({"about": about(shape=(3, 2, 3, 2, 1, 1, 1))}, SourceError, "has 3 sets for the size"),
        ({"about": record(BLANK, b"RE")}, SourceError, "has only 6 bytes of description"),
        ({"sets": b""}, SourceError, "bytes of sets|has sets of the status|bytes for the names"),
        (
            {"sets": set_record("C", ("COMM", "REG", "COMM"), (GOODS, ("a", "b", "c"), GOODS))},
            SourceError, "has 3 texts of 3, 2 were stated",
        ),
        (
            {"sets": set_record("C", ("COMM", "REG", "COMM"), (GOODS, ("usa", "usa"), GOODS))},
            LabelError, "header 'CUBE': set REG has 'usa' twice",
        ),
        (
            {"sets": set_record("C", ("COMM", "REG", "COMM"), (GOODS, ("usa", ""), GOODS))},
            LabelError, "header 'CUBE': set REG",
        ),
        ({"size": record(BLANK, ints(3, 7, 3, 2, 2, 1, 1, 1, 1))}, SourceError, "repeats its size"),
        ({"size": record(BLANK, ints(3, 9, 3))}, SourceError, "repeats its size in 9 dimensions"),
        (
            {"place": record(BLANK, ints(2, 1, 4, 1, 2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1))},
            SourceError, "has numbers outside its array",
        ),
        (
            {"place": record(BLANK, ints(2, 1, 2, 1, 2, 1, 3, 1, 1, 1, 1, 1, 1, 1, 1))},
            SourceError, "has 72 bytes for 12 numbers of 4 bytes",
        ),
        (
            {"numbers": record(BLANK, ints(1), bytes(4 * 17))},
            SourceError, "has 68 bytes for 18 numbers",
        ),
        ({"numbers": record(BLANK, ints(1), bytes(8 * 18))}, SourceError, "has 144 bytes for 18"),
        ({"numbers": b""}, SourceError, "ends before its numbers"),
        ({"numbers": record(b"NEXT")}, SourceError, "has another header before its numbers"),
        (
            {"numbers": record(BLANK, ints(1), NOT_FINITE.astype("<f4").tobytes(order="F"))},
            DataError, "header 'CUBE' .* has no finite number at mfg/chn/ser",
        ),
        ({"name": record(b"LONGNAME")}, SourceError, "does not begin with a header"),
    ],
)  # fmt: skip
def test_refused(changes, error, message):
    with pytest.raises(error, match=message) as caught:
        read(rebuilt(**changes))
    assert str(caught.value).startswith("a.har")
    assert str(caught.value).split()[-1] in ("again", "another")


def test_too_few_numbers_in_all():
    """Half of the array in one chunk that says it is the last."""
    half = record(BLANK, ints(2, 1, 3, 1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
    numbers = record(BLANK, ints(1), bytes(24))
    with pytest.raises(SourceError, match="has 6 numbers, 18 were stated"):
        read(rebuilt(place=half, numbers=numbers))


def test_sparse_refused():
    good = beginning("S", "RL", "SPSE", "", (3, 1, 1, 1, 1, 1, 1))

    def entries(*places: int, stated: int = 2, left: int = 1) -> bytes:
        numbers = np.ones(len(places), "<f4").tobytes()
        head = record(BLANK, ints(stated, 4, 4), b" " * 80)
        return good + head + record(BLANK, ints(left, stated, len(places), *places), numbers)

    assert read(entries(1, 3))["S"].values.ravel().tolist() == [1, 0, 1]
    for data, message in [
        (entries(1, 4), "has an entry outside its 3 numbers"),
        (entries(0, 1), "has an entry outside its 3 numbers"),
        (entries(1, 1), "has two entries in one place"),
        (entries(1), "has 1 entries, 2 were stated"),
        (entries(1, 2, left=2), "ends before its entries"),
        (good + record(BLANK, ints(2, 8, 4), b" " * 80), "stores integers of 8 and numbers of 4"),
    ]:
        with pytest.raises(SourceError, match=message):
            read(data)


def test_texts_refused():
    head = beginning("T", "1C", "FULL", "", (2, 3))
    for data, message in [
        (head + record(BLANK, ints(1, 3, 2), b"abcdef"), "has 2 texts of 3, 2 were stated"),
        (head + record(BLANK, ints(1, 2, 2), b"abcde"), "has 5 bytes for 2 texts of 3 letters"),
        (head + record(BLANK, ints(1, 2, 1), b"abc"), "has 1 texts, 2 were stated"),
        (head + record(BLANK, ints(2, 2, 1), b"abc"), "ends before its texts"),
        (beginning("T", "1C", "SPSE", "", (2, 3)), "is stored as 'SPSE'"),
        (beginning("T", "1C", "FULL", "", (2,)), "holds texts in 1 dimensions"),
    ]:
        with pytest.raises(SourceError, match=message):
            read(data)


def test_matrix_refused():
    head = beginning("M", "2R", "FULL", "", (2, 2))
    numbers = np.ones(4, "<f4").tobytes()
    for data, message in [
        (head + record(BLANK, ints(1, 3, 2, 1, 2, 1, 2), numbers), "block of a 3 × 2 matrix"),
        (head + record(BLANK, ints(1, 2, 2, 1, 3, 1, 2), numbers), "block outside its matrix"),
        (head + record(BLANK, ints(1, 2, 2, 1, 2, 1, 1), numbers), "has 16 bytes for 2 numbers"),
        (head + record(BLANK, ints(1, 2, 2, 1, 2, 1, 1), numbers[:8]), "has 2 numbers, 4 were"),
    ]:
        with pytest.raises(SourceError, match=message):
            read(data)
    assert read(matrix_header("M", np.arange(6).reshape(2, 3), chunk=2))["M"].values.tolist() == [
        [0, 1, 2], [3, 4, 5],
    ]  # fmt: skip


def test_no_har_file():
    for data in (b"", b"    "):
        with pytest.raises(SourceError, match=r"a\.har"):
            read(data)
    with pytest.raises(SourceError, match="does not begin with a header: it is no"):
        read(b"<!DOCTYPE html><html></html>" * 10)
    with pytest.raises(SourceError, match="does not begin with a header: it is no"):
        read(struct.pack(">i", 4) + b"CUBE" + struct.pack(">i", 4))


def test_a_header_twice():
    with pytest.raises(SourceError, match=r"header 'CUBE' at byte .* occurs twice"):
        read(cube() + cube())


def test_texts_between_headers_are_passed_over():
    parts = {"A": ([1.0], ["X"], [("x",)]), "B": ([2.0], ["X"], [("x",)])}
    data = har(parts)
    spare = record(BLANK)
    middle = data.index(record(b"B   "))
    assert list(read(data[:middle] + spare + data[middle:])) == ["A", "B"]
    assert text_chunks([], 3) == record(BLANK, ints(1, 0, 0))
