"""All that does the operations of a program: those who compute and move, memory and bus."""

from amaranth import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from truncmac.descriptors import Operation

from ..axi.stream import axi_stream_layout
from ..counters import counters_layout
from ..delays import register
from .beside import Beside
from .convolver import Convolver
from .decode import (
    decode_convolution,
    decode_load,
    decode_operands,
    decode_pool,
    decode_post,
    decode_store,
    pools_largest,
)
from .descriptor import DESCRIPTOR_BITS, descriptor_layout, map_of
from .fetcher import Fetcher
from .im2col import Im2col
from .loader import Loader
from .memory import ActivationMemory, reading_members, writing_members
from .place import pixel_layout, word_place
from .pooler import Pooler
from .post import PostProcessor
from .reader import BurstReader, axi_read_members
from .regions import bytes_layout, regions_layout
from .spiller import Spiller, SumStorer
from .storer import Storer
from .writer import BurstWriter, axi_write_members

__all__ = ["Engine"]

ASKERS = ("descriptor", "parameters", "weights", "load")
RUNNING = ("load", "store", "convolution", "post")


class Engine(wiring.Component):
    """Does the operations, as the controller says: one computes, and one of each kind moves maps.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    regions : In, `regions_layout()`
    descriptor : In, 512 bits, of the operation at hand
    run_... : In, for load, store, convolution and post: do it
    ended_... : Out, the same: in this cycle, a convolution or post is done; a load or store is
        taken, and runs on
    loading, storing : Out, a load or store is at work
    ahead : In, stream of descriptors of the convolutions to come, each before it is run
    told : In, the one that was taken last has not begun
    descriptor_requests, descriptor_data : In and Out, as of `Fetcher`
    descriptor_early : In, what is asked for is not wanted yet
    stop : In, issue no other burst
    outside, read_failed, write_failed : Out, for one cycle
    still : Out, the bus is idle
    written : Out, nothing waits to be written
    clear, counters : of the core
    waiting_results, waiting_residuals : Out, events of `NPU_COUNTERS`
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
                "ahead": In(stream.Signature(DESCRIPTOR_BITS)),
                "told": In(1),
                "descriptor_early": In(1),
                "descriptor_requests": In(stream.Signature(bytes_layout())),
                "descriptor_data": Out(stream.Signature(axi_stream_layout(width))),
                "loading": Out(1),
                "storing": Out(1),
                "stop": In(1),
                **dict.fromkeys(
                    ("outside", "read_failed", "write_failed", "still", "written"), Out(1)
                ),
                "clear": In(1),
                "counters": Out(counters_layout()),
                "waiting_results": Out(1),
                "waiting_residuals": Out(1),
                **axi_read_members(width),
                **axi_write_members(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        array, width = self.config.array, self.config.bus_width
        m.submodules.memory = memory = ActivationMemory(self.config)
        m.submodules.convolver = convolver = Convolver(array, width)
        m.submodules.pooler = pooler = Pooler(array)
        m.submodules.post = post = PostProcessor(array)
        m.submodules.loader = loader = Loader(array, width)
        m.submodules.storer = storer = Storer(array, width)
        m.submodules.sum_storer = sums = SumStorer(width)
        wiring.connect(m, convolver.sums, sums.sums)
        m.d.comb += sums.address.eq(descriptor_layout(Operation.CONV)(self.descriptor).parameters)
        largest = self._run(m, convolver, pooler, post)
        self._windows(m, memory, convolver, pooler, largest)
        self._move(m, loader, storer)
        self._reach(m, memory, convolver, pooler, post, loader, storer)
        self._read(m, convolver, loader)
        self._write(m, storer, sums)
        return m

    def _run(self, m, convolver, pooler, post):
        """What computes has the descriptor to itself until it is done.

        Returns whether it is the pooler.
        """
        largest, done = Signal(), self.ended_post
        decode_convolution(m, self.config.array, self.descriptor, convolver.operations.p)
        decode_operands(m, self.config.array, self.ahead.payload, convolver.layers.p)
        decode_pool(m, self.descriptor, pooler.operations.p)
        decode_post(m, self.descriptor, post.operations.p)
        m.d.comb += [
            convolver.layers.valid.eq(self.ahead.valid),
            self.ahead.ready.eq(convolver.layers.ready),
            convolver.clear.eq(self.clear),
            self.counters.eq(convolver.counters),
            self.waiting_results.eq(convolver.waiting_results),
            self.waiting_residuals.eq(convolver.waiting_residuals),
            convolver.operations.valid.eq(self.run_convolution),
            self.ended_convolution.eq(self.run_convolution & convolver.operations.ready),
            largest.eq(self.run_post & pools_largest(self.descriptor)),
            pooler.operations.valid.eq(largest),
            post.operations.valid.eq(self.run_post & ~largest),
            done.eq(self.run_post & Mux(largest, pooler.operations.ready, post.operations.ready)),
        ]
        return largest

    def _windows(self, m, memory, convolver, pooler, largest):
        """Read the windows of a convolution, or of a maximum pool."""
        m.submodules.windows = windows = Im2col(self.config.array)
        for asker, runs in ((convolver, self.run_convolution), (pooler, largest)):
            with m.If(runs):
                m.d.comb += [
                    windows.windows.payload.eq(asker.windows.payload),
                    windows.windows.valid.eq(asker.windows.valid),
                    asker.windows.ready.eq(windows.windows.ready),
                    asker.words.valid.eq(windows.words.valid),
                    windows.words.ready.eq(asker.words.ready),
                ]
            m.d.comb += asker.words.payload.eq(windows.words.payload)
        source = descriptor_layout(Operation.CONV)(self.descriptor)  # and where a POOL has it
        m.d.comb += [
            memory.window_group.eq(source.input_map_group),
            memory.windows_needed.eq(self.run_convolution | largest),
            memory.window_read.eq(windows.read),
            memory.window_addresses.eq(windows.addresses),
            windows.answers.eq(memory.window_answers),
        ]

    def _move(self, m, loader, storer):
        """What moves maps is told at once, and goes on beside what follows."""
        for name, taker, decode, busy in (
            ("load", loader.loads, decode_load, self.loading),
            ("store", storer.stores, decode_store, self.storing),
        ):
            m.submodules[f"{name}_beside"] = beside = Beside(taker.p.shape())
            decode(m, self.descriptor, beside.given.p)
            wiring.connect(m, beside.kept, taker)
            run = getattr(self, f"run_{name}")
            m.d.comb += beside.given.valid.eq(run)
            m.d.comb += getattr(self, f"ended_{name}").eq(run & beside.given.ready)
            m.d.comb += busy.eq(beside.busy)

    def _reach(self, m, memory, convolver, pooler, post, loader, storer):
        """Let all reach the activation memory; one operation computes at a time."""
        m.d.comb += [
            memory.stored.eq(storer.read),
            memory.stored_place.eq(storer.read_place),
            storer.read_answer.eq(memory.stored_answer),
            storer.read_ready.eq(memory.stored_ready),
            memory.load.eq(loader.write),
            memory.load_place.eq(loader.write_place),
            memory.load_given.eq(loader.write_given),
            loader.write_ready.eq(memory.load_ready),
        ]
        edge = reading_members(self.config.array) | writing_members(self.config.array)
        for name, member in edge.items():
            ours, theirs = getattr(memory, name), getattr(convolver, name)
            m.d.comb += ours.eq(theirs) if member.flow == Out else theirs.eq(ours)
        m.d.comb += post.read_answer.eq(memory.read_answer)
        m.d.comb += post.write_ready.eq(memory.write_ready)
        place = self._place(m, pooler, post)
        with m.If(self.run_post):
            m.d.comb += memory.write_place.eq(place)
            for port in ("read", "read_place", "write", "write_given"):
                m.d.comb += getattr(memory, port).eq(getattr(post, port))
        with m.If(pooler.operations.valid):
            for port in ("write", "write_given"):
                m.d.comb += getattr(memory, port).eq(getattr(pooler, port))

    def _place(self, m, pooler, post):
        """Where the word lies that a pool or a shortcut writes; its pixel was told a cycle ago."""
        pool = descriptor_layout(Operation.POOL)(self.descriptor)
        where, largest = map_of(m, pool, "output", "pool"), pooler.operations.valid
        pixel = Signal(pixel_layout())
        m.d.comb += pixel.eq(Mux(largest, pooler.pixel, post.pixel))
        at = pixel.x, pixel.y, pixel.block
        place = word_place(m, self.config.array, where, *at, name="output_word")
        told = Mux(largest, pooler.places, post.places)
        return register(m, place.as_value(), told, name="write_place")

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
            fetcher.descriptor_early.eq(self.descriptor_early),
            fetcher.parameters_early.eq(self.told),
            fetcher.weights_early.eq(self.told),
            fetcher.regions.eq(self.regions),
            reader.stop.eq(self.stop),
            self.read_failed.eq(reader.failed),
        ]
        self._bus(m, reader, axi_read_members(self.config.bus_width))
        self._fetcher, self._reader = fetcher, reader

    def _write(self, m, storer, sums):
        """A STORE's rows, or a convolution's sums: never both, as the controller sees to."""
        m.submodules.spiller = spiller = Spiller(self.config.bus_width)
        m.submodules.writer = writer = BurstWriter(self.config.bus_width)
        for taker, name in ((spiller.requests, "requests"), (writer.words, "beats")):
            ours, theirs = getattr(storer, name), getattr(sums, name)
            stores = self.storing
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
