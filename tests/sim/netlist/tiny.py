"""A small Liberty library whose tables are straight lines, so that results can be done by hand.

Delay = own + 10 ps/fF x load + 0.1 x slew; output slew = 20 ps + 5 ps/fF x load + 0.2 x
slew; internal energy
as given; an input pin has 1 fF, a clock pin 2 fF.
"""

import shutil
import subprocess
from functools import partial
from pathlib import Path

from truncmac.sim.netlist.boolean import parse_function
from truncmac.sim.netlist.liberty import read_liberty

LOADS = (1.0, 25.0, 40.0, 65.0, 110.0, 180.0, 300.0)  # fF
SLEWS = (20.0, 100.0, 170.0, 330.0, 640.0, 1260.0, 2500.0)  # ps

LOGIC = {  # name: area, function, own delay ps, energy fJ a toggle
    "INV": (1.0, "!A", 10.0, 1.0),
    "BUF": (1.5, "A", 20.0, 1.5),
    "NAND2": (1.5, "!(A & B)", 15.0, 2.0),
    "NOR2": (1.5, "(A + B)'", 18.0, 2.0),
    "AND2": (2.0, "A B", 25.0, 2.5),
    "XOR2": (3.0, "A ^ B", 30.0, 4.0),
    "MUX2": (3.0, "(S & B) | (!S & A)", 35.0, 4.0),
}
REGISTER_DELAY, REGISTER_ENERGY, CLOCK_ENERGY = 40.0, 5.0, 3.0
SETUP = 12.0
LEAKAGE = 2.0  # nW, every cell


