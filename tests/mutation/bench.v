// Plays words into the core's streams, with pauses, and writes down all that it answers.
//
// Reads tiles.hex ({last of job, command} a line), activations.hex, weights.hex, parameters.hex and
// residuals.hex, each word in the order in which it is to be taken. Writes answers.hex: a line of
// results a word, and at the end of a job its counters and the errors that its commands gave.
// Pauses are those of sim/rtl/pause.v, so that the model of its cycles holds here too.
module truncmac_mutation;
  parameter ROWS = 8;
  parameter COLS = 8;
  parameter LANES = 8;
  parameter PLANES = 1;
  parameter TILE_WIDTH = 32;
  parameter PARAMETERS_WIDTH = 96;
  parameter RESULTS_WIDTH = 32;
  parameter COUNTERS_WIDTH = 320;
  parameter DEPTH = 1024;

  integer late;  // cycles from one set of parameters to the next, at least
  integer count [0:4], share [0:5], gap [0:5], taken [0:4];
  integer reset_at, hang_cycles, most_cycles, file, cycle, idle, edges;
  reg [31:0] seed;
  reg [15:0] mutsel;
  reg [TILE_WIDTH:0] tiles [0:DEPTH-1];
  reg [ROWS*LANES*8-1:0] activations [0:DEPTH-1];
  reg [COLS*LANES*PLANES-1:0] weights [0:DEPTH-1];
  reg [PARAMETERS_WIDTH-1:0] parameters [0:DEPTH-1];
  reg [COLS*8-1:0] residuals [0:DEPTH-1];
  integer index;
  initial begin
    for (index = 0; index < 5; index = index + 1) count[index] = 0;
    for (index = 0; index < 6; index = index + 1) share[index] = 0;
    for (index = 0; index < 6; index = index + 1) gap[index] = 1;
    $value$plusargs("tiles=%d", count[0]);
    $value$plusargs("activations=%d", count[1]);
    $value$plusargs("weights=%d", count[2]);
    $value$plusargs("parameters=%d", count[3]);
    $value$plusargs("residuals=%d", count[4]);
    $value$plusargs("stall_tiles=%d", share[0]);
    $value$plusargs("stall_activations=%d", share[1]);
    $value$plusargs("stall_weights=%d", share[2]);
    $value$plusargs("stall_parameters=%d", share[3]);
    $value$plusargs("stall_residuals=%d", share[4]);
    $value$plusargs("stall_results=%d", share[5]);
    if (!$value$plusargs("late=%d", late)) late = 0;
    $value$plusargs("gap_activations=%d", gap[1]);
    $value$plusargs("gap_weights=%d", gap[2]);
    $value$plusargs("gap_parameters=%d", gap[3]);
    $value$plusargs("gap_residuals=%d", gap[4]);
    $value$plusargs("gap_results=%d", gap[5]);
    if (!$value$plusargs("stall_seed=%d", seed)) seed = 1;
    if (!$value$plusargs("reset_at=%d", reset_at)) reset_at = 0;
    if (!$value$plusargs("hang_cycles=%d", hang_cycles)) hang_cycles = 1000;
    if (!$value$plusargs("most_cycles=%d", most_cycles)) most_cycles = 1000000;
    if (!$value$plusargs("mutsel=%d", mutsel)) mutsel = 0;
    if (count[0] > 0) $readmemh("tiles.hex", tiles, 0, count[0] - 1);
    if (count[1] > 0) $readmemh("activations.hex", activations, 0, count[1] - 1);
    if (count[2] > 0) $readmemh("weights.hex", weights, 0, count[2] - 1);
    if (count[3] > 0) $readmemh("parameters.hex", parameters, 0, count[3] - 1);
    if (count[4] > 0) $readmemh("residuals.hex", residuals, 0, count[4] - 1);
    file = $fopen("answers.hex", "w");
    cycle = 0;
    edges = 0;
  end

  reg clk = 0;
  reg rst = 1;
  always #1 clk = ~clk;

  reg [63:0] noise, mixed;
  always @* begin
    mixed = noise ^ (noise << 13);
    mixed = mixed ^ (mixed >> 7);
    mixed = mixed ^ (mixed << 17);
  end

  // 0 tiles, 1 activations, 2 weights, 3 parameters, 4 residuals, 5 results
  wire [5:0] go, valid, ready;
  wire [47:0] bytes = {mixed[31:24], mixed[47:40], mixed[39:32], mixed[23:16], mixed[15:0]};
  reg job_open;
  genvar stream;
  generate
    for (stream = 0; stream < 6; stream = stream + 1) begin : streams
      truncmac_pause #(.SINK(stream == 5)) pause (
        .clk(clk),
        .rst(rst),
        .noise(bytes[stream*8+:8]),
        .share(share[stream][7:0]),
        .gap(gap[stream][7:0]),
        .offered(stream != 5 || valid[5]),
        .taken(valid[stream] && ready[stream]),
        .go(go[stream])
      );
      if (stream < 5)
        assign valid[stream] =
          !rst && taken[stream] < count[stream] && go[stream] && (stream != 0 || job_open)
          && (stream != 3 || cycle >= late * (taken[3] / COLS + 1));
    end
  endgenerate
  assign ready[5] = !rst && go[5];

  wire [RESULTS_WIDTH-1:0] results;
  wire [COUNTERS_WIDTH-1:0] counters;
  wire [2:0] error;
  wire active;
  reg clear;
  wire [TILE_WIDTH:0] tile = tiles[taken[0]];
  truncmac_core core (
`ifdef MUTATED
    .mutsel(mutsel),
`endif
    .clk(clk),
    .rst(rst),
    .tiles__payload(tile[TILE_WIDTH-1:0]),
    .tiles__valid(valid[0]),
    .tiles__ready(ready[0]),
    .activations__payload(activations[taken[1]]),
    .activations__valid(valid[1]),
    .activations__ready(ready[1]),
    .weights__payload(weights[taken[2]]),
    .weights__valid(valid[2]),
    .weights__ready(ready[2]),
    .parameters__payload(parameters[taken[3]]),
    .parameters__valid(valid[3]),
    .parameters__ready(ready[3]),
    .residuals__payload(residuals[taken[4]]),
    .residuals__valid(valid[4]),
    .residuals__ready(ready[4]),
    .results__payload(results),
    .results__valid(valid[5]),
    .results__ready(ready[5]),
    .clear(clear),
    .counters(counters),
    .active(active),
    .error(error)
  );

