import re

import numpy as np
import pytest

from tests.sim.netlist.tiny import CELL_MODELS, netlist_json, run_icarus, tiny_library, to_verilog
from truncmac.sim.netlist.flat import flatten
from truncmac.sim.netlist.gates import GateSimulator

CYCLES, INPUTS = 120, 6
ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
LOGIC = {
    "INV": "A",
    "BUF": "A",
    "NAND2": "AB",
    "NOR2": "AB",
    "AND2": "AB",
    "XOR2": "AB",
    "MUX2": "ABS",
}


def random_netlist(seed, gates=60, registers=12):
    """Logic over inputs and registers; half of the registers behind a clock gate."""
    rng = np.random.default_rng(seed)
    clock, gated, bit = 2, 3, 4
    inputs = list(range(bit, bit + INPUTS))
    states = list(range(bit + INPUTS, bit + INPUTS + registers))
    bit += INPUTS + registers
    cells, nets = {}, inputs + states
    for index in range(gates):
        kind = list(LOGIC)[rng.integers(len(LOGIC))]
        pins = {pin: int(nets[rng.integers(len(nets))]) for pin in LOGIC[kind]}
        cells[f"g{index}"] = (kind, pins | {"Y": bit})
        nets.append(bit)
        bit += 1
    cells["gate"] = ("GATE", {"CK": clock, "E": nets[-1], "GCK": gated})
    for index, state in enumerate(states):
        pins = {"CK": gated if index % 2 else clock, "D": nets[-2 - index], "Q": state}
        cells[f"r{index}"] = ("DFF", pins)
    ports = {"clk": ("input", [clock]), "x": ("input", inputs), "y": ("output", nets[-8:])}
    return netlist_json(cells, ports)


def net_numbers(json):
    """Net of each bit: they are numbered in the order in which they are met."""
    top = json["modules"]["top"]
    order = {}
    for port in sorted(top["ports"].values(), key=lambda port: port["direction"] != "input"):
        for bit in port["bits"]:
            order.setdefault(bit, len(order) + 2)
    for cell in top["cells"].values():
        for wire in cell["connections"].values():
            order.setdefault(wire[0], len(order) + 2)
    return order


def reference(json, words, folder, delays=None):
    """Outputs of every cycle and toggles of every net, by Icarus: a word a cycle."""
    bench = f"""
module bench;
  reg clk = 0; reg [{INPUTS - 1}:0] x = 0; wire [7:0] y; integer i, file;
  reg [{INPUTS - 1}:0] words [0:{len(words) - 1}];
  top dut(.clk(clk), .x(x), .y(y));
  initial begin
    $readmemh("words.hex", words);
    file = $fopen("y.hex", "w");
    for (i = 0; i < {len(words)}; i = i + 1) begin
      x = words[i]; #4000;
      if (i == 0) begin $dumpfile("d.vcd"); $dumpvars(1, dut); end
      $fwrite(file, "%h\\n", y);
      #1000 if (i + 1 < {len(words)}) begin clk = 1; x <= words[i + 1]; #4000 clk = 0; end
      #1000;
    end
    $fclose(file);
  end
endmodule
"""
    (folder / "words.hex").write_text("".join(f"{word:x}\n" for word in words))
    run_icarus(folder, bench, to_verilog(json, delays), CELL_MODELS)
    outputs = [int(line, 16) for line in (folder / "y.hex").read_text().split()]
    return outputs, vcd_toggles(folder / "d.vcd")


def vcd_toggles(path):
    """Changes of each one-bit net n<bit> after the first dump."""
    names, values, toggles = {}, {}, {}
    for line in path.read_text().splitlines():
        if line.startswith("$var") and (match := re.search(r" 1 (\S+) n(\d+) ", line)):
            names[match.group(1)] = int(match.group(2))
        elif line[:1] in ("0", "1") and line[1:] in names:
            net = names[line[1:]]
            if net in values and values[net] != line[0]:
                toggles[net] = toggles.get(net, 0) + 1
            values[net] = line[0]
    return toggles


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_outputs_and_toggles_equal_icarus(tmp_path, seed):
    json = random_netlist(seed)
    words = np.random.default_rng(seed).integers(0, 1 << INPUTS, CYCLES).tolist()
    outputs, toggles = reference(json, words, tmp_path)

    netlist = flatten(json, "top", tiny_library(tmp_path))
    simulator = GateSimulator(netlist, tmp_path, seed=None)
    bits = np.array([[word >> i & 1 for i in range(INPUTS)] for word in words], np.uint64)
    record = simulator.play(["x"], bits * ALL, ["y"])

    values = [sum(int(bit & np.uint64(1)) << i for i, bit in enumerate(row)) for row in record]
    assert values == outputs
    assert np.all((record == 0) | (record == ALL))
    order = net_numbers(json)
    counted = {bit: int(simulator.toggles[net]) // 64 for bit, net in order.items()}
    # The last cycle's edge falls outside of the dump
    gated_last = 2 * int(simulator.clocks[order[3]] != 0)
    counted[2] -= 2
    counted[3] -= gated_last
    assert {bit: count for bit, count in counted.items() if count} == toggles


def test_streams_are_independent(tmp_path):
    netlist = flatten(random_netlist(5), "top", tiny_library(tmp_path))
    words = np.random.default_rng(5).integers(0, 1 << 64, (CYCLES, INPUTS), np.uint64)
    together = GateSimulator(netlist, tmp_path, seed=None).play(["x"], words, ["y"])
    for stream in (0, 17, 63):
        alone = words >> np.uint64(stream) & np.uint64(1)
        record = GateSimulator(netlist, tmp_path, seed=None).play(["x"], alone * ALL, ["y"])
        assert np.array_equal(together >> np.uint64(stream) & np.uint64(1), record & np.uint64(1))


def test_a_loop_is_refused(tmp_path):
    cells = {"a": ("NAND2", {"A": 2, "B": 4, "Y": 3}), "b": ("INV", {"A": 3, "Y": 4})}
    json = netlist_json(cells, {"clk": ("input", [9]), "x": ("input", [2])})
    with pytest.raises(RuntimeError, match="^Netlist has a combinational loop$"):
        flatten(json, "top", tiny_library(tmp_path))
