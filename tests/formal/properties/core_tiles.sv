// Tiles are coloured: one, any one, has the limit 1, all others 0, and all codes are as large as
// their limits allow. So the results of that tile, in their number and place, are the ones.
`define TILE {tile[`TILE_WIDTH-1:22+`BEATS_WIDTH], 1'b0, 7'd0, mark, 9'd0, {(`BEATS_WIDTH-2){1'b0}}, tile[5:0]}
`define ACTIVATIONS {`ROWS * `LANES * 8{1'b0}}
`define PARAMETERS {6'd0, 1'b0, {(`B_BITS - 1){1'b1}}, {(`R_BITS + `M_BITS){1'b0}}}
`define RESIDUALS {`COLS * 8{1'b0}}
module properties (
`include "core.vh"
  ,
  input choose
);
  reg marked = 0;
  wire mark = choose && !marked;
`include "core_instance.vh"

  localparam WORDS = `ROWS * `SHARE;
  reg parameters_claimed = 0;
  reg expects = 0;  // the marked tile gives results
  reg [7:0] seen = 0;
  wire [`SUM_WIDTH-1:0] first = results[0+:`SUM_WIDTH];
  integer unit;
  always @(posedge clk) begin
    if (tile_moves) begin
      // The first tile brings parameters, else there are none
      if (!parameters_claimed) assume (fresh);
      parameters_claimed <= 1;
      if (mark) marked <= 1;
      if (mark) expects <= !void;
    end
    if (result_moves) begin
      for (unit = 0; unit < `REQUANTISERS; unit = unit + 1)
        assert (results[unit*`SUM_WIDTH+:`SUM_WIDTH] == first);
      assert (first == 0 || (first == 1 && expects && seen < WORDS));
      if (seen != 0 && seen != WORDS) assert (first == 1);
      if (first == 1) seen <= seen + 1;
    end
    if (running && !active && expects) assert (seen == WORDS);
    `COVER(running && seen == WORDS && result_moves && first == 0)
  end
endmodule
