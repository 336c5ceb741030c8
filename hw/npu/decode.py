"""Makes of a descriptor what each of those who do the operations must know."""

from amaranth import Mux
from amaranth.utils import exact_log2

from truncmac.descriptors import Operation, map_field

from .copies import load_layout
from .descriptor import descriptor_layout, map_of

__all__ = [
    "decode_convolution",
    "decode_load",
    "decode_operands",
    "decode_pool",
    "decode_post",
    "decode_store",
    "pools_largest",
]

SIZES = ("width", "height", "channels")
WINDOW = (  # what a convolution and a pool say of their windows
    *("input_width", "input_height", "input_channels", "output_width", "output_height"),
    *("kernel_x", "kernel_y", "stride_x", "stride_y", "pad_left", "pad_top", "pad_code"),
)
PLACE = ("base", "step_x", "step_y", "tile_x", "phase_x", "phase_y")


def decode_load(m, descriptor, given):
    """Drive `given`, a `load_layout()`."""
    load = descriptor_layout(Operation.LOAD)(descriptor)
    m.d.comb += given.where.eq(map_of(m, load, "output", "load"))
    m.d.comb += [given[name].eq(load[name]) for name in load_layout().members if name != "where"]


def decode_store(m, descriptor, given):
    """Drive `given`, a `store_layout()`."""
    store = descriptor_layout(Operation.STORE)(descriptor)
    m.d.comb += given.where.eq(map_of(m, store, "input", "store"))
    m.d.comb += [given[name].eq(store[f"input_{name}"]) for name in SIZES]
    m.d.comb += [given[name].eq(store[name]) for name in ("address", "pitch")]


def decode_convolution(m, array, descriptor, given):
    """Drive `given`, a `convolution_layout(array)`."""
    conv = descriptor_layout(Operation.CONV)(descriptor)
    maps = {role: map_of(m, conv, role, "conv") for role in ("input", "output", "residual")}
    window, job = given.window, given.job
    columns = _column_tiles(array, conv)
    _decode_window(m, conv, maps["input"], window)
    m.d.comb += [
        window.column_tiles.eq(columns),
        window.dilation_x.eq(conv.dilation_x),
        window.dilation_y.eq(conv.dilation_y),
        *(job[name].eq(conv[name]) for name in ("bits", "offset", "limit", "raw", "residual")),
        job.beats.eq(_beats(array, conv)),
        job.row_tiles.eq(_row_tiles(array, conv)),
        job.column_tiles.eq(columns),
        *(
            given.outputs[f"output_{name}"].eq(conv[f"output_{name}"])
            for name in ("width", "height", "channels")
        ),
        given.outputs.tile_x.eq(maps["input"].tile_x),
        given.output.eq(maps["output"]),
        given.residual.where.eq(maps["residual"]),
        *(
            given.residual[name].eq(conv[f"residual_{name}"])
            for name in ("channels", "shift_x", "shift_y")
        ),
    ]


def pools_largest(descriptor):
    """Whether a POOL, or SHORTCUT, gives the largest code of each window."""
    pool = descriptor_layout(Operation.POOL)(descriptor)
    return (pool.operation == Operation.POOL) & ~pool.mean


def decode_pool(m, descriptor, given):
    """Drive `given`, a `window_layout()`."""
    pool = descriptor_layout(Operation.POOL)(descriptor)
    _decode_window(m, pool, map_of(m, pool, "input", "pool"), given)
    for name in ("column_tiles", "dilation_x", "dilation_y"):
        m.d.comb += given[name].eq(1)


def decode_operands(m, array, descriptor, given):
    """Drive `given`, an `operands_layout(array)`: what may be read before a CONV begins."""
    conv = descriptor_layout(Operation.CONV)(descriptor)
    m.d.comb += [
        given.bits.eq(conv.bits),
        given.beats.eq(_beats(array, conv)),
        given.channels.eq(conv.output_channels),
        given.row_tiles.eq(_row_tiles(array, conv)),
        given.weights.eq(conv.weights),
        given.pitch.eq(conv.weights_pitch),
        given.parameters.eq(conv.parameters),
        given.raw.eq(conv.raw),
    ]


def _column_tiles(array, conv):
    return (conv.output_channels + (array.cols - 1)) >> exact_log2(array.cols)


def _row_tiles(array, conv):
    """Tiles of output pixels."""
    tile_x = conv[map_field("input", "tile_x")][:3]
    tile_y = (exact_log2(array.rows) - tile_x)[:3]
    across = (conv.output_width + (1 << tile_x) - 1) >> tile_x
    down = (conv.output_height + (1 << tile_y) - 1) >> tile_y
    return across * down


def _beats(array, conv):
    """Beats of the reduction."""
    blocks = (conv.input_channels + (array.lanes - 1)) >> exact_log2(array.lanes)
    return conv.kernel_x * conv.kernel_y * blocks


def decode_post(m, descriptor, given):
    """Drive `given`, a `post_layout()`.

    A shortcut is the sum of one pixel; its stride and maps lie where a mean's do.
    """
    pool = descriptor_layout(Operation.POOL)(descriptor)
    pools = pool.operation == Operation.POOL
    sizes = (f"{side}_{size}" for side in ("input", "output") for size in SIZES)
    m.d.comb += [given[name].eq(pool[name]) for name in (*sizes, "stride_x", "stride_y")]
    for name in ("kernel_x", "kernel_y"):
        m.d.comb += given[name].eq(Mux(pools, pool[name], 1))
    for name in ("pad_left", "pad_top", "pad_code"):
        m.d.comb += given[name].eq(Mux(pools, pool[name], 0))
    m.d.comb += [
        given.mean.eq(pools),
        given.reciprocal.eq(pool.reciprocal),
        given.shift.eq(pool.shift),
        given.input.eq(map_of(m, pool, "input", "post")),
    ]


def _decode_window(m, fields, place, window):
    """Drive what a convolution and a pool say alike of their `window_layout()`."""
    m.d.comb += [window[name].eq(fields[name]) for name in WINDOW]
    m.d.comb += [window[name].eq(place[name]) for name in PLACE]
