"""The energy of one small layer, worked by hand: docs/explanation/energy.md shows the same.

Nothing here calls the package. Each count is derived in a comment from the layer and the array;
each figure is typed as `sim/energy/data/ihp-sg13g2_l8_p2.json` and `ihp-sg13g2_sram.json` have it.
Where the figures are made again, type them here again, and write the page's table anew.

The layer has 3 rows (M), a reduction of 20 (K) and 3 columns (N) of outputs that are codes. The
array has 2 x 2 PEs of 8 lanes and 2 planes and one output unit. The clock is 200 MHz, the DRAM
moves 0.4 GB/s, and each scratchpad has 128 KiB. A cycle is 5 ns, in which the DRAM moves 2 bytes.
"""

from dataclasses import dataclass

LAYER = "Layer, M, N, K,\nfc, 3, 3, 20,\n"
OPTIONS = ("--rows", "2", "--cols", "2", "--lanes", "8", "--planes", "2", "--dram-gbs", "0.4")
MACS = 180  # 3 x 20 x 3

PERIOD_S = 5e-9
BYTES_A_CYCLE = 2


@dataclass(frozen=True)
class Events:
    """How often each event happens at one k."""

    cycles: int
    waiting: int
    chunk: int
    beat: int
    tile: int
    set: int
    dram_read: int
    dram_written: int
    activations_read: int
    activations_written: int
    weights_read: int
    weights_written: int


# Rows: 3 on 2 rows of PEs are 2 tiles; columns: 3 on 2 are 2 tiles; 2 x 2 = 4 tiles.
# K = 20 on 8 lanes is 3 beats (8 + 8 + 4), 4 x 3 = 12 beats of all tiles.
# A set of parameters for each of the 2 column tiles.
#
# k = 8 on 2 planes is 4 chunks a beat, 12 x 4 = 48 chunks. The core takes one in each cycle. Then
# 15 cycles pass until the results have left: captured 3, (2 - 1) rows x 2 columns of a unit = 2,
# passage 2, and 8. 3 more pass until the next job begins: 48 + 15 + 3 = 66 cycles.
# k = 3 on 2 planes is 2 chunks a beat, 12 x 2 = 24 chunks, 24 + 15 + 3 = 42 cycles.
#
# A word of weights is a chunk of both columns: 2 x 8 lanes x 2 planes = 32 bits = 4 bytes. The
# parameters of a column are M of 18 bits, Mr of 26, B of 49 and s of 6: 99 bits, 13 bytes. A column
# tile has 3 beats x 4 chunks x 4 bytes + 2 columns x 13 bytes = 74 bytes at k = 8, and
# 3 x 2 x 4 + 2 x 13 = 50 bytes at k = 3: 148 and 100 bytes of both.
# The inputs are 3 x 20 = 60 bytes, the outputs 3 x 3 = 9 bytes, as codes of a byte.
# DRAM: 148 + 60 read and 9 written are 217 bytes, 108.5 cycles at 2 bytes a cycle, so 109; it waits
# for 109 - 66 = 43. At k = 3: 100 + 60 + 9 = 169 bytes, 84.5 cycles, so 85; 85 - 42 = 43 as well.
#
# Scratchpads: the array reads 12 beats of 2 rows x 8 lanes, 192 bytes. The outputs are read once
# more, for the DRAM: 192 + 9. Inputs and outputs are written: 60 + 9. The array reads 48 words of
# weights of 4 bytes, 192, or 24 words, 96; from the DRAM 148 or 100 bytes are written.
EVENTS = {
    8: Events(
        cycles=109,
        waiting=43,
        chunk=48,
        beat=12,
        tile=4,
        set=2,
        dram_read=208,
        dram_written=9,
        activations_read=201,
        activations_written=69,
        weights_read=192,
        weights_written=148,
    ),
    3: Events(
        cycles=85,
        waiting=43,
        chunk=24,
        beat=12,
        tile=4,
        set=2,
        dram_read=160,
        dram_written=9,
        activations_read=201,
        activations_written=69,
        weights_read=96,
        weights_written=100,
    ),
}


@dataclass(frozen=True)
class Share:
    """A place of the array of 2 x 2 PEs, one cluster: what an event moves in it.

    3 of 4 rows and 3 of 4 columns of the tiles hold outputs. In `used` that does its work, in
    `idle_rows` and `idle_columns` it lies in a row or in a column without outputs.
    """

    part: str
    event: str
    size: int
    work: int
    used: float
    idle_rows: float
    idle_columns: float
    clocked: int


