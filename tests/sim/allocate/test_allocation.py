import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.golden.networks import small_network
from truncmac.golden import (
    Recalibration,
    accuracy,
    builtin_images,
    builtin_network,
    execute,
    load,
    save,
    with_layer_bits,
)
from truncmac.hw.config import ArrayConfig
from truncmac.sim.allocate import allocation
from truncmac.sim.allocate.allocation import Scorer, find_allocation
from truncmac.sim.rtl.network import run_network

NETWORK = builtin_network()
IMAGES, LABELS = builtin_images()
MACS = {"conv1": 9, "conv2": 295, "conv3": 590, "conv4": 295, "linear": 1}


def cost(name, k):
    return MACS[name] * k


def digits(moved=True):
    recalibration = Recalibration.of(NETWORK, IMAGES[100:150]) if moved else None
    return Scorer(NETWORK, IMAGES[:100], LABELS[:100], recalibration)


@pytest.fixture(scope="module")
def result():
    return find_allocation(digits(), cost, widths=(8, 4, 2, 1), points=12, budgets=[3000])


def test_the_front_rises_and_no_measured_point_beats_it(result):
    front = result.front
    assert all(a.cost < b.cost for a, b in pairwise(front))
    assert all(a.score.accuracy < b.score.accuracy for a, b in pairwise(front))
    for point in result.points:
        assert any(p.cost <= point.cost and p.score.accuracy >= point.score.accuracy for p in front)
    assert set(map(str, front)) <= set(map(str, result.points))


def test_the_points_of_one_k_are_measured_as_the_network_at_that_k(result):
    uniform = {point.uniform: point for point in result.points if point.uniform}
    assert set(uniform) == {8, 4, 2, 1}
    for k, point in uniform.items():
        logits = execute(NETWORK, IMAGES[:100], k).logits
        assert point.score.accuracy == accuracy(logits, LABELS[:100])
        assert point.cost == 8 * 10 + k * (295 + 590 + 295)


@pytest.mark.parametrize("bits", [2, 1])
def test_a_uniform_choice_is_the_network_at_its_k_with_all_its_parameters(bits):
    found = digits().at(dict.fromkeys(("conv2", "conv3", "conv4"), bits))
    expected = with_layer_bits(NETWORK, bits)
    assert found.layers == expected.layers
    for name, tensor in expected.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], tensor, err_msg=name)


def test_each_layer_is_measured_alone(result):
    assert set(result.sensitivities) == {"conv2", "conv3", "conv4"}
    scorer = digits()
    for name, scores in result.sensitivities.items():
        assert set(scores) == {4, 2, 1}
        bits = dict.fromkeys(result.sensitivities, 8) | {name: 1}
        network = Recalibration.of(NETWORK, IMAGES[100:150]).at(bits)
        found = accuracy(execute(network, IMAGES[:100], 8).logits, LABELS[:100])
        assert scores[1].accuracy == scorer.score(bits).accuracy == found


