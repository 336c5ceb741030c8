"""Table of docs/howto/explore.md: predictions for sizes that were not characterised."""

from tools.energy_runs import read_table
from truncmac.sim.energy.figures import available
from truncmac.sim.energy.model import load
from truncmac.sim.energy.runs import layer_error, network_errors


def prediction_table():
    """Errors of area, and the largest of energy, without glitches."""
    rows = [
        "| library | lanes, planes | from | predicted for | synthesised, mm2 | area | network | "
        "worst layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    table = read_table()
    for library, lanes, planes in available():
        figures = load(lanes, planes, library)
        known = ", ".join(_name(rows, cols) for rows, cols in _sizes(figures))
        for array in table.arrays_of(library, lanes, planes):
            config, synthesised = array.config, sum(array.area_um2.values())
            area = sum(figures.area(config).values()) / synthesised - 1
            runs = [r for r in table.runs_of(library, lanes, planes) if r.config == config]
            network = max(network_errors(figures, runs), key=lambda entry: abs(entry.error))
            layer = max(runs, key=lambda run: abs(layer_error(figures, run)))
            rows.append(
                f"| {library} | {lanes}, {planes} | {known} "
                f"| {_name(config.rows, config.cols)} | {synthesised / 1e6:.3f} | {area:+.1%} "
                f"| {network.network} at k = {network.bits}, {network.error:+.1%} "
                f"| {layer.network}/{layer.layer} at k = {layer.bits}, "
                f"{layer_error(figures, layer):+.1%} |"
            )
    return "\n".join(rows) + "\n"


def _sizes(figures):
    """Rows and columns of the arrays that the figures are made from, the smallest first."""
    sizes = [(size.rows, size.cols) for size in figures.figures.sizes]
    return sorted(sizes, key=lambda size: size[0] * size[1])


def _name(rows, cols):
    return f"{rows} x {cols}"
