// Several words in a transfer: each kept one leaves once, in order, and none that is not kept.
// One word, any one, is A, a later one is B, all others are 0; what is not kept is JUNK.
module properties (
  input clk,
  input [`SLOTS*8-1:0] data,
  input [`SLOTS-1:0] keep,
  input last,
  input valid,
  input ready
);
`include "order.vh"
  wire transfers_ready, words_valid;
  wire [7:0] word;
  truncmac_unpacker dut (
    .clk(clk),
    .rst(rst),
    .transfers__payload({last, keep, data}),
    .transfers__valid(valid),
    .transfers__ready(transfers_ready),
    .words__payload(word),
    .words__valid(words_valid),
    .words__ready(ready)
  );

  reg a_before, b_before;  // in this transfer, or one that was taken
  integer slot;
  always @* begin
    a_before = a_in;
    b_before = b_in;
    legal = 1;
    for (slot = 0; slot < `SLOTS; slot = slot + 1) begin
      kind = data[slot*8+:8];
      legal = legal && (keep[slot] ? kind == 0 || kind == A && !a_before ||
        kind == B && a_before && !b_before : kind == JUNK);
      if (keep[slot] && kind == A) a_before = 1;
      if (keep[slot] && kind == B) b_before = 1;
    end
  end

  reg held = 0, offered = 0;
  reg [`SLOTS*9:0] transfer;
  reg [7:0] offer;
  always @(posedge clk) begin
    if (running && valid) assume (legal);
    held <= running && valid && !transfers_ready;
    transfer <= {last, keep, data};
    if (held) assume (valid && transfer == {last, keep, data});

    offered <= running && words_valid && !ready;
    offer <= word;
    if (offered) assert (words_valid && word == offer);
    if (running && words_valid && ready) `TAKE_WORD(word)
    if (running && valid && transfers_ready) begin
      a_in <= a_before;
      b_in <= b_before;
      // A transfer is taken with its last word
      assert (a_before == (a_out || words_valid && ready && word == A));
      assert (b_before == (b_out || words_valid && ready && word == B));
    end
    `COVER(b_out && running && valid && transfers_ready && keep == 5)
  end
endmodule
