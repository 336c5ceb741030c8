"""Other simulators on our netlists: Verilog of the arrays, a bench that plays words, toggles.

Net n of the arrays is `n<n>` in module `top`; cells are those of `tests.sim.netlist.tiny`, or of a
library.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np

from tests.sim.netlist.tiny import CELL_MODELS
from truncmac.sim.netlist.flat import ONE
from truncmac.sim.tools import simulator_environment

HALF = 4000  # of a clock cycle, ps: the logic has settled
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
NAMED = {0: "1'b0", ONE: "1'b1"}


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


def specified_models(netlist):
    """The netlist's cells by their library's functions, with paths that SDF gives delays to.

    Clock gates have none: the clock is ideal.
    """
    cells = {group.cell.name: group.cell for group in netlist.groups}
    return "\n".join(["`timescale 1ps/1fs", *map(_specified, cells.values()), ""])


def _specified(cell):
    register, pins = cell.register, {pin: pin for pin in cell.inputs}
    paths = [f"({pin} => {out}) = 0;" for out in cell.outputs for pin in cell.inputs]
    if register is None:
        named, body = pins, ""
    elif register.kind == "ff":
        named = {register.state: "state", register.inverse: "~state"}
        body = (
            f"reg state; initial state = 0; always @(posedge {register.clock}) "
            f"state <= {register.data.expression(pins)};"
        )
        paths = [f"(posedge {register.clock} => ({out} +: state)) = 0;" for out in cell.outputs]
    else:
        enable, (out,) = register.data.expression(pins), cell.outputs
        body = (
            f"reg held; initial held = 0; always @* if (!{register.clock}) held = {enable}; "
            f"assign {out} = {register.clock} & held;"
        )
        return f"module {cell.name}({_declared(cell)}); {body} endmodule"
    body += " ".join(
        f" assign {out} = {cell.pins[out].function.expression(named)};" for out in cell.outputs
    )
    specify = f"specify {' '.join(paths)} endspecify"
    return f"module {cell.name}({_declared(cell)}); {body} {specify} endmodule"


def _declared(cell):
    return ", ".join([f"input {p}" for p in cell.inputs] + [f"output {p}" for p in cell.outputs])


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
    """Rising and falling delay, ps, by cell's number and pins: of several arcs the mean."""
    found, cell = {}, None
    for line in text.splitlines():
        if match := re.search(r"\(INSTANCE c(\d+)\)", line):
            cell = int(match[1])
        elif match := re.search(r"\(IOPATH (?:\(\w+ )?(\w+)\)? (\w+) (.*)\)", line):
            values = [1000 * float(v) for v in re.findall(r":([\d.]+)\)", match[3])]
            found.setdefault((cell, match[1], match[2]), []).append((values * 2)[:2])
    return {path: tuple(np.mean(arcs, axis=0)) for path, arcs in found.items()}


def plain_sdf(netlist, delays):
    """SDF of `sdf_delays`, without conditions, wires, and clock gates."""
    lines = ['(DELAYFILE (SDFVERSION "3.0") (DESIGN "top") (DIVIDER .) (TIMESCALE 1ns)']
    kinds = [group.cell for group in netlist.groups for _ in group.pins]
    for (number, pin, out), (rise, fall) in delays.items():
        register = kinds[number].register
        if register and (register.kind != "ff" or pin != register.clock):
            continue
        source = f"(posedge {pin})" if register else pin
        lines.append(
            f'(CELL (CELLTYPE "{kinds[number].name}") (INSTANCE c{number}) (DELAY (ABSOLUTE '
            f"(IOPATH {source} {out} ({rise / 1000:.6f}) ({fall / 1000:.6f})))))"
        )
    return "\n".join([*lines, ")", ""])


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
    environment = os.environ | dict(simulator_environment("verilator", optimised=False))
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
