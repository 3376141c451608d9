#include "transport.h"

#include <new>

namespace rostra {

namespace {
int bitsFor(int capacity) {
  int bits = 1;
  while ((1 << bits) < capacity) bits++;
  return bits;
}
}  // namespace

TransportTable::TransportTable(int capacity)
    : slots_(static_cast<size_t>(capacity)), bits_(bitsFor(capacity)), mask_((1u << bits_) - 1) {
  for (int32_t i = 0; i < capacity; i++) slots_[static_cast<size_t>(i)].nextFree = i + 1 < capacity ? i + 1 : -1;
  firstFree_ = 0;
  lastFree_ = capacity - 1;
}

Transport* TransportTable::allocate() {
  if (firstFree_ < 0) return nullptr;
  int32_t index = firstFree_;
  Slot& slot = slots_[static_cast<size_t>(index)];
  std::unique_ptr<Transport> transport(new (std::nothrow) Transport());
  if (!transport) return nullptr;
  firstFree_ = slot.nextFree;
  if (firstFree_ < 0) lastFree_ = -1;
  slot.nextFree = -1;
  transport->id = static_cast<int32_t>(slot.generation << bits_ | static_cast<uint32_t>(index));
  slot.transport = std::move(transport);
  return slot.transport.get();
}

void TransportTable::free(Transport& transport) {
  int32_t index = indexOf(transport);
  Slot& slot = slots_[static_cast<size_t>(index)];
  slot.transport.reset();
  slot.generation = (slot.generation + 1) & ((1u << (31 - bits_)) - 1);
  if (slot.generation == 0) slot.generation = 1;
  slot.nextFree = -1;
  if (lastFree_ >= 0) {
    slots_[static_cast<size_t>(lastFree_)].nextFree = index;
  } else {
    firstFree_ = index;
  }
  lastFree_ = index;
}

}  // namespace rostra
