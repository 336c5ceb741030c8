"""Area and clock of an NPU by block: its netlist without its memories, which are black boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog
from truncmac.integers import ceil_div
from truncmac.sim.energy.macros import Sram
from truncmac.sim.netlist.boxes import BoxTiming, boxed
from truncmac.sim.netlist.fanout import add_buffers
from truncmac.sim.netlist.flat import Netlist, flatten
from truncmac.sim.netlist.library import Library
from truncmac.sim.netlist.mapping import MappingOptions, map_verilog
from truncmac.sim.netlist.paths import TracedPath, longest_paths
from truncmac.sim.netlist.timing import Timing, analyse_timing, fo4

__all__ = ["BLOCKS", "NpuBlocks", "NpuMemory", "block_of", "measure_blocks", "npu_memories"]

ENGINE = f"{NPU_TOP}.engine"
CORE = f"{ENGINE}.convolver.core"
CORE_CLOCK, NPU_CLOCK = "clk", "aclk"
BLOCKS = {  # the modules that each block is made of, with all below them; the longest name counts
    "core": (CORE, *(f"truncmac_{part}" for part in ("row", "cluster", "pe", "output_unit"))),
    "im2col": (f"{ENGINE}.windows",),
    "results and residuals": tuple(f"{ENGINE}.convolver.{p}" for p in ("results", "residuals")),
    "weights and jobs": (f"{ENGINE}.convolver",),
    "loader": (f"{ENGINE}.loader", f"{ENGINE}.load_beside"),
    "storer": (f"{ENGINE}.storer", f"{ENGINE}.store_beside", f"{ENGINE}.sum_storer"),
    "bus": tuple(f"{ENGINE}.{part}" for part in ("fetcher", "reader", "spiller", "writer")),
    "pooler": (f"{ENGINE}.pooler",),
    "post": (f"{ENGINE}.post",),
    "memory multiplexers": (f"{ENGINE}.memory",),
    "decoding": (ENGINE,),
    "control and registers": (NPU_TOP,),
}


@dataclass(frozen=True)
class NpuMemory:
    """Equal memories of an NPU, which are black boxes of its netlist.

    Attributes
    ----------
    module : the black box
    what : what they hold
    count, words, bits : how many there are, and the size of one
    macro, macros : the macro that they are made of, and how many one memory takes; None and 0 where
        the package has no macros of the process
    """

    module: str
    what: str
    count: int
    words: int
    bits: int
    macro: Sram | None
    macros: int

    @property
    def total_bits(self) -> int:
        """Bits of all of them."""
        return self.count * self.words * self.bits

    @property
    def area_um2(self) -> float:
        """Area of all their macros, um2; 0 where it is not known."""
        return 0.0 if self.macro is None else self.count * self.macros * self.macro.area_um2

    @property
    def timing(self) -> BoxTiming:
        """Times of the macro; zeros where they are not known."""
        if self.macro is None:
            return BoxTiming()
        return BoxTiming(self.macro.access_ps, self.macro.setup_ps)


@dataclass(frozen=True)
class NpuBlocks:
    """What was found of an NPU.

    Attributes
    ----------
    area_um2 : cell area of each of `BLOCKS`
    memories : that are not in it
    core_period_ps, core_worst : the shortest clock period of the core by itself, whose inputs come
        with the clock's edge; and the path that needs it
    period_ps : the same of the NPU
    outputs_ps : the latest arrival at an output of the NPU
    paths : paths that are not within the core and need a longer period than it; of each pair of
        modules in which paths begin and end, the longest; the longest first
    fo4_ps : delay of an inverter of the library that drives four like itself
    """

    area_um2: Mapping[str, float]
    memories: Sequence[NpuMemory]
    core_period_ps: float
    core_worst: TracedPath
    period_ps: float
    outputs_ps: float
    paths: Sequence[TracedPath]
    fo4_ps: float


def npu_memories(config: NpuConfig, macros: Sequence[Sram] = ()) -> list[NpuMemory]:
    """The memories of an NPU, each made of the macros that take the least area."""
    array = config.array
    weights = max(array.max_beats * array.chunks, 2)
    sizes = {
        ("truncmac_bank", "activations"): (
            *(config.groups * array.rows, config.depth, array.pe_activation_bits),
        ),
        ("truncmac_weight_bank", "weights"): (2, weights, array.weight_word_bits),
    }
    return [
        NpuMemory(*names, *size, *_cheapest(*size[1:], macros)) for names, size in sizes.items()
    ]


def _cheapest(words: int, bits: int, macros: Sequence[Sram]) -> tuple[Sram | None, int]:
    """The macro of which a memory takes the least area, and how many it takes."""
    counts = {m.name: ceil_div(words, m.words) * ceil_div(bits, m.bits) for m in macros}
    best = min(macros, key=lambda macro: counts[macro.name] * macro.area_um2, default=None)
    return best, 0 if best is None else counts[best.name]


def measure_blocks(
    config: NpuConfig,
    library: Library,
    options: MappingOptions,
    macros: Sequence[Sram],
    cache: Path,
) -> NpuBlocks:
    """Map an NPU to a library, and add up and time what comes out.

    Parameters
    ----------
    options : of the mapping; its black boxes are the NPU's memories, whatever it names
    macros : memory macros of the process, if there are any
    cache : folder in which the netlist is kept

    Raises
    ------
    ToolMissingError, RuntimeError
        As `map_verilog` does.
    """
    memories = npu_memories(config, macros)
    boxes = {memory.module: memory.timing for memory in memories}
    options = replace(options, boxes=tuple(boxes), generic=False)
    json = map_verilog(npu_verilog(config), NPU_TOP, library, options, cache)
    json, library = boxed(json, library, boxes)
    core, core_timing = _timed(flatten(json, CORE, library), CORE_CLOCK)
    npu, timing = _timed(flatten(json, NPU_TOP, library), NPU_CLOCK)
    area = dict.fromkeys(BLOCKS, 0.0)
    for scope, own in npu.area_by_scope().items():
        area[block_of(scope)] += own
    return NpuBlocks(
        area_um2=area,
        memories=memories,
        core_period_ps=core_timing.period_ps,
        core_worst=longest_paths(core, core_timing)[0],
        period_ps=timing.period_ps,
        outputs_ps=timing.output_ps,
        paths=_outside(longest_paths(npu, timing, core_timing.period_ps)),
        fo4_ps=fo4(library)[0],
    )


def _timed(netlist: Netlist, clock: str) -> tuple[Netlist, Timing]:
    add_buffers(netlist, fo4(netlist.library)[1], clock)
    return netlist, analyse_timing(netlist, clock=clock)


def _outside(paths: Sequence[TracedPath]) -> list[TracedPath]:
    """The longest path of each pair of modules, without those that stay in the core."""
    found: dict[tuple[str, str], TracedPath] = {}
    for path in paths:
        scopes = (path.start, *path.through, path.end)
        if any(block_of(scope) != "core" for scope in scopes if not scope.startswith("input ")):
            found.setdefault((_module(path.start), _module(path.end)), path)
    return list(found.values())


def _module(scope: str) -> str:
    return scope.partition("/")[0]


def block_of(scope: str) -> str:
    """The block of a scope, which is "MODULE/what it serves"."""
    module = _module(scope)
    lengths = {
        len(part): block
        for block, parts in BLOCKS.items()
        for part in parts
        if module.startswith(part)
    }
    return lengths[max(lengths)]
