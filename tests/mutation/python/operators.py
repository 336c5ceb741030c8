"""Makes the mutants of a Python file: one small change of its syntax tree each.

Changes keep the types where they can, so that a mutant computes something else instead of
failing at once: comparisons, arithmetic, conditions, numbers, and calls with a counterpart.

Where the file describes hardware in Amaranth, its conditions never or always hold too, an
assignment or a next state is left out, and what a multiplexer chooses is exchanged.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["NOTE", "Mutant", "mutants_of", "mutated", "noted"]

WIDEST = 60  # characters of the expression that a key shows around a change

COMPARED: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
COMPUTED: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
CALLED = {
    **dict(min="max", max="min", any="all", all="any", argmin="argmax", argmax="argmin"),
    **dict(minimum="maximum", maximum="minimum", floor="ceil", ceil="floor", rint="floor"),
    **dict(zeros="ones", ones="zeros", sorted="list"),
}
SIMPLE = (ast.expr, ast.keyword, ast.comprehension, ast.Assign, ast.AnnAssign, ast.AugAssign)
SIMPLE += (ast.Return, ast.Expr)
QUIET = ("strict",)  # keywords whose change no result can show
NOTE = "__note__"  # name of a function that the functions of a file may call
REST = "-1"  # what reshape computes itself, for which any negative number stands


@dataclass(frozen=True)
class Mutant:
    """One change of a file.

    Attributes
    ----------
    path : of the file, from the root
    function : that the change is run by: its qualified name, the outermost one; empty where it is
        run when the module is imported
    key : path, function, and the changed expression before and after; where some are the same,
        numbered in the order of the file. It outlives changes elsewhere in the file
    number : of the change in the file
    line : of the file
    """

    path: str
    function: str
    key: str
    number: int
    line: int


@dataclass(frozen=True)
class _Place:
    """Where a node hangs in the tree, and what it is run by."""

    parents: tuple[ast.AST, ...]
    name: str
    index: int | None
    function: str

    def put(self, node: ast.AST) -> None:
        """Hang another node there."""
        if self.index is None:
            setattr(self.parents[-1], self.name, node)
        else:
            getattr(self.parents[-1], self.name)[self.index] = node


@dataclass
class _Walk:
    """Places of a tree, in the order of the file, each with its changes."""

    strings: bool
    hardware: bool
    found: list[tuple[_Place, ast.AST, ast.AST]] = field(default_factory=list)

    def visit(self, node: ast.AST, place: _Place) -> None:
        for changed in _changes(node, place, strings=self.strings, hardware=self.hardware):
            self.found.append((place, node, changed))
        for name, value in ast.iter_fields(node):
            if _left_out(node, name):
                continue
            function = _run_by(node, name, place.function)
            children = value if isinstance(value, list) else [value]
            for index, child in enumerate(children):
                if isinstance(child, ast.AST) and not _is_rest(node, child):
                    at = index if isinstance(value, list) else None
                    self.visit(child, _Place((*place.parents, node), name, at, function))


def mutants_of(
    path: str, source: str, *, strings: bool = False, hardware: bool = False
) -> list[Mutant]:
    """All mutants of a file's text, in its order.

    Parameters
    ----------
    strings : words are changed too, as in a table of titles and formats
    hardware : and what Amaranth makes hardware of
    """
    seen: Counter[str] = Counter()
    result = []
    for number, (place, node, changed) in enumerate(_found(source, strings, hardware)[1]):
        before, after = _texts(place, node, changed)
        key = f"{path} {place.function or '-'}: {before} -> {after}"
        seen[key] += 1
        again = f" #{seen[key]}" if seen[key] > 1 else ""
        line = getattr(node, "lineno", getattr(place.parents[-1], "lineno", 0))
        result.append(Mutant(path, place.function, key + again, number, line))
    return result


def mutated(
    source: str, number: int, *, strings: bool = False, hardware: bool = False
) -> ast.Module:
    """The tree of a file's text with the change of this number."""
    tree, found = _found(source, strings, hardware)
    place, node, changed = found[number]
    place.put(ast.copy_location(changed, node))
    return ast.fix_missing_locations(tree)


def noted(path: str, source: str) -> ast.Module:
    """The tree of a file's text, in which each function begins with `NOTE("path function")`.

    The function is the outermost one, as that of a mutant.
    """
    tree = ast.parse(source)
    _note(path, tree, "")
    return ast.fix_missing_locations(tree)


def _note(path: str, node: ast.AST, function: str) -> None:
    for name, value in ast.iter_fields(node):
        inside = _run_by(node, name, function)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                _note(path, child, inside)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        place = f"{path} {_run_by(node, 'body', function)}"
        after = int(ast.get_docstring(node) is not None)
        node.body[after:after] = ast.parse(f"{NOTE}({place!r})").body


def _found(
    source: str, strings: bool, hardware: bool
) -> tuple[ast.Module, list[tuple[_Place, ast.AST, ast.AST]]]:
    tree = ast.parse(source)
    walk = _Walk(strings, hardware)
    for index, statement in enumerate(tree.body):
        walk.visit(statement, _Place((tree,), "body", index, ""))
    return tree, walk.found


def _texts(place: _Place, node: ast.AST, changed: ast.AST) -> tuple[str, str]:
    """The change with as much of the expression around it as a line can show."""
    if isinstance(node, ast.If | ast.While):
        word = type(node).__name__.lower()
        return tuple(f"{word} {_one_line(some.test)}" for some in (node, changed))
    widest, parents = node, [*place.parents]
    while parents and isinstance(parents[-1], SIMPLE):
        if len(ast.unparse(parents[-1])) > WIDEST:
            break
        widest = parents.pop()
    before = _one_line(widest)
    if widest is node:
        return before, _one_line(changed)
    place.put(changed)
    after = _one_line(widest)
    place.put(node)
    return before, after


