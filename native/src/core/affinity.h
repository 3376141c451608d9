// On which CPU a thread runs (sched_setaffinity(2)).
#pragma once

namespace rostra {

// Keeps the calling thread, and those that it begins, on the `index`-th of the CPUs that it may use now, counted around.
// The number of the CPU, or a negated errno.
int pinThread(unsigned index);

}  // namespace rostra
