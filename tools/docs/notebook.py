"""Makes the tutorial a notebook: text as it is, commands as cells without outputs."""

import nbformat

from tools.docs.run import FENCE, ROOT, steps


def tutorial_notebook():
    """docs/tutorial.ipynb; cells that take long are tagged "slow"."""
    text = (ROOT / "docs" / "tutorial.md").read_text()
    cells, position = [], 0
    for match in FENCE.finditer(text):
        cells.append(nbformat.v4.new_markdown_cell(text[position : match.start()].strip()))
        position = match.end()
        if (match["mark"] or "").startswith("not run"):
            cells.append(nbformat.v4.new_markdown_cell(f"```console\n{match['body']}```"))
            continue
        commands = [step.command.removeprefix("$ ") for step in steps(match["body"])]
        cell = nbformat.v4.new_code_cell("\n".join(f"!{command}" for command in commands))
        cell.metadata["tags"] = [match["mark"]] if match["mark"] else []
        cells.append(cell)
    cells.append(nbformat.v4.new_markdown_cell(text[position:].strip()))
    for index, cell in enumerate(cells):
        cell["id"] = f"cell-{index}"
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"
