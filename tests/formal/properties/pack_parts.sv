// A word makes several transfers: its parts in order, the last one marked where the packet ends.
module properties (
  input clk,
  input [7:0] word,
  input last,
  input valid,
  input ready
);
`include "order.vh"
  wire words_ready, transfers_valid, packet_ends;
  wire [31:0] data;
  wire [3:0] keep;
  reg [`PARTS*32-1:0] payload;
  integer index;
  always @* for (index = 0; index < `PARTS; index = index + 1)
    payload[index*32+:32] = {16'd0, index[7:0], word};
  truncmac_packer dut (
    .clk(clk),
    .rst(rst),
    .words__payload({last, payload}),
    .words__valid(valid),
    .words__ready(words_ready),
    .transfers__payload({packet_ends, keep, data}),
    .transfers__valid(transfers_valid),
    .transfers__ready(ready)
  );

  reg held = 0, offered = 0;
  reg [8:0] before;
  reg [36:0] offer;
  reg [7:0] part = 0;
  always @(posedge clk) begin
    held <= running && valid && !words_ready;
    before <= {last, word};
    if (held) assume (valid && before == {last, word});

    offered <= running && transfers_valid && !ready;
    offer <= {packet_ends, keep, data};
    if (offered) assert (transfers_valid && offer == {packet_ends, keep, data});
    if (running && transfers_valid && ready) begin
      assert (valid && data == {16'd0, part, word} && keep == 15);
      assert (packet_ends == (last && part == `PARTS - 1));
      assert (words_ready == (part == `PARTS - 1));
      part <= words_ready ? 0 : part + 1;
    end else if (running) assert (!(valid && words_ready));
    if (running) assert (transfers_valid == valid);
    `COVER(running && packet_ends && transfers_valid && ready)
  end
endmodule
