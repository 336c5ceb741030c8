  reg running = 0;
  always @(posedge aclk) running <= 1;
  wire awready, wready, bvalid, arready, rvalid, irq, results_valid, results_last;
  wire [1:0] bresp, rresp;
  wire [31:0] rdata;
  wire [3:0] tready;
  wire [31:0] results;
  wire [3:0] results_keep;
  truncmac_axi dut (
    .aclk(aclk),
    .aresetn(running),
    .s_axil_awaddr(awaddr),
    .s_axil_awprot(3'b0),
    .s_axil_awvalid(awvalid),
    .s_axil_awready(awready),
    .s_axil_wdata(wdata),
    .s_axil_wstrb(wstrb),
    .s_axil_wvalid(wvalid),
    .s_axil_wready(wready),
    .s_axil_bresp(bresp),
    .s_axil_bvalid(bvalid),
    .s_axil_bready(bready),
    .s_axil_araddr(araddr),
    .s_axil_arprot(3'b0),
    .s_axil_arvalid(arvalid),
    .s_axil_arready(arready),
    .s_axil_rdata(rdata),
    .s_axil_rresp(rresp),
    .s_axil_rvalid(rvalid),
    .s_axil_rready(rready),
    .s_axis_activations_tdata(tdata[31:0]),
    .s_axis_activations_tkeep(tkeep[3:0]),
    .s_axis_activations_tlast(1'b0),
    .s_axis_activations_tvalid(tvalid[0]),
    .s_axis_activations_tready(tready[0]),
    .s_axis_weights_tdata(tdata[63:32]),
    .s_axis_weights_tkeep(tkeep[7:4]),
    .s_axis_weights_tlast(1'b0),
    .s_axis_weights_tvalid(tvalid[1]),
    .s_axis_weights_tready(tready[1]),
    .s_axis_parameters_tdata(tdata[95:64]),
    .s_axis_parameters_tkeep(tkeep[11:8]),
    .s_axis_parameters_tlast(1'b0),
    .s_axis_parameters_tvalid(tvalid[2]),
    .s_axis_parameters_tready(tready[2]),
    .s_axis_residuals_tdata(tdata[127:96]),
    .s_axis_residuals_tkeep(tkeep[15:12]),
    .s_axis_residuals_tlast(1'b0),
    .s_axis_residuals_tvalid(tvalid[3]),
    .s_axis_residuals_tready(tready[3]),
    .m_axis_results_tdata(results),
    .m_axis_results_tkeep(results_keep),
    .m_axis_results_tlast(results_last),
    .m_axis_results_tvalid(results_valid),
    .m_axis_results_tready(results_ready),
    .irq(irq)
  );
  wire write_moves = running && awvalid && wvalid && awready && wready;
  wire read_moves = running && arvalid && arready;
