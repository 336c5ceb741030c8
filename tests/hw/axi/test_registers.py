import itertools
import shutil
import subprocess

from truncmac.hw.axi.registers import REGISTERS, Access, c_header, register_table
from truncmac.hw.command import CommandError
from truncmac.hw.counters import COUNTERS


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
    (tmp_path / "registers.h").write_text(c_header())
    names = [f"TRUNCMAC_{register.name.upper()}" for register in REGISTERS]
    names += [f"TRUNCMAC_ERROR_{error.name}" for error in CommandError]
    names += ["TRUNCMAC_STATUS_ERROR_CODE_SHIFT", "TRUNCMAC_STATUS_ERROR_CODE_MASK"]
    prints = "".join(f'printf("%u\\n", {name});' for name in names)
    source = '#include <stdio.h>\n#include "registers.h"\nint main(void) {' + prints + "return 0;}"
    (tmp_path / "main.c").write_text(source)
    compiler = shutil.which("gcc") or shutil.which("cc")
    subprocess.run(
        [compiler, "-std=c99", "-Wall", "-Wextra", "-Werror", "main.c", "-o", "main"],
        cwd=tmp_path,
        check=True,
    )
    output = subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout
    expected = [register.address for register in REGISTERS]
    expected += [error.value for error in CommandError]
    assert list(map(int, output.split())) == [*expected, 8, 0x700]
