"""The NPU's Verilog: one module of each kind, and blocks that run at the beginning."""

import re

from truncmac.hw.config import ArrayConfig
from truncmac.hw.npu.config import NpuConfig
from truncmac.hw.npu.verilog import NPU_TOP, npu_verilog

CONFIG = NpuConfig(array=ArrayConfig(2, 4, 2, 1, 40, 4), depth=32)


def test_every_module_is_written_once_and_wakes_its_blocks():
    text = npu_verilog(CONFIG)
    modules = re.findall(r"^module (\S+)", text, re.MULTILINE)
    assert len(modules) == len(set(modules))
    assert {NPU_TOP, "truncmac_bank", "truncmac_weight_bank"} <= {m.split("(")[0] for m in modules}
    wakers = re.findall(r"^  reg (\\\S*dump_module\S*) ;$", text, re.MULTILINE)
    assert wakers
    assert len(wakers) == len(re.findall(r"^  initial \\\S*dump_module\S* <= 0;$", text, re.M))
    assert not re.search(r"dump_module\S*\s*= 0;", text.replace("<= 0;", ""))
