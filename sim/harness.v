// Memories, stalls and counters around the core, so that Python sleeps until the run is over.
//
// Reads tiles.hex, activations.hex and weights.hex from the working directory, in which
//   a tile is  {last of job, offset, beats, bits, weights' base, activations' base},
//   activations lie a beat a word,
//   weights lie chunk-major: word base + chunk * beats + beat.
// Writes results.hex (a row of outputs a line, 64 bits a column, column 0 last) and jobs.txt
// (a line a job: the cycles from its first tile offered to its last row taken).

module truncmac_harness;
  parameter ROWS = 8;
  parameter COLS = 8;
  parameter LANES = 8;
  parameter PLANES = 1;
  parameter SUM_WIDTH = 32;
  parameter BEATS_WIDTH = 10;
  parameter MEMORY_DEPTH = 131072;

  localparam TILE_WIDTH = 1 + 9 + BEATS_WIDTH + 4 + 64;
  localparam CORE_TILE_WIDTH = 9 + BEATS_WIDTH + 4;

  // Loaded by the plusargs of the run
  integer tile_count, activation_words, weight_words, hang_cycles;
  reg [7:0] stall_tiles, stall_activations, stall_weights, stall_results;  // of 256 cycles
  reg [31:0] seed;

  reg [TILE_WIDTH-1:0] tiles [0:MEMORY_DEPTH-1];
  reg [ROWS*LANES*8-1:0] activations [0:MEMORY_DEPTH-1];
  reg [COLS*LANES*PLANES-1:0] weights [0:MEMORY_DEPTH-1];
  integer results_file, jobs_file;

  reg clk = 0;
  reg rst = 1;
  reg done = 0;
  reg hung = 0;
  reg closed = 0;
  always #1 clk = ~clk;

  initial begin
    if (!$value$plusargs("tiles=%d", tile_count)) tile_count = 0;
    if (!$value$plusargs("activation_words=%d", activation_words)) activation_words = 0;
    if (!$value$plusargs("weight_words=%d", weight_words)) weight_words = 0;
    if (!$value$plusargs("hang_cycles=%d", hang_cycles)) hang_cycles = 100000;
    if (!$value$plusargs("stall_tiles=%d", stall_tiles)) stall_tiles = 0;
    if (!$value$plusargs("stall_activations=%d", stall_activations)) stall_activations = 0;
    if (!$value$plusargs("stall_weights=%d", stall_weights)) stall_weights = 0;
    if (!$value$plusargs("stall_results=%d", stall_results)) stall_results = 0;
    if (!$value$plusargs("stall_seed=%d", seed)) seed = 1;
    $readmemh("tiles.hex", tiles, 0, tile_count - 1);
    $readmemh("activations.hex", activations, 0, activation_words - 1);
    $readmemh("weights.hex", weights, 0, weight_words - 1);
    results_file = $fopen("results.hex", "w");
    jobs_file = $fopen("jobs.txt", "w");
  end

  // Four bytes of noise a cycle, one for each stream (xorshift, Marsaglia 2003)
  reg [31:0] noise;
  reg [31:0] mixed;
  always @* begin
    mixed = noise ^ (noise << 13);
    mixed = mixed ^ (mixed >> 17);
    mixed = mixed ^ (mixed << 5);
  end

  // A stream that pauses may not take back what it offered
  reg tiles_go, activations_go, weights_go, results_go;

  // Tiles: the next job starts when the last one's rows are out
  integer tile;
  reg job_open;
  integer rows_due;
  wire [TILE_WIDTH-1:0] tile_word = tiles[tile];
  wire [CORE_TILE_WIDTH-1:0] core_tile = tile_word[TILE_WIDTH-2:64];
  wire tiles_valid = !rst && tile < tile_count && tiles_go && job_open;
  wire tiles_ready;

  // Activations: a word a beat
  integer activation_tile, activation_beat;
  wire [TILE_WIDTH-1:0] activation_tile_word = tiles[activation_tile];
  wire [BEATS_WIDTH-1:0] activation_beats = activation_tile_word[68+:BEATS_WIDTH];
  wire [31:0] activation_address = activation_tile_word[31:0] + activation_beat;
  wire activations_valid = !rst && activation_tile < tile_count && activations_go;
  wire activations_ready;

  // Weights: beat by beat out of a chunk-major memory
  integer weight_tile, weight_beat, weight_chunk;
  wire [TILE_WIDTH-1:0] weight_tile_word = tiles[weight_tile];
  wire [BEATS_WIDTH-1:0] weight_beats = weight_tile_word[68+:BEATS_WIDTH];
  wire [3:0] weight_bits = weight_tile_word[67:64];
  wire [31:0] weight_address =
    weight_tile_word[63:32] + weight_chunk * weight_beats + weight_beat;
  wire last_chunk = (weight_chunk + 1) * PLANES >= weight_bits;
  wire weights_valid = !rst && weight_tile < tile_count && weights_go;
  wire weights_ready;

  wire [COLS*SUM_WIDTH-1:0] results;
  wire results_valid;
  wire results_ready = !rst && results_go;

  truncmac_core core (
    .clk(clk),
    .rst(rst),
    .tiles__payload(core_tile),
    .tiles__valid(tiles_valid),
    .tiles__ready(tiles_ready),
    .activations__payload(activations[activation_address]),
    .activations__valid(activations_valid),
    .activations__ready(activations_ready),
    .weights__payload(weights[weight_address]),
    .weights__valid(weights_valid),
    .weights__ready(weights_ready),
    .results__payload(results),
    .results__valid(results_valid),
    .results__ready(results_ready)
  );

  reg [COLS*64-1:0] row;
  integer column;
  always @*
    for (column = 0; column < COLS; column = column + 1)
      row[column*64+:64] = {
        {(64 - SUM_WIDTH){results[column*SUM_WIDTH+SUM_WIDTH-1]}},
        results[column*SUM_WIDTH+:SUM_WIDTH]
      };

  integer cycles, idle_cycles, reset_cycles, jobs_done;
  initial reset_cycles = 0;

  always @(posedge clk) begin
    if (rst) begin
      reset_cycles <= reset_cycles + 1;
      rst <= reset_cycles < 3;
      noise <= seed;
      tiles_go <= 1;
      activations_go <= 1;
      weights_go <= 1;
      results_go <= 1;
      tile <= 0;
      job_open <= 1;
      rows_due <= 0;
      activation_tile <= 0;
      activation_beat <= 0;
      weight_tile <= 0;
      weight_beat <= 0;
      weight_chunk <= 0;
      cycles <= 0;
      idle_cycles <= 0;
      jobs_done <= 0;
    end else if (!done) begin
      noise <= mixed;
      if (!tiles_go || (tiles_valid && tiles_ready)) tiles_go <= mixed[7:0] >= stall_tiles;
      if (!activations_go || (activations_valid && activations_ready))
        activations_go <= mixed[15:8] >= stall_activations;
      if (!weights_go || (weights_valid && weights_ready))
        weights_go <= mixed[23:16] >= stall_weights;
      results_go <= mixed[31:24] >= stall_results;

      if (tiles_valid && tiles_ready) begin
        tile <= tile + 1;
        job_open <= !tile_word[TILE_WIDTH-1];
      end
      rows_due <= rows_due + ((tiles_valid && tiles_ready) ? ROWS : 0)
        - ((results_valid && results_ready) ? 1 : 0);

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

      cycles <= cycles + 1;
      idle_cycles <= idle_cycles + 1;
      if (results_valid && results_ready) begin
        $fwrite(results_file, "%h\n", row);
        idle_cycles <= 0;
        if (rows_due == 1 && !job_open) begin
          $fwrite(jobs_file, "%0d\n", cycles + 1);
          $fflush(jobs_file);
          job_open <= 1;
          cycles <= 0;
          idle_cycles <= 0;
          if (tile == tile_count) done <= 1;
        end
      end
      if (idle_cycles > hang_cycles) begin
        hung <= 1;
        done <= 1;
      end
    end else if (!closed) begin
      closed <= 1;
      $fclose(results_file);
      $fclose(jobs_file);
    end
  end
endmodule