def tiny_text(
    *,
    time="1ns",
    load=(1, "pf"),
    leakage="1nW",
    voltage=1.0,
    registers=True,
    power=True,
    cells=tuple(LOGIC),
    falling=0.0,
    bent=0.0,
):
    """The library's text, in the units asked for.

    `falling` edges take so many ps more; internal energies of rising edges grow by `bent` fJ with
    slew x load / (100 ps x 10 fF).
    """
    ps = {"1ns": 1e-3, "1ps": 1.0}[time]
    ff = {(1, "pf"): 1e-3, (1, "ff"): 1.0}[load]
    nw = {"1nW": 1.0, "1pW": 1e3}[leakage]

    def row(values):
        return '"' + ", ".join(f"{value:.9g}" for value in values) + '"'

    def grid(kind, function, scale, template="lines"):
        rows = ", ".join(row(function(s, c) * scale for c in LOADS) for s in SLEWS)
        axes = f"index_1({row(s * ps for s in SLEWS)}); index_2({row(c * ff for c in LOADS)});"
        return f"{kind} ({template}) {{ {axes} values({rows}); }}"

    def timing(related, own, more):
        tables = []
        for edge in ("rise", "fall"):
            start = own + falling * (edge == "fall")
            delay = partial(lambda start, s, c: start + 10 * c + 0.1 * s, start)
            tables.append(grid(f"cell_{edge}", delay, ps))
            tables.append(grid(f"{edge}_transition", lambda s, c: 20 + 5 * c + 0.2 * s, ps))
        return f'timing () {{ related_pin : "{related}"; {more} {" ".join(tables)} }}'

    def energy(related, value):
        if not power:
            return ""
        bends = {
            "rise_power": lambda s, c: value + bent * s * c / 1000,
            "fall_power": lambda s, c: value,
        }
        tables = " ".join(grid(kind, bend, ff, "energies") for kind, bend in bends.items())
        named = f'related_pin : "{related}";' if related else ""
        return f"internal_power () {{ {named} {tables} }}"

    def pin(name, body, capacitance=1.0):
        return f"pin ({name}) {{ direction : input; capacitance : {capacitance * ff:.9g}; {body} }}"

    def constraint():
        axes = f"index_1({row(s * ps for s in SLEWS)}); index_2({row(s * ps for s in SLEWS)});"
        values = ", ".join(row([SETUP * ps] * len(SLEWS)) for _ in SLEWS)
        edges = " ".join(
            f"{edge}_constraint (squares) {{ {axes} values({values}); }}"
            for edge in ("rise", "fall")
        )
        return f'timing () {{ related_pin : "CK"; timing_type : setup_rising; {edges} }}'

    parts = []
    for name in cells:
        area, function, own, toggle = LOGIC[name]
        inputs = [p for p in "ABS" if p in function]
        sense = "negative_unate" if name in ("INV", "NAND2", "NOR2") else "positive_unate"
        sense = "non_unate" if name in ("XOR2", "MUX2") else sense
        arcs = [timing(p, own, f"timing_sense : {sense};") + energy(p, toggle) for p in inputs]
        parts.append(
            f"cell ({name}) {{ area : {area}; cell_leakage_power : {LEAKAGE * nw}; "
            f"pin (Y) {{ direction : output; max_capacitance : {300 * ff}; "
            f'function : "{function}"; {" ".join(arcs)} }} '
            f"{' '.join(pin(p, '') for p in inputs)} }}"
        )
    if registers:
        launch = timing(
            "CK", REGISTER_DELAY, "timing_type : rising_edge; timing_sense : non_unate;"
        )
        clock = pin("CK", f"clock : true; {energy('', CLOCK_ENERGY)}", 2.0)
        parts.append(
            f"cell (DFF) {{ area : 6.0; cell_leakage_power : {LEAKAGE * nw};"
            'ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; }'
            f"{clock} {pin('D', constraint())} pin (Q) {{ direction : output; "
            f'max_capacitance : {300 * ff}; function : "IQ"; {launch} '
            f"{energy('CK', REGISTER_ENERGY)} }} }}"
        )
        gate = timing("CK", 20.0, "timing_sense : positive_unate;")
        parts.append(
            f"cell (GATE) {{ area : 4.0; cell_leakage_power : {LEAKAGE * nw};"
            "clock_gating_integrated_cell : latch_posedge;"
            'statetable ("CK E", "HELD") { table : "L L : - : L, L H : - : H, H - : - : N"; }'
            "pin (HELD) { direction : internal; internal_node : HELD; }"
            "pin (CK) { direction : input; clock : true; clock_gate_clock_pin : true; "
            f"capacitance : {2 * ff:.9g}; {energy('', 1.0)} }}"
            "pin (E) { direction : input; clock_gate_enable_pin : true; "
            f"capacitance : {ff:.9g}; {constraint()} }}"
            "pin (GCK) { direction : output; clock_gate_out_pin : true; "
            f'max_capacitance : {300 * ff}; state_function : "CK & HELD"; {gate} '
            f"{energy('CK', 2.0)} }} }}"
        )
    slews, loads = row(s * ps for s in SLEWS), row(c * ff for c in LOADS)
    return f"""library (tiny) {{
  delay_model : table_lookup; nom_voltage : {voltage}; nom_temperature : 25;
  time_unit : "{time}"; voltage_unit : "1V"; current_unit : "1uA";
  leakage_power_unit : "{leakage}"; pulling_resistance_unit : "1kohm";
  capacitive_load_unit ({load[0]}, {load[1]});
  slew_lower_threshold_pct_rise : 20; slew_upper_threshold_pct_rise : 80;
  slew_lower_threshold_pct_fall : 20; slew_upper_threshold_pct_fall : 80;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  default_max_transition : {2500 * ps};
  lu_table_template (lines) {{ variable_1 : input_net_transition;
    variable_2 : total_output_net_capacitance;
    index_1 ({slews}); index_2 ({loads}); }}
  power_lut_template (energies) {{ variable_1 : input_transition_time;
    variable_2 : total_output_net_capacitance;
    index_1 ({slews}); index_2 ({loads}); }}
  lu_table_template (squares) {{ variable_1 : constrained_pin_transition;
    variable_2 : related_pin_transition;
    index_1 ({slews}); index_2 ({slews}); }}
  {" ".join(parts)}
}}
"""


