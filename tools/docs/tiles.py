"""Draws a tile at k = 8 beside the same tile at k = 2, on the same clock, as a moving SVG."""

from tools.docs.film import Film
from tools.docs.tile_trace import BIT_WIDTHS, CONFIG, REDUCTION, tiles

WIDTH, HEIGHT = 960, 530
PANEL = 480  # width of a tile's half
LEFT, STEP, BOX = 92, 94, 88  # of the PEs: from the panel's edge, from one to the next, width
TOP, DOWN = 100, 54
RESULTS = TOP + 4 * DOWN + 22
BARS, CELL = 456, 13
FRAME_S, HOLD = 0.4, 8  # seconds a cycle; cycles that the end stays
BEATS = REDUCTION // CONFIG.lanes
PLANES = ["#deebf7", "#c6dbef", "#9ecae1", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b"]
IDLE, LINE, CHANGED, RESULT = "#eef1f4", "#7b8794", "#ffe08a", "#f2994a"
STYLE = (
    "text{font:13px sans-serif;text-anchor:middle;fill:#1f2933}.b{font-weight:bold}"
    ".l{text-anchor:start}.w{fill:#fff}.s{font-size:10px}.t{font-size:18px;font-weight:bold}"
)


def picture():
    """The picture, an SVG."""
    traced = tiles()
    length = max(map(len, traced.values()))
    # The still: the short tile has just ended
    film = Film(length + HOLD, FRAME_S, still=min(map(len, traced.values())) - 1)
    for index, bits in enumerate(BIT_WIDTHS):
        _tile(film, PANEL * index, bits, traced[bits])
        _bar(film, BARS + 24 * index, bits, traced[bits])
    longest = max(traced.values(), key=len)
    for frame, cycle in enumerate(longest):
        shown = _from(film, frame) if frame == length - 1 else [frame]
        film.add(_text(max(76 + CELL * frame, 106), BARS - 13, f"cycle {cycle.number}", "t"), shown)
        film.add(
            f'<rect x="{70 + CELL * frame}" y="{BARS - 4}" width="{CELL}" height="48" rx="2" '
            'fill="none" stroke="#c0392b" stroke-width="2.5"/>',
            shown,
            layer=3,
        )
    _legend(film)
    title = "The same tile at k = 8 and at k = 2, cycle by cycle"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{title}</title><style>{STYLE}{film.style()}</style>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#fff"/>{film.parts()}</svg>\n'
    )


def _tile(film, left, bits, tile):
    """One half: the planes, the PEs and the results."""
    busy = sum(cycle.plane is not None for cycle in tile)
    film.add(_text(left + 20, 30, f"k = {bits}", "t l"))
    film.add(_text(left + 92, 30, f"{BEATS} beats x {busy // BEATS} planes = {busy} cycles", "l"))
    film.add(_text(left + 46, TOP - 8, "activations"))
    film.add(_text(left + 46, RESULTS + 44, "results S"))
    used = {cycle.plane for cycle in tile}
    for plane, colour in enumerate(PLANES):
        x = left + LEFT + 47 * (7 - plane)
        film.add(_box(x, 46, 44, 20, colour if plane in used else "#fff"))
        film.add(_text(x + 22, 61, f"b{plane}" if plane in used else "-", _ink(plane, used)))
    for row in range(CONFIG.rows):
        for column in range(CONFIG.cols):
            x, y = left + LEFT + STEP * column, TOP + DOWN * row
            film.add(_box(x, y, BOX, 22, IDLE) + _box(x, y + 22, BOX, 24, "#fff"))
            film.add(_box(x, RESULTS + 19 * row, BOX, 17, IDLE))
    rows_out = 0
    for frame, cycle in enumerate(tile):
        shown = _from(film, frame) if frame == len(tile) - 1 else [frame]
        if cycle.plane is not None:
            _work(film, left, frame, cycle)
        _accumulators(film, left, shown, cycle, tile[max(frame - 1, 0)])
        if cycle.results:
            _leaving(film, left, frame, rows_out, cycle.results)
            rows_out += 1


def _work(film, left, frame, cycle):
    """Mark the plane, and the PEs that take it with their bits."""
    film.add(_text(left + 46, 61, f"beat {cycle.beat + 1} of {BEATS}"), [frame])
    x = left + LEFT + 47 * (7 - cycle.plane) + 22
    film.add(f'<path d="M{x - 7} 80l7-11l7 11z" fill="#c0392b"/>', [frame])
    for (row, column), bits in cycle.bits.items():
        x, y = left + LEFT + STEP * column, TOP + DOWN * row
        film.add(_box(x, y, BOX, 22, PLANES[cycle.plane]), [frame], layer=1)
        label = _text(x + BOX / 2, y + 16, " ".join(map(str, bits)), _ink(cycle.plane))
        film.add(label, [frame], layer=2)
    for row, codes in cycle.activations.items():
        film.add(_text(left + 46, TOP + DOWN * row + 28, ", ".join(map(str, codes))), [frame])


def _accumulators(film, left, frames, cycle, before):
    for (row, column), dot in cycle.dots.items():
        x, y = left + LEFT + STEP * column, TOP + DOWN * row + 22
        if dot != before.dots.get((row, column)):
            film.add(_box(x, y, BOX, 24, CHANGED), frames[:1], layer=1)
        film.add(_text(x + BOX / 2, y + 17, dot, "b"), frames, layer=2)


def _leaving(film, left, frame, index, results):
    """A row of results, the first at the bottom, as its PEs are."""
    y = RESULTS + 19 * (CONFIG.rows - 1 - index)
    for column, result in enumerate(results):
        x = left + LEFT + STEP * column
        film.add(_box(x, y, BOX, 17, RESULT), [frame], layer=1)
        film.add(_text(x + BOX / 2, y + 13, result), _from(film, frame), layer=2)


def _bar(film, y, bits, tile):
    """All cycles of a tile in a row: the plane of each, and where results leave."""
    film.add(_text(20, y + 14, f"k = {bits}", "l b"))
    for frame, cycle in enumerate(tile):
        x = 70 + CELL * frame
        colour = RESULT if cycle.results else IDLE
        film.add(_box(x, y, CELL, 18, colour if cycle.plane is None else PLANES[cycle.plane]))
        if cycle.plane is not None:
            film.add(_text(x + CELL / 2, y + 13, cycle.plane, f"s {_ink(cycle.plane)}"))
    film.add(_text(70 + CELL * len(tile) + 8, y + 14, f"{len(tile)} cycles", "l"))


def _legend(film):
    x = 70
    for colour, label, width in (
        (PLANES[6], "PE at work on this bit plane: the bits of its lanes", 360),
        (CHANGED, "accumulator changes", 180),
        (RESULT, "results leave", 120),
    ):
        film.add(_box(x, HEIGHT - 22, 14, 14, colour))
        film.add(_text(x + 20, HEIGHT - 10, label, "l"))
        x += width


def _from(film, frame):
    return range(frame, film.frames)


def _ink(plane, used=range(8)):
    return "w" if plane > 4 and plane in used else ""


def _box(x, y, width, height, colour):
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width}" height="{height}" fill="{colour}" '
        f'stroke="{LINE}" stroke-width=".7"/>'
    )


def _text(x, y, label, style=""):
    kind = f' class="{style}"' if style.strip() else ""
    return f'<text x="{x:g}" y="{y:g}"{kind}>{label}</text>'
