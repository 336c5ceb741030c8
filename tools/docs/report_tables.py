"""The reference table of docs/howto/report.md, from the report itself."""

from truncmac.report.document import as_dictionary
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.workloads.names import workload_by_name

WIDTHS = [8, 4, 2, 1]


def reference_table():
    """SCALE-Sim's cycles beside ours, of two networks on arrays of two sizes."""
    rows = [
        "| network | PEs, 8 lanes | SCALE-Sim, 8-bit MACs | its cycles | ours, k = 8 | k = 4 | "
        "k = 2 | k = 1 | its / ours, k = 8 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in ("resnet20", "resnet18"):
        for size in (16, 32):
            sizes = {"rows": size, "cols": size, "lanes": 8}
            platform = PLATFORMS["datacentre"].with_sizes(sizes)
            document = as_dictionary(analyse(workload_by_name(name), platform, WIDTHS))
            found = document["reference"]
            ours = list(found["ours"].values())
            cells = [name, f"{size} x {size}", f"{found['rows']} x {found['cols']}"]
            cells += [f"{cycles:,}" for cycles in (found["cycles"], *ours)]
            rows.append(f"| {' | '.join(cells)} | {found['cycles'] / ours[0]:.2f} |")
    return "\n".join(rows)
