"""The chain that can be taken apart: every choice shows its carbon, in the page itself."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import carbonflows as cf
from carbonflows.accounts.sector import product_trace, tracer
from carbonflows.accounts.trace import AXES, Axis, Trace
from carbonflows.errors import DataError
from carbonflows.figures.chain import chain
from carbonflows.study import run
from carbonflows.study.sectors import drill
from carbonflows.study.sectors.study import square

SCRIPT = Path(drill.__file__).with_name("drill.js")
HEADS = ["Emitted in", "Made in", "Finished in", "Consumed in"]
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")


@pytest.fixture(scope="module")
def trace() -> Trace:
    return tracer(cf.Leontief(cf.example(2004)), "Basic metals")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("drill") / "out"
    return run("carbon-trust", folder).report.read_text(encoding="utf-8")


def amounts(found: dict) -> np.ndarray:
    """Cells of a chain as an array."""
    counts = [int(cell, 36) if cell else 0 for cell in found["cells"].split(",")]
    shape = [len(found["names"])] * len(found["heads"])
    return found["quantum"] * np.array(counts, dtype=float).reshape(shape)


def exact(trace: Trace, found: dict, axes: tuple) -> np.ndarray:
    """All cells of a trace, small regions summed one by one."""
    full = trace.along(*axes).to_numpy().reshape([len(trace.regions)] * len(axes))
    kept = found["names"][:-1] if found["merged"] else found["names"]
    to = np.zeros((len(trace.regions), len(found["names"])))
    for i, region in enumerate(trace.regions):
        to[i, kept.index(region) if region in kept else -1] = 1.0
    for axis in range(len(axes)):
        full = np.moveaxis(np.tensordot(full, to, axes=(axis, 0)), -1, axis)
    return full


@pytest.mark.parametrize(("room", "most"), [(drill.LONGEST_CELLS, 5e-5), (60_000, 5e-3)])
def test_every_sum_is_the_traces(trace, monkeypatch, room, most) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(drill, "LONGEST_CELLS", room)
    found = drill.drill_down(trace, heads=HEADS)
    shown, truth = amounts(found), exact(trace, found, AXES)
    assert len(found["cells"]) <= room
    assert len(json.dumps(found)) < 150_000
    assert found["negative"] == 0
    assert found["total"] == trace.total
    assert shown.sum() + found["remainder"] == pytest.approx(trace.total, rel=1e-12)
    assert 0 < found["remainder"] < most * trace.total
    slack = 1e-9 * trace.total
    for count in (1, 2):
        for axes in combinations(range(4), count):
            others = tuple(set(range(4)) - set(axes))
            short = truth.sum(axis=others) - shown.sum(axis=others)
            assert short.min() >= -slack
            assert short.max() <= found["remainder"] + slack
    truth_by_region = trace.along("made")["CHN"]
    assert shown.sum(axis=(0, 2, 3))[found["names"].index("CHN")] == pytest.approx(
        truth_by_region, abs=found["remainder"]
    )


def test_products_have_three_columns() -> None:
    cars = product_trace(cf.Leontief(cf.example(2004)), "Transport equipment")
    axes: tuple[Axis, ...] = ("emitted", "assembled", "consumed")
    found = drill.drill_down(cars, axes, heads=["a", "b", "c"])
    assert np.allclose(amounts(found), exact(cars, found, axes), atol=1.001 * found["quantum"])


def test_regions_and_colours_are_the_figures(trace) -> None:  # type: ignore[no-untyped-def]
    found = drill.drill_down(trace, heads=HEADS, labels={"CHN": "China"})
    links = [square(trace, AXES[i], AXES[i + 1]) for i in range(3)]
    axes = chain(links, heads=HEADS, unit="Mt", labels={"CHN": "China"}).axes[0]
    labels = [t.get_text() for t in axes.texts if t.get_gid() == "label"]
    size = len(found["names"])
    assert [text.split("  ")[0] for text in labels[:size]] == found["names"]
    bars = [p.get_facecolor() for p in axes.patches if p.get_gid() == "node"][:size]
    from matplotlib.colors import to_rgba

    assert bars == [to_rgba(colour) for colour in found["colours"]]


def test_negative_flows_are_stated(trace) -> None:  # type: ignore[no-untyped-def]
    deliveries = trace.deliveries.copy()
    deliveries[0, 0, 1] *= -1  # India draws from stocks what China made and finished
    found = drill.drill_down(replace(trace, deliveries=deliveries), heads=HEADS)
    lost = trace.per_delivery[:, 0].sum() * deliveries[0, 0, 1]
    assert found["negative"] == pytest.approx(lost)
    total = trace.total + 2 * lost
    assert amounts(found).sum() + found["negative"] + found["remainder"] == pytest.approx(total)


def test_nothing_to_draw(trace) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DataError, match="nothing to draw"):
        drill.drill_down(replace(trace, deliveries=0 * trace.deliveries), heads=HEADS)


def test_report_carries_all_it_needs(page: str) -> None:
    outside = re.sub(r"data:image[^\"]*", "", page)
    assert not re.search(r"https?:|//[a-z]+\.|<link|@import|<script[^>]* src", outside)
    chains = re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert len(chains) == 5
    assert len(page.split("Chains of stages that can be taken apart")) == 2
    totals = [json.loads(text)["total"] for text in chains]
    assert totals[0] == pytest.approx(2259, rel=1e-3)
    assert all(len(text) < 150_000 for text in chains)
    # Without the script, and on paper, there is the figure.
    assert page.count('<div class="drill" hidden>') == 5
    assert "@media print { .drill { display:none; } }" in page
    for stem in ("steel", "aluminium", "cotton", "clothing", "cars_and_other_vehicles"):
        assert f'<div class="way">\n<figure id="way_{stem}">' in page


def test_no_figures_no_chains(tmp_path) -> None:  # type: ignore[no-untyped-def]
    html = run("carbon-trust", tmp_path / "out", figures=False).report.read_text(encoding="utf-8")
    assert '<div class="drill"' not in html


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_choices_in_the_script(trace) -> None:  # type: ignore[no-untyped-def]
    found = drill.drill_down(trace, heads=HEADS)
    choices: list[list[list[int]]] = [
        [[], [], [], []],
        [[0], [], [], []],
        [[0, 2], [], [], [1]],
        [[3], [4], [5], [6]],
        [[], [12, 1], [0], []],
    ]
    program = (
        f"const d = require({json.dumps(str(SCRIPT))});"
        'const given = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        "const cells = d.decode(given.found);"
        "console.log(JSON.stringify(given.choices.map(c =>"
        "  d.through(given.found, cells, c.map(s => new Set(s))))));"
    )
    answer = subprocess.run(
        [str(NODE), "-e", program], input=json.dumps({"found": found, "choices": choices}),
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    shown, size = amounts(found), len(found["names"])
    for choice, result in zip(choices, json.loads(answer), strict=True):
        kept = shown.copy()
        for axis, regions in enumerate(choice):
            out = [r for r in range(size) if regions and r not in regions]
            kept[(slice(None),) * axis + (out,)] = 0.0
        assert result["sum"] * found["quantum"] == pytest.approx(kept.sum(), rel=1e-12)
        for axis in range(4):
            others = tuple(set(range(4)) - {axis})
            column = found["quantum"] * np.array(result["columns"][axis])
            np.testing.assert_allclose(column, kept.sum(axis=others), rtol=1e-9)
        for axis in range(3):
            others = tuple(set(range(4)) - {axis, axis + 1})
            link = found["quantum"] * np.array(result["links"][axis]).reshape(size, size)
            np.testing.assert_allclose(link, kept.sum(axis=others), rtol=1e-9)


CLICKS = """<script>
const box = document.querySelector(".drill"), log = [];
const node = (head, start) => [...box.querySelectorAll(`g[aria-label="${head}"] .node`)]
  .find(g => g.getAttribute("aria-label").startsWith(start));
