// The limit of simulation speed: the core alone, its inputs always valid, in a bare loop.
// Usage: raw_loop CYCLES TILE, with TILE the command that is given again and again.
// Prints the cycles in which a weight chunk was taken, and the seconds that the loop took.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "Vtruncmac_core.h"

template <typename Port>
std::vector<Port> words(const Port&, unsigned seed) {
  std::mt19937 noise(seed);
  std::vector<Port> ring(64);
  for (Port& word : ring) {
    uint32_t parts[(sizeof(Port) + 3) / 4];
    for (uint32_t& part : parts) part = noise();
    std::memcpy(&word, parts, sizeof(Port));
  }
  return ring;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const long cycles = std::atol(argv[1]);
  auto* core = new Vtruncmac_core;
  auto activations = words(core->activations___05Fpayload, 1);
  auto weights = words(core->weights___05Fpayload, 2);
  core->tiles___05Fpayload = std::strtoull(argv[2], nullptr, 10);
  core->tiles___05Fvalid = 1;
  core->activations___05Fvalid = 1;
  core->weights___05Fvalid = 1;
  core->results___05Fready = 1;
  core->rst = 1;
  size_t activation = 0, weight = 0;
  const auto start = std::chrono::steady_clock::now();
  for (long cycle = 0; cycle < cycles; ++cycle) {
    core->clk = 0;
    core->rst = cycle < 4;
    core->activations___05Fpayload = activations[activation % 64];
    core->weights___05Fpayload = weights[weight % 64];
    core->eval();
    activation += core->activations___05Fready;
    weight += core->weights___05Fready;
    core->clk = 1;
    core->eval();
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%zu %.6f\n", weight, seconds.count());
  return 0;
}
