import html
import json
import re
import sys

import numpy as np
import pytest

from truncmac.golden import builtin_images, builtin_network, save
from truncmac.sim.extras import install_extra


def test_the_command_prints_tables_and_writes_the_page_and_its_numbers(run, tmp_path):
    code, out, err = run("report", "-k", "8,2", "--platform", "fpga", "--images", "2")
    assert (code, err) == (0, "")
    numbers = json.loads((tmp_path / "build/report/digits.json").read_text())
    page = (tmp_path / "build/report/digits.html").read_text()
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n")
    assert "Written: build/report/digits.html\nWritten: build/report/digits.json\n" in out
    assert "digits on 16 x 16 PEs of 8 lanes x 1 planes (fpga), 2 images" in out
    rows = re.findall(r"(?m)^ ([82]) +([\d,]+) +([\d.]+)% +[\d.]+ +[\d,.]+ +([\d.]+) ", out)
    assert [
        (str(t["k"]), f"{t['cycles']:,}", f"{100 * t['utilisation']:.1f}", f"{t['speedup']:.2f}")
        for t in numbers["totals"]
    ] == rows
    for row in numbers["layers"]:
        assert re.search(rf"(?m)^ {row['layer']} .* {row['cycles']:,}( |$)", out), row


# One layer of 1000 x 1000 by 1000 x 1000 at k = 1 on 8 x 8 PEs of 8 lanes, at 2 MHz with half a
# byte of DRAM a cycle, worked by hand. 125 x 125 tiles of 125 beats of one chunk of 8 bytes. A
# column has 12 bytes of parameters: M 18, Mr 26, B 46 (a sum of 28 bits times M) and s 6 bits. The
# DRAM moves 125,000 bytes of weights, 12,000 of parameters, a million codes in and as many out.
LARGE = {
    "MMACs": "1,000.00",
    "tiles": "15,625",
    "cycles": "4,274,000",  # 2,137,000 bytes / 0.5
    "utilisation": "45.7%",  # 10**9 / (8 * 8 * 8) / 4,274,000
    "GMAC/s": "0.47",  # 1 / 2.137
    "time (ms)": "2,137.0000",
    "ideal": "1,953,125.0",
    "rows": "0.0",
    "columns": "0.0",
    "lanes": "0.0",
    "weights (kB)": "137.0",
    "inputs (kB)": "1,000.0",
    "residuals (kB)": "0.0",
    "outputs (kB)": "1,000.0",
    "DRAM (kB)": "2,137.0",
    "DRAM cycles": "4,274,000",
    "activations read (kB)": "125,000.0",  # 15,625 tiles x 125 beats x 64 bytes
    "weights read (kB)": "15,625.0",  # 15,625 tiles x 125 words x 8 bytes
    "MACs/byte": "467.9",  # 10**9 / 2,137,000
    "ridge": "1,024.0",  # 512 MACs a cycle / 0.5 bytes
    "jobs": "1",
}


def test_a_large_layer_is_printed_as_worked_by_hand(run, tmp_path):
    (tmp_path / "large.csv").write_text("Layer, M, N, K,\nlayer, 1000, 1000, 1000,\n")
    options = [
        *("report", "large.csv", "-k", "1", "--energy", "none"),
        *("--rows", "8", "--cols", "8", "--lanes", "8", "--planes", "1", "--max-reduction", "1000"),
        *("--clock-mhz", "2", "--dram-gbs", "0.001"),
        *("--activation-kib", "8192", "--weight-kib", "8192"),
    ]
    code, markdown, err = run(*options, "--format", "md")
    assert (code, err) == (0, "")
    for heading, more in (
        ("Totals", {"images/s": "0.5", "all at k": "8.00"}),  # 1 / 2.137
        ("Layers", {"M": "1,000", "K": "1,000", "N": "1,000", "order": "one block"}),
    ):
        part = markdown.split(f"\n## {heading}\n")[1].split("\n## ")[0].strip().split("\n")
        head, _, row = ([cell.strip() for cell in line.split("|")[1:-1]] for line in part)
        shown = dict(zip(head[::-1], row[::-1], strict=True))  # of two bounds the first
        expected = LARGE | more | {"bound": "memory"}
        assert {title: shown[title] for title in expected} == expected
    code, table, _ = run(*options, "--format", "table")
    assert code == 0
    assert re.search(r"(?m)^ 1 +4,274,000 +45\.7% +0\.47 +0\.5 .* 2,137\.0 *$", table)
    figures = json.loads(run(*options, "--format", "json")[1])["totals"][0]
    assert (figures["time_s"], figures["dram_bytes"]) == (2.137, 2_137_000)
    assert figures["bound_cycles"] == 1_953_125  # 10**9 / 512


def test_one_form_is_printed_or_written(run, tmp_path):
    code, out, err = run("report", "-k", "1", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out)["bits"] == [1]
    code, out, _ = run("report", "-k", "1", "--format", "csv", "--out", "new/figures.csv")
    assert (code, out) == (0, "Written: new/figures.csv\n")
    assert (tmp_path / "new/figures.csv").read_text().startswith("scope,k,layer,")
    assert not (tmp_path / "build").exists()


