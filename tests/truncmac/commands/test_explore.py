import csv
import json
import re

import pytest

from truncmac.commands.explore import Spec, merged_settings
from truncmac.golden.files import alone
from truncmac.sim.extras import install_extra

SMALL = [
    *("--rows", "2..4", "--cols", "2,4", "--lanes", "4", "--planes", "1,2", "--out", "out"),
    *("-k", "8,2", "--workers", "0"),
]


@pytest.fixture(autouse=True)
def no_difference_in_colour(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


def test_the_front_is_shown_and_written(run, tmp_path):
    code, out, err = run("explore", *SMALL, "--csv", "--plot", "front.svg", "--where", "pes<=12")
    assert (code, err) == (0, "")
    assert "12 of 12 designs, 24 entries, 20 meet the constraints" in out
    assert "Pareto front of digits at k = 8" in out and "Pareto front of digits at k = 2" in out
    assert "Written: out/front.csv, out/front.json, out/report.html, out/points.csv" in out
    found = json.loads((tmp_path / "out/front.json").read_text())
    assert (found["schema"], found["designs"], found["feasible"]) == (1, 12, 20)
    assert set(found["versions"]) == {"truncmac", "numpy"} and found["spec"]["seed"] == 0
    with (tmp_path / "out/front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["command"] for row in rows] == [row["command"] for row in found["front"]]
    for row in found["front"]:
        assert re.search(rf"(?m)^ +{row['point']} +{row['rows']} +{row['cols']} ", out)
        assert row["pes"] <= 12
    with (tmp_path / "out/points.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 24
    assert (tmp_path / "front.svg").read_text().startswith("<?xml")


def test_a_printed_command_builds_the_array(run, tmp_path):
    run("explore", *SMALL)
    row = json.loads((tmp_path / "out/front.json").read_text())["front"][0]
    code, out, _ = run(*row["command"].split()[1:])
    assert code == 0
    assert f"{row['rows']} x {row['cols']} PEs of 4 lanes x {row['planes']} planes" in out


def test_a_point_is_evaluated_again(run, tmp_path):
    run("explore", *SMALL)
    path = tmp_path / "out/front.json"
    found = json.loads(path.read_text())
    point = found["front"][0]["point"]
    code, out, err = run("explore", "--point", f"out/front.json#{point}")
    assert (code, err) == (0, "")
    assert found["front"][0]["command"] in out and "This is what the file holds" in out
    found["front"][0]["cycles"] += 1
    path.write_text(json.dumps(found))
    code, out, _ = run("explore", "--point", f"out/front.json#{point}")
    assert code == 1 and "out/front.json holds other figures" in out
    for front in (3, [3], [{}]):
        path.write_text(json.dumps(found | {"front": front}))
        code, _, err = run("explore", "--point", f"out/front.json#{point}")
        assert code == 2
        assert err.startswith("truncmac: out/front.json: front must be a list of points: ")
    for text, message in {
        "out/front.json": "--point must be FILE#POINT, such as front.json#12, not 'out/front.json'",
        "out/front.json#12": "out/front.json: point must be in 0..11, not 12",
    }.items():
        assert run("explore", "--point", text) == (2, "", f"truncmac: {message}\n")


def test_options_take_the_place_of_the_file(tmp_path):
    path = tmp_path / "spec.toml"
    path.write_text(
        "bits = [8]\n[space]\nrows = 4\ncols = 4\n[constraints]\npes = { max = 9 }\n"
        "[search]\nseed = 5\n"
    )
    spec = merged_settings(
        path,
        options={"bits": "2", "front": None},
        space={"rows": "8", "cols": None},
        search={"seed": None},
        constraints=["cycles<=9"],
    )
    assert isinstance(spec, Spec)
    assert (spec.bits, spec.space["rows"], spec.space["cols"], spec.seed) == ((2,), (8,), (4,), 5)
    assert {name: bound.max for name, bound in spec.constraints.items()} == {"pes": 9, "cycles": 9}
    path.write_text("rows = 4\n")
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: a key must be one of "):
        merged_settings(path, options={}, space={}, search={}, constraints=[])


def test_json_is_what_is_written(run, tmp_path):
    code, out, err = run("explore", *SMALL, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((tmp_path / "out/front.json").read_text())


def test_a_run_resumes(run):
    run("explore", *SMALL)
    code, _, err = run("explore", *SMALL)
    assert code == 2
    assert err == (
        "truncmac: out holds results of this spec already: add --resume to go on, or choose "
        "another --out\n"
    )
    code, out, _ = run("explore", *SMALL, "--resume")
    assert code == 0 and "1 finished chunks were there already" in out


def test_a_folder_in_which_another_run_is_at_work_is_refused(run, tmp_path):
    with alone(tmp_path / "out"):
        code, _, err = run("explore", *SMALL, "--resume")
    assert code == 2
    assert err == (
        "truncmac: out: another run is at work in it; wait for its end, or choose another --out\n"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_what_has_no_figures_is_empty_and_noted_once(run, tmp_path):
    args = [
        *("--rows", "4", "--cols", "4", "--lanes", "4,16", "--planes", "2", "-k", "8"),
        *("--objectives", "energy_uj,area_mm2", "--clock-mhz", "100,1000", "--out", "out"),
    ]
    code, out, err = run("explore", *args, "--csv", "--workers", "0")
    assert (code, err) == (0, "")
    assert "4 of 4 designs, 4 entries, 1 meet the constraints" in out
    notes = [line for line in out.splitlines() if line.startswith("Note: ")]
    assert notes == [
        "Note: ihp-sg13g2 has no figures of 4 lanes x 2 planes: energy is unknown there. truncmac "
        "characterise makes figures.",
        "Note: 2 entries do not count: they lack a value that an objective or a constraint needs.",
        "Note: 1 entries do not count: their clock_mhz is more than their fmax_mhz or fpga_mhz.",
    ]
    with (tmp_path / "out/points.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["energy_uj"] == "" for row in rows] == [True, True, False, False]
    found = json.loads((tmp_path / "out/front.json").read_text())
    assert (found["unknown"], found["too_fast"]) == (2, 1)
    assert [f"Note: {note}" for note in found["notes"]] == notes
    assert "without memories" in found["figures"]
    assert "activation codes of 4 bits, 45 to 65 % of them zero" in found["figures"]
    assert found["notes"][0] in (tmp_path / "out/report.html").read_text()
    assert len(found["front"]) == 1 and found["front"][0]["lanes"] == 16


def test_other_figures_are_another_exploration(run, tmp_path):
    args = [*SMALL, "--lanes", "16", "--planes", "2", "--library"]
    assert run("explore", *args, "ihp-sg13g2")[0] == 0
    code, _, err = run("explore", *args, "sky130", "--resume")
    assert code == 2 and "holds results of another spec" in err


def test_no_design_may_keep_the_constraints(run, tmp_path):
    code, out, err = run("explore", *SMALL, "--where", "images_per_s>=1e9", "--plot", "x.png")
    assert (code, err) == (0, "")
    assert "0 meet the constraints" in out and "No design meets the constraints" in out
    assert json.loads((tmp_path / "out/front.json").read_text())["front"] == []


def test_the_page_needs_nothing_else(run, tmp_path):
    run("explore", *SMALL)
    text = (tmp_path / "out/report.html").read_text()
    assert len(text) < 6e6
    library = max(re.findall(r"(?s)<script[^>]*>(.*?)</script>", text), key=len)
    rest = text.replace(library, "")
    assert not re.search(r"(?:src|href)=", rest) and "http" not in rest
    data = json.loads(re.search(r'(?s)id="data">(.*?)</script>', rest).group(1))
    found = json.loads((tmp_path / "out/front.json").read_text())
    assert data["front"]["command"] == [row["command"] for row in found["front"]]
    assert len(data["sample"]["point"]) == found["feasible"]
    assert found["front"][0]["command"] in rest


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--where", "pes=3"],
            "--where must be a column and its bound, such as 'images_per_s>=30' or "
            "'pes<=256', not 'pes=3'",
        ),
        (
            ["--where", "pes<=1.2.3"],
            "--where must be a column and its bound, such as 'images_per_s>=30' or "
            "'pes<=256', not 'pes<=1.2.3'",
        ),
        (["--rows", "x"], "command line: rows must be whole numbers of more than 0, not 'x'"),
        (
            ["--objectives", "images_per_s", "--plot", "x.svg"],
            "--plot must come with two objectives or more, not with one",
        ),
    ],
)
def test_a_mistake_is_one_line(run, args, message):
    code, _, err = run("explore", *SMALL, *args)
    assert (code, err) == (2, f"truncmac: {message}\n")


def test_a_difference_on_the_rtl_is_exit_code_1(run, monkeypatch):
    from truncmac.sim.explore.verify import Verdict

    for differences, expected in (([], 0), (["cycles is 4 on the RTL, 5 here"], 1)):
        verdict = Verdict(layers=5, outputs=100, counters=50, cut=False, differences=differences)
        monkeypatch.setattr("truncmac.commands.explore.verify_entry", lambda *_, v=verdict: v)
        code, out, _ = run("explore", *SMALL, "--resume", "--verify", "1")
        assert code == expected
        assert f"5 layers (one image), 100 outputs and 50 counters, {len(differences)} diff" in out
        assert all(line in out for line in differences)


def test_missing_packages_are_named(run, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    code, _, err = run("explore", *SMALL)
    assert code == 2
    assert err == (
        "truncmac: Exploring needs the package pyarrow. Install it with: "
        f"{install_extra('explore')}\n"
    )
