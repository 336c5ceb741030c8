import re
import subprocess
import sys
import textwrap
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto, helper

from tests.golden.networks import small_network
from truncmac.golden import NetworkFileError, save
from truncmac.onnx import size as module
from truncmac.onnx.export.qonnx import qonnx_model
from truncmac.onnx.importing import import_onnx
from truncmac.onnx.read import parse, read_onnx

WHOLE = qonnx_model(small_network(), 2).SerializeToString()


def model():
    return onnx.ModelProto.FromString(WHOLE)


def refused(tmp_path, changed, message):
    path = tmp_path / "bad.onnx"
    path.write_bytes(changed if isinstance(changed, bytes) else changed.SerializeToString())
    with pytest.raises(NetworkFileError, match=re.escape(message)) as error:
        import_onnx(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_every_truncated_file_is_refused(tmp_path):
    path = tmp_path / "bad.onnx"
    whole = []
    for size in [*range(0, 40), *range(40, len(WHOLE), 97), *range(len(WHOLE) - 60, len(WHOLE))]:
        path.write_bytes(WHOLE[:size])
        with suppress(NetworkFileError):
            assert import_onnx(path).network.layers == small_network().layers
            whole.append(len(WHOLE) - size)
    # What comes last are the custom domain's version and the metadata, which may be missing
    assert len(set(whole)) == 2
    assert max(whole) < 80


@given(data=st.data())
@settings(max_examples=250, deadline=2000)
def test_flipped_bits_give_an_error_or_a_valid_network(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flip")
    content = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) * 8 - 1))
        content[place // 8] ^= 1 << place % 8
    (folder / "bad.onnx").write_bytes(bytes(content))
    with suppress(NetworkFileError):  # and no other
        save(import_onnx(folder / "bad.onnx").network, folder / "network.safetensors")


@given(data=st.data())
@settings(max_examples=250, deadline=2000)
def test_graphs_with_changed_parts_give_an_error_or_a_valid_network(tmp_path_factory, data):
    """Names, shapes, types and attributes change; the file stays a whole one."""
    folder = tmp_path_factory.mktemp("change")
    changed = model()
    graph = changed.graph
    for _ in range(data.draw(st.integers(1, 3))):
        node = data.draw(st.sampled_from(list(graph.node)))
        tensor = data.draw(st.sampled_from(list(graph.initializer)))
        names = [value for n in graph.node for value in n.output] + [tensor.name, "", "nothing"]
        ops = sorted({n.op_type for n in graph.node} | {"Relu", "Transpose", "Squeeze", "Loop"})
        change = data.draw(st.integers(0, 6))
        if change == 0 and node.input:
            place = data.draw(st.integers(0, len(node.input) - 1))
            node.input[place] = data.draw(st.sampled_from(names))
        elif change == 1:
            node.op_type = data.draw(st.sampled_from(ops))
        elif change == 2 and node.attribute:
            attribute = data.draw(st.sampled_from(list(node.attribute)))
            attribute.ints[:] = data.draw(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5))
            attribute.i = data.draw(st.integers(-(2**63), 2**63 - 1))
        elif change == 3:
            tensor.dims[:] = data.draw(st.lists(st.integers(-3, 2**40), max_size=5))
        elif change == 4:
            tensor.data_type = data.draw(st.integers(0, 25))
        elif change == 5:
            size = len(tensor.raw_data)
            tensor.raw_data = data.draw(st.binary(min_size=size, max_size=size))
        else:
            graph.node.remove(node)
    (folder / "bad.onnx").write_bytes(changed.SerializeToString())
    with suppress(NetworkFileError):  # and no other
        save(import_onnx(folder / "bad.onnx").network, folder / "network.safetensors")


@given(content=st.binary(max_size=300))
@settings(max_examples=200, deadline=2000)
def test_noise_is_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("noise") / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(NetworkFileError):
        import_onnx(path)


def tensor_named(changed, name):
    return next(tensor for tensor in changed.graph.initializer if tensor.name == name)


