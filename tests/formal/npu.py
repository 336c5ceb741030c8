"""The proofs of the NPU's parts: what is proven of which hardware, how, and a bug to be seen."""

from collections.abc import Callable

from amaranth.lib import data, wiring

from tests.formal.proof import INDUCTION, Proof
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.ahead import DescriptorReader
from truncmac.hw.npu.beside import Beside
from truncmac.hw.npu.bursts import BurstCutter
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.control import Controller
from truncmac.hw.npu.fetcher import Fetcher
from truncmac.hw.npu.memory import ActivationMemory
from truncmac.hw.npu.prefetch import ReadAhead
from truncmac.hw.npu.reader import BurstReader
from truncmac.hw.npu.row_buffer import RowBuffer
from truncmac.hw.npu.spiller import Spiller
from truncmac.hw.npu.tiles import TileIssuer
from truncmac.hw.npu.writer import BurstWriter
from truncmac.hw.verilog import hierarchical_verilog

__all__ = ["NPU_PROOFS"]


def npu(name: str, about: str, hardware: str, make: Callable[[], wiring.Component], **more: object):
    """A proof of one of the NPU's parts, `npu_NAME`."""
    return Proof(
        f"npu_{name}",
        about,
        hardware,
        lambda: hierarchical_verilog(make(), f"truncmac_{name}"),
        **more,
    )


def queue(name: str, depth: int) -> dict[str, str]:
    """A queue's words, the last one first, and its pointers."""
    return {
        "memory": ",".join(f"{name}.storage[{word}]" for word in reversed(range(depth))),
        **{pointer: f"{name}.{pointer}" for pointer in ("produce", "consume", "level")},
    }


def requests(cutter: str = "") -> dict[str, str]:
    """The probes of `npu_requests.vh`; `cutter` is its path in the hardware."""
    found = queue(f"{cutter}waiting", 2)
    return {
        "waiting": found["memory"],
        **{f"waiting_{name}": found[name] for name in ("produce", "consume", "level")},
        "waiting_done": f"{cutter}done",
    }


def program() -> str:
    """What reads descriptors, and what runs them, as two modules."""
    controller = hierarchical_verilog(Controller(), "truncmac_controller")
    reader = hierarchical_verilog(DescriptorReader(MEMORY), "truncmac_descriptors")
    return controller + reader


MEMORY = NpuConfig(array=ArrayConfig(2, 4, 2, 1, 100, 4), depth=16)