`ifdef COUNTERS
  // COUNTERS names them: they begin at +counted=, before the first tile: so they reach the end of their range
  reg [31:0] first_count;
  reg begun = 0;
  initial if (!$value$plusargs("counted=%d", first_count)) begun = 1;
  always @(negedge clk)
    if (!rst && !begun) begin
      begun <= 1;
      core.`COUNTERS .cycles <= first_count;
      core.`COUNTERS .busy <= first_count;
      core.`COUNTERS .chunks <= first_count;
      core.`COUNTERS .beats <= first_count;
      core.`COUNTERS .tiles <= first_count;
      core.`COUNTERS .stalled_activations <= first_count;
      core.`COUNTERS .stalled_weights <= first_count;
      core.`COUNTERS .stalled_parameters <= first_count;
      core.`COUNTERS .stalled_drain <= first_count;
      core.`COUNTERS .stalled_output <= first_count;
    end
`endif

  reg [63:0] errors;
  reg [RESULTS_WIDTH-1:0] offer;
  reg offered;
  reg [COUNTERS_WIDTH-1:0] counted;
  always @(posedge clk) begin
    if (rst) begin
      edges <= edges + 1;
      rst <= edges + 1 < 4;
      noise <= {32'h9e3779b9, seed};
      for (index = 0; index < 5; index = index + 1) taken[index] <= 0;
      job_open <= 1;
      clear <= 0;
      idle <= 0;
      errors <= 0;
      offered <= 0;
    end else begin
      noise <= mixed;
      cycle <= cycle + 1;
      for (index = 0; index < 5; index = index + 1)
        if (valid[index] && ready[index]) taken[index] <= taken[index] + 1;
      if (valid[0] && ready[0]) begin
        job_open <= !tile[TILE_WIDTH];
        errors <= {errors[60:0], error};
      end else if (error != 0) $fwrite(file, "error without a command\n");

      // An offered result stays
      offered <= valid[5] && !ready[5];
      offer <= results;
      if (offered && (!valid[5] || offer != results)) $fwrite(file, "result taken back\n");

      idle <= idle + 1;
      if (valid[5] && ready[5]) begin
        $fwrite(file, "%h\n", results);
        idle <= 0;
      end
      // Counters at rest stay
      if (clear && counters != counted) $fwrite(file, "counters moved at rest\n");
      clear <= 0;
      counted <= counters;
      if (!job_open && !active) begin
        $fwrite(file, "%h %h\n", counters, errors);
        clear <= 1;
        job_open <= 1;
        idle <= 0;
        errors <= 0;
        if (taken[0] == count[0]) begin
          for (index = 0; index < 5; index = index + 1) $fwrite(file, "%0d ", taken[index]);
          $fwrite(file, "%0d\n", cycle);
          $fclose(file);
          $finish;
        end
      end
      if (idle > hang_cycles || cycle > most_cycles) begin
        $fwrite(file, "hung\n");
        $fclose(file);
        $finish;
      end
      if (reset_at != 0 && cycle == reset_at) begin
        rst <= 1;
        edges <= 0;
        $fclose(file);
        file = $fopen("answers.hex", "w");
      end
    end
  end
endmodule
