// Nothing outside of the output and scratch regions is written, whatever is asked: each request is
// either told to be outside, or becomes one for just the beats in which its bytes lie.
module properties (
  input clk,
  input [255:0] regions,  // from the program's on: base, and size above it
  input [31:0] address,
  input [23:0] bytes,
  input valid,
  input ready
);
  reg running = 0;
  wire request_ready, write_valid, outside;
  wire [31:0] write_address;
  wire [23:0] write_beats;
  truncmac_spiller dut (
    .regions(regions),
    .requests__payload({bytes, address}),
    .requests__valid(valid),
    .requests__ready(request_ready),
    .writes__payload({write_beats, write_address}),
    .writes__valid(write_valid),
    .writes__ready(ready),
    .outside(outside)
  );
  wire [31:0] base = regions[64*address[31:30]+:32], size = regions[64*address[31:30]+32+:32];
  // Bytes on the bus, with a bit for what overflows: the region's, the request's, the beats'
  wire [33:0] region_end = {2'd0, base} + size;
  wire [33:0] first = {2'd0, base} + address[29:0], last = first + bytes - 1;
  wire [33:0] from = {2'd0, write_address}, to = from + {write_beats, 3'd0};
  wire writable = address[31:30] == 2 || address[31:30] == 3;
  wire within = writable && {1'b0, address[29:0]} + bytes <= size;
  always @* if (running) begin
    // A base is a multiple of the bus' bytes; a region ends where addresses do, at the latest
    assume (base[2:0] == 0 && region_end <= 34'h100000000);
    assume (bytes != 0);
    assert (write_valid == (valid && within) && outside == (valid && !within));
    assert (!valid || request_ready == (ready || outside));
    if (write_valid) begin
      assert (writable && base <= from && last < region_end);
      // The beats begin with the first byte's and end with the last one's
      assert (from[2:0] == 0 && from <= first && first < from + 8);
      assert (write_beats != 0 && to > last && to <= last + 8);
    end
  end
  always @(posedge clk) begin
    running <= 1;
    `COVER(running && write_valid && write_beats == 3 && base[31:3] == 7 && last == 76)
  end
endmodule
