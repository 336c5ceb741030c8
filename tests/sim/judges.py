"""Other simulators on our netlists: Verilog of the arrays, a bench that plays words, toggles.

Cells are those of `tests.sim.tiny`; net n of the arrays is `n<n>` in module `top`.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from tests.sim.tiny import CELL_MODELS, LOGIC
from truncmac.sim.netlist import ONE
from truncmac.sim.tools import simulator_environment

HALF = 4000  # of a clock cycle, ps: the logic has settled
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
NAMED = {0: "1'b0", ONE: "1'b1"}


SPECIFIED = {name: [pin for pin in "ABS" if pin in LOGIC[name][1]] for name in LOGIC}


def input_ports(netlist, clock="clk"):
    """Ports that no cell drives, without the clock."""
    driven = {0, ONE}
    for group in netlist.groups:
        for pin in group.cell.outputs:
            driven |= set(group.nets(pin).tolist())
    return [
        name
        for name, nets in netlist.ports.items()
        if name != clock and not driven & set(nets.tolist())
    ]


def flat_verilog(netlist):
    """Module `top(clk, x)`: x are the bits of `input_ports`, the first lowest."""
    inputs = np.concatenate([netlist.ports[name] for name in input_ports(netlist)]).tolist()
    lines = [f"module top(input n{netlist.ports['clk'][0]}, input [{len(inputs) - 1}:0] x);"]
    clocks = set(netlist.ports["clk"].tolist())
    lines += [f"  wire n{net};" for net in range(2, netlist.nets) if net not in clocks]
    lines += [f"  assign n{net} = x[{bit}];" for bit, net in enumerate(inputs)]
    number = 0
    for group in netlist.groups:
        for row in group.pins.tolist():
            wires = zip(group.names, row, strict=True)
            pins = ", ".join(f".{pin}({NAMED.get(net, f'n{net}')})" for pin, net in wires)
            lines.append(f"  {group.cell.name} c{number} ({pins});")
            number += 1
    return "\n".join([*lines, "endmodule", ""])


def bench(netlist, count, dump, setup=""):
    """Plays `count` words of words.hex, a word a cycle; toggles count from the first one on."""
    width = sum(len(netlist.ports[name]) for name in input_ports(netlist))
    clock = netlist.ports["clk"][0]
    return f"""`timescale 1ps/1fs
module bench;
  reg clk = 0; reg [{width - 1}:0] x; reg [{width - 1}:0] words [0:{count - 1}];
  integer i = 1;
  top dut(.n{clock}(clk), .x(x));
  always @(posedge clk) begin if (i < {count}) x <= words[i]; i <= i + 1; end
  initial begin
    {setup}
    $readmemh("words.hex", words);
    x = words[0];
    #{HALF} $dumpfile("{dump}"); $dumpvars(1, dut);
    #{HALF} repeat ({count - 1}) begin clk = 1; #{HALF} clk = 0; #{HALF}; end
    $finish;
  end
endmodule
"""


def write_words(folder, words):
    """Rows of bits, the first lowest, as hexadecimal numbers."""
    values = [sum(int(bit) << i for i, bit in enumerate(row)) for row in words]
    (folder / "words.hex").write_text("".join(f"{value:x}\n" for value in values))


def icarus_toggles(folder, netlist, words, models=CELL_MODELS, setup="", options=()):
    """Toggles of each net by Icarus' VCD."""
    write_words(folder, words)
    sources = [bench(netlist, len(words), "d.vcd", setup), flat_verilog(netlist), models]
    for index, text in enumerate(sources):
        (folder / f"icarus_{index}.v").write_text(text)
    names = [f"icarus_{index}.v" for index in range(len(sources))]
    build = [shutil.which("iverilog"), "-g2005", *options, "-o", "icarus.vvp", *names]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    run = [shutil.which("vvp"), "icarus.vvp"]
    said = subprocess.run(run, cwd=folder, check=True, capture_output=True, text=True)
    toggles = {net: len(times) for net, times in vcd_changes(folder / "d.vcd").items()}
    return toggles, said.stdout


def specified_models():
    """The cells with paths that SDF gives delays to; clock gates have none: the clock is ideal."""
    lines = ["`timescale 1ps/1fs"]
    for line in CELL_MODELS.splitlines():
        name = line.removeprefix("module ").split("(")[0]
        paths = [f"({pin} => Y) = 0;" for pin in SPECIFIED.get(name, [])]
        paths += ["(posedge CK => (Q +: D)) = 0;"] * (name == "DFF")
        block = f"specify {' '.join(paths)} endspecify endmodule"
        lines.append(line.replace("endmodule", block) if paths else line)
    return "\n".join([*lines, ""])


