"""All that does the operations of a program: runners, activation memory and bus."""

from amaranth import Module, Mux
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from truncmac.descriptors import Operation

from ..axi.stream import axi_stream_layout
from .convolver import Convolver
from .copies import load_layout
from .descriptor import DESCRIPTOR_BITS, descriptor_layout, map_of
from .fetcher import Fetcher
from .loader import Loader
from .memory import ActivationMemory
from .post import PostProcessor
from .reader import BurstReader, axi_read_members
from .regions import bytes_layout, regions_layout
from .spiller import Spiller, SumStorer
from .storer import Storer
from .writer import BurstWriter, axi_write_members

__all__ = ["Engine"]

ASKERS = ("descriptor", "parameters", "weights", "load")
SIZES = ("width", "height", "channels")
RUNNING = ("load", "store", "convolution", "post")


class Engine(wiring.Component):
    """Does one operation at a time, as the controller says.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    regions : In, `regions_layout()`
    descriptor : In, 512 bits, of the operation at hand
    run_... : In, for load, store, convolution and post: do it
    ended_... : Out, the same: it is done in this cycle
    descriptor_requests, descriptor_data : In and Out, as of `Fetcher`
    stop : In, issue no other burst
    outside, read_failed, write_failed : Out, for one cycle
    still : Out, the bus is idle
    written : Out, nothing waits to be written
    m_axi_... : the bus
    """

    def __init__(self, config):
        self.config = config
        width = config.bus_width
        super().__init__(
            {
                "regions": In(regions_layout()),
                "descriptor": In(DESCRIPTOR_BITS),
                **{f"run_{name}": In(1) for name in RUNNING},
                **{f"ended_{name}": Out(1) for name in RUNNING},
                "descriptor_requests": In(stream.Signature(bytes_layout())),
                "descriptor_data": Out(stream.Signature(axi_stream_layout(width))),
                "stop": In(1),
                **dict.fromkeys(
                    ("outside", "read_failed", "write_failed", "still", "written"), Out(1)
                ),
                **axi_read_members(width),
                **axi_write_members(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        array, width = self.config.array, self.config.bus_width
        m.submodules.memory = memory = ActivationMemory(self.config)
        m.submodules.convolver = convolver = Convolver(array, width)
        m.submodules.post = post = PostProcessor(array)
        m.submodules.loader = loader = Loader(array, width)
        m.submodules.storer = storer = Storer(array, width)
        m.submodules.sum_storer = sums = SumStorer(width)
        self._give(m, convolver, post, loader, storer)
        self._reach(m, memory, convolver, post, loader, storer)
        wiring.connect(m, convolver.sums, sums.sums)
        conv = descriptor_layout(Operation.CONV)(self.descriptor)
        m.d.comb += sums.address.eq(conv.parameters)
        self._read(m, convolver, loader)
        self._write(m, storer, sums)
        return m

    def _give(self, m, convolver, post, loader, storer):
        """Make of the descriptor what each runner takes."""
        for name, taker in (
            ("convolution", convolver.operations),
            ("post", post.operations),
            ("load", loader.loads),
            ("store", storer.stores),
        ):
            run = getattr(self, f"run_{name}")
            m.d.comb += taker.valid.eq(run)
            m.d.comb += getattr(self, f"ended_{name}").eq(run & taker.ready)
        self._convolution(m, convolver.operations.p)
        self._post(m, post.operations.p)
        store = descriptor_layout(Operation.STORE)(self.descriptor)
        given = storer.stores.p
        m.d.comb += given.where.eq(map_of(m, store, "input", "store"))
        m.d.comb += [given[name].eq(store[f"input_{name}"]) for name in SIZES]
        m.d.comb += [given[name].eq(store[name]) for name in ("address", "pitch")]
        load = descriptor_layout(Operation.LOAD)(self.descriptor)
        m.d.comb += loader.loads.p.where.eq(map_of(m, load, "output", "load"))
        for name in load_layout().members:
            if name != "where":
                m.d.comb += loader.loads.p[name].eq(load[name])

    def _convolution(self, m, given):
        array = self.config.array
        conv = descriptor_layout(Operation.CONV)(self.descriptor)
        maps = {role: map_of(m, conv, role, "conv") for role in ("input", "output", "residual")}
        rows, lanes = exact_log2(array.rows), exact_log2(array.lanes)
        columns = exact_log2(array.cols)
        tile_x = maps["input"].tile_x[:3]
        tile_y = (rows - tile_x)[:3]
        across = (conv.output_width + (1 << tile_x) - 1) >> tile_x
        down = (conv.output_height + (1 << tile_y) - 1) >> tile_y
        column_tiles = (conv.output_channels + (array.cols - 1)) >> columns
        beats = conv.kernel_x * conv.kernel_y * ((conv.input_channels + array.lanes - 1) >> lanes)
        shared = (
            *("input_width", "input_height", "input_channels", "output_width", "output_height"),
            *("kernel_x", "kernel_y", "pad_left", "pad_top", "pad_code"),
            *("stride_x", "stride_y", "dilation_x", "dilation_y"),
        )
        window, job, operands = given.window, given.job, given.operands
        m.d.comb += [window[name].eq(conv[name]) for name in shared]
        for name in ("base", "step_x", "step_y", "tile_x", "phase_x", "phase_y"):
            m.d.comb += window[name].eq(maps["input"][name])
        m.d.comb += [
            given.group.eq(maps["input"].group),
            window.column_tiles.eq(column_tiles),
            *(job[name].eq(conv[name]) for name in ("bits", "offset", "limit", "raw", "residual")),
            job.beats.eq(beats),
            job.row_tiles.eq(across * down),
            job.column_tiles.eq(column_tiles),
            operands.bits.eq(conv.bits),
            operands.beats.eq(beats),
            operands.channels.eq(conv.output_channels),
            operands.weights.eq(conv.weights),
            operands.pitch.eq(conv.weights_pitch),
            operands.parameters.eq(conv.parameters),
            operands.raw.eq(conv.raw),
            *(
                given.outputs[f"output_{name}"].eq(conv[f"output_{name}"])
                for name in ("width", "height", "channels")
            ),
            given.outputs.tile_x.eq(maps["input"].tile_x),
            given.output.eq(maps["output"]),
            given.residual.eq(maps["residual"]),
        ]

    def _post(self, m, given):
        """A shortcut is a pool of one pixel; its stride and maps lie where a pool's do."""
        pool = descriptor_layout(Operation.POOL)(self.descriptor)
        pools = pool.operation == Operation.POOL
        sizes = (f"{side}_{size}" for side in ("input", "output") for size in SIZES)
        m.d.comb += [given[name].eq(pool[name]) for name in (*sizes, "stride_x", "stride_y")]
        for name in ("kernel_x", "kernel_y"):
            m.d.comb += given[name].eq(Mux(pools, pool[name], 1))
        for name in ("pad_left", "pad_top", "pad_code"):
            m.d.comb += given[name].eq(Mux(pools, pool[name], 0))
        m.d.comb += [
            given.mean.eq(pools & pool.mean),
            given.reciprocal.eq(pool.reciprocal),
            given.shift.eq(pool.shift),
            given.input.eq(map_of(m, pool, "input", "post")),
            given.output.eq(map_of(m, pool, "output", "post")),
        ]

    def _reach(self, m, memory, convolver, post, loader, storer):
        """Let the runner at work reach the activation memory."""
        m.d.comb += [
            memory.window_group.eq(convolver.window_group),
            memory.window_read.eq(convolver.window_read),
            memory.window_addresses.eq(convolver.window_addresses),
            convolver.window_answers.eq(memory.window_answers),
        ]
        for name, runner in (("convolution", convolver), ("post", post), ("store", storer)):
            m.d.comb += runner.read_answer.eq(memory.read_answer)
            with m.If(getattr(self, f"run_{name}")):
                m.d.comb += memory.read.eq(runner.read)
                m.d.comb += memory.read_place.eq(runner.read_place)
        for name, runner in (("convolution", convolver), ("post", post), ("load", loader)):
            m.d.comb += runner.write_ready.eq(memory.write_ready)
            with m.If(getattr(self, f"run_{name}")):
                m.d.comb += memory.write.eq(runner.write)
                m.d.comb += memory.write_place.eq(runner.write_place)
                m.d.comb += memory.write_given.eq(runner.write_given)

    def _read(self, m, convolver, loader):
        m.submodules.fetcher = fetcher = Fetcher(self.config.bus_width, ASKERS)
        m.submodules.reader = reader = BurstReader(self.config.bus_width, self.config.outstanding)
        wiring.connect(m, fetcher.reads, reader.requests)
        wiring.connect(m, reader.words, fetcher.words)
        for asks, gets, name in (
            (wiring.flipped(self.descriptor_requests), wiring.flipped(self.descriptor_data), 0),
            (convolver.parameters_requests, convolver.parameters_data, 1),
            (convolver.weights_requests, convolver.weights_data, 2),
            (loader.requests, loader.data, 3),
        ):
            wiring.connect(m, asks, getattr(fetcher, f"{ASKERS[name]}_requests"))
            wiring.connect(m, getattr(fetcher, f"{ASKERS[name]}_data"), gets)
        m.d.comb += [
            fetcher.regions.eq(self.regions),
            reader.stop.eq(self.stop),
            self.read_failed.eq(reader.failed),
        ]
        self._bus(m, reader, axi_read_members(self.config.bus_width))
        self._fetcher, self._reader = fetcher, reader

    def _write(self, m, storer, sums):
        """A STORE's rows, or a convolution's sums."""
        m.submodules.spiller = spiller = Spiller(self.config.bus_width)
        m.submodules.writer = writer = BurstWriter(self.config.bus_width)
        for taker, name in ((spiller.requests, "requests"), (writer.words, "beats")):
            ours, theirs = getattr(storer, name), getattr(sums, name)
            stores = self.run_store
            m.d.comb += [
                taker.payload.eq(Mux(stores, ours.payload.as_value(), theirs.payload.as_value())),
                taker.valid.eq(Mux(stores, ours.valid, theirs.valid)),
                ours.ready.eq(taker.ready & stores),
                theirs.ready.eq(taker.ready & ~stores),
            ]
        wiring.connect(m, spiller.writes, writer.requests)
        fetcher, reader = self._fetcher, self._reader
        m.d.comb += [
            spiller.regions.eq(self.regions),
            writer.stop.eq(self.stop),
            self.write_failed.eq(writer.failed),
            self.outside.eq(fetcher.outside | spiller.outside),
            self.still.eq(reader.idle & writer.idle),
            self.written.eq(writer.empty),
        ]
        self._bus(m, writer, axi_write_members(self.config.bus_width))

    def _bus(self, m, part, members):
        for name, member in members.items():
            ours, theirs = getattr(self, name), getattr(part, name)
            m.d.comb += ours.eq(theirs) if member.flow == Out else theirs.eq(ours)
