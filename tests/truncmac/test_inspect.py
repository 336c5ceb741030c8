import json


def test_tables_show_each_layer(run):
    code, out, _ = run("inspect", "digits", "-k", "8,2")
    assert code == 0
    line = next(line for line in out.splitlines() if line.strip().startswith("conv2"))
    assert line.split()[:7] == ["conv2", "32x8x8", "144", "295", "4.61", "1.15", "21"]
    assert "Information in each plane" in out


def test_json_holds_the_same_numbers(run):
    code, out, _ = run("inspect", "digits", "--json", "-k", "4")
    assert code == 0
    layers = json.loads(out)["layers"]
    assert [layer["name"] for layer in layers] == ["conv1", "conv2", "conv3", "conv4", "linear"]
    assert layers[1]["weight_bytes"] == {"4": 2304}
    assert len(layers[1]["planes"]) == 8
    assert sum(layers[1]["histogram"]) == 144 * 32


def test_the_plot_is_written(run, tmp_path):
    path = tmp_path / "new" / "planes.svg"
    assert run("inspect", "digits", "--plot", str(path))[0] == 0
    assert path.read_text().startswith("<?xml")
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_no_network_is_refused(run, tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"no network")
    code, _, errors = run("inspect", str(path))
    assert code == 2
    assert "not a whole safetensors file" in errors