def _one_line(node: ast.AST) -> str:
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= 2 * WIDEST else f"{text[: 2 * WIDEST]}..."


def _run_by(node: ast.AST, name: str, function: str) -> str:
    """What runs a child of a node: the outermost function around it, with its classes."""
    named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    if not named or name != "body" or (function and not function.endswith(".")):
        return function
    return f"{function}{node.name}" + ("." if isinstance(node, ast.ClassDef) else "")


def _left_out(node: ast.AST, name: str) -> bool:
    """Types of Python and of ports, decorators, names that are exported, and of isinstance."""
    if name in ("annotation", "returns", "decorator_list", "ctx", "type_params"):
        return True
    if isinstance(node, ast.Assign):
        targets = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return name == "value" and ("__all__" in targets or _is_type(node.value))
    if isinstance(node, ast.Call) and _called(node) in ("isinstance", "In", "Out"):
        return name == "args"  # a type, or a port's, whose wider bits nothing connects
    if isinstance(node, ast.keyword):
        return node.arg in QUIET
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def _is_rest(node: ast.AST, child: ast.AST) -> bool:
    """Whether a node reshapes, and its child says: so many as there are."""
    reshapes = isinstance(node, ast.Call) and _called(node) == "reshape"
    return reshapes and ast.unparse(child) == REST


def _is_type(node: ast.AST) -> bool:
    """Whether a value is a union or a subscript of types, such as int | None."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _is_type(node.left) or _is_type(node.right)
    if isinstance(node, ast.Subscript):
        return _is_type(node.value)
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("int", "float", "str", "dict", "tuple", "list", "NDArray") or (
        name[:1].isupper() and not name.isupper()
    )


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", getattr(node.func, "attr", ""))


def _changes(node: ast.AST, place: _Place, *, strings: bool, hardware: bool) -> Iterator[ast.AST]:
    """What a node may be changed to."""
    if hardware and isinstance(node, ast.AugAssign | ast.Assign | ast.Call):
        yield from _other_hardware(node)
        if isinstance(node, ast.AugAssign):  # `m.d.comb -= ...` is no hardware
            return
    if isinstance(node, ast.Compare):
        for index, op in enumerate(node.ops):
            for other in COMPARED.get(type(op), ()):
                ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
                yield ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BinOp) and not _of_text_or_table(node):
        if type(node.op) in COMPUTED:
            yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
    elif isinstance(node, ast.AugAssign):
        if type(node.op) in COMPUTED:
            yield ast.AugAssign(node.target, COMPUTED[type(node.op)](), node.value)
        yield ast.Pass()
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Constant):
        yield from _other_constants(node, place, strings)
    elif isinstance(node, ast.Call):
        yield from _other_calls(node)
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield from _other_conditions(node)
    elif isinstance(node, ast.comprehension):
        for index in range(len(node.ifs)):
            ifs = node.ifs[:index] + node.ifs[index + 1 :]
            yield ast.comprehension(node.target, node.iter, ifs, node.is_async)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield ast.Pass()
    elif isinstance(node, ast.Continue | ast.Break):
        yield ast.Break() if isinstance(node, ast.Continue) else ast.Continue()


def _other_hardware(node: ast.AugAssign | ast.Assign | ast.Call) -> Iterator[ast.AST]:
    """Less is assigned, a condition never or always holds, or the other of two is chosen."""
    if isinstance(node, ast.AugAssign):
        parts = node.value.elts if isinstance(node.value, ast.List) else []
        if len(parts) < 2:
            yield ast.Pass()
        for index in range(len(parts) if len(parts) > 1 else 0):
            some = ast.List([*parts[:index], *parts[index + 1 :]], ast.Load())
            yield ast.AugAssign(node.target, node.op, some)
    elif isinstance(node, ast.Assign):
        if ast.unparse(node.targets[0]) == "m.next":
            yield ast.Pass()
    elif ast.unparse(node.func) in ("m.If", "m.Elif"):
        for value in (0, 1):
            yield ast.Call(node.func, [ast.Constant(value)], [])
    elif _called(node) == "Mux":
        yield ast.Call(node.func, [node.args[0], *node.args[:0:-1]], [])


def _of_text_or_table(node: ast.BinOp) -> bool:
    """Whether an operand is text, a list or a dictionary, with which no other operation works."""
    kinds = (ast.JoinedStr, ast.List, ast.Tuple, ast.Dict, ast.DictComp, ast.ListComp, ast.Set)
    return any(
        isinstance(side, kinds) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _other_constants(node: ast.Constant, place: _Place, strings: bool) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        yield _number(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(2 * value or 1.0)
    elif isinstance(value, str) and strings and not isinstance(place.parents[-1], ast.Expr):
        yield ast.Constant(f"{value}_" if value else "_")


def _number(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    name = _called(node)
    if name == "ceil_div" and len(node.args) == 2:
        yield ast.BinOp(node.args[0], ast.FloorDiv(), node.args[1])
    elif name == "abs" and len(node.args) == 1:
        yield node.args[0]
    elif name in CALLED:
        func = copy.copy(node.func)
        setattr(func, "id" if isinstance(func, ast.Name) else "attr", CALLED[name])
        yield ast.Call(func, node.args, node.keywords)


def _other_conditions(node: ast.If | ast.IfExp | ast.While) -> Iterator[ast.AST]:
    if isinstance(node.test, ast.Constant):
        return
    for value in (False,) if isinstance(node, ast.While) else (False, True):
        changed = copy.copy(node)
        changed.test = ast.Constant(value)
        yield changed