def test_data_in_other_files_are_refused_by_tensor(tmp_path):
    changed = model()
    tensor = tensor_named(changed, "first/codes")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    refused(tmp_path, changed, "initializer 'first/codes' is kept in another file; save the model")


def test_external_data_of_a_constant_node_are_refused(tmp_path):
    changed = model()
    tensor = TensorProto(data_type=TensorProto.FLOAT, dims=[1], name="x")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    node = helper.make_node("Constant", [], ["other"], name="c", value=tensor)
    changed.graph.node.insert(0, node)
    refused(tmp_path, changed, "Constant 'c': value is kept in another file; save the model")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused_by_tensor(value, tmp_path):
    changed = model()
    tensor = tensor_named(changed, "first/multiplier")
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[1] = value
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    message = "initializer 'first/multiplier' must be finite, not NaN or infinite"
    refused(tmp_path, changed, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.graph.ClearField("node"), "the ONNX graph has no nodes"),
        (lambda m: m.functions.add(), "the ONNX model has functions of its own; inline them"),
        (lambda m: m.graph.sparse_initializer.add(), "sparse initializers have no form here"),
        (
            lambda m: m.graph.initializer.append(m.graph.initializer[0]),
            "initializer 'const/one' is there twice",
        ),
        (
            lambda m: m.graph.input.append(helper.make_tensor_value_info("b", 1, [1])),
            "the graph must have one input, not 2",
        ),
        (lambda m: m.graph.ClearField("output"), "the graph must have one output, not 0"),
        (
            lambda m: m.graph.node[9].output.__setitem__(0, "image"),
            "gives 'image', which is there already",
        ),
        (
            lambda m: m.graph.node.insert(0, m.graph.node.pop()),
            "which no node before it gives",
        ),
        (
            lambda m: m.graph.node[0].input.__setitem__(0, "logits"),
            "Quant 'Quant_image_codes' reads 'logits', which no node before it gives",
        ),
        (
            lambda m: m.graph.output[0].__setattr__("name", "nowhere"),
            "the graph's output 'nowhere' is given by no node",
        ),
        (
            lambda m: m.graph.initializer[0].dims.extend([1 << 40]),
            "initializer 'const/one' has a negative size",
        ),
        (
            lambda m: m.graph.initializer[0].dims.extend([1 << 20, 1 << 20]),
            "initializer 'const/one': its data do not fill the shape (1048576, 1048576)",
        ),
        (
            lambda m: m.graph.initializer[0].__setattr__("data_type", TensorProto.STRING),
            "initializer 'const/one' must hold numbers of a known type",
        ),
        (
            lambda m: m.graph.node[0].attribute.append(m.graph.node[0].attribute[0]),
            "Quant 'Quant_image_codes' has 'narrow' twice",
        ),
        (
            lambda m: m.graph.node[0].attribute.add(
                name="body", type=AttributeProto.GRAPH, g=m.graph
            ),
            "Quant 'Quant_image_codes': body is of a kind that has no form here",
        ),
        (lambda m: m.graph.node[0].ClearField("output"), "gives nothing"),
        (
            lambda m: (
                m.graph.input[0].type.tensor_type.shape.dim[1].__setattr__("dim_value", 1 << 40)
            ),
            "fixed but for the batch, not (1, 1099511627776, 7, 6)",
        ),
    ],
)
def test_graphs_of_another_form_are_refused(change, message, tmp_path):
    changed = model()
    change(changed)
    refused(tmp_path, changed, message)


