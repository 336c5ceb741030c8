// Each tile gives just its results, and all of them before the core is idle.
module properties (
`include "core.vh"
);
`include "core_instance.vh"

  localparam WORDS = `ROWS * `SHARE;
  reg [7:0] due = 0;  // words of tiles that were taken
  always @(posedge clk) begin
    due <= due + (tile_moves && !void ? WORDS : 0) - result_moves;
    if (running) begin
      if (results_valid) assert (due != 0);
      if (!active) assert (due == 0);
      assert (due < 200);
    end
    `COVER(running && due > 3 * WORDS && tile_moves && void)
  end
endmodule
