  // Helpers: what the banks hold, whose turn they are, and where the hardware is in them
  wire [31:0] memory;
  wire [2*BLOCK-1:0] asked_blocks, filled_blocks;
  wire [1:0] asked_level, filled_level;
  wire asked_consume, asked_produce, filled_consume, filled_produce;
  wire [`TILES_WIDTH-1:0] read_tile;
  wire [`BEATS_WIDTH-1:0] load_beat, read_beat;
  wire load_chunk, read_chunk, load_bank, read_bank, bank_used;
  wire [2:0] address;
  wire [3:0] row;
  wire [1:0] free;

  // The place of the next word to be read
  wire next = head ^ popped;
  wire [6:0] reading = queue[next];
  wire chunk_ends = out_chunk == oldest[2];
  wire at_chunk = weights_valid ? !chunk_ends && !out_chunk : out_chunk;
  wire [1:0] at_beat = !weights_valid || !chunk_ends ? out_beat : tile_ends ? 0 : out_beat + 1;
  wire [1:0] at_tile = !weights_valid || !tile_ends ? out_tile : out_ends ? 0 : out_tile + 1;
  wire at_first = at_tile == 0 && at_beat == 0 && at_chunk == 0;
  wire begins = beat == 0 && chunk == 0;

  reg [6:0] entry;
  reg [BLOCK-1:0] there;
  reg bank;
  integer i, c, t;
  always @* begin
    entry = 0;
    there = 0;
    there = 0;
    bank = read_bank;
    i = 0;
    c = 0;
    t = 0;
    if (running) begin
      `HELPER(count <= 2 && asked <= count && popped <= whole)
      // The blocks' places in the hardware's queues
      `HELPER(asked_level == asked && asked_produce == (asked_consume ^ asked[0]))
      `HELPER(filled_level == level && filled_produce == (filled_consume ^ level[0]))
      for (i = 0; i < 2; i = i + 1) begin
        entry = queue[head ^ i[0]];
        if (i < count) `HELPER(entry[1:0] != 0 && entry[6:5] != 0)
        if (i < count) `HELPER(entry[4] == (entry[1:0] > `MAX_BEATS))
        entry = queue[loads ^ i[0]];
        there = asked_blocks >> (asked_consume ^ i[0] ? BLOCK : 0);
        if (i < asked) `HELPER(there == `FIELDS(entry))
        entry = queue[next ^ i[0]];
        there = filled_blocks >> (filled_consume ^ i[0] ? BLOCK : 0);
        if (i < level) `HELPER(there == `FIELDS(entry))
      end
      // Whose turn the banks are
      bank = read_bank ^ at_first;
      `HELPER(load_bank == (bank ^ level[0]))
      `HELPER(bank_used == (used || weights_valid))
      `HELPER(free + bank_used + asked + level - !at_first == 2)
      if (!bank_used) `HELPER(at_first)
      if (level == 0) `HELPER(at_first)
      // Where the hardware is in them
      if (count == 0) `HELPER(out_tile == 0 && out_beat == 0 && out_chunk == 0)
      else `HELPER(out_tile < oldest[6:5] && out_beat < oldest[1:0] && out_chunk <= oldest[2])
      if (asked == 0) `HELPER(begins)
      else `HELPER(beat < loading[1:0] && chunk <= loading[2])
      `HELPER(load_beat == beat + 1 && load_chunk == chunk)
      `HELPER(address == (asked == 0 || loading[4] ? 0 : chunk * loading[1:0] + beat))
      `HELPER(read_tile == at_tile + 1 && read_beat == at_beat + 1 && read_chunk == at_chunk)
      `HELPER(row == (at_chunk ? reading[1:0] : 0))
      // Words in the banks
      for (c = 0; c < 2; c = c + 1) for (t = 0; t < 2; t = t + 1) begin
        for (i = 0; i < 2; i = i + 1) begin
          entry = queue[next ^ i[0]];
          if (i < level && !entry[4] && c <= entry[2] && t < entry[1:0])
            `HELPER(((memory >> 4 * ((bank ^ i[0])*4 + (c ? entry[1:0] : 0) + t)) & 15) ==
              8 * entry[3] + 4 * c + t)
        end
        if (asked != 0 && !loading[4] && t < loading[1:0] && (c < chunk || c == chunk && t < beat))
          `HELPER(((memory >> 4 * (load_bank*4 + (c ? loading[1:0] : 0) + t)) & 15) ==
            8 * loading[3] + 4 * c + t)
      end
    end
  end
