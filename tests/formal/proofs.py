"""The proofs, one table: what is proven of which hardware, how, and a bug that must be seen."""

from dataclasses import astuple

from tests.formal.npu import NPU_PROOFS
from tests.formal.proof import INDUCTION, Proof
from tests.mutation.mutants import MUTATED
from truncmac.hw.axi.registers import REGISTERS
from truncmac.hw.axi.stream import Packer, Unpacker
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.output_unit import OutputUnit
from truncmac.hw.parameters import ParameterLoader
from truncmac.hw.row_sum import RowSum
from truncmac.hw.sequencer import Sequencer
from truncmac.hw.tile import ending_layout
from truncmac.hw.verilog import core_verilog, hierarchical_verilog
from truncmac.hw.weight_buffer import TILE_COUNT_BITS, WeightBuffer

__all__ = ["PROOFS"]

WEIGHT_BANKS = {
    "memory": ",".join(f"bank_{n}.memory[{word}]" for n in (1, 0) for word in range(3, -1, -1)),
    "load_beat": "beat",
    "load_chunk": "chunk",
    "load_bank": "bank",
    "address": "address",
    "read_tile": "tile",
    "read_beat": "beat$#",
    "read_chunk": "chunk$#",
    "read_bank": "bank$#",
    "row": "row",
    "bank_used": "used",
    "free": "free",
}
for queue in ("asked", "filled"):
    WEIGHT_BANKS[f"{queue}_blocks"] = f"{queue}.storage[1],{queue}.storage[0]"
    for pointer in ("level", "consume", "produce"):
        WEIGHT_BANKS[f"{queue}_{pointer}"] = f"{queue}.{pointer}"


def history(config: ArrayConfig) -> dict[str, str]:
    """The probes of `history.vh`."""
    void = ending_layout(config).size - 1
    kept = config.passage + OutputUnit.LATENCY
    down = [f"array.row_{row}.token_1.capture" for row in range(config.depth - 1)]
    right = [
        f"array.row_{config.depth - 1}.token_{tap}.capture" for tap in range(1, RowSum.LATENCY + 1)
    ]
    return {
        "busy": "sequencer.busy",
        "advance": "advance",
        "ends": "sequencer.token.capture",
        "ends_void": "sequencer.ending.void",
        "wait_steps": "sequencer.wait",
        "leaving": "leaving",
        "captures": ",".join(reversed(down + right)),
        "captured": "edge.captured",
        "hold": "edge.hold",
        "level_there": "results$#.level",
        "valid": "edge.valid",
        "leaves": "edge.leaves",
        "void_leaves": "edge.ending$#.void",
        "pause": "edge.pause",
        "rest": "edge.rest",
        "endings": "edge.endings.level",
        "produce": "edge.endings.produce",
        "consume": "edge.endings.consume",
        "void_endings": ",".join(f"edge.endings.storage[{n}][{void}]" for n in (3, 2, 1, 0)),
        "row_taps": ",".join(f"edge.row_{n}" for n in range(config.passage + 1, 0, -1)),
        "kept_taps": ",".join(f"edge.kept_{n}" for n in range(kept, 0, -1)),
    }


def drain(config: ArrayConfig) -> dict[str, str]:
    """The probes of `drain.vh`."""
    places = [divmod(row, config.cluster_rows) for row in range(config.rows)]
    clusters = range(config.breadth)

    def pes(event: str) -> list[str]:
        return [f"array.row_{d}.cluster_{c}.pe_{r}_0.{event}" for d, r in places for c in clusters]

    def row_sums(event: str) -> list[str]:
        return [f"array.row_{d}.row_sum_{r}.{event}" for d, r in places]

    tokens = [
        f"array.row_{row}.token_{tap}.capture"
        for row in range(config.depth)
        for tap in range(1, config.breadth + 5)
    ]
    drains = [
        f"array.row_{row}.drain_{tap}"
        for tap in range(1, config.breadth + 2 + config.drain_delay)
        for row in range(config.depth)
    ]
    units = [
        f"edge.unit_{unit}{'_of_1' if row else ''}.select"
        for row in range(config.rows_at_once)
        for unit in range(config.row_units)
    ]
    nets = {
        "capture_now": pes("capture"),
        "drain_now": pes("drain"),
        "q_capture_now": row_sums("capture"),
        "q_drain_now": row_sums("drain"),
        "selects": units,
        "token_taps": tokens,
        "drain_taps": drains,
    }
    return history(config) | {name: ",".join(reversed(found)) for name, found in nets.items()}


