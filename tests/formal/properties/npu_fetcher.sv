// Each request is told to be outside its region, or read: just the beats in which its bytes lie.
// They go to who asked, in order, each once. The first who asks comes before the second.
module properties (
  input clk,
  input [255:0] regions,  // from the program's on: base, and size above it
  input [31:0] a_address,
  input [23:0] a_bytes,
  input a_valid,
  input a_early,
  input a_takes,
  input [31:0] b_address,
  input [23:0] b_bytes,
  input b_valid,
  input b_early,
  input b_takes,
  input reads_ready,
  input [63:0] word,
  input word_valid
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire a_ready, b_ready, a_given, b_given, reads_valid, word_ready, outside, a_last, b_last;
  wire [31:0] read_address;
  wire [23:0] read_beats;
  wire [63:0] a_data, b_data;
  wire [7:0] a_keep, b_keep;
  truncmac_fetcher dut (
    .clk(clk),
    .rst(!running),
    .regions(regions),
    .a_requests__payload({a_bytes, a_address}),
    .a_requests__valid(a_valid),
    .a_requests__ready(a_ready),
    .a_early(a_early),
    .a_data__payload({a_last, a_keep, a_data}),
    .a_data__valid(a_given),
    .a_data__ready(a_takes),
    .b_requests__payload({b_bytes, b_address}),
    .b_requests__valid(b_valid),
    .b_requests__ready(b_ready),
    .b_early(b_early),
    .b_data__payload({b_last, b_keep, b_data}),
    .b_data__valid(b_given),
    .b_data__ready(b_takes),
    .reads__payload({read_beats, read_address}),
    .reads__valid(reads_valid),
    .reads__ready(reads_ready),
    .words__payload(word),
    .words__valid(word_valid),
    .words__ready(word_ready),
    .outside(outside)
  );
`define SIZE(address) regions[64*address[31:30]+32+:32]
`define BASE(address) regions[64*address[31:30]+:32]
`define WITHIN(address, bytes) ({1'b0, address[29:0]} + bytes <= `SIZE(address))

  // What is taken in a cycle
  wire a_within = `WITHIN(a_address, a_bytes), b_within = `WITHIN(b_address, b_bytes);
  wire a_moves = a_valid && a_ready, b_moves = b_valid && b_ready;
  wire reads = reads_valid && reads_ready;
  wire [31:0] address = b_moves ? b_address : a_address;
  wire [23:0] bytes = b_moves ? b_bytes : a_bytes;
  wire [31:0] first = `BASE(address) + address[29:0];
  wire [27:0] length = bytes + first[2:0];  // from the beginning of its first beat on
  // Who asks too early for what is outside waits, and others come first
  wire a_waits = a_valid && a_early && !a_within, b_waits = b_valid && b_early && !b_within;

  // The requests whose beats are due, oldest first: who asked, bytes before, and bytes
  reg [27:0] queue [0:7];
  reg [2:0] head = 0;
  reg [3:0] count = 0;
  reg begun = 0;  // the oldest has had a beat
  reg [24:0] rest = 0;  // and so many of its bytes are left
  wire [27:0] oldest = queue[head];
  wire [2:0] before = begun ? 0 : oldest[3:1];  // bytes of the beat that are not the request's
  wire [24:0] ends = begun ? rest : oldest[27:4] + oldest[3:1];  // its bytes, from the beat's on
  wire word_moves = word_valid && word_ready, over = word_moves && ends <= 8;
  reg a_held = 0, b_held = 0, a_waited = 0, b_waited = 0;
  reg [55:0] a_before, b_before;
  reg [255:0] regions_before;
  integer r;
  always @(posedge clk) begin
    // A base is a multiple of the bus' bytes
    for (r = 0; r < 4; r = r + 1) assume (regions[64*r+:3] == 0);
    // Regions hold, and a request, of a byte at least, until it is taken
    if (running) assume (regions == regions_before);
    assume (a_bytes != 0 && b_bytes != 0);
    if (a_held) assume (a_valid && a_before == {a_bytes, a_address});
    if (b_held) assume (b_valid && b_before == {b_bytes, b_address});
    regions_before <= regions;
    a_before <= {a_bytes, a_address};
    b_before <= {b_bytes, b_address};
    a_held <= running && a_valid && !a_ready;
    b_held <= running && b_valid && !b_ready;
    a_waited <= running && a_waits;
    b_waited <= running && b_waits;
    if (reads) queue[head + count[2:0]] <= {bytes, first[2:0], b_moves};
    if (word_moves) begun <= !over;
    if (word_moves) rest <= ends - 8;
    if (over) head <= head + 1;
    count <= count + reads - over;
    if (!running) begin
      head <= 0;
      count <= 0;
      begun <= 0;
    end
    `COVER(running && over && oldest[0] && begun && count == 8 && a_waited && b_moves)
  end

  always @* if (running) begin
    // One is taken in a cycle: it is read, or told to be outside
    assert (!(a_moves && b_moves) && !(reads && outside));
    assert ((a_moves || b_moves) == (reads || outside));
    if (outside) assert (a_moves ? !a_within && !a_early : !b_within && !b_early);
    if (reads) begin
      assert (a_moves ? a_within : b_within);
      // Byte n of a region is at its base + n; the beats begin with the first byte's and end with
      // the last one's
      assert (read_address == {first[31:3], 3'd0} && read_beats != 0);
      assert ({read_beats, 3'd0} >= length && {read_beats, 3'd0} < length + 8);
    end
    // Who can be served is
    if (a_valid && (a_within ? reads_ready && count != 8 : !a_early)) assert (a_moves);
    if (b_valid && (b_within ? reads_ready && count != 8 : !b_early) &&
      (!a_valid || a_waited && a_waits)) assert (b_moves);
    if (b_moves) assert (!a_valid || a_waits);
    // Words go to who asked
    assert (word_ready == (count != 0 && (oldest[0] ? b_takes : a_takes)));
    assert (a_given == (word_valid && count != 0 && !oldest[0]));
    assert (b_given == (word_valid && count != 0 && oldest[0]));
    if (a_given) assert (a_data == word && a_last == (ends <= 8));
    if (b_given) assert (b_data == word && b_last == (ends <= 8));
    for (r = 0; r < 8; r = r + 1) begin
      if (a_given) assert (a_keep[r] == (r >= before && r < ends));
      if (b_given) assert (b_keep[r] == (r >= before && r < ends));
    end
  end

  // Helpers: where the hardware has all this
  wire [8*28-1:0] memory;
  wire [2:0] produce, consume;
  wire [3:0] level;
  wire has_begun;
  wire [24:0] bytes_left;
  wire [1:0] waiting;
  integer i;
  reg [2:0] place;
  always @* if (running) begin
    `HELPER(level == count && count <= 8 && consume == head && produce == ((head + count) & 7))
    for (i = 0; i < 8; i = i + 1) begin
      place = i - head;  // among those that are due
      if (place < count) `HELPER(memory[28*i+:28] == queue[i] && queue[i] >> 4 != 0)
    end
    `HELPER(has_begun == begun)
    if (begun) `HELPER(count != 0 && bytes_left == rest && rest != 0)
    `HELPER(waiting[0] == a_waited && (!waiting[1] || b_waited))
    if (a_waited) `HELPER(a_held)
    if (b_waited) `HELPER(b_held)
    if (a_waited) `HELPER({1'b0, a_before[29:0]} + a_before[55:32] > regions_before[64*a_before[31:30]+32+:32])
    if (b_waited) `HELPER({1'b0, b_before[29:0]} + b_before[55:32] > regions_before[64*b_before[31:30]+32+:32])
  end
endmodule
