import pytest
from amaranth import Value
from amaranth.hdl import Fragment

from truncmac.hw.config import ArrayConfig
from truncmac.hw.core import Core
from truncmac.hw.streams import STREAMS, stream_table, word_bits

TERMS = (
    *("rows", "cols", "lanes", "planes", "requantisers", "rows_at_once", "beats_width"),
    *("multiplier_bits", "residual_multiplier_bits", "bias_width", "sum_width"),
)


@pytest.mark.parametrize("sizes", [(3, 6, 5, 4, 100, 2), (4, 3, 2, 1, 100, 6)])
def test_described_widths_are_the_cores(sizes):
    config = ArrayConfig(*sizes)
    core = Core(config)
    Fragment.get(core, None)  # Amaranth warns of components that are never elaborated
    assert list(word_bits(config)) == list(STREAMS)
    for name, about in STREAMS.items():
        stream = getattr(core, name)
        terms = {term: getattr(config, term) for term in TERMS}
        width = eval(about.width, {"__builtins__": {}}, terms)  # noqa: S307 (our own text)
        assert width == len(Value.cast(stream.payload)) == word_bits(config)[name]
        assert about.direction == ("out" if name == "results" else "in")


def test_every_stream_has_its_row():
    rows = stream_table().splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == list(STREAMS)