NPU_PROOFS = (
    npu(
        "cutter",
        "Bursts cover just the beats of each request, in order; none is longer than 16 beats or "
        "crosses 4 KiB, and none could be longer.",
        "burst cutter, 64-bit bus",
        lambda: BurstCutter(64),
        probes=requests(),
        engine=INDUCTION,
        bug=(r"(bursts__payload\[11:0\];)", "{1'h0, bursts__payload[10:0]};"),
    ),
    npu(
        "reader",
        "Bursts as of the cutter; what is offered stays. Data never wait, and there is room for "
        "all that may come, of every memory that obeys AXI4. Words leave once, in order.",
        "burst reader, 64-bit bus, 2 bursts outstanding",
        lambda: BurstReader(64, 2),
        probes=requests("cutter.")
        | queue("queue", 31)
        | {"level": "queue.inner_level", "first_here": "queue.r_rdy"}
        | {"room": "room", "coming": "coming"}
        | {"was_offered": "offered"},
        engine=INDUCTION,
        bug=(r"room >= bursts__payload\[36:32\]", "room >= 6'h8"),
    ),
    npu(
        "writer",
        "Bursts as of the cutter, of words that are all here; what is offered stays. A burst's "
        "words follow it without a gap, each once and in order, the last one marked. It says that "
        "it is empty when all is written and answered.",
        "burst writer, 64-bit bus",
        lambda: BurstWriter(64),
        probes=requests("cutter.")
        | queue("queue", 31)
        | {"level": "queue.inner_level", "first_here": "queue.r_rdy", "first": "queue.r_data"}
        | {"held": "held", "burst_left": "left", "without_answer": "unanswered"}
        | {"was_offered": "offered"},
        engine=INDUCTION,
        bug=(r"held >= bursts__payload\[36:32\]", "held >= 1'h1"),
    ),
    npu(
        "spiller",
        "Nothing outside of output and scratch is written, whatever is asked. A request becomes "
        "one for just the beats in which its bytes lie, or is told to be outside.",
        "spiller, 64-bit bus",
        lambda: Spiller(64),
        engine=INDUCTION,
        bug=(r"== 2'h2", "== 2'h1"),
    ),
    npu(
        "fetcher",
        "No bytes outside of a region are read. Each request is told to be outside, or gets just "
        "the beats in which its bytes lie, in order, each once; they go to who asked.",
        "fetcher, 64-bit bus, two who ask",
        lambda: Fetcher(64, ("a", "b")),
        probes=queue("tickets", 8)
        | {"has_begun": "begun", "bytes_left": "left", "waiting": "waits"},
        engine=INDUCTION,
        bug=(r"rest <= 4'h8", "rest <= 4'h7"),
    ),
    npu(
        "memory",
        "A bank does one thing in a cycle, for the first who asks. Who is told `ready` is served, "
        "and reads what was written last, until it reads again.",
        "activation memory, 3 groups of 2 banks of 16 words of 2 codes, two ports that read and "
        "two that write",
        lambda: ActivationMemory(MEMORY),
        probes={
            "memory": ",".join(
                f"group_{group}_bank_{bank}.memory[{word}]"
                for group in (2, 1, 0)
                for bank in (1, 0)
                for word in reversed(range(16))
            ),
            "group_of_windows": "group_of_windows",
        },
        engine=INDUCTION,
        bug=(r"windows_needed & ", "1'h0 & "),
    ),
    npu(
        "prefetch",
        "Each word that is wanted is read once, in order, in any cycle in which there is room for "
        "its codes; these leave once, in the same order: those that are wanted, and zeros.",
        "what reads ahead, 2 of 4 codes of a word, queues of 2 words and of 2 words' codes",
        lambda: ReadAhead(ArrayConfig(2, 2, 4, 1, 100, 2), asked=2, answered=2),
        probes={
            f"{part}{name and '_'}{name}": nets
            for part in ("asked", "answered")
            for name, nets in (queue(part, 2) | {"": queue(part, 2)["memory"]}).items()
            if name != "memory"
        }
        | {"held": "w_en$#", "part_here": "part", "wanted_here": "wanted"},
        engine=INDUCTION,
        bug=(r"\| read_ready", "| 1'h1"),
    ),
    npu(
        "row_buffer",
        "A byte that is still needed is given as it came: no beat is overwritten before. There is "
        "room for as many beats as the ring has, less those that are needed or on their way.",
        "row buffer, 16-bit bus",
        lambda: RowBuffer(16, 2),
        probes={
            **{
                f"memory_{odd}": ",".join(f"half_{odd}[{n}]" for n in reversed(range(32)))
                for odd in range(2)
            },
            **{"base": "base", "next": "last", "beats_asked": "asked", "beats_here": "here"},
        },
        engine=INDUCTION,
        bug=(r"\\\$\d+  \? 28'h0000040 : ", ""),
    ),
    Proof(
        "npu_program",
        "Each start runs the descriptors of its program once and in order, up to END or a fault, "
        "and says `done` once. After a fault the bus is stopped, and all is forgotten once it is "
        "still. Whatever was before, once bus and blocks go on a descriptor is taken, or the "
        "program ends, after 13 cycles at most.",
        "controller and descriptor reader, 64-bit bus",
        program,
        probes={
            "controlling": "fsm_state",
            "reading": "reader.fsm_state",
            "beat": "reader.beat",
            "number": "reader.index",
        },
        cut="truncmac_descriptors/c:check",
        engine=INDUCTION,
        bug=(r"~ descriptor\[9\]", "1'h0"),
    ),
    npu(
        "tiles",
        "A job gives its tiles, column tile by column tile, all row tiles of each, and is then "
        "taken.",
        "tile issuer, 1 x 1",
        lambda: TileIssuer(ArrayConfig(1, 1, 1, 1, 2, 1, 2)),
        probes={"at_row": "row", "at_column": "column"},
        engine=INDUCTION,
        bug=(r"column \+", "column -"),
    ),
    npu(
        "beside",
        "What an operation is told is kept, unchanged, until it is over; the next is told then.",
        "what runs beside, 8 bits",
        lambda: Beside(data.StructLayout({"told": 8})),
        bug=(r"= ~ kept__valid", "= 1'h1"),
    ),
)
