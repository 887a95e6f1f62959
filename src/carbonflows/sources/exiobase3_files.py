"""Where the files of EXIOBASE 3 lie, and which release, year and system they are."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from carbonflows.errors import SourceError, some
from carbonflows.sources.archive import Files
from carbonflows.sources.files import pick_year
from carbonflows.sources.json_file import json_of

_NAME = r"IOT_(\d{4})_(ixi|pxp)"


@dataclass(frozen=True)
class Release:
    """The files of one year and system.

    Attributes
    ----------
    files : Files
    folder : str
        Folder in `files`, empty or ending in a slash.
    year : int
    system : str or None
        ``ixi`` or ``pxp``.
    version : str or None
        Such as ``3.8.2``, where the metadata state it.
    """

    files: Files
    folder: str
    year: int
    system: str | None
    version: str | None

    @property
    def layout(self) -> str:
        """``"air_emissions"`` (3.9 and later) or ``"satellite"``."""
        return self.satellites[0] if self.satellites else "satellite"

    @property
    def satellites(self) -> tuple[str, ...]:
        """Folders that may hold emissions and primary inputs, the preferred one first."""
        known = ("air_emissions", "factor_inputs", "satellite")
        found = [name for name in known if self.optional(f"{name}/F.txt")]
        return tuple(found if found != list(known) else found[:2])

    @property
    def label(self) -> str:
        """How the provenance calls it."""
        version = self.version or ("3.9 or later" if self.layout == "air_emissions" else "3")
        return " ".join(filter(None, ["EXIOBASE", version, self.system, str(self.year)]))

    def optional(self, name: str) -> str | None:
        """Return the full name of a file of this release, or None."""
        wanted = f"{self.folder}{name}"
        return wanted if wanted in self.files.names else None

    def file(self, name: str) -> str:
        """Return the full name of a file of this release."""
        found = self.optional(name)
        if found is None:
            raise SourceError(
                f"{self.files.path} has no {self.folder}{name}: unpack the whole archive there, "
                "or give the zip",
                path=self.files.path,
            )
        return found

    def shape(self, name: str, index: int = 2, header: int = 2) -> dict[str, Any]:
        """Index columns and header lines of a file, as file_parameters.json says or as usual."""
        place = PurePosixPath(name)
        beside = name[: -len(place.name)]
        beside = beside if beside.startswith(self.folder) else f"{self.folder}{beside}"
        parameters = f"{beside}file_parameters.json"
        if parameters in self.files.names:
            for entry in json_of(self.files, parameters).get("files", {}).values():
                if isinstance(entry, dict) and entry.get("name") == place.name:
                    try:
                        index, header = int(entry["nr_index_col"]), int(entry["nr_header"])
                    except (KeyError, TypeError, ValueError):
                        break
        return {"index": index, "header": header}


def release_of(path: Path, year: int | None, system: str | None) -> Release:
    """Find the files of the year and system asked for.

    Parameters
    ----------
    path : Path
        Folder or zip.
    year : int or None
    system : {"ixi", "pxp"} or None

    Returns
    -------
    Release

    Raises
    ------
    SourceError
        Not there, there more than once, or of an unknown year.
    """
    if system not in (None, "ixi", "pxp"):
        raise SourceError(f"system={system!r} is not known: use 'ixi' or 'pxp'")
    files = Files(path)
    loose = [_loose(files, folder, year) for folder in _cores(files)]
    found = {(one.year, one.system): one for one in loose}
    if len(found) < len(loose):
        raise SourceError(f"{path} holds a year more than once: give the path of one", path=path)
    packed: dict[tuple[int, str | None], Path] = {}
    for name in files.names if files.path.is_dir() else ():
        match = re.fullmatch(rf"{_NAME}.*\.zip", PurePosixPath(name).name, re.IGNORECASE)
        if match:
            key = (int(match[1]), match[2].lower())
            if key in packed or key in found:
                raise SourceError(
                    f"{path} holds {key[0]} {key[1]} more than once: give the path of one",
                    path=path,
                )
            packed[key] = path / name
    there = [*found, *packed]
    if not there:
        raise SourceError(
            f"{path} holds no table of EXIOBASE 3: expected Z.txt or A.txt with Y.txt, or files "
            "like IOT_2020_pxp.zip",
            path=path,
        )
    year = pick_year(dict.fromkeys(y for y, _ in there), year, str(path))
    systems = [s for y, s in there if y == year]
    if system is not None and None not in systems and system not in systems:
        raise SourceError(
            f"{path} has {year} not as {system!r} but as {some(systems)}: choose another system",
            path=path,
        )
    fitting = [s for s in systems if system in (None, s) or s is None]
    if len(fitting) > 1:
        raise SourceError(
            f"{path} has {year} as {some(fitting)}: choose with system=", path=path, year=year
        )
    key = (year, fitting[0])
    return found[key] if key in found else release_of(packed[key], year, system)


def _cores(files: Files) -> list[str]:
    """Folders that hold the flows and the final demand of a release."""
    places: dict[str, None] = {}
    for name in files.names:
        base = PurePosixPath(name).name
        if base in ("Z.txt", "A.txt") and f"{name[: -len(base)]}Y.txt" in files.names:
            places[name[: -len(base)]] = None
    return list(places)


def _loose(files: Files, folder: str, asked: int | None) -> Release:
    meta = f"{folder}metadata.json"
    facts = json_of(files, meta) if meta in files.names else {}
    texts = [f"{files.path.resolve().name}/{folder}", *(str(facts.get(k, "")) for k in _FACTS)]
    named = next((m for t in texts if (m := re.search(_NAME, t, re.IGNORECASE))), None)
    system = named[2].lower() if named else facts.get("system")
    years = [int(named[1])] if named else []
    years = years or [int(y) for t in texts[1:] for y in re.findall(r"\b(?:19|20)\d\d\b", t)]
    if not years and asked is None:
        raise SourceError(
            f"{files.path}: neither the name nor metadata.json says which year it is: say it with "
            "year=",
            path=files.path,
        )
    version = re.search(r"\d+\.\d+(?:\.\d+)?", str(facts.get("version", "")))
    return Release(
        files, folder, years[0] if years else int(asked or 0),
        system if system in ("ixi", "pxp") else None, version[0] if version else None,
    )  # fmt: skip


_FACTS = ("name", "description")


def recognise(files: Files) -> str | None:
    """Return the release, such as ``"EXIOBASE 3 2020 pxp"``, if this is EXIOBASE 3.

    Parameters
    ----------
    files : Files

    Returns
    -------
    str or None
    """
    packed = sorted(
        f"{match[1]} {match[2].lower()}"
        for name in files.names
        if (match := re.fullmatch(rf"{_NAME}.*\.zip", PurePosixPath(name).name, re.IGNORECASE))
    )
    for folder in _cores(files):
        satellite = any(f"{folder}{s}/F.txt" in files.names for s in ("satellite", "air_emissions"))
        named = re.search(_NAME, f"{files.path.name}/{folder}", re.IGNORECASE)
        meta = f"{folder}metadata.json"
        facts = json_of(files, meta) if meta in files.names else {}
        about = " ".join(str(facts.get(k, "")) for k in _FACTS)
        if satellite and (named or re.search("exio", about, re.IGNORECASE) or not facts):
            try:
                return _loose(files, folder, None).label
            except SourceError:
                return "EXIOBASE 3"
    return f"EXIOBASE 3 {', '.join(packed)}" if packed else None
