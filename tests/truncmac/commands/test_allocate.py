import json
import re
from math import ceil

import numpy as np
import pytest

from truncmac.commands.allocate import parse_budget
from truncmac.golden import accuracy, builtin_images, builtin_network, execute, load, save_images
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.points import Sizes
from truncmac.sim.energy.layers import layer_energies
from truncmac.sim.energy.model import load as load_figures
from truncmac.sim.energy.network_data import NetworkData
from truncmac.sim.schedule.blocks import UNLIMITED
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.schedule.schedule import schedule
from truncmac.sim.workloads.names import network_workload

FEW = ["--points", "4", "-k", "8,2"]
# M, K, N, k of its own and whether it is requantised, of each layer of digits: 8 x 8 pixels, after
# the pool 4 x 4
LAYERS = {
    "conv1": (64, 9, 16, 8, True),
    "conv2": (64, 144, 32, None, True),
    "conv3": (64, 288, 32, None, True),
    "conv4": (16, 288, 64, None, True),
    "linear": (1, 64, 10, 8, False),
}


def layer_cycles(name, bits, planes=1):
    """Of a layer on 8 x 8 PEs of 8 lanes, by the model cycle by cycle: one with all set up."""
    rows, reduction, columns, own, fresh = LAYERS[name]
    before = Job(500, 8, 4, 1)  # so long that the layer's parameters come meanwhile
    job = Job(ceil(reduction / 8), own or bits, ceil(rows / 8), ceil(columns / 8), fresh)
    return control_counters(ArrayConfig(planes=planes), [before, job])[1]["cycles"]


def whole_cycles(bits, planes=1):
    """Of all layers at one k."""
    return sum(layer_cycles(name, bits, planes) for name in LAYERS)


@pytest.fixture
def data(tmp_path):
    images, labels = builtin_images()
    assert labels is not None
    save_images(tmp_path / "images.safetensors", images[:90], labels[:90])
    return ["--data", "images.safetensors", "--calibrate", "30"]


def test_tables_show_the_front_and_the_uniform_points(run, data):
    code, out, err = run("allocate", *FEW, *data, "--budget", "60%")
    assert (code, err) == (0, "")
    rows = re.findall(
        r"(?m)^ +([\d,]+) +([\d.]+)% +([\d.]+)% +[\d.]+ +([82] [82] [82]) +(.*)$", out
    )
    costs = [int(row[0].replace(",", "")) for row in rows]
    assert costs == sorted(costs)
    assert costs[-1] == whole_cycles(8) and rows[-1][1] == "100.0"
    (least,) = (row for row in rows if row[3] == "2 2 2")
    assert int(least[0].replace(",", "")) == whole_cycles(2)
    assert least[1] == f"{100 * whole_cycles(2) / whole_cycles(8):.1f}"
    assert {row[3] for row in rows} >= {"8 8 8", "2 2 2"}
    assert "front, uniform" in rows[0][4]
    chosen = [row for row in rows if "chosen" in row[4]]
    assert len(chosen) == 1 and float(chosen[0][1]) <= 60
    assert "measured on 60 images" in out
    assert "Layers: conv2, conv3, conv4" in out
    assert "Biases adjusted on 30 other images" in out
    assert re.search(r"(?m)^ conv3 +[\d.]+ +[\d.]+%", out)


def test_json_and_the_written_network_agree(run, data, tmp_path):
    code, out, err = run(
        *["allocate", *FEW, *data, "--budget", "9000", "--json"],
        *["--export", "out/mixed.safetensors", "--plot", "front.png"],
    )
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["array"] == {"rows": 8, "cols": 8, "lanes": 8, "planes": 1}
    assert (found["images"], found["calibration_images"]) == (60, 30)
    assert set(found["sensitivities"]["conv4"]) == {"2"}
    for point in found["points"]:
        cycles = {name: layer_cycles(name, point["bits"].get(name)) for name in LAYERS}
        assert point["cycles"] == sum(cycles.values()), point
    chosen = found["chosen"]
    assert chosen in found["points"] and chosen["front"] and chosen["cycles"] <= 9000
    network = load(tmp_path / "out/mixed.safetensors")
    assert {x.name: x.bits for x in network.products} == chosen["bits"] | {"conv1": 8, "linear": 8}
    images, labels = builtin_images()
    assert labels is not None
    logits = execute(network, images[:60], 8).logits
    assert accuracy(logits, labels[:60]) == chosen["accuracy"]
    assert (tmp_path / "front.png").read_bytes()[:4] == b"\x89PNG"


