// AXI4-Stream (ARM IHI 0051): a transfer of results stays until it is taken, all of it.
module properties (
`include "axi_ports.vh"
);
`include "axi_instance.vh"

  reg offered = 0;
  reg [36:0] before;
  always @(posedge aclk) begin
    offered <= running && results_valid && !results_ready;
    before <= {results_last, results_keep, results};
    // A job's registers stay as they are while it is at work
    if (running && results_valid) assume (!(write_moves && awaddr[7:2] == `OUTPUT_AT / 4));
    if (running && offered) begin
      assert (results_valid);
      assert (before == {results_last, results_keep, results});
    end
    `COVER(offered && results_valid && results_ready && results_last)
  end
endmodule
