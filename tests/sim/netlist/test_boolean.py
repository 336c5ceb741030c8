import itertools

import pytest

from truncmac.sim.netlist.boolean import parse_function


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("!A", "not a"),
        ("A'", "not a"),
        ("(A + B)'", "not (a or b)"),
        ("A B + C", "(a and b) or c"),
        ("A & B ^ C", "a and (b != c)"),  # xor binds tighter than and
        ("A | B & C", "a or (b and c)"),
        ("!(A * B) * !C", "(not (a and b)) and (not c)"),
        ("A''", "a"),
        ("1", "True"),
        ("A & 0 | B", "b"),
        ("!A' & B", "a and b"),
    ],
)
def test_truth_table(text, python):
    function = parse_function(text)
    table = function.table(("A", "B", "C"))
    for row, (c, b, a) in enumerate(itertools.product((False, True), repeat=3)):
        expected = eval(python, {"a": a, "b": b, "c": c})  # noqa: S307 - of this file
        assert table >> row & 1 == expected, (text, a, b, c)


def test_pins_are_in_order_of_appearance_and_named_once():
    assert parse_function("B & A | B & C[3]").pins == ("B", "A", "C[3]")


def test_c_expression():
    function = parse_function("!(A & B) + C")
    assert function.expression({"A": "x", "B": "y", "C": "z"}) == "(~(x & y) | z)"


def test_probability_of_independent_pins():
    assert parse_function("A & !B").probability({"A": 0.5, "B": 0.25}) == pytest.approx(0.375)
    assert parse_function("A ^ B").probability({"A": 0.5, "B": 0.9}) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A &", "Function 'A &' ends too early"),
        ("(A", "Function '(A' ends too early"),
        ("A)", r"Function 'A\)' cannot be read at '\)'"),
        ("A @ B", "Function 'A @ B' cannot be read at ' @ B'"),
        ("& A", "Function '& A' has '&' where a pin must be"),
    ],
)
def test_bad_functions(text, message):
    with pytest.raises(ValueError, match=message.replace("(A'", r"\(A'")):
        parse_function(text)
