"""Study files: what is read, and what is said about what is wrong."""

from pathlib import Path

import pytest

from carbonflows.errors import StudyError
from carbonflows.study import load_study, studies

GOOD = """title = "Mine"

[table]
source = "plain"
path = "world"
year = 2012

[emissions]
stressor = ["CO2", "CO2 process"]
households = false

[grouping]
name = "blocs.csv"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_shipped_study_loads():
    for name in studies():
        assert load_study(name).title


def test_fields_and_defaults(tmp_path):
    study = load_study(written(tmp_path, GOOD))
    assert study.table.year == 2012
    assert study.emissions.stressor == ["CO2", "CO2 process"]
    assert not study.emissions.households
    assert study.emissions.orphans == "direct"
    assert study.grouping is not None
    assert study.grouping.route == "compute_first"
    assert study.folder == str(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ('title = "Mine"', "", 1, "title is missing"),
        ("year = 2012", 'year = "twenty"', 6, "table.year is wrong"),
        ("households = false", "household = false", 10, "emissions.household is not a known field"),
        ('name = "blocs.csv"', 'route = "other"', 12, "grouping.name is missing"),
        ("[grouping]", "[groupings]", 12, "groupings is not a known field"),
        ('source = "plain"', "source = plain", 4, "not valid TOML"),
        ('stressor = ["CO2", "CO2 process"]', "stressor = 7", 9, "emissions.stressor"),
    ],
)
def test_errors_name_the_line(tmp_path, before, after, line, said):
    assert before in GOOD
    file = written(tmp_path, GOOD.replace(before, after))
    with pytest.raises(StudyError, match=said) as caught:
        load_study(file)
    assert f"line {line}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_of_the_reader(tmp_path):
    assert load_study(written(tmp_path, GOOD)).table.options == {}
    text = GOOD.replace(
        "[emissions]",
        '[table.options]\nco2 = ["one", "two"]\nunbalanced = "keep"\nverify = false\n\n[emissions]',
    )
    assert load_study(written(tmp_path, text)).table.options == {
        "co2": ["one", "two"], "unbalanced": "keep", "verify": False,
    }  # fmt: skip
    text = GOOD.replace("year = 2012", 'year = 2012\noptions = "keep"')
    with pytest.raises(StudyError, match=r"line 7: table.options is wrong"):
        load_study(written(tmp_path, text))


def test_lists_of_tables_are_counted(tmp_path):
    text = GOOD + (
        '\n[published]\nsource = "s"\ndiffers = "d"\n'
        '\n[[published.values]]\nquantity = "net exports"\nregion = "A"\nvalue = 1\nunit = "Mt"\n'
        '\n[[published.values]]\nquantity = "net exports"\nregion = "B"\nvalue = "x"\nunit = "Mt"\n'
    )
    with pytest.raises(StudyError, match="value") as caught:
        load_study(written(tmp_path, text))
    assert text.splitlines()[caught.value.line - 1] == 'value = "x"'


def test_entries_of_lists_are_counted_from_one_and_named(tmp_path):
    text = GOOD + (
        '\n[uncertainty]\n[[uncertainty.error]]\non = "demand"\nsd = 0.1\n'
        '[[uncertainty.error]]\nname = "totals"\non = "inputs"\nsd = -1\nrho = 7\n'
    )
    with pytest.raises(StudyError) as caught:
        load_study(written(tmp_path, text))
    assert " line 22: uncertainty.error 2 (totals).sd is wrong: input" in str(caught.value)
    assert str(caught.value).endswith("(also look at uncertainty.error 2 (totals).rho)")
    with pytest.raises(StudyError, match=r"uncertainty\.error 1\.sd is wrong"):
        load_study(written(tmp_path, text.replace("sd = 0.1", 'sd = "x"')))


@pytest.mark.parametrize("name", ["belt", "nowhere.toml"])
def test_unknown_studies(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match=name.split(".")[0]):
        load_study(name)


def test_an_unknown_study_is_told_all_that_are_shipped():
    with pytest.raises(StudyError) as caught:
        load_study("belt")
    assert f"shipped are {', '.join(studies())};" in str(caught.value)
