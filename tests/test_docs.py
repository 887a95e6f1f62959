"""The documentation says what the code does: commands, fields, columns, names, numbers, links."""

import configparser
import importlib
import importlib.util
import inspect
import json
import re
import shlex
import types
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
import typer
from pydantic import BaseModel

import carbonflows as cf
from carbonflows import cli, errors
from carbonflows.sources import NAMES, named, plain
from carbonflows.sources.ceads_inventory import read_ceads_inventory
from carbonflows.study.spec import Study, load_study, studies

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Cells of all rows of all tables of a page."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def refresh() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("refresh", DOCS / "refresh.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFRESH = refresh()
COMMANDS = typer.main.get_command(cli.app).commands


@pytest.mark.parametrize("path", REFRESH.PAGES, ids=lambda path: path.name)
def test_every_answer_on_a_page_is_what_the_code_answers(path):
    text = path.read_text(encoding="utf-8")
    assert REFRESH.refreshed(path) == text, "run: python docs/refresh.py"


@pytest.mark.parametrize("name", ["tables.md", "theory.md"])
def test_tables_made_from_the_full_database(name, shared):
    fresh = REFRESH.refreshed(DOCS / name, shared / "wiod2013")
    assert fresh == page(name), "run: python docs/refresh.py WIOD"


def test_refresh_sees_what_is_out_of_date(tmp_path):
    stale = tmp_path / "stale.md"
    stale.write_text(
        "```console\n$ carbonflows studies\nnone\n```\n\n`a/b.csv`\n\n```text\nc\n```\n\n"
        "```python\nfrom pathlib import Path\nprint(Path('a/b.csv').read_text())\n```\n\n"
        "```text\nd\n```\n\n"
        "```pycon\n>>> 1 + 1\n3\n```\n"
    )
    fresh = REFRESH.refreshed(stale)
    assert "belt-and-road: Embodied carbon flows" in fresh
    assert fresh.count("```text\nc\n") == 2
    assert ">>> 1 + 1\n2\n" in fresh


def test_every_command_is_on_the_command_line_page():
    found = re.findall(r"^## carbonflows (\S+)$", page("cli.md"), re.M)
    assert found == list(COMMANDS)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_option_is_on_the_command_line_page(name):
    command = COMMANDS[name]
    pattern = rf"^## carbonflows {name}\n(.*?)(?=^## |\Z)"
    section = re.search(pattern, page("cli.md"), re.M | re.S)[1]
    assert section.lstrip().startswith(command.help)
    told = {}
    for parameter in command.params:
        if parameter.param_type_name == "argument":
            told[f"`{parameter.name.upper()}`"] = parameter.help
        else:
            flags = [*parameter.opts, *parameter.secondary_opts]
            told[", ".join(f"`{flag}`" for flag in flags)] = parameter.help
    written = {row[0]: row[1] for row in rows(section) if row[0] != "argument or option"}
    assert written == told


def shell_commands(text: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("carbonflows ") and "[OPTIONS]" not in line]


@pytest.mark.parametrize(
    "line", sorted({c for path in REFRESH.PAGES for c in shell_commands(path.read_text("utf-8"))})
)
def test_commands_that_are_only_shown_can_be_parsed(line):
    words = shlex.split(line, comments=True)
    COMMANDS[words[1]].make_context(words[1], words[2:])


def fields(model: type[BaseModel], prefix: str = "") -> dict[str, tuple[object, object]]:
    """Path → annotation and default of every field of a study file."""
    found = {}
    for name, field in model.model_fields.items():
        inner = [
            part
            for part in (field.annotation, *get_args(field.annotation))
            if inspect.isclass(part) and issubclass(part, BaseModel)
        ]
        if not inner or get_origin(field.annotation) is list:
            default = ... if field.is_required() else field.default
            found[prefix + name] = (field.annotation, default)
        for part in inner:
            found |= fields(part, f"{prefix}{name}.")
    return found


def test_every_field_of_a_study_file_is_documented():
    expected = fields(Study)
    assert expected.pop("folder")  # set by the program
    written = {row[0].strip("`"): row[1:3] for row in rows(page("study.md")) if row[0] != "field"}
    assert list(written) == list(expected)
    for name, (kind, default) in expected.items():
        if default is ...:
            shown = "must be given"
        else:
            shown = "none" if default is None else f"`{json.dumps(default)}`"
        assert written[name][1] == shown, name
        if get_origin(kind) is Literal:
            options = ", ".join(f'`"{option}"`' for option in get_args(kind))
            assert written[name][0] == options, name


