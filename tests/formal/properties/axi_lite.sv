// AXI4-Lite (ARM IHI 0022): every write and read is answered once, nothing offered is taken back,
// and a register reads what was written, byte by byte.
module properties (
`include "axi_ports.vh"
);
`include "axi_instance.vh"

  function known(input [7:0] address);
    known = `KNOWN_ADDRESSES;
  endfunction

  reg writing = 0, reading = 0;  // an answer is due
  reg b_offered = 0, r_offered = 0;
  reg [1:0] b_before;
  reg [33:0] r_before;
  reg after_reset = 1;
  reg [7:0] write_address, read_address;
  reg [15:0] beats = 0;  // as written, by its bytes
  reg [15:0] expected;
  always @(posedge aclk) begin
    after_reset <= !running;
    if (running) begin
      if (after_reset) assert (!bvalid && !rvalid && !results_valid && !irq);
      // Address and data are taken together
      assert ((awready && awvalid) == (wready && wvalid));
      assert (bvalid == writing && rvalid == reading);
      // No answer is waited for but the one before
      if (awvalid && wvalid && (!bvalid || bready)) assert (awready && wready);
      if (arvalid && (!rvalid || rready)) assert (arready);
      if (b_offered) assert (bresp == b_before);
      if (r_offered) assert ({rresp, rdata} == r_before);
      if (bvalid) assert (bresp == (known(write_address) ? 0 : 2));
      if (rvalid) assert (rresp == (known(read_address) ? 0 : 2));
      if (rvalid && !(known(read_address))) assert (rdata == 0);
      if (rvalid && read_address[7:2] == `BEATS_AT / 4) assert (rdata == expected);
    end
    b_offered <= running && bvalid && !bready;
    r_offered <= running && rvalid && !rready;
    b_before <= bresp;
    r_before <= {rresp, rdata};
    writing <= running && (write_moves || writing && !bready);
    reading <= running && (read_moves || reading && !rready);
    if (write_moves) write_address <= awaddr;
    if (read_moves) read_address <= araddr;
    if (read_moves) expected <= beats;
    if (write_moves && awaddr[7:2] == `BEATS_AT / 4) begin
      if (wstrb[0]) beats[7:0] <= wdata[7:0];
      if (wstrb[1]) beats[15:8] <= wdata[15:8];
    end
    `COVER(running && rvalid && rready && rdata == 32'h1200 && write_moves && bvalid)
  end
endmodule