def opensta_sdf(folder, netlist, liberty, slew):
    """SDF of `flat_verilog`, written by OpenSTA; inputs and clock come with `slew`, ps."""
    sta = shutil.which("sta")
    assert sta, "OpenSTA is not installed (sudo apt-get install opensta)"
    (folder / "flat.v").write_text(flat_verilog(netlist))
    (folder / "run.tcl").write_text(
        f"""read_liberty {liberty}
read_verilog flat.v
link_design top
create_clock -name clk -period 100 [get_ports n{netlist.ports["clk"][0]}]
set_input_transition {slew / 1000} [all_inputs]
set_clock_transition {slew / 1000} [get_clocks clk]
set_input_delay 0 -clock clk [get_ports x]
write_sdf -digits 6 -divider . -no_timestamp -no_version out.sdf
exit
"""
    )
    run = subprocess.run([sta, "run.tcl"], cwd=folder, capture_output=True, text=True, check=False)
    assert (folder / "out.sdf").exists(), run.stdout
    return (folder / "out.sdf").read_text()


def sdf_delays(text):
    """Rising and falling delay, ps, by cell's number and pins; the largest of each triple."""
    delays, cell = {}, None
    for line in text.splitlines():
        if match := re.search(r"\(INSTANCE c(\d+)\)", line):
            cell = int(match[1])
        elif match := re.search(r"\(IOPATH (?:\(\w+ )?(\w+)\)? (\w+) (.*)\)", line):
            values = [1000 * float(v) for v in re.findall(r":([\d.]+)\)", match[3])]
            delays[cell, match[1], match[2]] = (values * 2)[:2]
    return delays


def vcd_changes(path):
    """Times at which each net changes after the first dump, in the VCD's unit."""
    names, values, changes, time = {}, {}, {}, 0
    for line in path.read_text().splitlines():
        if line.startswith("$var") and (match := re.search(r" 1 (\S+) n(\d+) ", line)):
            names.setdefault(match.group(1), []).append(int(match.group(2)))
        elif line.startswith("#"):
            time = int(line[1:])
        elif line[:1] in ("0", "1") and line[1:] in names:
            known = values.get(line[1:])
            values[line[1:]] = line[0]
            if known not in (None, line[0]):
                for net in names[line[1:]]:
                    changes.setdefault(net, []).append(time)
    return changes


def verilator_toggles(folder, netlist, words):
    """Toggles of each net by Verilator's SAIF."""
    write_words(folder, words)
    sources = [bench(netlist, len(words), "d.saif"), flat_verilog(netlist), CELL_MODELS]
    names = [f"verilator_{index}.v" for index in range(len(sources))]
    for name, text in zip(names, sources, strict=True):
        (folder / name).write_text(text)
    command = ["verilator", "--binary", "--timing", "--trace-saif", "-Wno-fatal", "-Wno-lint"]
    command += ["--timescale", "1ps/1fs", "--top", "bench", "--Mdir", "obj", *names]
    environment = os.environ | dict(simulator_environment("verilator"))
    environment["MAKEFLAGS"] = "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
    environment["MAKEFLAGS"] += " CFG_CXXFLAGS_PCH_I=-include"
    built = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr[-2000:]
    program = Path(folder) / "obj" / "Vbench"
    subprocess.run([program.resolve()], cwd=folder, check=True, capture_output=True)
    return saif_toggles(folder / "d.saif")


def saif_toggles(path):
    """TC of each net of instance `dut`."""
    text = path.read_text()
    block = text[text.index("(INSTANCE dut") :]
    found = re.findall(r"\(n(\d+) [^\n]*\(TC (\d+)\)\)", block.partition("(INSTANCE c")[0])
    return {int(net): int(count) for net, count in found}
