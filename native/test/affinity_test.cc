#include "../src/core/affinity.h"

#include <sched.h>

#include "check.h"

using namespace rostra;

TEST(a_thread_is_kept_on_the_cpu_of_that_index_of_those_it_may_use) {
  cpu_set_t before;
  CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
  unsigned count = static_cast<unsigned>(CPU_COUNT(&before));
  int least = -1;
  for (unsigned index = 0; index < 2 * count; index++) {
    int cpu = pinThread(index);
    CHECK(cpu >= 0 && CPU_ISSET(cpu, &before));
    if (index == 0) least = cpu;
    CHECK((cpu == least) == (index % count == 0));
    cpu_set_t now;
    CHECK(sched_getaffinity(0, sizeof now, &now) == 0);
    CHECK(CPU_COUNT(&now) == 1 && CPU_ISSET(cpu, &now));
    CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
  }
}
