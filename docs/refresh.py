"""Run every command and snippet on the pages again and write down what they answer.

    python docs/refresh.py [WIOD]

WIOD is a folder with the 2013 release; without it the two tables made from it stay as they are. The
tests use `refreshed` to see that no page is out of date.

What is run: ``console`` blocks (lines after ``$``), ``pycon`` blocks, and ``python`` blocks
followed by a ``text`` block or, if their first line says ``# name.py PATH``, by a table. A line
that begins with a file's name in backquotes says that the block below is that file. A line with
nothing but ``…`` stands for the rest of an output.
"""

import contextlib
import doctest
import io
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(r"^```([^`\n]*)\n(.*?)^```$", re.M | re.S)
_NAMED = re.compile(r"^`([\w./-]+\.\w+)`[^`\n]*\n\n$", re.M)


def refreshed(page: Path, wiod: Path | None = None) -> str:
    """Return a page's text with every answer as it is now."""
    text = page.read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    parts: list[str] = []
    place, before, answer = 0, "", ""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block in _BLOCK.finditer(text):
            kind, body = block[1], block[2]
            between = text[place : block.start()]
            if kind == "text" and before == "python" and not between.strip():
                body = answer
            named = _NAMED.search(between[-200:])
            if named and between.endswith(named[0]):
                file = Path(named[1])
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(body, encoding="utf-8")
            elif kind == "console":
                body = _console(body)
            elif kind == "pycon":
                body = _session(body, names)
            if before == "script" and wiod is not None:
                between = _table(between, answer)
            parts += [between, f"```{kind}\n{body}```"]
            place, before = block.end(), kind
            if kind == "python" and re.match(r"# \w+\.py PATH", body):
                before = "script"
                answer = "" if wiod is None else _python(body, {}, [str(wiod)])
            elif kind == "python":
                answer = _python(body, names, [])
        rest = text[place:]
        parts.append(_table(rest, answer) if before == "script" and wiod is not None else rest)
    return "".join(parts)


def _console(body: str) -> str:
    lines: list[str] = []
    asked: list[tuple[str, list[str]]] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            asked.append((line, []))
        else:
            asked[-1][1].append(line)
    for command, shown in asked:
        answer = _command(command.split()[1:]).splitlines()
        if "…" in shown:
            answer = [*answer[: shown.index("…")], "…"]
        lines += [command, *(line.rstrip() for line in answer)]
    return "\n".join(lines) + "\n"


def _command(words: list[str]) -> str:
    from carbonflows.cli import main

    assert words[0] == "carbonflows", words
    if words[1] == "run" and "--no-figures" not in words:
        words = [*words, "--no-figures"]  # what is printed stays the same
    out = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(out),
        contextlib.suppress(SystemExit),
    ):
        main(words[1:])
    return out.getvalue().replace(os.getcwd(), "…")


def _session(body: str, names: dict[str, Any]) -> str:
    lines = []
    for example in doctest.DocTestParser().get_examples(body):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(example.source, "<page>", "single"), names)
        first, *more = example.source.splitlines()
        lines += [f">>> {first}", *(f"... {line}".rstrip() for line in more)]
        lines += out.getvalue().splitlines()
    return "\n".join(lines) + "\n"


def _python(body: str, names: dict[str, Any], arguments: list[str]) -> str:
    out, given = io.StringIO(), sys.argv
    sys.argv = ["page.py", *arguments]
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(body, "<page>", "exec"), names)
    finally:
        sys.argv = given
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _table(between: str, rows: str) -> str:
    """Replace the rows of the first table in some text."""
    return re.sub(r"(^\|-[-|]*\|\n)(\|.*\n)*", lambda m: m[1] + rows, between, count=1, flags=re.M)


if __name__ == "__main__":
    where = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else None
    for page in PAGES:
        new = refreshed(page, where)
        if new != page.read_text(encoding="utf-8"):
            page.write_text(new, encoding="utf-8")
            print(f"changed {page.relative_to(ROOT)}")  # noqa: T201
