"""What the pages say in words and numbers is what the code has."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.coverage.report import INTRODUCTION, WAIVERS
from tests.sim.energy import worked
from tests.verify.steps import STEPS
from tools.docs.glossary import words
from truncmac.golden import (
    Recalibration,
    accuracy,
    builtin_images,
    builtin_network,
    execute,
    network_accuracy,
)
from truncmac.sim.explore.settings import spec_of
from truncmac.sim.workloads.zoo import WORKLOADS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def text_of(page):
    """The page's words, one blank between them."""
    return " ".join((DOCS / page).read_text().split())


def test_generated_blocks_and_pictures_are_up_to_date():
    command = [sys.executable, "-m", "tools.docs.update", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_all_steps_of_the_verification_are_listed():
    rows = "".join(f"| {step.name} | {step.promise} |\n" for step in STEPS)
    assert f"| --- | --- |\n{rows}\n" in (DOCS / "verification" / "index.md").read_text()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) < 200


def test_the_readme_shows_the_accuracy_of_the_shipped_network():
    rows = re.findall(r"(?m)^ ([8421]) +([\d.]+%)", (ROOT / "README.md").read_text())
    network, (images, labels) = builtin_network(), builtin_images()
    expected = [
        (str(bits), f"{network_accuracy(network, images, labels, bits):.2%}")
        for bits in network.bit_widths
    ]
    assert rows == expected


def test_the_page_on_numerics_counts_the_certified_channels():
    counts = re.search(
        r"(\d+) channels, .* make (\d+) .* and (\d+) to (\d+) at k = 4",
        text_of("reference/numerics.md"),
    )
    network = builtin_network()
    found = {
        bits: [t for name, t in network.tensors.items() if name.endswith(f".b{bits}.exact")]
        for bits in network.bit_widths
    }
    sums = {bits: sum(int(t.sum()) for t in tensors) for bits, tensors in found.items()}
    lower = [sums[bits] for bits in (4, 2, 1)]
    total = sum(len(t) for t in found[8])
    assert list(map(int, counts.groups())) == [total, sums[8], min(lower), max(lower)]


def test_the_file_of_a_space_is_a_spec():
    text = (DOCS / "howto" / "explore.md").read_text()
    settings = tomllib.loads(re.search(r"(?s)```toml\n(.*?)```", text).group(1))
    spec = spec_of(settings)
    assert json.loads(json.dumps(spec.as_dictionary()))["space"]["cols"] == [4, 8, 16, 32, 64]


def test_shares_of_macs_are_those_of_the_page_on_workloads():
    text = text_of("howto/workloads.md")
    for name, share in (("mobilenet-v1", "95 %"), ("mobilenet-v2", "89 %")):
        part, whole = WORKLOADS[f"{name}-pointwise"]().macs, WORKLOADS[name]().macs
        assert f"{part / whole:.0%}".replace("%", " %") == share
        assert share in text
    assert round(100 * 12 * 2 * 197 * 197 * 768 / WORKLOADS["vit-b16"]().macs) == 4


def test_the_worst_mixes_are_as_bad_as_the_page_on_workloads_says():
    """Of all 60 mixes these two were the worst; the averages would take half a minute."""
    network, (images, labels) = builtin_network(), builtin_images()
    assert labels is not None
    before = execute(network, images[:322], {"conv2": 4, "conv3": 1, "conv4": 8})
    moved = Recalibration.of(network, images[322:]).at({"conv2": 1, "conv3": 2, "conv4": 8})
    after = execute(moved, images[:322], 8)
    found = [f"{100 * accuracy(run.logits, labels[:322]):.1f}" for run in (before, after)]
    sentence = re.search(
        r"over all 60 mixes .*: [\d.]+ % accuracy on average and ([\d.]+) % at worst with the "
        r"biases as exported, [\d.]+ % and ([\d.]+) % with moved ones",
        text_of("howto/workloads.md"),
    )
    assert sentence
    assert list(sentence.groups()) == found


def test_each_word_of_the_glossary_has_one_entry():
    text = (DOCS / "reference" / "glossary.md").read_text()
    entries = dict(re.findall(r"(?m)^### (.+)\n\n((?:.+\n)+)", text))
    names = words(text)
    assert len(names) == len({name.casefold() for name in names}) == len(entries) > 60
    for word in re.findall(r"(?<!\*)\*(\w[\w -]*)\*", text):
        assert word in entries or word.removesuffix("s") in entries, word


def test_what_the_glossary_names_is_defined_where_it_says():
    entries = text_of("reference/glossary.md")
    named = re.findall(r"`([\w.]+)`(?: does it)? in `([\w/]+\.py)`", entries)
    assert len(named) > 10
    for name, path in named:
        source = (ROOT / path).read_text()
        assert re.search(rf"(?m)^ *(?:def |class )?{name.rpartition('.')[2]}\b", source), name


def test_the_page_on_coverage_has_the_words_of_what_writes_it():
    page = (DOCS / "verification" / "coverage.md").read_text()
    assert page.startswith(INTRODUCTION)
    assert WAIVERS in page


def table(page, name):
    """Rows of the table between the marks of a name on a page, as lists of words."""
    text = (DOCS / page).read_text().split(f"<!-- worked: {name} -->")[1].split("<!-- /worked")[0]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in text.split("\n") if line][
        2:
    ]


def test_the_page_on_energy_shows_the_layer_that_is_worked_by_hand():
    page, events = "explanation/energy.md", worked.EVENTS[8]
    shown = {name.replace(" ", "_"): rest for name, *rest in table(page, "events")}
    here = {name for name, share in worked.SHARES.items() if share.work}
    assert set(shown) == here - {"residuals", "control"}  # which the text has
    for name, (count, work, _, clock, part, glitches, data_pj, clock_pj) in shown.items():
        own, share, terms = worked.FIGURES[8][name], worked.SHARES[name], worked.terms(name, 8)
        assert count == f"{getattr(events, share.event)} {share.event}s"
        assert work.split(", clock ") == [
            str(n) for n in dict.fromkeys((share.work, share.clocked))
        ]
        assert (clock, part, glitches) == (
            f"{own.clock:,.2f}",
            f"{own.clock_share:.4f}",
            f"{own.glitches:.4f}",
        )
        assert (data_pj, clock_pj) == (f"{terms.data:,.3f}", f"{terms.clock:,.3f}")
    shown = {name.replace(" ", "_"): rest for name, *rest in table(page, "cycles")}
    assert set(shown) == {name for name, share in worked.SHARES.items() if share.size}
    for name, (size, root, leakage, _, root_pj, leakage_pj, _) in shown.items():
        terms = worked.terms(name, 8)
        assert size == str(worked.SHARES[name].size)
        assert (root, leakage) == tuple(f"{figure:,.2f}" for figure in worked.ALWAYS[name])
        assert (root_pj, leakage_pj) == (f"{terms.root:.3f}", f"{terms.leakage:.3f}")
    sums = [worked.parts(k) for k in (8, 3)]
    shown = {name.replace(" ", "_"): rest for name, *rest in table(page, "sums")}
    for name in sums[0]:
        assert shown[name] == [f"{own[name]:,.3f}" for own in sums]
    assert shown["all"] == [f"{sum(own.values()):,.3f}" for own in sums]
