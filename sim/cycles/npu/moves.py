"""LOAD and STORE: maps between the memory and the banks, beside what computes."""

from collections.abc import Mapping

from truncmac.descriptors import ROW_BEATS
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div

from .banks import Bank
from .bus import BURST, Request
from .places import Place

__all__ = ["Loader", "Storer"]


class _Rows:
    """The rows of the image that a map is made of: for each row of windows, its rows."""

    def __init__(self, values: Mapping[str, int]) -> None:
        self.values = values
        self.y = self.tap = 0

    @property
    def number(self) -> int:
        """Of the row of the image."""
        return self.y * self.values["stride_y"] + self.tap - self.values["pad_top"]

    @property
    def inside(self) -> bool:
        """Whether the image has it."""
        return 0 <= self.number < self.values["input_height"]

    def step(self) -> bool:
        """Go on to the next; whether the one at hand was the last."""
        self.tap += 1
        if self.tap < self.values["kernel_y"]:
            return False
        self.tap = 0
        self.y += 1
        if self.y < self.values["output_height"]:
            return False
        self.y = 0
        return True


class _Copies:
    """The copies of a LOAD, of up to `size` bytes, none across a word."""

    def __init__(self, values: Mapping[str, int], lanes: int, size: int) -> None:
        self.values, self.lanes, self.size = values, lanes, size
        self.rows = _Rows(values)
        self.window = values["kernel_x"] * values["input_channels"]  # bytes of a window's row
        self.x = self.done = 0

    @property
    def take(self) -> int:
        """Bytes of the copy."""
        channel = self.rows.tap * self.window + self.done
        return min(self.window - self.done, self.lanes - channel % self.lanes, self.size)

    @property
    def begin(self) -> int:
        """Where the window begins in the row."""
        pixel = self.x * self.values["stride_x"] - self.values["pad_left"]
        return pixel * self.values["input_channels"]

    @property
    def following(self) -> int:
        """Where the next window begins."""
        return self.begin + self.values["stride_x"] * self.values["input_channels"]

    @property
    def ends_row(self) -> bool:
        """Whether it is the last of its row of the image."""
        ends = self.done + self.take == self.window
        return ends and self.x == self.values["output_width"] - 1

    def step(self) -> bool:
        """Go on to the next; whether the one at hand was the last."""
        self.done += self.take
        if self.done < self.window:
            return False
        self.done = 0
        self.x += 1
        if self.x < self.values["output_width"]:
            return False
        self.x = 0
        return self.rows.step()


class Loader:
    """Asks for rows part by part, as there is room for them, and makes a copy a cycle.

    Parameters
    ----------
    config : the array
    size : bytes of a beat
    """

    def __init__(self, config: ArrayConfig, size: int) -> None:
        self.config, self.size = config, size
        self.values: Mapping[str, int] | None = None
        self.held = False  # a copy waits for its bank
        self.row = 0  # beats of the row of the last copy

    @property
    def busy(self) -> bool:
        """Whether a LOAD is at work."""
        return self.values is not None

    def begin(self, values: Mapping[str, int]) -> None:
        """Begin a LOAD."""
        self.values = values
        self.row_bytes = values["input_width"] * values["input_channels"]
        self.place = Place(values, "output", self.config.rows)
        self.copies = _Copies(values, self.config.lanes, min(self.config.lanes, self.size))
        self.rows = _Rows(values)  # that are asked for
        self.part = 0  # bytes of the row that are asked for
        self.asked_all = self.ends = self.drops = False
        self.asked = self.here = 0  # beats, from the first of the row at hand

    def _skip(self, number: int) -> int:
        """Bytes of the first beat of a row before it."""
        assert self.values is not None  # noqa: S101 (it is at work)
        return (self.values["address"] + number * self.values["pitch"]) % self.size

    def _passed(self) -> int:
        """Beats of the row at hand that are no longer needed, also of those that are to come."""
        if self.drops:
            return self.row
        copies = self.copies
        if not copies.rows.inside:
            return 0
        oldest = min(copies.following, copies.begin + copies.done, self.row_bytes)
        return max(oldest + self._skip(copies.rows.number), 0) // self.size

    def look(self) -> tuple[int, int, bool] | None:
        """What is asked for, if anything: address, bytes, and whether it ends the row."""
        if self.values is None or self.asked_all or not self.rows.inside:
            return None
        address = self.values["address"] + self.rows.number * self.values["pitch"]
        skip = address % self.size
        rest = self.row_bytes + skip - self.part
        most = min(ceil_div(rest, self.size), BURST)
        part = min(most, ROW_BEATS - max(self.asked - self._passed(), 0))
        if part <= 0 or (part != most and self.asked != self.here):
            return None
        ends = part * self.size >= rest
        count = rest if ends else part * self.size
        return (address - skip + self.part) & 0xFFFFFFFF, count, ends

    def request(self, look: tuple[int, int, bool]) -> Request:
        """What `look` found, as a request."""
        return look[0], look[1]

    def writes(self) -> Bank | None:
        """The bank that is written."""
        return self.bank if self.held else None

    def tick(self, look: tuple[int, int, bool] | None, *, beat: bool, granted: bool) -> None:
        """Pass a cycle: what `look` found is taken, a beat comes, what is written may be."""
        if self.values is None:
            return
        free = not self.held or granted
        whole = self.here >= self.row
        clears = self.drops and whole
        over = self.ends and not self.drops and free and self.asked_all
        steps = not self.ends and not self.drops and free and self._arrived()
        parts = ceil_div(look[1], self.size) if look else 0
        self._ask(look, parts)
        self.asked += parts - (self.row if clears else 0)
        self.here += beat - (self.row if clears else 0)
        if self.drops:
            self.drops = not whole
        self.held = steps or (self.held and not granted)
        if steps:
            self._copy()
        if over:
            self.values = None

    def _arrived(self) -> bool:
        """Whether all bytes of the next copy that the row has are here."""
        copies = self.copies
        source = copies.begin + copies.done
        if not copies.rows.inside or source >= self.row_bytes:
            return True
        needed = min(source + copies.take, self.row_bytes)
        return needed + self._skip(copies.rows.number) <= self.here * self.size

    def _ask(self, look: tuple[int, int, bool] | None, parts: int) -> None:
        if self.asked_all:
            return
        if look and not look[2]:
            self.part += parts * self.size
            return
        if look or not self.rows.inside:
            self.part = 0
            self.asked_all = self.rows.step()

    def _copy(self) -> None:
        copies, rows = self.copies, self.copies.rows
        self.row = ceil_div(self.row_bytes + self._skip(rows.number), self.size)
        self.bank = self.place.bank(copies.x, rows.y)
        self.drops = copies.ends_row and rows.inside
        self.ends = copies.step()


