"""The report of a study: one HTML file that needs nothing beside it and prints well."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from carbonflows.study.html import html_table
from carbonflows.study.outcome import Outcome, Picture
from carbonflows.study.spec import Study


def report(
    study: Study,
    outcome: Outcome,
    pictures: Sequence[Picture],
    images: Mapping[str, Path],
    facts: Sequence[tuple[str, str]],
    citations: Sequence[str],
) -> str:
    """Write the report of a study.

    Parameters
    ----------
    study : Study
    outcome : Outcome
    pictures : sequence of Picture
        Figures that were drawn.
    images : mapping of str to Path
        SVG file of each figure, by stem.
    facts : sequence of (str, str)
        Provenance, name and value.
    citations : sequence of str

    Returns
    -------
    str
        HTML.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
    from markupsafe import Markup, escape

    import carbonflows

    by_stem = {picture.stem: picture for picture in pictures}

    def figure(stem: str) -> Markup:
        if stem not in by_stem:
            return Markup("")
        if by_stem[stem].figure is None:
            return Markup('<p class="note">{}</p>').format(by_stem[stem].caption)
        data = base64.b64encode(images[stem].read_bytes()).decode()
        caption = escape(by_stem[stem].caption)
        return Markup(
            f'<figure id="{stem}"><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )

    environment = Environment(
        loader=PackageLoader("carbonflows", "study"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["figure"] = figure
    findings = outcome.diagnosis.findings.rename(columns=str.capitalize)
    return environment.get_template(outcome.template).render(
        **outcome.page(),
        study=study,
        table=outcome.table,
        load=outcome.load,
        diagnosis=outcome.diagnosis,
        findings=Markup(html_table(findings, digits=None, level=True)),
        residual=f"{outcome.residual:.1e}",
        version=carbonflows.__version__,
        headlines=outcome.headlines,
        facts=facts,
        citations=citations,
        table_files=sorted(f"{name}.csv" for name in outcome.tables),
    )
