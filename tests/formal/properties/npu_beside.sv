// What an operation is told is kept, unchanged, until it is over; the next is told then.
module properties (
  input clk,
  input [7:0] told,
  input valid,
  input over
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire ready, kept, busy;
  wire [7:0] found;
  truncmac_beside dut (
    .clk(clk),
    .rst(!running),
    .given__payload(told),
    .given__valid(valid),
    .given__ready(ready),
    .kept__payload(found),
    .kept__valid(kept),
    .kept__ready(over),
    .busy(busy)
  );
  reg at_work = 0;
  reg [7:0] known;
  always @(posedge clk) begin
    if (running) begin
      assert (ready == !at_work && kept == at_work && busy == at_work);
      if (at_work) assert (found == known);
    end
    if (valid && !at_work) known <= told;
    at_work <= running && (at_work ? !over : valid);
    `COVER(running && at_work && over && valid && told != known)
  end
endmodule
