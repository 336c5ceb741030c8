// A set of parameters is not overwritten before it is out of use, and each tile gets the next.
module properties (
  input clk,
  input parameters_valid,
  input claim,
  input release_set
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire ready, available, bank, next_bank, write, write_bank;
  wire [7:0] unit, turn;
  truncmac_loader dut (
    .clk(clk),
    .rst(!running),
    .parameters__payload(0),
    .parameters__valid(parameters_valid),
    .parameters__ready(ready),
    .available(available),
    .claim(claim),
    .bank(bank),
    .next_bank(next_bank),
    .\release (release_set),
    .write(write),
    .unit(unit[`UNIT_BITS-1:0]),
    .turn(turn[`TURN_BITS-1:0]),
    .write_bank(write_bank)
  );
  assign unit[7:`UNIT_BITS] = 0;
  assign turn[7:`TURN_BITS] = 0;

  // The state of each bank: 0 free, 1 whole and waiting, 2 in use
  reg [1:0] state [0:1];
  reg [7:0] column = 0;  // of the set that loads
  reg newest = 1;  // bank of the set that was claimed last
  reg oldest_whole = 0;
  reg released = 0;
  wire both = state[0] == 2 && state[1] == 2;
  always @(posedge clk) begin
    if (running) begin
      // A tile claims a set that is there; the older of two in use is released
      assume (!claim || available);
      assume (!release_set || both);
      assert (write == (parameters_valid && ready));
      assert (ready == (state[0] == 0 || state[1] == 0));
      assert (available == (state[0] == 1 || state[1] == 1));
      if (write) begin
        assert (state[write_bank] == 0);
        assert (turn * `REQUANTISERS + unit == column);
        column <= column == `COLS - 1 ? 0 : column + 1;
        if (column == `COLS - 1) state[write_bank] <= 1;
      end
      if (available) assert (state[next_bank] == 1);
      assert (bank == newest);
      if (claim) begin
        state[next_bank] <= 2;
        newest <= next_bank;
      end
      if (release_set) state[!newest] <= 0;
    end else begin
      state[0] <= 0;
      state[1] <= 0;
    end
    released <= running && release_set;
    `COVER(running && released && write && column == 0)
  end
endmodule
