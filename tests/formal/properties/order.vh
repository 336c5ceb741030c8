  // Words are told apart by three colours, so that one lost, doubled or out of order is seen.
  localparam A = 1, B = 2, JUNK = 255;
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire rst = !running;
  reg a_in = 0, b_in = 0;  // these have entered
  reg a_out = 0, b_out = 0;  // and left
  reg legal;
  reg [7:0] kind;
`define TAKE_WORD(word) begin \
      assert ((word) == 0 || (word) == A || (word) == B); \
      if ((word) == A) assert (!a_out && !b_out); \
      if ((word) == B) assert (a_out && !b_out); \
      if ((word) == A) a_out <= 1; \
      if ((word) == B) b_out <= 1; \
    end
