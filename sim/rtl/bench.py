"""The cocotb side of a run, which sleeps until the harness has played its memories."""

from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

__all__ = ["play"]


@cocotb.test(timeout_time=1, timeout_unit="sec")  # type: ignore[untyped-decorator]
async def play(dut: Any) -> None:
    """Wait for the end of the run. The harness itself stops a run that makes no progress."""
    await RisingEdge(dut.closed)
    assert not int(dut.hung.value), "The hardware made no progress"  # noqa: S101
