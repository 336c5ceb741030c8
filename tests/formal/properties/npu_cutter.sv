// Bursts cover just the beats of each request, in order; none is longer than 16 beats or crosses a
// multiple of 4 KiB, and none could be longer.
module properties (
  input clk,
  input [31:0] request_address,
  input [23:0] request_beats,
  input request_valid,
  input ready
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire request_ready, burst_valid;
  wire [31:0] burst_address;
  wire [4:0] burst_length;
  truncmac_cutter dut (
    .clk(clk),
    .rst(!running),
    .requests__payload({request_beats, request_address}),
    .requests__valid(request_valid),
    .requests__ready(request_ready),
    .bursts__payload({burst_length, burst_address}),
    .bursts__valid(burst_valid),
    .bursts__ready(ready)
  );
  wire burst_moves = running && burst_valid && ready;
`include "npu_requests.vh"
  always @* if (running) assert (burst_valid == (count != 0));
  always @(posedge clk) begin
    `COVER(burst_moves && given == 16 && burst_length == 5 && left == 9 && count == 2)
  end
endmodule
