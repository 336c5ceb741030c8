"""One matrix product as the core's control sees it: tiles, beats and flags, no data."""

from dataclasses import dataclass

from truncmac.golden import Gemm
from truncmac.hw.config import ArrayConfig
from truncmac.integers import ceil_div

__all__ = ["Job"]


@dataclass(frozen=True)
class Job:
    """One matrix product as the core's control sees it.

    Attributes
    ----------
    beats : beats of the reduction, ceil(K / lanes)
    bits : k
    row_tiles, column_tiles : tiles along M and N; the row tiles of a column tile run in a row
    fresh : whether it takes requantisation parameters, a set for each column tile
    residual : whether it takes residual codes, a word for each row of a tile
    """

    beats: int
    bits: int
    row_tiles: int
    column_tiles: int
    fresh: bool = True
    residual: bool = False

    @classmethod
    def of(cls, gemm: Gemm, config: ArrayConfig) -> "Job":
        """Return the job that the array of `config` makes of `gemm`."""
        row_tiles, column_tiles = config.tile_grid(gemm.rows, gemm.columns)
        return cls(
            ceil_div(gemm.reduction, config.lanes),
            gemm.bits,
            row_tiles,
            column_tiles,
            fresh=gemm.requant is not None,
            residual=gemm.residual is not None,
        )

    @property
    def tiles(self) -> int:
        """The number of tiles."""
        return self.row_tiles * self.column_tiles
