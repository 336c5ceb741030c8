// Sums that drain and sums that are captured never meet: each output unit, and each use of a row
// sum, finds the sum that is due, of the right tile and row. Sums are told apart by where and in
// which tile they were captured: a mark, which follows the shadow registers' enables.
module properties (
`include "core.vh"
);
`include "core_instance.vh"
`include "history.vh"
`include "drain.vh"

  localparam UNITS = `REQUANTISERS / `AT_ONCE;  // of a row
  integer r, i, u, j, a;
  always @* begin
    a = 0;
    r = 0;
    i = 0;
    u = 0;
    j = 0;
    if (running) begin
      assert (!(capture_now & drain_now) && !(q_capture_now & q_drain_now));
      for (a = `DRAINS; a <= LAST; a = a + 1) if (ended[a])
        for (r = 0; r < `DEPARTURES; r = r + 1) for (i = 0; i < `AT_ONCE; i = i + 1) begin
          if (a == `DRAINS + r * `SHARE)
            assert (q_mark[`ROWS-1-i] == ({tile_mark[a], 8'd0} + `ROWS - 1 - i - r * `AT_ONCE));
          for (u = 0; u < UNITS; u = u + 1) for (j = 0; j < `SHARE; j = j + 1)
            if (a == `DRAINS + 2 + u * `SHARE / `CLUSTER_COLS + j + r * `SHARE) begin
              assert (selects[(i*UNITS+u)*`SHARE+j]);
              assert (mark[(`ROWS-1-i)*`BREADTH+(u*`SHARE+j)/`CLUSTER_COLS] ==
                ({tile_mark[a], 8'd0} + `ROWS - 1 - i - r * `AT_ONCE));
            end
        end
    end
  end
  always @(posedge clk) begin
    `COVER(running && |capture_now && |selects && results_valid && !result_moves)
  end
endmodule
