"""What is changed and how it is named, the list of survivors, and that a run tells who lives."""

import ast
import json
import subprocess
import sys

import pytest

from tests.mutation.python.operators import NOTE, Mutant, mutants_of, mutated, noted
from tests.mutation.python.program import Campaign, chosen, counted, options_of
from tests.mutation.python.running import Outcome
from tests.mutation.python.sample import all_mutants, drawn_from, sample
from tests.mutation.python.survivors import (
    Survivor,
    complaints,
    read_survivors,
    write_survivors,
)
from tests.mutation.python.targets import GROUPS, ROOT, group_of

SOURCE = '''
"""A module."""
LIMIT: int = 3
Pair = tuple[int, int] | None

class Box:
    size: float = 0.5

    @cached(1)
    def room(self, more: "int | str" = 2) -> int:
        """What is left."""
        if self.size < more and isinstance(self, Box | Pair):
            raise ValueError(f"size {self.size - 1}")
        return max(ceil_div(LIMIT, more), -1)

def total(values):
    result = [v for v in values if v is not None]
    result += ["end"]
    note(result)
    return sum(result).reshape(LIMIT, -1)
'''
KEYS = [
    "-: LIMIT: int = 3 -> LIMIT: int = 4",
    "-: LIMIT: int = 3 -> LIMIT: int = 2",
    "Box.: size: float = 0.5 -> size: float = 1.0",
    "Box.: 2 -> 3",
    "Box.: 2 -> 1",
    "Box.room: if self.size < more and isinstance(self, Box | Pair) -> if False",
    "Box.room: if self.size < more and isinstance(self, Box | Pair) -> if True",
    "Box.room: self.size < more and isinstance(self, Box | Pair)"
    " -> self.size < more or isinstance(self, Box | Pair)",
    "Box.room: self.size < more and isinstance(self, Box | Pair)"
    " -> self.size <= more and isinstance(self, Box | Pair)",
    "Box.room: self.size < more and isinstance(self, Box | Pair)"
    " -> self.size >= more and isinstance(self, Box | Pair)",
    "Box.room: ValueError(f'size {self.size - 1}') -> ValueError(f'size {self.size + 1}')",
    "Box.room: ValueError(f'size {self.size - 1}') -> ValueError(f'size {self.size - 2}')",
    "Box.room: ValueError(f'size {self.size - 1}') -> ValueError(f'size {self.size - 0}')",
    "Box.room: return max(ceil_div(LIMIT, more), -1) -> return min(ceil_div(LIMIT, more), -1)",
    "Box.room: return max(ceil_div(LIMIT, more), -1) -> return max(LIMIT // more, -1)",
    "Box.room: return max(ceil_div(LIMIT, more), -1) -> return max(ceil_div(LIMIT, more), 1)",
    "Box.room: return max(ceil_div(LIMIT, more), -1) -> return max(ceil_div(LIMIT, more), -2)",
    "Box.room: return max(ceil_div(LIMIT, more), -1) -> return max(ceil_div(LIMIT, more), -0)",
    "total: result = [v for v in values if v is not None] -> result = [v for v in values]",
    "total: result = [v for v in values if v is not None]"
    " -> result = [v for v in values if v is None]",
    "total: result += ['end'] -> result -= ['end']",
    "total: result += ['end'] -> pass",
    "total: note(result) -> pass",
]


def test_what_is_changed_of_a_file():
    """No type, docstring, decorator, nor what isinstance asks for."""
    found = mutants_of("a/b.py", SOURCE)
    assert [mutant.key for mutant in found] == [f"a/b.py {key}" for key in KEYS]
    assert [mutant.function for mutant in found] == [key.split(":")[0].strip("-") for key in KEYS]
    lines = SOURCE.splitlines()
    assert all("LIMIT" in lines[mutant.line - 1] for mutant in found[:2])
    for mutant in found:
        changed = ast.unparse(mutated(SOURCE, mutant.number))
        assert changed != ast.unparse(ast.parse(SOURCE))
        compile(changed, "b.py", "exec")


