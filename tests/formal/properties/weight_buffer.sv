// Chunk-major in, beat-major out: of each block in turn the words by beat and, in it, by chunk, as
// often as there are tiles that use it. A block that was taken is loaded without a pause.
// Words carry chunk and beat as their data, and a block a colour, so that none may be another.
// A block is {tiles, discard, colour, chunks, beats}; the hardware sees of it
`define FIELDS(block) {block[4], {(`TILES_WIDTH - 2){1'b0}}, block[6:5], \
  {(`BEATS_WIDTH - 2){1'b0}}, block[1:0], block[2]}
module properties (
  input clk,
  input [1:0] low_beats,
  input [1:0] low_tiles,
  input two_chunks,
  input colour,
  input blocks_valid,
  input loads_valid,
  input ready
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  localparam BLOCK = 2 + `TILES_WIDTH + `BEATS_WIDTH;
  wire blocks_ready, loads_ready, weights_valid;
  wire [3:0] word;
  wire discard = low_beats > `MAX_BEATS;
  wire [6:0] block_now = {low_tiles, discard, colour, two_chunks, low_beats};

  // The blocks that were taken and have not left, oldest first
  reg [6:0] queue [0:1];
  reg head = 0;
  reg [1:0] count = 0, asked = 0;  // blocks, and those of them that have words to load
  wire [1:0] whole = count - asked;
  wire loads = head ^ whole[0];  // the block that loads
  wire [6:0] loading = queue[loads];
  wire [6:0] oldest = queue[head];
  // Places of the word that loads now, and of the one that comes out
  reg [1:0] beat = 0, out_beat = 0, out_tile = 0;
  reg chunk = 0, out_chunk = 0;
  wire ends = beat == loading[1:0] - 1 && chunk == loading[2];
  wire tile_ends = out_beat == oldest[1:0] - 1 && out_chunk == oldest[2];
  wire out_ends = tile_ends && out_tile == oldest[6:5] - 1;

  truncmac_weight_buffer dut (
    .clk(clk),
    .rst(!running),
    .blocks__payload(`FIELDS(block_now)),
    .blocks__valid(blocks_valid),
    .blocks__ready(blocks_ready),
    .loads__payload({loading[3], chunk, beat}),
    .loads__valid(loads_valid),
    .loads__ready(loads_ready),
    .weights__payload(word),
    .weights__valid(weights_valid),
    .weights__ready(ready)
  );

  wire block_moves = running && blocks_valid && blocks_ready;
  wire load_moves = running && loads_valid && loads_ready;
  wire word_moves = running && weights_valid && ready;
  wire popped = weights_valid && out_ends;  // the oldest block's last word waits to leave
  wire [1:0] level = whole - popped;  // whole blocks that have words to be read
  reg held = 0, offered = 0, follows = 0;
  reg [6:0] block;
  reg [3:0] offer;
  // Whether a word came out before; and blocks of which none did
  reg used = 0;
  wire first_waits = !weights_valid && out_beat == 0 && out_chunk == 0 && out_tile == 0;
  wire [1:0] unseen = count - (count != 0 && !first_waits);
  always @(posedge clk) begin
    // A block has beats and tiles, and stays until it is taken
    if (blocks_valid) assume (low_beats != 0 && low_tiles != 0);
    held <= running && blocks_valid && !blocks_ready;
    block <= block_now;
    if (held) assume (blocks_valid && block == block_now);

    if (load_moves) begin
      beat <= beat == loading[1:0] - 1 ? 0 : beat + 1;
      if (beat == loading[1:0] - 1) chunk <= ends ? 0 : chunk + 1;
    end
    if (block_moves) queue[head ^ count[0]] <= block_now;
    asked <= asked + block_moves - (load_moves && ends);
    count <= count + block_moves - (word_moves && out_ends);
    if (word_moves) begin
      out_chunk <= out_chunk == oldest[2] ? 0 : out_chunk + 1;
      if (out_chunk == oldest[2]) out_beat <= tile_ends ? 0 : out_beat + 1;
      if (tile_ends) out_tile <= out_ends ? 0 : out_tile + 1;
      if (out_ends) head <= !head;
    end
    used <= used || weights_valid;
    if (!running) begin
      beat <= 0;
      chunk <= 0;
      head <= 0;
      count <= 0;
      asked <= 0;
      out_beat <= 0;
      out_chunk <= 0;
      out_tile <= 0;
      used <= 0;
    end
    offered <= running && weights_valid && !ready;
    offer <= word;
    follows <= running && level != 0;
    `COVER(running && word_moves && out_ends && word == 4'b1101 && out_tile == 2 && whole == 2)
  end

  always @* if (running) begin
    // A block is taken when there is a bank for it: the block before gives its words out already
    if (blocks_ready) assert (count < 2);
    assert (blocks_ready == (unseen + (used || weights_valid) < 2));
    // From then on until its last word none of its words is refused
    assert (loads_ready == (asked != 0));
    if (offered) assert (weights_valid && word == offer);
    // There is no gap between words, tiles and blocks
    if (follows) assert (weights_valid);
    if (weights_valid) begin
      assert (whole != 0);
      if (!oldest[4]) assert (word == {oldest[3], out_chunk, out_beat});
    end
  end
`include "weight_banks.vh"
endmodule
