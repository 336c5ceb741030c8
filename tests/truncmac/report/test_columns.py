"""What a figure is called and how it is written, against figures worked by hand."""

import pytest

from truncmac.report.columns import LAYER_COLUMNS, TOTAL_COLUMNS, Column, columns_of

# By key: the title with its unit, a figure in the units of the JSON, and what is shown of it
BOTH = {
    "k": ("k", 8, "8"),
    "macs": ("MMACs", 118_013_952, "118.01"),  # a million multiply-accumulates
    "tiles": ("tiles", 6272, "6,272"),
    "array_cycles": ("array cycles", 1_204_224, "1,204,224"),
    "cycles": ("cycles", 1_204_377, "1,204,377"),
    "utilisation": ("utilisation", 0.873, "87.3%"),
    "macs_per_s": ("GMAC/s", 19_598_000_000.0, "19.60"),  # 1e9 a second
    "time_s": ("time (ms)", 0.0012345678, "1.2346"),  # 1 s is 1000 ms
    "speedup": ("speed-up", 1.9862, "1.99"),
    "ideal_cycles": ("ideal", 1_204_224.04, "1,204,224.0"),
    "lost_rows": ("rows", 1234.56, "1,234.6"),
    "lost_columns": ("columns", 0.25, "0.2"),
    "lost_lanes": ("lanes", 7.0, "7.0"),
    "lost_drain": ("drain", 12.0, "12.0"),
    "lost_parameters": ("parameters", 3.5, "3.5"),
    "lost_pipeline": ("pipeline", 44.0, "44.0"),
    "lost_memory": ("memory", 153.0, "153.0"),
    "dram_weights": ("weights (kB)", 73_728, "73.7"),  # 1000 bytes
    "dram_inputs": ("inputs (kB)", 802_816, "802.8"),
    "dram_residuals": ("residuals (kB)", 2048, "2.0"),
    "dram_outputs": ("outputs (kB)", 1_605_632, "1,605.6"),
    "dram_bytes": ("DRAM (kB)", 2_484_224, "2,484.2"),
    "dram_cycles": ("DRAM cycles", 155_264, "155,264"),
    "read_activations": ("activations read (kB)", 51_380_224, "51,380.2"),
    "read_weights": ("weights read (kB)", 9_437_184, "9,437.2"),
    "intensity": ("MACs/byte", 47.505, "47.5"),
    "ridge": ("ridge", 4.0, "4.0"),
    "bound": ("bound", "compute", "compute"),
    "jobs": ("jobs", 1024, "1,024"),
    "energy_pj": ("energy (uJ)", 91_234_567.0, "91.235"),  # 1e6 pJ
}
LAYER = BOTH | {
    "layer": ("layer", "conv_1", "conv_1"),
    "layer_k": ("own k", 4, "4"),
    "rows": ("M", 12_544, "12,544"),
    "reduction": ("K", 1152, "1,152"),
    "columns": ("N", 1000, "1,000"),
    "groups": ("groups", 32, "32"),
    "row_blocks": ("row blocks", 1024, "1,024"),
    "column_blocks": ("column blocks", 4, "4"),
    "order": ("order", "weights", "weights"),
}
TOTAL = BOTH | {
    "images_per_s": ("images/s", 1234.56, "1,234.6"),
    "possible_speedup": ("possible", 3.456, "3.46"),
    "ideal_speedup": ("all at k", 4.0, "4.00"),
    "bound_cycles": ("bound", 1_204_224, "1,204,224"),
}

