"""Tables of the report: which may break over pages, and how units are written."""

import re

import pandas as pd

from carbonflows.study.html import MOST_ROWS, SHORT, html_table


def test_only_tables_of_few_lines_keep_to_one_page() -> None:
    few, many = ([["note", 1.0]] * n for n in (SHORT, SHORT + 1))
    tall = [["a finding with very much to say " * 9, 1.0]] * 4  # few rows, many lines
    short = {
        name: 'class="scroll short"' in html_table(pd.DataFrame(rows, columns=["Text", "Value"]))
        for name, rows in (("few", few), ("many", many), ("tall", tall))
    }
    assert short == {"few": True, "many": False, "tall": False}


def test_units_have_subscripts_and_names_of_sectors_do_not() -> None:
    frame = pd.DataFrame({"Traded [Mt CO2]": [1.0], "CO2 capture": [2.0]})
    html = html_table(frame, "Exports, Mt CO2")
    assert "<caption>Exports, Mt CO₂</caption>" in html
    assert ">Traded [Mt CO₂]<" in html
    assert ">CO2 capture<" in html


def test_years_have_no_thousands() -> None:
    html = html_table(pd.DataFrame({"Year": [1995], "since": [2004], "Cells": [1995]}))
    assert re.findall(r"<td>(.*?)</td>", html) == ["1995", "2004", "1,995"]


def test_long_tables_are_cut_and_say_so() -> None:
    html = html_table(pd.DataFrame({"Mt": range(MOST_ROWS + 1)}))
    assert html.count("<td>") == MOST_ROWS
    assert f"The first {MOST_ROWS} of {MOST_ROWS + 1} rows" in html
