"""Named ways in which published files go wrong, acting on a folder as a publisher lays it out.

A mutation is a function of a `Place` that changes the files in it and says what it did, or returns
None where it does not apply. `MUTATIONS` lists them by name with the group that they belong to:
what is beyond detection is stated by group (see `sources.reader_cases`).
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sources.editable import TEXT, Part, packed, parts_of, unpacked

PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>"
    b"<body><h1>Not Found</h1><p>Log in, to download 1,2,3.</p></body></html>\n"
)


@dataclass
class Place:
    """A release that is about to be damaged.

    Attributes
    ----------
    folder : Path
        Copy of the files, to be changed.
    twin, stranger : Path
        Folders with another table in the same layout, not to be changed: one of the same size and
        year, one of another size and year.
    rng : Generator
    year : int
        Year that will be asked for.
    """

    folder: Path
    twin: Path
    stranger: Path
    rng: np.random.Generator
    year: int
    _temporary: list[Path] = field(default_factory=list)

    def files(self, *endings: str) -> list[Path]:
        found = sorted(p for p in self.folder.rglob("*") if p.is_file())
        return [p for p in found if not endings or p.suffix.lower() in endings]

    def one(self, *endings: str) -> Path | None:
        found = self.files(*endings)
        return found[int(self.rng.integers(len(found)))] if found else None


Mutation = Callable[[Place], str | None]
MUTATIONS: dict[str, tuple[Mutation, str]] = {}
"""Name → mutation and its group."""


def named(name: str, group: str) -> Callable[[Mutation], Mutation]:
    def put(mutation: Mutation) -> Mutation:
        MUTATIONS[name] = (mutation, group)
        return mutation

    return put


def mutate(name: str, place: Place) -> str | None:
    """Apply a mutation, at times to a file within a zip in place of the zip as a whole."""
    mutation, group = MUTATIONS[name]
    archives = place.files(".zip")
    alone = len(place.files()) == len(archives)
    inside = name not in OF_ARCHIVES and group not in ("year", "mixed")
    if not archives or not inside or place.rng.random() < (0.1 if alone else 0.5):
        return mutation(place)
    archive = archives[int(place.rng.integers(len(archives)))]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "inside"
        unpacked(archive, folder)
        inner = Place(folder, place.twin, place.stranger, place.rng, place.year)
        said = mutation(inner)
        if said is not None:
            packed(folder, archive)
        return said and f"{archive.name}: {said}"


# Bytes


def _cut(name: str, length: Callable[[bytes, np.random.Generator], int]) -> None:
    @named(name, "bytes")
    def cut(place: Place) -> str | None:
        file = place.one()
        if file is None:
            return None
        content = file.read_bytes()
        kept = length(content, place.rng)
        if not 0 <= kept < len(content):
            return None
        file.write_bytes(content[:kept])
        return f"{file.name} cut to {kept} of {len(content)} bytes"


_cut("empty file", lambda content, rng: 0)
_cut("cut off early", lambda content, rng: int(len(content) * rng.uniform(0, 0.1)))
_cut("cut off anywhere", lambda content, rng: int(len(content) * rng.random()))
_cut("cut off at a line end", lambda content, rng: _line_end(content, rng))
_cut("cut off before the last line", lambda content, rng: content[:-1].rfind(b"\n") + 1)
_cut("cut off in the last line", lambda content, rng: len(content) - int(rng.integers(2, 9)))


def _line_end(content: bytes, rng: np.random.Generator) -> int:
    ends = [i + 1 for i, byte in enumerate(content[:-1]) if byte == 10]
    return ends[int(rng.integers(len(ends)))] if ends else -1


@named("missing file", "bytes")
def missing_file(place: Place) -> str | None:
    file = place.one()
    if file is None:
        return None
    file.unlink()
    return f"{file.name} is gone"


@named("one byte changed", "number")
def one_byte(place: Place) -> str | None:
    file = place.one()
    content = bytearray(file.read_bytes()) if file else bytearray()
    if file is None or not content:
        return None
    at = int(place.rng.integers(len(content)))
    content[at] ^= 1 << int(place.rng.integers(8))
    file.write_bytes(content)
    return f"{file.name}: byte {at}"


@named("web page in place of data", "bytes")
def web_page(place: Place) -> str | None:
    file = place.one()
    if file is None:
        return None
    file.write_bytes(PAGE if place.rng.random() < 0.7 else b"\n " + PAGE.split(b"\n", 1)[1])
    return f"{file.name} is a web page"


@named("UTF-16", "bytes")
def utf_16(place: Place) -> str | None:
    file = place.one(*TEXT)
    if file is None:
        return None
    file.write_bytes(file.read_bytes().decode("utf-8", "replace").encode("utf-16"))
    return f"{file.name} in UTF-16"


@named("latin-1 accent", "label")
def latin_1(place: Place) -> str | None:
    file = place.one(*TEXT)
    if file is None:
        return None
    content = bytearray(file.read_bytes())
    letters = [i for i, byte in enumerate(content) if chr(byte).isalpha() and byte < 128]
    if not letters:
        return None
    at = letters[int(place.rng.integers(len(letters)))]
    content[at] = 0xE9
    file.write_bytes(content)
    return f"{file.name}: byte {at} is a latin-1 é"


@named("zip with an entry outside itself", "bytes")
def entry_outside(place: Place) -> str | None:
    import zipfile

    file = place.one(".zip")
    if file is None:
        return None
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../outside.txt", "1")
    return f"{file.name} has ../outside.txt"


OF_ARCHIVES = ("zip with an entry outside itself",)


# Cells


def _edited(place: Place, edit: Callable[[Part], str | None]) -> str | None:
    """Open a file, edit one of its parts, write it again."""
    file = place.one(".csv", ".txt", ".tsv", ".xlsx", ".xls", ".xlsb", ".parquet", ".npz", ".har")
    opened = parts_of(file) if file else None
    if file is None or opened is None or not opened[0]:
        return None
    parts, save = opened
    name = list(parts)[int(place.rng.integers(len(parts)))]
    said = edit(parts[name])
    if said is not None:
        save()
    return said and f"{file.name}{'' if name == file.name else f' {name}'}: {said}"


def _number(
    name: str, change: Callable[[Any, np.random.Generator], Any], where: str, group: str = "number"
) -> None:
    @named(name, group)
    def changed(place: Place) -> str | None:
        def edit(part: Part) -> str | None:
            found = [at for at in part.numbers(where) if float(part.get(at))]
            if not found:
                return None
            at = found[int(place.rng.integers(len(found)))]
            before = part.get(at)
            after = change(float(before), place.rng)
            return f"{at}: {before} → {after}" if part.set(at, after) else None

        return _edited(place, edit)


def _tenfold(value: float, rng: np.random.Generator) -> float:
    return float(value * 10.0 ** rng.choice([-3, -2, -1, 1, 2, 3]))


for _where in ("inside", "last row", "last column"):
    _number(f"decimal point lost, {_where}", _tenfold, _where)
_number("sign lost", lambda value, rng: -value, "inside")
_number(
    "text in a number",
    lambda value, rng: str(rng.choice(["n/a", "x", "1.2.3", "#REF!", "1 e"])),
    "inside",
    "cell",
)
_number("decimal comma", lambda value, rng: f"{value!r}".replace(".", ","), "inside", "cell")
_number(
    "thousands separator",
    lambda value, rng: f"{value:,.3f}" if value > 999 else f"1,{value:.0f}.5",
    "inside",
    "cell",
)
_number("NaN", lambda value, rng: float("nan"), "inside", "cell")
_number("infinite", lambda value, rng: float("inf"), "inside", "cell")
_number("empty cell", lambda value, rng: "", "inside", "cell")


@named("decimal commas throughout", "cell")
def commas(place: Place) -> str | None:
    def edit(part: Part) -> str | None:
        found = part.numbers()
        texts = [at for at in found if "." in str(part.get(at))]
        done = [part.set(at, str(part.get(at)).replace(".", ",")) for at in texts]
        return f"{len(done)} numbers" if done and all(done) else None

    return _edited(place, edit)


@named("two rows exchanged", "label")
def exchanged(place: Place) -> str | None:
    return _edited(place, lambda part: part.exchange(place.rng))


for _axis, _what in enumerate(("row", "column")):

    @named(f"extra {_what}", "shape")
    def extra(place: Place, axis: int = _axis) -> str | None:
        return _edited(place, lambda part: part.repeat(axis, place.rng))

    @named(f"removed {_what}", "shape")
    def removed(place: Place, axis: int = _axis) -> str | None:
        return _edited(place, lambda part: part.remove(axis, place.rng))


def _label(name: str, change: Callable[[Part, Any, Any, np.random.Generator], bool]) -> None:
    @named(name, "label")
    def changed(place: Place) -> str | None:
        def edit(part: Part) -> str | None:
            lines = part.labels()
            if not lines:
                return None
            line = lines[int(place.rng.integers(len(lines)))]
            one, other = (line[int(k)] for k in place.rng.choice(len(line), 2, replace=False))
            before = part.get(one), part.get(other)
            if before[0] == before[1] or not change(part, one, other, place.rng):
                return None
            return f"{one}, {other}: {before[0]!r}, {before[1]!r}"

        return _edited(place, edit)


_label(
    "two labels swapped",
    lambda part, a, b, rng: (lambda u, v: part.set(a, v) and part.set(b, u))(
        part.get(a), part.get(b)
    ),
)
_label("missing label", lambda part, a, b, rng: part.set(a, ""))
_label("duplicated label", lambda part, a, b, rng: part.set(a, part.get(b)))
_label("misspelt label", lambda part, a, b, rng: part.set(a, f"{part.get(a)[:-1]}x"))


# Years and releases


@named("asked for another year", "year")
def asked(place: Place) -> str | None:
    place.year += 7
    return f"asked for {place.year}"


@named("named like another year", "year")
def renamed(place: Place) -> str | None:
    old, new = place.year, place.year + 1
    pairs = ((str(old), str(new)), (f"wiot{old % 100:02}", f"wiot{new % 100:02}"),
             (f"Y{old % 100:02}", f"Y{new % 100:02}"))  # fmt: skip
    done = []
    for path in sorted(place.folder.rglob("*"), reverse=True):
        name = path.name
        for before, after in pairs:
            name = name.replace(before, after)
        if name != path.name:
            path.rename(path.with_name(name))
            done.append(name)
    place.year = new
    return f"renamed to {', '.join(done)}" if done else None


def _mixed(name: str, source: str, group: str) -> None:
    @named(name, group)
    def mixed(place: Place) -> str | None:
        other: Path = getattr(place, source)
        mine, theirs = place.files(), sorted(p for p in other.rglob("*") if p.is_file())
        if len(mine) != len(theirs) or len(mine) < 2:
            return None
        k = int(place.rng.integers(len(mine)))
        if mine[k].read_bytes() == theirs[k].read_bytes():
            return None
        shutil.copyfile(theirs[k], mine[k])
        return f"{mine[k].name} is that of another release"


_mixed("one file of a table of the same size", "twin", "mixed")
_mixed("one file of a table of another size", "stranger", "mixed")


@named("two releases in one place", "mixed")
def beside(place: Place) -> str | None:
    shutil.copytree(place.stranger, place.folder, dirs_exist_ok=True)
    return "files of another year beside"


@named("a release within a release", "mixed")
def within(place: Place) -> str | None:
    shutil.copytree(place.twin, place.folder / "copy")
    return "files of another table of that year in a folder within"
