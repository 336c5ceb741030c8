"""A tile at k = 8 and at k = 2 on a small core, cycle by cycle, from a simulation's trace."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pywellen

from truncmac.golden import Gemm, truncate, weight_offset
from truncmac.hw.config import ACTIVATION_BITS, WEIGHT_BITS, ArrayConfig
from truncmac.sim.rtl.cosim import simulate

# All of its PEs are one cluster, so that a chunk meets them in the same cycle
CONFIG = ArrayConfig(rows=4, cols=4, lanes=2, planes=1, max_reduction=12, requantisers=4)
REDUCTION = 12
BIT_WIDTHS = (8, 2)
PE = "core.array.row_0.cluster_0.pe_{row}_{column}."  # the top row is 0
PLACES = [(row, column) for row in range(CONFIG.rows) for column in range(CONFIG.cols)]


@dataclass(frozen=True)
class Cycle:
    """What the core does in a cycle; PEs by row from the top, and column.

    Attributes
    ----------
    number : of the cycle, as the core counts
    beat, plane : that the PEs at work take, the first beat 0 and the highest plane 7; or None
    bits : weight bit of each lane, of each PE at work
    activations : code of each lane, of each row of PEs at work
    dots : accumulator of each PE, from the first beat of the tile on
    results : S of each column, if a row leaves, or None
    """

    number: int
    beat: int | None
    plane: int | None
    bits: dict
    activations: dict
    dots: dict
    results: tuple | None


def tiles():
    """Cycles of the tile at each of `BIT_WIDTHS`, from first to last at work.

    Raises
    ------
    RuntimeError
        If weight bits, accumulators or results in the trace are not those of golden.
    """
    gemms = products()
    with tempfile.TemporaryDirectory() as folder:
        vcd = Path(folder) / "tiles.vcd"
        simulate(gemms, CONFIG, simulator="icarus", waves=vcd, build_root=Path(folder))
        found = {}
        for gemm, instants in zip(gemms, periods(vcd), strict=True):
            found[gemm.bits] = cycles(instants)
            check(found[gemm.bits], gemm)
    return found


def products():
    """The same activations and weight codes at each of `BIT_WIDTHS`, S as the result."""
    rng = np.random.default_rng(seed=1)
    activations = rng.integers(0, 256, (CONFIG.rows, REDUCTION), dtype=np.uint8)
    codes = rng.integers(0, 256, (REDUCTION, CONFIG.cols), dtype=np.uint8)
    return [
        Gemm(f"k{bits}", activations, codes, bits, weight_offset(bits, "bipolar"))
        for bits in BIT_WIDTHS
    ]


def periods(vcd):
    """A reader of variables for each cycle, in a list for each time that the core is active."""
    signals = {
        variable.full_name.removeprefix("truncmac_harness."): variable.signal
        for variable in pywellen.Waveform(str(vcd)).all_vars()
    }
    found, active = [], False
    for edge in (time for time, level in signals["waves.clk"] if level == 1):

        def read(name, instant=edge - 1):
            return signals[name].value_at(instant)

        before, active = active, bool(not read("waves.rst") and read("waves.active"))
        if active and not before:
            found.append([])
        if active:
            found[-1].append(read)
    return found


def cycles(instants):
    """Each cycle; a PE takes in cycle t what the sequencer sent in cycle t - 1."""
    found, beat, plane = [], -1, None
    first, first_chunk, accumulated = _of(PLACES[0]), False, False
    for read in instants:
        beat += first_chunk
        plane = WEIGHT_BITS - 1 if first_chunk else plane
        working = [place for place in PLACES if read(_of(place) + "add")]
        found.append(
            Cycle(
                number=read("waves.cycle"),
                beat=beat if working else None,
                plane=plane if working else None,
                bits={place: _lanes(read(_of(place) + "weights"), 1) for place in working},
                activations={
                    place[0]: _lanes(read(_of(place) + "activations"), ACTIVATION_BITS)
                    for place in working
                },
                dots={place: read(_of(place) + "dot") for place in PLACES if accumulated},
                results=_results(read) if read("waves.results_taken") else None,
            )
        )
        plane = plane - 1 if read(first + "add") else plane
        first_chunk = read(r"core.array.\token.load")
        accumulated = accumulated or read(first + "accumulate")
    return found


def _of(place):
    return PE.format(row=place[0], column=place[1])


def _lanes(word, width):
    return tuple(word >> width * lane & (1 << width) - 1 for lane in range(CONFIG.lanes))


def _results(read):
    width = CONFIG.sum_width
    words = [read(f"waves.unit[{column}].result") for column in range(CONFIG.cols)]
    return tuple(word - (word >> width - 1 << width) for word in words)


def check(tile, gemm):
    """Hold bits, accumulators and results of the trace against golden."""
    taken = np.zeros((*gemm.codes.shape, WEIGHT_BITS), dtype=np.uint8)
    for cycle in tile:
        for (_, column), bits in cycle.bits.items():
            first = cycle.beat * CONFIG.lanes
            taken[first : first + CONFIG.lanes, column, WEIGHT_BITS - 1 - cycle.plane] = bits
    kept = truncate(gemm.codes, gemm.bits)
    dots = [[tile[-1].dots[row, column] for column in range(CONFIG.cols)] for row in _upwards()]
    results = [cycle.results for cycle in tile if cycle.results]
    for name, seen, expected in (
        ("weights", np.packbits(taken, axis=2)[..., 0], kept << (WEIGHT_BITS - gemm.bits)),
        ("accumulators", dots, gemm.activations.astype(np.int64) @ kept),
        ("results", results, gemm.outputs()),
    ):
        if not np.array_equal(seen, expected):
            raise RuntimeError(f"k = {gemm.bits}: {name} of the trace are not those of golden")


def _upwards():
    """Rows of PEs in the order of the outputs: the bottom one is row 0."""
    return reversed(range(CONFIG.rows))
