  // Requests for beats of 8 bytes: those that were taken and are not yet cut, oldest first, and how
  // many beats of the oldest its bursts have had. The properties name the ports of a request, and
  // `burst_valid`, `burst_address`, `burst_length` and `burst_moves` of the burst that is offered.
  reg [55:0] queue [0:1];
  reg head = 0;
  reg [1:0] count = 0;
  reg [23:0] given = 0;
  wire [55:0] oldest = queue[head];
  wire [31:0] next_address = oldest[31:0] + {given, 3'd0};
  wire [23:0] left = oldest[55:32] - given;
  wire [9:0] page = 512 - next_address[11:3];  // beats up to the next multiple of 4 KiB
  wire [4:0] most = page < 16 ? page : 16;
  wire [4:0] longest = left < most ? left : most;
  wire request_moves = running && request_valid && request_ready;
  wire request_ends = burst_moves && burst_length == left;
  always @(posedge clk) begin
    // A request has beats, and its address is a multiple of the bus' bytes
    if (request_valid) assume (request_beats != 0 && request_address[2:0] == 0);
    if (request_moves) queue[head ^ count[0]] <= {request_beats, request_address};
    if (burst_moves) given <= request_ends ? 0 : given + burst_length;
    if (request_ends) head <= !head;
    count <= count + request_moves - request_ends;
    if (!running) begin
      head <= 0;
      count <= 0;
      given <= 0;
    end
  end

  always @* if (running) begin
    assert (request_ready == (count != 2));
    if (burst_valid) begin
      // It is of the oldest request, and follows the burst before
      assert (count != 0);
      assert (burst_address == next_address && burst_length <= left);
      // It is as long as it can be: at most 16 beats, and within 4 KiB
      assert (burst_length != 0 && burst_length <= 16);
      assert ({1'b0, burst_address[11:0]} + 8 * burst_length <= 4096);
      assert (burst_length == longest);
    end
  end

  // Helpers: where the hardware has all this
  wire [111:0] waiting;
  wire [1:0] waiting_level;
  wire waiting_consume, waiting_produce;
  wire [23:0] waiting_done;
  integer n;
  reg [55:0] entry;
  always @* if (running) begin
    `HELPER(waiting_level == count && count <= 2)
    `HELPER(waiting_produce == (waiting_consume ^ count[0]))
    `HELPER(waiting_done == given)
    if (count == 0) `HELPER(given == 0)
    else `HELPER(given < oldest[55:32])
    for (n = 0; n < 2; n = n + 1) begin
      entry = queue[head ^ n[0]];
      if (n < count) begin
        `HELPER(entry[55:32] != 0 && entry[2:0] == 0)
        `HELPER((waiting_consume ^ n[0] ? waiting[111:56] : waiting[55:0]) == entry)
      end
    end
  end
