"""What `truncmac report` does: prints one form or writes it, or prints tables and writes a page."""

import re
from pathlib import Path

from truncmac.golden.files import write_bytes
from truncmac.report.document import Document, document_of
from truncmac.report.forms import FORMATS, terminal_tables
from truncmac.report.request import ReportRequest
from truncmac.terminal import Terminal

__all__ = ["report"]

console = Terminal()


def report(request: ReportRequest, *, form: str | None, out: Path | None) -> None:
    """Print or write one form; or print tables, and write the page and its numbers to a folder."""
    with console.status("Counting cycles, bytes and energies ..."):
        document = document_of(request)
    if form is not None and out is None:
        print(FORMATS[form](document), end="")
        return
    files = _files(document, form, out)
    if form is None:
        tables = terminal_tables(document)
        console.print(*tables, sep="\n")
    for path, text in files.items():
        write_bytes(path, text.encode())
        console.print(f"Written: {path}", soft_wrap=True)


def _files(document: Document, form: str | None, out: Path | None) -> dict[Path, str]:
    """What is to be written, by path: complete before anything is printed."""
    if form is not None and out is not None:
        return {out: FORMATS[form](document)}
    folder = out or Path("build/report")
    name = re.sub(r"[^\w.-]+", "_", document["workload"]["name"])
    return {folder / f"{name}.{kind}": FORMATS[kind](document) for kind in ("html", "json")}
