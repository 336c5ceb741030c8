import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truncmac.sim.schedule.rivals import scale_sim_cycles
from truncmac.sim.workloads.shapes import LayerShape, Window, Workload
from truncmac.sim.workloads.topology import TopologyError, load_topology

CONV = (
    "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, "
    "Strides,\n"
)
GEMM = "Layer, M, N, K,\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "topology.csv"


def load(path, text):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_topology(path)


def test_convolutions_are_as_scale_sim_sees_them(path):
    """Cycles that SCALE-Sim 3.0.0 reported for this file, weight-stationary on 4 x 4."""
    workload = load(path, CONV + "c1, 8, 9, 3, 3, 2, 5, 2,\nxDPx, 6, 6, 3, 3, 3, 1, 1,\n")
    first = Window(2, 9, 9, (3, 3), (2, 2))  # 8 rows, and one that the last window overhangs
    assert workload == Workload(
        "topology",
        (
            LayerShape("c1", 16, 18, 5, window=first),
            LayerShape("xDPx", 16, 9, 1, window=Window(1, 6, 6, (3, 3)), groups=3),
        ),
    )
    assert [scale_sim_cycles([layer], 4, 4) for layer in workload.layers] == [259, 3 * 77]


def test_products_are_as_scale_sim_sees_them(path):
    workload = load(path, GEMM + "g1, 10, 6, 9,\ng2, 1, 3, 4,\n")
    assert workload.layers == (LayerShape("g1", 10, 9, 6), LayerShape("g2", 1, 4, 3))
    assert [scale_sim_cycles([layer], 4, 4) for layer in workload.layers] == [119, 10]


@pytest.mark.parametrize(
    "text",
    [
        GEMM + "a,4,3,2",
        GEMM + "\n\na, 4, 3, 2,\n\n,,,,\n",
        "\ufeff" + GEMM.upper().replace("\n", "\r\n") + "a,4,3,2,\r\n",
        '\ufeff"Layer, or name",M,N,K\na,4,3,2\n',
        "Layer,M,N,K,Sparsity,\na,4,3,2,2:4,\n",
        GEMM + '"a",4,3,2,,,,\n',
    ],
)
def test_products_are_read_however_they_are_written(path, text):
    assert load(path, text).layers == (LayerShape("a", 4, 2, 3),)


@pytest.mark.parametrize(
    "header",
    ["Layer", "Name,rows,columns,depth,", "x", "Layer, Input rows, Outputs, Sums, Sparsity"],
)
def test_words_in_the_header_do_not_matter(path, header):
    assert load(path, f"{header}\na,4,3,2,\n").layers == (LayerShape("a", 4, 2, 3),)
    assert load(path, f"{header}\na,4,3,2,1:2\n").layers == (LayerShape("a", 4, 2, 3),)
    line = "a,7,5,1,1,4,6,3,\n"
    assert load(path, f"{header}\n{line}").layers == load(path, CONV + line).layers


@pytest.mark.parametrize(
    ("end", "stride"), [("3", (3, 3)), ("3,2,", (3, 2)), ("3, 2:4,", (3, 3)), ("3,2,1:4", (3, 2))]
)
def test_convolutions_may_have_two_strides_and_a_sparsity(path, end, stride):
    (layer,) = load(path, CONV + f"a,7,5,1,1,4,6,{end}\n").layers
    assert layer.window is not None
    assert (layer.window.stride, layer.columns) == (stride, 6)


def test_names_that_occur_again_get_a_number(path):
    workload = load(path, GEMM + "a,1,1,1\na#2,1,1,1\na,1,1,1\na,1,1,1\n")
    assert [layer.name for layer in workload.layers] == ["a", "a#2", "a#3", "a#4"]


