"""Damage releases in many ways, read them, and write down what became of it.

    python scripts/count_mutations.py 1000 [READER ...]

1000 is how many damaged releases each reader is given, shared among its layouts. The counts go into
``docs/readers.md``; with names of readers they are only printed. Whatever is wrong is printed with
what was done to the files.
"""

import argparse
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "readers.md"
BEGIN, END = "<!-- counts: begin -->", "<!-- counts: end -->"
COLUMNS = {
    "refused": "refused",
    "unharmed": "read unharmed",
    "flagged": "flagged by `check`",
    "beyond": "beyond detection",
    "wrong": "wrong tables accepted",
    "other": "crashes, unclear errors",
}
sys.path.insert(0, str(ROOT / "tests"))


def counted(each: int, only: list[str]) -> tuple[dict[str, Counter[str]], Counter[str]]:
    """Count outcomes by reader, and reasons of what is beyond detection."""
    from sources.outcome import GOOD, several
    from sources.reader_cases import CASES

    layouts: dict[str, list[str]] = {}
    for name, case in CASES.items():
        if not only or case.reader in only:
            layouts.setdefault(case.reader, []).append(name)
    counts: dict[str, Counter[str]] = {}
    reasons: Counter[str] = Counter()
    for reader, names in layouts.items():
        counts[reader] = Counter()
        for k, name in enumerate(names):
            share = each // len(names) + (k < each % len(names))
            for mutation, outcome in several(CASES[name], share, seed=10**6 * k):
                counts[reader][outcome.kind if outcome.kind in COLUMNS else "other"] += 1
                if outcome.kind == "beyond":
                    reasons.update(outcome.said.partition(": ")[2].split("; "))
                if outcome.kind not in GOOD:
                    print(f"{name}, {mutation}: {outcome}")
        print(f"{reader}: {dict(counts[reader])}", flush=True)
    return counts, reasons


def written(each: int, counts: dict[str, Counter[str]], reasons: Counter[str]) -> str:
    """Return the two tables of the page."""
    lines = [
        f"`python scripts/count_mutations.py {each}` made this table:", "",
        f"| reader | tried | {' | '.join(COLUMNS.values())} |",
        "|---" * (2 + len(COLUMNS)) + "|",
    ]  # fmt: skip
    total: Counter[str] = Counter()
    for reader, count in counts.items():
        total += count
        told = " | ".join(str(count[kind]) for kind in COLUMNS)
        lines.append(f"| `{reader}` | {count.total()} | {told} |")
    told = " | ".join(str(total[kind]) for kind in COLUMNS)
    lines += [f"| all | {total.total()} | {told} |", ""]
    lines += ["| why it is beyond detection | times |", "|---|---|"]
    lines += [f"| {reason} | {times} |" for reason, times in reasons.most_common()]
    return "\n".join(lines)


def main() -> int:
    """Count, print, and write the page if all readers were tried."""
    parser = argparse.ArgumentParser(description="Count what readers do with damaged files.")
    parser.add_argument("each", type=int, help="damaged releases per reader")
    parser.add_argument("readers", nargs="*", help="count only these, and write nothing")
    arguments = parser.parse_args()
    counts, reasons = counted(arguments.each, arguments.readers)
    if not arguments.readers:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        table = written(arguments.each, counts, reasons)
        PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
    return int(any(count["wrong"] or count["other"] for count in counts.values()))


if __name__ == "__main__":
    sys.exit(main())
