// A byte that is still needed is given as it came: no beat is overwritten before. There is room for
// as many beats as the ring has, less those that are needed or on their way.
// A beat has its number modulo 128 in each byte, and which of the two it is.
module properties (
  input clk,
  input valid,
  input [1:0] keep,
  input last,
  input [6:0] asks,
  input [25:0] oldest,
  input [25:0] position,
  input read,
  input [25:0] row,
  input clear
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire ready, waits;
  wire [6:0] room;
  wire [15:0] answer;
  wire [25:0] arrived;
  reg [6:0] came = 0, first = 0;  // numbers of the next beat, and of the row's first
  truncmac_row_buffer dut (
    .clk(clk),
    .rst(!running),
    .data__payload({last, keep, came, 1'b1, came, 1'b0}),
    .data__valid(valid),
    .data__ready(ready),
    .asks(asks),
    .room(room),
    .waits(waits),
    .oldest(oldest),
    .position(position),
    .read(read),
    .answer(answer),
    .arrived(arrived),
    .row(row),
    .clear(clear)
  );
  // Beats from the row's first on: those that were asked for, that came, that are needed no longer
  reg [11:0] asked = 0, here = 0;
  wire [11:0] passed = oldest[25] ? 0 : oldest[12:1];
  reg [11:0] passed_before = 0;
  wire [11:0] done = clear ? row[11:0] : 0;
  reg low_known = 0, high_known = 0;
  reg [7:0] low, high;
  wire [12:0] next_position = position[12:0] + 1;
  wire [6:0] low_beat = first + position[7:1], high_beat = first + next_position[7:1];
  always @(posedge clk) begin
    // Rows are of less than 1000 beats, and what is needed of them goes on
    if (running) begin
      assume (row < 1000 && (oldest[25] || oldest < 2000));
      assume (passed >= passed_before && passed <= row);
      // No more beats are asked for than there is room for, and none comes but those
      assume (asks <= room && asked < 2000 && (!valid || here < asked));
      // A row is done with when it is here, and all of it was read
      if (clear) assume (here >= row && passed == row);
      // What is read is needed
      if (read) assume ($signed(position) >= $signed(oldest) && position + 1 < 2 * row + 2);
    end
    asked <= asked + asks - done;
    here <= here + valid - done;
    first <= first + done[6:0];
    came <= came + valid;
    passed_before <= clear ? 0 : passed;
    if (read) begin
      low_known <= !position[25] && position[12:1] < here;
      high_known <= (!position[25] || position == 26'h3ffffff) && next_position[12:1] < here;
      low <= {low_beat, position[0]};
      high <= {high_beat, !position[0]};
    end
    if (!running) begin
      asked <= 0;
      here <= 0;
      first <= 0;
      came <= 0;
      passed_before <= 0;
      low_known <= 0;
      high_known <= 0;
    end
    `COVER(running && low_known && high_known && low == 8'h05 && first != 0 && asked == 64 + passed)
  end

  always @* if (running) begin
    assert (ready && waits == (asked == here) && arrived == {here, 1'b0});
    assert (room <= 64 && room == (asked <= passed ? 64 : 64 + passed - asked));
    assert (asked <= passed + 64);
    if (low_known) assert (answer[7:0] == low);
    if (high_known) assert (answer[15:8] == high);
  end

  // Helpers: where the hardware has all this
  wire [32*16-1:0] memory_0, memory_1;
  wire [5:0] base, next;
  wire [25:0] beats_asked, beats_here;
  integer i;
  reg [6:0] number;
  reg [5:0] age;  // of a place of the ring: beats that came after its own
  reg [6:0] filled = 0;  // places
  always @(posedge clk) filled <= !running ? 0 : filled + (valid && filled != 64);
  always @* if (running) begin
    `HELPER(beats_asked == asked && beats_here == here && here <= asked)
    `HELPER(base == first[5:0] && next == came[5:0] && came == ((first + here) & 127))
    `HELPER(asked <= passed_before + 64)
    `HELPER(filled <= 64 && (filled == 64 || filled >= here))
    for (i = 0; i < 64; i = i + 1) begin
      age = came[5:0] - 1 - i;
      number = came - 1 - age;
      if (age < filled)
        `HELPER((i[0] ? memory_1[16*(i/2)+:16] : memory_0[16*(i/2)+:16]) == {number, 1'b1, number, 1'b0})
    end
  end
endmodule
