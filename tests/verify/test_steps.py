"""The steps of `make verify`: all tests are in one, and a drawn part of them is what CI runs."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.verify import __main__ as program
from tests.verify.steps import SEED, STEPS, Step, python_mutant_figures

ROOT = Path(__file__).parents[2]
TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("test_*.py"))
MINUTES = 15


def has(step, test):
    """Whether a step runs the tests of a file."""
    return any(map(test.is_relative_to, step.paths)) and not any(
        map(test.is_relative_to, step.left_out)
    )


def test_every_test_is_in_one_step_and_every_path_of_a_step_is_there():
    paths = [path for step in STEPS for path in (*step.paths, *step.left_out)]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    found = {str(test): [step.name for step in STEPS if has(step, test)] for test in TESTS}
    assert {test: names for test, names in found.items() if len(names) != 1} == {}


def test_every_program_of_a_step_is_there():
    for step in STEPS:
        assert step.command[:2] == [sys.executable, "-m"]
        name = step.command[2]
        if name != "pytest":
            path = ROOT / name.replace(".", "/")
            assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()


def test_every_step_with_long_tests_has_a_part_that_runs_them():
    marked = {path for path in TESTS if re.search(r"\bmark\.long\b", (ROOT / path).read_text())}
    marked.discard(Path(__file__).relative_to(ROOT))
    for step in STEPS:
        long = any(has(step, test) for test in marked)
        assert long == (bool(step.paths) and step.part is not None), step.name


def test_names_are_unique_and_the_longest_steps_are_named_to_run():
    names = [step.name for step in STEPS]
    assert len(set(names)) == len(names) and "all" not in names and "list" not in names
    assert {step.name for step in program.named([])} < set(names)
    assert program.named(["all"]) == STEPS
    assert [step.name for step in program.named(["reset", "products"])] == ["products", "reset"]
    assert sum(step.minutes for step in program.named([])) < 65


def test_what_make_test_runs_is_what_is_not_long():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]
    options = settings["ini_options"]["addopts"]
    assert options[options.index("-m") + 1] == "not long"


def test_the_same_seed_draws_the_same_and_others_draw_the_rest():
    draws = [program.drawn(seed, MINUTES) for seed in range(20)]
    assert program.drawn(3, MINUTES) == draws[3] != draws[4]
    for draw in draws:
        assert MINUTES - 3 < sum(step.minutes for step in draw) <= MINUTES
    assert {step.name for draw in draws for step in draw} == {s.name for s in STEPS if s.part}
    by_name = {step.name: step for step in STEPS}
    seeded = [step.command for step in draws[17] if SEED in by_name[step.name].part]
    assert all("17" in command and SEED not in command for command in seeded) and seeded


def test_figures_of_mutants_of_the_python():
    """Of those that give another result one lives; one only stops and is no part of the share."""
    found = {
        **{"mutants": 1006, "outcomes": {"assertion": 1003, "lives": 2, "error": 1}},
        **{"equivalent": 1, "share": 1003 / 1004, "files": {}, "wrong": ["a: lives"]},
    }
    assert python_mutant_figures(found) == (
        "1,006 mutants, 1,003 killed, 2 live, 1 of them equivalent, 1 only stop; 99.9% of those "
        "that give another result are killed; 1 faults"
    )


def step(name, code, **changes):
    """One that prints a line, and writes no figures."""
    command = [sys.executable, "-c", f"print('begun'); print('{name} done'); exit({code})"]
    return Step(name, f"{name} holds", command, 1, **changes)


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    return tmp_path / "build" / "verify"


@pytest.mark.parametrize("code", [0, 3])
def test_a_step_that_fails_fails_the_run(code, place, monkeypatch, capsys):
    monkeypatch.setattr(program, "STEPS", [step("first", 0), step("second", code)])
    assert program.main([]) == (1 if code else 0)
    shown = capsys.readouterr().out
    assert "first done" in shown and "second done" in shown
    assert ("Failed: second." in shown) == bool(code)
    page = (place / "verification.md").read_text()
    assert f"| second | second holds | {'FAILED' if code else 'passed'} | second done" in page


def test_a_step_whose_figures_are_missing_fails(place, monkeypatch, capsys):
    counted = replace(step("first", 0), figures=lambda found: found["passed"])
    monkeypatch.setattr(program, "STEPS", [counted])
    assert program.main(["first"]) == 1
    assert "FAILED" in capsys.readouterr().out


def test_a_sample_is_printed_with_its_seed_and_ends_in_time(place, monkeypatch, capsys):
    parts = [
        replace(step(name, 0), part=[sys.executable, "-c", "print('part {seed}')"], part_minutes=2)
        for name in ("first", "second")
    ]
    monkeypatch.setattr(program, "STEPS", [*parts, step("without", 1)])
    assert program.main(["--sample", "7", "--minutes", "5"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Drawn with seed 7: ") and shown.count("): part 7") == 2
    assert "TRUNCMAC_SEED = 7." in shown.splitlines()[-1]
    results = program.run_all(program.drawn(7, 5), minutes=1)
    assert len(results) == 1  # a second would end too late
    assert "left out" in capsys.readouterr().out


def test_an_unknown_step_is_answered_with_the_known_ones(capsys):
    assert program.main(["frobnicate"]) == 2
    assert "Step must be one of lint-verilog, " in capsys.readouterr().err


def test_the_list_and_the_help_name_every_step(capsys):
    assert program.main(["list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"  {step.name} " in shown for step in STEPS)
    with pytest.raises(SystemExit):
        program.main(["--help"])
    shown = capsys.readouterr().out
    assert all(step.promise in shown for step in STEPS)


def test_make_help_fits_one_screen():
    run = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True)  # noqa: S607
    lines = run.stdout.splitlines()
    assert len(lines) <= 16 and max(map(len, lines)) <= 100
    targets = set(re.findall(r"(?m)^([a-z][\w-]*):", (ROOT / "Makefile").read_text()))
    assert targets - {line.split()[0] for line in lines} == {"setup-dev", "programs"}
