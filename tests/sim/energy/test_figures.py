"""Files of figures: those of the package, and wrong ones, of which the field is named."""

import copy
import json
import re

import pytest

from truncmac.golden import builtin_images, builtin_network, network_gemms
from truncmac.sim.energy.figures import (
    DEFAULT_LIBRARY,
    FOLDER,
    FORMAT,
    available,
    read_figures,
    write_figures,
)
from truncmac.sim.energy.places import PLACES

SHAPES = [pytest.param(*entry, id="-".join(map(str, entry))) for entry in available()]
SOURCE = FOLDER / "ihp-sg13g2_l1_p8.json"


def test_the_default_library_has_the_core_and_its_rival():
    assert {(DEFAULT_LIBRARY, 16, 2), (DEFAULT_LIBRARY, 4, 8)} <= set(available())


@pytest.mark.parametrize(("library", "lanes", "planes"), SHAPES)
def test_figures_say_where_they_come_from_and_are_as_they_would_be_written(
    library, lanes, planes, tmp_path
):
    source = FOLDER / f"{library}_l{lanes}_p{planes}.json"
    figures = read_figures(source)
    assert figures.shape == (lanes, planes)
    origin = figures.provenance.library
    assert origin.label == library
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in origin.files_sha256.values())
    for size in figures.sizes:
        assert (size.config.lanes, size.config.planes) == figures.shape
        assert sum(size.area_um2_by_place.values()) == pytest.approx(size.area_um2, rel=1e-5)
    for width in figures.bits.values():
        assert all(own.glitch_factor >= 1 for own in width.places.values())
        assert all(own.glitch_factor >= 1 for own in width.measured.values())
    written = tmp_path / source.name
    write_figures(figures, written)
    assert written.read_bytes() == source.read_bytes()
    assert read_figures(written).digest == figures.digest


def edited(change):
    data = json.loads(SOURCE.read_text())
    change(data)
    return json.dumps(data)


def put(*names, value):
    """Puts a value in the place that the names say."""

    def change(data):
        *way, last = names
        for name in way:
            data = data[name]
        data[last] = value

    return change


def drop(*names):
    """Takes out what the names say."""

    def change(data):
        *way, last = names
        for name in way:
            data = data[name]
        del data[last]

    return change


CONTROL = ("bits", "8", "places", "control")
WRONG = {
    f"format must be {FORMAT}, not 4; make it again with truncmac characterise": put(
        "format", value=4
    ),
    "must be a file that truncmac characterise wrote (KeyError('format'))": drop("format"),
    "errors is not a known field": put("errors", value={}),
    "lanes must be an integer, not 'x'": put("lanes", value="x"),
    "sizes[0].area_um2 is missing": drop("sizes", 0, "area_um2"),
    "sizes[1].rows must be 4, as in config, not 5": put("sizes", 1, "rows", value=5),
    "sizes[0].config.planes must be 1, 2, 4 or 8, not 3": put(
        "sizes", 0, "config", "planes", value=3
    ),
    "places.control.leakage_nw must be a finite number, not None": put(
        "places", "control", "leakage_nw", value=None
    ),
    "bits.8.places.control.fj is missing": drop(*CONTROL, "fj"),
    "bits.8.places.control.cycle_fj must be a finite number, not inf": put(
        *CONTROL, "cycle_fj", value=float("inf")
    ),
    "bits.8.places.control.wating_fj is not a known field": put(*CONTROL, "wating_fj", value=1),
    "bits.8.places.requantiser.codes_fj and raw_fj must have a figure for each of shares": put(
        "bits", "8", "places", "requantiser", "codes_fj", value=[1.0]
    ),
    "bits.8.places.requantiser.shares must ascend, not be [2, 1]": put(
        "bits", "8", "places", "requantiser", "shares", value=[2, 1]
    ),
    "bits.8.places must be those of the model; they differ in control": drop(*CONTROL),
    "places must be those of the model; they differ in heater": put(
        "places", "heater", value={"area_um2": 1, "leakage_nw": 1, "root_clock_fj": 1}
    ),
    "bits.8.switching.density is missing": drop("bits", "8", "switching", "density"),
    "bits must have numbers as names, not 'all'": put("bits", "all", value={}),
    "bits.8.measured.8x8.pj_per_mac must have 0.0, 1.0, 2.0": drop(
        "bits", "8", "measured", "8x8", "pj_per_mac", "1.0"
    ),
    "sizes and bits must not be empty": put("bits", value={}),
    "provenance.workload.bits is missing": drop("provenance", "workload", "bits"),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_wrong_file_is_named_with_its_field(message, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(edited(WRONG[message]))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_figures(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"format": 5, "format": 5}', "\udcff"])
def test_what_is_no_such_file(text, tmp_path):
    path = tmp_path / "own.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    message = f"^{re.escape(f'{path}: must be a file that truncmac characterise wrote (')}"
    with pytest.raises(ValueError, match=message):
        read_figures(path)


def test_the_place_names_of_the_model_are_those_of_the_files():
    assert set(read_figures(SOURCE).places) == set(PLACES)


def test_each_figure_is_in_the_digest(tmp_path):
    plain = read_figures(SOURCE)
    data = json.loads(SOURCE.read_text())
    for change in (put(*CONTROL, "fj", value=1.5), put("provenance", "method", "fanout", value=3)):
        other = copy.deepcopy(data)
        change(other)
        path = tmp_path / "own.json"
        path.write_text(json.dumps(other))
        assert read_figures(path).digest != plain.digest


def test_the_activations_that_figures_are_of_are_counted():
    """The text beside every energy, against the matrix products of the 16 images that ran."""
    figures = read_figures(FOLDER / "ihp-sg13g2_l8_p1.json")
    used = figures.provenance.workload
    assert used.network == "digits"
    network, (images, _) = builtin_network(), builtin_images()
    shares = {}
    for gemm in network_gemms(network, images[: used.images], 8):
        assert gemm.activations.max() == (255 if gemm.name == "conv1" else 15)
        shares[gemm.name] = float((gemm.activations == 0).mean())
    follow = [shares[layer.name] for layer in network.products if layer.bits is None]
    assert (round(min(follow), 2), round(max(follow), 2)) == (0.46, 0.65)
    assert "of 4 bits, 45 to 65 % of them zero, and 8-bit pixels in the first" in figures.data