# What the page says of each figure; a figure that is not here says nothing
ABOUT = {
    "k": "bit-width of the network",
    "layer_k": "bit-width of the layer: its own if it has one, else the network's",
    "rows": "output pixels, of all images",
    "reduction": "elements that each sum adds up",
    "columns": "output channels",
    "groups": "number of products of this size",
    "macs": "multiply-accumulates, without padding",
    "tiles": "tiles of rows x columns of PEs, over the whole reduction",
    "array_cycles": "cycles that the RTL's own counter counts",
    "cycles": "cycles with the waits for memory, and from job to job",
    "utilisation": "ideal cycles / cycles",
    "macs_per_s": "at the platform's clock",
    "time_s": "at the platform's clock",
    "speedup": "cycles at k = 8 / cycles",
    "ideal_cycles": "cycles, if every lane of every PE had work",
    "lost_rows": "rows of PEs without an output: M does not fill the last tile",
    "lost_columns": "columns of PEs without an output: N does not fill the last tile",
    "lost_lanes": "lanes without a product: K does not fill the last beat",
    "lost_drain": "the tile before still drains: the stall of tiles shorter than that takes",
    "lost_parameters": "the next column tile's requantisation parameters still load",
    "lost_pipeline": "filling and draining the array's pipeline, and starting the next job",
    "lost_memory": "the DRAM still moves the next job's operands or the last one's outputs",
    "dram_weights": "weights and requantisation parameters from DRAM",
    "dram_inputs": "activations from DRAM",
    "dram_residuals": "residual codes from DRAM",
    "dram_outputs": "outputs to DRAM",
    "dram_bytes": "all of these bytes",
    "dram_cycles": "cycles that this traffic takes",
    "read_activations": "bytes that the array reads from the scratchpad",
    "read_weights": "bytes that the array reads from the scratchpad",
    "intensity": "MACs for each byte of DRAM traffic",
    "ridge": "MACs/byte from which on the array is the limit",
    "bound": "what limits it: compute or memory",
    "jobs": "pairs of a row block and a column block",
    "energy_pj": "from characterised netlists",
    "order": "what stays in the scratchpad while the other operand streams past",
    "images_per_s": "at the platform's clock",
    "possible_speedup": "speed-up that the ideal cycles allow",
    "ideal_speedup": "speed-up that would be possible if no layer had a k of its own",
    "bound_cycles": "the fewest cycles in which the array could do this work",
}


@pytest.mark.parametrize(("columns", "table"), [(LAYER_COLUMNS, LAYER), (TOTAL_COLUMNS, TOTAL)])
def test_each_figure_is_shown_in_the_unit_of_its_title(columns, table):
    row = {key: value for key, (_, value, _) in table.items()}
    assert {c.key: (c.title, row[c.key], c.show(row)) for c in columns} == table
    assert len(columns) == len(table)


def test_columns_stand_in_the_order_in_which_they_are_read():
    keys = [column.key for column in LAYER_COLUMNS]
    assert keys[:8] == ["k", "layer", "layer_k", "rows", "reduction", "columns", "groups", "macs"]
    assert keys[-4:] == ["energy_pj", "row_blocks", "column_blocks", "order"]
    keys = [column.key for column in TOTAL_COLUMNS]
    assert keys[0] == "k" and keys[-1] == "bound_cycles"
    speeds = ["time_s", "images_per_s", "speedup", "possible_speedup", "ideal_speedup"]
    assert keys[keys.index("time_s") :][:5] == speeds


def test_every_figure_says_what_it_is_but_for_the_layers_names_and_blocks():
    every = [*LAYER_COLUMNS, *TOTAL_COLUMNS]
    assert {column.key: column.about for column in every if column.about} == ABOUT
    silent = {column.key for column in every if not column.about}
    assert silent == {"layer", "row_blocks", "column_blocks"}


def test_the_whole_figure_is_kept_only_where_less_is_shown():
    column = Column("x", "x (k)", ",.1f", 1e3)
    assert column.whole({"x": 1234.0}) == "1234.0"
    plain = Column("x", "x", ",d")
    assert (plain.show({"x": 1234}), plain.whole({"x": 1234})) == ("1,234", None)
    assert (plain.show({"x": None}), plain.whole({"x": None})) == ("", None)


def test_every_figure_has_a_column(document):
    for columns, rows in (
        (LAYER_COLUMNS, document["layers"]),
        (TOTAL_COLUMNS, document["totals"]),
    ):
        assert sorted(column.key for column in columns) == sorted(rows[0])
        assert "energy_pj" not in [column.key for column in columns_of(columns, rows)]


def test_a_column_of_which_one_row_has_a_figure_is_shown():
    columns = [Column("x", "x"), Column("y", "y"), Column("z", "z")]
    rows = [{"x": None, "y": None, "z": 0}, {"x": "", "y": None, "z": None}]
    assert [column.key for column in columns_of(columns, rows)] == ["x", "z"]
