// Pauses of one stream: at random, in `share` of 256 cycles, and a fixed number of cycles a word.
// A source may not take back what it offered, so it draws anew when a word is taken; a sink may.
module truncmac_pause (
  input clk,
  input rst,
  input [7:0] noise,
  input [7:0] share,
  input [7:0] gap,
  input offered,
  input taken,
  output go
);
  parameter SINK = 0;

  reg drawn;
  reg [7:0] left;
  assign go = drawn && left == 0;

  always @(posedge clk) begin
    if (rst) begin
      drawn <= 1;
      left <= SINK ? gap - 1 : 0;
    end else begin
      if (SINK || !drawn || taken) drawn <= noise >= share;
      if (taken) left <= gap - 1;
      else if (left != 0 && (offered || !SINK)) left <= left - 1;
    end
  end
endmodule
