import pytest

from tests.hw.test_ports import ports_of
from truncmac.hw.axi.ports import axi_ports, input_words, word_strides
from truncmac.hw.axi.top import BusWidths
from truncmac.hw.axi.verilog import AXI_TOP, axi_verilog
from truncmac.hw.config import ArrayConfig
from truncmac.hw.ports import core_ports

CONFIG = ArrayConfig(2, 4, 3, 2, 50, 2)


@pytest.mark.parametrize("widths", [BusWidths(), BusWidths(32, 128, 64, 256, 512)])
def test_ports_are_those_of_the_verilog(widths):
    found = {port.name: (port.direction, port.width) for port in axi_ports(CONFIG, widths)}
    assert found == ports_of(axi_verilog(CONFIG, widths), AXI_TOP)


def test_words_of_the_input_streams_are_those_of_the_core():
    core = {port.name: port.width for port in core_ports(CONFIG)}
    words = input_words(CONFIG)
    assert words == {name: core[f"{name}__payload"] for name in words}
    # 48 bits, 24, 99 and 32, on buses of 64 bits: 8 bytes, 4, two transfers, and 4
    assert word_strides(CONFIG) == {
        "activations": 8,
        "weights": 4,
        "parameters": 16,
        "residuals": 4,
    }
    assert word_strides(CONFIG, BusWidths.all(32))["activations"] == 8
