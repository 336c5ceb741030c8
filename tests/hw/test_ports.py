import re

import pytest

from truncmac.hw.config import ArrayConfig
from truncmac.hw.ports import core_ports, fields_of, payload_fields, result_columns
from truncmac.hw.tile import tile_layout
from truncmac.hw.verilog import TOP, core_verilog

CONFIGS = [ArrayConfig(1, 1, 1, 2, 16), ArrayConfig(2, 6, 3, 4, 100, 3, 20)]


def ports_of(verilog, top):
    """Direction and width of each port of module `top`, by name."""
    text = re.search(rf"(?s)^module {top}\(.*?^endmodule", verilog, re.MULTILINE)[0]
    found = re.findall(r"(?m)^  (in|out)put (?:\[(\d+):0\] )?(\w+);", text)
    return {name: (direction, int(high or 0) + 1) for direction, high, name in found}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_ports_are_those_of_the_verilog(config):
    ports = core_ports(config)
    found = {port.name: (port.direction, port.width) for port in ports}
    assert len(found) == len(ports) == 2 + 6 * 3 + 4
    assert found == ports_of(core_verilog(config), TOP)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
def test_fields_fill_their_port(config):
    widths = {port.name: port.width for port in core_ports(config)}
    for name, fields in payload_fields(config).items():
        ends = [0, *(field.low + field.width for field in fields)]
        assert [field.low for field in fields] == ends[:-1]
        assert ends[-1] == widths[name]


def test_fields_of_a_command_read_what_its_layout_wrote():
    config = CONFIGS[1]
    layout = tile_layout(config)
    values = {
        "bits": 5,
        "beats": 12,
        "offset": 31,
        "limit": 15,
        "raw": 0,
        "residual": 1,
        "fresh": 1,
    }
    word = layout.const(values).as_value().value
    fields = fields_of(layout)
    assert {f.name: word >> f.low & ((1 << f.width) - 1) for f in fields} == values
    signed = {f.name for f in payload_fields(config)["parameters__payload"] if f.signed}
    assert signed == {"multiplier", "residual_multiplier", "bias"}


def test_columns_of_the_words_of_a_row():
    assert result_columns(CONFIGS[0]) == [[0]]
    assert result_columns(CONFIGS[1]) == [[0, 1, 2], [3, 4, 5]]
    assert result_columns(ArrayConfig(2, 3, 1, 1, requantisers=6)) == [[0, 1, 2, 0, 1, 2]]