def test_each_function_tells_that_it_runs_with_the_name_that_its_mutants_have():
    text = """
class Box:
    def room(self):
        'What is left.'
        def inner():
            return 1
        return inner

def total():
    return Box().room()()
"""
    told = []
    names = {NOTE: told.append}
    exec(compile(noted("a/b.py", text), "b.py", "exec"), names)  # noqa: S102 (the text above)
    assert told == []
    assert names["total"]() == 1
    assert told == ["a/b.py total", "a/b.py Box.room", "a/b.py Box.room"]
    assert names["Box"].room.__doc__ == "What is left."
    assert {mutant.function for mutant in mutants_of("a/b.py", text)} == {"Box.room"}


def test_equal_changes_of_a_function_are_numbered():
    text = "def f(a):\n    a = a + 1\n    a = a + 1\n"
    keys = [mutant.key for mutant in mutants_of("b.py", text)]
    assert keys[3:] == [f"{key} #2" for key in keys[:3]]


def test_words_are_changed_where_they_are_asked_for():
    text = 'TITLE = "time (ms)"\n'
    assert mutants_of("b.py", text) == []
    (mutant,) = mutants_of("b.py", text, strings=True)
    assert ast.unparse(mutated(text, mutant.number, strings=True)) == "TITLE = 'time (ms)_'"


def test_a_sample_is_even_over_the_files_and_follows_its_seed():
    drawn = sample(300, 7)
    counts = {path: sum(m.path == path for m in drawn) for path in all_mutants()}
    whole = {path: len(some) for path, some in all_mutants().items()}
    most = max(counts.values())
    assert len({m.key for m in drawn}) == 300 == sum(counts.values())
    assert all(count in (most, most - 1, whole[path]) for path, count in counts.items())
    assert sample(300, 7) == drawn != sample(300, 8)


def test_a_change_of_one_file_leaves_what_is_drawn_of_the_others():
    """The list of survivors would else be of other mutants after every change of a file."""
    mutants = {name: [Mutant(name, "", f"{name} {n}", n, n) for n in range(40)] for name in "abc"}
    moved = [Mutant("b", "", f"b {n}", n + 2, n + 9) for n in range(40)]
    new = [Mutant("b", "", f"b new {n}", n, n) for n in range(2)]
    for seed in range(5):
        before = {mutant.key for mutant in drawn_from(mutants, 30, seed)}
        after = {mutant.key for mutant in drawn_from({**mutants, "b": new + moved}, 30, seed)}
        assert len(before) == len(after) == 30
        assert {key for key in before ^ after if key[0] != "b"} == set()
        assert len(after - before) <= len(new)


def test_a_part_is_drawn_of_the_sample_by_its_own_seed():
    def part(*words):
        return chosen(GROUPS, options_of(words, Campaign()))

    whole = part("--count", "200")
    some = [part("--count", "200", "--part", "9", "--seed", seed) for seed in ("3", "3", "4")]
    assert whole == sample(200, 1) and part("--count", "200", "--draw", "5") == sample(200, 5)
    assert some[0] == some[1] != some[2]
    assert all(len(set(drawn)) == 9 and set(drawn) <= set(whole) for drawn in some)


def test_groups_and_keys_choose_mutants():
    """A group's are those of the whole sample; by keys, drawn or not."""
    energy = ["--groups", "energy"]
    found = chosen(GROUPS, options_of([*energy, "--count", "200"], Campaign()))
    assert found == [m for m in sample(200, 1) if m.path.startswith("sim/energy/")]
    keys = ["sim/energy/memories.py -: BYTE = 8 -> BYTE = 9", "golden/text.py"]
    found = chosen(GROUPS, options_of(["--keys", *keys], Campaign()))
    text = all_mutants()["golden/text.py"]
    assert [m.key for m in found] == [*(m.key for m in text), keys[0]]
    found = chosen(GROUPS, options_of([*energy, "--keys", *keys], Campaign()))
    assert [m.key for m in found] == keys[:1]


