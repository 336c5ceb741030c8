"""A test of a unit has its source's path and name; tests of the whole have rooms of their own."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
WHOLE = {  # rooms whose tests are of no single file
    "cli": "the command line, run as a user does",
    "coverage": "what the benches cover",
    "docs": "the documents",
    "faults": "writers that are killed, full disks",
    "formal": "proofs",
    "programs": "random programs of the NPU",
    "simulators": "benches of single blocks on Verilator and Icarus",
    "fuzz": "loaders of files and arithmetic, on made-up input",
    "judges": "our gate-level simulation beside other simulators",
    "kinds": "networks of other tools, beside their runtimes",
    "layout": "rooms and imports",
    "mutation": "mutants of the core, of the NPU, and of the Python",
    "verify": "the steps of make verify",
    "verilog": "the emitted Verilog",
    "wheel": "the installed package",
}


def units():
    """Tests that are not of the whole, from tests/."""
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        path = path.relative_to(ROOT / "tests")
        if path.parts[0] not in WHOLE:
            yield path


def test_each_test_of_a_unit_is_where_its_source_is():
    lost = [
        path.as_posix()
        for path in units()
        if not (ROOT / path.with_name(path.name.removeprefix("test_"))).is_file()
    ]
    assert lost == []


def test_there_are_tests_of_units_and_of_the_whole():
    assert len(list(units())) > 100
    assert all((ROOT / "tests" / room).is_dir() for room in WHOLE)