PE = (9 / 16, 3 / 16, 3 / 16)  # rows and columns: 3/4 x 3/4; 1/4 x 3/4; 3/4 x 1/4
ROW = (3 / 4, 1 / 4, 3 / 16)  # stands still in idle rows alone
COLUMN = (3 / 4, 3 / 16, 1 / 4)  # stands still in idle columns alone
ALL = (1.0, 1 / 4, 1 / 4)

SHARES = {
    # 4 PEs
    "multiply_add": Share("multiply_add", "chunk", 4, 4, *PE, 4),
    # A word of weights for each of the 2 columns, and of activations for each of the 2 rows
    "weight_registers": Share("registers", "chunk", 2, 2, *COLUMN, 2),
    "activation_registers": Share("registers", "beat", 2, 2, *ROW, 2),
    "shift_add": Share("accumulate", "chunk", 4, 4, *PE, 4),
    "accumulator": Share("accumulate", "beat", 4, 4, *PE, 4),
    # Each of 2 columns moves 2 sums out of the upper row, and 1 out of the lower: 6
    "shadow_registers": Share("drain", "tile", 4, 6, *PE, 6),
    "row_sum_shadow": Share("edges", "tile", 2, 2, *ROW, 2),
    "row_sum": Share("edges", "beat", 2, 2, *ROW, 2),
    # A token has 5 bits, which pass 1 + 5 - 1 registers, and the drains have 2 rows x 3 bits: 31
    "tokens": Share("edges", "chunk", 31, 31, *ALL, 31),
    # One cluster has no neighbour for which operands would wait
    "activation_skew": Share("registers", "beat", 0, 0, *ROW, 0),
    "weight_skew": Share("registers", "chunk", 0, 0, *COLUMN, 0),
    "parameter_memory": Share("edges", "set", 2, 2, *ALL, 2),
    # One unit, which makes the 4 outputs of a tile
    "requantiser": Share("edges", "tile", 1, 4, *PE, 4),
    # 31 bits of zQ, 8 of the limit and 2 x 8 of residual codes are 55 for each of 2 rows; 340 more
    # are in any array. What toggles is zQ, one for each row.
    "output_edge": Share("edges", "tile", 395, 2, *ALL, 110),
    "results": Share("edges", "tile", 1, 4, *ALL, 4),
    "truncation": Share("edges", "chunk", 2, 2, *COLUMN, 2),
    "parameter_loader": Share("edges", "set", 1, 1, *ALL, 1),
    "control": Share("edges", "chunk", 1, 1, *ALL, 1),
    # The layer takes no residual codes; the registers for them have a clock all the same
    "residuals": Share("edges", "none", 2, 2, *ALL, 2),
}


@dataclass(frozen=True)
class Figures:
    """Figures of a place at one k, in fJ but for the glitch factor and the share of the clock."""

    data: float
    clock: float
    glitches: float
    clock_share: float
    idle_rows: float
    idle_columns: float
    waiting: float
    waiting_clock: float
    cycle: float = 0.0
    cycle_clock: float = 0.0


