// A job gives its tiles, column tile by column tile, all row tiles of each, and is then taken.
module properties (
  input clk,
  input [70:0] job,  // column tiles, row tiles, and what is the same for all tiles
  input valid,
  input ready
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire job_ready, tile_valid;
  wire [39:0] tile;
  truncmac_tiles dut (
    .clk(clk),
    .rst(!running),
    .jobs__payload(job),
    .jobs__valid(valid),
    .jobs__ready(job_ready),
    .tiles__payload(tile),
    .tiles__valid(tile_valid),
    .tiles__ready(ready)
  );
  wire [15:0] rows = job[54:39], columns = job[70:55];
  wire raw = job[37];
  reg [15:0] row = 0, column = 0;  // of the next tile
  reg held = 0;
  reg [70:0] before;
  wire moves = running && tile_valid && ready;
  always @(posedge clk) begin
    // A job has tiles, and holds until it is taken
    if (valid) assume (rows != 0 && columns != 0);
    if (held) assume (valid && job == before);
    held <= running && valid && !job_ready;
    before <= job;
    if (moves) row <= row == rows - 1 ? 0 : row + 1;
    if (moves && row == rows - 1) column <= column == columns - 1 ? 0 : column + 1;
    if (!running) begin
      row <= 0;
      column <= 0;
    end
    `COVER(moves && job_ready && row == 2 && column == 1)
  end

  always @* if (running) begin
    assert (tile_valid == valid);
    assert (job_ready == (moves && row == rows - 1 && column == columns - 1));
    // The first tile of each column has parameters of its own, unless sums leave as they are
    if (tile_valid) assert (tile == {row == 0 && !raw, job[38:0]});
  end

  // Helpers: where the hardware has all this
  wire [15:0] at_row, at_column;
  always @* if (running) begin
    `HELPER(at_row == row && at_column == column)
    if (!held) `HELPER(row == 0 && column == 0)
    else `HELPER(row < before[54:39] && column < before[70:55])
  end
endmodule
