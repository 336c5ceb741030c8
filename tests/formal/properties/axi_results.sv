// AXI4-Stream (ARM IHI 0051): a transfer of results stays until it is taken, all of it.
// In the core's place is anything that does what is proven of the core: a result stays until it
// is taken (core_results), a tile gives at most its words, and while one is due the core is
// active (core_tiles; a 1 x 1 core has a word a tile).
module properties (
`include "axi_ports.vh"
  ,
  input gives
);
`include "axi_instance.vh"

  wire tile_valid, tile_ready, core_active, result_valid, result_ready;
  wire [`SUM_WIDTH-1:0] result;
  wire busy, issuing, part;
  wire [31:0] issued;  // tiles that are not all out
  wire [2:0] queued;  // of them, those that the core has not taken

  reg [31:0] due = 0;  // words that the core owes
  reg waits = 0;
  reg [`SUM_WIDTH-1:0] waiting;
  reg offered = 0;
  reg [36:0] before;
  wire moves = result_valid && result_ready;
  always @(posedge aclk) begin
    due <= running ? due + (tile_valid && tile_ready && gives) - moves : 0;
    waits <= running && result_valid && !result_ready;
    waiting <= result;
    if (running) begin
      assume (!waits || result_valid && result == waiting);
      assume (!result_valid || due != 0);
      assume (core_active || due == 0);
      // Both counts of a job's tiles have 16 bits
      assume (!(&issued));
    end
    offered <= running && results_valid && !results_ready;
    before <= {results_last, results_keep, results};
    // A job's registers stay as they are while it is at work
    if (running && results_valid) assume (!(write_moves && awaddr[7:2] == `OUTPUT_AT / 4));
    `COVER(offered && results_valid && results_ready && results_last)
  end
  always @* if (running) begin
    if (offered) assert (results_valid && before == {results_last, results_keep, results});
    `HELPER(busy || !issuing && queued == 0 && due == 0)
    `HELPER({1'b0, issued} >= due + queued && part == 0)
    `HELPER({1'b0, due} + queued < 33'h100000000)
  end
endmodule
