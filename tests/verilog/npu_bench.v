`timescale 1ns/1ps

// The NPU beside a memory: it is started once, and what it left of output and scratch is written.
module npu_bench;
  parameter W = 64, BYTES = 1<<20;
  reg clk = 0, rstn = 0; always #5 clk = ~clk;
  reg [7:0] mem [0:BYTES-1];
  reg [31:0] cfg [0:15];
  wire irq;
  reg [7:0] awaddr=0; reg awvalid=0; wire awready; reg [31:0] wdata=0; reg wvalid=0; wire wready; wire [1:0] bresp; wire bvalid;
  reg [7:0] araddr=0; reg arvalid=0; wire arready; wire [31:0] rdata; wire rvalid; wire [1:0] rresp;
  wire [31:0] m_araddr, m_awaddr; wire [7:0] m_arlen, m_awlen; wire m_arvalid, m_awvalid, m_wvalid, m_wlast, m_rready, m_bready;
  wire [W-1:0] m_wdata; wire [W/8-1:0] m_wstrb;
  reg m_rvalid=0, m_rlast=0, m_bvalid=0; reg [W-1:0] m_rdata;
  reg [31:0] ra; reg [8:0] rleft=0; reg [31:0] wa; reg wopen=0;
  wire m_arready = (rleft==0);
  wire m_awready = !wopen && !m_bvalid;
  wire m_wready = wopen;
  truncmac_npu dut(.aclk(clk), .aresetn(rstn), .irq(irq),
    .s_axil_awaddr(awaddr), .s_axil_awprot(3'd0), .s_axil_awvalid(awvalid), .s_axil_awready(awready), .s_axil_wdata(wdata), .s_axil_wstrb(4'hf), .s_axil_wvalid(wvalid), .s_axil_wready(wready), .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(1'b1),
    .s_axil_araddr(araddr), .s_axil_arprot(3'd0), .s_axil_arvalid(arvalid), .s_axil_arready(arready), .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(1'b1),
    .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready), .m_axi_rdata(m_rdata), .m_axi_rresp(2'd0), .m_axi_rlast(m_rlast), .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready),
    .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awvalid(m_awvalid), .m_axi_awready(m_awready), .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb), .m_axi_wlast(m_wlast), .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready), .m_axi_bresp(2'd0), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready));
  integer i;
  always @(posedge clk) begin
    if (m_rvalid && m_rready) m_rvalid <= 0;
    if (m_arvalid && m_arready) begin ra <= m_araddr; rleft <= m_arlen + 1; end
    else if (rleft != 0 && (!m_rvalid || m_rready)) begin
      for (i=0;i<W/8;i=i+1) m_rdata[8*i +: 8] <= mem[ra+i];
      m_rvalid <= 1; m_rlast <= (rleft==1); ra <= ra + W/8; rleft <= rleft - 1;
    end
    if (m_awvalid && m_awready) begin wa <= m_awaddr; wopen <= 1; end
    if (m_wvalid && m_wready) begin
      for (i=0;i<W/8;i=i+1) if (m_wstrb[i]) mem[wa+i] <= m_wdata[8*i +: 8];
      wa <= wa + W/8; if (m_wlast) begin wopen <= 0; m_bvalid <= 1; end
    end
    if (m_bvalid && m_bready) m_bvalid <= 0;
  end
  task put(input [7:0] a, input [31:0] d); begin
    @(negedge clk); awaddr=a; wdata=d; awvalid=1; wvalid=1; @(negedge clk); awvalid=0; wvalid=0; @(negedge clk); end endtask
  task take(input [7:0] a); begin
    @(negedge clk); araddr=a; arvalid=1; @(negedge clk); arvalid=0; @(negedge clk); end endtask
  integer n, out0, outn, f; reg [31:0] got;
  initial begin
    $readmemh("mem.hex", mem); $readmemh("cfg.hex", cfg);
    repeat (5) @(negedge clk); rstn = 1;
    for (n=0;n<8;n=n+1) put(8'h20+4*n, cfg[n]);
    put(8'h14, cfg[8]); put(8'h08, 32'h100); put(8'h08, 32'h101);
    n = 0;
    while (!irq && n < 60000) begin @(negedge clk); n = n + 1; end
    take(8'h0c); $display("status %08x", rdata); take(8'h10); $display("index %0d", rdata); take(8'h18); $display("cycles %0d", rdata);
    f = $fopen("out.hex","w");
    for (n=0;n<cfg[5];n=n+1) $fdisplay(f,"%02x", mem[cfg[4]+n]);
    for (n=0;n<cfg[7];n=n+1) $fdisplay(f,"%02x", mem[cfg[6]+n]);
    $fclose(f); $finish;
  end
endmodule