def test_it_is_deterministic_and_tells_its_progress(result):
    steps = []
    again = find_allocation(
        digits(),
        cost,
        widths=(8, 4, 2, 1),
        points=12,
        budgets=[3000],
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert again == result
    assert steps == sorted(steps)
    assert steps[-1] == (9 + 1 + 12 + 1 + 4,) * 2


def test_the_best_for_a_budget_is_the_most_accurate_that_it_allows(result):
    for budget in (1260, 3000, 5000, 1e9):
        allowed = [point for point in result.points if point.cost <= budget]
        best = result.best(budget)
        assert best in allowed
        assert best.score.accuracy == max(point.score.accuracy for point in allowed)
    with pytest.raises(ValueError, match="^Budget must be at least 1,260, not 1,259$"):
        result.best(1259)


def test_the_best_guess_for_a_budget_is_measured_too():
    plain = find_allocation(digits(False), cost, widths=(8, 1), points=2)
    budget = 10 * 8 + 8 * 295 + 590 + 295
    more = find_allocation(digits(False), cost, widths=(8, 1), points=2, budgets=[budget])
    (extra,) = [point for point in more.points if point not in plain.points]
    assert plain.points[0].cost < extra.cost <= budget


def test_a_chosen_point_is_a_network_that_gives_its_accuracy(result, tmp_path):
    scorer = digits()
    point = next(point for point in result.points if point.uniform is None)
    save(scorer.at(point.bits), tmp_path / "mixed")
    mixed = load(tmp_path / "mixed")
    assert {layer.name: layer.bits for layer in mixed.products if layer.name in point.bits} == (
        point.bits
    )
    found = accuracy(execute(mixed, IMAGES[:100], 8).logits, LABELS[:100])
    assert found == point.score.accuracy


def test_a_mixed_network_runs_on_the_rtl(tmp_path):
    images = np.random.default_rng(2).integers(0, 64, (1, 2, 7, 6), np.uint8)
    bits = {"second": 2, "third": 8, "logits": 2}
    mixed = Recalibration.of(small_network(), images).at(bits)
    (report,) = run_network(
        *(mixed, images, [8], ArrayConfig(2, 2, 4, 2, 45)),
        simulator="icarus",
        build_root=tmp_path,
    )
    assert report.mismatches == 0
    assert [outcome.gemm.bits for outcome in report.outcomes] == [8, 2, 8, 2]


def test_logits_of_any_unit_have_one_loss():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, 60)
    logits = rng.integers(-99, 100, (60, 5)) + 80 * (np.arange(5) == labels[:, None])
    loss = allocation._loss(logits, labels)
    assert allocation._loss(1000 * logits, labels) == pytest.approx(loss)
    shifts = rng.integers(-(10**9), 10**9, (60, 1))
    assert allocation._loss(logits + shifts, labels) == pytest.approx(loss)
    scale = np.linspace(0.0001, 0.2, 2000)[:, None, None]
    shares = np.exp(scale * logits) / np.exp(scale * logits).sum(axis=2, keepdims=True)
    losses = -np.log(shares[:, np.arange(60), labels]).mean(axis=1)
    assert loss == pytest.approx(losses.min(), rel=0.01)
    assert losses.min() < 0.9 * losses.max()


def test_equal_logits_tell_nothing():
    assert allocation._loss(np.zeros((3, 4), np.int64), np.array([0, 1, 2])) == np.log(4)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(3, int), "Labels must be one for each of 100 images, not (3,)"),
        (np.full(100, 10), "Labels must be in 0..9, not 10..10"),
        (np.full(100, -1), "Labels must be in 0..9, not -1..-1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Scorer(NETWORK, IMAGES[:100], labels)


def test_a_network_without_a_choice_is_refused():
    layers = tuple(
        replace(layer, bits=8) if layer in NETWORK.products else layer for layer in NETWORK.layers
    )
    scorer = Scorer(replace(NETWORK, layers=layers), IMAGES[:9], LABELS[:9])
    message = "Network 'digits' must have a layer without a k of its own"
    with pytest.raises(ValueError, match=f"^{message}$"):
        find_allocation(scorer, cost, widths=(8,))


def test_a_budget_that_nothing_meets_is_refused_before_anything_is_measured():
    steps = []
    with pytest.raises(ValueError, match="^Budget must be at least 1,260, not 1,259$"):
        find_allocation(
            digits(False),
            cost,
            widths=(8, 1),
            budgets=[1259],
            on_progress=lambda *step: steps.append(step),
        )
    assert not steps


def test_a_width_without_parameters_is_refused():
    with pytest.raises(ValueError, match="^The network has no parameters for k = 3, only for"):
        find_allocation(digits(False), cost, widths=(8, 3))


def test_of_choices_that_cost_the_same_only_the_most_accurate_is_in_the_front():
    found = find_allocation(digits(False), lambda name, k: 1.0, widths=(8, 1), points=2)
    (only,) = found.front
    accuracies = [point.score.accuracy for point in found.points]
    assert only.score.accuracy == max(accuracies) > min(accuracies)
