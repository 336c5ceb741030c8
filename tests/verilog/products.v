// Every product of an activation, a weight code and k in one processing element, a tile each.
// The operands go to one lane, each time another; the others get zeros.
module products;
  parameter LANES = 8;
  parameter PLANES = 1;
  parameter DOT_WIDTH = 32;

  reg clk = 0;
  always #1 clk = ~clk;

  integer bits = 1;
  integer activation = 0;
  integer weight = 0;
  integer chunk = 0;
  integer file;
  initial file = $fopen("products.hex", "w");

  wire [31:0] lane = (activation + weight + bits) % LANES;
  wire [31:0] last_chunk = (bits - 1) / PLANES;
  wire [31:0] unused = (last_chunk + 1) * PLANES - bits;
  wire [7:0] kept = weight >> (8 - bits) << (8 - bits);
  wire [PLANES-1:0] plane_bits = kept >> (8 - PLANES * (chunk + 1));
  wire running = bits <= 8;

  // What the row's token tells a PE in its cycles 0 to 5
  reg [5:1] step = 0, load = 0, last = 0;
  reg [3:0] waiting [5:1];
  integer index;
  always @(posedge clk) begin
    step <= {step[4:1], running};
    load <= {load[4:1], running && chunk == 0};
    last <= {last[4:1], running && chunk == last_chunk};
    waiting[1] <= unused[3:0];
    for (index = 2; index <= 5; index = index + 1) waiting[index] <= waiting[index-1];
  end

  wire [DOT_WIDTH-1:0] sums;
  truncmac_cluster pe (
    .clk(clk),
    .rst(1'b0),
    .activations({{(LANES - 1) * 8 + 1{1'b0}}, activation[7:0]} << lane * 8),
    .weights({{LANES * PLANES{1'b0}}, plane_bits} << lane * PLANES),
    .load(running && chunk == 0),
    .step(running),
    .add(step[1]),
    .shift_add(step[2]),
    .first_chunk(load[2]),
    .accumulate(last[3]),
    .first_beat(1'b1),
    .capture(last[4]),
    .drain(1'b0),
    .sums_above({DOT_WIDTH{1'b0}}),
    .sums(sums)
  );

  always @(posedge clk) begin
    if (last[5]) $fwrite(file, "%h\n", sums >> waiting[5]);
    if (running) begin
      chunk <= chunk + 1;
      if (chunk == last_chunk) begin
        chunk <= 0;
        weight <= weight + 1;
        if (weight == 255) begin
          weight <= 0;
          activation <= activation + 1;
          if (activation == 255) begin
            activation <= 0;
            bits <= bits + 1;
          end
        end
      end
    end else if (step == 0) begin
      $fclose(file);
      $finish;
    end
  end
endmodule
