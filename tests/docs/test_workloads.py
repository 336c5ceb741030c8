"""docs/howto/workloads.md: its examples are run, and print what it says."""

import doctest
import re
from pathlib import Path

from truncmac.golden import Recalibration, accuracy, builtin_images, builtin_network, execute
from truncmac.sim.workloads.zoo import WORKLOADS

TEXT = (Path(__file__).parents[2] / "docs" / "howto" / "workloads.md").read_text()


def test_examples_print_what_the_document_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "\n".join(re.findall(r"(?s)```pycon\n(.*?)```", TEXT))
    test = doctest.DocTestParser().get_doctest(source, {}, "workloads.md", None, 0)
    assert len(test.examples) > 10
    output: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=output.append)
    assert result.failed == 0, "".join(output)


def test_shares_of_macs_are_those_in_the_document():
    for name, share in (("mobilenet-v1", "95 %"), ("mobilenet-v2", "89 %")):
        part, whole = WORKLOADS[f"{name}-pointwise"]().macs, WORKLOADS[name]().macs
        assert f"{part / whole:.0%}".replace("%", " %") == share
        assert share in TEXT
    assert round(100 * 12 * 2 * 197 * 197 * 768 / WORKLOADS["vit-b16"]().macs) == 4


def test_the_worst_mixes_are_as_bad_as_the_document_says():
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
        " ".join(TEXT.split()),
    )
    assert sentence
    assert list(sentence.groups()) == found
