// Several transfers make a word, its parts in order; words leave once each and in order.
module properties (
  input clk,
  input [7:0] colour,
  input valid,
  input ready
);
`include "order.vh"
  wire transfers_ready, words_valid;
  wire [`PARTS*32-1:0] word;
  reg [7:0] part = 0;
  truncmac_unpacker dut (
    .clk(clk),
    .rst(rst),
    .transfers__payload({5'b0, 16'd0, part, colour}),
    .transfers__valid(valid),
    .transfers__ready(transfers_ready),
    .words__payload(word),
    .words__valid(words_valid),
    .words__ready(ready)
  );

  reg held = 0, offered = 0;
  reg [7:0] before, whole;
  reg [`PARTS*32-1:0] offer;
  wire moves = running && valid && transfers_ready;
  integer index;
  always @(posedge clk) begin
    held <= running && valid && !transfers_ready;
    before <= colour;
    if (held) assume (valid && colour == before);
    // All parts of a word have its colour
    if (part == 0) assume (colour == 0 || colour == A && !a_in || colour == B && a_in && !b_in);
    else assume (colour == whole);
    if (moves) begin
      part <= part == `PARTS - 1 ? 0 : part + 1;
      if (part == 0) whole <= colour;
      if (colour == A) a_in <= 1;
      if (colour == B) b_in <= 1;
    end

    offered <= running && words_valid && !ready;
    offer <= word;
    if (offered) assert (words_valid && word == offer);
    if (running && words_valid && ready) begin
      `TAKE_WORD(word[7:0])
      for (index = 0; index < `PARTS; index = index + 1)
        assert (word[index*32+:32] == {16'd0, index[7:0], word[7:0]});
      assert (moves && part == `PARTS - 1);
    end
    if (moves && part == `PARTS - 1) assert (words_valid && ready);
    `COVER(running && b_out && words_valid && word[7:0] == 0)
  end
endmodule