def test_keys_come_from_the_lines_of_a_file(tmp_path):
    path = tmp_path / "keys"
    path.write_text("golden/text.py x: if a -> if True\nsim/energy\n")
    assert options_of(["--keys", f"@{path}"], Campaign()).keys == [
        "golden/text.py x: if a -> if True",
        "sim/energy",
    ]


def test_each_file_is_in_one_group_and_has_tests():
    paths = [path for group in GROUPS for path in group.sources]
    assert len(set(paths)) == len(paths) > 40
    for path in paths:
        assert (ROOT / path).is_file()
        assert group_of(path).tests


def test_each_of_the_list_is_a_mutant_of_the_files_as_they_are():
    keys = {mutant.key for some in all_mutants().values() for mutant in some}
    assert [key for key in read_survivors() if key not in keys] == []


def test_what_is_wrong_of_the_list_is_said():
    mutants = [Mutant("p", "", key, 0, 1) for key in "abcd"]
    listed = {key: Survivor(key, "hole", "a reason") for key in "bc"}
    assert complaints(mutants, {"a", "c"}, listed) == [
        "a: lives, and is not listed: a hole in the tests",
        "b: is listed, and a test kills it: take it off the list",
    ]


def test_the_share_is_of_mutants_that_give_another_result():
    """Three killed and two alive, one of them equivalent: 3 of 4; one stops and is no part."""
    names = ["assertion"] * 3 + ["lives"] * 2 + ["error"]
    found = {
        Mutant("p" if at < 4 else "q", "", str(at), 0, 1): Outcome(name)
        for at, name in enumerate(names)
    }
    figures = counted(found, {"3": Survivor("3", "equivalent", "a reason")})
    assert figures["mutants"] == 6 and figures["share"] == 3 / 4
    assert figures["equivalent"] == 1 and figures["outcomes"]["error"] == 1
    assert figures["files"] == {"p": [3, 1], "q": [0, 1]}


def test_the_list_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "survivors.toml"
    listed = [Survivor('a "b"', "equivalent", "of speed alone"), Survivor("c", "hole", "why")]
    write_survivors(listed, path)
    assert list(read_survivors(path).values()) == listed
    path.write_text(path.read_text().replace('"c"', '"a \\"b\\""'))
    with pytest.raises(ValueError, match=r'^a "b" must be in survivors\.toml once, not twice$'):
        read_survivors(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("a", "killed", "x"), "Verdict of a must be one of equivalent, hole, not 'killed'"),
        (("a", "hole", " "), "a must have a reason in survivors.toml"),
    ],
)
def test_an_entry_without_verdict_or_reason_is_refused(fields, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Survivor(*fields)


SCRIPT = """
import json
from tests.mutation.python.running import judge, reach_of
from tests.mutation.python.sample import all_mutants
from tests.mutation.python.targets import Group

for folder, file, test, function in (
    ("truncmac", "integers.py", "test_integers.py", "ceil_div"),
    ("golden", "quantise.py", "test_gemm.py", "check_bits"),
):
    group = Group("one", folder, files=[file], tested_by=[test])
    (mutants,) = all_mutants([group]).values()
    some = [mutant for mutant in mutants if mutant.function == function]
    print(json.dumps([o.outcome for _, o in judge(group, some, reach_of(group), workers=1)]))
"""


@pytest.mark.long
def test_an_assertion_kills_and_tests_that_see_nothing_let_live():
    """Of one function its own tests, and of another tests that only ever call it rightly."""
    command = [sys.executable, "-c", SCRIPT]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    own, others = map(json.loads, run.stdout.splitlines())
    assert len(own) > 2 and set(own) == {"assertion"}
    assert len(others) > 8 and set(others) == {"lives", "refusal"}
