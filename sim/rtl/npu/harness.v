// A memory, and software that writes registers, around the NPU; Python sleeps until all has run.
//
// Reads from the working directory, a word a line,
//   memory.hex  words of the bus
//   writes.hex  {last of the run, address, data} of each write of a register; the last one starts
//   reads.hex   addresses of the registers that are read after each interrupt
//   runs.hex    what a run may touch, and what goes wrong in it: see `run_word`
// and writes results.hex (for each run, what was read, then what was counted) and left.hex (a part
// of the memory after the last run).

module truncmac_npu_harness;
  parameter BUS = 64;
  parameter MEMORY_WORDS = 1048576;
  parameter ORIGIN = 0;  // address of the memory's first byte
  parameter MOST_RUNS = 4096;
  parameter QUEUE = 16;  // bursts that the memory takes before it has answered the first of them

  localparam BYTES = BUS / 8;
  localparam SIZE = $clog2(BYTES);
  localparam FIELDS = 14;
  localparam OKAY = 2'd0, DECERR = 2'd3;
  localparam WRITE = 3'd0, WAIT = 3'd1, READ = 3'd2, RECORD = 3'd3, OVER = 3'd4;

  integer run_count, read_count;
  integer left_first, left_last;  // words of left.hex
  integer hang_cycles;  // without a transfer, after which the NPU hangs
  integer reset_edges;  // clock edges of each reset
  integer latency;  // cycles from a request to its first answer, at least 1
  reg [7:0] stall_ar, stall_r, stall_aw, stall_w, stall_b;  // pauses in 256 cycles
  reg [7:0] gap_ar, gap_r, gap_aw, gap_w, gap_b;  // cycles a transfer
  reg [31:0] seed;

  reg [BUS-1:0] memory [0:MEMORY_WORDS-1];
  reg [63:0] writes [0:16*MOST_RUNS-1];
  reg [31:0] reads [0:63];
  reg [32*FIELDS-1:0] runs [0:MOST_RUNS-1];
  integer results_file;

  reg clk = 0;
  reg aresetn = 0;
  reg hung = 0;
  reg closed = 0;
  always #1 clk = ~clk;

  initial begin
    if (!$value$plusargs("runs=%d", run_count)) run_count = 0;
    if (!$value$plusargs("reads=%d", read_count)) read_count = 0;
    if (!$value$plusargs("left_first=%d", left_first)) left_first = 0;
    if (!$value$plusargs("left_last=%d", left_last)) left_last = 0;
    if (!$value$plusargs("hang_cycles=%d", hang_cycles)) hang_cycles = 100000;
    if (!$value$plusargs("reset_edges=%d", reset_edges)) reset_edges = 4;
    if (!$value$plusargs("latency=%d", latency)) latency = 1;
    if (!$value$plusargs("stall_ar=%d", stall_ar)) stall_ar = 0;
    if (!$value$plusargs("stall_r=%d", stall_r)) stall_r = 0;
    if (!$value$plusargs("stall_aw=%d", stall_aw)) stall_aw = 0;
    if (!$value$plusargs("stall_w=%d", stall_w)) stall_w = 0;
    if (!$value$plusargs("stall_b=%d", stall_b)) stall_b = 0;
    if (!$value$plusargs("gap_ar=%d", gap_ar)) gap_ar = 1;
    if (!$value$plusargs("gap_r=%d", gap_r)) gap_r = 1;
    if (!$value$plusargs("gap_aw=%d", gap_aw)) gap_aw = 1;
    if (!$value$plusargs("gap_w=%d", gap_w)) gap_w = 1;
    if (!$value$plusargs("gap_b=%d", gap_b)) gap_b = 1;
    if (!$value$plusargs("stall_seed=%d", seed)) seed = 1;
    $readmemh("memory.hex", memory);
    $readmemh("writes.hex", writes);
    $readmemh("reads.hex", reads, 0, read_count - 1);
    $readmemh("runs.hex", runs, 0, run_count - 1);
    results_file = $fopen("results.hex", "w");
  end

  // A byte of noise for each channel (xorshift, Marsaglia 2003)
  reg [63:0] noise;
  reg [63:0] mixed;
  always @* begin
    mixed = noise ^ (noise << 13);
    mixed = mixed ^ (mixed >> 7);
    mixed = mixed ^ (mixed << 17);
  end

  // The run at hand. Of each region its first byte, and the first beyond it
  integer run;
  wire [32*FIELDS-1:0] run_word = runs[run];
  wire [31:0] program_first = run_word[32*0+:32], program_end = run_word[32*1+:32];
  wire [31:0] input_first = run_word[32*2+:32], input_end = run_word[32*3+:32];
  wire [31:0] output_first = run_word[32*4+:32], output_end = run_word[32*5+:32];
  wire [31:0] scratch_first = run_word[32*6+:32], scratch_end = run_word[32*7+:32];
  wire [31:0] error_first = run_word[32*8+:32], error_end = run_word[32*9+:32];
  wire [1:0] error_answer = run_word[32*10+:2];
  wire [31:0] again_at = run_word[32*11+:32];  // cycle of a second write where the start was; 0: none
  wire [31:0] again_data = run_word[32*12+:32];
  wire [31:0] reset_at = run_word[32*13+:32];  // cycle of a reset, and the run begins anew; 0: none

  integer cycle;

  // Registers
  reg [7:0] awaddr, araddr;
  reg awvalid, wvalid, arvalid;
  reg [31:0] wdata;
  wire awready, wready, bvalid, arready, rvalid;
  wire [1:0] bresp, rresp;
  wire [31:0] rdata;
  wire irq;

  // Memory
  wire [31:0] m_araddr, m_awaddr;
  wire [7:0] m_arlen, m_awlen;
  wire [2:0] m_arsize, m_awsize;
  wire [1:0] m_arburst, m_awburst;
  wire m_arvalid, m_awvalid, m_wvalid, m_wlast, m_rready, m_bready;
  wire [BUS-1:0] m_wdata;
  wire [BYTES-1:0] m_wstrb;

  // Reads: bursts wait for `latency`, and are answered in order
  reg [31:0] read_address [0:QUEUE-1];
  reg [8:0] read_length [0:QUEUE-1];
  reg [31:0] read_time [0:QUEUE-1];
  integer read_in, read_out, read_beat;
  wire ar_go, r_go;
  wire m_arready = aresetn && ar_go && read_in - read_out < QUEUE;
  wire m_rvalid =
    aresetn && r_go && read_in != read_out && cycle - read_time[read_out % QUEUE] < 32'h80000000;
  wire [31:0] read_at = read_address[read_out % QUEUE] + read_beat * BYTES;
  wire m_rlast = read_beat + 1 == read_length[read_out % QUEUE];
  wire [31:0] read_word = (read_at - ORIGIN) >> SIZE;
  wire read_inside = read_word < MEMORY_WORDS;
  wire [BUS-1:0] m_rdata = memory[read_inside ? read_word : 0];
  wire [1:0] m_rresp =
    read_at >= error_first && read_at < error_end ? error_answer : read_inside ? OKAY : DECERR;
  wire read_allowed = held(m_araddr, m_araddr + (m_arlen + 1) * BYTES);

  // Writes: data are taken once their burst is known
  reg [31:0] write_address [0:QUEUE-1];
  reg [8:0] write_length [0:QUEUE-1];
  integer write_in, write_out, write_beat;
  reg [31:0] answer_time [0:QUEUE-1];
  reg [1:0] answer [0:QUEUE-1];
  integer answer_in, answer_out;
  wire aw_go, w_go, b_go;
  wire m_awready = aresetn && aw_go && write_in - answer_out < QUEUE;
  wire m_wready = aresetn && w_go && write_in != write_out;
  wire [31:0] write_at = write_address[write_out % QUEUE] + write_beat * BYTES;
  wire [31:0] write_word = (write_at - ORIGIN) >> SIZE;
  wire [1:0] write_answer =
    write_at >= error_first && write_at < error_end ? error_answer :
    write_word < MEMORY_WORDS ? OKAY : DECERR;
  reg [1:0] worst;  // answer to the burst so far
  wire write_last = write_beat + 1 == write_length[write_out % QUEUE];
  wire m_bvalid =
    aresetn && b_go && answer_in != answer_out
    && cycle - answer_time[answer_out % QUEUE] < 32'h80000000;
  wire [1:0] m_bresp = answer[answer_out % QUEUE];

  truncmac_npu npu (
    .aclk(clk),
    .aresetn(aresetn),
    .irq(irq),
    .s_axil_awaddr(awaddr),
    .s_axil_awprot(3'd0),
    .s_axil_awvalid(awvalid),
    .s_axil_awready(awready),
    .s_axil_wdata(wdata),
    .s_axil_wstrb(4'hf),
    .s_axil_wvalid(wvalid),
    .s_axil_wready(wready),
    .s_axil_bresp(bresp),
    .s_axil_bvalid(bvalid),
    .s_axil_bready(1'b1),
    .s_axil_araddr(araddr),
    .s_axil_arprot(3'd0),
    .s_axil_arvalid(arvalid),
    .s_axil_arready(arready),
    .s_axil_rdata(rdata),
    .s_axil_rresp(rresp),
    .s_axil_rvalid(rvalid),
    .s_axil_rready(1'b1),
    .m_axi_araddr(m_araddr),
    .m_axi_arlen(m_arlen),
    .m_axi_arsize(m_arsize),
    .m_axi_arburst(m_arburst),
    .m_axi_arvalid(m_arvalid),
    .m_axi_arready(m_arready),
    .m_axi_rdata(m_rdata),
    .m_axi_rresp(m_rresp),
    .m_axi_rlast(m_rlast),
    .m_axi_rvalid(m_rvalid),
    .m_axi_rready(m_rready),
    .m_axi_awaddr(m_awaddr),
    .m_axi_awlen(m_awlen),
    .m_axi_awsize(m_awsize),
    .m_axi_awburst(m_awburst),
    .m_axi_awvalid(m_awvalid),
    .m_axi_awready(m_awready),
    .m_axi_wdata(m_wdata),
    .m_axi_wstrb(m_wstrb),
    .m_axi_wlast(m_wlast),
    .m_axi_wvalid(m_wvalid),
    .m_axi_wready(m_wready),
    .m_axi_bresp(m_bresp),
    .m_axi_bvalid(m_bvalid),
    .m_axi_bready(m_bready)
  );

  wire ar_taken = m_arvalid && m_arready;
  wire r_taken = m_rvalid && m_rready;
  wire aw_taken = m_awvalid && m_awready;
  wire w_taken = m_wvalid && m_wready;
  wire b_taken = m_bvalid && m_bready;

  truncmac_pause #(.SINK(1)) ar_pause (
    .clk(clk),
    .rst(!aresetn),
    .noise(mixed[7:0]),
    .share(stall_ar),
    .gap(gap_ar),
    .offered(m_arvalid),
    .taken(ar_taken),
    .go(ar_go)
  );

  truncmac_pause r_pause (
    .clk(clk),
    .rst(!aresetn),
    .noise(mixed[15:8]),
    .share(stall_r),
    .gap(gap_r),
    .offered(1'b1),
    .taken(r_taken),
    .go(r_go)
  );

  truncmac_pause #(.SINK(1)) aw_pause (
    .clk(clk),
    .rst(!aresetn),
    .noise(mixed[23:16]),
    .share(stall_aw),
    .gap(gap_aw),
    .offered(m_awvalid),
    .taken(aw_taken),
    .go(aw_go)
  );

  truncmac_pause #(.SINK(1)) w_pause (
    .clk(clk),
    .rst(!aresetn),
    .noise(mixed[31:24]),
    .share(stall_w),
    .gap(gap_w),
    .offered(m_wvalid),
    .taken(w_taken),
    .go(w_go)
  );

  truncmac_pause b_pause (
    .clk(clk),
    .rst(!aresetn),
    .noise(mixed[39:32]),
    .share(stall_b),
    .gap(gap_b),
    .offered(1'b1),
    .taken(b_taken),
    .go(b_go)
  );

  // Whether a region, in whole words of the bus, holds all bytes before `past`
  function held(input [31:0] first, input [31:0] past);
    held =
      first >= program_first && past <= ((program_end + BYTES - 1) & -BYTES)
      || first >= input_first && past <= ((input_end + BYTES - 1) & -BYTES)
      || first >= output_first && past <= ((output_end + BYTES - 1) & -BYTES)
      || first >= scratch_first && past <= ((scratch_end + BYTES - 1) & -BYTES);
  endfunction

  // What a bus may not do: bit 0 a burst of another size or kind, or that crosses 4 KiB; 1 a last
  // word that is told to be none, or the other way round; 2 an offer taken back or changed
  function wrong_burst(input [31:0] address, input [7:0] length, input [2:0] size, input [1:0] kind);
    wrong_burst =
      size != SIZE || kind != 1 || address[SIZE-1:0] != 0
      || address[11:0] + (length + 1) * BYTES > 4096;
  endfunction
  wire [31:0] ar_now = {m_araddr ^ {m_arlen, m_arsize, m_arburst}};
  wire [31:0] aw_now = {m_awaddr ^ {m_awlen, m_awsize, m_awburst}};
  wire [BUS+BYTES:0] w_now = {m_wdata, m_wstrb, m_wlast};
  reg [31:0] ar_before, aw_before;
  reg [BUS+BYTES:0] w_before;
  reg ar_waits, aw_waits, w_waits;
  wire taken_back =
    ar_waits && (!m_arvalid || ar_now != ar_before)
    || aw_waits && (!m_awvalid || aw_now != aw_before)
    || w_waits && (!m_wvalid || w_now != w_before);
  reg [2:0] wrong;

  // After reset every handshake is defined
  wire undefined = ^{
    irq, awready, wready, bvalid, arready, rvalid, m_arvalid, m_awvalid, m_wvalid, m_rready, m_bready
  } === 1'bx;

  reg [2:0] state;
  integer edges, write, run_write, read, index, quiet;
  reg idle, again, was_reset, started, left_open;
  reg [31:0] start_cycles, host_writes, stray_reads, stray_writes;
  reg [63:0] bytes_read, bytes_written;
  initial begin
    edges = 0;
    cycle = 0;
    run = 0;
    run_write = 0;
    was_reset = 0;
    noise = 0;
  end

  always @(posedge clk) begin
    cycle <= cycle + 1;
    if (!aresetn) begin
      edges <= edges + 1;
      aresetn <= edges + 1 >= reset_edges;
      noise <= {32'h9e3779b9, seed};
      read_in <= 0;
      read_out <= 0;
      read_beat <= 0;
      write_in <= 0;
      write_out <= 0;
      write_beat <= 0;
      answer_in <= 0;
      answer_out <= 0;
      worst <= OKAY;
      ar_waits <= 0;
      aw_waits <= 0;
      w_waits <= 0;
      awvalid <= 0;
      wvalid <= 0;
      arvalid <= 0;
      state <= run < run_count ? WRITE : OVER;
      idle <= 1;
      write <= run_write;
      read <= 0;
      quiet <= 0;
      started <= 0;
      again <= 0;
      wrong <= 0;
      start_cycles <= 0;
      host_writes <= 0;
      bytes_read <= 0;
      bytes_written <= 0;
      stray_reads <= 0;
      stray_writes <= 0;
    end else if (!closed) begin
      noise <= mixed;

      // Memory
      if (ar_taken) begin
        read_address[read_in % QUEUE] <= m_araddr;
        read_length[read_in % QUEUE] <= m_arlen + 1;
        read_time[read_in % QUEUE] <= cycle + latency;
        read_in <= read_in + 1;
        if (!read_allowed) stray_reads <= stray_reads + 1;
      end
      if (r_taken) begin
        bytes_read <= bytes_read + BYTES;
        read_beat <= m_rlast ? 0 : read_beat + 1;
        if (m_rlast) read_out <= read_out + 1;
      end
      if (aw_taken) begin
        write_address[write_in % QUEUE] <= m_awaddr;
        write_length[write_in % QUEUE] <= m_awlen + 1;
        write_in <= write_in + 1;
      end
      if (w_taken) begin
        if (write_answer == OKAY)
          for (index = 0; index < BYTES; index = index + 1)
            if (m_wstrb[index]) memory[write_word][8*index+:8] <= m_wdata[8*index+:8];
        bytes_written <= bytes_written + ones(m_wstrb);
        if (strays(write_at, m_wstrb)) stray_writes <= stray_writes + 1;
        write_beat <= write_last ? 0 : write_beat + 1;
        worst <= write_last ? OKAY : worst | write_answer;
        if (write_last) begin
          write_out <= write_out + 1;
          answer_in <= answer_in + 1;
          answer[answer_in % QUEUE] <= worst | write_answer;
          answer_time[answer_in % QUEUE] <= cycle + latency;
        end
      end
      if (b_taken) answer_out <= answer_out + 1;

      ar_waits <= m_arvalid && !ar_taken;
      aw_waits <= m_awvalid && !aw_taken;
      w_waits <= m_wvalid && !w_taken;
      ar_before <= ar_now;
      aw_before <= aw_now;
      w_before <= w_now;
      wrong <= wrong | {
        taken_back,
        w_taken && m_wlast != write_last,
        ar_taken && wrong_burst(m_araddr, m_arlen, m_arsize, m_arburst)
          || aw_taken && wrong_burst(m_awaddr, m_awlen, m_awsize, m_awburst)
      };

      // Software
      if (awready) awvalid <= 0;
      if (wready) wvalid <= 0;
      if (arready) arvalid <= 0;
      if (awvalid && awready) host_writes <= host_writes + 1;
      if (started && !irq) start_cycles <= start_cycles + 1;
      if (state == WRITE && idle) begin
        awaddr <= writes[write][32+:8];
        wdata <= writes[write][31:0];
        awvalid <= 1;
        wvalid <= 1;
        idle <= 0;
        write <= write + 1;
      end
      if (state == WRITE && bvalid) idle <= 1;
      if (state == WRITE && !started && awvalid && awready && writes[write-1][63]) begin
        started <= 1;
        host_writes <= 0;
        state <= WAIT;
      end
      if (state == WAIT) begin
        if (again_at != 0 && start_cycles == again_at && !again) begin
          again <= 1;
          wdata <= again_data;  // the address is still that of the start
          awvalid <= 1;
          wvalid <= 1;
        end
        if (irq) begin
          state <= READ;
          idle <= 1;
          started <= 0;
        end
      end
      if (state == READ) begin
        if (idle) begin
          araddr <= reads[read][7:0];
          arvalid <= 1;
          idle <= 0;
        end else if (rvalid) begin
          $fwrite(results_file, "%h ", rdata);
          idle <= 1;
          read <= read + 1;
          if (read + 1 == read_count) state <= RECORD;
        end
      end
      if (state == RECORD) begin
        $fwrite(
          results_file, "%h %h %h %h %h %h %h\n", start_cycles, host_writes, bytes_read,
          bytes_written, stray_reads, stray_writes, wrong
        );
        $fflush(results_file);
        run <= run + 1;
        run_write <= write;
        was_reset <= 0;
        again <= 0;
        idle <= 1;
        read <= 0;
        wrong <= 0;
        start_cycles <= 0;
        bytes_read <= 0;
        bytes_written <= 0;
        stray_reads <= 0;
        stray_writes <= 0;
        state <= run + 1 < run_count ? WRITE : OVER;
      end

      quiet <= ar_taken || r_taken || w_taken || b_taken || bvalid || rvalid ? 0 : quiet + 1;
      if (quiet > hang_cycles || undefined) hung <= 1;
      if (state == OVER || hung) begin
        $fclose(results_file);
        $writememh("left.hex", memory, left_first, left_last);
        closed <= 1;
      end
      if (state == WAIT && reset_at != 0 && start_cycles == reset_at && !was_reset) begin
        was_reset <= 1;
        aresetn <= 0;
        edges <= 0;
      end
    end
  end

  function integer ones(input [BYTES-1:0] strobes);
    integer place;
    begin
      ones = 0;
      for (place = 0; place < BYTES; place = place + 1) ones = ones + strobes[place];
    end
  endfunction

  // Whether a byte is written that is neither of the output nor of the scratch region
  function strays(input [31:0] address, input [BYTES-1:0] strobes);
    integer place;
    reg [31:0] at;
    begin
      strays = 0;
      for (place = 0; place < BYTES; place = place + 1) begin
        at = address + place;
        if (strobes[place]
            && !(at >= output_first && at < output_end)
            && !(at >= scratch_first && at < scratch_end)) strays = 1;
      end
    end
  endfunction

`ifdef TRUNCMAC_WAVES
`ifndef VERILATOR // whose main program dumps
  initial begin
    $dumpfile("dump.vcd");
    $dumpvars(0, npu);
  end
`endif
`endif
endmodule
