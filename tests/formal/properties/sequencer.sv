// A tile gives just the tokens, and takes just the words, that its command says; bad ones too.
module properties (
  input clk,
  input [`TILE_WIDTH-1:0] tile,
  input tiles_valid,
  input activations_valid,
  input [`COLS*`LANES*`PLANES-1:0] weights,
  input weights_valid,
  input advance,
  input available,
  input next_bank,
  input bank
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire tiles_ready, activations_ready, weights_ready, claim, at_work;
  wire capture, first_beat, last_chunk, step, load;
  wire [`COLS*`LANES*`PLANES-1:0] truncated;
  wire [2:0] error;
  truncmac_sequencer dut (
    .clk(clk),
    .rst(!running),
    .tiles__payload(tile),
    .tiles__valid(tiles_valid),
    .tiles__ready(tiles_ready),
    .activations__payload(0),
    .activations__valid(activations_valid),
    .activations__ready(activations_ready),
    .weights__payload(weights),
    .weights__valid(weights_valid),
    .weights__ready(weights_ready),
    .advance(advance),
    .available(available),
    .next_bank(next_bank),
    .bank(bank),
    .claim(claim),
    .token({capture, first_beat, last_chunk, step, load}),
    .truncated(truncated),
    .busy(at_work),
    .error(error)
  );

  // The tile at work, as the documents say a command is obeyed
  wire [3:0] bits = tile[3:0];
  wire [`BEATS_WIDTH-1:0] beats = tile[4+:`BEATS_WIDTH];
  reg busy = 0, fresh, no_activations, no_weights;
  reg [3:0] k;
  reg [`BEATS_WIDTH-1:0] all_beats, beat;
  reg [3:0] chunk;
  reg [15:0] since = `INTERVAL;  // steps of the array since a tile ended
  wire first = chunk == 0;
  wire last = (chunk + 1) * `PLANES >= k;
  wire ends = last && beat == all_beats;
  wire given = (!first || no_activations || activations_valid) && (no_weights || weights_valid);
  wire may_end = !ends || since >= `INTERVAL && (!fresh || available);
  // Planes of the last chunk below bit k
  wire [3:0] unused = last ? (chunk + 1) * `PLANES - k : 0;
  integer lane;
  always @(posedge clk) begin
    if (running) begin
      assert (at_work == busy);
      assert (step == (busy && advance && given && may_end));
      assert (tiles_ready == (!busy || step && ends));
      assert (activations_ready == (step && first && !no_activations));
      assert (weights_ready == (step && !no_weights));
      assert (load == (step && first) && last_chunk == (step && last));
      assert (capture == (step && ends) && claim == (capture && fresh));
      if (step) assert (first_beat == (beat == 1));
      if (step) for (lane = 0; lane < `COLS * `LANES; lane = lane + 1)
        assert (truncated[lane*`PLANES+:`PLANES] ==
          (weights[lane*`PLANES+:`PLANES] >> unused) << unused);
      if (tiles_valid && tiles_ready)
        assert (error == (bits == 0 ? 1 : bits > 8 ? 2 : beats == 0 ? 3 :
          beats > `MAX_BEATS ? 4 : 0));
      else assert (error == 0);
    end

    if (running && step) begin
      chunk <= last ? 0 : chunk + 1;
      if (last) beat <= beat + 1;
    end
    if (running && advance && since < `INTERVAL) since <= since + 1;
    if (running && capture) since <= 1;
    if (running && tiles_ready) begin
      busy <= tiles_valid;
      fresh <= tile[`TILE_WIDTH-1];
      k <= bits == 0 ? 1 : bits > 8 ? 8 : bits;
      all_beats <= beats == 0 ? 1 : beats;
      no_activations <= beats == 0;
      no_weights <= beats == 0 || bits == 0;
      beat <= 1;
      chunk <= 0;
    end
    `COVER(running && capture && beat == 3 && since == `INTERVAL && tiles_valid)
  end
endmodule
