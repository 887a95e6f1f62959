"""A study as a file: what to read, what to ask, what to draw.

Study files are TOML. They are checked against the schema below before anything is read; an error
names the file, the line and what was expected there.
"""

import re
import tomllib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from carbonflows.errors import StudyError, some
from carbonflows.study.drivers.spec import DriversSpec
from carbonflows.study.hotspots.spec import HotspotsSpec
from carbonflows.study.strict import Names, Strict
from carbonflows.study.uncertainty.spec import UncertaintySpec


class TableSpec(Strict):
    """Which table: a source of `carbonflows.read`, its path, its year or years, its options."""

    source: str
    path: str | None = None
    year: int | None = None
    years: str | None = None
    options: dict[str, Any] = {}


class EmissionsSpec(Strict):
    """Which emissions: stressor or stressors, households, nodes without output."""

    stressor: str | list[str] | None = None
    households: bool = True
    orphans: Literal["direct", "raise", "drop", "spread"] = "direct"


class GroupingSpec(Strict):
    """Which groups of regions, which of them are the study's block, and by which route."""

    name: str
    highlight: str = ""
    members: list[str] = []
    route: Literal["compute_first", "aggregate_first"] = "compute_first"


class IntensitySpec(Strict):
    """Denominators of the two maps, and files with GDP [USD] and population by country."""

    production: str = "value_added"
    consumption: str = "final_demand"
    gdp: str | None = None
    population: str | None = None


class BridgeSpec(Strict):
    """Sectors that extract and that process fuels, for extraction-based responsibility."""

    extraction: Names = []
    processing: Names = []


class PartSpec(Strict):
    """One part of a sector that is taken apart: its shares, see `carbonflows.Part`."""

    output: float | dict[str, float]
    sales: dict[str, float] = {}
    inputs: dict[str, float] = {}
    emissions: float | dict[str, float] | None = None


class SplitSpec(Strict):
    """A sector to be taken apart before anything is computed."""

    sector: str
    parts: dict[str, PartSpec]
    note: str = ""


class SectorSpec(Strict):
    """One sector study: a commodity, or final products."""

    name: str
    sectors: Names
    what: Literal["commodity", "product"] = "commodity"
    heads: list[str] = []
    note: str = ""
    tonnes: str | None = None
    per_tonne: list[float] = []


class SectorsSpec(Strict):
    """What the sector studies share."""

    electricity: Names = []
    stages: str | None = None


class ProvincesSpec(Strict):
    """A country whose regions are to be put inside the world."""

    country: str = "CHN"
    folder: str | None = None
    number: int = Field(default=12, ge=4, le=40)
    seed: int = Field(default=0, ge=0)
    unit: str = ""
    gdp_unit: str = "M CNY"
    concordance: str | None = None
    proxy: Literal["emissions", "gdp", "both"] = "both"
    quotients: Literal["slq", "cilq", "rlq", "flq", "aflq", "pool"] = "slq"
    delta: float = Field(default=0.3, ge=0, lt=1)
    gravity: Literal["ols", "ppml", "ml", "s2sls"] = "ml"
    neighbours: int = Field(default=5, ge=1)
    otherwise: Literal["hulu_hewings", "inverse_distance", "proportional"] = "hulu_hewings"
    decay: float = Field(default=1.0, gt=0)
    totals: Literal["outflow", "inflow", "geometric"] = "geometric"
    most: float = Field(default=0.1, ge=0)
    fuels: dict[str, str] = {}
    emissions: Literal["given", "national"] = "given"
    drivers: dict[str, list[str]] = {}
    sensitivity: bool = True


class FiguresSpec(Strict):
    """How much the figures show."""

    draw: bool = True
    arcs: int = Field(default=25, ge=1)
    regions: int = Field(default=60, ge=0)


class PublishedValue(Strict):
    """One number that a study printed."""

    quantity: Literal[
        "net exports",
        "share of all net exports",
        "share consumed within",
        "production intensity",
        "consumption intensity",
        "consumption over production",
        "exported share, gross",
        "exported share, net",
        "traded share",
        "share of commodities",
        "outside share",
        "imported share of consumption",
        "exports originating",
        "exports emitted elsewhere",
        "caused by investment",
        "share for abroad",
        "consumption per GDP",
        "consumption per head",
        "net domestic exports per GDP",
        "flux",
        "driven from abroad",
        "share of industrial emissions",
        "share of what is driven from abroad",
        "share of emitting sectors",
        "share of category",
        "land with share of emissions",
        "rank as a country",
    ]
    region: str
    value: float
    unit: str


class PublishedSpec(Strict):
    """What a study printed, and what in its data differs."""

    source: str
    differs: str
    values: list[PublishedValue] = []


