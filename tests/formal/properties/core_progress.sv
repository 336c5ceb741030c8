// While the core is at work and every stream goes on, a word moves within LIMIT cycles. Each tile
// takes a number of words that its command says, so every tile ends. What was before does not
// matter: streams may have stalled in any way until `go` is set for good.
module properties (
`include "core.vh"
  ,
  input go_on
);
`include "core_instance.vh"

  reg go = 0;
  reg [7:0] idle = 0;  // cycles without a word
  wire moves = activation_moves || weight_moves || parameter_moves || residual_moves ||
    result_moves || tile_moves;
  always @(posedge clk) begin
    go <= go || go_on;
    if (go) begin
      assume (tiles_valid && activations_valid && weights_valid);
      assume (parameters_valid && residuals_valid && results_ready);
    end
    idle <= go && active && !moves ? idle + 1 : 0;
    assert (idle < `LIMIT);
    `COVER(go && idle > 1)
  end
endmodule
