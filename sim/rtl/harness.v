// Memories, stalls and counters around the core, so that Python sleeps until the run is over.
//
// Reads from the working directory, a word a line,
//   tiles.hex        {last of job, the core's command, weights' base, activations' base}
//   activations.hex  a beat a word
//   weights.hex      chunk-major: word base + chunk * beats + beat
//   parameters.hex   a column a word, in the order of use
//   residuals.hex    a row of a tile a word, or two rows, in the order of use
// and writes results.hex (a part of a row a line, 64 bits an output, the first output last) and
// jobs.hex (the core's counters, a job a line).

module truncmac_harness;
  parameter ROWS = 8;
  parameter COLS = 8;
  parameter LANES = 8;
  parameter PLANES = 1;
  parameter REQUANTISERS = 8;
  parameter SUM_WIDTH = 32;
  parameter BEATS_WIDTH = 10;
  parameter TILE_WIDTH = 32;
  parameter PARAMETERS_WIDTH = 96;
  parameter COUNTERS_WIDTH = 320;
  parameter MEMORY_DEPTH = 131072;

  localparam WORD_WIDTH = 1 + TILE_WIDTH + 64;
  localparam BITS_AT = 64;
  localparam BEATS_AT = 68;
  localparam RESULTS_WIDTH = REQUANTISERS * SUM_WIDTH;
  localparam RESIDUALS = REQUANTISERS > COLS ? REQUANTISERS : COLS;  // codes a word

  integer tile_count, activation_words, weight_words, parameter_words, residual_words;
  integer hang_cycles;
  integer reset_edges;  // clock edges of each reset
  integer reset_at;  // cycle of a second reset, after which the run begins anew; 0: none
  reg [7:0] stall_tiles, stall_activations, stall_weights;  // of 256 cycles
  reg [7:0] stall_parameters, stall_residuals, stall_results;
  reg [7:0] gap_activations, gap_weights, gap_parameters, gap_residuals;  // cycles a word
  reg [7:0] gap_results;
  reg [31:0] seed;

  reg [WORD_WIDTH-1:0] tiles [0:MEMORY_DEPTH-1];
  reg [ROWS*LANES*8-1:0] activations [0:MEMORY_DEPTH-1];
  reg [COLS*LANES*PLANES-1:0] weights [0:MEMORY_DEPTH-1];
  reg [PARAMETERS_WIDTH-1:0] parameters [0:MEMORY_DEPTH-1];
  reg [RESIDUALS*8-1:0] residuals [0:MEMORY_DEPTH-1];
  integer results_file, jobs_file;

  reg clk = 0;
  reg rst = 1;
  reg done = 0;
  reg hung = 0;
  reg closed = 0;
  always #1 clk = ~clk;

  initial begin
    if (!$value$plusargs("tiles=%d", tile_count)) tile_count = 0;
    if (!$value$plusargs("activations=%d", activation_words)) activation_words = 0;
    if (!$value$plusargs("weights=%d", weight_words)) weight_words = 0;
    if (!$value$plusargs("parameters=%d", parameter_words)) parameter_words = 0;
    if (!$value$plusargs("residuals=%d", residual_words)) residual_words = 0;
    if (!$value$plusargs("hang_cycles=%d", hang_cycles)) hang_cycles = 100000;
    if (!$value$plusargs("reset_edges=%d", reset_edges)) reset_edges = 4;
    if (!$value$plusargs("reset_at=%d", reset_at)) reset_at = 0;
    if (!$value$plusargs("stall_tiles=%d", stall_tiles)) stall_tiles = 0;
    if (!$value$plusargs("stall_activations=%d", stall_activations)) stall_activations = 0;
    if (!$value$plusargs("stall_weights=%d", stall_weights)) stall_weights = 0;
    if (!$value$plusargs("stall_parameters=%d", stall_parameters)) stall_parameters = 0;
    if (!$value$plusargs("stall_residuals=%d", stall_residuals)) stall_residuals = 0;
    if (!$value$plusargs("stall_results=%d", stall_results)) stall_results = 0;
    if (!$value$plusargs("gap_activations=%d", gap_activations)) gap_activations = 1;
    if (!$value$plusargs("gap_weights=%d", gap_weights)) gap_weights = 1;
    if (!$value$plusargs("gap_parameters=%d", gap_parameters)) gap_parameters = 1;
    if (!$value$plusargs("gap_residuals=%d", gap_residuals)) gap_residuals = 1;
    if (!$value$plusargs("gap_results=%d", gap_results)) gap_results = 1;
    if (!$value$plusargs("stall_seed=%d", seed)) seed = 1;
    $readmemh("tiles.hex", tiles, 0, tile_count - 1);
    $readmemh("activations.hex", activations, 0, activation_words - 1);
    $readmemh("weights.hex", weights, 0, weight_words - 1);
    if (parameter_words > 0) $readmemh("parameters.hex", parameters, 0, parameter_words - 1);
    if (residual_words > 0) $readmemh("residuals.hex", residuals, 0, residual_words - 1);
    results_file = $fopen("results.hex", "w");
    jobs_file = $fopen("jobs.hex", "w");
  end

  // A byte of noise for each stream (xorshift, Marsaglia 2003)
  reg [63:0] noise;
  reg [63:0] mixed;
  always @* begin
    mixed = noise ^ (noise << 13);
    mixed = mixed ^ (mixed >> 7);
    mixed = mixed ^ (mixed << 17);
  end

  wire tiles_go, activations_go, weights_go, parameters_go, residuals_go, results_go;

  // Tiles: the next job starts when the core is idle
  integer tile;
  reg job_open;
  wire [WORD_WIDTH-1:0] tile_word = tiles[tile];
  wire tiles_valid = !rst && tile < tile_count && tiles_go && job_open;
  wire tiles_ready;

  // Activations: a word a beat
  integer activation_tile, activation_beat;
  wire [WORD_WIDTH-1:0] activation_tile_word = tiles[activation_tile];
  wire [BEATS_WIDTH-1:0] activation_beats = activation_tile_word[BEATS_AT+:BEATS_WIDTH];
  wire [31:0] activation_address = activation_tile_word[31:0] + activation_beat;
  wire activations_valid = !rst && activation_tile < tile_count && activations_go;
  wire activations_ready;

  // Weights: beat by beat out of a chunk-major memory
  integer weight_tile, weight_beat, weight_chunk;
  wire [WORD_WIDTH-1:0] weight_tile_word = tiles[weight_tile];
  wire [BEATS_WIDTH-1:0] weight_beats = weight_tile_word[BEATS_AT+:BEATS_WIDTH];
  wire [3:0] weight_bits = weight_tile_word[BITS_AT+:4];
  wire [31:0] weight_address =
    weight_tile_word[63:32] + weight_chunk * weight_beats + weight_beat;
  wire last_chunk = (weight_chunk + 1) * PLANES >= weight_bits;
  wire weights_valid = !rst && weight_tile < tile_count && weights_go;
  wire weights_ready;

  integer parameter_word, residual_word;
  wire parameters_valid = !rst && parameter_word < parameter_words && parameters_go;
  wire residuals_valid = !rst && residual_word < residual_words && residuals_go;
  wire parameters_ready, residuals_ready;

  wire [RESULTS_WIDTH-1:0] results;
  wire results_valid;
  wire results_ready = !rst && results_go;

  truncmac_pause tiles_pause (
    .clk(clk),
    .rst(rst),
    .noise(mixed[7:0]),
    .share(stall_tiles),
    .gap(8'd1),
    .offered(1'b1),
    .taken(tiles_valid && tiles_ready),
    .go(tiles_go)
  );

  truncmac_pause activations_pause (
    .clk(clk),
    .rst(rst),
    .noise(mixed[15:8]),
    .share(stall_activations),
    .gap(gap_activations),
    .offered(1'b1),
    .taken(activations_valid && activations_ready),
    .go(activations_go)
  );

  truncmac_pause weights_pause (
    .clk(clk),
    .rst(rst),
    .noise(mixed[23:16]),
    .share(stall_weights),
    .gap(gap_weights),
    .offered(1'b1),
    .taken(weights_valid && weights_ready),
    .go(weights_go)
  );

  truncmac_pause parameters_pause (
    .clk(clk),
    .rst(rst),
    .noise(mixed[39:32]),
    .share(stall_parameters),
    .gap(gap_parameters),
    .offered(1'b1),
    .taken(parameters_valid && parameters_ready),
    .go(parameters_go)
  );

  truncmac_pause residuals_pause (
    .clk(clk),
    .rst(rst),
    .noise(mixed[47:40]),
    .share(stall_residuals),
    .gap(gap_residuals),
    .offered(1'b1),
    .taken(residuals_valid && residuals_ready),
    .go(residuals_go)
  );

  truncmac_pause #(.SINK(1)) results_pause (
    .clk(clk),
    .rst(rst),
    .noise(mixed[31:24]),
    .share(stall_results),
    .gap(gap_results),
    .offered(results_valid),
    .taken(results_valid && results_ready),
    .go(results_go)
  );

  wire [COUNTERS_WIDTH-1:0] counters;
  wire active;
  reg clear;

  truncmac_core core (
    .clk(clk),
    .rst(rst),
    .tiles__payload(tile_word[WORD_WIDTH-2:64]),
    .tiles__valid(tiles_valid),
    .tiles__ready(tiles_ready),
    .activations__payload(activations[activation_address]),
    .activations__valid(activations_valid),
    .activations__ready(activations_ready),
    .weights__payload(weights[weight_address]),
    .weights__valid(weights_valid),
    .weights__ready(weights_ready),
    .parameters__payload(parameters[parameter_word]),
    .parameters__valid(parameters_valid),
    .parameters__ready(parameters_ready),
    .residuals__payload(residuals[residual_word]),
    .residuals__valid(residuals_valid),
    .residuals__ready(residuals_ready),
    .results__payload(results),
    .results__valid(results_valid),
    .results__ready(results_ready),
    .clear(clear),
    .counters(counters),
    .active(active)
  );

`ifdef TRUNCMAC_WAVES
  truncmac_waves #(
    .ROWS(ROWS),
    .COLS(COLS),
    .LANES(LANES),
    .PLANES(PLANES),
    .REQUANTISERS(REQUANTISERS),
    .SUM_WIDTH(SUM_WIDTH),
    .BEATS_WIDTH(BEATS_WIDTH),
    .TILE_WIDTH(TILE_WIDTH),
    .COUNTERS_WIDTH(COUNTERS_WIDTH)
  ) waves (
    .clk(clk),
    .rst(rst),
    .active(active),
    .counters(counters),
    .tile(tile_word[WORD_WIDTH-2:64]),
    .activations(activations[activation_address]),
    .weights(weights[weight_address]),
    .results(results),
    .valid({
      results_valid, residuals_valid, parameters_valid, weights_valid, activations_valid,
      tiles_valid
    }),
    .ready({
      results_ready, residuals_ready, parameters_ready, weights_ready, activations_ready,
      tiles_ready
    })
  );

`ifndef VERILATOR // whose main program dumps
  initial begin
    $dumpfile("dump.vcd");
    $dumpvars(0, waves, core);
  end
`endif
`endif

  reg [REQUANTISERS*64-1:0] outputs;
  integer index;
  always @*
    for (index = 0; index < REQUANTISERS; index = index + 1)
      outputs[index*64+:64] = {
        {(64 - SUM_WIDTH){results[index*SUM_WIDTH+SUM_WIDTH-1]}},
        results[index*SUM_WIDTH+:SUM_WIDTH]
      };

  // After reset every handshake is defined
  wire undefined = ^{
    active, tiles_ready, activations_ready, weights_ready, parameters_ready, residuals_ready,
    results_valid, counters
  } === 1'bx;

  integer idle_cycles, edges, cycle;
  initial begin
    edges = 0;
    cycle = 0;
  end

  always @(posedge clk) begin
    if (rst) begin
      edges <= edges + 1;
      rst <= edges + 1 < reset_edges;
      noise <= {32'h9e3779b9, seed};
      tile <= 0;
      job_open <= 1;
      activation_tile <= 0;
      activation_beat <= 0;
      weight_tile <= 0;
      weight_beat <= 0;
      weight_chunk <= 0;
      parameter_word <= 0;
      residual_word <= 0;
      clear <= 0;
      idle_cycles <= 0;
    end else if (!done) begin
      noise <= mixed;
      cycle <= cycle + 1;

      if (tiles_valid && tiles_ready) begin
        tile <= tile + 1;
        job_open <= !tile_word[WORD_WIDTH-1];
      end

      if (activations_valid && activations_ready) begin
        activation_beat <= activation_beat + 1;
        if (activation_beat + 1 == activation_beats) begin
          activation_beat <= 0;
          activation_tile <= activation_tile + 1;
        end
      end

      if (weights_valid && weights_ready) begin
        weight_chunk <= weight_chunk + 1;
        if (last_chunk) begin
          weight_chunk <= 0;
          weight_beat <= weight_beat + 1;
          if (weight_beat + 1 == weight_beats) begin
            weight_beat <= 0;
            weight_tile <= weight_tile + 1;
          end
        end
      end

      if (parameters_valid && parameters_ready) parameter_word <= parameter_word + 1;
      if (residuals_valid && residuals_ready) residual_word <= residual_word + 1;

      idle_cycles <= idle_cycles + 1;
      if (results_valid && results_ready) begin
        $fwrite(results_file, "%h\n", outputs);
        idle_cycles <= 0;
      end

      clear <= 0;
      if (!job_open && !active) begin
        $fwrite(jobs_file, "%h\n", counters);
        $fflush(jobs_file);
        clear <= 1;
        job_open <= 1;
        idle_cycles <= 0;
        if (tile == tile_count) done <= 1;
      end
      if (idle_cycles > hang_cycles || undefined) begin
        hung <= 1;
        done <= 1;
      end
      if (reset_at != 0 && cycle == reset_at) begin
        rst <= 1;
        edges <= 0;
        done <= 0;
        hung <= 0;
        $fclose(results_file);
        $fclose(jobs_file);
        results_file = $fopen("results.hex", "w");
        jobs_file = $fopen("jobs.hex", "w");
      end
    end else if (!closed) begin
      closed <= 1;
      $fclose(results_file);
      $fclose(jobs_file);
    end
  end
endmodule
