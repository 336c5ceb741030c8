SMALL = ["--rows", "2", "--cols", "2", "--lanes", "2", "--max-reduction", "20"]


def test_rtl_writes_one_verilog_file(run, tmp_path):
    code, out, _ = run("rtl", *SMALL, "--out", "verilog")
    assert code == 0
    assert "verilog/truncmac_core.v: 2 x 2 PEs of 2 lanes x 1 planes" in out
    assert [path.name for path in (tmp_path / "verilog").iterdir()] == ["truncmac_core.v"]
    assert "module truncmac_core" in (tmp_path / "verilog/truncmac_core.v").read_text()


def test_rtl_writes_the_axi_top_with_its_register_map(run, tmp_path):
    code, _, _ = run("rtl", *SMALL, "--top", "axi", "--bus-width", "32", "--out", "verilog")
    assert code == 0
    assert sorted(path.name for path in (tmp_path / "verilog").iterdir()) == [
        "truncmac_axi.v",
        "truncmac_registers.h",
        "truncmac_registers.md",
    ]
    assert "module truncmac_axi" in (tmp_path / "verilog/truncmac_axi.v").read_text()


NPU = ["--rows", "2", "--cols", "4", "--lanes", "2", "--max-reduction", "100", "--depth", "64"]


def test_rtl_writes_the_npu_with_its_register_map(run, tmp_path):
    code, out, _ = run("rtl", *NPU, "--top", "npu", "--bus-width", "128", "--out", "verilog")
    assert code == 0
    assert "768 bytes of activation memory, a bus of 128 bits" in out
    assert sorted(path.name for path in (tmp_path / "verilog").iterdir()) == [
        "truncmac_npu.v",
        "truncmac_npu_registers.h",
        "truncmac_npu_registers.md",
    ]
    assert "module truncmac_npu(" in (tmp_path / "verilog/truncmac_npu.v").read_text()
