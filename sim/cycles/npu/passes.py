"""What passes from map to map without weights: maximum pools, means and shortcuts."""

from collections.abc import Mapping

from truncmac.descriptors import Operation
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div

from .banks import Bank
from .places import Place, RowWalk
from .windows import Taps, Windows

__all__ = ["Passer", "Pooler"]


class Pooler:
    """Takes a tile's taps, a tap a cycle, and writes its rows while the next tile's come.

    Parameters
    ----------
    config : the array
    windows : that it asks, for one block of channels after the other
    """

    def __init__(self, config: ArrayConfig, windows: Windows) -> None:
        self.config, self.windows = config, windows
        self.walk = RowWalk(config.rows)
        self.full = False  # there are codes of rows that must leave
        self.ended = False
        self.writes: Bank | None = None  # in this cycle

    def begin(self, values: Mapping[str, int]) -> None:
        """Begin a POOL that gives the largest codes."""
        self.values, channels = values, values["input_channels"]
        self.place = Place(values, "output", self.config.rows)
        self.taps, self.tap = values["kernel_x"] * values["kernel_y"], 0
        self.blocks = ceil_div(channels, self.config.lanes)  # that are not done
        self.walk.begin(values, values["input_map_tile_x"], self.config.lanes, channels)
        self._ask()

    def _ask(self) -> None:
        self.windows.begin(Taps(self.values, self.config.rows, blocks=1, rounds=1))

    @property
    def takes(self) -> bool:
        """Whether it takes a word."""
        last, leaves = self.tap == self.taps - 1, self.full and self.walk.ends
        return self.windows.ready and (not last or not self.full or leaves)

    def tick(self) -> None:
        """Pass a cycle."""
        taken, over = self.takes, self.windows.over
        last = taken and self.tap == self.taps - 1
        self.windows.tick(valid=self.blocks > 0, taken=taken)
        if over and self.blocks:
            self.blocks -= 1
            if self.blocks:
                self._ask()
        if taken:
            self.tap = 0 if last else self.tap + 1
        self.ended, self.writes = False, None
        if self.full:
            if self.walk.inside:
                self.writes = self.place.bank(self.walk.x, self.walk.y)
            self.full = not self.walk.ends
            self.ended = self.walk.step()
        self.full |= last


class Passer:
    """Reads the taps of each window, a tap a cycle, and writes a word of its output.

    Parameters
    ----------
    config : the array
    """

    def __init__(self, config: ArrayConfig) -> None:
        self.config = config
        self.held = self.whole = self.divided = self.ended = False
        self.lane = 0

    def begin(self, operation: Operation, values: Mapping[str, int]) -> None:
        """Begin a POOL of means, or a SHORTCUT."""
        self.mean = operation == Operation.POOL
        self.values = values
        self.source = Place(values, "input", self.config.rows)
        self.target = Place(values, "output", self.config.rows)
        self.kernel = (values["kernel_x"], values["kernel_y"]) if self.mean else (1, 1)
        self.pads = (values["pad_left"], values["pad_top"]) if self.mean else (0, 0)
        self.blocks = ceil_div(values["output_channels"], self.config.lanes)
        self.tap_x = self.tap_y = self.block = self.x = self.y = 0
        self.ended = False

    @property
    def steps(self) -> bool:
        """Whether the next tap is read."""
        return not self.ended and (not self.held or not self.whole)

    def reads(self) -> Bank | None:
        """The bank that is read."""
        if not self.steps:
            return None
        x = self.x * self.values["stride_x"] + self.tap_x - self.pads[0]
        y = self.y * self.values["stride_y"] + self.tap_y - self.pads[1]
        if not (0 <= x < self.values["input_width"] and 0 <= y < self.values["input_height"]):
            return None
        return self.source.bank(x, y)

    def writes(self) -> Bank | None:
        """The bank that is written."""
        return self.place if self.whole and (not self.mean or self.divided) else None

    def tick(self, *, granted: bool) -> bool:
        """Pass a cycle, in which what is written may be; whether the last word is."""
        written = self.writes() is not None and granted
        steps, taken = self.steps, self.held and not self.whole
        over = self.ended and not self.held and written
        complete = taken and self.last
        if self.whole and self.mean and not self.divided:
            self.divided = self.lane == self.config.lanes - 1
            self.lane = 0 if self.divided else self.lane + 1
        if complete:
            self.whole, self.divided = True, False
            self.place = self.target.bank(*self.pixel)
        elif written:
            self.whole = False
        self.held = steps or (self.held and not taken)
        if steps:
            self._step()
        return over

    def _step(self) -> None:
        """Go on to the next tap, and word."""
        self.pixel = self.x, self.y
        ends_row = self.tap_x == self.kernel[0] - 1
        self.last = ends_row and self.tap_y == self.kernel[1] - 1
        self.tap_x = 0 if ends_row else self.tap_x + 1
        if not ends_row:
            return
        self.tap_y = 0 if self.last else self.tap_y + 1
        if not self.last:
            return
        self.block = (self.block + 1) % self.blocks
        if self.block == 0:
            self.x = (self.x + 1) % self.values["output_width"]
            if self.x == 0:
                self.y += 1
                self.ended = self.y == self.values["output_height"]
