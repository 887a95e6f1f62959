"""What a reader would see of a figure: texts that touch, and texts that leave the page."""

from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg


def texts(figure: Any, gid: str) -> list[str]:
    """Return what is printed under a name, in drawing order."""
    return [t.get_text() for axes in figure.axes for t in axes.texts if t.get_gid() == gid]


def flaws(figure: Any) -> list[Any]:
    """Return texts that leave the page, pairs of texts that touch, and texts too small to read."""
    figure.set_dpi(300)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    found = [*figure.texts]
    for axes in figure.axes:
        found += axes.texts
        if axes.axison:
            found += [axes.xaxis.label, axes.yaxis.label]
            for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
                found += labels
    found = [text for text in found if text.get_text() and text.get_visible()]
    boxes = [(t.get_text(), t.get_window_extent(renderer).padded(-1.5)) for t in found]
    page = figure.bbox
    out = [t for t, b in boxes if b.x0 < page.x0 or b.x1 > page.x1 or b.y0 < 0 or b.y1 > page.y1]
    touching = [
        (a, b) for i, (a, box) in enumerate(boxes) for b, other in boxes[:i] if box.overlaps(other)
    ]
    small = [(text.get_text(), text.get_size()) for text in found if text.get_size() < 5]
    return out + touching + small
