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

// Timed simulation of one stream in some cycles: inertial delays, from the settled state of the
// cycle before to that of this one. Delays are those of a cell's input to its output's edge.
typedef struct {
  int64_t cells, stride;  // every `stride`-th cycle is timed, each time for the next stream
  const int32_t *kind, *inputs, *outputs;     // of each cell: kind, pins in and out
  const int64_t *pins_at, *delays_at;         // where each cell's pins and delays begin
  const int32_t *pins, *delays;               // delays [output][input][falls, rises], 1/16 ps
  const int64_t *readers_at;                  // (nets + 1): where each net's readers begin
  const int32_t *readers, *reader_input;      // cells, and which of their inputs
  const int32_t *launch;                      // (nets, 2): of sources, when they fall and rise
  const uint8_t *source;                      // nets that no logic drives
  uint8_t *value, *pending;                   // pending: 0 none, 2 to zero, 3 to one
  int64_t *serial;                            // of a net's pending event
  int64_t *toggles, *settled;                 // counts: timed, and of the settled state
  int64_t cycles, latest, capacity, failed;
  struct event { int64_t time, serial; int32_t net, value; } *heap;
} probe;

static void heap_push(probe *p, int64_t *count, struct event e) {
  if (*count == p->capacity) {
    p->failed = 1;
    return;
  }
  int64_t i = (*count)++;
  while (i && (p->heap[(i - 1) / 2].time > e.time ||
               (p->heap[(i - 1) / 2].time == e.time && p->heap[(i - 1) / 2].serial > e.serial))) {
    p->heap[i] = p->heap[(i - 1) / 2];
    i = (i - 1) / 2;
  }
  p->heap[i] = e;
}

static int sooner(struct event a, struct event b) {
  return a.time < b.time || (a.time == b.time && a.serial < b.serial);
}

static struct event heap_pop(probe *p, int64_t *count) {
  struct event top = p->heap[0], last = p->heap[--*count];
  int64_t i = 0;
  for (;;) {
    int64_t child = 2 * i + 1;
    if (child >= *count) break;
    if (child + 1 < *count && sooner(p->heap[child + 1], p->heap[child])) child++;
    if (!sooner(p->heap[child], last)) break;
    p->heap[i] = p->heap[child];
    i = child;
  }
  p->heap[i] = last;
  return top;
}

static void timed_cycle(design *d, probe *p, int stream) {
  int64_t count = 0, serial = 1;
  static const int32_t places[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                     11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                     22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
  for (int64_t n = 0; n < d->nets; n++) {
    p->value[n] = d->previous[n] >> stream & 1;
    p->pending[n] = 0;
    int after = d->v[n] >> stream & 1;
    if (after != p->value[n]) {
      p->settled[n]++;
      if (p->source[n])
        heap_push(p, &count, (struct event){p->launch[2 * n + after], serial++, n, after});
    }
  }
  while (count) {
    struct event e = heap_pop(p, &count);
    if (!p->source[e.net]) {
      if (!p->pending[e.net] || p->serial[e.net] != e.serial) continue;  // it was cancelled
      p->pending[e.net] = 0;
    }
    p->value[e.net] = e.value;
    p->toggles[e.net]++;
    if (e.time > p->latest) p->latest = e.time;
    for (int64_t r = p->readers_at[e.net]; r < p->readers_at[e.net + 1]; r++) {
      int32_t cell = p->readers[r], inputs = p->inputs[cell], outputs = p->outputs[cell];
      const int32_t *pins = p->pins + p->pins_at[cell];
      word local[32];
      for (int32_t i = 0; i < inputs; i++) local[i] = p->value[pins[i]] ? ~ZERO : ZERO;
      run_logic(p->kind[cell], 1, places, local);
      for (int32_t o = 0; o < outputs; o++) {
        int32_t net = pins[inputs + o], after = local[inputs + o] & 1;
        if (p->pending[net]) {
          if (p->pending[net] == 2 + after) continue;
          p->pending[net] = 0;  // shorter than the delay: it does not get through
        }
        if (after == p->value[net]) continue;
        const int32_t *delay = p->delays + p->delays_at[cell];
        int64_t at = e.time + delay[(o * inputs + p->reader_input[r]) * 2 + after];
        p->pending[net] = 2 + after;
        p->serial[net] = serial;
        heap_push(p, &count, (struct event){at, serial++, net, after});
      }
    }
  }
  for (int64_t n = 0; n < d->nets; n++)
    if (p->value[n] != (d->v[n] >> stream & 1)) p->failed = 2;
  p->cycles++;
}

// Plays words on fixed nets, one a cycle; for designs without handshakes.
int64_t play(design *d, const int32_t *inputs, int64_t width, const word *words, int64_t cycles,
              const int32_t *outputs, int64_t seen, word *record, int64_t skip, probe *p) {
  for (int64_t t = 0; t < cycles; t++) {
    for (int64_t i = 0; i < width; i++) d->v[inputs[i]] = words[t * width + i];
    evaluate(d);
    for (int64_t i = 0; i < seen; i++) record[t * seen + i] = d->v[outputs[i]];
    if (t > skip) count_nets(d);
    if (p && t > skip && t % p->stride == 0) timed_cycle(d, p, t / p->stride % 64);
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
            int64_t limit, probe *p) {
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
    if (p && t > 0 && t % p->stride == 0) timed_cycle(d, p, t / p->stride % 64);
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
