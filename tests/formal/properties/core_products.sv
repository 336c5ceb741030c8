// Every output of any tile equals the reference, with any stalls, commands and tiles before.
// One tile is watched, any one, and in it the output of one row and column. Activations and
// offsets are of two bits, so that products stay small.
`define ACTIVATIONS (activations & {(`ROWS * `LANES){8'h03}})
`define TILE (tile & ~({{(`TILE_WIDTH - 9){1'b0}}, 9'h1fc} << (4 + `BEATS_WIDTH)))
module properties (
`include "core.vh"
  ,
  input choose,
  input [7:0] row,
  input [7:0] column
);
`include "core_instance.vh"

  localparam WORDS = `ROWS * `SHARE;
  reg chosen = 0, at_work = 0;
  reg [`TILE_WIDTH-1:0] watched;
  reg [7:0] due = 0;  // result words of the tiles that were taken
  reg [7:0] ahead = 0;  // of those, before the watched tile's
  reg [7:0] word = 0;  // of the watched tile, that leaves next
  wire [3:0] k = watched[3:0];
  wire [8:0] z = watched[4+`BEATS_WIDTH+:9];

  reg [7:0] the_row, the_column;
  always @(posedge clk) begin
    the_row <= running ? the_row : row;
    the_column <= running ? the_column : column;
    if (running) assume (the_row < `ROWS && the_column < `COLS);
  end

  // D and Q of the watched output; activations belong to a beat's first chunk
  reg [15:0] dot, row_sum;
  reg [`LANES*8-1:0] beat;
  reg [3:0] chunk;
  wire first = chunk == 0;
  wire last = (chunk + 1) * `PLANES >= k;
  wire [`LANES*8-1:0] row_now = `ACTIVATIONS >> the_row * `LANES * 8;
  wire [`LANES*8-1:0] a = first ? row_now : beat;
  wire [`LANES*`PLANES-1:0] w = weights >> the_column * `LANES * `PLANES;
  wire [3:0] missing = (chunk + 1) * `PLANES > k ? (chunk + 1) * `PLANES - k : 0;
  wire [3:0] place = (chunk + 1) * `PLANES > k ? 0 : k - (chunk + 1) * `PLANES;
  reg [15:0] products, activation_sum;
  integer lane;
  always @* begin
    products = 0;
    activation_sum = 0;
    for (lane = 0; lane < `LANES; lane = lane + 1) begin
      products = products + a[lane*8+:8] * (w[lane*`PLANES+:`PLANES] >> missing);
      activation_sum = activation_sum + a[lane*8+:8];
    end
  end
  wire signed [`SUM_WIDTH-1:0] expected = 2 * dot - z * row_sum;
  wire [`SUM_WIDTH-1:0] found = results >> (the_column % `REQUANTISERS) * `SUM_WIDTH;
  wire here = word == the_row * `SHARE + the_column / `REQUANTISERS;
  wire watches = tile_moves && choose && !chosen && !void && raw;
  always @(posedge clk) begin
    due <= due + (tile_moves && !void ? WORDS : 0) - result_moves;
    if (watches) begin
      chosen <= 1;
      watched <= command;
      ahead <= due - result_moves;
      dot <= 0;
      row_sum <= 0;
      chunk <= 0;
    end else if (chosen && result_moves && ahead != 0) ahead <= ahead - 1;
    else if (chosen && result_moves && word < WORDS) begin
      if (here) assert (found == expected);
      word <= word + 1;
    end
    // The tile at work is the one that was taken last
    if (tile_moves) at_work <= watches;
    if (at_work && weight_moves) begin
      chunk <= last ? 0 : chunk + 1;
      if (first) beat <= a;
      if (first) row_sum <= row_sum + activation_sum;
      dot <= dot + (products << place);
    end
    `COVER(chosen && result_moves && ahead == 0 && here && expected < 0 && word < WORDS)
  end
endmodule
