import re

import pytest

from tests.hw.headers import numbers_of
from tests.hw.test_ports import ports_of
from truncmac.descriptors import ProgramFault
from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.interface import npu_c_header, npu_ports, npu_register_table
from truncmac.hw.npu.registers import NPU_REGISTERS
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog

CONFIG = NpuConfig(array=ArrayConfig(2, 4, 2, 1, 100, 2), bus_width=128, depth=64)


def test_ports_are_those_of_the_verilog():
    found = {port.name: (port.direction, port.width) for port in npu_ports(CONFIG)}
    assert found == ports_of(npu_verilog(CONFIG), NPU_TOP)


def test_table_has_a_row_for_each_field():
    rows = npu_register_table().splitlines()[2:]
    assert len(rows) == sum(len(register.fields) for register in NPU_REGISTERS)
    assert "| 0x0C | status | 15:8 | fault |" in "\n".join(rows)


def test_a_c_program_sees_the_same_map(tmp_path):
    names = [f"TRUNCMAC_NPU_{register.name.upper()}" for register in NPU_REGISTERS]
    names += [f"TRUNCMAC_NPU_ERROR_{fault.name}" for fault in ProgramFault]
    names += ["TRUNCMAC_NPU_STATUS_FAULT_SHIFT", "TRUNCMAC_NPU_STATUS_FAULT_MASK"]
    expected = [register.address for register in NPU_REGISTERS]
    found = numbers_of(npu_c_header(), names, tmp_path)
    assert found == [*expected, *ProgramFault, 8, 0xFF00]


def test_every_name_of_the_header_is_the_npus():
    assert re.findall(r"#define (?!TRUNCMAC_NPU_)\S+", npu_c_header()) == []


@pytest.mark.parametrize("name", ["version", "configuration", "control", "status", "entry"])
def test_registers_that_every_driver_needs_stay(name):
    addresses = {"version": 0, "configuration": 4, "control": 8, "status": 12, "entry": 20}
    found = next(register for register in NPU_REGISTERS if register.name == name)
    assert found.address == addresses[name]
