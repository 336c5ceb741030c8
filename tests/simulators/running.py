"""Builds a top and runs a cocotb bench on its ports, in either simulator."""

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import VerilatorControlFile, get_runner

from truncmac.sim.rtl.simulator import in_environment
from truncmac.sim.tools import simulator_environment

BUILD_ARGS = {
    "icarus": ["-g2005"],
    "verilator": ["--timing", "--no-public-flat-rw", "-Wno-fatal", "-Wno-WIDTH"],
}


def run_bench(simulator, top, verilog, readable, bench, folder, environment=None):
    """Numbers of tests of the module `bench` that ran and that failed; run.log is in the folder.

    Parameters
    ----------
    verilog : file of the top
    readable : settings for Verilator, that let the bench touch the ports
    environment : more variables of the bench
    """
    sources = [verilog, *([VerilatorControlFile(readable)] if simulator == "verilator" else [])]
    runner = get_runner(simulator)
    variables = {**simulator_environment(simulator, optimised=False), **(environment or {})}
    with in_environment(variables):  # short runs
        runner.build(
            sources=sources,
            hdl_toplevel=top,
            build_dir=folder,
            build_args=BUILD_ARGS[simulator],
            timescale=("1ns", "1ps"),
            log_file=folder / "build.log",
        )
        results = runner.test(
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            test_module=bench,
            build_dir=folder,
            test_dir=folder,
            seed=1,
            log_file=folder / "run.log",
        )
    return get_results(results)
