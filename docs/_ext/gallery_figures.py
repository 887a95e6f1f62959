"""Find figures of carbonflows for the gallery; they belong to no pyplot window."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

from carbonflows.figures.style import save


def carbonflows_figures(
    block: Any, block_vars: dict[str, Any], gallery_conf: dict[str, Any], **options: Any
) -> str:
    """Save each new Figure among an example's variables and return the lines that show it."""
    names = block_vars["example_globals"]
    shown = names.setdefault("__shown__", [])
    saved = []
    for value in list(names.values()):
        by_pyplot = hasattr(value, "number")  # the matplotlib scraper shows those
        if not isinstance(value, Figure) or by_pyplot or any(value is old for old in shown):
            continue
        shown.append(value)
        stem = Path(next(block_vars["image_path_iterator"])).with_suffix("")
        saved += [str(path) for path in save(value, stem, formats=("png",), dpi=200)]
    return figure_rst(saved, gallery_conf["src_dir"])
