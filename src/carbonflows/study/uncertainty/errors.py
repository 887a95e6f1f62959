"""The errors that a study file names, made for the table at hand."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from carbonflows.errors import CarbonflowsError, StudyError, some
from carbonflows.labels import Array, repeated
from carbonflows.study.spec import Study
from carbonflows.study.uncertainty.spec import ErrorSpec, FuelsSpec
from carbonflows.table import IOTable
from carbonflows.uncertainty.cells import LEVELS, Part, chosen_stressors

if TYPE_CHECKING:
    from carbonflows.uncertainty.first_order import AnyError

WORDS = {
    "emissions": "Emissions of nodes", "households": "Emissions of households",
    "inputs": "Inputs", "demand": "Final demand",
}  # fmt: skip


class Named(NamedTuple):
    """One error of the study file: what it is called, how large, and what it is made of."""

    name: str
    on: Part
    size: str
    shared: str
    note: str
    errors: "tuple[AnyError, ...]"


def named_errors(study: Study, table: IOTable) -> list[Named]:
    """Make the errors of a study for its table.

    Parameters
    ----------
    study : Study
        Its ``[[uncertainty.error]]`` and ``[uncertainty.fuels]``.
    table : IOTable

    Returns
    -------
    list of Named
        In the order of the file; each with one error, or two where it is shared in part.

    Raises
    ------
    StudyError
        No error at all, or one that does not fit the table; the message names it.

    Examples
    --------
    >>> from carbonflows.table import two_regions
    >>> error = {"on": "emissions", "sd": 0.1, "by": ["region"]}
    >>> told = {"title": "toy", "table": {"source": "plain"}, "uncertainty": {"error": [error]}}
    >>> study = Study.model_validate(told)
    >>> [(one.name, one.size, one.shared) for one in named_errors(study, two_regions())]
    [('Emissions of nodes', '10 %', 'within region')]
    """
    spec = study.uncertainty
    if not spec.error and spec.fuels is None:
        raise StudyError(
            "uncertainty: no source of error is named, so nothing would vary: add an "
            "[[uncertainty.error]] or [uncertainty.fuels]"
        )
    found = []
    for number, one in enumerate(spec.error, 1):
        same = [other for other in spec.error if not other.name and other.on == one.on]
        place = [other is one for other in same].index(True) + 1 if not one.name else 0
        name = one.name or WORDS[one.on] + (f" {place}" if len(same) > 1 else "")
        found.append(_made(study, one, name, f"uncertainty.error {number} ({name})", table))
    if spec.fuels is not None:
        found.append(_of_fuels(study, spec.fuels, table))
    return found


def _made(study: Study, one: ErrorSpec, name: str, where: str, table: IOTable) -> Named:
    """Make one error, or the shared and the own part of one."""
    from carbonflows.uncertainty.model import Error, correlated
    from carbonflows.uncertainty.sizes import SizeLaw

    sd: float | pd.Series | pd.DataFrame | SizeLaw
    if one.file is not None:
        sd = sd_of_file(Path(study.placed(one.file)), one.on)
        size = f"from {Path(one.file).name}"
    elif one.size is not None:
        sd = SizeLaw(one.size.a, one.size.b, one.size.most, one.size.unit)
        most = f", at most {_percent(one.size.most)}" if one.size.most is not None else ""
        a, sign, b = one.size.a, "−" if one.size.b < 0 else "+", abs(one.size.b)
        unit = f" in {one.size.unit}" if one.size.unit else ""
        size = f"ln rsd = {a:g} {sign} {b:g} ln|value|{unit}{most}".replace("= -", "= −")
    else:
        assert one.sd is not None  # the schema asks for one of three
        sd, size = one.sd, _percent(one.sd)
    levels = () if one.by == "cell" else tuple(one.by)
    within = f"within {' and '.join(levels).replace('_', ' ')}" if levels else "by all"
    try:
        if one.rho is not None:
            errors = correlated(one.on, sd, one.rho, levels, stressor=one.stressor)
            shared = f"{_percent(one.rho)} of the log variance {within}, the rest each cell's own"
        elif one.by == "cell":
            errors, shared = [Error(one.on, sd, stressor=one.stressor)], "each cell its own"
        else:
            errors, shared = [Error(one.on, sd, levels, one.stressor)], within
        for error in errors:
            error.relative(table)
        if one.on in ("emissions", "households"):
            chosen_stressors(table, one.stressor, one.on)
    except CarbonflowsError as problem:
        raise StudyError(f"{where}: {problem}") from problem
    return Named(name, one.on, size, shared, one.note, tuple(errors))


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def sd_of_file(path: Path, on: Part) -> "pd.Series[float]":
    """Read relative standard deviations by any of the labels that a part of a table has.

    Parameters
    ----------
    path : Path
        CSV with a column ``sd`` and one or more of the labels: region and sector (emissions),
        region and category (households), source_region, source_sector, user_region and user_sector
        (inputs), source_region, source_sector, demand_region and category (demand).
    on : {"emissions", "households", "inputs", "demand"}

    Returns
    -------
    Series
        By those of the labels that the file has [1].

    Raises
    ------
    StudyError
        A file that cannot be read, columns or numbers that do not fit, labels given twice.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "sd.csv"
    >>> _ = path.write_text("region,sd\\nA,0.05\\nB,0.1\\n")
    >>> sd_of_file(path, "emissions").to_dict()
    {'A': 0.05, 'B': 0.1}
    """
    levels = LEVELS[on]
    frame = _read(path, f"a column sd and some of {some(levels)}")
    own = [level for level in levels if level in frame]
    odd = [column for column in frame if column not in (*levels, "sd")]
    if "sd" not in frame or not own or odd:
        lacks = "sd" if own else "of labels"
        wrong = f"has a column {odd[0]!r}" if odd else f"has no column {lacks}"
        raise StudyError(f"{path} {wrong}: columns are sd and some of {some(levels)}")
    values = _numbers(path, frame, "sd")
    index = pd.Index(frame[own[0]]) if len(own) == 1 else pd.MultiIndex.from_frame(frame[own])
    if twice := repeated(index):
        raise StudyError(f"{path}: {some(twice)} given twice; give each once")
    return pd.Series(values, index)


def _of_fuels(study: Study, spec: FuelsSpec, table: IOTable) -> Named:
    """Make the errors of emissions by fuel: region, sector, fuel, value of each."""
    from carbonflows.uncertainty.fuels import FuelErrors

    path = Path(study.placed(spec.file))
    wanted = ["region", "sector", "fuel", "value"]
    frame = _read(path, f"the columns {some(wanted)}")
    if lacking := [column for column in wanted if column not in frame]:
        raise StudyError(f"{path} has no column {some(lacking)}: columns are {some(wanted)}")
    frame["value"] = _numbers(path, frame, "value", signed=True)
    index = pd.MultiIndex.from_frame(frame[wanted[:3]])
    if twice := repeated(index):
        raise StudyError(f"{path}: {some(twice)} given twice; give each once")
    by_fuel = frame.pivot_table(
        index=["region", "sector"], columns="fuel", values="value", fill_value=0.0, sort=False
    )  # no line: nothing burnt; the sum is checked below
    strangers = by_fuel.index.difference(table.nodes)
    if len(strangers):
        way_out = f"its nodes are {some(table.nodes)}"
        raise StudyError(f"{path}: {some(strangers)} is not in {table.label}: {way_out}")
    by_fuel = by_fuel.reindex(table.nodes, fill_value=0.0)
    try:
        errors = FuelErrors(
            by_fuel, spec.activity, spec.factor, activity_by=spec.activity_by,
            factor_by=spec.factor_by, stressor=spec.stressor or _stressor(study),
        )  # fmt: skip
        errors.shares(table)
    except CarbonflowsError as problem:
        raise StudyError(f"uncertainty.fuels ({path}): {problem}") from problem
    size = "; ".join(
        f"{what} " + ", ".join(f"{fuel} {_percent(sd)}" for fuel, sd in given.items())
        for what, given in (("activity", spec.activity), ("factor", spec.factor))
    )
    shared = f"activity by {spec.activity_by}, factor by {spec.factor_by}"
    return Named(spec.name, "emissions", size, shared, spec.note, (errors,))


def _stressor(study: Study) -> str | None:
    """The study's stressor, if it is a single one."""
    chosen = study.emissions.stressor
    return chosen if isinstance(chosen, str) else None


def _read(path: Path, wanted: str) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read as CSV ({error}): give {wanted}") from error


def _numbers(path: Path, frame: pd.DataFrame, column: str, *, signed: bool = False) -> Array:
    """Return a column as finite numbers, not negative unless `signed`."""
    found = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float)
    bad = ~np.isfinite(found) | (found < 0 if not signed else False)
    if bad.any():
        at = int(np.argmax(bad))
        raise StudyError(
            f"{path} line {at + 2}: {column} is {frame[column][at]!r}: give a finite number"
            + ("" if signed else " from 0 up")
        )
    return found
