// Each word that is wanted is read once, in order, as soon as there is room for its codes; they leave
// once, in the same order: those that are wanted, and zeros.
// The memory gives anything, and holds what it gave until it is read again.
module properties (
  input clk,
  input [20:0] place,
  input part,
  input [1:0] wanted,
  input valid,
  input may_read,
  input [31:0] gives,
  input ready
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire word_ready, reads, codes_valid;
  wire [20:0] read_place;
  wire [15:0] codes;
  reg [31:0] answer = 0;
  truncmac_prefetch dut (
    .clk(clk),
    .rst(!running),
    .words__payload({wanted, part, place}),
    .words__valid(valid),
    .words__ready(word_ready),
    .read(reads),
    .read_place(read_place),
    .read_answer(answer),
    .read_ready(may_read),
    .codes__payload(codes),
    .codes__valid(codes_valid),
    .codes__ready(ready)
  );
  // Numbers of the next word that comes, that is passed on, and that leaves; and what is known of each
  reg [2:0] came = 0, passed = 0, went = 0;
  reg [23:0] word [0:7];
  reg [31:0] given [0:7];
  reg fresh = 0, full = 0;  // a cycle ago one was passed on; there was no room for another
  wire [2:0] waiting = came - passed, here = passed - went;
  wire [23:0] next = word[passed];
  wire wants = next[23:22] != 0;
  wire passes = running && waiting != 0 && here != 3 && (!wants || may_read);
  wire leaves = running && codes_valid && ready;

  function [15:0] chosen(input [23:0] asked, input [31:0] found);
    chosen = {asked[23] ? found[16*asked[21]+8+:8] : 8'd0, asked[22] ? found[16*asked[21]+:8] : 8'd0};
  endfunction

  always @(posedge clk) begin
    if (running && valid && word_ready) begin
      word[came] <= {wanted, part, place};
      came <= came + 1;
    end
    if (running && reads && may_read) begin
      given[passed] <= gives;
      answer <= gives;
    end
    passed <= passed + passes;
    went <= went + leaves;
    fresh <= passes;
    full <= here == 3;
    if (!running) begin
      came <= 0;
      passed <= 0;
      went <= 0;
      fresh <= 0;
      full <= 0;
    end
    `COVER(leaves && went == 6 && here == 3 && waiting == 2 && codes == 16'h2a00)
  end

  always @* if (running) begin
    assert (word_ready == (waiting != 2));
    assert (reads == (waiting != 0 && wants && here != 3));
    if (reads) assert (read_place == next[20:0]);
    // Codes are offered two cycles after their word was read, or when there is room again
    assert (codes_valid == (here > (fresh || full)));
    if (codes_valid) assert (codes == chosen(word[went], given[went]));
  end

  // Helpers: where the hardware has all this
  wire [47:0] asked;
  wire [31:0] answered;
  wire [1:0] asked_level, answered_level, wanted_here;
  wire asked_produce, asked_consume, answered_produce, answered_consume, held, part_here;
  wire [2:0] latest = passed - 1;
  integer n;
  reg [2:0] number;
  always @* if (running) begin
    `HELPER(waiting <= 2 && here <= 3 && (!(fresh || full) || here != 0))
    `HELPER(asked_level == waiting && asked_produce == (asked_consume ^ waiting[0]))
    `HELPER(held == (fresh || full) && (here != 3 || held) && answered_level == here - held)
    `HELPER(answered_produce == (answered_consume ^ answered_level[0]))
    if (held) begin
      `HELPER({wanted_here, part_here} == word[latest][23:21])
      if (wanted_here != 0) `HELPER(answer == given[latest])
    end
    for (n = 0; n < 2; n = n + 1) begin
      number = passed + n;
      if (n < waiting)
        `HELPER((asked_consume ^ n[0] ? asked[47:24] : asked[23:0]) == word[number])
      number = went + n;
      if (n < answered_level)
        `HELPER((answered_consume ^ n[0] ? answered[31:16] : answered[15:0])
          == chosen(word[number], given[number]))
    end
  end
endmodule