def test_a_folder_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(NetworkFileError, match=re.escape(f"{tmp_path}: a folder")):
        import_onnx(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere.onnx"):
        import_onnx(tmp_path / "nowhere.onnx")


def message(number, content):
    """A length-delimited field of a Protocol Buffers message."""
    size, head = len(content), bytearray([number << 3 | 2])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    return bytes(head) + bytes([size]) + content


def large_identities(count=60_000):
    """Many nodes, each of which the next one reads."""
    changed = model()
    for index in range(count):
        before = "image_codes" if index == 0 else f"i{index - 1}"
        changed.graph.node.insert(1 + index, helper.make_node("Relu", [before], [f"i{index}"]))
    return changed.SerializeToString()


def wide_addition():
    """Two bytes of image that a layer of 65536 x 65536 weights would have to add."""
    b = onnx.ModelProto.FromString(WHOLE)
    dims = b.graph.input[0].type.tensor_type.shape.dim
    for dim, size in zip(dims, (1, 1 << 16, 1, 1), strict=True):
        dim.dim_value = size
    del b.graph.node[1:]
    b.graph.node.append(helper.make_node("Add", ["image_codes"] * 2, ["logits"], name="a"))
    return b.SerializeToString()


def deep(levels=200):
    """Graphs within graphs."""
    content = b""
    for _ in range(levels):
        content = message(7, message(1, message(5, message(6, content))))
    return content


def wide_constants(op, size=1 << 14):
    """A column and a row, whose sum or product would be 1 GB."""
    changed = onnx.ModelProto.FromString(WHOLE)
    graph = changed.graph
    for name, shape in (("column", (size, 1)), ("row", (1, size))):
        values = np.ones(shape, np.float32)
        graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    unit, scalars = ["const/one"], ["const/zero", "const/bits_8"]
    if op == "Quant":
        node = helper.make_node("Quant", ["column", "row", *scalars], ["wide"])
    elif op == "Mul":
        quant = helper.make_node("Quant", ["column", *unit, *scalars], ["codes"])
        narrow = helper.make_node("Mul", ["codes", "column"], ["narrow"])
        graph.node.insert(0, narrow)
        graph.node.insert(0, quant)
        graph.node.insert(2, helper.make_node("Mul", ["narrow", "row"], ["wide"]))
        return changed.SerializeToString()
    else:
        node = helper.make_node("Add", ["column", "row"], ["wide"])
    graph.node.insert(0, node)
    return changed.SerializeToString()


def many_additions(count=1000, channels=4096):
    """Each takes a layer of 16 MB."""
    b = onnx.ModelProto.FromString(WHOLE)
    for dim, size in zip(
        b.graph.input[0].type.tensor_type.shape.dim, (1, channels, 1, 1), strict=True
    ):
        dim.dim_value = size
    del b.graph.node[1:]
    last = "image_codes"
    scalars = ["const/one", "const/zero", "const/bits_8"]
    for index in range(count):
        b.graph.node.append(helper.make_node("Add", [last, "image_codes"], [f"s{index}"]))
        last = "logits" if index == count - 1 else f"q{index}"
        b.graph.node.append(
            helper.make_node("Quant", [f"s{index}", *scalars], [last], signed=0, narrow=0)
        )
    return b.SerializeToString()


BOMBS = {
    "deep graphs": deep(),
    "empty nodes": message(7, message(1, b"") * 2_000_000),
    "empty attributes": message(7, message(1, message(5, b"") * 4_000_000)),
    "packed integers": message(7, message(5, message(7, b"\0" * 60_000_000))),
    "zeros": b"\0" * 100_000_000,
    "many nodes": large_identities(),
    "wide addition": wide_addition(),
    "wide constants": wide_constants("Add"),
    "wide weights": wide_constants("Quant"),
    "wide scales": wide_constants("Mul"),
    "many additions": many_additions(),
}


def test_bombs_are_refused_within_a_second_and_200_megabytes(tmp_path):
    for name, content in BOMBS.items():
        (tmp_path / f"{name}.onnx").write_bytes(content)
    code = textwrap.dedent(
        """
        import re, sys, time
        from pathlib import Path
        from truncmac.golden import NetworkFileError
        from truncmac.onnx.importing import import_onnx

        def peak():
            status = Path("/proc/self/status").read_text()
            return int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024

        for path in map(Path, sys.argv[1:]):
            before, start = peak(), time.process_time()
            try:
                import_onnx(path)
            except NetworkFileError as error:
                print(f"{time.process_time() - start:.3f} {peak() - before:.0f} {error}")
        """
    )
    command = [sys.executable, "-c", code, *(str(tmp_path / f"{name}.onnx") for name in BOMBS)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = result.stdout.splitlines()
    assert len(lines) == len(BOMBS)
    for line in lines:
        seconds, megabytes, _ = line.split(" ", 2)
        assert float(seconds) < 1, line
        assert float(megabytes) < 200, line


def test_nothing_is_written_for_a_file_that_is_refused(run, tmp_path):
    (tmp_path / "bad.onnx").write_bytes(WHOLE[:-50])
    code, _, err = run("import", "bad.onnx", "--out", "network.safetensors")
    assert (code, len(err.splitlines())) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.onnx"]


def test_arrays_of_each_number_type_are_read(tmp_path):
    """Data as typed fields, not raw bytes, is the same."""
    changed = model()
    for tensor in changed.graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        again = helper.make_tensor(tensor.name, tensor.data_type, array.shape, array.ravel())
        tensor.CopyFrom(again)
    (tmp_path / "typed.onnx").write_bytes(changed.SerializeToString())
    (tmp_path / "raw.onnx").write_bytes(WHOLE)
    one, other = (import_onnx(tmp_path / f"{n}.onnx").network for n in ("typed", "raw"))
    assert one.layers == other.layers
    for name, array in one.tensors.items():
        np.testing.assert_array_equal(array, other.tensors[name])


def graph(*nodes, arrays=None, inputs=("x",), outputs=("y",), kind=TensorProto.FLOAT, **more):
    """A model of these nodes, which reads x of shape (N, 2) and gives y."""
    made = helper.make_graph(
        nodes,
        more.pop("name", "g"),
        [helper.make_tensor_value_info(name, kind, ["N", 2]) for name in inputs],
        [helper.make_tensor_value_info(name, kind, ["N", 2]) for name in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in (arrays or {}).items()],
    )
    return helper.make_model(made, **more)


def relu(before="x", after="y", **options):
    return helper.make_node("Relu", [before], [after], **options)


def test_a_graph_is_what_the_file_says():
    node = helper.make_node(
        *("Op", ["x", "", "a"], ["y", "z"]),
        **{"f": 0.5, "i": 3, "s": "word", "fs": [1.0, 2.0], "ints": [4, 5]},
        t=onnx.numpy_helper.from_array(np.array([[7, 8]], np.int16)),
    )
    found = parse(graph(node, arrays={"a": np.arange(3.0)}))
    assert (found.name, found.input, found.input_shape, found.output) == ("g", "x", (None, 2), "y")
    assert found.input_bytes is None
    assert found.constants["a"].tolist() == [0, 1, 2] and len(found.constants) == 1
    (own,) = found.nodes
    assert (own.op, own.name, own.inputs) == ("Op", "y", ("x", "", "a"))
    assert own.outputs == ("y", "z") and str(own) == "Op 'y'"
    tensor = own.attributes.pop("t")
    assert (tensor.dtype, tensor.tolist()) == (np.int16, [[7, 8]])
    assert own.attributes == {"f": 0.5, "i": 3, "s": "word", "fs": [1.0, 2.0], "ints": [4, 5]}


def test_names_that_are_left_out():
    found = parse(graph(relu(name="own"), kind=TensorProto.UINT8, name=""))
    assert (found.name, found.nodes[0].name, found.input_bytes) == ("network", "own", "uint8")
    assert parse(graph(relu())).nodes[0].name == "y"


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        (graph(relu(), opset_imports=[helper.make_opsetid("other", 1)]), "does not say which vers"),
        (graph(relu(), outputs=("y", "x")), "the graph must have one output, not 2"),
        (graph(relu(), outputs=("z",)), "the graph's output 'z' is given by no node"),
        (graph(relu(), inputs=()), "the graph must have one input, not 0"),
        (graph(relu("z")), "Relu 'y' reads 'z', which no node before it gives"),
        (graph(relu(), relu()), "Relu 'y' gives 'y', which is there already"),
        (graph(relu(after="x"), relu()), "Relu 'x' gives 'x', which is there already"),
        (graph(relu(after="a"), arrays={"a": np.ones(1)}), "gives 'a', which is there already"),
        (graph(helper.make_node("Relu", ["x"], [])), "Relu '' gives nothing"),
        (graph(relu(), arrays={"a": np.array([1.0, np.nan])}), "initializer 'a' must be finite"),
        (graph(relu(), arrays={"a": np.ones((1,) * 9)}), "'a' has more than 8 dimensions"),
        (graph(relu(), arrays={"a": np.ones(2, complex)}), "'a' must hold numbers of a known type"),
    ],
)
def test_graphs_that_lack_something_are_refused(changed, text):
    with pytest.raises(NetworkFileError, match=re.escape(text)):
        parse(changed)


