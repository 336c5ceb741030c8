// Zero-delay simulation of a mapped netlist, 64 streams at once: bit s of every word is stream s.
//
// The marked line is replaced by a function for each kind of cell of the library:
//   logic_N(count, pins, v)                 outputs from inputs
//   state_N(count, pins, v, clocks, state)  next state of flip-flops whose clock has an edge
//   output_N(count, pins, v, state)         flip-flops' outputs
//   gate_N(count, pins, v, clocks)          clock gates: in which streams the clock has an edge

#include <stdint.h>
#include <string.h>

typedef uint64_t word;
#define ZERO ((word)0)

typedef struct {
  int64_t kind, count;
  const int32_t *pins;
  word *state;
} group;

typedef struct {
  const int32_t *payload;  // nets
  const word *words;       // (count, width)
  int64_t valid, ready, width, count, position, go, stall;
} stream;

typedef struct {
  int64_t nets, logic_count, gate_count, register_count;
  group *logic, *gates, *registers;
  word *v, *previous, *clocks;
  int64_t *toggles, *ones;
  int64_t active;  // net
  uint64_t noise;
} design;

//CELLS//

static void evaluate(design *d) {
  for (int64_t i = 0; i < d->logic_count; i++)
    run_logic(d->logic[i].kind, d->logic[i].count, d->logic[i].pins, d->v);
}

static void count_nets(design *d) {
  for (int64_t n = 2; n < d->nets; n++) {
    d->toggles[n] += __builtin_popcountll(d->v[n] ^ d->previous[n]);
    d->ones[n] += __builtin_popcountll(d->v[n]);
  }
}

// A clock net with an edge rises and falls: two toggles.
static void edge(design *d, int counting) {
  for (int64_t i = 0; i < d->gate_count; i++)
    run_gate(d->gates[i].kind, d->gates[i].count, d->gates[i].pins, d->v, d->clocks);
  if (counting)
    for (int64_t n = 2; n < d->nets; n++)
      if (d->clocks[n]) d->toggles[n] += 2 * __builtin_popcountll(d->clocks[n]);
  memcpy(d->previous, d->v, d->nets * sizeof(word));
  for (int64_t i = 0; i < d->register_count; i++)
    run_state(d->registers[i].kind, d->registers[i].count, d->registers[i].pins, d->v, d->clocks,
              d->registers[i].state);
  for (int64_t i = 0; i < d->register_count; i++)
    run_output(d->registers[i].kind, d->registers[i].count, d->registers[i].pins, d->v,
               d->registers[i].state);
}

// Plays words on fixed nets, one a cycle; for designs without handshakes.
int64_t play(design *d, const int32_t *inputs, int64_t width, const word *words, int64_t cycles,
             const int32_t *outputs, int64_t seen, word *record, int64_t skip) {
  for (int64_t t = 0; t < cycles; t++) {
    for (int64_t i = 0; i < width; i++) d->v[inputs[i]] = words[t * width + i];
    evaluate(d);
    for (int64_t i = 0; i < seen; i++) record[t * seen + i] = d->v[outputs[i]];
    if (t > skip) count_nets(d);
    edge(d, t >= skip);
  }
  return cycles;
}

static int draw(design *d, int64_t stall) {
  d->noise ^= d->noise << 13;
  d->noise ^= d->noise >> 7;
  d->noise ^= d->noise << 17;
  return (int64_t)(d->noise >> 40 & 255) >= stall;
}

// Runs streams into the core until `wanted` words came out and it is no more active.
// Counts from the cycle in which the first stream (the tiles) offers its first word.
// Returns the cycles counted, -1 if it takes more than `limit`, -2 if streams disagree.
int64_t run(design *d, stream *in, int64_t inputs, stream *out, word *results, int64_t wanted,
            int64_t limit) {
  int64_t counted = 0;
  for (int64_t t = 0; t < limit; t++) {
    for (int64_t i = 0; i < inputs; i++) {
      stream *s = in + i;
      d->v[s->valid] = s->position < s->count && s->go ? ~ZERO : ZERO;
      int64_t at = s->position < s->count ? s->position : s->count - 1;
      if (s->count)
        for (int64_t b = 0; b < s->width; b++) d->v[s->payload[b]] = s->words[at * s->width + b];
    }
    d->v[out->ready] = out->go ? ~ZERO : ZERO;
    evaluate(d);
    word active = d->v[d->active];
    if (active != ZERO && active != ~ZERO) return -2;
    if (!active && out->position >= wanted && counted) return counted;
    if (t > 0) count_nets(d);
    counted++;
    int taken[8];
    for (int64_t i = 0; i < inputs; i++) {
      word ready = d->v[in[i].ready];
      if (ready != ZERO && ready != ~ZERO) return -2;
      taken[i] = ready && d->v[in[i].valid];
    }
    word valid = d->v[out->valid];
    if (valid != ZERO && valid != ~ZERO) return -2;
    if (valid && out->go && out->position < wanted) {
      for (int64_t b = 0; b < out->width; b++)
        results[out->position * out->width + b] = d->v[out->payload[b]];
      out->position++;
    }
    edge(d, 1);
    for (int64_t i = 0; i < inputs; i++) {
      if (taken[i]) in[i].position++;
      if (taken[i] || !in[i].go) in[i].go = draw(d, in[i].stall);
    }
    out->go = draw(d, out->stall);
  }
  return -1;
}
