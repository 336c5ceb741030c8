import re

import numpy as np
import pytest

from tests.sim.netlist.tiny import SETUP, tiny_text, write_tiny
from truncmac.sim.netlist.liberty import read_liberty


def figures(library):
    """All numbers of a library, rounded."""
    found = {}
    for cell in library.cells.values():
        found[cell.name] = [cell.area, cell.leakage]
        for pin in cell.pins.values():
            found[cell.name, pin.name] = [pin.capacitance, pin.max_load]
            for arc in pin.arcs:
                values = [float(table(37.0, 5.0)) for table in arc.delay.values()]
                values += [float(table(37.0, 5.0)) for table in arc.slew.values()]
                found[cell.name, pin.name, arc.related, arc.kind] = values
            for power in pin.powers:
                key = (cell.name, pin.name, "power", power.related)
                found[key] = [float(table(37.0, 5.0)) for table in power.energy.values()]
    return {key: np.round(value, 6).tolist() for key, value in found.items()}


def test_cells_pins_and_tables_in_our_units(tmp_path):
    library = read_liberty([write_tiny(tmp_path)])
    assert (library.name, library.voltage, library.temperature) == ("tiny", 1.0, 25.0)
    nand = library.cells["NAND2"]
    assert (nand.area, nand.leakage, nand.inputs, nand.outputs) == (1.5, 2.0, ("A", "B"), ("Y",))
    assert nand.pins["A"].capacitance == pytest.approx(1.0)
    out = nand.pins["Y"]
    assert out.max_load == pytest.approx(300.0)
    assert out.function.table(("A", "B")) == 0b0111
    arc = out.arcs[1]
    assert (arc.related, arc.kind, arc.sense) == ("B", "combinational", "negative_unate")
    assert float(arc.delay["rise"](50, 7)) == pytest.approx(15 + 70 + 5)
    assert float(arc.slew["fall"](50, 7)) == pytest.approx(20 + 35 + 10)
    assert float(out.powers[0].energy["rise"](50, 7)) == pytest.approx(2.0)


def test_registers_and_clock_gates(tmp_path):
    library = read_liberty([write_tiny(tmp_path)])
    register = library.cells["DFF"].register
    assert (register.kind, register.clock, register.data.pins) == ("ff", "CK", ("D",))
    setup = next(arc for arc in library.cells["DFF"].pins["D"].arcs)
    assert setup.kind == "setup_rising"
    assert float(setup.delay["rise"](30, 30)) == pytest.approx(SETUP)
    gate = library.cells["GATE"].register
    assert (gate.kind, gate.clock, gate.data.pins) == ("gate", "CK", ("E",))


def test_units_do_not_matter(tmp_path):
    one = read_liberty([write_tiny(tmp_path, "one.lib")])
    other = write_tiny(tmp_path, "other.lib", time="1ps", load=(1, "ff"), leakage="1pW")
    assert figures(one) == figures(read_liberty([other]))


def test_files_of_one_corner_are_merged(tmp_path):
    logic = write_tiny(tmp_path, "logic.lib", registers=False, cells=("INV", "NAND2"))
    rest = write_tiny(tmp_path, "rest.lib", cells=("XOR2",), time="1ps", load=(1, "ff"))
    library = read_liberty([logic, rest])
    assert set(library.cells) == {"INV", "NAND2", "XOR2", "DFF", "GATE"}
    assert set(library.files) == {"logic.lib", "rest.lib"}
    whole = read_liberty([write_tiny(tmp_path)])
    expected = figures(whole)
    assert all(expected[key] == value for key, value in figures(library).items())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text[: len(text) // 2], "truncated or damaged: "),
        (lambda text: "module top; endmodule", "must be a Liberty file, begin with library (...)"),
        (lambda text: "", "must be a Liberty file"),
        (lambda text: text.replace("time_unit", "tyme_unit"), "library must say its time_unit"),
        (
            lambda text: text.replace('time_unit : "1ns"', 'time_unit : "1 fortnight"'),
            "unit must be a number and a unit of s, not '1 fortnight'",
        ),
        (lambda text: text.replace("nom_voltage", "nom_v"), "library has no valid 'nom_voltage'"),
        (lambda text: text.replace('"1V"', '"1mV"'), "voltage_unit must be 1V, not '1mV'"),
        (lambda text: text.replace("!(A & B)", "!(A & B"), "cell NAND2: Function '!(A & B'"),
        (
            lambda text: text.replace(
                'index_1("0.02, 0.1, 0.17, 0.33, 0.64, 1.26, 2.5")', 'index_1("0.02")', 1
            ),
            "table of 49 values must have 7",
        ),
    ],
)
def test_bad_files(tmp_path, edit, message):
    path = tmp_path / "bad.lib"
    path.write_text(edit(tiny_text()))
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: .*{re.escape(message)}"):
        read_liberty([path])


def test_garbage_in_balanced_braces_is_refused_in_time(tmp_path):
    path = tmp_path / "garbage.lib"
    path.write_text("library (x) { cell ((((; : : } \x01\x02 \n")
    with pytest.raises(ValueError, match="cannot be read as Liberty|no valid"):
        read_liberty([path])


def test_libraries_that_cannot_serve(tmp_path):
    path = write_tiny(tmp_path, power=False)
    with pytest.raises(ValueError, match="no internal_power tables, so no energy can be computed"):
        read_liberty([path])
    path = write_tiny(tmp_path, registers=False)
    with pytest.raises(ValueError, match="no flip-flops of a rising clock edge"):
        read_liberty([path])
    with pytest.raises(ValueError, match="needs at least one Liberty file"):
        read_liberty([])
    paths = [write_tiny(tmp_path, "a.lib"), write_tiny(tmp_path, "b.lib", voltage=1.2)]
    with pytest.raises(ValueError, match=r"b.lib: voltage 1.2 differ from 1.0 of the first file"):
        read_liberty(paths)
