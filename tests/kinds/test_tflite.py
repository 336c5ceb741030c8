"""TFLite files, tensor by tensor against what its interpreter computed."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.kinds.lite import network
from truncmac.golden import NetworkFileError, execute
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.options import Options

DATA = Path(__file__).parent / "data"


def test_a_network_gives_the_codes_of_the_interpreter(tmp_path):
    """data/lite.npz has what ai-edge-litert 2.3.0 made of it, by its reference kernels."""
    lite, output = network()
    path = tmp_path / "lite.tflite"
    path.write_bytes(lite.bytes(output))
    found = import_onnx(path, Options(widths=(8,), multiplier_bits=24))
    right = np.load(DATA / "lite.npz")
    images = (right["t0"].astype(int) + 128).astype(np.uint8).transpose(0, 3, 1, 2)
    execution = execute(found.network, images, 8)
    compared = 0
    for name, stream in found.streams.items():
        if name not in right or stream.layer not in execution.outputs:
            continue
        expected = right[name].astype(int) + (stream.zero - lite.tensors[int(name[1:])][3])
        expected = np.moveaxis(expected, -1, 1) if name in found.turned else expected
        off = np.abs(execution.outputs[stream.layer].astype(int) - expected)
        # Its kernels round twice, and its sigmoid is a fixed-point one: codes may be off by one,
        # and those of a layer behind by one more
        assert off.max() <= 2 and (off > 0).mean() < 0.1, (name, (off > 0).mean())
        compared += 1
    assert compared >= 7
    assert (execution.logits.argmax(1) == right[f"t{output}"].argmax(1)).all()


@pytest.mark.parametrize("share", [0, 7, 8, 64, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_is_refused(share, tmp_path):
    lite, output = network()
    data = lite.bytes(output)
    path = tmp_path / "cut.tflite"
    path.write_bytes(data[: int(share if share > 1 else share * len(data))])
    with pytest.raises(NetworkFileError, match=f"^{re.escape(str(path))}: "):
        import_onnx(path)


def test_changed_bytes_give_an_error_or_a_network(tmp_path):
    lite, output = network()
    data, rng = lite.bytes(output), np.random.default_rng(0)
    path, read = tmp_path / "changed.tflite", 0
    for _ in range(300):
        changed = bytearray(data)
        for place in rng.integers(0, len(data), 3):
            changed[place] = rng.integers(256)
        path.write_bytes(bytes(changed))
        try:
            import_onnx(path, Options(widths=(8,)))
            read += 1
        except NetworkFileError:
            continue
    assert read > 20
