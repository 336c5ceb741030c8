"""The picture of the NPU's blocks: who asks whom, and where maps, weights and results go."""

__all__ = ["npu_blocks_picture"]

WIDTH, HEIGHT = 960, 560
LINE = "#7b8794"
FILLS = {"memory": "#fdebd0", "move": "#d5f5e3", "core": "#d6eaf8", "control": "#eef1f4"}
STYLE = (
    "text{font:13px sans-serif;text-anchor:middle;fill:#1f2933}.b{font-weight:bold}"
    ".s{font-size:11px}.l{text-anchor:start}"
)
# Name, kind, left, top, width, height, and what stands below the name
BOXES = (
    (
        "memory beside the NPU",
        "memory",
        20,
        20,
        920,
        44,
        "program, weights, image; output, scratch",
    ),
    ("burst reader", "move", 20, 104, 300, 50, "bursts within 4 KiB, several on their way"),
    ("burst writer", "move", 640, 104, 300, 50, "bursts whose words are all here"),
    ("registers", "control", 370, 104, 100, 50, "AXI4-Lite"),
    ("controller", "control", 490, 104, 110, 50, "one operation"),
    ("descriptors", "control", 20, 194, 92, 60, "read ahead"),
    ("parameters", "move", 122, 194, 92, 60, "of a column tile"),
    ("weights", "move", 224, 194, 96, 60, "k bits of them"),
    ("LOAD", "move", 370, 194, 100, 60, "rows to pixels"),
    ("STORE", "move", 730, 194, 100, 60, "pixels to rows"),
    ("raw sums", "move", 840, 194, 100, 60, "of logits"),
    ("weight buffer", "memory", 214, 294, 116, 60, "two banks"),
    ("activation memory", "memory", 370, 294, 460, 60, "groups of banks, one for each row"),
    ("im2col", "core", 370, 394, 140, 60, "a tile's pixels at a tap"),
    ("residuals", "core", 530, 394, 90, 60, "read ahead"),
    ("pools", "core", 740, 394, 90, 60, "means, copies"),
    ("results", "core", 640, 394, 90, 60, "queue of words"),
    ("core", "core", 122, 490, 608, 50, "array, drain, requantisers"),
)
PLACES = {name: (left, top, width, height) for name, _, left, top, width, height, _ in BOXES}
# From, to, and where along each of their widths, 0 to 1
ARROWS = (
    ("memory beside the NPU", "burst reader", 0.163, 0.5),
    ("burst writer", "memory beside the NPU", 0.5, 0.837),
    ("burst reader", "descriptors", 0.153, 0.5),
    ("burst reader", "parameters", 0.493, 0.5),
    ("burst reader", "weights", 0.84, 0.5),
    ("weights", "weight buffer", 0.5, 0.5),
    ("LOAD", "activation memory", 0.5, 0.109),
    ("activation memory", "STORE", 0.891, 0.5),
    ("activation memory", "im2col", 0.152, 0.5),
    ("activation memory", "residuals", 0.446, 0.5),
    ("results", "activation memory", 0.5, 0.685),
    ("activation memory", "pools", 0.87, 0.3),
    ("pools", "activation memory", 0.7, 0.95),
    ("im2col", "core", 0.5, 0.523),
    ("residuals", "core", 0.5, 0.745),
    ("core", "results", 0.926, 0.5),
    ("weight buffer", "core", 0.5, 0.247),
    ("parameters", "core", 0.5, 0.076),
    ("STORE", "burst writer", 0.5, 0.467),
    ("raw sums", "burst writer", 0.5, 0.833),
)


def npu_blocks_picture() -> str:
    """The picture, an SVG."""
    parts = [
        '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0l8 4l-8 4z" fill="#7b8794"/></marker></defs>'
    ]
    parts += [_arrow(*arrow) for arrow in ARROWS]
    parts += [
        # The reader's beats of an image go round to LOAD; sums leave the core on the right
        _path("M320 140H345V224H370"),
        _path("M730 515H890V254"),
        _path("M420 84V104"),
        _path("M470 129H490"),
        _path("M66 254V270H545V154"),
    ]
    parts += [_box(*box) for box in BOXES]
    parts.append('<text class="s" x="420" y="80">software</text>')
    title = "The blocks of the NPU"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{title}</title><style>{STYLE}</style>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _box(name: str, kind: str, left: int, top: int, width: int, height: int, what: str) -> str:
    middle, across = top + height // 2, left + width / 2
    return (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="4" '
        f'fill="{FILLS[kind]}" stroke="{LINE}"/>'
        f'<text class="b" x="{across:g}" y="{middle - 3}">{name}</text>'
        f'<text class="s" x="{across:g}" y="{middle + 14}">{what}</text>'
    )


def _arrow(start: str, end: str, along_start: float, along_end: float) -> str:
    """A straight arrow between boxes, one of which is above the other."""
    x, y, width, height = PLACES[start]
    to_x, to_y, to_width, to_height = PLACES[end]
    down = to_y > y
    begin = x + along_start * width, y + height if down else y
    stop = to_x + along_end * to_width, to_y if down else to_y + to_height
    return _path(f"M{begin[0]:.0f} {begin[1]}L{stop[0]:.0f} {stop[1]}")


def _path(path: str) -> str:
    return (
        f'<path d="{path}" fill="none" stroke="{LINE}" stroke-width="1.5" marker-end="url(#end)"/>'
    )