def test_every_public_name_is_in_the_reference():
    text = page("api/index.rst")
    public = text[: text.index("From the modules")]
    assert re.findall(r"^   ([A-Za-z_]+)$", public, re.M) == list(cf.__all__)


@pytest.mark.parametrize("name", cf.__all__)
def test_every_public_name_has_an_example(name):
    assert ">>> " in inspect.getdoc(getattr(cf, name))


def resolved(name: str) -> object:
    """What a dotted name means in carbonflows or in one of its modules."""
    first, *rest = name.split(".")
    public = first in cf.__all__
    value = getattr(cf, first) if public else importlib.import_module(f"carbonflows.{first}")
    for part in rest:
        value = getattr(value, part, None) or importlib.import_module(f"{value.__name__}.{part}")
    return value


def test_names_of_the_reference_exist():
    text = page("api/index.rst")
    for name in re.findall(r"^   ([a-z_]+(?:\.\w+)+)$", text, re.M):
        assert callable(resolved(name)), name


def test_functions_beside_the_equations_exist():
    section = re.search(r"## Equation and function\n(.*?)^## ", page("theory.md"), re.M | re.S)[1]
    table = [row for row in rows(section) if row[0] != "what"]
    assert len(table) > 20
    for row in table:
        for name in re.findall(r"`([\w.]+)(?:\([^`]*\))?`", row[-1].split("→")[0]):
            assert resolved(name) is not None, name
        column = re.search(r"→ `(\w+)`", row[-1])
        if column:
            function = re.findall(r"`(\w+)` →", row[-1])[-1]
            assert column[1] in getattr(cf, function)(cf.Leontief(cf.example(1995))), row[-1]


@pytest.fixture(scope="module", params=["compute_first", "aggregate_first"])
def results(request, tmp_path_factory):
    out = tmp_path_factory.mktemp("docs") / "out"
    cf.run("belt-and-road", out, figures=False, route=request.param)
    return out


def test_every_table_is_documented_with_its_columns(results):
    expected = {}
    for name, groups, columns in (row for row in rows(page("results.md")) if len(row) == 3):
        stem = name.strip("`").removesuffix(".csv")
        listed = re.findall(r"`(\w+)`", columns)
        for suffix in {"yes": ("", "_groups"), "no": ("",), "only": ("",)}.get(groups, ()):
            expected[stem + suffix] = listed
    written = {
        path.stem: path.read_text(encoding="utf-8").splitlines()[0].split(",")
        for path in (results / "tables").iterdir()
    }
    if "aggregation_bias_groups" not in written:
        del expected["aggregation_bias_groups"]
    assert written == expected


NEW = "Studies of the kind `{}` write"
SERIES = "With several years, studies of flows"


@pytest.mark.parametrize(
    ("study", "changes", "begins"),
    [
        ("drivers", {"table": {"years": "2007,2009"}}, NEW.format("drivers")),
        ("uncertainty", {"uncertainty": {"draws": 2}}, NEW.format("uncertainty")),
        ("belt-and-road", {"table": {"year": None, "years": "2007,2009"}}, SERIES),
        ("bridge", {"table": {"year": None, "years": "2007,2009"}}, SERIES),
        ("carbon-trust", {"table": {"year": None, "years": "2007,2009"}}, SERIES),
    ],
)
def test_tables_of_change_are_documented_with_their_columns(study, changes, begins, tmp_path):
    loaded = load_study(study)
    told = {name: getattr(loaded, name).model_dump() | some for name, some in changes.items()}
    loaded = Study.model_validate(loaded.model_dump() | told)
    cf.run(loaded, tmp_path / "out", figures=False)
    text = page("results.md")
    section = text[text.index(begins) :]
    table = re.search(r"^\| file \|.*?\n\n", section, re.M | re.S)[0]
    columns = {name.strip("`"): re.findall(r"`(\w+)`", told) for name, told in rows(table)[1:]}
    written = {path.name: path for path in (tmp_path / "out" / "tables").iterdir()}
    series = begins == SERIES
    for name, path in written.items():
        stem = name.replace("_groups", "")
        if series and stem not in columns:
            continue  # the study's own tables, above
        assert stem in columns, name
        if stem != "diagnosis.csv":
            header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
            assert header == columns[stem], name
    optional = {"ensemble.csv", "ensemble_variance.csv", "trend_ladder.csv", "trend_sectors.csv"}
    assert set(columns) - optional <= set(written)


def test_columns_are_explained():
    text = page("results.md")
    section = text[text.index("## Columns") :]
    explained = re.findall(r"^`(\w+\.csv)`", section, re.M)
    listed = [row[0].strip("`") for row in rows(text) if len(row) == 3 and row[0] != "file"]
    assert sorted(explained) == sorted(listed)