def units(config: ArrayConfig) -> dict[str, str]:
    """The probes of `core_units.sv`."""
    bits = [f"edge.unit_{unit}.requantiser.valid_4" for unit in range(config.requantisers)]
    found = history(config)
    return {
        "advance": found["advance"],
        "kept_taps": found["kept_taps"],
        "last_valid": ",".join(reversed(bits)),
    }


def core(name: str, about: str, sizes: tuple[int, ...], **more: object) -> Proof:
    """A proof of `truncmac_core`, as `truncmac rtl` writes it."""
    config = ArrayConfig(*sizes)
    hardware = f"core, {config.rows} x {config.cols}, {config.lanes} lanes, {config.planes} planes"
    return Proof(name, about, hardware, lambda: core_verilog(config), config=config, **more)


def unpacker(name: str, about: str, word: int, **more: object) -> Proof:
    """A proof of an unpacker of 32-bit transfers."""
    return Proof(
        name,
        about,
        f"unpacker, {word}-bit words in 32-bit transfers",
        lambda: hierarchical_verilog(Unpacker(word, 32), "truncmac_unpacker"),
        **more,
    )


def packer(name: str, about: str, word: int, **more: object) -> Proof:
    """A proof of a packer of 32-bit transfers."""
    return Proof(
        name,
        about,
        f"packer, {word}-bit words in 32-bit transfers",
        lambda: hierarchical_verilog(Packer(word, 32), "truncmac_packer"),
        **more,
    )


def axi(name: str, about: str, sizes: tuple[int, ...], **more: object) -> Proof:
    """A proof of `truncmac_axi`, all buses 32 bits wide."""
    config = ArrayConfig(*sizes)
    widths = BusWidths.all(32)
    hardware = f"AXI top, {config.rows} x {config.cols}, 32-bit buses"
    return Proof(name, about, hardware, lambda: axi_verilog(config, widths), config=config, **more)


def part(name: str, about: str, component: type, sizes: tuple[int, ...], **more: object) -> Proof:
    """A proof of one of the core's components."""
    config = ArrayConfig(*sizes)
    hardware = f"{name.replace('_', ' ')}, {config.rows} x {config.cols}, {config.planes} planes"
    module = f"truncmac_{name}"
    return Proof(
        name,
        about,
        hardware,
        lambda: hierarchical_verilog(component(config), module),
        config=config,
        **more,
    )


# Small arrays and narrow numbers: control is that of any core, data are as few bits as may be
ONE = (1, 1, 1, 1, 2, 1, 2)
SMALL = (2, 2, 1, 1, 2, 1, 2)
CLUSTERS = (6, 6, 1, 1, 2, 6, 2)  # two by two clusters of PEs
PAIRS = (6, 6, 1, 1, 2, 12, 2)  # the same, whose rows leave two at once
ADDRESS = {register.name: register.address for register in REGISTERS}
KNOWN = "||".join(f"(address[7:2]=={address // 4})" for address in ADDRESS.values())

