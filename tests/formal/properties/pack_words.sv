// Several words make a transfer, the last may be part empty: no word is lost, doubled, reordered.
module properties (
  input clk,
  input [7:0] word,
  input last,
  input valid,
  input ready
);
`include "order.vh"
  wire words_ready, transfers_valid, packet_ends;
  wire [`SLOTS*8-1:0] data;
  wire [`SLOTS-1:0] keep;
  truncmac_packer dut (
    .clk(clk),
    .rst(rst),
    .words__payload({last, word}),
    .words__valid(valid),
    .words__ready(words_ready),
    .transfers__payload({packet_ends, keep, data}),
    .transfers__valid(transfers_valid),
    .transfers__ready(ready)
  );

  reg offered = 0;
  reg [`SLOTS*9:0] offer;
  reg [7:0] inside = 0;  // words that have not left
  reg ends_inside = 0;  // the last of them ends a packet
  reg [7:0] count;
  reg a_now, b_now;
  integer slot;
  always @* begin
    count = 0;
    a_now = 0;
    b_now = 0;
    for (slot = 0; slot < `SLOTS; slot = slot + 1) begin
      count = count + keep[slot];
      if (keep[slot] && data[slot*8+:8] == A) a_now = 1;
      if (keep[slot] && data[slot*8+:8] == B) b_now = 1;
    end
  end
  wire enters = running && valid && words_ready;
  wire leaves = running && transfers_valid && ready;
  always @(posedge clk) begin
    if (valid) assume (word == 0 || word == A && !a_in || word == B && a_in && !b_in);
    if (enters && word == A) a_in <= 1;
    if (enters && word == B) b_in <= 1;
    if (enters) ends_inside <= last;
    inside <= inside + enters - (leaves ? count : 0);

    offered <= running && transfers_valid && !ready;
    offer <= {packet_ends, keep, data};
    if (offered) assert (transfers_valid && offer == {packet_ends, keep, data});
    if (leaves) begin
      // The lowest slots, full unless the packet ends
      assert (keep != 0 && (keep & (keep + 1'b1)) == 0);
      assert (&keep || packet_ends);
      assert (packet_ends == ends_inside);
      assert (count == inside);
      for (slot = 0; slot < `SLOTS; slot = slot + 1) if (keep[slot])
        assert (data[slot*8+:8] == 0 || data[slot*8+:8] == A || data[slot*8+:8] == B);
      if (a_now) assert (!a_out && !b_out);
      if (b_now) assert (a_out != a_now && !b_out);
      if (a_now && b_now) begin
        for (slot = 1; slot < `SLOTS; slot = slot + 1)
          if (data[slot*8+:8] == A) assert (data[slot*8-8+:8] != B);
      end
      if (a_now) a_out <= 1;
      if (b_now) b_out <= 1;
      assert (a_in == (a_out || a_now) && b_in == (b_out || b_now));
    end
    if (running && inside == `SLOTS) assert (transfers_valid);
    `COVER(b_out && leaves && packet_ends && !(&keep))
  end
endmodule
