"""Banks of pixels, and the order in which a convolution's tiles and rows come."""

from collections.abc import Mapping

from truncmac.descriptors import map_field
from truncmac.integers import ceil_div

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
    together : rows that come at once
    """

    def __init__(self, rows: int, together: int = 1) -> None:
        self.rows, self.together = rows, together
        self.index = self.count = 0  # rows passed, and all
        self.ends = False  # the last row of a tile is at hand

    def begin(self, values: Mapping[str, int], tile_x: int, columns: int, channels: int) -> None:
        """Begin with a descriptor's output; tiles are so many channels wide."""
        self.width, self.height = values["output_width"], values["output_height"]
        self.tile_x, self.columns = tile_x, columns
        self.across = ceil_div(self.width, 1 << tile_x)  # tiles
        self.down = ceil_div(self.height, self.rows >> tile_x)
        self.count = self.rows * self.across * self.down * ceil_div(channels, columns)
        self.index = 0
        self._find()

    def _find(self) -> None:
        """Find the pixels of the rows at hand; behind the last row there is the first again."""
        tile, row = divmod(self.index % self.count, self.rows)
        line, left = divmod(tile, self.across)
        column, top = divmod(line, self.down)
        left, top = left << self.tile_x, top * (self.rows >> self.tile_x)
        self.pixels = [self._pixel(left, top, row + more) for more in range(self.together)]
        self.x, self.y, self.inside = self.pixels[0]
        self.channel = column * self.columns
        self.ends = row == self.rows - self.together

    def _pixel(self, left: int, top: int, row: int) -> tuple[int, int, bool]:
        """Column and row in the output of a tile's row, and whether it is inside."""
        x, y = left + (row & ((1 << self.tile_x) - 1)), top + (row >> self.tile_x)
        return x, y, x < self.width and y < self.height

    def step(self, rows: int | None = None) -> bool:
        """Go on by some rows, or those that come at once; whether all are passed."""
        self.index += self.together if rows is None else rows
        self._find()
        return self.index == self.count
