  // Helpers: what the banks hold, whose turn they are, and where the hardware is in them
  wire [31:0] memory;
  wire [4*(`BEATS_WIDTH+3)-1:0] filled;  // whole blocks: {discard, keep, beats, chunks}
  wire [2:0] level;
  wire [1:0] consume, produce;
  wire [`BEATS_WIDTH-1:0] load_beat, read_beat;
  wire load_chunk, read_chunk, load_bank, read_bank, begun, used;
  wire [2:0] address;
  wire [3:0] row;
  wire [1:0] free;

  reg [4:0] inside [0:1];  // {discard, colour, chunks, beats} of the block in a bank
  reg [1:0] whole = 0;
  always @(posedge clk) begin
    if (load_moves) whole[load_bank] <= blocks_ready;
    if (load_moves && blocks_ready) inside[load_bank] <= {discard, block_now};
    if (!running) whole <= 0;
  end

  wire popped = weights_valid && out_ends;  // the oldest block's last word waits to leave
  wire [2:0] next = head + popped;
  wire [5:0] first_inside = queue[next];  // that is read
  wire [1:0] out_beat_next = out_chunk != oldest[2] ? out_beat : out_ends ? 0 : out_beat + 1;
  wire out_chunk_next = out_chunk == oldest[2] ? 0 : out_chunk + 1;
  wire [1:0] at_beat = weights_valid ? out_beat_next : out_beat;
  wire at_chunk = weights_valid ? out_chunk_next : out_chunk;
  wire at_first = at_beat == 0 && at_chunk == 0;
  wire begins = beat == 0 && chunk == 0;

  reg [5:0] entry;
  reg [`BEATS_WIDTH+2:0] there;
  reg bank;
  reg [2:0] banks;
  integer i, b, c, t;
  always @* begin
    entry = 0;
    there = 0;
    bank = read_bank;
    banks = used + begun;
    i = 0;
    b = 0;
    c = 0;
    t = 0;
    if (running) begin
      // Blocks between load and read, and the banks that are theirs
      `HELPER(level == count - popped && level <= 4 && produce == (consume + level) % 4)
      for (i = 0; i < 4; i = i + 1) if (i < level) begin
        entry = queue[(next + i) % 8];
        there = filled >> ((consume + i) % 4) * (`BEATS_WIDTH + 3);
        `HELPER(there == {entry[4], entry[5], {(`BEATS_WIDTH - 2){1'b0}}, entry[1:0], entry[2]})
        `HELPER(entry[1:0] != 0 && entry[4] == (entry[1:0] > `MAX_BEATS))
        if (!entry[5] && (i != 0 || at_first)) begin
          bank = !bank;
          banks = banks + 1;
        end
        `HELPER(whole[bank] && inside[bank] == entry[4:0])
      end
      `HELPER(bank == !load_bank && banks + free == 2)
      `HELPER(loaded == (used || level != 0))
      if (loaded) `HELPER(whole[bank] && inside[bank][3:0] == last_block)
      if (level == 0) `HELPER(at_first)
      if (!used) `HELPER(at_first && !weights_valid && (level == 0 || !first_inside[5]))
      if (count != 0) `HELPER(oldest[1:0] != 0 && out_beat < oldest[1:0] && out_chunk <= oldest[2])
      if (count == 0) `HELPER(out_beat == 0 && out_chunk == 0)
      `HELPER(begun == !begins)
      if (begun) `HELPER(held && !held_keep && !whole[load_bank])
      if (begun) `HELPER(block[1:0] != 0 && beat < block[1:0] && chunk <= block[2])
      `HELPER(load_beat == beat + 1 && load_chunk == chunk)
      if (begun && block[1:0] > `MAX_BEATS || begins) `HELPER(address == 0)
      else `HELPER(address == chunk * block[1:0] + beat)
      `HELPER(read_beat == at_beat + 1 && read_chunk == at_chunk)
      `HELPER(row == (at_chunk ? first_inside[1:0] : 0))
      // Words in the banks
      for (b = 0; b < 2; b = b + 1) if (whole[b])
        `HELPER(inside[b][1:0] != 0 && inside[b][4] == (inside[b][1:0] > `MAX_BEATS))
      for (b = 0; b < 2; b = b + 1) for (c = 0; c < 2; c = c + 1) for (t = 0; t < 2; t = t + 1) begin
        if (whole[b] && !inside[b][4] && c <= inside[b][2] && t < inside[b][1:0])
          `HELPER(((memory >> 4 * (b*4 + (c ? inside[b][1:0] : 0) + t)) & 15) ==
            8 * inside[b][3] + 4 * c + t)
        if (begun && block[1:0] <= `MAX_BEATS && b == load_bank && t < block[1:0] &&
          (c < chunk || c == chunk && t < beat))
          `HELPER(((memory >> 4 * (b*4 + (c ? block[1:0] : 0) + t)) & 15) == 8 * block[3] + 4 * c + t)
      end
    end
  end