HEADER = (
    'the first line must be the header of a SCALE-Sim topology, "Layer name, IFMAP Height, IFMAP '
    'Width, Filter Height, Filter Width, Channels, Num Filter, Strides," or "Layer, M, N, K," or '
    "any other words"
)
ALL = "IFMAP height, IFMAP width, filter height, filter width, channels, num filter, strides"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f", line 1: {HEADER}"),
        ("\na,4,3,2\n", f", line 2: {HEADER}"),
        ("Layer, M, K, N,\na,4,3,2\n", f", line 1: {HEADER}"),
        ("a,7,7,1,1,4,6,1\na,7,7,1,1,4,6,1\n", f", line 1: {HEADER}"),
        (
            "Layer, of words\na,4,3\n",
            ", line 2: a line must have a name and 3 numbers (M, N, K), not 2 numbers",
        ),
        (
            "Name, H, W, FH, FW, C, F, S\na,7,7,1,1,4,6\n",
            f", line 2: a line must have a name and 7 numbers ({ALL}), not 6 numbers",
        ),
        (
            "Name, H, W, FH, FW, C, F, S\na,7,7,1,1,4,6,x\n",
            ", line 2: strides must be a whole number in 1..2147483647, not 'x'",
        ),
        (
            "words\na,4,3,2\nb,7,7,1,1,4,6,1\n",
            ", line 3: only a sparsity such as 2:4 may follow K, not ['1', '4', '6', '1']",
        ),
        (GEMM, ": must have at least one layer after the header"),
        (
            GEMM + "a,4,3\n",
            ", line 2: a line must have a name and 3 numbers (M, N, K), not 2 numbers",
        ),
        (
            CONV + "\na,7,7,1\n",
            f", line 3: a line must have a name and 7 numbers ({ALL}), not 3 numbers",
        ),
        (GEMM + ",4,3,2\n", ", line 2: the layer must have a name"),
        (
            GEMM + "a,4,0,2\n",
            ", line 2: N must be a whole number in 1..2147483647, not '0'",
        ),
        (
            GEMM + "a,4,3,2.5\n",
            ", line 2: K must be a whole number in 1..2147483647, not '2.5'",
        ),
        (
            GEMM + "a,\u0664,3,2\n",
            ", line 2: M must be a whole number in 1..2147483647, not '\u0664'",
        ),
        (
            GEMM + "a,9999999999,3,2\n",
            ", line 2: M must be a whole number in 1..2147483647, not '9999999999'",
        ),
        (
            GEMM + "a,2147483647,2147483647,2147483647\n",
            ", line 2: the layer must have at most 9007199254740992 MACs, not "
            "9903520300447984150353281023",
        ),
        (
            GEMM + "a,4,3,2,5\n",
            ", line 2: only a sparsity such as 2:4 may follow K, not ['5']",
        ),
        (
            CONV + "a,7,7,1,1,4,6,1,1,1:1,1\n",
            ", line 2: only a sparsity such as 2:4 may follow stride of the width, not "
            "['1:1', '1']",
        ),
        (
            CONV + "a,7,2,1,3,4,6,1\n",
            ", line 2: filter width must be at most the IFMAP's 2, not 3",
        ),
        (
            CONV + "a,2,7,3,3,4,6,1\n",
            ", line 2: filter height must be at most the IFMAP's 2, not 3",
        ),
        (
            GEMM + '"a,4,3,2\n',
            ": must be a text of comma-separated values (unexpected end of data)",
        ),
        (
            b"\xff",
            ": must be a text of comma-separated values ('utf-8' codec can't decode byte 0xff in "
            "position 0: invalid start byte)",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_line(path, text, message):
    with pytest.raises(TopologyError, match=f"^{re.escape(f'{path}{message}')}$"):
        load(path, text)


def test_a_huge_file_is_not_read(path):
    with path.open("wb") as file:
        file.truncate((1 << 20) + 1)
    with pytest.raises(TopologyError, match="must have at most 1048576 bytes$"):
        load_topology(path)


FIELDS = st.one_of(
    st.integers(-1, 1 << 33).map(str), st.sampled_from(["", " ", "2:4", "DP", '"', "\0"]), st.text()
)
LINES = st.lists(st.lists(FIELDS, max_size=12).map(",".join), max_size=4).map("\n".join)


@settings(deadline=None, max_examples=150)
@given(st.one_of(st.binary(), st.tuples(st.sampled_from([CONV, GEMM]), LINES)))
def test_whatever_the_file_holds_layers_are_sound_or_the_error_is_ours(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    path.write_bytes(
        content if isinstance(content, bytes) else "".join(content).encode("utf-8", "ignore")
    )
    with suppress(TopologyError):
        for layer in load_topology(path).layers:
            assert 1 <= layer.macs <= 1 << 53
            assert layer.input_codes >= 1


@settings(deadline=None)
@given(
    st.tuples(*[st.integers(1, 40)] * 2),
    st.tuples(*[st.integers(1, 12)] * 2),
    st.integers(1, 50),
    st.integers(1, 50),
    st.integers(1, 5),
)
def test_outputs_are_scale_sims(tmp_path_factory, image, kernel, channels, filters, stride):
    if kernel[0] > image[0] or kernel[1] > image[1]:
        return
    path = tmp_path_factory.getbasetemp() / "conv.csv"
    numbers = (*image, *kernel, channels, filters, stride)
    (layer,) = load(path, f"{CONV}a,{','.join(map(str, numbers))},\n").layers
    height, width = (
        -((side - size + stride) // -stride) for side, size in zip(image, kernel, strict=True)
    )
    assert layer.rows == height * width
    assert layer.window is not None
    assert layer.window.output == (height, width)
    assert layer.reduction == channels * kernel[0] * kernel[1]
