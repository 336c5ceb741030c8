"""Tables for whoever connects the core or the AXI top: ports, widths, fields and orders."""

from truncmac.hw.axi.ports import axi_ports, input_words, word_strides
from truncmac.hw.axi.top import check_axi
from truncmac.hw.command import CommandError
from truncmac.hw.config import ArrayConfig
from truncmac.hw.counters import COUNTERS
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.interface import npu_ports
from truncmac.hw.ports import core_ports, payload_fields, result_columns
from truncmac.hw.streams import STREAMS

__all__ = [
    "axi_port_table",
    "axi_word_table",
    "command_table",
    "core_port_table",
    "counter_table",
    "npu_port_table",
    "parameter_table",
    "result_order_table",
    "table",
    "width_table",
]

CONFIGS = (
    ArrayConfig(1, 1, 1, 2, 16),
    ArrayConfig(4, 4, 4, 1, 288),
    ArrayConfig(8, 8, 8, 1, 4608),
    ArrayConfig(16, 16, 16, 2, 4608),
)
WIDTHS = ("beats_width", "sum_width", "bias_width", "residual_multiplier_bits")
PORTS = {
    "clk": "the clock; every register takes its rising edge",
    "rst": "the synchronous reset, active high; one edge is enough",
    "clear": "while it is high, all counters are set to zero",
    "counters": "the counters, as below",
    "active": "a tile is at work, or a result has not been taken yet",
    "error": "what is wrong with the command that is taken in this cycle: "
    + ", ".join(
        f"{error.value} {error.name.lower()}"
        for error in CommandError
        if error != CommandError.ZERO_TILES  # of a job, in the AXI top
    ),
}
COMMAND = {
    "bits": "k, 1 to 8",
    "beats": "beats of the reduction, ceil(K / lanes), from 1 to ceil(max_reduction / lanes)",
    "offset": "z: 2^k - 1 for TruncQuant, 2^k for two's complement",
    "limit": "the largest output code, 2^m - 1",
    "raw": "1: outputs are S; 0: they are codes",
    "residual": "1: each row of outputs takes a row of residual codes",
    "fresh": "1: the tile takes the next set of parameters; 0: it uses those of the tile before",
}
PARAMETERS = {"multiplier": "M", "residual_multiplier": "Mr", "bias": "B", "shift": "s"}


def table(head, rows):
    """Markdown of a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def _sizes(config):
    """The sizes that tell the examples apart."""
    return f"{config.rows} x {config.cols}, ({config.lanes}, {config.planes})"


def core_port_table():
    """The core's ports, but for the streams', which are three each."""
    ports = core_ports(CONFIGS[-1])
    ends = ("__payload", "__valid", "__ready")
    streams = {port.name.removesuffix(end) for port in ports for end in ends} & set(STREAMS)
    assert len(ports) == len(PORTS) + len(ends) * len(streams)  # noqa: S101 - all are told of
    rows = [
        [f"`{port.name}`", port.direction, port.width, PORTS[port.name]]
        for port in ports
        if port.name in PORTS
    ]
    return table(["port", "direction", "bits", "what it is"], rows)


def width_table():
    """Bits of the payloads and of what they are made of, for some arrays."""
    head = ["bits", *(_sizes(config) for config in CONFIGS)]
    rows = [["`max_reduction`, not bits", *(f"{config.max_reduction:,}" for config in CONFIGS)]]
    rows += [["`requantisers`, not bits", *(config.requantisers for config in CONFIGS)]]
    rows += [[f"`{name}`", *(getattr(config, name) for config in CONFIGS)] for name in WIDTHS]
    ports = [{port.name: port.width for port in core_ports(config)} for config in CONFIGS]
    names = [f"{name}__payload" for name in STREAMS]
    rows += [[f"`{name}`", *(f"{widths[name]:,}" for widths in ports)] for name in names]
    return table(head, rows)


def command_table():
    """Places of the fields of a tile's command."""
    config = CONFIGS[-1]
    fields = payload_fields(config)["tiles__payload"]
    rows = [[_place(field), f"`{field.name}`", COMMAND[field.name]] for field in fields]
    return table(["bits", "field", "what it is"], rows)