const say = () => log.push(box.querySelector("[role=status]").textContent);
const click = g => g.dispatchEvent(new MouseEvent("click", {bubbles: true}));
const press = (g, key) => g.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
say();
click(node("Emitted in", "China")); say();
click(node("Consumed in", "United States")); say();
log.push(node("Emitted in", "China").getAttribute("aria-pressed"));
log.push(String(box.querySelectorAll(".node[tabindex='0']").length));
click(node("Emitted in", "China")); say();
box.querySelector("button").click(); say();
press(node("Emitted in", "Japan"), "Enter"); say();
press(node("Emitted in", "Japan"), "ArrowRight");
log.push(document.activeElement.getAttribute("aria-label").split(":")[0]);
press(document.activeElement, "Escape"); say();
log.push(String(getComputedStyle(document.querySelector(".way > figure")).display));
const out = document.createElement("pre");
out.id = "log";
out.textContent = JSON.stringify(log);
document.body.append(out);
</script></body>"""


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_clicks_and_keys_in_a_browser(page: str, tmp_path: Path) -> None:
    path = tmp_path / "clicked.html"
    path.write_text(page.replace("</body>", CLICKS), encoding="utf-8")
    dom = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    said = re.search(r'<pre id="log">(.*?)</pre>', dom, re.DOTALL)
    assert said is not None
    log = [str(line).replace("\u00a0", " ") for line in json.loads(unescape(said[1]))]
    data = json.loads(re.search(r'"application/json">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    shown = amounts(data)
    china, usa = data["names"].index("China"), data["names"].index("United States")
    japan, total = data["names"].index("Japan"), shown.sum()

    def line(value: float, words: str) -> str:
        places = max(0, 1 - int(np.floor(np.log10(value))))
        return f"{value:,.{places}f} Mt CO₂, {100 * value / total:.1f} % of all: {words}."

    everything = (
        f"{total:,.0f} Mt CO₂ in all. Choose regions to keep only what passes through them."
    )
    assert log == [
        everything,
        line(shown[china].sum(), "emitted in China"),
        line(shown[china, ..., usa].sum(), "emitted in China; consumed in United States"),
        "true",
        "1",
        line(shown[..., usa].sum(), "consumed in United States"),
        everything,
        line(shown[japan].sum(), "emitted in Japan"),
        "Japan, steel made in",
        everything,
        "none",
    ]
