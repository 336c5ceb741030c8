"""What `truncmac report` does: prints one form or writes it, or prints tables and writes a page."""

import re
from pathlib import Path

from truncmac.golden.files import write_bytes
from truncmac.report.document import document_of
from truncmac.report.forms import FORMATS, terminal_tables
from truncmac.report.request import ReportRequest
from truncmac.terminal import Terminal

__all__ = ["report"]

console = Terminal()


def report(request: ReportRequest, form: str | None, out: Path | None) -> None:
    """Print or write one form; or print tables, and write the page and its numbers to a folder."""
    with console.status("Counting cycles and bytes ...") as status:
        document = document_of(request, on_step=lambda what: status.update(f"{what} ..."))
    if form is not None:
        _write_one(FORMATS[form](document), out)
        return
    folder = out or Path("build/report")
    name = re.sub(r"[^\w.-]+", "_", document["workload"]["name"])
    # The page first: what it lacks is told before anything is printed
    written = {kind: FORMATS[kind](document) for kind in ("html", "json")}
    console.print(*terminal_tables(document), sep="\n")
    for kind, text in written.items():
        path = folder / f"{name}.{kind}"
        write_bytes(path, text.encode())
        console.print(f"Written: {path}", soft_wrap=True)


def _write_one(text: str, out: Path | None) -> None:
    if out is None:
        print(text, end="")
        return
    write_bytes(out, text.encode())
    console.print(f"Written: {out}", soft_wrap=True)
