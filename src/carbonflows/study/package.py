"""A folder of results: written beside its place, then moved there whole, or not at all."""

import datetime
import hashlib
import io
import json
import os
import platform
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from carbonflows.diagnosis import Diagnosis
from carbonflows.errors import StoreError, some
from carbonflows.placing import placing
from carbonflows.study.folders import MANIFEST, REPORT
from carbonflows.study.inputs import Inputs
from carbonflows.study.outcome import Outcome, Picture
from carbonflows.study.report import report
from carbonflows.study.spec import Study

PROFILE = "carbonflows-results"


@contextmanager
def results_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `out` if, and only if, all goes well.

    Parameters
    ----------
    out : Path
        Where the results are to be. An earlier result of this package is replaced; a folder with
        anything else in it is refused.

    Yields
    ------
    Path
        Folder to write into.

    Raises
    ------
    StoreError
        The place is taken, cannot be written, or the disk is full. Nothing half-written is left.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "out"
    >>> with results_folder(place) as folder:
    ...     _ = (folder / "a.txt").write_text("done")
    >>> (place / "a.txt").read_text()
    'done'
    """
    out = Path(os.path.abspath(out))
    with placing(out, overwrite=True, replaceable=_earlier_result) as folder:
        folder.mkdir()
        yield folder


def _earlier_result(out: Path) -> None:
    """Raise unless a folder is empty or holds an earlier result and nothing else."""
    if not out.is_dir():
        raise StoreError(f"{out} is a file: choose another --out", path=str(out))
    present = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    if not present:
        return
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        known = {r["path"] for r in manifest["resources"]} | {MANIFEST}
        ours = manifest.get("profile") == PROFILE
    except (OSError, ValueError, KeyError, TypeError):
        known, ours = set(), False
    foreign = sorted(present - known)
    if not ours or foreign:
        what = some(foreign or sorted(present), 3)
        raise StoreError(
            f"{out} holds files that carbonflows did not write ({what}): move them, or choose "
            "another --out",
            path=str(out), files=foreign,
        )  # fmt: skip


def require_results_place(out: Path) -> None:
    """Raise if results cannot be put at a path, before anything is read.

    Parameters
    ----------
    out : Path

    Raises
    ------
    StoreError
        A file, or a folder with anything in it that carbonflows did not write.
    """
    out = Path(os.path.abspath(out))
    if out.exists():
        _earlier_result(out)


def earlier_results(
    out: Path, digest: str
) -> tuple[dict[str, pd.DataFrame], list[str], Diagnosis] | None:
    """Read results that are there already, if they came from the same inputs and are whole.

    Parameters
    ----------
    out : Path
    digest : str
        Of the inputs asked for; see `Inputs`.

    Returns
    -------
    tables, headlines, diagnosis, or None
        None where there are none, where they came from other inputs, or where a file is not as it
        was written.
    """
    try:
        manifest = json.loads((out / MANIFEST).read_text(encoding="utf-8"))
        if manifest["profile"] != PROFILE or manifest["inputs"] != digest:
            return None
        tables = {}
        for resource in manifest["resources"]:
            data = (out / resource["path"]).read_bytes()
            if resource["hash"] != f"sha256:{hashlib.sha256(data).hexdigest()}":
                return None
            if resource["path"].startswith("tables/"):
                words = {f["name"]: str for f in resource["schema"]["fields"]
                         if f["type"] == "string"}  # fmt: skip
                frame = pd.read_csv(
                    io.BytesIO(data), dtype=words, keep_default_na=False,
                    na_values={f["name"]: [""] for f in resource["schema"]["fields"]
                               if f["type"] == "number"},
                )  # fmt: skip
                frame.attrs = {k: v for k, v in resource.items() if k not in _OF_FILE}
                tables[Path(resource["path"]).stem] = frame
        said = manifest["diagnosis"]
        findings = pd.DataFrame(said["findings"]).astype({"value": float})
        return tables, manifest["headlines"], Diagnosis(said["table"], findings)
    except (OSError, ValueError, KeyError, TypeError):
        return None


_OF_FILE = (
    "name", "path", "format", "mediatype", "encoding", "schema", "bytes", "hash",
)  # fmt: skip
"""What an entry of the manifest says about the file, not about the numbers in it."""


def write_tables(tables: dict[str, pd.DataFrame], folder: Path) -> list[dict[str, Any]]:
    """Write tidy tables as CSV and return their entries for the manifest.

    Parameters
    ----------
    tables : dict of str to DataFrame
    folder : Path
        Results folder; tables go to ``tables/``.

    Returns
    -------
    list of dict
        One resource each: path, schema, unit, what it holds.
    """
    (folder / "tables").mkdir()
    resources = []
    for name, frame in tables.items():
        path = f"tables/{name}.csv"
        frame.to_csv(folder / path, index=False, float_format="%.12g", lineterminator="\n")
        kinds = {"i": "integer", "f": "number", "b": "boolean"}
        fields = [
            {"name": str(c), "type": kinds.get(frame[c].dtype.kind, "string")}
            for c in frame.columns
        ]
        stated = {str(k): v for k, v in frame.attrs.items() if v not in ("", None)}
        resources.append(
            {
                "name": name.replace("_", "-"),
                "path": path,
                "format": "csv",
                "mediatype": "text/csv",
                "encoding": "utf-8",
                "schema": {"fields": fields},
                **stated,
            }
        )
    return resources


def draw_figures(
    study: Study, outcome: Outcome, folder: Path, progress: Callable[[str], None]
) -> tuple[list[Picture], dict[str, Path], list[dict[str, Any]]]:
    """Draw and save a study's figures as PNG and SVG.

    Parameters
    ----------
    study : Study
    outcome : Outcome
    folder : Path
        Results folder; figures go to ``figures/``.
    progress : callable
        Called after each figure.

    Returns
    -------
    list of Picture, dict of str to Path, list of dict
        The pictures, the SVG file of each, and the manifest's entries.
    """
    if not study.figures.draw:
        return [], {}, []
    from carbonflows.figures.style import save

    (folder / "figures").mkdir()
    progress("drawing the first figure")
    drawn, images, resources = [], {}, []
    for picture in outcome.pictures():
        drawn.append(picture)
        if picture.figure is None:
            progress(picture.caption)
            continue
        for file in save(picture.figure, folder / "figures" / picture.stem):
            kind = file.suffix[1:]
            if kind == "svg":
                images[picture.stem] = file
            resources.append(
                {
                    "name": f"figure-{picture.stem.replace('_', '-')}-{kind}",
                    "path": f"figures/{file.name}",
                    "format": kind,
                    "description": picture.caption,
                    "tables": list(picture.tables),
                }
            )
        progress(f"drew {picture.stem.replace('_', ' ')}")
    return drawn, images, resources


def write_results(
    study: Study,
    outcome: Outcome,
    folder: Path,
    inputs: Inputs,
    progress: Callable[[str], None],
) -> None:
    """Write tables, figures, report and the manifest that describes them.

    Parameters
    ----------
    study : Study
    outcome : Outcome
    folder : Path
        An empty folder.
    inputs : Inputs
        What the study started from.
    progress : callable
        Called with the name of each step.
    """
    progress("writing tables")
    resources = write_tables(outcome.tables, folder)
    drawn, images, entries = draw_figures(study, outcome, folder, progress)
    resources += entries
    progress("writing what belongs beside the report")
    resources += outcome.files(folder)
    table, load = outcome.table, outcome.load
    citations = [*study.cites, *([table.source] if table.source else [])]
    if outcome.grouping is not None and outcome.grouping.source:
        citations.append(f"Grouping {outcome.grouping.name}: {outcome.grouping.source}")
    given = inputs.denominators
    citations += [f"{name}: {d.source}" for name, d in given.items()]
    citations = list(dict.fromkeys(citations))
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    packages = {p: version(p) for p in ("carbonflows", "numpy", "scipy", "pandas")}
    grouping = None
    if outcome.grouping is not None:
        grouping = {
            "name": outcome.grouping.name, "source": outcome.grouping.source,
            "sha256": outcome.grouping.hash,
            "route": study.grouping.route if study.grouping else "compute_first",
        }  # fmt: skip
    facts = [
        ("Table", f"{table.label} ({table.price_basis})" if table.price_basis else table.label),
        ("Size", f"{len(table.regions)} regions, {len(table.nodes)} nodes"),
        ("Money", table.unit),
        ("Output", f"policy “{table.output}”"),
        ("Emissions", f"{load.name} in {load.unit}, households "
                      f"{'included' if load.households else 'left out'}"
                      f"{'' if load.has_final else ' (the table gives none)'}"),
        ("Nodes without output", f"their emissions: {load.orphans}"),
        *[(f"SHA-256 of {label}", digest) for label, digest in inputs.hashes.items()],
        *([("Grouping", f"{grouping['name']}, {grouping['route'].replace('_', ' ')}, SHA-256 "
                        f"{grouping['sha256']}")] if grouping else []),
        *[(f"Read from {name}", digest) for name, digest in _files(table.provenance)],
        ("Made with", ", ".join(f"{k} {v}" for k, v in packages.items())
         + f", Python {platform.python_version()}"),
        ("Made on", moment),
    ]  # fmt: skip
    progress("writing the report")
    html = report(study, outcome, drawn, images, facts, citations)
    (folder / REPORT).write_text(html, encoding="utf-8")
    resources.append({"name": "report", "path": REPORT, "format": "html", "mediatype": "text/html"})
    for resource in resources:
        data = (folder / resource["path"]).read_bytes()
        resource |= {"bytes": len(data), "hash": f"sha256:{hashlib.sha256(data).hexdigest()}"}
    manifest = {
        "profile": PROFILE,
        "name": f"carbonflows-{table.name.lower().replace(' ', '-')}-{table.year or 'results'}",
        "title": study.title,
        "created": moment,
        "sources": [{"title": citation} for citation in citations],
        "inputs": inputs.digest,
        "table": {
            "name": table.name, "year": table.year, "unit": table.unit,
            "sha256": inputs.hashes.get(table.label), "price_basis": table.price_basis,
            "output": table.output, "source": table.source,
        },
        "tables": dict(inputs.hashes),
        "emissions": {
            "stressor": load.name, "unit": load.unit, "households": load.households,
            "orphans": load.orphans,
        },
        "grouping": grouping,
        "denominators": {name: d.source for name, d in given.items()},
        "residual": outcome.residual,
        "headlines": outcome.headlines,
        "diagnosis": {
            "table": outcome.diagnosis.table,
            "findings": _records(outcome.diagnosis.findings),
        },
        "versions": {**packages, "python": platform.python_version()},
        "provenance": _plain(table.provenance),
        "resources": resources,
    }  # fmt: skip
    text = json.dumps(manifest, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _records(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Rows of a frame for JSON, which knows no NaN."""
    rows = frame.to_dict("records")
    return [{k: None if pd.isna(v) else v for k, v in row.items()} for row in rows]


def _files(provenance: Any) -> list[tuple[str, str]]:
    listed = provenance.get("files", [])
    pairs = listed.items() if isinstance(listed, dict) else [
        (f.get("name", f.get("path", "file")), f.get("sha256", "")) for f in listed
        if isinstance(f, dict)
    ]  # fmt: skip
    return [(str(name), f"SHA-256 {digest}") for name, digest in pairs]


def _plain(value: Any) -> Any:
    """Turn read-only mappings into plain ones for JSON."""
    if hasattr(value, "items"):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value