def test_biases_stay_without_calibration_images(run, data):
    code, out, _ = run("allocate", *FEW, *data[:2], "--calibrate", "0")
    assert code == 0
    assert "Biases as exported" in out and "chosen" not in out


def test_more_planes_cost_fewer_cycles(run, data):
    arrays = ([], ["--planes", "2"], ["--planes", "8"])
    results = [json.loads(run("allocate", *FEW, *data, "--json", *a)[1])["points"] for a in arrays]
    expected = [whole_cycles(8, planes) for planes in (1, 2, 8)]
    assert [points[-1]["cycles"] for points in results] == expected
    assert len({point["cycles"] for point in results[2]}) == 1


@pytest.mark.parametrize(("text", "cycles"), [("50%", 400), (" 12.5 % ", 100), ("1e3", 1000)])
def test_a_budget_is_cycles_or_a_share(text, cycles):
    assert parse_budget(text, 800) == cycles


@pytest.mark.parametrize("text", ["", "%", "-3", "0", "nan", "inf", "much"])
def test_a_budget_that_is_none_is_refused(text):
    message = f"Budget must be a number, or a share such as 60%, not {text!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parse_budget(text, 800)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--export", "x"], "--export must come with --budget, which chooses what is written"),
        (["resnet20"], "resnet20: give its images and labels with --data"),
        (["--budget", "10"], "Budget must be at least 3,587, not 10"),
        (["--calibrate", "450"], "--calibrate must be less than the 450 images, not 450"),
        (["-k", "3"], "The network has no parameters for k = 3, only for 1, 2, 4, 8"),
        (
            ["--data", "bare.npy"],
            "bare.npy: must hold labels too, so that accuracy can be measured",
        ),
    ],
)
def test_a_mistake_is_one_line(run, args, message, tmp_path):
    np.save(tmp_path / "bare.npy", builtin_images()[0][:9])
    code, out, err = run("allocate", "--points", "2", *args)
    assert (code, out, err) == (2, "", f"truncmac: {message}\n")


def test_energy_is_a_cost_too(run, data):
    shape = ["--lanes", "16", "--planes", "2"]
    found = json.loads(run("allocate", *FEW, *data, *shape, "--cost", "energy", "--json")[1])
    costs = [point["energy_nj"] for point in found["points"]]
    assert costs == sorted(costs)
    network = builtin_network()
    workload = network_workload(network)
    layers = Layers.of(workload)
    config = ArrayConfig(lanes=16, planes=2)
    figures = load_figures(16, 2)
    images = builtin_images()[0][: found["images"]]
    switching = NetworkData.of(network, images).switching(config, [8])
    energy = layer_energies(layers, figures, 1e12 / figures.period_ps, switching)
    whole = energy(config, schedule(layers, Sizes.of(config), UNLIMITED, 8), layers.bits(8))
    assert costs[-1] == pytest.approx(whole.sum() / 1e3, abs=len(workload.layers) / 2)


def test_an_unknown_cost_and_an_unknown_shape_are_refused(run, data):
    assert run("allocate", *data, "--cost", "area") == (
        2,
        "",
        "truncmac: Invalid value for '--cost': 'area' is not one of 'cycles', 'energy'; see "
        "truncmac allocate --help\n",
    )
    code, out, err = run("allocate", *data, "--cost", "energy", "--lanes", "3")
    assert (code, out) == (2, "")
    assert err.startswith("truncmac: No energy figures of 3 lanes x 1 planes in ihp-sg13g2.")
