import json
from math import ceil

from truncmac.report.document import VERSION
from truncmac.report.forms import FORMATS
from truncmac.sim.schedule.analysis import analyse
from truncmac.sim.schedule.losses import REASONS
from truncmac.sim.schedule.platforms import PLATFORMS
from truncmac.sim.workloads.names import workload_by_name


def test_the_numbers_are_those_of_the_analysis_by_stable_names(document):
    assert document["version"] == VERSION == 1
    assert list(document) == [
        *("version", "truncmac", "workload", "platform", "array", "images", "goal", "bits"),
        *("totals", "layers", "reference", "shapes", "folding"),
    ]
    figures = [
        *("macs", "tiles", "array_cycles", "cycles", "utilisation", "macs_per_s", "time_s"),
        *("speedup", "ideal_cycles", *(f"lost_{name}" for name in REASONS)),
        *("dram_weights", "dram_inputs", "dram_residuals", "dram_outputs", "dram_bytes"),
        *("dram_cycles", "read_activations", "read_weights", "intensity", "ridge", "bound"),
        *("jobs", "energy_pj"),
    ]
    sizes = ["k", "layer", "layer_k", "rows", "reduction", "columns", "groups"]
    blocks = ["row_blocks", "column_blocks", "order"]
    totals = ["images_per_s", "ideal_speedup", "possible_speedup", "bound_cycles"]
    assert [list(row) for row in document["layers"]] == [[*sizes, *figures, *blocks]] * 15
    assert [list(row) for row in document["totals"]] == [["k", *figures, *totals]] * 3
    found = analyse(workload_by_name("digits"), PLATFORMS["edge"], [8, 4, 1], images=3)
    assert document["layers"] == found.layer_records()
    assert document["totals"] == found.total_records()
    reference = document["reference"]
    assert (reference["rows"], reference["cols"]) == (8, 8)
    # Layers M x K x N of three images; a fold takes M + 2R + C - 2 cycles, of which one is not said
    layers = [(192, 9, 16), (192, 144, 32), (192, 288, 32), (48, 288, 64), (3, 64, 10)]
    folds = [ceil(k / 8) * ceil(n / 8) for _, k, n in layers]
    expected = [fold * (m + 22) - 1 for fold, (m, _, _) in zip(folds, layers, strict=True)]
    assert reference["cycles"] == sum(expected)
    assert [row["macs"] for row in document["layers"][:5]] == [m * k * n for m, k, n in layers]
    here = [s for s in document["shapes"] if (s["rows"], s["cols"]) == (8, 8)]
    assert [shape["cycles"] for shape in here] == [reference["ours"]]
    assert json.loads(FORMATS["json"](document)) == document
