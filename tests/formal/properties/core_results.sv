// Results are held until they are taken.
module properties (
`include "core.vh"
);
`include "core_instance.vh"

  reg offered = 0;
  reg [`REQUANTISERS*`SUM_WIDTH-1:0] word;
  always @(posedge clk) begin
    offered <= running && results_valid && !results_ready;
    word <= results;
    if (running && offered) begin
      assert (results_valid);
      assert (results == word);
    end
    `COVER(offered && results_valid && results_ready && results != 0)
  end
endmodule
