// A kernel on a CPU, for tests: between two barriers each thread of each block of a cluster runs in
// its turn.  A kernel that lacks a barrier computes something else, in one order of the threads or
// in the other; what was never written is no number.
#include <stdint.h>
#include <string.h>

#include <algorithm>
#include <vector>

#define INLINE_MEMBER static inline
#define UNROLL
#define KERNEL(name)  \
  template <int ROWS> \
  static void name(const Arguments& given, const int tile, const int model)
#define ENTER Team<Registers<ROWS>, Shared<ROWS>> team(CLUSTER, THREADS);
#define PHASE                                                                              \
  for (int turn = 0; turn < CLUSTER * THREADS; turn++)                                     \
    if (const int who = in_reverse ? CLUSTER * THREADS - 1 - turn : turn; false) {         \
    } else if ([[maybe_unused]] const int thread = who % THREADS, rank = who / THREADS; false) { \
    } else if ([[maybe_unused]] auto& my = team.registers[who]; false) {                   \
    } else if ([[maybe_unused]] auto& shared = team.shared[rank]; false) {                 \
    } else
#define BARRIER
#define PUT(member, value)                                        \
  do                                                              \
    for (int block = my.replica; block < CLUSTER; block += REPLICAS) \
      team.shared[block].member = value;                          \
  while (false)
#define RECEIVED(member, mask) team.registers[who ^ (mask)].member
#define AT_LEAST(member, value) shared.member = std::max(shared.member, value)
#define OF_ALL(member) team.shared[0].member
#define START(ROWS) start(kernel<ROWS>, ROWS, given)

typedef void* Stream;
extern "C" {
int in_reverse = 0;  // the order of the threads
}

template <class Registers, class Shared>
struct Team {
  std::vector<Registers> registers;
  std::vector<Shared> shared;
  Team(int cluster, int threads) : registers(cluster * threads), shared(cluster) {
    memset((void*)registers.data(), 0xff, registers.size() * sizeof(Registers));
    memset((void*)shared.data(), 0xff, shared.size() * sizeof(Shared));
  }
};
template <class Arguments>
static const char* start(void (*kernel)(const Arguments&, int, int), int rows,
                         const Arguments& given) {
  for (int model = 0; model < given.models; model++)
    for (int tile = 0; tile * rows < given.sequences; tile++) kernel(given, tile, model);
  return nullptr;
}
