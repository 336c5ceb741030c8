"""Draws the array, and what truncation does to a weight and to the time of a beat."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT = 960, 330
ON, OFF, LINE, TEXT = "#2a6f97", "#e3e8ec", "#7b8794", "#1f2933"
CODE = 0b10110101
COLUMNS = 4


class _Drawing:
    def __init__(self):
        self.parts = []

    def box(self, x, y, width, height, colour, label="", text=TEXT):
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{colour}" '
            f'stroke="{LINE}"/>'
        )
        if label:
            self.text(x + width / 2, y + height / 2 + 5, label, colour=text)

    def text(self, x, y, label, size=14, anchor="middle", colour=TEXT):
        self.parts.append(
            f'<text x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{colour}">'
            f"{escape(label)}</text>"
        )

    def arrow(self, x1, y1, x2, y2):
        self.parts.append(
            f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{LINE}" stroke-width="2" '
            'marker-end="url(#head)"/>'
        )


def picture():
    """The picture, an SVG."""
    drawing = _Drawing()
    _array(drawing)
    for index, bits in enumerate((8, 4, 2, 1)):
        _weight(drawing, 50 + 65 * index, bits)
    drawing.text(500, 24, "one stored weight code; its top k bits are used", anchor="start")
    drawing.text(
        500, 318, "a beat takes k cycles (1 plane); results leave as before", anchor="start"
    )
    head = (
        '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="6" refY="3" orient="auto">'
        f'<path d="M0 0L7 3L0 6z" fill="{LINE}"/></marker></defs>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif"><title>The array, and what truncation does</title>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>{head}'
        f"{''.join(drawing.parts)}</svg>\n"
    )


def _array(drawing):
    drawing.text(300, 24, "weight bits, most significant plane first")
    drawing.text(78, 56, "activations")
    for column in range(COLUMNS):
        drawing.arrow(182 + 70 * column, 36, 182 + 70 * column, 66)
        drawing.arrow(182 + 70 * column, 240, 182 + 70 * column, 268)
    for row in range(3):
        drawing.arrow(110, 92 + 58 * row, 148, 92 + 58 * row)
        drawing.text(78, 97 + 58 * row, f"a, row {row}", 13)
        for column in range(COLUMNS):
            drawing.box(155 + 70 * column, 70 + 58 * row, 54, 44, "#eef4f8", "PE")
            if column:
                drawing.arrow(140 + 70 * column, 92 + 58 * row, 152 + 70 * column, 92 + 58 * row)
            if row:
                drawing.arrow(182 + 70 * column, 58 * row + 57, 182 + 70 * column, 58 * row + 68)
    drawing.box(155, 272, 264, 26, "#eef4f8", "2D - zQ, requantise: codes")


def _weight(drawing, y, bits):
    drawing.text(500, y + 22, f"k = {bits}", anchor="start")
    for index in range(8):
        kept = index < bits
        digit = str(CODE >> (7 - index) & 1)
        drawing.box(
            560 + 30 * index, y, 28, 32, ON if kept else OFF, digit if kept else "",
            text="white",
        )  # fmt: skip
    weight = 2 * (CODE >> (8 - bits)) - ((1 << bits) - 1)
    drawing.text(815, y + 22, f"W = {weight}", anchor="start")
    drawing.text(890, y + 22, f"{8 // bits}x" if bits < 8 else "1x", anchor="start", colour=ON)
