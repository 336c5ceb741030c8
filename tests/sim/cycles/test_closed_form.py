"""The closed form against what the RTL counted, and against the model cycle by cycle."""

import numpy as np
import pytest

from tests.sim.cycles.recorded import POINTS
from tests.sim.cycles.test_control import random_config
from truncmac.hw.config import ArrayConfig
from truncmac.sim.cycles.closed_form import count_jobs, count_sequence
from truncmac.sim.cycles.control import control_counters
from truncmac.sim.cycles.job import Job
from truncmac.sim.cycles.points import Products, Sizes, Start
from truncmac.sim.stalls import Gaps, Stalls


def random_products(rng, config, count=4):
    most = [6 * config.rows, 40, 5 * config.cols, 8]
    sizes = rng.integers(1, most, (count, 4), endpoint=True).T
    return Products(*sizes, rng.random(count) < 0.7)


def jobs_of(products, config):
    columns = (products.rows, products.reduction, products.columns, products.bits, products.fresh)
    return [
        Job(-(-k // config.lanes), bits, -(-m // config.rows), -(-n // config.cols), fresh)
        for m, k, n, bits, fresh in zip(*(c.tolist() for c in columns), strict=True)
    ]


def covered(point):
    """Whether the formulas hold: jobs apart, and only the inputs are slow, by a rule."""
    gaps = point.stalls.gaps
    apart = point.together == 1 and not point.stalls.random and point.widths is None
    return apart and gaps.results == gaps.residuals == 1


@pytest.mark.parametrize("point", [*filter(covered, POINTS)], ids=lambda point: point.name)
def test_counts_what_the_rtl_counted(point):
    sizes = np.array(point.products).T
    bits = np.array([job.bits for job in point.jobs])
    products = Products(*sizes, bits, np.array([job.fresh for job in point.jobs]))
    gaps = point.stalls.gaps
    counts = count_sequence(
        products,
        Sizes.of(point.config),
        activations=gaps.activations,
        weights=gaps.weights,
        parameters=gaps.parameters,
    )
    assert counts.rows() == point.counters


@pytest.mark.parametrize("most", [(1, 1, 1), (4, 4, 4), (20, 6, 4), (4, 4, 60), (20, 2, 60)])
def test_equals_the_model_cycle_by_cycle(most):
    rng = np.random.default_rng(most)
    for _ in range(60):
        config = random_config(rng)
        products = random_products(rng, config)
        names = ("activations", "weights", "parameters")
        gaps = dict(zip(names, rng.integers(1, most, endpoint=True).tolist(), strict=True))
        counts = count_sequence(products, Sizes.of(config), **gaps)
        expected = control_counters(config, jobs_of(products, config), Stalls(gaps=Gaps(**gaps)))
        assert counts.rows() == expected, (config, gaps, products)


def test_streams_need_a_cycle_for_a_word_unless_it_is_said():
    """One job from reset, and all of them, against the model cycle by cycle at full speed."""
    rng = np.random.default_rng(6)
    for _ in range(20):
        config = random_config(rng)
        products = random_products(rng, config)
        expected = control_counters(config, jobs_of(products, config))
        assert count_sequence(products, Sizes.of(config)).rows() == expected
        counts, _ = count_jobs(products, Sizes.of(config), Start.at_reset())
        assert counts.rows()[0] == expected[0]


def test_each_point_may_have_gaps_of_its_own():
    rng = np.random.default_rng(7)
    config = random_config(rng)
    products = random_products(rng, config)
    names = ("activations", "weights", "parameters")
    gaps = {name: rng.integers(1, 9, (5, 1)) for name in names}
    every = Products(*(value[None] for value in vars(products).values()))
    spread = {name: np.broadcast_to(gap, (5, 4)) for name, gap in gaps.items()}
    together = count_sequence(every, Sizes.of(config), **spread).arrays()
    for at in range(5):
        own = {name: int(gap[at, 0]) for name, gap in gaps.items()}
        expected = control_counters(config, jobs_of(products, config), Stalls(gaps=Gaps(**own)))
        for name, array in together.items():
            assert array[at].tolist() == [counters[name] for counters in expected]


def test_residual_codes_in_time_cost_nothing():
    config = ArrayConfig(3, 6, 2, 1, requantisers=2)
    job = Job(4, 3, 5, 2, fresh=True, residual=True)
    without = Job(4, 3, 5, 2, fresh=True)
    slow = Stalls(gaps=Gaps(residuals=config.share))
    assert control_counters(config, [job] * 2, slow) == control_counters(config, [without] * 2)


def test_many_arrays_at_once_are_as_each_alone():
    rng = np.random.default_rng(0)
    configs = [random_config(rng) for _ in range(20)]
    products = random_products(rng, configs[0])
    sizes = Sizes.of(configs)
    columns = Sizes(*(getattr(sizes, name)[:, None] for name in vars(sizes)))
    together = count_sequence(products, columns).arrays()
    for index, config in enumerate(configs):
        alone = count_sequence(products, Sizes.of(config)).arrays()
        for name, array in alone.items():
            np.testing.assert_array_equal(together[name][index], array)


def test_a_tile_takes_the_time_that_the_design_says():
    config = ArrayConfig(8, 8, 8, 1, requantisers=8)
    for bits in range(1, 9):
        product = Products(*(np.array([n]) for n in (80, 64, 8, bits)), np.array([False]))
        counts = count_sequence(product, Sizes.of(config)).rows()[0]
        assert counts["busy"] == 8 * bits + 9 * max(8 * bits, 8)
