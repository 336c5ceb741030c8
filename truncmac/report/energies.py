"""Finds the figures and the data from which a report's energies follow."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from truncmac.golden import DIGITS, images_by_name
from truncmac.hw.config import ArrayConfig
from truncmac.sim.energy.figures import available
from truncmac.sim.energy.layers import LayerSwitching
from truncmac.sim.energy.model import Characterisation, load, read
from truncmac.sim.energy.network_data import IMAGES, NetworkData
from truncmac.sim.schedule.layers import Layers
from truncmac.sim.workloads.names import network_of

from .request import ReportRequest

__all__ = ["EnergySources", "energy_sources"]


@dataclass(frozen=True, kw_only=True, eq=False)
class EnergySources:
    """What the energies of a report follow.

    Attributes
    ----------
    figures : characterised, of the array's PEs; or none
    why : there are none
    bits : the network's k
    data : the network with images, or none: data then toggle as in the layers measured
    """

    figures: Characterisation | None
    why: str
    bits: Sequence[int]
    data: NetworkData | None = None
    counted: dict[ArrayConfig, LayerSwitching] = field(default_factory=dict)

    def switching(self, config: ArrayConfig) -> LayerSwitching | None:
        """What toggles in the layers on an array, counted once; None without data."""
        if self.data is not None and config not in self.counted:
            self.counted[config] = self.data.switching(config, self.bits)
        return self.counted.get(config)


def energy_sources(request: ReportRequest, config: ArrayConfig, layers: Layers) -> EnergySources:
    """The figures and the data that a request names, or that come with its network.

    Raises
    ------
    ValueError
        If there are no such figures, or data where no energies follow them.
    """
    figures, why = _figures(request, config, layers)
    if request.data is not None and request.energy == "none":
        raise ValueError("--data must come with energies, which follow it; not with --energy none")
    network, data = network_of(request.network), None
    if network is None and request.data is not None:
        raise ValueError(
            f"--data must come with an exported network's file or digits: of "
            f"{request.network} the layers' sizes alone are known"
        )
    if network is not None and (request.data is not None or request.network == DIGITS):
        images, _ = images_by_name(request.network, request.data, network, examples=IMAGES)
        data = NetworkData.of(network, images, request.images)
    return EnergySources(figures=figures, why=why, bits=request.bits, data=data)


def _figures(
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