def test_manifest_is_documented(results):
    manifest = json.loads((results / "datapackage.json").read_text(encoding="utf-8"))
    text = page("results.md")
    section = text[text.index("## datapackage.json") :]
    keys = [key for row in rows(section) for key in re.findall(r"`(\w+)`", row[0])]
    assert sorted(keys) == sorted(manifest)
    for name in ("table", "emissions", "grouping"):
        told = next(row[1] for row in rows(section) if row[0] == f"`{name}`")
        assert sorted(re.findall(r"`(\w+)`", told)) == sorted(manifest[name]), name


def test_every_error_is_documented():
    defined = {
        name: kind.__mro__
        for name, kind in vars(errors).items()
        if inspect.isclass(kind) and issubclass(kind, cf.CarbonflowsError)
    }
    del defined["CarbonflowsError"]
    table = {row[0].strip("`"): row[1].strip("`") for row in rows(page("errors.md"))[1:]}
    assert set(table) == set(defined)
    for name, builtin in table.items():
        assert builtin in [kind.__name__ for kind in defined[name]], name


def test_sources_and_keys_of_plain_folders_are_documented():
    text = page("tables.md")
    first = re.search(r"\| source \| what .*?\n\n", text, re.S)[0]
    assert sorted(row[0].strip("`") for row in rows(first)[1:]) == sorted(NAMES)
    keys = re.search(r"\| key of `table.toml` .*?\n\n", text, re.S)[0]
    told = [k for row in rows(keys)[1:] for k in re.findall(r"`\[?(\w+)\]?`", row[0])]
    assert sorted(told) == sorted(plain._KEYS)


@pytest.mark.parametrize("name", [*NAMES, "CEADs inventories"])
def test_every_policy_of_a_reader_is_documented(name):
    reader = named(name).read if name in NAMES else read_ceads_inventory
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page("readers.md"), re.M | re.S)[1]
    told = {row[0].strip("`"): row[1:] for row in rows(section) if row[0] != "keyword"}
    policies = [
        p for p in inspect.signature(reader).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    assert list(told) == [p.name for p in policies]
    for policy in policies:
        choices, default, what = told[policy.name]
        value = policy.default
        text = json.dumps(value) if isinstance(value, str) else repr(value)
        assert default == ("none" if value is None else f"`{text}`"), policy.name
        kinds = [policy.annotation, *get_args(policy.annotation)]
        literal = [x for kind in kinds if get_origin(kind) is Literal for x in get_args(kind)]
        for choice in literal:
            shown = "false" if choice is False else f'`"{choice}"`'
            assert shown in choices, (policy.name, choice)
        assert what


def test_order_of_modules_is_the_one_that_is_checked():
    settings = configparser.ConfigParser()
    settings.read(ROOT / ".importlinter")
    layers = settings["importlinter:contract:left-to-right"]["layers"].split()
    order = [layer.removeprefix("carbonflows.") for layer in reversed(layers)]
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    chain = re.search(r"`(errors →[^`]*)`", contributing)[1]
    assert re.split(r"\s*→\s*", chain) == order
    house = re.search(r"\| module \| .*?\n\n", page("design.md"), re.S)[0]
    modules = [row[0].strip("`/") for row in rows(house)[1:]]
    assert modules == [*order, "data"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_and_paths_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", text):
        assert (ROOT / target).exists(), target
    for path in re.findall(r"`((?:src|docs|tests|examples|scripts|study)/[\w./-]+)`", text):
        places = [ROOT / path, ROOT / "src" / "carbonflows" / path]
        built = path.startswith("docs/_build")
        assert built or any(place.exists() for place in places), path


def test_make_targets_that_are_named_exist():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    pages = [README, (ROOT / "CONTRIBUTING.md").read_text("utf-8"), page("start.md")]
    for text in pages:
        named = set(re.findall(r"(?:^|`)make ([a-z]+)", text, re.M))
        assert named
        assert named <= targets


def test_picture_is_small_and_from_the_example_that_is_named():
    command = re.search(r"`python (examples/\w+\.py) (docs/_static/\w+\.png)`", README)
    assert (ROOT / command[1]).is_file()
    assert (ROOT / command[2]).stat().st_size < 150_000


def test_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {cf.__version__}\n" in citation
    assert re.search(r"^## (\S+),", changelog, re.M)[1] == cf.__version__
    assert "### Numbers that change" in changelog


def test_shipped_study_is_the_one_that_the_pages_run():
    assert "carbonflows run belt-and-road" in README
    assert studies() == (
        "belt-and-road", "bridge", "carbon-trust", "china-provinces", "drivers", "export-hotspots",
        "uncertainty",
    )  # fmt: skip
