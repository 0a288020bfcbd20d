// Linux. What a kernel may lack is probed once, when the object is made.
#pragma once

#if defined(__linux__)

#include <pthread.h>

#include <atomic>

#include "os/numa_linux.h"
#include "os/os.h"

namespace superslab {

class LinuxOs final : public Os {
 public:
  /// Tests point `sys` and `proc` at trees of their own and switch newer system calls off, to walk
  /// the ways that older kernels are served.
  struct Options {
    const char* sys = "/sys";
    const char* proc = "/proc";
    bool batch_purge = true;    // process_madvise(2) on oneself: Linux 6.15
    bool populate_call = true;  // MADV_POPULATE_WRITE: Linux 5.14
    bool name_mappings = true;  // prctl(2): Linux 5.17
    bool look_around =
        true;  // read /sys now, rather than when something is asked for that needs it
  };

  LinuxOs() : LinuxOs(Options{}) {}
  explicit LinuxOs(const Options& options);

  ByteCount page_bytes() const override { return page_bytes_; }
  void* reserve(ByteCount bytes, ByteCount alignment) override;
  OsStatus reserve_at(void* address, ByteCount bytes) override;
  OsRange quiet_addresses() const override;
  void unreserve(void* address, ByteCount bytes) override;
  OsStatus commit(void* address, ByteCount bytes, HugePages pages) override;
  OsStatus purge(const OsRange* ranges, std::size_t count) override;
  OsStatus populate(void* address, ByteCount bytes) override;
  OsStatus place(void* address, ByteCount bytes, NodePlacement placement) override;
  Secrecy protect(void* address, ByteCount bytes, Secrecy what) override;
  Secrecy unprotect(void* address, ByteCount bytes, Secrecy what) override;
  unsigned node_count() const override { return nodes().count(); }
  unsigned node_number(NodeOrdinal node) const override;
  NodeOrdinal current_node() const override;
  unsigned node_distance(NodeOrdinal from, NodeOrdinal to) const override;
  bool has_room(NodeOrdinal node, ByteCount bytes) const override;
  void nodes_of(const void* const* pages, std::size_t count, NodeOrdinal* nodes) const override;
  PageMoves move_pages(const OsRange* ranges, std::size_t count, NodeOrdinal node) override;
  bool is_resident(const void* address) const override;
  bool is_mapped(const void* address) const override;
  Nearness nearness(const void* address) const override;
  FaultCounts fault_counts() const override;
  OsStatus visit_mappings(MappingVisitor& visitor) const override;

  /// Whether several ranges are purged by one system call here.
  bool batches_purges() const { return batch_purge_; }
  /// Whether populating is one system call here.
  bool populates_by_call() const { return populate_call_; }

 private:
  std::size_t purge_batch(const OsRange* ranges, std::size_t count);
  OsStatus purge_one(const OsRange& range);
  const NodeSet& nodes() const;

  const char* sys_;
  const char* proc_;
  ByteCount page_bytes_;
  mutable NodeSet nodes_;  // of nodes()
  mutable std::atomic<bool> knows_nodes_{false};
  mutable pthread_mutex_t nodes_lock_ = PTHREAD_MUTEX_INITIALIZER;
  bool name_mappings_;
  bool batch_purge_;
  bool populate_call_;
  bool thp_by_default_;
  // Set by the first reservation, and the same for all: a property of the kernel.
  std::atomic<bool> names_mappings_{false};
};

}  // namespace superslab

#endif
