  // Shadow registers by the history: PE and row sum `r` counts from the top, cluster `c` from the
  // left. Each holds a mark of the tile (that it is odd) and of the row that it was captured in.
  wire [`ROWS*`BREADTH-1:0] capture_now, drain_now;  // r * BREADTH + c
  wire [`ROWS-1:0] q_capture_now, q_drain_now;
  wire [`AT_ONCE*`COLS-1:0] selects;  // (i * UNITS + u) * SHARE + j: unit u of row i, its column j
  wire [`DEPTH*(`BREADTH+4)-1:0] token_taps;
  wire [`ROWS*(`BREADTH+1+`DRAIN_DELAY)-1:0] drain_taps;

  reg odd = 0;
  reg [LAST:1] tile_mark;
  reg [8:0] mark [0:`ROWS*`BREADTH-1];
  reg [8:0] q_mark [0:`ROWS-1];
  integer mr, mc;
  always @(posedge clk) begin
    if (advance) tile_mark <= {tile_mark, odd};
    if (advance && ends) odd <= !odd;
    for (mr = 0; mr < `ROWS; mr = mr + 1) begin
      if (q_capture_now[mr]) q_mark[mr] <= ({tile_mark[mr/`CLUSTER_ROWS+2], 8'd0} + mr);
      else if (q_drain_now[mr]) q_mark[mr] <=
        mr < `AT_ONCE ? 9'h1ff : q_mark[mr < `AT_ONCE ? 0 : mr-`AT_ONCE];
      for (mc = 0; mc < `BREADTH; mc = mc + 1) begin
        if (capture_now[mr*`BREADTH+mc])
          mark[mr*`BREADTH+mc] <= ({tile_mark[mr/`CLUSTER_ROWS+mc+4], 8'd0} + mr);
        else if (drain_now[mr*`BREADTH+mc])
          mark[mr*`BREADTH+mc] <=
            mr < `AT_ONCE ? 9'h1ff : mark[mr < `AT_ONCE ? 0 : (mr-`AT_ONCE)*`BREADTH+mc];
      end
    end
  end

  // Helpers: enables and marks, by the history
  integer dr, dc, da, dm, tap, moved, seen;
  reg due_now;
  always @* begin
    dr = 0;
    dc = 0;
    da = 0;
    dm = 0;
    tap = 0;
    due_now = 0;
    moved = 0;
    seen = 0;
    if (running) begin
      for (dr = 0; dr < `DEPTH; dr = dr + 1) for (tap = 1; tap <= `BREADTH + 4; tap = tap + 1)
        `HELPER(token_taps[dr*(`BREADTH+4)+tap-1] == ended[dr+tap])
      for (dr = 0; dr < `ROWS; dr = dr + 1) begin
        for (tap = 0; tap <= `BREADTH + 1 + `DRAIN_DELAY; tap = tap + 1) begin
          due_now = 0;
          for (dm = 0; dm < dr / `AT_ONCE; dm = dm + 1) if (`DRAINS + dm * `SHARE + tap <= LAST)
            due_now = due_now || ended[`DRAINS+dm*`SHARE+tap];
          if (tap == 0) `HELPER(q_drain_now[dr] == (due_now && advance))
          else `HELPER(drain_taps[(tap-1)*`ROWS+dr] == due_now)
        end
        `HELPER(q_capture_now[dr] == (ended[dr/`CLUSTER_ROWS+2] && advance))
        for (dc = 0; dc < `BREADTH; dc = dc + 1) begin
          `HELPER(capture_now[dr*`BREADTH+dc] ==
            (ended[dr/`CLUSTER_ROWS+dc+4] && advance))
          `HELPER(drain_now[dr*`BREADTH+dc] ==
            (drain_taps[(dc+1+`DRAIN_DELAY)*`ROWS+dr] && advance))
        end
        // The youngest tile that was captured here
        seen = 0;
        for (da = dr/`CLUSTER_ROWS + 3; da <= LAST; da = da + 1) if (ended[da] && !seen) begin
          moved = da <= `DRAINS ? 0 : (da - `DRAINS - 1) / `SHARE + 1;
          if (moved <= dr / `AT_ONCE)
            `HELPER(q_mark[dr] == ({tile_mark[da], 8'd0} + dr - moved * `AT_ONCE))
          seen = 1;
        end
        for (dc = 0; dc < `BREADTH; dc = dc + 1) begin
          seen = 0;
          for (da = dr/`CLUSTER_ROWS + dc + 5; da <= LAST; da = da + 1)
            if (ended[da] && !seen) begin
              moved = da - dc - 2 - `DRAIN_DELAY;
              moved = moved <= `DRAINS ? 0 : (moved - `DRAINS - 1) / `SHARE + 1;
              if (moved > dr / `AT_ONCE) moved = dr / `AT_ONCE;
              `HELPER(mark[dr*`BREADTH+dc] == ({tile_mark[da], 8'd0} + dr - moved * `AT_ONCE))
              seen = 1;
            end
        end
      end
    end
  end
