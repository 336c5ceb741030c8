"""The array's sizes, chosen and checked in one place, and the widths that follow from them."""

from dataclasses import dataclass, fields

from truncmac.integers import ceil_div

__all__ = ["ACTIVATION_BITS", "WEIGHT_BITS", "ArrayConfig", "chunk_count", "fewest_requantisers"]

ACTIVATION_BITS = 8
WEIGHT_BITS = 8
OFFSET_BITS = 9  # z: 2**8 - 1 for TruncQuant, 2**8 for two's complement

SHIFT_BITS = 6

SIZE_LIMITS = {  # least and most
    "rows": (1, 256),
    "cols": (1, 256),
    "lanes": (1, 256),
    "planes": (1, 8),
    "max_reduction": (1, 1 << 20),
    "requantisers": (1, 256),
    "multiplier_bits": (2, 32),  # one signed bit holds no M = 1, with which S passes as it is
}
PLANE_COUNTS = (1, 2, 4, 8)
CLUSTER = (4, 4)  # rows and columns of PEs, at most, that share operand registers
WORD_LIMIT = 1 << 16  # bits a cycle: the widest vector that Verilog tools must support


def chunk_count(bits, planes):
    """Return the chunks that a weight of `bits` bits takes: ceil(bits / planes)."""
    return ceil_div(bits, planes)


def fewest_requantisers(rows, cols, cycles):
    """Return the fewest output units with which no tile of `cycles` cycles waits to drain.

    Where even one for each column is too few, it is one for each column.
    """
    shares = [share for share in range(1, cols + 1) if cols % share == 0]
    return cols // max((share for share in shares if rows * share <= cycles), default=1)


