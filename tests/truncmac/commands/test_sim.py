import json
import re
from dataclasses import replace

import pytest

from truncmac.commands import sim

SMALL = ["--rows", "2", "--cols", "2", "--lanes", "2", "--max-reduction", "20"]


def test_sim_compares_random_products_with_golden(run):
    code, out, _ = run("sim", *SMALL, "--simulator", "icarus", "-k", "8,1", "--count", "3")
    assert code == 0
    rows = [line.split() for line in out.splitlines() if re.match(r"^\s+[81]\s", line)]
    assert [row[0] for row in rows] == ["8", "1"]
    assert [row[-1] for row in rows] == ["0", "0"]


def test_sim_prints_json_and_records_waveforms(run, tmp_path):
    code, out, _ = run(
        *["sim", *SMALL, "--simulator", "icarus", "-k", "8", "--count", "1", "--seed", "3"],
        *["--waves", "waves/run.vcd", "--json"],
    )
    assert code == 0
    found = json.loads(out)
    assert found["array"]["max_reduction"] == 20
    assert (found["simulator"], found["seed"], found["stall"]) == ("icarus", 3, 0.3)
    (line,) = found["bits"]
    assert line == {"k": 8, "products": 1, "outputs": 1, "cycles": line["cycles"], "mismatches": 0}
    assert found["files"] == [f"waves/run.{kind}" for kind in ("vcd", "gtkw", "sucl")]
    assert all((tmp_path / name).stat().st_size for name in found["files"])


def test_a_difference_is_counted_and_is_exit_code_1(run, monkeypatch):
    """An output of the RTL that is one more than golden's, in one of three products at k = 8."""
    truth = sim.simulate

    def wrong(gemms, *args, **options):
        outcomes = truth(gemms, *args, **options)
        outputs = outcomes[1].outputs.copy()
        outputs[0, 0] += 1
        return [outcomes[0], replace(outcomes[1], outputs=outputs), *outcomes[2:]]

    monkeypatch.setattr(sim, "simulate", wrong)
    args = ["sim", *SMALL, "--simulator", "icarus", "-k", "8,1", "--count", "3", "--json"]
    code, out, _ = run(*args)
    assert code == 1
    assert [(line["k"], line["mismatches"]) for line in json.loads(out)["bits"]] == [(8, 1), (1, 0)]


TINY = ["--rows", "2", "--cols", "4", "--lanes", "2", "--depth", "4096"]


@pytest.mark.long
def test_sim_runs_random_networks_on_the_npu(run, monkeypatch):
    """A byte that the RTL leaves otherwise is a difference, and so is a fault."""
    truth = sim.run_programs
    given = {}

    def noted(runs, config, **options):
        given.update(options, runs=len(runs))
        outcomes = truth(runs, config, **options)
        if given.get("wrong"):
            regions = {region: data.copy() for region, data in outcomes[0].regions.items()}
            regions[3][0] ^= 1
            outcomes[0] = replace(outcomes[0], regions=regions)
            outcomes[1] = replace(outcomes[1], status=outcomes[1].status | {"fault": 8})
        return outcomes

    monkeypatch.setattr(sim, "run_programs", noted)
    args = ["sim", "--top", "npu", *TINY, "--simulator", "icarus", "-k", "8,1", "--count", "1"]
    code, out, errors = run(*args)
    assert code == 0, errors
    assert (given["axi_ram"], given["runs"], given["pauses"].shares["r"]) == (True, 2, 0.3)
    rows = [line.split() for line in out.splitlines() if re.match(r"^\s+[81]\s", line)]
    assert [(row[0], row[1], row[-1]) for row in rows] == [("8", "1", "0"), ("1", "1", "0")]
    given["wrong"] = True
    code, out, _ = run(*args, "--json")
    assert code == 1
    found = json.loads(out)
    assert found["npu"]["depth"] == 4096
    assert [line["mismatches"] for line in found["bits"]] == [1, 0]
    first, second = found["wrong"]
    assert re.fullmatch(r"random\d+, k = 8: 1 of \d+ bytes differ", first)
    assert re.fullmatch(r"random\d+, k = 1: ended with fault address, descriptor \d+", second)