def test_initializers_may_be_inputs_too_and_either_domain_is_that_of_onnx():
    for domain in ("", "ai.onnx"):
        made = graph(relu(), inputs=("x", "a"), arrays={"a": np.ones(1)})
        made.opset_import[0].domain = domain
        assert parse(made).input == "x"


@pytest.mark.parametrize(
    "kind", ["float32", "float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "int64"]
)
def test_numbers_of_each_known_type_and_arrays_of_nothing(kind):
    arrays = {"a": np.array([1, 2], kind), "none": np.zeros((0, 3), kind), "one": np.array(5, kind)}
    arrays["deep"] = np.ones((1,) * 8, kind)
    found = parse(graph(relu(), arrays=arrays)).constants
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda t: t.segment.__setattr__("begin", 1), "is in segments; save it whole"),
        (lambda t: t.dims.__setitem__(0, -1), "has a negative size"),
        (lambda t: t.dims.__setitem__(0, (1 << 27) + 1), "has a negative size"),
        (lambda t: t.dims.__setitem__(0, 1 << 27), "its data do not fill the shape (134217728,)"),
        (lambda t: t.external_data.add(key="location", value="x"), "is kept in another file"),
    ],
)
def test_tensors_that_are_not_whole_are_refused(change, text):
    made = graph(relu(), arrays={"a": np.ones(2)})
    change(made.graph.initializer[0])
    with pytest.raises(NetworkFileError, match=f"^initializer 'a':? {re.escape(text)}"):
        parse(made)


