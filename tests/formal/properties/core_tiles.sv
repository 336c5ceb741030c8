// Each tile gives as many words of results as it has, a void one none: never a word that is not
// due, and none is due when the core is idle.
module properties (
`include "core.vh"
);
`include "core_instance.vh"
`include "history.vh"

  reg at_work = 0, void_at_work, gone = 0, void_seen = 0;
  reg [7:0] due = 0;  // words of the tiles that were taken
  reg [7:0] inside;  // by the history, of tiles that have ended
  always @(posedge clk) begin
    due <= running ? due + (tile_moves && !void ? WORDS : 0) - result_moves : 0;
    at_work <= running && (tile_moves || at_work && !ends);
    if (tile_moves) void_at_work <= void;
    void_seen <= running && (void_seen || tile_moves && void);
    gone <= running && result_moves && due == 1;
    `COVER(running && gone && !active && void_seen)
  end
  integer since;
  always @* begin
    inside = 0;
    for (since = 1; since <= LAST; since = since + 1)
      if (kept[since]) inside = inside + (since < `FIRST ? WORDS : LAST + 1 - since);
    if (running) begin
      if (results_valid) assert (due != 0);
      if (!active) assert (due == 0);
      // Helpers
      `HELPER(at_work == busy)
      if (busy) `HELPER(ends_void == void_at_work)
      `HELPER(due == (busy && !void_at_work ? WORDS : 0) + inside + level)
    end
  end
endmodule
