"""Tables of docs/energy.md, from the figures that come with the package."""

from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy import PARTS, Counts, available, load, load_srams

WIDTHS = (8, 4, 2, 1)
BEATS = 36  # of a tile: a reduction of 576 on 16 lanes


def energy_tables():
    """Every shape in every library, the breakdown of the main ones, and the memory macros."""
    libraries = dict.fromkeys(library for library, _, _ in available())
    parts = [shapes(library) for library in libraries]
    return "\n".join([*parts, breakdown(), errors(), srams()])


def shapes(library):
    """What was measured of each shape at 4 x 4, and its area at 8 x 8."""
    rows = [
        "| lanes, planes | area, um2 a MAC/cycle | clock, ns | k = 8 | k = 4 | k = 2 | k = 1 |",
        "|---|---|---|---|---|---|---|",
    ]
    own = [load(lanes, planes, name) for name, lanes, planes in available() if name == library]
    own.sort(key=lambda figures: -figures.data["planes"])
    for figures in own:
        shape = figures.data["lanes"], figures.data["planes"]
        config = ArrayConfig(8, 8, *shape)
        area = sum(figures.area(config).values()) / config.peak_macs
        cells = [f"{shape[0]}, {shape[1]}", f"{area:,.0f}", f"{figures.period_ps / 1e3:.2f}"]
        for k in WIDTHS:
            measured = figures.data["bits"][str(k)]["measured"]["4x4"]
            plain = measured["pj_per_mac"]["1.0"]
            cells.append(f"{plain * measured['glitch_factor']:.2f} ({plain:.2f})")
        rows.append(f"| {' | '.join(cells)} |")
    return (
        f"**{own[0].library}**: area of the whole core at 8 x 8 PEs (by its places' sizes, from "
        "what was synthesised), default requantisers, by its "
        "8-bit MACs a cycle; pJ/MAC "
        "of the core at 4 x 4 on the layers of digits that follow k, glitches included (without).\n"
        + "\n"
        + "\n".join(rows)
        + "\n"
    )


def breakdown():
    """Parts of the energy of a MAC at 8 x 8 on long tiles, glitches included."""
    rows = [f"| lanes, planes | k | {' | '.join(PARTS)} | sum |", "|---" * (len(PARTS) + 3) + "|"]
    for lanes, planes in ((4, 8), (16, 2), (8, 1)):
        config = ArrayConfig(8, 8, lanes, planes)
        beats = BEATS * 16 // lanes
        macs = config.rows * config.cols * lanes * beats
        for k in WIDTHS:
            chunks = beats * -(-k // planes)
            parts = load(lanes, planes).energy(config, Counts(chunks, chunks, beats, 1), k)
            values = [value / macs for value in parts.values()]
            cells = " | ".join(f"{value:.3f}" for value in [*values, sum(values)])
            rows.append(f"| {lanes}, {planes} | {k} | {cells} |")
    return (
        "Where it goes, ihp-sg13g2, 8 x 8 PEs, a reduction of 576, pJ/MAC, glitches included:\n\n"
        + "\n".join(rows)
        + "\n"
    )


def errors():
    """The largest errors on runs that the figures were not made from."""
    rows = ["| library | lanes, planes | network | layers | worst layer |", "|---|---|---|---|---|"]
    for library, lanes, planes in available():
        found = load(lanes, planes, library).data["errors"]
        networks = [e["error"] for e in found["networks"] if e["held_out"]]
        layers = [e for e in found["layers"] if e["held_out"]]
        worst = max(layers, key=lambda e: abs(e["error"]))
        full = [e["error"] for e in layers if not e["layer"].endswith("/logits")]
        rows.append(
            f"| {library} | {lanes}, {planes} | {max(networks, key=abs):+.1%} | "
            f"{max(full, key=abs):+.1%} | {worst['layer']}, {worst['error']:+.1%} |"
        )
    return (
        "The model's largest errors against the netlist on layers of resnet20 (made-up weights), "
        "at each k; of `layers` all but the last, whose one row fills a quarter of the array:\n\n"
        + "\n".join(rows)
        + "\n"
    )


def srams():
    """Memory macros."""
    rows = ["| macro | words x bits | read, pJ | write, pJ | area, mm2 |", "|---|---|---|---|---|"]
    rows += [
        f"| {m.name} | {m.words} x {m.bits} | {m.read_pj:.1f} | {m.write_pj:.1f} | "
        f"{m.area_um2 / 1e6:.3f} |"
        for m in load_srams()
    ]
    return "Memory macros of ihp-sg13g2:\n\n" + "\n".join(rows)
