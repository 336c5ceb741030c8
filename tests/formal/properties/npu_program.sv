// Each start runs the descriptors of its program once and in order, up to END or a fault, and then
// says `done` once; nothing hangs. The check of descriptors is replaced by any that refuses
// operations that are not known.
// A descriptor carries its number, modulo 256, in its last byte.
module properties (
  input clk,
  input start,
  input reset,
  input [31:0] entry,
  input request_ready,
  input data_valid,
  input [63:0] word,
  input [7:0] keep,
  input ahead_ready,
  input [3:0] ended,  // load, store, convolution, post
  input loading,
  input storing,
  input outside,
  input read_failed,
  input write_failed,
  input still,
  input written,
  input goes_on
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire request_valid, data_ready, ahead_valid, told, checked_valid, checked_ready;
  wire [55:0] request;
  wire [515:0] checked;
  wire [511:0] at_hand, ahead;
  wire [3:0] run, fault;
  wire stop, abort, busy, done, fetches, moves;
  wire [23:0] index;
  reg [3:0] due = 0;  // beats of a descriptor
  reg [23:0] asked = 0, taken = 0;  // descriptors
  wire data_comes = data_valid && due != 0;
  // Its name lets probes look into it, as into `dut`
  truncmac_descriptors \dut.reader (
    .clk(clk),
    .rst(!running || abort),
    .start(start && !busy),
    .entry(entry),
    .regions(0),
    .requests__payload(request),
    .requests__valid(request_valid),
    .requests__ready(request_ready),
    .data__payload({due == 1, keep, due == 1 ? asked[7:0] - 8'd1 : word[63:56], word[55:0]}),
    .data__valid(data_comes),
    .data__ready(data_ready),
    .ahead__payload(ahead),
    .ahead__valid(ahead_valid),
    .ahead__ready(ahead_ready),
    .told(told),
    .checked__payload(checked),
    .checked__valid(checked_valid),
    .checked__ready(checked_ready)
  );
  truncmac_controller dut (
    .clk(clk),
    .rst(!running),
    .start(start),
    .reset(reset),
    .checked__payload(checked),
    .checked__valid(checked_valid),
    .checked__ready(checked_ready),
    .descriptor(at_hand),
    .run_load(run[0]),
    .run_store(run[1]),
    .run_convolution(run[2]),
    .run_post(run[3]),
    .ended_load(ended[0]),
    .ended_store(ended[1]),
    .ended_convolution(ended[2]),
    .ended_post(ended[3]),
    .loading(loading),
    .storing(storing),
    .outside(outside),
    .read_failed(read_failed),
    .write_failed(write_failed),
    .still(still),
    .written(written),
    .fetches(fetches),
    .moves(moves),
    .stop(stop),
    .abort(abort),
    .busy(busy),
    .done(done),
    .fault(fault),
    .index(index)
  );
  localparam IDLE = 0, NEXT = 1, RUN = 2, FAULT = 3, JOIN = 4;
  localparam BEGIN = 1, END = 2, LOAD = 3, STORE = 4, CONV = 5;
  reg [2:0] phase = IDLE;
  reg [7:0] operation;  // that was taken last
  reg beside, raw;
  reg [3:0] wrong;
  wire moving = loading || storing || !written;
  wire [7:0] next = checked[7:0];
  wire [3:0] refused = checked[515:512];
  // The next one is there, and waits for maps that move, or with sums for a STORE
  wire waits = checked_valid && refused == 0 && next != BEGIN && next != END &&
    (checked[8] && moving || next == CONV && checked[10] && storing);
  wire takes = phase == NEXT && checked_valid && !waits;
  wire [3:0] runs = phase != RUN ? 0 : operation == LOAD ? 1 : operation == STORE ? 2 :
    operation == CONV ? 4 : operation > CONV ? 8 : 0;
  wire over = phase == RUN && (operation == BEGIN || (runs & ended) != 0);
  wire joins = (operation == LOAD || operation == STORE) && !beside || operation == CONV && raw;
  wire ends = phase == RUN && operation == END && !moving;
  wire [3:0] bus_fault = write_failed ? 10 : read_failed ? 9 : outside ? 8 : reset ? 11 : 0;
  wire [3:0] now_wrong = takes && refused != 0 ? refused : bus_fault;
  reg going_on = 0;
  reg [31:0] entry_before;
  reg [4:0] stands = 0;  // cycles in which all goes on, and no descriptor is taken
  always @(posedge clk) begin
    // The entry holds until a program's end
    if (running && busy) assume (entry == entry_before);
    entry_before <= entry;
    // The check refuses operations that are not known
    if (checked_valid && refused == 0) assume (next >= BEGIN && next <= 7);
    // From any cycle on, all may go on: bus and blocks do what they are asked for
    if (going_on) assume (goes_on);
    if (goes_on) assume (request_ready && data_valid && ahead_ready && still && written &&
      !loading && !storing && ended == 15);
    going_on <= running && goes_on;

    if (data_comes && data_ready) due <= due - 1;
    if (request_valid && request_ready) begin
      due <= 8;
      asked <= asked + 1;
    end
    if (takes) begin
      {operation, beside, raw} <= {next, checked[9], checked[10]};
      taken <= taken + 1;
      phase <= RUN;
    end
    if (over) phase <= joins ? JOIN : NEXT;
    if (phase == JOIN && !moving) phase <= NEXT;
    if (ends) phase <= IDLE;
    if (phase != IDLE && phase != FAULT && now_wrong != 0) begin
      phase <= FAULT;
      wrong <= now_wrong;
    end
    if (phase == FAULT && still) phase <= IDLE;
    if (phase == IDLE && start) begin
      phase <= NEXT;
      wrong <= 0;
      asked <= 0;
      taken <= 0;
    end
    if (abort) due <= 0;
    stands <= goes_on && busy && !takes ? stands + 1 : 0;
    if (!running) begin
      phase <= IDLE;
      due <= 0;
      stands <= 0;
    end
    `COVER(running && done && !abort && taken == 2 && goes_on)
  end

  always @* if (running) begin
    // Descriptors are read one after the other
    if (request_valid) assert (due == 0 && request[31:0] == ((entry + 64 * asked) & 32'h3fffffff));
    if (request_valid) assert (request[55:32] == 64);
    if (due != 0) assert (data_ready);
    // Each is taken once, in order, and then it runs until it is over; what it moves is awaited
    assert ((checked_valid && checked_ready) == takes);
    if (takes) assert (checked[511:504] == taken[7:0] && asked == ((taken + 1) & 24'hffffff));
    assert (run == runs && busy == (phase != IDLE));
    if (phase == RUN) assert (at_hand[511:504] == ((taken - 1) & 255));
    if (phase == RUN || phase == JOIN) assert (index == ((taken - 1) & 24'hffffff));
    if (phase == NEXT) assert (index == taken);
    // A fault stops the bus; once it is still, all that is under way is forgotten
    assert (stop == (phase == FAULT) && abort == (phase == FAULT && still));
    if (phase == FAULT) assert (fault == wrong && wrong != 0);
    assert (done == (abort || ends && now_wrong == 0));
    if (done && !abort) assert (fault == 0 && wrong == 0);
    // Nothing hangs
    assert (stands <= 12);
  end

  // Helpers: where the hardware is
  wire [2:0] controlling, reading;  // reading: 0 idle, 1 ask, 2 receive, 3 check, 4 tell, 5 give
  wire [2:0] beat;
  wire [23:0] number;
  // Cycles until the reader has a descriptor, and until one is taken or the program ends, at most
  wire [3:0] reader_left = reading == 1 ? 11 : reading == 2 ? due + 2 : reading == 3 ? 2 : reading == 4;
  wire [3:0] control_left = phase == RUN ? 2 : phase == JOIN;
  wire [4:0] cycles_left = phase == IDLE ? 0 : phase == FAULT ? 1 :
    reader_left > control_left ? reader_left : control_left;
  wire in_control = phase == NEXT || phase == RUN || phase == JOIN;
  always @* if (running) begin
    `HELPER(controlling == phase && phase <= JOIN && reading <= 5)
    if (phase == IDLE) `HELPER(reading == 0)
    if (phase == NEXT) `HELPER(reading != 0)
    if (phase == RUN || phase == JOIN) `HELPER((reading == 0) == (operation == END))
    `HELPER(due <= 8 && (due != 0) == (reading == 2) && beat == ((reading == 2 ? 8 - due : 0) & 7))
    if (reading != 0) `HELPER(number == taken && asked == ((taken + (reading != 1)) & 24'hffffff))
    if (reading > 2) `HELPER(checked[511:504] == taken[7:0])
    if (phase == RUN || phase == JOIN) `HELPER({operation, beside, raw} == {at_hand[7:0], at_hand[9], at_hand[10]})
    if (phase == RUN || phase == JOIN) `HELPER(operation >= BEGIN && operation <= 7)
    if (in_control) `HELPER(wrong == 0 && fault == 0)
    if (phase == JOIN) `HELPER(joins)
    `HELPER(stands + cycles_left <= (in_control ? 11 : 12))
  end
endmodule