# An output of the requantiser takes 32,958.7 fJ at k = 8 where 2 columns share a unit, as here, and
# 28,797.2 at the mean of the arrays measured; what idle rows and columns take is in proportion.
FIGURES = {
    8: {
        "multiply_add": Figures(
            1638.3, 379.554, 1.84272, 0.0204487, 248.629, 0.0, 36.7992, -0.106253
        ),
        "weight_registers": Figures(
            383.785, 445.37, 1.00038, 0.279339, 0.0, 0.228269, 34.756, -0.0980039
        ),
        "activation_registers": Figures(
            825.476, 1775.35, 1.00046, 0.197133, 4.86241, 0.0, 1.49945, -0.445204
        ),
        "shift_add": Figures(
            473.22, 540.898, 1.30163, 0.140933, 33.5413, 39.2575, 121.874, -1.02584
        ),
        "accumulator": Figures(
            1505.06, 827.121, 1.279, 0.06327, 26.8973, 47.0261, 55.716, 0.0352784
        ),
        "shadow_registers": Figures(
            638.256, 785.887, 1.08379, 0.216307, 150.425, 188.283, 0.0781063, 0.0158063
        ),
        "row_sum_shadow": Figures(
            1680.73, 1075.5, 1.18313, 0.847241, 514.425, 0.0, 0.0419336, 0.0262215
        ),
        "row_sum": Figures(1508.97, 928.169, 1.53709, 0.0580387, 76.388, 0.0, 2.99719, -0.00643597),
        "tokens": Figures(8.10043, 0.0, 1.00647, 0.0, 0.0, 0.0, 7.71925, 0.0),
        "activation_skew": Figures(
            602.362, 1771.37, 1.00176, 0.266346, 64.0369, 0.0, 1.48937, -0.405555
        ),
        "weight_skew": Figures(313.781, 447.171, 1.00192, 0.334105, 0.0, 0.0, 26.5281, -0.112602),
        "parameter_memory": Figures(5742.77, 3358.24, 1.0, 0.0, 0.0, 0.0, 0.00164709, 0.000580917),
        "requantiser": Figures(
            32958.7,
            17341.6,
            1.56403,
            0.0586568,
            14101.5 * 32958.7 / 28797.2,
            26884.4 * 32958.7 / 28797.2,
            14.9922,
            -0.923886,
        ),
        "output_edge": Figures(5885.6, 36.1268, 1.33325, 0.0, 0.0, 0.0, 0.00125588, 0.000336726),
        "results": Figures(498.548, 901.387, 1.00506, 0.0, 0.0, 0.0, 0.109823, 0.0107689),
        "truncation": Figures(44.7296, 0.0, 1.0, 0.0, 0.0, 0.151712, 0.0, 0.0),
        "parameter_loader": Figures(1258.82, 0.0, 1.22597, 0.0, 0.0, 0.0, 0.367896, 0.0),
        "control": Figures(
            -69.4797, 1037.31, 1.0684, 0.0, 0.0, 0.0, 571.349, 2882.21, 745.911, 2163.76
        ),
        "residuals": Figures(247.235, 241.215, 1.09771, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
    3: {
        "multiply_add": Figures(
            1703.43, 379.474, 1.69402, 0.0189101, 283.404, 0.0, 39.0369, -0.279494
        ),
        "weight_registers": Figures(
            434.422, 451.626, 1.02149, 0.208463, 0.0, 0.303657, 36.9329, 0.166039
        ),
        "activation_registers": Figures(
            806.246, 1768.42, 1.0, 0.211872, 5.17944, 0.0, 5.77089, -0.904304
        ),
        "shift_add": Figures(
            407.425, 535.581, 1.45573, 0.138851, 79.3258, 82.8391, 157.767, 0.299052
        ),
        "accumulator": Figures(
            705.397, 826.442, 1.20003, 0.0943619, 44.8628, 52.7494, 86.607, -0.0688488
        ),
        "shadow_registers": Figures(
            520.171, 788.11, 1.09717, 0.2136, 161.174, 187.528, 0.19778, 0.0260128
        ),
        "row_sum_shadow": Figures(
            1736.31, 896.566, 1.08772, 0.927882, 505.363, 0.0, 0.158683, 0.0201084
        ),
        "row_sum": Figures(1491.59, 933.872, 1.48248, 0.0563303, 75.9897, 0.0, 7.56291, -0.122549),
        "tokens": Figures(15.7698, 0.0, 1.00116, 0.0, 0.0, 0.0, 8.34087, 0.0),
        "activation_skew": Figures(
            586.31, 1766.64, 1.0, 0.282529, 62.8082, 0.0, 5.80427, -0.976127
        ),
        "weight_skew": Figures(354.56, 451.644, 1.06331, 0.25554, 0.0, 0.0, 27.8438, 0.123601),
        "parameter_memory": Figures(5832.14, 3367.37, 1.0, 0.0, 0.0, 0.0, 0.00709675, 0.00220721),
        "requantiser": Figures(
            32903.8,
            18244.4,
            1.64472,
            0.0310223,
            13836.0 * 32903.8 / 29968.7,
            26981.0 * 32903.8 / 29968.7,
            55.1149,
            -2.24118,
        ),
        "output_edge": Figures(4138.26, 35.911, 1.17517, 0.0, 0.0, 0.0, 0.0028952, 8.2131e-05),
        "results": Figures(445.94, 888.488, 1.01954, 0.0, 0.0, 0.0, 0.354588, 0.0342114),
        "truncation": Figures(74.6036, 0.0, 1.12576, 0.0, 0.0, 33.0327, 0.0, 0.0),
        "parameter_loader": Figures(1260.74, 0.0, 1.15844, 0.0, 0.0, 0.0, 0.32698, 0.0),
        "control": Figures(
            -836.44, 1950.84, 1.06682, 0.0, 0.0, 0.0, 587.026, 2863.72, 1592.11, 1661.7
        ),
        "residuals": Figures(246.119, 241.093, 1.10729, 0.0, 0.0, 0.0, 0.0, 0.0),
    },
}

# Whatever happens: the root clock in a cycle, fJ, and the leakage, nW, both for a size of one
ALWAYS = {
    "multiply_add": (24.8771, 110.42),
    "weight_registers": (6.21928, 8.81259),
    "activation_registers": (6.21928, 34.5636),
    "shift_add": (24.8771, 20.9457),
    "accumulator": (24.8771, 34.753),
    "shadow_registers": (24.8771, 23.5381),
    "row_sum_shadow": (24.8794, 17.2746),
    "row_sum": (49.7588, 69.248),
    "tokens": (22.1255, 0.77778),
    "activation_skew": (6.21875, 34.946),
    "weight_skew": (6.21787, 8.74968),
    "parameter_memory": (49.7591, 107.7),
    "requantiser": (299.243, 1256.9),
    "output_edge": (2.19993, 0.681578),
    "results": (56.7119, 43.1343),
    "truncation": (0.0, 1.2386),
    "parameter_loader": (259.809, 8.99758),
    "control": (661.42, 350.632),
    "residuals": (31.0875, 11.6739),
}

# 128 KiB are 8 macros of 2048 words of 64 bits, which take less area than 16 of 1024 x 64, and the
# others still more. 8 give 64 bytes in a cycle, where 16 or 4 are needed. An access of 8 bytes
# takes 122.42205 pJ to read and 160.94305 pJ to write. 2 x 8 macros leak 1584.1239 nW each.
READ_PJ, WRITE_PJ = 122.42205 / 8, 160.94305 / 8
SRAM_LEAKAGE_NW = 16 * 1584.1239
DRAM_PJ = 1300 / 8  # Horowitz, ISSCC 2014: 1.3 nJ for an access of 64 bits


@dataclass(frozen=True)
class Terms:
    """What a place takes, pJ."""

    data: float
    clock: float
    waiting: float
    waiting_clock: float
    root: float
    leakage: float


def terms(name, k, *, glitches=True):
    """The terms of a place: events x work x figure, and so on."""
    share, own, events = SHARES[name], FIGURES[k][name], EVENTS[k]
    count = 0 if share.event == "none" else getattr(events, share.event)
    working = events.cycles - events.waiting
    each = own.data * share.used
    each += own.idle_rows * share.idle_rows + own.idle_columns * share.idle_columns
    steady = each * share.work * count / 1000 + own.cycle * working / 1000
    clock = own.clock * share.clocked * count / 1000 + own.clock_share * steady
    root, leakage = ALWAYS[name]
    return Terms(
        data=steady * (own.glitches if glitches else 1),
        clock=clock + own.cycle_clock * working / 1000,
        waiting=own.waiting * share.size * events.waiting / 1000,
        waiting_clock=own.waiting_clock * share.size * events.waiting / 1000,
        root=root * share.size * events.cycles / 1000,
        leakage=leakage * 1e-9 * share.size * events.cycles * PERIOD_S * 1e12,
    )


def parts(k, *, glitches=True):
    """Energy of the layer, pJ, by part of the report."""
    total = dict.fromkeys(
        (*("multiply_add", "registers", "accumulate", "drain", "edges"), "clock", "leakage"), 0.0
    )
    for name, share in SHARES.items():
        own = terms(name, k, glitches=glitches)
        total[share.part] += own.data + own.waiting
        total["clock"] += own.clock + own.waiting_clock + own.root
        total["leakage"] += own.leakage
    events = EVENTS[k]
    sram = READ_PJ * (events.activations_read + events.weights_read)
    sram += WRITE_PJ * (events.activations_written + events.weights_written)
    sram += SRAM_LEAKAGE_NW * 1e-9 * events.cycles * PERIOD_S * 1e12
    return total | {"sram": sram, "dram": DRAM_PJ * (events.dram_read + events.dram_written)}
