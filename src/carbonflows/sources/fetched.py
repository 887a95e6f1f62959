"""What is known about a fetched file: its record, and how it differs from what is published."""

import hashlib
import json
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carbonflows.placing import placing
from carbonflows.sources.files import file_record

if TYPE_CHECKING:
    from carbonflows.sources.fetch import Remote


def record_of(path: Path, remote: "Remote") -> dict[str, Any]:
    """Hash a file as its publisher does."""
    checksum = None
    if remote.checksum:
        algorithm = remote.checksum.partition(":")[0]
        with open(path, "rb") as file:
            checksum = f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}"
    facts = {**file_record(path), "name": remote.name, "url": remote.url}
    return {**facts, "checksum": checksum}


def difference(record: dict[str, Any], remote: "Remote") -> str | None:
    """Say how a file differs from what its publisher lists."""
    if not record["bytes"]:
        return "is empty"
    if remote.checksum and record["checksum"] != remote.checksum.lower():
        return f"has the checksum {record['checksum']} where {remote.checksum} is published"
    if remote.size not in (None, record["bytes"]):
        return f"has {record['bytes']:,} bytes where {remote.size:,} are published"
    return None


def damage(path: Path) -> str | None:
    """Say what is wrong with a zip archive (Excel workbooks are such)."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, zlib.error) as error:
        return f"is not a sound zip archive ({error})"
    return f"is a damaged zip archive ({bad})" if bad else None


def recorded(target: Path, remote: "Remote") -> dict[str, Any] | None:
    """Return the record of a file that is there, if it is the one meant."""
    old = read_json(record_place(target))
    if not remote.checksum and old.get("url") != remote.url:
        return None
    now = record_of(target, remote)
    same = bool(remote.checksum) or old.get("sha256") == now["sha256"]
    if not same or difference(now, remote):
        return None
    return {**now, "fetched": old.get("fetched")}


def record_place(target: Path) -> Path:
    return target.with_name(target.name + ".fetched.json")


def write_json(path: Path, facts: dict[str, Any]) -> None:
    with placing(path, overwrite=True) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Return facts saved earlier, or none."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
