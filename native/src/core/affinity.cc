#include "affinity.h"

#include <sched.h>

#include <cerrno>

namespace rostra {

int pinThread(unsigned index) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  // EINVAL on a machine with more than CPU_SETSIZE (1,024) CPUs.
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return -errno;
  int count = CPU_COUNT(&allowed);
  if (count <= 0) return -EINVAL;
  unsigned left = index % static_cast<unsigned>(count);
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &allowed) || left-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0 ? cpu : -errno;
  }
  return -EINVAL;
}

}  // namespace rostra
