// Chunk-major in, beat-major out: of each block in turn the words by beat and, in it, by chunk.
// Words carry chunk and beat as their data, and a block a colour, so that none may be another.
module properties (
  input clk,
  input [1:0] low_beats,
  input two_chunks,
  input keep,
  input colour,
  input blocks_valid,
  input loads_valid,
  input ready
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire blocks_ready, loads_ready, weights_valid;
  wire [3:0] word;
  wire discard = low_beats > `MAX_BEATS;
  // Place of the word that loads now
  reg [1:0] beat = 0;
  reg chunk = 0;
  truncmac_weight_buffer dut (
    .clk(clk),
    .rst(!running),
    .blocks__payload({discard, keep, {(`BEATS_WIDTH - 2){1'b0}}, low_beats, two_chunks}),
    .blocks__valid(blocks_valid),
    .blocks__ready(blocks_ready),
    .loads__payload({colour, chunk, beat}),
    .loads__valid(loads_valid),
    .loads__ready(loads_ready),
    .weights__payload(word),
    .weights__valid(weights_valid),
    .weights__ready(ready)
  );

  wire block_moves = running && blocks_valid && blocks_ready;
  wire load_moves = running && loads_valid && loads_ready;
  wire word_moves = running && weights_valid && ready;
  reg held = 0, loaded = 0, offered = 0;
  reg held_keep;
  wire [3:0] block_now = {colour, two_chunks, low_beats};
  reg [3:0] block, last_block, offer;
  wire ends = beat == low_beats - 1 && chunk == two_chunks;

  // The blocks inside, oldest first: {keep, discard, colour, chunks, beats}
  reg [5:0] queue [0:7];
  reg [3:0] count = 0;
  reg [2:0] head = 0;
  wire [2:0] tail = head + count[2:0];
  wire [5:0] oldest = queue[head];
  reg [1:0] out_beat = 0;
  reg out_chunk = 0;
  wire out_ends = out_beat == oldest[1:0] - 1 && out_chunk == oldest[2];
  always @(posedge clk) begin
    // A block has beats, stays until it is taken, and `keep` repeats the one before
    if (blocks_valid) assume (low_beats != 0);
    if (blocks_valid && keep) assume (loaded && last_block == block_now);
    held <= running && blocks_valid && !blocks_ready;
    block <= block_now;
    if (held) assume (blocks_valid && block == block_now);
    if (held) assume (keep == held_keep);
    held_keep <= keep;

    if (load_moves) begin
      beat <= beat == low_beats - 1 ? 0 : beat + 1;
      if (beat == low_beats - 1) chunk <= ends ? 0 : chunk + 1;
    end
    if (block_moves) begin
      queue[tail] <= {keep, discard, block_now};
      last_block <= block_now;
      loaded <= 1;
    end
    count <= count + block_moves - (word_moves && out_ends);
    if (word_moves) begin
      out_chunk <= out_chunk == oldest[2] ? 0 : out_chunk + 1;
      if (out_chunk == oldest[2]) out_beat <= out_ends ? 0 : out_beat + 1;
      if (out_ends) head <= head + 1;
    end
    if (!running) begin
      loaded <= 0;
      beat <= 0;
      chunk <= 0;
      count <= 0;
      out_beat <= 0;
      out_chunk <= 0;
    end
    offered <= running && weights_valid && !ready;
    offer <= word;
    `COVER(running && word_moves && out_ends && word == 4'b1101 && count == 3)
  end

  always @* if (running) begin
    if (load_moves) assert (blocks_valid && !keep && blocks_ready == ends);
    if (block_moves) assert (keep || load_moves);
    assert (count <= 6);
    if (offered) assert (weights_valid && word == offer);
    if (weights_valid) begin
      assert (count != 0);
      if (!oldest[4]) assert (word == {oldest[3], out_chunk, out_beat});
    end
  end
`include "weight_banks.vh"
endmodule
