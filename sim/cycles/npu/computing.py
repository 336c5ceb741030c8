"""The core with what feeds and empties it, and what passes maps on: one operation at a time."""

from collections.abc import Callable

from truncmac.descriptors import Operation
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div
from truncmac.sim.stalls import NO_STALLS

from ..control import Control
from ..job import Job
from ..latencies import FIFO_DEPTH
from ..pause import Pause
from .banks import Banks
from .descriptors import Descriptor
from .edge import Residuals, Results
from .fetch import Beat
from .operands import Layer, Operands, beats_of, row_tiles_of
from .passes import Passer, Pooler
from .places import Place
from .windows import Taps, Windows

__all__ = ["Computing"]

NOTHING = Job(1, 1, 1, 1)


class Port(Pause):
    """Stands for a stream of the core: the other side says in each cycle whether it goes on."""

    def __init__(self) -> None:
        super().__init__(1)
        self.given = self.taken = False

    @property
    def go(self) -> bool:
        """Whether it goes on in this cycle."""
        return self.given

    def tick(self, draw: bool, *, taken: bool, offered: bool = True) -> None:
        """Remember whether a word was taken."""
        self.taken = taken


class Computing:
    """Convolutions on the core, maximum pools, means and shortcuts.

    Parameters
    ----------
    config : the array
    size : bytes of a beat of the bus
    """

    def __init__(self, config: ArrayConfig, size: int) -> None:
        self.config = config
        self.core = Control(config, [], NO_STALLS)
        self.core.parameters_left = self.core.residuals_left = 1 << 62
        self.ports = {name: Port() for name in self.core.pauses}
        self.core.pauses = dict(self.ports)
        self.operands = Operands(config, size)
        self.windows = Windows(config.rows)
        self.residuals, self.results = Residuals(config), Results(config)
        self.pooler, self.passer = Pooler(config, self.windows), Passer(config)
        self.job = NOTHING
        self.accepted = 1
        self.windows_over = True
        self.meets = False  # residual codes are read where results are written
        self.runs = ""  # "convolution", "largest", "passing", or nothing
        self.group = -1  # that windows are read from

    def begin(self, descriptor: Descriptor) -> None:
        """Begin a CONV, POOL or SHORTCUT."""
        operation, values = descriptor.operation, descriptor.values
        if operation == Operation.CONV:
            self._convolve(descriptor)
        elif operation == Operation.POOL and not values["mean"]:
            self.runs, self.group = "largest", values["input_map_group"]
            self.pooler.begin(values)
        else:
            self.runs = "passing"
            self.passer.begin(operation, values)

    def _convolve(self, descriptor: Descriptor) -> None:
        config, values = self.config, descriptor.values
        self.runs, self.group = "convolution", values["input_map_group"]
        columns = ceil_div(values["output_channels"], config.cols)
        self.job = Job(
            beats_of(config, values),
            values["bits"],
            row_tiles_of(config, values),
            columns,
            fresh=not values["raw"],
            residual=bool(values["residual"]),
        )
        self.accepted, self.windows_over = 0, False
        blocks = ceil_div(values["input_channels"], config.lanes)
        self.windows.begin(Taps(values, config.rows, blocks, columns))
        self.results.begin(values, Place(values, "output", config.rows))
        self.residuals.begin(values)
        groups = values["residual_map_group"], values["output_map_group"]
        self.meets = bool(values["residual"]) and groups[0] == groups[1]

    @property
    def hears(self) -> bool:
        """Whether it may be told of a convolution to come."""
        return self.operands.layer is None

    def tell(self, descriptor: Descriptor) -> None:
        """Let the weights and parameters of a convolution be read."""
        self.operands.layer = Layer.of(self.config, descriptor.values)

    @property
    def over(self) -> bool:
        """Whether a convolution or a maximum pool ends in this cycle."""
        if self.runs == "largest":
            return self.pooler.ended
        done = self.windows_over and self.accepted == self.job.tiles and self.residuals.over
        return self.runs == "convolution" and done and self.results.over and not self.results.busy

    @property
    def sum_here(self) -> bool:
        """Whether the core has a sum that must go to memory."""
        return self.results.sum_here(valid=self.core.results > 0)

    def tick(
        self,
        banks: Callable[[Banks], None],
        weights: Beat | None,
        parameters: Beat | None,
        *,
        asked: str,
        sum_leaves: bool,
    ) -> tuple[bool, bool, bool, bool]:
        """Pass a cycle.

        Parameters
        ----------
        banks : called for who may have a bank after all that computes
        weights, parameters : the beat of either that is next on the bus
        asked : "weights" or "parameters" if their request was taken
        sum_leaves : the sum at hand is taken

        Returns
        -------
        whether the beat is done with; results waited; the core was held for residual codes; a mean
        or shortcut ended
        """
        core, ports, convolves = self.core, self.ports, self.runs == "convolution"
        valid, sum_here = core.results > 0, self.sum_here
        room = core.residuals < FIFO_DEPTH
        ports["tiles"].given = convolves and self.accepted < self.job.tiles
        ports["activations"].given = convolves and self.windows.ready
        ports["weights"].given = self.operands.buffer.valid
        ports["parameters"].given = self.operands.parameter_ready(parameters)
        ports["residuals"].given = self.residuals.ready
        ports["results"].given = self.results.ready(sum_leaves=sum_leaves, sum_here=sum_here)
        waited = valid and not ports["results"].given
        due = bool(core.residual_rows) and core.residual_rows[0] == core.steps
        held = due and core.residuals == 0
        self.accepted += core.pass_cycle(self.job, self.accepted)
        ended = self._use_banks(banks, room, valid, sum_leaves)
        self._read_windows(convolves)
        took = self.operands.tick(
            weights,
            parameters,
            asked=asked,
            parameter=ports["parameters"].taken,
            word=ports["weights"].taken,
        )
        return took, waited, held, ended

    def _read_windows(self, convolves: bool) -> None:
        """Pass a cycle of what reads windows."""
        if self.runs == "largest":
            self.pooler.tick()
            return
        over, valid = self.windows.over, convolves and not self.windows_over
        self.windows.tick(valid=valid, taken=self.ports["activations"].taken)
        self.windows_over |= valid and over

    def _use_banks(
        self, others: Callable[[Banks], None], room: bool, valid: bool, sum_leaves: bool
    ) -> bool:
        """Let all have their banks; whether a mean or shortcut ended."""
        if self.runs == "passing":
            return self._pass(others)
        group = self.group if self.runs else -1
        banks = Banks(group, self._windows_banks)
        if self.runs != "convolution":
            banks.take(self.pooler.writes if self.runs else None)
            others(banks)
            return False
        reads = [banks.take(bank) for bank in self.residuals.plan(room=room)]
        written = [banks.take(bank) for bank in self.results.asks()]
        others(banks)
        self.residuals.tick(reads)
        self.results.tick(
            taken=self.ports["results"].taken, written=written, valid=valid, sum_leaves=sum_leaves
        )
        return False

    def _pass(self, others: Callable[[Banks], None]) -> bool:
        """Pass a cycle of a mean or shortcut; whether it ended."""
        banks = Banks(-1, lambda: 0)
        banks.take(self.passer.reads())
        granted = banks.take(self.passer.writes())
        others(banks)
        return self.passer.tick(granted=granted)

    def _windows_banks(self) -> int:
        taken = self.pooler.takes if self.runs == "largest" else self.ports["activations"].taken
        return self.windows.banks(taken=taken)

    def end(self) -> None:
        """The operation is over."""
        self.runs = ""
