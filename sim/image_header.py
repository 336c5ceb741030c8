"""What an image means, for drivers in C: a comment, and the code of each pixel."""

from truncmac.golden import Network, image_formula, pixel_table

__all__ = ["image_lines"]

LINE = 32  # numbers of an array in C
ROWS = 16  # tables of so many channels are written out


def image_lines(network: Network) -> list[str]:
    """Lines of C: how reals and pixels become codes, and `truncmac_pixel_codes`, if it says more.

    The table has a row for all channels, or one for each. It is left out where a pixel is its
    code, and where more than 16 channels differ.
    """
    image = network.image
    formula = image_formula(image)
    lines = ["/* The image:", *(f" * {line}" for line in formula), " */"]
    table = pixel_table(image.meaning, image.bits)
    if (table == range(256)).all() or len(table) > ROWS:
        return lines
    lines.append(f"#define TRUNCMAC_PIXEL_TABLES {len(table)}")
    lines.append("/* The code of each pixel; by channel if there is more than one table */")
    lines.append(f"static const uint8_t truncmac_pixel_codes[{len(table)}][256] = {{")
    for row in table.tolist():
        lines.append("  {")
        for start in range(0, 256, LINE):
            lines.append(f"    {', '.join(map(str, row[start : start + LINE]))},")
        lines.append("  },")
    return [*lines, "};", ""]
