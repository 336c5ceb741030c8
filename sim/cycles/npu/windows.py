"""Reads the words of windows: a tile's pixels at one tap at once, or pixel by pixel."""

from collections.abc import Mapping

from truncmac.descriptors import map_field
from truncmac.integers import ceil_div

from .places import Place

__all__ = ["Taps", "Windows"]


class Taps:
    """The taps of a convolution or a maximum pool in the order in which they are read.

    Parameters
    ----------
    values : fields of a CONV or POOL
    rows : of the array
    blocks : words of a tap
    rounds : how often all tiles are walked over
    """

    def __init__(self, values: Mapping[str, int], rows: int, blocks: int, rounds: int) -> None:
        self.values, self.blocks = values, blocks
        self.place = Place(values, "input", rows)
        self.reach = {"x": self.place.across + 1, "y": self.place.down + 1}
        tiles = ceil_div(values["output_height"], self.reach["y"])
        self.tiles_x = ceil_div(values["output_width"], self.reach["x"])
        self.beats = values["kernel_x"] * values["kernel_y"] * blocks
        self.count = rounds * tiles * self.tiles_x * self.beats
        self.round = tiles * self.tiles_x * self.beats
        self.masks: dict[tuple[str, int, int], int] = {}
        # Whether the strides are not those of the map's layout
        self.crosses = any(
            values[f"stride_{axis}"] != 1 << values[map_field("input", f"phase_{axis}")]
            and values[f"output_{size}"] != 1
            for axis, size in (("x", "width"), ("y", "height"))
        )

    def _at(self, index: int) -> tuple[int, int, int, int]:
        """Column and row of the tile, and of the tap, at an index."""
        tile, beat = divmod(index % self.round, self.beats)
        top, left = divmod(tile, self.tiles_x)
        down, across = divmod(beat // self.blocks, self.values["kernel_x"])
        return left, top, across, down

    def _tap(self, axis: str, tap: int) -> int:
        pad = {"x": "pad_left", "y": "pad_top"}[axis]
        return tap * self.values.get(f"dilation_{axis}", 1) - self.values[pad]

    def banks(self, index: int) -> int:
        """A bit for each bank that is read for a tap."""
        left, top, across, down = self._at(index)
        row, found = self._mask("x", left, across), 0
        column = self._mask("y", top, down)
        for y in range(self.reach["y"]):
            if column >> y & 1:
                found |= row << (y << self.place.tile_x)
        return found

    def _mask(self, axis: str, tile: int, tap: int) -> int:
        """Which places of a block along an axis are inside the map."""
        key = axis, tile, tap
        if key not in self.masks:
            self.masks[key] = self._inside(axis, tile, self._tap(axis, tap))
        return self.masks[key]

    def _inside(self, axis: str, tile: int, tap: int) -> int:
        phase = self.values[map_field("input", f"phase_{axis}")]
        size = self.values[{"x": "input_width", "y": "input_height"}[axis]]
        reach, rest = self.reach[axis], tap & ((1 << phase) - 1)
        count = (size + (1 << phase) - 1 - rest) >> phase  # pixels of the phase
        at = tile * reach + (tap >> phase)
        turn = at & (reach - 1)
        found = 0
        for place in range(reach):
            pixel = at - turn + place + (reach if place < turn else 0)
            found |= (0 <= pixel < count) << place
        return found

    def bank(self, index: int, row: int) -> int:
        """A bit for the bank that is read for one row of a tap; 0: it is outside."""
        left, top, across, down = self._at(index)
        x = left * self.reach["x"] + (row & self.place.across)
        y = top * self.reach["y"] + (row >> self.place.tile_x)
        x = x * self.values["stride_x"] + self._tap("x", across)
        y = y * self.values["stride_y"] + self._tap("y", down)
        if not (0 <= x < self.values["input_width"] and 0 <= y < self.values["input_height"]):
            return 0
        return 1 << self.place.bank(x, y)[1]


class Windows:
    """Gives the words of taps: a word a cycle, or a pixel a cycle where the strides cross.

    Parameters
    ----------
    rows : of the array
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.taps: Taps | None = None
        self.given = 0  # taps that are taken from the walk
        self.walked = False  # all of them
        self.stages = [False, False, False]
        # Pixel by pixel: which row is next, and whether all of the word at hand are on their way
        self.row, self.held = 0, False
        self.pixels = [False, False]

    def begin(self, taps: Taps) -> None:
        """Read other windows; those before are all read."""
        self.taps, self.given = taps, 0

    @property
    def ready(self) -> bool:
        """Whether a word is here."""
        if self.taps is not None and self.taps.crosses:
            return self.held and not any(self.pixels)
        return self.stages[2]

    @property
    def over(self) -> bool:
        """Whether the last word has left."""
        if self.taps is not None and self.taps.crosses:
            return self.walked and not self.held
        return self.walked and not any(self.stages)

    def banks(self, *, taken: bool) -> int:
        """A bit for each bank that is read in this cycle, in which a word may be taken."""
        if self.taps is None:
            return 0
        if self.taps.crosses:
            if not self.pixels[0]:
                return 0
            row = (self.row or self.rows) - 1
            return self.taps.bank(self.given - (self.row == 0), row)
        if not self.stages[1] or (self.stages[2] and not taken):
            return 0
        return self.taps.banks(self.given - 1 - self.stages[0])

    def tick(self, *, valid: bool, taken: bool) -> None:
        """Pass a cycle; `valid` says whether the windows are still asked for."""
        if self.taps is None:
            return
        over = self.over
        offers = valid and not self.walked
        steps = offers and not self.held if self.taps.crosses else offers
        if self.taps.crosses:
            self._step_pixels(steps, taken)
        elif not self.stages[2] or taken:
            self.stages = [steps, *self.stages[:2]]
            self.given += steps
        else:
            steps = False
        if steps and self.given == self.taps.count:
            self.walked = True
        elif over:
            self.walked = False

    def _step_pixels(self, steps: bool, taken: bool) -> None:
        self.pixels = [steps, self.pixels[0]]
        if steps:
            last = self.row == self.rows - 1
            self.row = 0 if last else self.row + 1
            self.held = last
            self.given += last
        elif taken:
            self.held = False
