"""Each kind of network in `kinds`, tensor by tensor against ONNX Runtime."""

import numpy as np
import pytest

from tests.kinds.kinds import KINDS
from tests.kinds.runtime import follow, judged

FEEDS = {
    "channels_last_image": lambda codes: (codes.transpose(0, 2, 3, 1) / 255).astype(np.float32),
    "conv1d": lambda codes: (codes[:, :, 0] / 255).astype(np.float32),
    "integers_in_and_out": lambda codes: (codes.astype(int) - 128).astype(np.int8),
}
FEEDS |= dict.fromkeys(("channels_last_vector", "channels_last_join"), FEEDS["channels_last_image"])
FEEDS["conv1d_unsqueezed"] = FEEDS["conv1d"]
CLASSES = ("softmax_behind_codes", "softmax_quantised", "sigmoid_at_the_end")


@pytest.mark.parametrize("name", sorted(KINDS))
def test_codes_are_those_of_onnx_runtime(name, tmp_path):
    _, logits, right = judged(KINDS[name](), tmp_path / f"{name}.onnx", feed=FEEDS.get(name))
    if name == "argmax":
        np.testing.assert_array_equal(logits.argmax(1), right.ravel())
    elif name in CLASSES:  # of equal probabilities the class is one of several
        chosen = np.take_along_axis(right, logits.argmax(1)[:, None], 1)[:, 0]
        np.testing.assert_array_equal(chosen, right.max(1))
    else:
        follow(logits, right, step=max(1, np.ptp(right) / 100))
