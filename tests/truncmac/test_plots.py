"""Pictures of the same figure are the same, whatever names matplotlib gives to their parts."""

import re

import pytest

from truncmac.plots import new_figure, save_figure

pytest.importorskip("matplotlib")


def drawn(path, shift=0.0):
    figure = new_figure(3, 2)
    axes = figure.subplots()
    axes.plot([0, 1 + shift, 2], [0, 3, 1], marker="o")
    axes.imshow([[0, 1], [2, 3]])
    save_figure(figure, path)
    return path.read_bytes()


def test_two_pictures_of_a_figure_have_the_same_bytes(tmp_path):
    first = drawn(tmp_path / "first.svg")
    assert first == drawn(tmp_path / "second.svg")
    assert first != drawn(tmp_path / "third.svg", shift=0.5)


def test_a_coordinates_last_bit_names_no_part(tmp_path):
    """Machines round it differently."""
    first = drawn(tmp_path / "first.svg")
    assert first == drawn(tmp_path / "second.svg", shift=2**-50)


def test_all_parts_that_are_used_are_there(tmp_path):
    text = drawn(tmp_path / "picture.svg").decode()
    used = set(re.findall(r"url\(#(\w+)\)|href=\"#([\w-]+)\"", text))
    parts = set(re.findall(r'id="([\w-]+)"', text))
    assert {"".join(pair) for pair in used} <= parts
    assert re.search(r'id="part\d+"', text)
