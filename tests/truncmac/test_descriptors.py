"""The program's format: fields do not overlap, and what is packed is what is read again."""

import random
from itertools import combinations

import pytest

from truncmac.descriptors import (
    DESCRIPTOR_BYTES,
    FIELDS,
    PARAMETER_BYTES,
    PARAMETER_FIELDS,
    Operation,
    ProgramFault,
    Region,
    pack_descriptor,
    split_address,
    to_address,
    unpack_descriptor,
)

every_operation = pytest.mark.parametrize("operation", FIELDS, ids=lambda o: o.name)


@every_operation
def test_fields_lie_in_their_words_and_do_not_overlap(operation):
    fields = FIELDS[operation]
    assert len({field.name for field in fields}) == len(fields)
    for field in fields:
        assert 0 <= field.word < DESCRIPTOR_BYTES // 4
        assert 0 <= field.low < field.low + field.width <= 32
    for one, other in combinations(fields, 2):
        if one.word == other.word:
            apart = one.low + one.width <= other.low or other.low + other.width <= one.low
            assert apart, (one.name, other.name)


@every_operation
def test_what_is_packed_is_read_again(operation):
    noise = random.Random(operation)
    for _ in range(20):
        values = {field.name: noise.randint(*field.limits) for field in FIELDS[operation]}
        values["operation"] = int(operation)
        data = pack_descriptor(operation, values)
        assert len(data) == DESCRIPTOR_BYTES
        assert unpack_descriptor(data) == (operation, values)


def test_fields_of_a_name_are_in_the_same_place_of_every_operation():
    """So that hardware reads them without knowing the operation."""
    places = {}
    for operation, fields in FIELDS.items():
        if operation == Operation.BEGIN:
            continue
        for field in fields:
            place = (field.word, field.low, field.width)
            assert places.setdefault(field.name, place) == place, (operation, field.name)


def test_bytes_of_a_descriptor_by_hand():
    data = pack_descriptor(
        Operation.CONV,
        {"bits": 3, "offset": 7, "limit": 15, "kernel_x": 2, "input_map_base": 0x1234},
    )
    assert data[:4] == bytes([5, 0, 0x73, 0])  # operation; flags; k with z's low bits
    assert data[4] == 15
    assert data[8] == 2
    assert data[24:26] == b"\x34\x12"
    assert sum(data) == 5 + 0x73 + 15 + 2 + 0x34 + 0x12


@pytest.mark.parametrize("operation", [Operation.CONV, Operation.POOL])
def test_rows_above_may_be_fewer_than_none(operation):
    """In two's complement; those of a LOAD are a count."""
    for value, byte in ((-128, 0x80), (-1, 0xFF), (0, 0), (127, 0x7F)):
        data = pack_descriptor(operation, {"pad_top": value})
        assert data[7] == byte
        assert unpack_descriptor(data)[1]["pad_top"] == value
    for value in (-129, 128):
        with pytest.raises(ValueError, match=rf"pad_top must be in -128\.\.127, not {value}"):
            pack_descriptor(operation, {"pad_top": value})
    assert unpack_descriptor(pack_descriptor(Operation.LOAD, {"pad_top": 255}))[1]["pad_top"] == 255


def test_reserved_operations_have_no_fields():
    reserved = {Operation.ADD, Operation.MUL, Operation.TABLE, Operation.DEPTHWISE}
    assert set(Operation) - set(FIELDS) == reserved
    for number in (0, *reserved, 200):
        assert unpack_descriptor(bytes([number]) + bytes(63)) == (number, {})


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"kernel": 3}, "CONV has no field 'kernel'"),
        ({"kernel_x": 256}, r"CONV kernel_x must be in 0\.\.255, not 256"),
        ({"bits": -1}, r"CONV bits must be in 0\.\.15, not -1"),
    ],
)
def test_what_does_not_fit_is_refused(values, match):
    with pytest.raises(ValueError, match=match):
        pack_descriptor(Operation.CONV, values)


def test_addresses_name_a_region_and_a_byte():
    assert to_address(Region.OUTPUT, 5) == 0x80000005
    for region in Region:
        for offset in (0, 1, (1 << 30) - 1):
            assert split_address(to_address(region, offset)) == (region, offset)
    with pytest.raises(ValueError, match="not 1073741824"):
        to_address(Region.INPUT, 1 << 30)


def test_parameters_fill_their_record():
    ends = [field.low + field.width for field in PARAMETER_FIELDS]
    assert [field.low for field in PARAMETER_FIELDS] == [0, *ends[:-1]]
    assert ends[-1] == 8 * PARAMETER_BYTES


def test_fault_numbers_are_for_ever():
    """Drivers know them."""
    assert [fault.value for fault in ProgramFault] == list(range(len(ProgramFault)))
    assert (ProgramFault.CONFIGURATION, ProgramFault.PLACE, ProgramFault.WRITE) == (2, 6, 10)
