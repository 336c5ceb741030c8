import itertools

from tests.hw.headers import numbers_of
from truncmac.hw.axi.registers import REGISTERS, Access, c_header, register_table
from truncmac.hw.counters import COUNTERS

# What a driver was compiled with: names and addresses stay; new ones follow, or take gaps
ADDRESSES = {
    **{"version": 0x00, "sizes": 0x04, "max_beats": 0x08, "control": 0x0C, "status": 0x10},
    **{"bits": 0x14, "beats": 0x18, "row_tiles": 0x1C, "column_tiles": 0x20, "offset": 0x24},
    **{"output": 0x28, "count_cycles": 0x40, "count_busy": 0x44, "count_chunks": 0x48},
    **{"count_beats": 0x4C, "count_tiles": 0x50, "count_stalled_activations": 0x54},
    **{"count_stalled_weights": 0x58, "count_stalled_parameters": 0x5C},
    **{"count_stalled_drain": 0x60, "count_stalled_output": 0x64},
}
ERRORS = "NONE", "ZERO_BITS", "TOO_MANY_BITS", "ZERO_BEATS", "TOO_MANY_BEATS", "ZERO_TILES"
# Bits of the registers that have parts: lowest and highest
BITS = {
    "sizes": {"rows": (0, 8), "cols": (9, 17), "lanes": (18, 26), "planes": (27, 30)},
    "control": {"start": (0, 0), "clear": (1, 1), "irq_enable": (8, 8)},
    "status": {"busy": (0, 0), "done": (1, 1), "error": (2, 2), "error_code": (8, 10)},
    "output": {"limit": (0, 7), "raw": (8, 8), "residual": (9, 9)},
}


def test_registers_and_fields_stay_where_drivers_look_for_them():
    assert {register.name: register.address for register in REGISTERS} == ADDRESSES
    for register in REGISTERS:
        found = {f.name: (f.low, f.low + f.width - 1) for f in register.fields}
        assert found == BITS.get(register.name, {"value": (0, found.get("value", (0, 0))[1])})


def test_no_two_registers_or_fields_overlap():
    addresses = [register.address for register in REGISTERS]
    assert len(set(addresses)) == len(addresses)
    assert all(address % 4 == 0 for address in addresses)
    for register in REGISTERS:
        for one, other in itertools.combinations(register.fields, 2):
            assert one.mask & other.mask == 0
        for field in register.fields:
            assert field.mask < 1 << 32
            assert field.access in Access


def test_every_counter_can_be_read():
    names = {register.name for register in REGISTERS}
    assert {f"count_{name}" for name in COUNTERS} <= names


def test_table_has_a_row_for_each_field():
    rows = register_table().splitlines()[2:]
    assert len(rows) == sum(len(register.fields) for register in REGISTERS)
    assert "| 0x10 | status | 10:8 | error_code |" in "\n".join(rows)


def test_a_c_program_sees_the_same_map(tmp_path):
    """Compile the header and print each register's offset, and each error's number."""
    names = [f"TRUNCMAC_{register.name.upper()}" for register in REGISTERS]
    names += [f"TRUNCMAC_ERROR_{name}" for name in ERRORS]
    names += ["TRUNCMAC_STATUS_ERROR_CODE_SHIFT", "TRUNCMAC_STATUS_ERROR_CODE_MASK"]
    expected = [ADDRESSES[register.name] for register in REGISTERS]
    expected += range(len(ERRORS))
    assert numbers_of(c_header(), names, tmp_path) == [*expected, 8, 0x700]
