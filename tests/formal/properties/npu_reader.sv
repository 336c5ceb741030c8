// Bursts as of the cutter's proof, on AXI4 (ARM IHI 0022): what is offered stays, data never wait,
// and each word of every memory that obeys leaves once, in order.
// A word carries its number as its data.
`define ROOM 32
module properties (
  input clk,
  input [31:0] request_address,
  input [23:0] request_beats,
  input request_valid,
  input ready,
  input stop,
  input arready,
  input rvalid,
  input [57:0] rest,
  input [1:0] rresp,
  input rlast
);
  reg running = 0;
  always @(posedge clk) running <= 1;
  wire request_ready, word_valid, failed, idle, burst_valid, rready;
  wire [63:0] word;
  wire [31:0] burst_address;
  wire [7:0] arlen;
  wire [2:0] arsize;
  wire [1:0] arburst;
  reg [6:0] due = 0, here = 0;  // words that were asked for and have not come; that came, and wait
`include "npu_numbers.vh"
  truncmac_reader dut (
    .clk(clk),
    .rst(!running),
    .requests__payload({request_beats, request_address}),
    .requests__valid(request_valid),
    .requests__ready(request_ready),
    .words__payload(word),
    .words__valid(word_valid),
    .words__ready(ready),
    .stop(stop),
    .failed(failed),
    .idle(idle),
    .m_axi_araddr(burst_address),
    .m_axi_arlen(arlen),
    .m_axi_arsize(arsize),
    .m_axi_arburst(arburst),
    .m_axi_arvalid(burst_valid),
    .m_axi_arready(arready),
    .m_axi_rdata({rest, came}),
    .m_axi_rresp(rresp),
    .m_axi_rlast(rlast),
    .m_axi_rvalid(rvalid),
    .m_axi_rready(rready)
  );
  wire [8:0] burst_length = arlen + 9'd1;
  wire burst_moves = running && burst_valid && arready;
`include "npu_requests.vh"

  reg offered = 0, there = 0;
  reg [39:0] offer;
  wire comes = running && rvalid;
  wire leaves = running && word_valid && ready;
  always @(posedge clk) begin
    // The memory gives just the words that it was asked for
    if (running) assume (!rvalid || due != 0);
    if (comes) came <= next_number(came);
    if (leaves) went <= next_number(went);
    due <= due + (burst_moves ? burst_length : 0) - comes;
    here <= here + comes - leaves;
    there <= running && here != leaves;
    offered <= running && burst_valid && !arready;
    offer <= {arlen, burst_address};
    if (!running) begin
      came <= 0;
      went <= 0;
      due <= 0;
      here <= 0;
    end
    `COVER(leaves && here == 2 && went == 3 && due == 16 && offered && stop)
  end

  always @* if (running) begin
    // A burst is offered as soon as there is room for it, and stays until it is taken
    assert (burst_valid == (count != 0 && `ROOM - due - here >= longest && (!stop || offered)));
    if (offered) assert (offer == {arlen, burst_address});
    if (burst_valid) assert (arsize == 3 && arburst == 1);
    // Data never wait, and there is room for all that may come
    assert (rready && due + here <= `ROOM);
    // Words leave in order, a cycle after they came
    if (word_valid) assert (here != 0 && word[5:0] == went);
    if (there) assert (word_valid);
    assert (idle == (due == 0 && !burst_valid));
    assert (failed == (rvalid && rresp[1]));
  end

  // Helpers: where the hardware has all this
  wire [31*64-1:0] memory;
  wire [5:0] room, coming;
  wire was_offered;
  integer i;
  always @* if (running) begin
    `HELPER(room == `ROOM - due - here && coming == due && was_offered == offered)
    if (offered) `HELPER(burst_valid)
    for (i = 0; i < 31; i = i + 1)
      if (`IN_RING(i)) `HELPER(memory[64*i+:6] == `NUMBER(i))
  end
endmodule