def test_what_a_file_can_grow_to_is_asked_before_it_is_read(tmp_path, monkeypatch):
    """The graph is a right one, whose first field is one too many."""
    path = tmp_path / "a.onnx"
    path.write_bytes(graph(relu()).SerializeToString())
    monkeypatch.setattr(module, "MOST_FIELDS", 0)
    with pytest.raises(NetworkFileError) as error:
        read_onnx(path)
    assert str(error.value) == f"{path}: the ONNX file would take too much memory"


def test_files_have_1_byte_to_128_mebibytes(tmp_path):
    path = tmp_path / "a.onnx"
    whole = "not a whole ONNX file. Copy or export it again"
    sizes = (0, "0 bytes; an ONNX file has 1 to 134217728"), (1, whole), (1 << 27, None)
    more = ((1 << 27) + 1, "134217729 bytes; an ONNX file has 1 to 134217728")
    for size, text in (*sizes, more):
        with path.open("wb") as file:
            file.write(b"\x0a" if size == 1 else b"")
            file.truncate(size)
        with pytest.raises(NetworkFileError) as error:
            read_onnx(path)
        found = str(error.value)
        assert found == f"{path}: {text}" if text else "an ONNX file has 1 to" not in found
    path.write_bytes(graph(relu()).SerializeToString())
    assert read_onnx(path).output == "y"
