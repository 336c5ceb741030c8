"""Makes the tutorial a notebook: text as it is, commands as cells without outputs."""

import nbformat

from .blocks import FENCE, of_match, steps
from .run import ROOT


def tutorial_notebook():
    """docs/tutorial.ipynb; cells that take long are tagged "slow"."""
    text = (ROOT / "docs" / "tutorial.md").read_text()
    cells, position = [], 0
    for match in FENCE.finditer(text):
        cells.append(nbformat.v4.new_markdown_cell(text[position : match.start()].strip()))
        position = match.end()
        block = of_match(match)
        if block.not_run:
            cells.append(nbformat.v4.new_markdown_cell(f"```console\n{block.body}```"))
            continue
        commands = [step.source for step in steps(block.body)]
        cell = nbformat.v4.new_code_cell("\n".join(f"!{command}" for command in commands))
        cell.metadata["tags"] = ["slow"] if block.slow else []
        cells.append(cell)
    cells.append(nbformat.v4.new_markdown_cell(text[position:].strip()))
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"
