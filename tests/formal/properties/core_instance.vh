  reg running = 0;
  always @(posedge clk) running <= 1;
  wire rst = !running;

  // What a proof does not care for, it leaves free; the rest it fixes
`ifndef TILE
`define TILE tile
`endif
`ifndef ACTIVATIONS
`define ACTIVATIONS activations
`endif
`ifndef WEIGHTS
`define WEIGHTS weights
`endif
`ifndef PARAMETERS
`define PARAMETERS parameters
`endif
`ifndef RESIDUALS
`define RESIDUALS residuals
`endif
  wire [`TILE_WIDTH-1:0] command = `TILE;
  wire [3:0] bits = command[3:0];
  wire [`BEATS_WIDTH-1:0] beats = command[4+:`BEATS_WIDTH];
  wire [8:0] offset = command[4+`BEATS_WIDTH+:9];
  wire [7:0] limit = command[13+`BEATS_WIDTH+:8];
  wire raw = command[21+`BEATS_WIDTH];
  wire residual = command[22+`BEATS_WIDTH];
  wire fresh = command[23+`BEATS_WIDTH];
  wire void = bits == 0 || bits > 8 || beats == 0 || beats > `MAX_BEATS;

  wire [319:0] counters;
  wire active;
  wire [2:0] error;
  truncmac_core dut (
    .clk(clk),
    .rst(rst),
    .tiles__payload(command),
    .tiles__valid(tiles_valid),
    .tiles__ready(tiles_ready),
    .activations__payload(`ACTIVATIONS),
    .activations__valid(activations_valid),
    .activations__ready(activations_ready),
    .weights__payload(`WEIGHTS),
    .weights__valid(weights_valid),
    .weights__ready(weights_ready),
    .parameters__payload(`PARAMETERS),
    .parameters__valid(parameters_valid),
    .parameters__ready(parameters_ready),
    .residuals__payload(`RESIDUALS),
    .residuals__valid(residuals_valid),
    .residuals__ready(residuals_ready),
    .results__payload(results),
    .results__valid(results_valid),
    .results__ready(results_ready),
    .clear(clear),
    .counters(counters),
    .active(active),
    .error(error)
  );

  // Words that move in this cycle
  wire tile_moves = running && tiles_valid && tiles_ready;
  wire activation_moves = running && activations_valid && activations_ready;
  wire weight_moves = running && weights_valid && weights_ready;
  wire parameter_moves = running && parameters_valid && parameters_ready;
  wire residual_moves = running && residuals_valid && residuals_ready;
  wire result_moves = running && results_valid && results_ready;