@dataclass(frozen=True)
class ArrayConfig:
    """Sizes of one array. Every width of the hardware follows from these.

    Parameters
    ----------
    rows, cols : int
        Processing elements; a tile is `rows` x `cols` outputs.
    lanes : int
        Reduction elements that a processing element handles together.
    planes : int
        Bit positions of the weight codes that it handles together: 1, 2, 4 or 8.
    max_reduction : int
        The longest reduction K of a tile; it sets the accumulators' widths.
    requantisers : int, optional
        Number of output units: a divisor of `cols`, or 2 * cols. A unit serves cols / requantisers
        columns in turn, so tiles end at least rows * cols / requantisers cycles apart. With 2 *
        cols, two rows leave in a cycle, and `rows` must be even. Default: the fewest
        that never stall a reduction of 64 or more at k = 8, or of 128 or more at k = 2. Where
        even one unit for each column stalls those, because they have few beats and many rows,
        there is one for each column.
    multiplier_bits : int
        Width of the signed requantisation multiplier M. Mr, which scales a single code and not
        a sum of many products, is 8 bits wider.

    Raises
    ------
    TypeError
        If a size is not an integer.
    ValueError
        If a size is out of range, or a weight word is too wide.
    """

    rows: int = 8
    cols: int = 8
    lanes: int = 8
    planes: int = 1
    max_reduction: int = 4608
    requantisers: int | None = None
    multiplier_bits: int = 18

    def __post_init__(self):
        if self.requantisers is None:
            object.__setattr__(self, "requantisers", self._default_requantisers())
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise TypeError(f"{field.name} must be an integer, not {value!r}")
            least, most = SIZE_LIMITS[field.name]
            if not least <= value <= most:
                raise ValueError(f"{field.name} must be in {least}..{most}, not {value}")
        if self.cols % self.requantisers and self.requantisers != 2 * self.cols:
            raise ValueError(
                f"requantisers must divide cols = {self.cols}, or be twice as many, "
                f"not be {self.requantisers}"
            )
        if self.rows % self.rows_at_once:
            raise ValueError(
                f"rows must be even where there are more requantisers than columns, not {self.rows}"
            )
        if self.planes not in PLANE_COUNTS:
            raise ValueError(f"planes must be 1, 2, 4 or 8, not {self.planes}")
        for factors, bits in (
            ("cols x lanes x planes", self.weight_word_bits),
            ("rows x lanes x 8", self.activation_word_bits),
        ):
            if bits > WORD_LIMIT:
                raise ValueError(
                    f"{factors} must be at most {WORD_LIMIT} bits a cycle, not {bits}; "
                    "use fewer lanes or planes"
                )

    def _default_requantisers(self):
        sizes = (self.rows, self.cols, self.lanes, self.planes)
        if not all(isinstance(size, int) and size > 0 for size in sizes):
            return 1  # the sizes are refused below, by name
        budgets = [
            ceil_div(reduction, self.lanes) * chunk_count(bits, self.planes)
            for reduction, bits in ((64, 8), (128, 2))
        ]
        return fewest_requantisers(self.rows, self.cols, min(budgets))

    @property
    def name(self):
        """Short name of the sizes, for folders and tables."""
        return (
            f"{self.rows}x{self.cols}_l{self.lanes}_p{self.planes}_k{self.max_reduction}"
            f"_q{self.requantisers}x{self.multiplier_bits}"
        )

    @property
    def rows_at_once(self):
        """Rows of a tile that leave the array together: 1, or 2 with 2 * cols requantisers."""
        return ceil_div(self.requantisers, self.cols)

    @property
    def departures(self):
        """Times that rows of a tile leave the array, `rows_at_once` of them each time."""
        return self.rows // self.rows_at_once

    @property
    def row_units(self):
        """Requantisers that serve a row."""
        return self.requantisers // self.rows_at_once

    @property
    def share(self):
        """Columns that take turns at one requantiser."""
        return self.cols // self.row_units

    @property
    def cluster_rows(self):
        """Neighbouring rows of PEs that share their weight registers."""
        return _largest_divisor(self.rows, CLUSTER[0])

    @property
    def cluster_cols(self):
        """Neighbouring columns of PEs that share their activation registers.

        The columns of a requantiser fill whole clusters, or those of a cluster whole requantisers.
        """
        share = self.share
        fitting = (n for n in range(CLUSTER[1], 0, -1) if share % n == 0 or n % share == 0)
        return next(n for n in fitting if self.cols % n == 0)

    @property
    def depth(self):
        """Clusters from top to bottom; weights pass one of them in each cycle."""
        return self.rows // self.cluster_rows

    @property
    def breadth(self):
        """Clusters from left to right; activations pass one of them in each cycle."""
        return self.cols // self.cluster_cols

    @property
    def drain_delay(self):
        """Cycles that a cluster's sums wait for the last column of a requantiser to be served."""
        return self.share - ceil_div(self.share, self.cluster_cols)

    @property
    def passage(self):
        """Cycles that a row of sums takes to pass the output units, from the first to the last."""
        return self.unit_start(self.row_units - 1) + self.share

    def unit_start(self, unit):
        """Return how many cycles after the first unit output unit `unit` takes its first column."""
        return unit * self.share // self.cluster_cols

    @property
    def interval(self):
        """The fewest cycles between the ends of two tiles."""
        return self.departures * self.share

    def tile_grid(self, rows, columns):
        """Return the tiles along the rows and the columns of a product of that many outputs."""
        return ceil_div(rows, self.rows), ceil_div(columns, self.cols)

    @property
    def pe_activation_bits(self):
        """Bits of the activations that a PE takes in a beat."""
        return self.lanes * ACTIVATION_BITS

    @property
    def pe_weight_bits(self):
        """Bits of the weights that a PE takes in a chunk."""
        return self.lanes * self.planes

    @property
    def activation_word_bits(self):
        """Bits of a word of activations: a beat of every row."""
        return self.rows * self.pe_activation_bits

    @property
    def weight_word_bits(self):
        """Bits of a word of weights: a chunk of every column."""
        return self.cols * self.pe_weight_bits

    @property
    def weight_word_bytes(self):
        """Bytes of a word of weights as it lies in memory, padded to whole bytes."""
        return ceil_div(self.weight_word_bits, 8)

    @property
    def residual_word_bits(self):
        """Bits of a word of residual codes: one for every column of the rows that leave at once."""
        return self.rows_at_once * self.cols * ACTIVATION_BITS

    @property
    def chunks(self):
        """Chunks of a whole 8-bit weight."""
        return chunk_count(WEIGHT_BITS, self.planes)

    @property
    def max_beats(self):
        """Beats of the longest reduction."""
        return ceil_div(self.max_reduction, self.lanes)

    @property
    def beats_width(self):
        """Bits of a command's number of beats, enough to tell wrong numbers from right ones."""
        return max(16, self.max_beats.bit_length())

    @property
    def reduction(self):
        """The longest reduction, rounded up to whole beats; widths are sized for it."""
        return self.max_beats * self.lanes

    @property
    def chunk_sum_width(self):
        """Bits of the sum over the lanes of activation x weight chunk."""
        return (self.lanes * 255 * ((1 << self.planes) - 1)).bit_length()

    @property
    def beat_sum_width(self):
        """Bits of the sum over the lanes of activation x weight code."""
        return (self.lanes * 255 * 255).bit_length()

    @property
    def dot_width(self):
        """Bits of D, the unsigned dot product of a whole reduction."""
        return (self.reduction * 255 * 255).bit_length()

    @property
    def row_sum_width(self):
        """Bits of Q, the sum of a row's activations over a whole reduction."""
        return (self.reduction * 255).bit_length()

    @property
    def sum_width(self):
        """Bits of S = 2D - zQ, signed, for every z of `OFFSET_BITS` bits."""
        return 1 + (self.reduction * 255 * 511).bit_length()

    @property
    def residual_multiplier_bits(self):
        """Bits of Mr, signed."""
        return self.multiplier_bits + ACTIVATION_BITS

    @property
    def bias_width(self):
        """Bits of the signed requantisation bias B, as many as M x S has."""
        return self.sum_width + self.multiplier_bits

    @property
    def peak_macs(self):
        """8-bit multiply-accumulates a cycle, at k = 8, with every PE at work."""
        return self.rows * self.cols * self.lanes / self.chunks


def _largest_divisor(number, most):
    return max(n for n in range(1, most + 1) if number % n == 0)