class Storer:
    """Reads a map's words in order, one a cycle, and joins their codes to beats.

    Parameters
    ----------
    config : the array
    size : bytes of a beat
    """

    def __init__(self, config: ArrayConfig, size: int) -> None:
        self.config, self.size = config, size
        self.values: Mapping[str, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether a STORE is at work."""
        return self.values is not None

    def begin(self, values: Mapping[str, int]) -> None:
        """Begin a STORE."""
        self.values = values
        self.place = Place(values, "input", self.config.rows)
        self.x = self.y = self.channel = 0
        self.asked = self.over = self.held = self.flush = False
        self.fill = 0  # bytes of the beat at hand
        self.take = 0
        self.begins = self.ends = False  # what is held is the first of its row; the last
        self.skip = 0

    def _address(self) -> int:
        assert self.values is not None  # noqa: S101 (it is at work)
        return (self.values["address"] + self.y * self.values["pitch"]) & 0xFFFFFFFF

    @property
    def request(self) -> Request | None:
        """Of the next row, if it is to be asked for."""
        if self.values is None or self.asked or self.over:
            return None
        return self._address(), self.values["input_width"] * self.values["input_channels"]

    @property
    def _end(self) -> int:
        return (self.skip if self.begins else self.fill) + self.take

    @property
    def offers(self) -> bool:
        """Whether there is a beat."""
        gives = self.busy and self.held and (self._end >= self.size or self.ends)
        return self.busy and (gives or self.flush)

    def _free(self, *, room: bool) -> bool:
        gives = self.held and (self._end >= self.size or self.ends)
        return not self.flush and (not gives or room)

    def reads(self, *, room: bool) -> Bank | None:
        """The bank that is read; `room`: a beat may be taken."""
        if self.values is None or not self.asked or self.over or not self._free(room=room):
            return None
        return self.place.bank(self.x, self.y)

    def tick(self, *, asked: bool, room: bool, granted: bool) -> None:
        """Pass a cycle: the row is asked for, a beat may be taken, a word is read."""
        if self.values is None:
            return
        free, over = self._free(room=room), self.over and not self.held and not self.flush
        if self.held and free:
            end = self._end
            self.flush = self.ends and end > self.size
            self.fill = end - self.size if end >= self.size else end
        elif room:
            self.flush = False
        self.held = granted or (self.held and not free)
        if granted:
            self._read()
        if asked:
            self.asked = True
        if over:
            self.values = None

    def _read(self) -> None:
        assert self.values is not None  # noqa: S101 (it is at work)
        channels, lanes = self.values["input_channels"], self.config.lanes
        left = channels - self.channel
        room = lanes - self.channel % lanes
        self.take = min(left, room, lanes, self.size)
        self.begins = self.x == 0 and self.channel == 0
        self.skip = self._address() % self.size
        ends_pixel = self.take == left
        self.ends = ends_pixel and self.x == self.values["input_width"] - 1
        self.channel = 0 if ends_pixel else self.channel + self.take
        if ends_pixel:
            self.x = 0 if self.ends else self.x + 1
        if self.ends:
            self.asked = False
            self.y += 1
            self.over = self.y == self.values["input_height"]
