"""The activation memory: groups of single-port banks, a bank for each row of the array."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..bank import Bank
from ..config import ACTIVATION_BITS
from ..hierarchy import shared

__all__ = [
    "ActivationMemory",
    "place_layout",
    "port_names",
    "reading_members",
    "writing_members",
]

ADDRESS_BITS = 16
GROUP_BITS = 4


def place_layout(config):
    """One word of the memory: its group, its bank, and its address there."""
    return data.StructLayout(
        {"group": GROUP_BITS, "bank": range(max(config.rows, 2)), "address": ADDRESS_BITS}
    )


def port_names(config, kind):
    """Names of the ports through which a computation's words pass, each one a cycle.

    There is one for each word that the core's results fill in a cycle, and one at least for each
    row that leaves the array in it; those of the first row come first.

    Parameters
    ----------
    config : ArrayConfig
    kind : str
        "read" or "write".
    """
    count = config.rows_at_once * max(config.row_units // config.lanes, 1)
    return (kind, *(f"{kind}_{number}" for number in range(1, count)))


def reading_members(config):
    """Ports of who reads words, one for each of `port_names(config, "read")`.

    The first reads in every cycle in which it asks, each other one in those in which it is ready.
    """
    first, *others = port_names(config, "read")
    return {
        **{name: Out(1) for name in (first, *others)},
        **{f"{name}_place": Out(place_layout(config)) for name in (first, *others)},
        **{f"{name}_answer": In(config.pe_activation_bits) for name in (first, *others)},
        **{f"{name}_ready": In(1) for name in others},
    }


def writing_members(config):
    """Ports of who writes words, one for each of `port_names(config, "write")`."""
    names = port_names(config, "write")
    return {
        **{name: Out(config.lanes) for name in names},
        **{f"{name}_place": Out(place_layout(config)) for name in names},
        **{f"{name}_given": Out(config.pe_activation_bits) for name in names},
        **{f"{name}_ready": In(1) for name in names},
    }


class ActivationMemory(wiring.Component):
    """Reads all banks of a group for windows, and words of any group one by one.

    A bank does one thing in a cycle. Windows come first, then what else the computation reads, then
    what it writes, then a STORE and a LOAD that run beside it; who finds its bank at work waits.
    Where the computation has several ports, the first comes first.
    The program's rules keep the computation's reads of words away from the group of the windows. A
    STORE reads from that group only when no windows are needed any more.

    Parameters
    ----------
    config : NpuConfig

    Members
    -------
    window_group : In, the group that the windows are read from
    windows_needed : In, answers of windows may still be waited for
    window_read, window_addresses, window_answers : as of `WindowReader`
    read : In, the word at `read_place` is read; `read_answer` holds it from the next cycle on
    read_place : In, `place_layout`
    read_answer : Out, lanes x 8 bits
    write : In, a bit for each code of the word at `write_place` that is written
    write_place : In, `place_layout`
    write_given : In, lanes x 8 bits
    write_ready : Out, the write takes place in this cycle
    read_1..., write_1..., and so on : the same, of the other ports that `port_names` names;
        `read_1_ready` : Out, the read takes place in this cycle
    stored... : as read, of a STORE; `stored_ready` : Out, the read takes place in this cycle
    load... : as write, of a LOAD
    """

    def __init__(self, config):
        self.config = config
        array = config.array
        place = place_layout(array)
        word = array.pe_activation_bits
        first, *others = port_names(array, "read")
        self.readers = (first, *others, "stored")
        self.writers = (*port_names(array, "write"), "load")
        self.waiting = (*others, "stored", *self.writers)
        # Who comes before whom
        self.order = (first, *others, *port_names(array, "write"), "stored", "load")
        super().__init__(
            {
                "window_group": In(GROUP_BITS),
                "windows_needed": In(1),
                "window_read": In(array.rows),
                "window_addresses": In(array.rows * ADDRESS_BITS),
                "window_answers": Out(array.activation_word_bits),
                **{name: In(1) for name in self.readers},
                **{f"{name}_place": In(place) for name in self.order},
                **{f"{name}_answer": Out(word) for name in self.readers},
                **{name: In(array.lanes) for name in self.writers},
                **{f"{name}_given": In(word) for name in self.writers},
                **{f"{name}_ready": Out(1) for name in self.waiting},
            }
        )

    def elaborate(self, platform):
        m = Module()
        array, width = self.config.array, self.config.array.pe_activation_bits
        group_of_windows = Signal(GROUP_BITS)  # of the last windows that were read
        with m.If(self.window_read != 0):
            m.d.sync += group_of_windows.eq(self.window_group)
        m.d.comb += [getattr(self, f"{name}_ready").eq(1) for name in self.waiting]
        banks = {}
        for group in range(self.config.groups):
            for row in range(array.rows):
                bank, m.submodules[f"group_{group}_bank_{row}"] = shared(
                    *(platform, "truncmac_bank"),
                    lambda: Bank(array.lanes, ACTIVATION_BITS, self.config.depth),
                )
                banks[group, row] = bank
                self._serve(m, bank, group, row)
                with m.If(group_of_windows == group):
                    m.d.comb += self.window_answers.word_select(row, width).eq(bank.answer)
        for name in self.readers:
            ready = getattr(self, f"{name}_ready") if name in self.waiting else 1
            self._answer(m, name, getattr(self, name) & ready, banks)
        return m

    def _serve(self, m, bank, group, row):
        """What a bank does in this cycle."""

        def here(name):
            place = getattr(self, f"{name}_place")
            return (place.group == group) & (place.bank == row)

        windows = self.window_group == group
        at_work = self.window_read[row] & windows
        with m.If(at_work):
            m.d.comb += bank.enable.eq(1)
            m.d.comb += bank.address.eq(self.window_addresses.word_select(row, ADDRESS_BITS))
        for name in self.order:
            barred = self.windows_needed & windows if name == "stored" else Const(0)
            asks, place = getattr(self, name), getattr(self, f"{name}_place")
            wanted = here(name) & (asks != 0) & ~at_work & ~barred
            with m.If(wanted):
                m.d.comb += bank.enable.eq(1)
                m.d.comb += bank.address.eq(place.address)
                if name in self.writers:
                    m.d.comb += bank.write.eq(asks)
                    m.d.comb += bank.given.eq(getattr(self, f"{name}_given"))
            if name in self.waiting:
                with m.If(here(name) & (at_work | barred)):
                    m.d.comb += getattr(self, f"{name}_ready").eq(0)
            at_work = at_work | (here(name) & (asks != 0) & ~barred)

    def _answer(self, m, name, reads, banks):
        """Hold what was read for one until it reads again, whatever its bank does meanwhile."""
        place, answer = getattr(self, f"{name}_place"), getattr(self, f"{name}_answer")
        where, kept = Signal(place.shape(), name=f"{name}_from"), Signal.like(answer)
        fresh, found = Signal(name=f"{name}_fresh"), Signal.like(answer)
        m.d.sync += fresh.eq(reads)
        with m.If(reads):
            m.d.sync += where.eq(place)
        for (group, row), bank in banks.items():
            with m.If((where.group == group) & (where.bank == row)):
                m.d.comb += found.eq(bank.answer)
        with m.If(fresh):
            m.d.sync += kept.eq(found)
        m.d.comb += answer.eq(Mux(fresh, found, kept))