def test_energies_are_in_every_form_that_people_read(run, tmp_path):
    code, out, err = run("report", "-k", "8,2")
    assert (code, err) == (0, "")
    about = json.loads((tmp_path / "build/report/digits.json").read_text())["energy"]
    page = (tmp_path / "build/report/digits.html").read_text()
    _, markdown, _ = run("report", "-k", "8,2", "--format", "md")
    assert [own["k"] for own in about["by_k"]] == [8, 2]
    assert [entry["name"] for entry in about["beside"]] == ["this", "MAC", "dot"]
    forms = [html.unescape(text) for text in (out, page, markdown.replace("\\", ""))]
    for text in (" ".join(form.split()) for form in forms):
        for own in about["by_k"]:
            assert f"{own['core_pj'] / own['macs']:.3f}" in text
            assert f"{own['total_pj'] / own['macs']:.3f}" in text
            assert f"{own['tops_per_w']:.4g}" in text
        for entry in about["beside"]:
            assert f"{entry['area_mm2']['core']:.3f}" in text
            assert f"{entry['by_k'][0]['core_pj_per_mac']:.3f}" in text
        for word in (*about["not_in_it"], "Horowitz", "published figures", "at every k"):
            assert word in text
        assert about["library"] in text
    assert page.count("--e_clock") >= 3  # its colour by day and by night, and where it is used


def test_why_there_are_no_energies(run):
    _, out, _ = run("report", "-k", "8", "--energy", "none", "--format", "json")
    assert json.loads(out)["energy"] == {
        "library": None,
        "why": "none were asked for",
        "clock_hz": None,
        "data": None,
    }
    _, out, _ = run("report", "-k", "8", "--lanes", "3", "--format", "md")
    assert "No energies: no figures of 3 lanes x 1 planes in ihp-sg13g2" in out
    assert "pJ/MAC" not in out


def energies_of(run, *args):
    code, out, err = run("report", "-k", "8,2", "--format", "json", "--lanes", "16", *args)
    assert (code, err) == (0, "")
    return json.loads(out)["energy"]


def test_energies_follow_the_networks_own_data(run, tmp_path):
    images = builtin_images()[0]
    np.save(tmp_path / "same.npy", images)
    np.save(tmp_path / "dark.npy", np.zeros_like(images[:2]))
    save(builtin_network(), tmp_path / "mine.safetensors")
    own, mine = energies_of(run, "digits"), energies_of(run, "mine.safetensors")
    about = "the network's own activation codes of 4 and 8 bits on {} images"
    assert (own["data"], mine["data"]) == ({"images": 16, "about": about.format(16)}, None)
    assert own["by_k"] != mine["by_k"]
    same = energies_of(run, "mine.safetensors", "--data", "same.npy")
    assert same == own
    dark = energies_of(run, "mine.safetensors", "--data", "dark.npy")
    assert dark["data"] == {"images": 2, "about": about.format(2)}
    for core, bright in zip(dark["beside"], own["beside"], strict=True):
        assert core["name"] == bright["name"]
        for calm, busy in zip(core["by_k"], bright["by_k"], strict=True):
            assert calm["core_pj"] < busy["core_pj"]
    _, text, _ = run("report", "mine.safetensors", "--format", "md")
    assert "Data toggle, in every layer alike, as in the layers that the figures come from" in text
    _, text, _ = run("report", "mine.safetensors", "--data", "dark.npy", "--format", "md")
    assert f"Data toggle as in the network's own layers, with {about.format(2)}." in text


def test_an_array_that_no_whole_macs_equal_has_no_reference(run):
    sizes = ["--rows", "1", "--cols", "3", "--lanes", "1"]
    _, out, _ = run("report", "-k", "8", "--format", "json", *sizes)
    found = json.loads(out)
    assert found["array"]["peak_macs"] == 3 / 8
    assert found["reference"]["cycles"] is None
    code, out, _ = run("report", "-k", "8", *sizes)
    assert code == 0 and "SCALE-Sim" not in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--format", "pdf"],
            "Invalid value for '--format': 'pdf' is not one of 'html', 'json', 'md', 'csv', "
            "'table'; see truncmac report --help",
        ),
        (
            ["--goal", "luck"],
            "Invalid value for '--goal': 'luck' is not one of 'time', 'traffic'; see truncmac "
            "report --help",
        ),
        (
            ["--platform", "pc"],
            "Invalid value for '--platform': 'pc' is not one of 'edge', 'fpga', 'datacentre'; see "
            "truncmac report --help",
        ),
        (["--clock-mhz", "0"], "The clock must be more than 0 Hz and finite, not 0"),
        (["--dram-gbs", "nan"], "dram_bytes_per_s must be more than 0 and finite, not nan"),
        (
            ["--weight-kib", "-1"],
            "A scratchpad must have more than 0 and less than 2**30 KiB, not -1.0",
        ),
        (
            ["resnet20", "--data", "x.npy"],
            "--data must come with an exported network's file or digits: of resnet20 the layers' "
            "sizes alone are known",
        ),
        (
            ["--data", "x.npy", "--energy", "none"],
            "--data must come with energies, which follow it; not with --energy none",
        ),
        (
            ["--data", "wide.npy"],
            "Images must be uint8 with shape (B, 1, 8, 8), not uint8 with shape (3, 1, 8, 9)",
        ),
        (["--rows", "0"], "rows must be in 1..256, not 0"),
        (
            ["--max-reduction", "287"],
            "Layer 'conv3' has reduction K = 288; the array is built for K up to 287. "
            "Build it with --max-reduction 288",
        ),
    ],
)
def test_a_mistake_is_one_line(run, args, message, tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((3, 1, 8, 9), np.uint8))
    assert run("report", *args) == (2, "", f"truncmac: {message}\n")
    assert not (tmp_path / "build").exists()


def test_a_missing_plot_library_is_named_before_anything_is_printed(run, monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "truncmac.report.pictures", raising=False)
    for name in [n for n in sys.modules if n.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = (
        "truncmac: The report's page needs the package matplotlib. Install it with: "
        f"{install_extra('report')}, or ask for --format table, md, csv or json\n"
    )
    assert run("report") == (2, "", message)
    assert not (tmp_path / "build").exists()
    assert run("report", "--format", "md")[0] == 0