PROOFS = (
    core(
        "core_results",
        "A result that is offered stays, unchanged, until it is taken.",
        SMALL,
        bug=(r"\.r_en\(results__ready\)", ".r_en(1'h1)"),
        quick=True,
    ),
    core(
        "core_tiles",
        "A tile gives just its words of results, a void one none: no word comes that is not due, "
        "and none is due when the core is idle.",
        SMALL,
        bug=(r"\.r_en\(results__ready\)", ".r_en(1'h1)"),
        probes=history(ArrayConfig(*SMALL)),
        engine=INDUCTION,
    ),
    core(
        "core_drain",
        "Tiles never meet in the drain: every output unit, and every use of a row sum, finds the "
        "sum of the tile and row that is due.",
        CLUSTERS,
        bug=(r"(= \\wait ;\s+if \(\S+ \) begin\s+\S+\s+= )3'h5", r"\g<1>3'h4"),
        probes=drain(ArrayConfig(*CLUSTERS)),
        engine=INDUCTION,
    ),
    core(
        "core_drain_pairs",
        "The same where two rows leave the array at once: each finds the sum of its own row.",
        PAIRS,
        properties="core_drain",
        bug=(r"(= \\wait ;\s+if \(\S+ \) begin\s+\S+\s+= )2'h2", r"\g<1>2'h1"),
        probes=drain(ArrayConfig(*PAIRS)),
        engine=INDUCTION,
    ),
    core(
        "core_units",
        "Each result that is taken of an output unit has passed all of its registers as a valid "
        "word.",
        astuple(MUTATED),  # whose mutants' proofs need this one
        defines={"LATENCY": OutputUnit.LATENCY},
        probes=units(MUTATED),
        bug=(r"\.select\(\{ \w+, \w+, (\w+) \}\)", r".select({ 2'h0, \1 })"),
        quick=True,
    ),
    core(
        "core_progress",
        "Whatever the commands and stalls before, once all streams go on, a word moves at least "
        "every 30 cycles until the core is idle: no command makes it hang.",
        ONE,
        defines={"LIMIT": 30},
        bug=(r"assign \\release  = [^;]+;", r"assign \\release  = 1'h0;"),
    ),
    core(
        "core_products",
        "Any output of any tile is 2D - zQ of the words that were taken for it, whatever tiles and "
        "stalls were before.",
        ONE,
        depth=18,
        bug=(r"first_beat \?", "1'h0 ?"),
    ),
    part(
        "sequencer",
        "A tile gives just the tokens, and takes just the words, that its command says, in no "
        "cycle later than it can; commands in error too. Tiles end at least an interval apart.",
        Sequencer,
        (2, 2, 1, 4, 3, 1, 2),
        bug=(r"beat == 1'h1", "beat == 2'h2"),
        quick=True,
    ),
    part(
        "loader",
        "A set of parameters is whole when it is claimed, and not overwritten while in use; it "
        "loads whenever a bank is free.",
        ParameterLoader,
        (2, 4, 1, 1, 3, 2, 2),
        defines={"UNIT_BITS": 1, "TURN_BITS": 1},
        bug=(r"assign next_bank = ~ ", "assign next_bank = "),
        quick=True,
    ),
    part(
        "weight_buffer",
        "Words come out beat-major, each in its place, once for each tile that uses the block, and "
        "without a gap. A block is taken when there is a bank for it, and then none of its words "
        "is refused.",
        WeightBuffer,
        (1, 1, 1, 4, 2, 1, 2),
        defines={"TILES_WIDTH": TILE_COUNT_BITS},
        probes=WEIGHT_BANKS,
        engine=INDUCTION,
        bug=(r"= row \+ \\r_data", r"= row - \\r_data"),
    ),
    axi(
        "axi_lite",
        "Every access is answered once, with the right response, nothing offered is taken back, "
        "and a register reads what was written, byte by byte.",
        ONE,
        defines={"KNOWN_ADDRESSES": KNOWN, "BEATS_AT": ADDRESS["beats"]},
        bug=(r"s_axil_wstrb\[1\]", "s_axil_wstrb[0]"),
        quick=True,
    ),
    axi(
        "axi_results",
        "A transfer of results that is offered stays, unchanged, until it is taken; the core is "
        "replaced by what is proven of it.",
        ONE,
        defines={"OUTPUT_AT": ADDRESS["output"]},
        probes={
            "tile_valid": "tiles__valid",
            "tile_ready": "tiles__ready",
            "core_active": "active",
            "result_valid": "results__valid",
            "result_ready": "results__ready",
            "result": "results__payload",
            "busy": "job$#.busy",
            "issuing": "job$#.issuing",
            "part": "job$#.part",
            "issued": "job$#.tiles",
            "queued": "job$#.tiles$#.level",
        },
        cut="truncmac_axi/c:core",
        engine=INDUCTION,
        bug=(r"assign room = \S+ +\|", "assign room = 1'h1 |"),
    ),
    unpacker(
        "unpack_slots",
        "Each kept word of a transfer leaves once, in order; none that is not kept.",
        8,
        defines={"SLOTS": 4},
        bug=(r"done <= ", "done <= 4'h0; //"),
        quick=True,
    ),
    unpacker(
        "unpack_parts",
        "A word is its transfers in order; each leaves once.",
        96,
        defines={"PARTS": 3},
        bug=(
            r"\{ transfers__payload\[31:0\], held \}",
            "{ transfers__payload[31:0], held[31:0], held[63:32] }",
        ),
        quick=True,
    ),
    packer(
        "pack_words",
        "Each word leaves once, in order, in full transfers but for a packet's last.",
        8,
        defines={"SLOTS": 4},
        bug=(r"assign words__ready = \S+ +\|", "assign words__ready = 1'h1 |"),
        quick=True,
    ),
    packer(
        "pack_parts",
        "A word's parts leave once, in order; TLAST is with a packet's last.",
        96,
        defines={"PARTS": 3},
        bug=(
            r"assign words__ready = transfers__ready & \S+ ;",
            "assign words__ready = transfers__ready;",
        ),
        quick=True,
    ),
    *NPU_PROOFS,
)
