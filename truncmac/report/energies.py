"""Finds the figures and the data from which a report's energies follow."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from truncmac.golden import DIGITS, images_by_name
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.layers import LayerSwitching
from truncmac.sim.energy.model import Characterisation, available, load, read
from truncmac.sim.energy.network_data import IMAGES, NetworkData
from truncmac.sim.energy.summary import SwitchingOn
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.workloads.names import network_of

from .request import ReportRequest

__all__ = ["data_of", "figures_of", "switching_on"]


def figures_of(
    request: ReportRequest, config: ArrayConfig, layers: Layers
) -> tuple[Characterisation | None, str]:
    """The energies' figures; or none, and why."""
    if request.energy == "none":
        return None, "none were asked for"
    if request.energy.endswith(".json"):
        figures = read(Path(request.energy))
    elif (request.energy, config.lanes, config.planes) in available():
        figures = load(config.lanes, config.planes, request.energy)
    elif request.energy not in (known := sorted({name for name, _, _ in available()})):
        raise ValueError(
            f"--energy must be one of {', '.join(known)}, none, or a .json file of truncmac "
            f"characterise, not {request.energy!r}"
        )
    else:
        return None, (
            f"no figures of {config.lanes} lanes x {config.planes} planes in {request.energy}; "
            "truncmac characterise makes them"
        )
    wanted = {int(k) for bits in request.bits for k in layers.bits(bits)}
    missing = sorted(wanted - set(figures.bits))
    if missing:
        ks = ", ".join(map(str, missing))
        return None, f"no figures for k = {ks} in {figures.library}"
    return figures, ""


def data_of(request: ReportRequest) -> NetworkData | None:
    """The network with images, if there are any, and energies to follow them."""
    if request.data is not None and request.energy == "none":
        raise ValueError("--data must come with energies, which follow it; not with --energy none")
    network = network_of(request.network)
    if network is None:
        if request.data is not None:
            raise ValueError(
                f"--data must come with an exported network's file or digits: of "
                f"{request.network} the layers' sizes alone are known"
            )
        return None
    if request.data is None and request.network != DIGITS:
        return None
    images, _ = images_by_name(request.network, request.data, network, examples=IMAGES)
    return NetworkData.of(network, images, request.images)


def switching_on(
    data: NetworkData | None, bits: Sequence[int], on_step: Callable[[str], None]
) -> SwitchingOn:
    """Counts what toggles in the layers of an array; None of every array if there are no data."""

    @cache
    def switching(config: ArrayConfig) -> LayerSwitching | None:
        if data is None:
            return None
        on_step("Counting what toggles in the layers")
        return data.switching(config, bits)

    return switching
