"""Boolean functions, as Liberty writes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

__all__ = ["Function", "parse_function"]

TOKEN = re.compile(r"\s*(?:([A-Za-z_][\w\[\]]*)|([01])(?![\w])|([()!'&*|+^]))")


@dataclass(frozen=True)
class Function:
    """A function of named pins.

    Attributes
    ----------
    text : C expression over `{pin}` placeholders, which computes all bits of a word at once
    pins : pins that it names, in the order in which they appear
    """

    text: str
    pins: tuple[str, ...]

    def expression(self, names: Mapping[str, str]) -> str:
        """Return the C expression, with each pin replaced by `names[pin]`."""
        return self.text.format_map(names)

    def table(self, pins: tuple[str, ...]) -> int:
        """Return the truth table over `pins`: bit i is the value where pin j has bit j of i."""
        count = 1 << len(pins)
        full = (1 << count) - 1
        columns = {
            pin: sum(1 << i for i in range(count) if i >> j & 1) for j, pin in enumerate(pins)
        }
        return _evaluate(self.text, columns, full)

    def probability(self, ones: Mapping[str, float]) -> float:
        """Return the probability of a one, if each pin is one independently, with `ones[pin]`."""
        table = self.table(self.pins)
        total = 0.0
        for values in product((0, 1), repeat=len(self.pins)):
            if table >> sum(value << j for j, value in enumerate(values)) & 1:
                share = 1.0
                for pin, value in zip(self.pins, values, strict=True):
                    share *= ones[pin] if value else 1.0 - ones[pin]
                total += share
        return total


def parse_function(text: str) -> Function:
    """Parse Liberty's operators: ! and ' are not; &, * and a blank and; | and + or; ^ xor.

    Raises
    ------
    ValueError
        If the text is no such expression.
    """
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = TOKEN.match(text, position)
        if match is None:
            raise ValueError(f"Function {text!r} cannot be read at {text[position:]!r}")
        tokens.append(match.group(0).strip())
        position = match.end()
    parser = _Parser(tokens, text)
    expression = parser.either()
    if parser.tokens:
        raise ValueError(f"Function {text!r} cannot be read at {parser.tokens[0]!r}")
    return Function(expression, tuple(dict.fromkeys(parser.pins)))


class _Parser:
    """Recursive descent; the precedence is not, xor, and, or."""

    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens, self.text, self.pins = list(tokens), text, list[str]()

    def either(self) -> str:
        terms = [self.both()]
        while self._next() in ("|", "+"):
            self.tokens.pop(0)
            terms.append(self.both())
        return terms[0] if len(terms) == 1 else "(" + " | ".join(terms) + ")"

    def both(self) -> str:
        terms = [self.differ()]
        while (symbol := self._next()) and symbol not in "|+^)":
            if symbol in "&*":
                self.tokens.pop(0)
            terms.append(self.differ())
        return terms[0] if len(terms) == 1 else "(" + " & ".join(terms) + ")"

    def differ(self) -> str:
        terms = [self.inverse()]
        while self._next() == "^":
            self.tokens.pop(0)
            terms.append(self.inverse())
        return terms[0] if len(terms) == 1 else "(" + " ^ ".join(terms) + ")"

    def inverse(self) -> str:
        symbol = self._take()
        if symbol == "!":
            value = f"~{self.inverse()}"
        elif symbol == "(":
            value = self.either()
            if self._take() != ")":
                raise ValueError(f"Function {self.text!r} lacks a closing bracket")
        elif symbol in {"0", "1"}:
            value = {"0": "ZERO", "1": "(~ZERO)"}[symbol]
        elif symbol[0].isalpha() or symbol[0] == "_":
            self.pins.append(symbol)
            value = "{" + symbol + "}"
        else:
            raise ValueError(f"Function {self.text!r} has {symbol!r} where a pin must be")
        while self._next() == "'":
            self.tokens.pop(0)
            value = f"~{value}"
        return value

    def _next(self) -> str:
        return self.tokens[0] if self.tokens else ""

    def _take(self) -> str:
        if not self.tokens:
            raise ValueError(f"Function {self.text!r} ends too early")
        return self.tokens.pop(0)


def _evaluate(text: str, columns: Mapping[str, int], full: int) -> int:
    """Compute the C expression with Python's integers. Only our own parser makes its text."""
    names = {pin: f"v[{index}]" for index, pin in enumerate(columns)}
    values = list(columns.values())
    code = text.format_map(names).replace("ZERO", "0")
    return int(eval(code, {"__builtins__": {}}, {"v": values})) & full  # noqa: S307
