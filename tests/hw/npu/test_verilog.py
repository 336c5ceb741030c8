"""The NPU's Verilog: one module of each kind, and blocks that run at the beginning."""

import re
import shutil
import subprocess

from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog, woken

CONFIG = NpuConfig(array=ArrayConfig(2, 4, 2, 1, 40, 4), depth=32)
ASLEEP = r"""
module top;
  reg \a$dump_module$1  = 0;
  wire zero = 1'b0;
  reg found;
  always @* begin
    if (\a$dump_module$1 ) begin end
    found = !zero;
  end
  initial #1 $display("%b", found);
endmodule
"""


def test_every_module_is_written_once_and_wakes_its_blocks():
    text = npu_verilog(CONFIG)
    modules = re.findall(r"^module (\S+)", text, re.MULTILINE)
    assert len(modules) == len(set(modules))
    assert {NPU_TOP, "truncmac_bank", "truncmac_weight_bank"} <= {m.split("(")[0] for m in modules}
    wakers = re.findall(r"^  reg (\\\S*dump_module\S*) ;$", text, re.MULTILINE)
    assert wakers
    assert len(wakers) == len(re.findall(r"^  initial \\\S*dump_module\S* <= 0;$", text, re.M))
    assert not re.search(r"dump_module\S*\s*= 0;", text.replace("<= 0;", ""))


def test_a_block_whose_inputs_never_change_runs_in_icarus(tmp_path):
    def shown(text):
        (tmp_path / "top.v").write_text(text)
        compiler, simulator = shutil.which("iverilog"), shutil.which("vvp")
        subprocess.run([compiler, "-o", "top", "top.v"], cwd=tmp_path, check=True)
        command = [simulator, "-n", "top"]
        return subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout

    assert shown(woken(ASLEEP)) == b"1\n"
