import json
import re

import pytest

from truncmac.sim.characterise.sram import read_sram, sram_figures
from truncmac.sim.energy.macros import Sram

MACRO = """library (ram) {
  nom_voltage : 1.2; nom_temperature : 25; time_unit : "1ns"; voltage_unit : "1V";
  capacitive_load_unit (1, pf); leakage_power_unit : "1nW"; current_unit : "1uA";
  cell (RAM) {
    memory () { type : ram; address_width : 4; word_width : 8; }
    area : 500.5; cell_leakage_power : 7.5;
    bus (A_ADDR) { direction : input; pin (A_ADDR[3:0]) {
      internal_power () { when : "A_MEN"; rise_power (scalar) { values (0.3); }
        fall_power (scalar) { values (0.1); } } } }
    bus (A_DIN) { direction : input; pin (A_DIN[7:0]) {
      internal_power () { when : "A_MEN"; rise_power (scalar) { values (0.5); }
        fall_power (scalar) { values (0.5); } } }
      timing () { related_pin : "A_CLK"; timing_type : setup_rising;
        rise_constraint (squares) { values ("1, 2, 3", "4, 0.25, 6", "7, 8, 9"); }
        fall_constraint (squares) { values ("1, 2, 3", "4, 0.3, 6", "7, 8, 9"); } } }
    bus (A_BIST_DIN) { direction : input;
      timing () { related_pin : "A_CLK"; timing_type : setup_rising;
        rise_constraint (squares) { values ("1, 2, 3", "4, 5, 6", "7, 8, 9"); } } }
    bus (A_DOUT) { direction : output;
      timing () { related_pin : "A_CLK"; timing_type : hold_rising;
        cell_rise (lines) { values ("9"); } }
      timing () { related_pin : "A_CLK"; timing_type : rising_edge;
        cell_rise (lines) { values ("1, 2", "3, 2.5"); }
        rise_transition (lines) { values ("9, 9"); }
        cell_fall (lines) { values ("1, 2", "3, 2"); } } }
    pin (A_CLK) { direction : input; clock : true;
      internal_power () { when : "!A_MEN"; rise_power (scalar) { values (0.01); }
        fall_power (scalar) { values (0.01); } }
      internal_power () { when : "A_MEN & A_WEN & !A_REN"; rise_power (scalar) { values (9); }
        fall_power (scalar) { values (1); } }
      internal_power () { when : "A_MEN & !A_WEN & A_REN"; rise_power (scalar) { values (6); }
        fall_power (scalar) { values (0.5); } } }
  }
}
"""


def test_energies_of_a_read_and_a_write_by_hand(tmp_path):
    path = tmp_path / "ram.lib"
    path.write_text(MACRO)
    macro, digest = read_sram(path)
    # Half of four address bits toggle at 0.2 pJ each; half of eight data bits at 0.5 pJ
    energies = (6.5 + 2 * 0.2, 10 + 2 * 0.2 + 4 * 0.5)
    # Times of the middles of the tables, of the macro's own ports, in ps
    assert macro == Sram("RAM", 16, 8, *energies, 7.5, 500.5, access_ps=2500, setup_ps=300)
    assert len(digest) == 64
    data = json.loads(sram_figures([path], "small"))
    assert [Sram(**entry) for entry in data["macros"]] == [macro]
    assert data["files_sha256"] == {"ram.lib": digest}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [("memory ()", "memery ()", "no memory cell"), ("A_CLK", "CK", "memory has no pin 'A_CLK'")],
)
def test_other_cells(tmp_path, old, new, message):
    path = tmp_path / "ram.lib"
    path.write_text(MACRO.replace(old, new))
    with pytest.raises(ValueError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_sram(path)


def test_a_macro_without_times(tmp_path):
    path = tmp_path / "ram.lib"
    path.write_text(re.sub(r"timing_type : \w+", "timing_type : hold_rising", MACRO))
    macro, _ = read_sram(path)
    assert (macro.access_ps, macro.setup_ps) == (0.0, 0.0)
