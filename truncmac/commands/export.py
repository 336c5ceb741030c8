"""What `truncmac export` does: writes a network as the memories of an array, or as ONNX."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from truncmac.golden import Network, Setting, network_by_name
from truncmac.golden.files import file_name, write_all, write_bytes
from truncmac.hw.config import ArrayConfig
from truncmac.sim.axi.deployment import deployment
from truncmac.sim.extras import extra_needed
from truncmac.terminal import Terminal

from .files import file_sizes

__all__ = ["export_memories", "export_plain", "export_qonnx"]

console = Terminal()


def export_memories(
    name: str, config: ArrayConfig, bits: Sequence[int], *, out: Path, as_json: bool
) -> None:
    """Write a network's weights and parameters to a folder, as they lie in an array's memories."""
    network = network_by_name(name)
    files = {out / file: data for file, data in deployment(network, config, bits).items()}
    write_all(files)
    weights = sum(len(data) for path, data in files.items() if path.name.endswith("weights.bin"))
    if as_json:
        found = {
            "network": network.name,
            "format": "memories",
            "array": asdict(config),
            "bits": list(bits),
            "layers": len(network.products),
            "weight_bytes": weights,
            "files": file_sizes(files),
        }
        print(json.dumps(found, indent=2))
        return
    console.print(
        f"{out}: {len(files)} files of {len(network.products)} layers, {weights:,} bytes of "
        f"weights at k = 8; network.h describes them",
        soft_wrap=True,
    )


def export_qonnx(name: str, bits: Sequence[int], *, out: Path, as_json: bool) -> None:
    """Write a network to a folder as QONNX, a file for each k."""
    with extra_needed("Writing ONNX files", "onnx"):
        from truncmac.onnx.export.qonnx import qonnx_model
    network = network_by_name(name)
    files = {
        out / f"{file_name(network.name)}.k{k}.onnx": qonnx_model(network, k).SerializeToString()
        for k in bits
    }
    _write_models(network, "qonnx", bits, files, as_json=as_json)


def export_plain(name: str, settings: Sequence[Setting], *, out: Path, as_json: bool) -> None:
    """Write a network to a folder in ONNX's own operators, a file for each setting.

    Without a setting it is one for each k that the network has.
    """
    with extra_needed("Writing ONNX files", "onnx"):
        from truncmac.onnx.export.plain.model import plain_model
    network = network_by_name(name)
    settings = settings or [Setting(str(k), k) for k in sorted(network.bit_widths, reverse=True)]
    names = [setting.name for setting in settings]
    files = {
        out / f"{file_name(network.name)}.k{file_name(setting.name)}.plain.onnx": plain_model(
            network, setting
        ).SerializeToString()
        for setting in settings
    }
    _write_models(network, "onnx", names, files, as_json=as_json)


def _write_models(
    network: Network,
    kind: str,
    bits: Sequence[int | str],
    files: Mapping[Path, bytes],
    *,
    as_json: bool,
) -> None:
    """Write a file for each of `bits`, and tell of them."""
    for path, data in files.items():
        write_bytes(path, data)
        if not as_json:
            console.print(f"Written: {path}, {len(data):,} bytes", soft_wrap=True)
    if as_json:
        found = {
            "network": network.name,
            "format": kind,
            "bits": list(bits),
            "layers": len(network.products),
            "files": file_sizes(files),
        }
        print(json.dumps(found, indent=2))
