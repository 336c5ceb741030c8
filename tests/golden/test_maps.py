"""Every pixel has a place of its own, and the pixels of a tile are in different banks."""

from itertools import product

import numpy as np
import pytest

from tests.golden.programs import MACHINE
from truncmac.descriptors import ProgramFault
from truncmac.golden import Machine, MapPlace, ProgramError
from truncmac.golden.maps import ActivationMemory


def machine(rows, lanes=2):
    return Machine(
        rows=rows,
        cols=4,
        lanes=lanes,
        planes=1,
        max_reduction=100,
        groups=2,
        depth=512,
        bus_bytes=8,
        configuration=0,
    )


def test_a_pixel_by_hand():
    """8 rows as 4 x 2 pixels, read with stride 2: x = 13 is phase 1 and column 6 of its phase."""
    place = MapPlace.packed((16, 20, 3), machine(8), group=1, base=100, tile_x=2, phases=(0, 1))
    bank, word = place.locate((16, 20, 3), machine(8))
    # Two blocks of two lanes and two phases: 4 words a block, 3 blocks of 8 columns in 20
    assert (place.step_x, place.step_y) == (4, 12)
    # Row 5 of two rows a block: third row of blocks, second row within it; column 6 of four
    # columns: second block, third column in it
    assert bank[5, 13] == 2 + 4 * 1
    assert word[5, 13] == 100 + 2 * 12 + 1 * 4 + 1 * 2


@pytest.mark.parametrize("rows", [1, 2, 8, 16])
def test_no_two_codes_share_a_place(rows):
    chip = machine(rows)
    for tile_x, phase_y, phase_x in product(range(chip.row_bits + 1), range(3), range(3)):
        shape = (7, 10, 5)
        place = MapPlace.packed(
            shape, chip, group=0, base=3, tile_x=tile_x, phases=(phase_y, phase_x)
        )
        bank, word = place.locate(shape, chip)
        words = word[..., None] + np.arange(3)
        places = np.broadcast_to(bank[..., None], words.shape) * 10_000 + words
        assert len(np.unique(places)) == places.size
        assert words.min() >= 3
        assert words.max() < 3 + place.words(shape, chip)
        assert bank.max() < rows


@pytest.mark.parametrize("rows", [2, 4, 8, 16])
def test_the_pixels_of_a_tile_are_in_different_banks_at_every_tap(rows):
    chip = machine(rows)
    cases = 0
    for tile_x, log_y, log_x in product(range(chip.row_bits + 1), range(3), range(3)):
        wide, high = 1 << tile_x, rows >> tile_x
        shape = ((2 * high + 4) << log_y, (2 * wide + 4) << log_x, 1)
        place = MapPlace.packed(shape, chip, group=0, base=0, tile_x=tile_x, phases=(log_y, log_x))
        bank, _ = place.locate(shape, chip)
        for top, left in np.ndindex(4 << log_y, 4 << log_x):  # of the tap, at any dilation
            for tile in range(2):
                y = (tile * high + np.arange(high)) << log_y
                x = (tile * wide + np.arange(wide)) << log_x
                found = bank[np.ix_(y + top, x + left)]
                assert len(np.unique(found)) == rows
                cases += 1
    assert cases > 100


def test_what_is_written_is_read_again_beside_other_maps():
    rng = np.random.default_rng(1)
    memory = ActivationMemory(MACHINE)
    shapes = [(5, 6, 3), (3, 4, 2), (9, 2, 7)]
    places, base = [], 0
    for index, shape in enumerate(shapes):
        place = MapPlace.packed(shape, MACHINE, group=1, base=base, tile_x=index, phases=(index, 1))
        places.append(place)
        base += place.words(shape, MACHINE)
    maps = [rng.integers(0, 256, shape, np.uint8) for shape in shapes]
    for place, codes in zip(places, maps, strict=True):
        memory.write(place, codes)
    for place, codes in zip(places, maps, strict=True):
        assert np.array_equal(memory.read(place, codes.shape), codes)


def test_words_keep_the_channels_that_are_not_written():
    memory = ActivationMemory(MACHINE)
    place = MapPlace.packed((1, 1, 2), MACHINE, group=0, base=0, tile_x=0)
    memory.write(place, np.array([[[7, 8]]], np.uint8))
    memory.write(place, np.array([[[9]]], np.uint8))
    assert memory.read(place, (1, 1, 2)).tolist() == [[[9, 8]]]


def test_codes_that_nothing_wrote_are_refused():
    memory = ActivationMemory(MACHINE)
    place = MapPlace.packed((2, 2, 2), MACHINE, group=0, base=0, tile_x=1)
    memory.write(place, np.ones((2, 2, 1), np.uint8))
    with pytest.raises(ProgramError, match="group 0 that nothing has written") as caught:
        memory.read(place, (2, 2, 2))
    assert caught.value.fault is None  # the hardware cannot see it


def test_a_map_beyond_the_memory_is_refused():
    memory = ActivationMemory(MACHINE)
    ends = MapPlace.packed((4, 4, 2), MACHINE, group=0, base=252, tile_x=2)
    assert ends.words((4, 4, 2), MACHINE) == 4
    memory.write(ends, np.zeros((4, 4, 2), np.uint8))
    for place in (
        MapPlace.packed((4, 4, 2), MACHINE, group=0, base=253, tile_x=2),
        MapPlace.packed((4, 4, 2), MACHINE, group=3, base=0, tile_x=2),
        MapPlace.packed((4, 4, 2), MACHINE, group=0, base=0, tile_x=3),
        MapPlace(group=0, base=0, step_x=1, step_y=4, tile_x=1, phase_x=1, phase_y=0),
    ):
        with pytest.raises(ProgramError, match="^a map ") as caught:
            memory.write(place, np.zeros((4, 4, 2), np.uint8))
        assert caught.value.fault == ProgramFault.PLACE
    narrow = MapPlace(group=0, base=0, step_x=1, step_y=4, tile_x=1, phase_x=0, phase_y=0)
    memory.write(narrow, np.zeros((4, 4, 2), np.uint8))
    with pytest.raises(ProgramError, match="2 words a pixel has 1 words a block"):
        memory.write(narrow, np.zeros((4, 4, 3), np.uint8))
