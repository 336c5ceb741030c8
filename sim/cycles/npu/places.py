"""Banks of pixels, and the order in which a convolution's tiles and rows come."""

from collections.abc import Mapping

from truncmac.descriptors import map_field

__all__ = ["Place", "RowWalk"]


class Place:
    """Where a map lies: the group, and the bank of each pixel.

    Parameters
    ----------
    values : fields of a descriptor
    role : "input", "output" or "residual"
    rows : of the array, a power of two
    """

    def __init__(self, values: Mapping[str, int], role: str, rows: int) -> None:
        self.group = values[map_field(role, "group")]
        self.tile_x = values[map_field(role, "tile_x")]
        self.phase_x = values[map_field(role, "phase_x")]
        self.phase_y = values[map_field(role, "phase_y")]
        self.across = (1 << self.tile_x) - 1
        self.down = (rows >> self.tile_x) - 1

    def bank(self, x: int, y: int) -> tuple[int, int]:
        """Group and bank of a pixel."""
        row = y >> self.phase_y & self.down
        return self.group, (x >> self.phase_x & self.across) + (row << self.tile_x)


class RowWalk:
    """The rows of all tiles: column tile by column tile, in each row of tiles by row.

    Parameters
    ----------
    rows : of the array, a power of two
    """

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.ends = False  # the last row of a tile is at hand

    def begin(self, values: Mapping[str, int], tile_x: int, columns: int, channels: int) -> None:
        """Begin with a descriptor's output; tiles are so many channels wide."""
        self.width, self.height = values["output_width"], values["output_height"]
        self.tile_x, self.columns, self.channels = tile_x, columns, channels
        self.row = self.left = self.top = self.channel = 0
        self._look()

    def _look(self) -> None:
        row = self.row
        self.x = self.left + (row & ((1 << self.tile_x) - 1))
        self.y = self.top + (row >> self.tile_x)
        self.inside = self.x < self.width and self.y < self.height
        self.ends = row == self.rows - 1

    def step(self) -> bool:
        """Go on to the next row; whether the one at hand was the last of all."""
        over = False
        if self.ends:
            self.row = 0
            over = self._next_tile()
        else:
            self.row += 1
        self._look()
        return over

    def _next_tile(self) -> bool:
        self.left += 1 << self.tile_x
        if self.left < self.width:
            return False
        self.left = 0
        self.top += self.rows >> self.tile_x
        if self.top < self.height:
            return False
        self.top = 0
        self.channel += self.columns
        if self.channel < self.channels:
            return False
        self.channel = 0
        return True
