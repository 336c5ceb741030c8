from truncmac.report.request import ReportRequest, platform_of
from truncmac.sim.schedule.platforms import PLATFORMS


def test_options_change_the_platform():
    platform = platform_of(
        ReportRequest(
            network="digits",
            sizes={"cols": 4},
            clock_mhz=50.0,
            dram_gbs=0.5,
            activation_kib=10.0,
            weight_kib=20.5,
        )
    )
    assert (platform.config.rows, platform.config.cols) == (8, 4)
    assert platform.clock_hz == 50e6
    memory = platform.memory
    assert (memory.activation_bytes, memory.weight_bytes) == (10240, 20992)
    assert memory.dram_bytes_per_s == 0.5e9
    assert platform_of(ReportRequest(network="digits", platform="fpga")) == PLATFORMS["fpga"]
