"""Every product of an activation, a weight code and k through the Verilog of one PE."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from truncmac.golden import truncate
from truncmac.hw.cluster import Cluster
from truncmac.hw.config import ArrayConfig
from truncmac.hw.verilog import hierarchical_verilog
from truncmac.sim.tools import simulator_environment

HERE = Path(__file__).parent
SHAPES = [(3, 4)]  # lanes, planes
MORE_SHAPES = [(1, 8), (8, 1), (4, 8), (8, 2), (16, 1), (16, 2), (32, 1)]
LONG = [pytest.param(*shape, marks=pytest.mark.long) for shape in MORE_SHAPES]


def build(folder, verilog, config):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pe.v").write_text(verilog)
    sizes = {"LANES": config.lanes, "PLANES": config.planes, "DOT_WIDTH": config.dot_width}
    command = ["verilator", "--binary", "--timing", "-O3", "-Wno-fatal", "-Wno-WIDTH", "-Wno-lint"]
    command += ["--top-module", "products", "-Mdir", "obj", "--timescale", "1ns/1ps"]
    command += [f"-G{name}={value}" for name, value in sizes.items()]
    environment = os.environ | dict(simulator_environment("verilator"))
    run = subprocess.run(
        [*command, str(HERE / "products.v"), "pe.v"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return folder / "obj" / "Vproducts"


def products(folder, verilog, config):
    """D of each (k, activation, code), (8, 256, 256), as the PE computes it."""
    subprocess.run([build(folder, verilog, config).resolve()], cwd=folder, check=True)
    values = [int(line, 16) for line in (folder / "products.hex").read_text().split()]
    return np.array(values).reshape(8, 256, 256)


def expected():
    codes = np.arange(256, dtype=np.uint8)
    columns = [np.multiply.outer(np.arange(256), truncate(codes, k)) for k in range(1, 9)]
    return np.stack(columns).astype(np.int64)


@pytest.mark.parametrize(("lanes", "planes"), SHAPES + LONG)
def test_all_524288_products_equal_numpy(lanes, planes, tmp_path):
    config = ArrayConfig(1, 1, lanes, planes, max_reduction=lanes)
    found = products(tmp_path, hierarchical_verilog(Cluster(config), "truncmac_cluster"), config)
    np.testing.assert_array_equal(found, expected())


def test_a_planted_bug_is_seen(tmp_path):
    config = ArrayConfig(1, 1, 2, 2, max_reduction=2)
    verilog = hierarchical_verilog(Cluster(config), "truncmac_cluster")
    right = "weights[1]"
    assert right in verilog
    broken = verilog.replace(right, "weights[0]", 1)
    found = products(tmp_path, broken, config)
    assert np.count_nonzero(found != expected()) > 0
