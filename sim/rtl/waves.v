// Names for waveforms: what the core's streams carry, field by field, and which words move.
//
// Part of the harness in runs that are recorded; sim/rtl/waves.py lists these names for viewers.

module truncmac_waves (
  input clk,
  input rst,
  input active,
  input [COUNTERS_WIDTH-1:0] counters,
  input [TILE_WIDTH-1:0] tile,
  input [ROWS*LANES*8-1:0] activations,
  input [COLS*LANES*PLANES-1:0] weights,
  input [REQUANTISERS*SUM_WIDTH-1:0] results,
  input [5:0] valid,  // of tiles, activations, weights, parameters, residuals, results
  input [5:0] ready
);
  parameter ROWS = 8;
  parameter COLS = 8;
  parameter LANES = 8;
  parameter PLANES = 1;
  parameter REQUANTISERS = 8;
  parameter SUM_WIDTH = 32;
  parameter BEATS_WIDTH = 10;
  parameter TILE_WIDTH = 32;
  parameter COUNTERS_WIDTH = 320;

  wire [31:0] cycle = counters[31:0];

  wire [3:0] k = tile[3:0];
  wire [BEATS_WIDTH-1:0] beats = tile[4+:BEATS_WIDTH];
  wire [8:0] offset = tile[4+BEATS_WIDTH+:9];
  wire raw = tile[4+BEATS_WIDTH+9+8];

  wire tile_taken = valid[0] && ready[0];
  wire activations_taken = valid[1] && ready[1];
  wire weights_taken = valid[2] && ready[2];
  wire parameters_taken = valid[3] && ready[3];
  wire residuals_taken = valid[4] && ready[4];
  wire results_taken = valid[5] && ready[5];
  wire activations_wait = ready[1] && !valid[1];
  wire weights_wait = ready[2] && !valid[2];
  wire results_wait = valid[5] && !ready[5];

  genvar r, c, l, q;
  generate
    for (r = 0; r < ROWS; r = r + 1) begin : row
      for (l = 0; l < LANES; l = l + 1) begin : lane
        wire [7:0] activation = activations[(r*LANES+l)*8+:8];
      end
    end
    for (c = 0; c < COLS; c = c + 1) begin : column
      for (l = 0; l < LANES; l = l + 1) begin : lane
        wire [PLANES-1:0] chunk = weights[(c*LANES+l)*PLANES+:PLANES];
      end
    end
    for (q = 0; q < REQUANTISERS; q = q + 1) begin : unit
      wire signed [SUM_WIDTH-1:0] result = results[q*SUM_WIDTH+:SUM_WIDTH];
    end
  endgenerate
endmodule
