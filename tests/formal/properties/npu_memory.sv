// Of any word of the memory: its bank does one thing in a cycle, for the first who asks; who is told
// `ready` is served, and reads what was written last, until it reads again.
// Ports are numbered in the order in which they come: those of the computation (two that read, two
// that write), of a STORE and of a LOAD.
module properties (
  input clk,
  input [20:0] word,  // address, bank and group of any word
  input [3:0] window_group,
  input windows_needed,
  input [1:0] window_read,
  input [31:0] window_addresses,
  input read,
  input read_1,
  input [1:0] write,
  input [1:0] write_1,
  input stored,
  input [1:0] load,
  input [125:0] places,
  input [15:0] write_given,
  input [15:0] write_1_given,
  input [15:0] load_given
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire [31:0] window_answers;
  wire [15:0] read_answer, read_1_answer, stored_answer;
  wire [5:0] ready;
  assign ready[0] = 1;
  truncmac_memory dut (
    .clk(clk),
    .rst(!running),
    .window_group(window_group),
    .windows_needed(windows_needed),
    .window_read(window_read),
    .window_addresses(window_addresses),
    .window_answers(window_answers),
    .read(read),
    .read_place(places[20:0]),
    .read_answer(read_answer),
    .read_1(read_1),
    .read_1_place(places[41:21]),
    .read_1_answer(read_1_answer),
    .read_1_ready(ready[1]),
    .write(write),
    .write_place(places[62:42]),
    .write_given(write_given),
    .write_ready(ready[2]),
    .write_1(write_1),
    .write_1_place(places[83:63]),
    .write_1_given(write_1_given),
    .write_1_ready(ready[3]),
    .stored(stored),
    .stored_place(places[104:84]),
    .stored_answer(stored_answer),
    .stored_ready(ready[4]),
    .load(load),
    .load_place(places[125:105]),
    .load_given(load_given),
    .load_ready(ready[5])
  );
  wire [3:0] group = word[3:0];
  wire bank = word[4];
  wire [3:0] address = word[8:5];
  wire [5:0] asks = {load != 0, stored, write_1 != 0, write != 0, read_1, read};
  wire [47:0] given = {load_given, write_1_given, write_given};
  wire windows = window_group == group;
  wire window_here = window_read[bank] && windows;
  wire [3:0] window_address = bank ? window_addresses[19:16] : window_addresses[3:0];

  reg [5:0] here, there, served, before;  // ports: in the bank, at the word, at work in the bank
  integer p;
  always @* begin
    before = 0;
    for (p = 0; p < 6; p = p + 1) begin
      here[p] = places[21*p+:5] == word[4:0];
      there[p] = here[p] && places[21*p+5+:4] == address;
      served[p] = here[p] && asks[p] && ready[p];
      // The bank is at work for one before, or is a STORE's while windows are needed
      if (p == 0) before[p] = window_here;
      else before[p] = before[p-1] || here[p-1] && asks[p-1] && (p - 1 != 4 || !(windows_needed && windows));
    end
  end

  // What the word holds, where a code of it was written; and what each reader is to see
  reg [15:0] content, seen_0, seen_1, seen_4, seen_window;
  reg [1:0] known = 0, known_0 = 0, known_1 = 0, known_4 = 0, known_window = 0;
  reg [20:0] word_before;
  reg [1:0] mask;
  always @(posedge clk) begin
    // Any word that there is, but always the same
    assume (group < 3 && word[20:9] == 0);
    if (running) assume (word == word_before);
    word_before <= word;
    // Windows are read while they are needed. The program's rule: the computation's reads of words
    // keep away from their group meanwhile
    assume (window_read == 0 || windows_needed);
    if (windows_needed && read) assume (places[3:0] != window_group);
    if (windows_needed && read_1) assume (places[24:21] != window_group);
    for (p = 0; p < 3; p = p + 1) begin
      mask = p == 0 ? write : p == 1 ? write_1 : load;
      if (served[p == 2 ? 5 : p + 2] && there[p == 2 ? 5 : p + 2]) begin
        if (mask[0]) content[7:0] <= given[16*p+:8];
        if (mask[1]) content[15:8] <= given[16*p+8+:8];
        known <= known | mask;
      end
    end
    if (read) {known_0, seen_0} <= {there[0] ? known : 2'd0, content};
    if (read_1 && ready[1]) {known_1, seen_1} <= {there[1] ? known : 2'd0, content};
    if (stored && ready[4]) {known_4, seen_4} <= {there[4] ? known : 2'd0, content};
    // Windows' answers hold until others are read, while windows of the group are needed
    if (window_here) {known_window, seen_window} <= {window_address == address ? known : 2'd0, content};
    if (!windows_needed || !windows) known_window <= 0;
    if (!running) begin
      known <= 0;
      known_0 <= 0;
      known_1 <= 0;
      known_4 <= 0;
      known_window <= 0;
    end
    `COVER(running && known_window == 3 && known_4 == 3 && known_1 == 1 && served[3] && there[3] && !ready[5] && here[5] && load != 0)
  end

`define SAME(known, answer, seen) ((!known[0] || answer[7:0] == seen[7:0]) && \
  (!known[1] || answer[15:8] == seen[15:8]))
  wire [15:0] window_answer = bank ? window_answers[31:16] : window_answers[15:0];
  always @* if (running) begin
    for (p = 0; p < 6; p = p + 1) begin
      // One is served: no two, and no other beside the windows
      if (served[p]) assert (served == (1 << p) && !window_here);
      // Who asks is served unless one before is
      if (p != 0 && here[p]) assert (ready[p] == !(before[p] || p == 4 && windows_needed && windows));
    end
    assert (`SAME(known_0, read_answer, seen_0));
    assert (`SAME(known_1, read_1_answer, seen_1));
    assert (`SAME(known_4, stored_answer, seen_4));
    assert (`SAME(known_window, window_answer, seen_window));
  end

  // Helpers: where the hardware has all this
  wire [3*2*256-1:0] memory;
  wire [3:0] group_of_windows;
  wire [255:0] in_bank = memory >> 256 * (2 * group + bank);
  wire [15:0] in_word = in_bank >> 16 * address;
  always @* if (running) begin
    `HELPER(`SAME(known, in_word, content))
    if (known_window != 0) `HELPER(group_of_windows == group)
  end
endmodule
