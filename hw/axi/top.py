"""The bus-facing top: the core behind AXI4-Stream and AXI4-Lite."""

from dataclasses import dataclass, fields

from amaranth import Cat, ClockDomain, ClockSignal, Module, ResetSignal, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from truncmac.hw.command import CommandError
from truncmac.hw.config import ACTIVATION_BITS
from truncmac.hw.core import Core
from truncmac.hw.counters import COUNTERS
from truncmac.hw.weight_buffer import WeightBuffer

from .job import JobSequencer
from .lite import AxiLiteRegisters, axi_lite_members
from .registers import MAP_VERSION, REGISTERS
from .stream import Packer, Unpacker

__all__ = ["AxiTop", "BusWidths", "check_axi"]

BUS_WIDTHS = (32, 64, 128, 256, 512)
ADDRESS_WIDTH = 8
RAW_BITS = 32
INPUTS = ("activations", "weights", "parameters", "residuals")


@dataclass(frozen=True)
class BusWidths:
    """Bits of TDATA of each stream: 32, 64, 128, 256 or 512."""

    activations: int = 64
    weights: int = 64
    parameters: int = 64
    residuals: int = 64
    results: int = 64

    def __post_init__(self):
        for field in fields(self):
            width = getattr(self, field.name)
            if width not in BUS_WIDTHS:
                known = ", ".join(map(str, BUS_WIDTHS))
                raise ValueError(f"Bus width of {field.name} must be one of {known}, not {width}")

    @classmethod
    def all(cls, width):
        """Return one width for every stream."""
        return cls(**{field.name: width for field in fields(cls)})


def check_axi(config):
    """Raise ValueError unless the array of `config` fits the AXI top."""
    if config.requantisers & (config.requantisers - 1):
        raise ValueError(
            "requantisers must be a power of two for the AXI top, so that results fill its "
            f"transfers, not {config.requantisers}"
        )
    if config.sum_width > RAW_BITS:
        raise ValueError(
            f"max_reduction must give sums of at most {RAW_BITS} bits for the AXI top; "
            f"{config.max_reduction} gives {config.sum_width}"
        )


