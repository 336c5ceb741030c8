"""The map stays: what a driver was compiled with is where it looks for it."""

import itertools

import pytest

from truncmac.descriptors import ProgramFault, Region
from truncmac.hw.axi.registers import Access
from truncmac.hw.npu.registers import BASE_ALIGNMENT_BITS, NPU_REGISTERS, REGION_ADDRESS

ADDRESSES = {
    **{"version": 0x00, "configuration": 0x04, "control": 0x08, "status": 0x0C},
    **{"index": 0x10, "entry": 0x14, "cycles": 0x18},
    **{"program_base": 0x20, "program_size": 0x24, "input_base": 0x28, "input_size": 0x2C},
    **{"output_base": 0x30, "output_size": 0x34, "scratch_base": 0x38, "scratch_size": 0x3C},
}
FIELDS = {  # lowest bit, width and access
    "control": {"start": (0, 1, "start"), "reset": (1, 1, "start"), "irq_enable": (8, 1, "rw")},
    "status": {
        **{"busy": (0, 1, "ro"), "done": (1, 1, "event"), "refused": (2, 1, "event")},
        "fault": (8, 8, "ro"),
    },
    **{name: {"value": (0, 32, "ro")} for name in ("version", "configuration", "cycles")},
    "index": {"value": (0, 24, "ro")},
    "entry": {"value": (0, 32, "rw")},
    **{
        f"{region.name.lower()}_{part}": {"value": (0, 32, "rw")}
        for region in Region
        for part in ("base", "size")
    },
}
BY_NAME = {register.name: register for register in NPU_REGISTERS}


@pytest.mark.parametrize("name", ADDRESSES)
def test_registers_and_fields_stay_where_drivers_look_for_them(name):
    assert BY_NAME[name].address == ADDRESSES[name]
    found = {f.name: (f.low, f.width, f.access) for f in BY_NAME[name].fields}
    assert found == FIELDS[name]


def test_the_others_are_counters_behind_them():
    for name, register in BY_NAME.items():
        if name not in ADDRESSES:
            assert name.startswith("count_")
            assert register.address > max(ADDRESSES.values())
            assert [field.access for field in register.fields] == ["ro"]


def test_no_two_registers_or_fields_overlap():
    addresses = [register.address for register in NPU_REGISTERS]
    assert len(set(addresses)) == len(addresses)
    assert all(address % 4 == 0 and address < 0x100 for address in addresses)
    for register in NPU_REGISTERS:
        for one, other in itertools.combinations(register.fields, 2):
            assert one.mask & other.mask == 0
        assert all(field.access in Access for field in register.fields)


def test_regions_follow_each_other_by_number():
    for region in Region:
        name = region.name.lower()
        assert BY_NAME[f"{name}_base"].address == REGION_ADDRESS + 8 * region
        assert BY_NAME[f"{name}_size"].address == REGION_ADDRESS + 8 * region + 4
        text = f"{1 << BASE_ALIGNMENT_BITS} divides it"
        assert text in BY_NAME[f"{name}_base"].fields[0].about


def test_faults_are_named_with_their_numbers():
    fault = next(field for field in BY_NAME["status"].fields if field.name == "fault")
    assert max(ProgramFault) < 1 << fault.width
    for each in ProgramFault:
        assert f"{each.value} {each.name.lower()}" in fault.about
