// Where the edge takes an output unit's result, for a register or for a word of results, the word
// that is there has passed all of the unit's registers, and a bit that it is valid with it.
module properties (
`include "core.vh"
);
`include "core_instance.vh"

  wire advance;
  wire [`PASSAGE+`LATENCY:1] kept_taps;
  wire [`REQUANTISERS-1:0] last_valid;  // of each unit, a cycle before its result
  reg [`REQUANTISERS-1:0] there;
  always @(posedge clk) begin
    if (advance) there <= last_valid;
    if (!running) there <= 0;
  end

  integer u;
  always @* begin
    u = 0;
    if (running)
      for (u = 0; u < `REQUANTISERS; u = u + 1)
        if (|kept_taps[1+`LATENCY+u*`SHARE/`CLUSTER_COLS+:`SHARE]) assert (there[u]);
  end
  always @(posedge clk) begin
    `COVER(running && kept_taps[`PASSAGE+`LATENCY] && !advance)
  end
endmodule