class AxiTop(wiring.Component):
    """Core and weight buffer. Each write to `start` runs one job, a whole matrix product.

    Words come in the order of `Core`'s streams, except for the weights. Those come chunk-major, as
    they lie in memory: the first ceil(k / planes) chunks of each column tile, once. Activations
    come anew for each column tile. Of a word the lowest byte comes first; `stream.word_stride` is
    the distance of words. Results are bytes, or S in 32 bits, row by row of tile after tile,
    packed without gaps. TLAST ends the job.

    Parameters
    ----------
    config : ArrayConfig
        Sizes that `check_axi` accepts.
    widths : BusWidths

    Members
    -------
    aclk, aresetn : In, clock, and reset when low, synchronous
    s_axil_* : AXI4-Lite, the registers of `registers`
    s_axis_activations_*, s_axis_weights_*, s_axis_parameters_*, s_axis_residuals_* : AXI4-Stream
    m_axis_results_* : AXI4-Stream
    irq : Out, high while `status.done` is set and `control.irq_enable`
    """

    def __init__(self, config, widths=None):
        self.config = config
        self.widths = widths or BusWidths()
        members = {"aclk": In(1), "aresetn": In(1), "irq": Out(1)}
        members |= axi_lite_members("s_axil", ADDRESS_WIDTH)
        for name in INPUTS:
            members |= _stream_members(f"s_axis_{name}", getattr(self.widths, name), In, Out)
        members |= _stream_members("m_axis_results", self.widths.results, Out, In)
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.d.comb += ClockSignal().eq(self.aclk)
        m.d.comb += ResetSignal().eq(~self.aresetn)

        m.submodules.core = core = Core(self.config)
        m.submodules.buffer = buffer = WeightBuffer(self.config)
        m.submodules.job = job = JobSequencer(self.config)
        m.submodules.registers = registers = AxiLiteRegisters(
            REGISTERS, address_width=ADDRESS_WIDTH
        )
        for name in axi_lite_members("s_axil", ADDRESS_WIDTH):
            ours, theirs = getattr(self, name), getattr(registers, name)
            inwards = self.signature.members[name].flow == In
            m.d.comb += theirs.eq(ours) if inwards else ours.eq(theirs)

        for name, words in (
            ("activations", core.activations),
            ("weights", buffer.loads),
            ("parameters", core.parameters),
            ("residuals", core.residuals),
        ):
            self._unpack(m, name, words)
        wiring.connect(m, buffer.weights, core.weights)
        wiring.connect(m, job.tiles, core.tiles)
        wiring.connect(m, job.blocks, buffer.blocks)
        pending = self._pack(m, core, job)
        m.d.comb += job.core_active.eq(core.active | pending)
        self._connect_registers(m, registers, core, job)
        return m

    def _unpack(self, m, name, words):
        width = getattr(self.widths, name)
        unpacker = Unpacker(
            len(words.payload if name != "parameters" else words.payload.as_value()), width
        )
        m.submodules[f"{name}_unpacker"] = unpacker
        transfers = unpacker.transfers
        m.d.comb += [
            transfers.p.data.eq(getattr(self, f"s_axis_{name}_tdata")),
            transfers.p.keep.eq(getattr(self, f"s_axis_{name}_tkeep")),
            transfers.p.last.eq(getattr(self, f"s_axis_{name}_tlast")),
            transfers.valid.eq(getattr(self, f"s_axis_{name}_tvalid")),
            getattr(self, f"s_axis_{name}_tready").eq(transfers.ready),
            words.payload.eq(unpacker.words.payload),
            words.valid.eq(unpacker.words.valid),
            unpacker.words.ready.eq(words.ready),
        ]

    def _pack(self, m, core, job):
        """Pack results, as bytes or 32-bit words; return whether some are not taken yet."""
        units = self.config.requantisers
        results = core.results.payload
        codes = Cat(results[unit][:ACTIVATION_BITS] for unit in range(units))
        sums = Signal(RAW_BITS * units)
        for unit in range(units):
            wide = Signal(signed(RAW_BITS), name=f"sum_{unit}")
            m.d.comb += wide.eq(results[unit])
            m.d.comb += sums.word_select(unit, RAW_BITS).eq(wide)
        out = {
            part: getattr(self, f"m_axis_results_{part}")
            for part in ("tdata", "tkeep", "tlast", "tvalid", "tready")
        }
        m.d.comb += job.part.eq(core.results.valid & core.results.ready)
        pending = 0
        for name, word, chosen in (
            ("codes", codes, ~job.job.raw),
            ("sums", sums, job.job.raw),
        ):
            m.submodules[f"{name}_packer"] = packer = Packer(len(word), self.widths.results)
            m.d.comb += packer.words.p.word.eq(word)
            m.d.comb += packer.words.p.last.eq(job.last)
            with m.If(chosen):
                m.d.comb += [
                    packer.words.valid.eq(core.results.valid),
                    core.results.ready.eq(packer.words.ready),
                    packer.transfers.ready.eq(out["tready"]),
                    out["tdata"].eq(packer.transfers.p.data),
                    out["tkeep"].eq(packer.transfers.p.keep),
                    out["tlast"].eq(packer.transfers.p.last),
                    out["tvalid"].eq(packer.transfers.valid),
                ]
            pending = pending | packer.transfers.valid
        return pending

    def _connect_registers(self, m, registers, core, job):
        config = self.config
        error = Signal(CommandError)
        happened = Signal()
        m.d.comb += happened.eq((core.error != CommandError.NONE) | job.empty)
        with m.If(job.empty):
            m.d.sync += error.eq(CommandError.ZERO_TILES)
        with m.Elif(happened):
            m.d.sync += error.eq(core.error)
        m.d.comb += [
            registers.version_value.eq(MAP_VERSION),
            registers.sizes_rows.eq(config.rows),
            registers.sizes_cols.eq(config.cols),
            registers.sizes_lanes.eq(config.lanes),
            registers.sizes_planes.eq(config.planes),
            registers.max_beats_value.eq(config.max_beats),
            registers.status_busy.eq(job.busy | registers.control_start),
            registers.status_done.eq(job.done),
            registers.status_error.eq(happened),
            registers.status_error_code.eq(error),
            core.clear.eq(registers.control_clear),
            job.start.eq(registers.control_start),
            self.irq.eq(registers.status_done_seen & registers.control_irq_enable),
        ]
        for name in COUNTERS:
            m.d.comb += getattr(registers, f"count_{name}_value").eq(core.counters[name])
        for name in ("bits", "beats", "offset", "row_tiles", "column_tiles"):
            m.d.comb += job.job[name].eq(getattr(registers, f"{name}_value"))
        for name in ("limit", "raw", "residual"):
            m.d.comb += job.job[name].eq(getattr(registers, f"output_{name}"))


def _stream_members(prefix, width, forward, backward):
    return {
        f"{prefix}_tdata": forward(width),
        f"{prefix}_tkeep": forward(width // 8),
        f"{prefix}_tlast": forward(1),
        f"{prefix}_tvalid": forward(1),
        f"{prefix}_tready": backward(1),
    }