def write_tiny(folder, name="tiny.lib", **options):
    path = folder / name
    path.write_text(tiny_text(**options))
    return path


def tiny_library(folder, **options):
    return read_liberty([write_tiny(folder, **options)])


def netlist_json(cells, ports, nets=None, extra=None):
    """Yosys' JSON of one module `top`.

    `cells` maps names to (kind, {pin: bit}); `ports` names to (direction, [bits]).
    """
    top = {
        "ports": {name: {"direction": way, "bits": bits} for name, (way, bits) in ports.items()},
        "cells": {
            name: {"type": kind, "connections": {pin: [bit] for pin, bit in pins.items()}}
            for name, (kind, pins) in cells.items()
        },
        "netnames": {name: {"hide_name": 0, "bits": bits} for name, bits in (nets or {}).items()},
    }
    return {"modules": {"top": top, **(extra or {})}}


CELL_MODELS = """
module INV(input A, output Y); assign Y = ~A; endmodule
module BUF(input A, output Y); assign Y = A; endmodule
module NAND2(input A, input B, output Y); assign Y = ~(A & B); endmodule
module NOR2(input A, input B, output Y); assign Y = ~(A | B); endmodule
module AND2(input A, input B, output Y); assign Y = A & B; endmodule
module XOR2(input A, input B, output Y); assign Y = A ^ B; endmodule
module MUX2(input A, input B, input S, output Y); assign Y = S ? B : A; endmodule
module DFF(input CK, input D, output reg Q); initial Q = 0; always @(posedge CK) Q <= D; endmodule
module GATE(input CK, input E, output GCK);
  reg held; initial held = 0; always @* if (!CK) held = E; assign GCK = CK & held;
endmodule
"""


def to_verilog(json_netlist, delays=None):
    """The module `top` of `netlist_json`, its nets named n2, n3, ...

    `delays` maps the bits that logic drives to delays, which are inertial in Verilog.
    """
    top = json_netlist["modules"]["top"]
    bits = {b for c in top["cells"].values() for w in c["connections"].values() for b in w}
    bits |= {bit for port in top["ports"].values() for bit in port["bits"]}
    named = {bit: f"n{bit}" for bit in bits if isinstance(bit, int)}
    named |= {"0": "1'b0", "1": "1'b1"}
    lines = [f"module top({', '.join(top['ports'])});"]
    for name, port in top["ports"].items():
        lines.append(f"  {port['direction']} [{len(port['bits']) - 1}:0] {name};")
    lines += [f"  wire n{bit};" for bit in sorted(b for b in bits if isinstance(b, int))]
    for name, port in top["ports"].items():
        for index, bit in enumerate(port["bits"]):
            ends = (f"n{bit}", f"{name}[{index}]")
            left, right = ends if port["direction"] == "input" else ends[::-1]
            lines.append(f"  assign {left} = {right};")
    for name, cell in top["cells"].items():
        wires = {pin: named[b[0]] for pin, b in cell["connections"].items()}
        if delays and cell["type"] in LOGIC:
            function = parse_function(LOGIC[cell["type"]][1]).expression(wires)
            lines.append(
                f"  assign #{delays[cell['connections']['Y'][0]]} {wires['Y']} = {function};"
            )
            continue
        pins = ", ".join(f".{pin}({wire})" for pin, wire in wires.items())
        lines.append(f"  {cell['type']} {name} ({pins});")
    return "\n".join([*lines, "endmodule", ""])


def run_icarus(folder: Path, *sources):
    """Compile and run Verilog sources in a folder."""
    names = []
    for index, text in enumerate(sources):
        (folder / f"source_{index}.v").write_text(text)
        names.append(f"source_{index}.v")
    build = [shutil.which("iverilog"), "-g2005", "-o", "sim.vvp", *names]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    subprocess.run([shutil.which("vvp"), "sim.vvp"], cwd=folder, check=True, capture_output=True)
