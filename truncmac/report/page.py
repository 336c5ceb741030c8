"""The report as one page that needs nothing else: no network, no other file."""

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from truncmac.sim.extras import extra_needed
from truncmac.sim.schedule.analysis import TRAFFIC
from truncmac.sim.schedule.losses import REASONS

from .columns import LAYER_COLUMNS, TOTAL_COLUMNS, columns_of
from .document import Document
from .tables import PART_TEXTS, energy_tables, folding_cells, shape_cells
from .text import about, remarks, title

__all__ = ["page"]


def page(document: Document) -> str:
    """The HTML page of a report.

    Raises
    ------
    RuntimeError
        If matplotlib is missing.
    """
    others = "ask for --format table, md, csv or json"
    with extra_needed("The report's page", "report", others):
        from .pictures import pictures
    environment = Environment(
        loader=PackageLoader("truncmac.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    svgs = {name: Markup(svg) for name, svg in pictures(document).items()}  # noqa: S704 (drawn by us)
    return environment.get_template("page.html").render(
        document=document,
        title=title(document),
        about=about(document),
        remarks=remarks(document),
        totals=columns_of(TOTAL_COLUMNS, document["totals"]),
        layers=columns_of(LAYER_COLUMNS, document["layers"]),
        reasons={"ideal": "work: what the layers need"} | dict(REASONS),
        traffic=TRAFFIC,
        energies=energy_tables(document),
        energy_parts={f"e_{part}": text for part, text in PART_TEXTS.items()},
        shapes=shape_cells(document),
        folding=folding_cells(document) if document["folding"] else None,
        pictures=svgs,
    )
