import numpy as np
import pytest

from truncmac.model.floats import FloatGraph, FloatGraphError, Step, check_order, lower

WEIGHT = {"weight": np.ones((3, 3, 1, 1), np.float32)}


def conv(name, source):
    return Step(name, "conv", (source,), WEIGHT)


def relu(name, source):
    return Step(name, "relu", (source,), sizes={"limit": None})


def lowered(*steps):
    graph = lower(FloatGraph("g", steps))
    check_order(graph.steps)
    return [(step.name, step.op, step.inputs) for step in graph.steps]


def test_a_relu_goes_before_the_pool_that_it_followed():
    pool = Step("p", "max_pool", ("a",), sizes={"kernel": (2, 2)})
    assert lowered(conv("a", "image"), pool, relu("r", "p"), conv("b", "r")) == [
        ("a", "conv", ("image",)),
        ("p", "relu", ("a",)),
        ("r", "max_pool", ("p",)),
        ("b", "conv", ("r",)),
    ]


def test_a_pool_that_others_read_too_stays():
    pool = Step("p", "max_pool", ("a",))
    steps = (conv("a", "image"), pool, relu("r", "p"), conv("b", "p"))
    assert [op for _, op, _ in lowered(*steps)] == ["conv", "max_pool", "relu", "conv"]


def test_what_hands_values_on_is_gone():
    steps = (
        Step("i", "identity", ("image",)),
        conv("a", "i"),
        Step("d", "identity", ("a",)),
        Step("s", "softmax", ("d",)),
    )
    assert lowered(*steps) == [("a", "conv", ("image",))]


def test_codes_that_meet_codes_get_a_layer_and_a_relu():
    steps = (
        *(conv("a", "image"), relu("r", "a"), conv("b", "r"), relu("s", "b")),
        *(Step("t", "add", ("r", "s")), conv("c", "t")),
    )
    assert lowered(*steps)[4:] == [
        ("t_codes", "conv", ("r",)),
        ("t_sum", "add", ("t_codes", "s")),
        ("t", "relu", ("t_sum",)),
        ("c", "conv", ("t",)),
    ]


def test_what_codes_add_up_to_are_codes():
    steps = (
        *(conv("a", "image"), relu("r", "a"), conv("b", "r"), relu("s", "b")),
        *(Step("t", "add", ("r", "s")), Step("u", "add", ("t", "s")), conv("c", "u")),
    )
    assert [(name, inputs) for name, op, inputs in lowered(*steps) if op == "add"] == [
        ("t_sum", ("t_codes", "s")),
        ("u_sum", ("u_codes", "s")),
    ]


def test_one_of_two_sums_that_meet_is_lifted():
    steps = (
        *(conv("a", "image"), relu("r", "a"), conv("b", "r"), conv("c", "r")),
        *(Step("t", "add", ("b", "c")), relu("u", "t"), conv("d", "u")),
    )
    graph = lower(FloatGraph("g", steps))
    side = next(step for step in graph.steps if step.name == "t_side")
    assert (side.op, side.inputs, side.sizes["lift"]) == ("relu", ("c",), ("c", "b"))
    assert next(step for step in graph.steps if step.name == "t").inputs == ("b", "t_side")


def test_sums_that_others_read_too_are_refused():
    steps = (
        *(conv("a", "image"), relu("r", "a"), conv("b", "r"), conv("c", "r")),
        *(Step("t", "add", ("b", "c")), relu("u", "t"), relu("v", "c"), conv("d", "u")),
    )
    with pytest.raises(FloatGraphError, match="^t: adds sums that others read too; put a ReLU"):
        lowered(*steps)


def test_sums_that_meet_codes_stay_as_they_are():
    steps = (
        *(conv("a", "image"), relu("r", "a"), conv("b", "r")),
        *(Step("t", "add", ("r", "b")), relu("u", "t"), conv("c", "u")),
    )
    assert [name for name, *_ in lowered(*steps)] == ["a", "r", "b", "t", "u", "c"]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            (
                *(conv("a", "image"), relu("r", "a"), conv("b", "r")),
                *(Step("t", "add", ("r", "b")), conv("c", "t")),
            ),
            "t: adds sums that can be negative and has no ReLU behind it",
        ),
        (
            (Step("s", "softmax", ("image",)), conv("a", "s")),
            "s: a softmax is only known as the network's end",
        ),
        ((Step("t", "add", ("image", "image")),), "t: adds the image itself"),
        ((conv("a", "b"),), "a: reads 'b', which no step before it gives"),
    ],
)
def test_what_has_no_form_is_refused_by_name(steps, message):
    with pytest.raises(FloatGraphError, match=f"^{message}"):
        lowered(*steps)
