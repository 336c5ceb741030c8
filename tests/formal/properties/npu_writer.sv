// Bursts as of the cutter's proof, on AXI4 (ARM IHI 0022): what is offered stays, a burst's words
// follow it without a gap, each once and in order, the last one marked.
// A word carries its number as its data, and the contrary as its strobe.
`define ROOM 32
module properties (
  input clk,
  input [31:0] request_address,
  input [23:0] request_beats,
  input request_valid,
  input word_valid,
  input [57:0] rest,
  input [1:0] other_bytes,
  input stop,
  input awready,
  input wready,
  input bvalid,
  input [1:0] bresp
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire request_ready, word_ready, failed, idle, empty, burst_valid, wvalid, wlast, bready;
  wire [63:0] wdata;
  wire [7:0] awlen, wstrb;
  wire [31:0] burst_address;
  wire [2:0] awsize;
  wire [1:0] awburst;
  reg [6:0] here = 0, owed = 0;  // words that wait; that the burst at hand still has to write
`include "npu_numbers.vh"
  truncmac_writer dut (
    .clk(clk),
    .rst(!running),
    .requests__payload({request_beats, request_address}),
    .requests__valid(request_valid),
    .requests__ready(request_ready),
    .words__payload({other_bytes, ~came, rest, came}),
    .words__valid(word_valid),
    .words__ready(word_ready),
    .stop(stop),
    .failed(failed),
    .idle(idle),
    .empty(empty),
    .m_axi_awaddr(burst_address),
    .m_axi_awlen(awlen),
    .m_axi_awsize(awsize),
    .m_axi_awburst(awburst),
    .m_axi_awvalid(burst_valid),
    .m_axi_awready(awready),
    .m_axi_wdata(wdata),
    .m_axi_wstrb(wstrb),
    .m_axi_wlast(wlast),
    .m_axi_wvalid(wvalid),
    .m_axi_wready(wready),
    .m_axi_bresp(bresp),
    .m_axi_bvalid(bvalid),
    .m_axi_bready(bready)
  );
  wire [8:0] burst_length = awlen + 9'd1;
  wire burst_moves = running && burst_valid && awready;
`include "npu_requests.vh"

  reg [4:0] unanswered = 0, answers = 0;  // bursts; of these, those that are written
  reg offered = 0, word_offered = 0;
  reg [39:0] offer;
  reg [72:0] word_offer;
  wire comes = running && word_valid && word_ready;
  wire leaves = running && wvalid && wready;
  wire answered = running && bvalid;
  always @(posedge clk) begin
    // The memory answers a burst once, after its last word
    if (running) assume (!bvalid || answers != 0);
    if (comes) came <= next_number(came);
    if (leaves) went <= next_number(went);
    here <= here + comes - leaves;
    owed <= owed + (burst_moves ? burst_length : 0) - leaves;
    unanswered <= unanswered + burst_moves - answered;
    answers <= answers + (leaves && owed == 1) - answered;
    offered <= running && burst_valid && !awready;
    offer <= {awlen, burst_address};
    word_offered <= running && wvalid && !wready;
    word_offer <= {wlast, wstrb, wdata};
    if (!running) begin
      came <= 0;
      went <= 0;
      here <= 0;
      owed <= 0;
      unanswered <= 0;
      answers <= 0;
    end
    `COVER(leaves && wlast && here == 3 && went == 4 && unanswered == 2 && answers == 1 && answered)
  end

  always @* if (running) begin
    // A burst is offered as soon as all of its words are here, and those of the last one have left;
    // it stays until it is taken
    assert (burst_valid == (count != 0 && owed == 0 && here >= longest && unanswered != 15 &&
      (!stop || offered)));
    if (offered) assert (offer == {awlen, burst_address});
    if (burst_valid) assert (awsize == 3 && awburst == 1);
    // Its words follow it without a gap, in order, and stay until they are taken
    assert (wvalid == (owed != 0) && owed <= here);
    if (wvalid) assert (wdata[5:0] == went && wstrb[5:0] == ~went && wlast == (owed == 1));
    if (word_offered) assert (word_offer == {wlast, wstrb, wdata});
    // No answer and no word that there is room for is refused
    assert (bready && word_ready == (here != `ROOM));
    assert (idle == (owed == 0 && unanswered == 0 && !burst_valid));
    assert (empty == (idle && count == 0 && here == 0 && !word_valid));
    assert (failed == (bvalid && bresp[1]));
  end

  // Helpers: where the hardware has all this
  wire [31*72-1:0] memory;
  wire [4:0] burst_left;
  wire [5:0] held;
  wire [3:0] without_answer;
  wire was_offered;
  wire [71:0] first;
  integer i;
  always @* if (running) begin
    `HELPER(held == here - owed && burst_left == owed && was_offered == offered)
    `HELPER(without_answer == unanswered && unanswered <= 15)
    `HELPER(answers <= 15 && unanswered == answers + (owed != 0))
    `HELPER(here <= `ROOM && owed <= 16)
    if (offered) `HELPER(burst_valid)
    if (first_here) `HELPER(first[5:0] == went && first[69:64] == ~went)
    for (i = 0; i < 31; i = i + 1)
      if (`IN_RING(i)) `HELPER(memory[72*i+:6] == `NUMBER(i) && memory[72*i+64+:6] == ~`NUMBER(i))
  end
endmodule
