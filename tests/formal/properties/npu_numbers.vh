  // Words carry their number, modulo 62, and in the hardware's queues of 32 there are never as many:
  // upper bit and place in the ring of 31, which the queue has before its last register.
  function [5:0] next_number(input [5:0] number);
    next_number = number[4:0] == 30 ? {!number[5], 5'd0} : number + 6'd1;
  endfunction
  reg [5:0] came = 0, went = 0;  // numbers of the next word that comes, and that leaves

  // Helpers: the ring holds the words from `in_ring` on
  wire [4:0] produce, consume, level;
  wire first_here;
  wire [5:0] in_ring = first_here ? next_number(went) : went;
  wire same_lap = came[5] == in_ring[5];
  always @* if (running) begin
    `HELPER(produce < 31 && consume < 31 && produce == came[4:0] && consume == in_ring[4:0])
    `HELPER({1'b0, consume} + level == produce + (same_lap ? 6'd0 : 6'd31))
    `HELPER(level + first_here == here && (first_here || level <= 1))
  end
`define IN_RING(i) (same_lap ? consume <= i && i < produce : consume <= i || i < produce)
`define NUMBER(i) {in_ring[5] ^ (i < consume), i[4:0]}