class Study(Strict):
    """A study: everything that a run needs to know."""

    title: str
    kind: Literal[
        "flows", "bridge", "sectors", "provinces", "hotspots", "drivers", "uncertainty"
    ] = "flows"
    question: str = ""
    cites: list[str] = []
    table: TableSpec
    emissions: EmissionsSpec = EmissionsSpec()
    grouping: GroupingSpec | None = None
    intensity: IntensitySpec = IntensitySpec()
    bridge: BridgeSpec = BridgeSpec()
    sectors: SectorsSpec = SectorsSpec()
    split: list[SplitSpec] = []
    sector: list[SectorSpec] = []
    provinces: ProvincesSpec = ProvincesSpec()
    hotspots: HotspotsSpec = HotspotsSpec()
    drivers: DriversSpec = DriversSpec()
    uncertainty: UncertaintySpec = UncertaintySpec()
    figures: FiguresSpec = FiguresSpec()
    published: PublishedSpec | None = None
    folder: str = ""
    """Folder of the study file; relative paths in it start there."""

    def placed(self, name: str) -> str:
        """Return where a file that the study names is; names without a suffix are shipped ones."""
        if not Path(name).suffix or not self.folder:
            return name
        return str(Path(self.folder) / name)

    @property
    def highlight(self) -> str:
        """What the study's block of groups is called."""
        return (self.grouping.highlight if self.grouping else "") or "block"

    def changed(self, **sections: dict[str, Any]) -> "Study":
        """Return this study with fields of its sections replaced; None leaves a field alone."""
        update: dict[str, Any] = {}
        for section, fields in sections.items():
            kept = {key: value for key, value in fields.items() if value is not None}
            if not kept:
                continue
            before = getattr(self, section)
            if before is None:
                if "name" not in kept:
                    raise StudyError(
                        f"the study has no grouping, so {some(kept)} cannot be set: name a grouping"
                    )
                update[section] = GroupingSpec(**kept)
            else:
                update[section] = before.model_copy(update=kept)
        return self.model_copy(update=update)


def studies() -> tuple[str, ...]:
    """Names of the studies that ship with the package.

    Examples
    --------
    >>> studies()
    ('belt-and-road', 'bridge', 'carbon-trust', 'china-provinces', 'drivers', 'export-hotspots',
    'uncertainty')
    """
    return tuple(
        sorted(f.name.removesuffix(".toml") for f in _shipped().iterdir() if f.suffix == ".toml")
    )


def _shipped() -> Path:
    return Path(str(files("carbonflows") / "data" / "studies"))


def load_study(study: str | Path) -> Study:
    """Read a study that ships with the package, or a TOML file.

    Parameters
    ----------
    study : str or Path
        A shipped name (see `studies`) or the path of a ``.toml`` file.

    Returns
    -------
    Study

    Raises
    ------
    StudyError
        No such study; not TOML; a field that is missing, unknown or of the wrong kind. The message
        names the file and the line.

    Examples
    --------
    >>> load_study("belt-and-road").table.source
    'example'
    """
    path = Path(study)
    if path.suffix != ".toml":
        if str(study) not in studies():
            raise StudyError(
                f"no study {str(study)!r}: shipped are {some(studies(), most=99)}; a file of your "
                "own must end in .toml"
            )
        path = _shipped() / f"{study}.toml"
        folder = ""
    else:
        folder = str(path.parent.resolve())
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise StudyError(f"study file {path} does not exist") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"study file {path} cannot be read: {error}") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path} is not valid TOML: {error}") from error
    try:
        return Study.model_validate({**data, "folder": folder})
    except ValidationError as error:
        found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        first = found[0]
        keys = [part for part in first["loc"] if part != "folder"]
        line = _line(text, keys)
        where = _where(data, keys) or "the file"
        what = _said(first["type"], first["msg"])
        rest = [_where(data, e["loc"]) for e in found[1:]]
        also = f" (also look at {some(rest)})" if rest else ""
        raise StudyError(
            f"{path} line {line}: {where} {what}{also}", path=str(path), line=line, key=where
        ) from error


def _said(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing: add it"
    if kind == "extra_forbidden":
        return "is not a known field: remove it or check its spelling"
    return f"is wrong: {message[0].lower()}{message[1:]}"


def _where(data: Any, keys: Sequence[int | str]) -> str:
    """Write a key path; entries of lists are counted from 1, with their name if they have one."""
    where = ""
    for key in keys:
        try:
            data = data[key]
        except (KeyError, IndexError, TypeError):  # missing, or the name of a type
            data = None
        if isinstance(key, int):
            name = data.get("name") if isinstance(data, dict) else None
            where += f" {key + 1}" + (f" ({some([name])})" if name else "")
        else:
            where += f".{key}" if where else key
    return where


def _line(text: str, keys: list[int | str]) -> int:
    """Best line for a key path: the key itself, else the section it belongs in, else line 1."""
    lines = text.splitlines()
    best, start = 1, 0
    path: list[str] = []
    for key in keys:
        if isinstance(key, int):
            header = rf"\[\[\s*{re.escape('.'.join(path))}\s*\]\]"
            found = [i for i, line in enumerate(lines) if re.match(header, line.strip())]
            if key < len(found):
                start, best = found[key] + 1, found[key] + 1
            continue
        path.append(key)
        header = rf"\[+\s*{re.escape('.'.join(path))}\s*\]+"
        for i in range(start, len(lines)):
            line = lines[i].strip()
            if re.match(header, line) or re.match(rf"{re.escape(key)}\s*=", line):
                start, best = i + 1, i + 1
                break
    return best
