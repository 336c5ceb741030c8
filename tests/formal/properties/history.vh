  // What the array has been told, by its steps since. Nothing in the core after the sequencer
  // lasts longer than LAST steps, so all of its state follows from this. The assertions here are
  // helpers: each says of some registers what they hold; together they are inductive.
  localparam WORDS = `DEPARTURES * `SHARE;
  localparam LAST = `FIRST + WORDS - 1;  // then a tile's last word leaves the edge
  wire busy, advance, ends, ends_void, captured, valid, hold, leaves, void_leaves;
  wire [$clog2(WORDS > 1 ? WORDS : 2)-1:0] wait_steps;
  wire [$clog2(LAST+1)-1:0] leaving;
  wire [$clog2(`SHARE > 1 ? `SHARE : 2)-1:0] pause;
  wire [`DEPARTURES:0] rest;
  wire [`DRAINS:1] captures;  // on their way to the bottom row
  wire [2:0] endings;  // tiles between their end and their drain
  wire [1:0] produce, consume;
  wire [3:0] void_endings;
  wire [`PASSAGE:0] row_taps;
  wire [`FIRST+`SHARE-`DRAINS-3:0] kept_taps;

  wire [1:0] level_there;
  reg [LAST:1] ended = 0, kept = 0;
  reg [1:0] level = 0;  // words between edge and results
  always @(posedge clk) begin
    level <= level + (valid && advance) - result_moves;
    if (advance) begin
      ended <= {ended, ends};
      kept <= {kept, ends && !ends_void};
    end
    if (!running) begin
      level <= 0;
      ended <= 0;
      kept <= 0;
    end
  end

  integer age, row, place, left;
  reg [15:0] wait_due, leaving_due, pause_due;
  reg [`DEPARTURES:0] rest_due;
  reg [2:0] endings_due;
  reg [`PASSAGE:0] rows_due;
  reg [`FIRST+`SHARE-`DRAINS-3:0] kept_due;
  reg leaves_due;
  always @* begin
    wait_due = 0;
    leaving_due = 0;
    pause_due = 0;
    rest_due = 0;
    endings_due = 0;
    rows_due = 0;
    kept_due = 0;
    leaves_due = 0;
    row = 0;
    place = 0;
    left = 0;
    for (age = 1; age <= LAST; age = age + 1) if (ended[age]) begin
      if (age < WORDS) wait_due = WORDS - age;
      if (leaving_due == 0) leaving_due = LAST + 1 - age;
      if (age <= `DRAINS) endings_due = endings_due + 1;
      left = age - `DRAINS;
      if (left > 0 && left <= WORDS) begin
        pause_due = `SHARE - 1 - (left - 1) % `SHARE;
        rest_due = ((1 << `DEPARTURES) - 1) << ((left - 1) / `SHARE + 2);
      end
      for (row = 0; row < `DEPARTURES; row = row + 1) begin
        place = left - row * `SHARE;
        if (place == 0) leaves_due = 1;
        if (place > 0 && place <= `PASSAGE + 1) rows_due[place - 1] = 1;
        if (kept[age] && place > 1 && place <= `FIRST + `SHARE - `DRAINS - 1)
          kept_due[place - 2] = 1;
      end
    end
  end

  integer past, found;
  always @* begin
    past = 0;
    found = 0;
    if (running) begin
      for (past = 1; past < LAST; past = past + 1)
        if (ended[past]) `HELPER(!((ended >> past) & ((1 << (WORDS - 1)) - 1)))
      `HELPER(!(kept & ~ended))
      `HELPER(wait_steps == wait_due)
      `HELPER(leaving == leaving_due)
      `HELPER(captures == ended[`DRAINS:1] && captured == ended[`DRAINS])
      `HELPER(endings == endings_due && produce == (consume + endings) % 4)
      found = 0;
      for (past = `DRAINS; past > 0; past = past - 1) if (ended[past]) begin
        `HELPER(void_endings[(consume + found) % 4] == !kept[past])
        found = found + 1;
      end
      `HELPER(rest == rest_due && pause == pause_due && leaves == leaves_due)
      `HELPER(row_taps == rows_due && kept_taps == kept_due)
      found = 0;
      for (past = `DRAINS + 1; past <= `DRAINS + WORDS && past <= LAST; past = past + 1)
        if (ended[past] && !found) begin
          `HELPER(void_leaves == !kept[past])
          found = 1;
        end
      `HELPER(valid == |(kept >> (`FIRST - 1)))
      `HELPER(results_valid == (level != 0) && level <= 2 && level == level_there)
      `HELPER(advance == ((!valid || level != 2) && !hold))
    end
  end