def parameter_table():
    """Places of the fields of a word of parameters, for some arrays."""
    head = ["field", *(_sizes(config) for config in CONFIGS)]
    found = [payload_fields(config)["parameters__payload"] for config in CONFIGS]
    rows = [
        [
            f"`{same[0].name}`, {PARAMETERS[same[0].name]}"
            + (", signed" if same[0].signed else ""),
            *map(_place, same),
        ]
        for same in zip(*found, strict=True)
    ]
    return table(head, rows)


def counter_table():
    """Places of the counters in their port."""
    fields = payload_fields(CONFIGS[-1])["counters"]
    rows = [[_place(field), f"`{field.name}`", COUNTERS[field.name]] for field in fields]
    return table(["bits", "counter", "what it counts"], rows)


def _place(field):
    high = field.low + field.width - 1
    return f"{high}:{field.low}" if field.width > 1 else f"{high}"


def result_order_table():
    """Which columns each word of a row of results holds, for 8 columns and some requantisers."""
    rows = []
    for units in (1, 2, 4, 8, 16):
        config = ArrayConfig(2, 8, 8, 1, requantisers=units)
        words = result_columns(config)
        text = "; ".join(" ".join(map(str, columns)) for columns in words)
        count = "1 for two rows" if config.rows_at_once == 2 else len(words)
        rows.append([units, count, text])
    return table(
        ["requantisers", "words of a row", "columns of each word, lowest bits first"], rows
    )


AXI_PORTS = {
    "aclk": "the clock of all buses",
    "aresetn": "the synchronous reset, active low",
    "irq": "high while `status.done` is set and `control.irq_enable` is 1",
    "s_axil": "AXI4-Lite, for the registers",
    "s_axis_activations": "AXI4-Stream",
    "s_axis_weights": "AXI4-Stream",
    "s_axis_parameters": "AXI4-Stream",
    "s_axis_residuals": "AXI4-Stream",
    "m_axis_results": "AXI4-Stream",
}


NPU_PORTS = {
    "aclk": "the clock of both buses",
    "aresetn": "the synchronous reset, active low",
    "irq": "high while `status.done` is set and `control.irq_enable` is 1",
    "s_axil": "AXI4-Lite, for the registers",
    "m_axi": "AXI4, a master of the memory",
}


def axi_port_table():
    """The AXI top's ports, by bus, at the default widths of buses."""
    return _bus_table(axi_ports(CONFIGS[2]), AXI_PORTS)


def npu_port_table():
    """The NPU's ports, by bus, at the default sizes."""
    return _bus_table(npu_ports(NpuConfig()), NPU_PORTS)


def _bus_table(found, texts):
    """A row for each bus, or for a port that is of none."""
    buses = {}
    for port in found:
        bus, _, signal = port.name.rpartition("_")
        key = bus if bus in texts else port.name
        buses.setdefault(key, []).append((signal, port))
    rows = []
    for bus, ports in buses.items():
        if bus == ports[0][1].name:
            names, (_, port) = f"`{bus}`", ports[0]
            rows.append([names, f"{port.direction}, {port.width}", texts[bus]])
            continue
        signals = [
            f"{signal} {'in' if port.direction == 'in' else 'out'} {port.width}"
            for signal, port in ports
        ]
        rows.append([f"`{bus}_...`", "; ".join(signals), texts[bus]])
    return table(["ports", "direction and bits", "what it is"], rows)


def axi_word_table():
    """Bits of a word of each input stream, and bytes from one to the next on buses of 64 bits."""
    configs = CONFIGS[1:]
    for config in configs:
        check_axi(config)
    bits = [input_words(config) for config in configs]
    strides = [word_strides(config) for config in configs]
    rows = [
        [
            f"`s_axis_{name}`",
            *(f"{some[name]:,} / {there[name]}" for some, there in zip(bits, strides, strict=True)),
        ]
        for name in bits[0]
    ]
    return table(["stream", *(_sizes(config) for config in configs)], rows)
