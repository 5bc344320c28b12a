#include "parallel/thread_meeting.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "parallel/host_collectives.h"

namespace baleen::parallel::threads {
namespace {

std::string describe(const Call& call) {
  constexpr const char* kNames[] = {"all_reduce", "all_gather", "reduce_scatter", "broadcast",
                                    "all_to_all", "barrier",    "split"};
  std::string words = kNames[static_cast<std::size_t>(call.kind)];
  if (call.kind == Kind::all_reduce || call.kind == Kind::reduce_scatter)
    words += std::array{" (sum)", " (max)", " (min)"}[static_cast<std::size_t>(call.op)];
  if (call.kind == Kind::broadcast) words += fmt::format(" from {}", call.root);
  if (call.input.defined())
    words += fmt::format(" of {} {}", call.input.numel(), at::toString(call.input.scalar_type()));
  return words;
}

/// All ranks' sides of one collective, which it runs at once.
class Collective {
 public:
  explicit Collective(const std::vector<Call>& calls) : calls_(calls), first_(calls.front()) {}

  void run(const std::shared_ptr<World>& world) const {
    switch (first_.kind) {
      case Kind::all_reduce: {
        std::vector<void*> outputs;
        outputs.reserve(static_cast<std::size_t>(ranks()));
        for (int r = 0; r < ranks(); ++r) outputs.push_back(out(r, 0));
        return reduce(0, all_, outputs);
      }
      case Kind::reduce_scatter:
        for (int r = 0; r < ranks(); ++r) reduce(r * part_, part_, {out(r, 0)});
        return;
      case Kind::all_gather:
        return for_pairs([&](int from, int to) { copy(out(to, from * all_), in(from, 0), all_); });
      case Kind::broadcast:
        return for_pairs([&](int from, int to) {
          if (from == first_.root) copy(out(to, 0), in(from, 0), all_);
        });
      case Kind::all_to_all:
        return for_pairs([&](int from, int to) { copy(out(to, from * part_), in(from, to * part_), part_); });
      case Kind::split:
        return split(world);
      case Kind::barrier:
        return;
    }
  }

 private:
  int ranks() const { return static_cast<int>(calls_.size()); }
  const Call& call(int rank) const { return calls_[static_cast<std::size_t>(rank)]; }
  std::byte* in(int rank, std::int64_t first) const { return element(call(rank).input, first); }
  std::byte* out(int rank, std::int64_t first) const { return element(call(rank).output, first); }

  template <class F>
  void for_pairs(const F& f) const {
    for (int to = 0; to < ranks(); ++to)
      for (int from = 0; from < ranks(); ++from) f(from, to);
  }

  void copy(std::byte* to, const std::byte* from, std::int64_t elements) const {
    const auto bytes = static_cast<std::size_t>(elements * first_.input.element_size());
    if (to != from && bytes != 0) std::memcpy(to, from, bytes);
  }

  void reduce(std::int64_t first, std::int64_t count, const std::vector<void*>& outputs) const {
    std::vector<const void*> parts;
    parts.reserve(static_cast<std::size_t>(ranks()));
    for (int r = 0; r < ranks(); ++r) parts.push_back(in(r, first));
    reduce_in_order(parts, outputs, count, first_.input.scalar_type(), first_.op);
  }

  void split(const std::shared_ptr<World>& world) const {
    std::map<int, std::vector<std::pair<int, int>>> members;  // by color: (key, rank)
    for (int r = 0; r < ranks(); ++r) members[call(r).color].emplace_back(call(r).key, r);
    for (auto& [color, of_color] : members) {
      std::sort(of_color.begin(), of_color.end());
      const auto group = make_group(world, static_cast<int>(of_color.size()));
      for (std::size_t i = 0; i < of_color.size(); ++i) {
        *call(of_color[i].second).new_group = group;
        *call(of_color[i].second).new_rank = static_cast<int>(i);
      }
    }
  }

  const std::vector<Call>& calls_;
  const Call& first_;
  const std::int64_t all_ = first_.input.defined() ? first_.input.numel() : 0;  // elements of a rank's input
  const std::int64_t part_ = all_ / ranks();
};

}  // namespace

std::shared_ptr<Group> make_group(const std::shared_ptr<World>& world, int size) {
  auto group = std::make_shared<Group>(world, size);
  const std::lock_guard lock(world->mutex);
  world->groups.push_back(group);
  return group;
}

std::string disagreement(const std::vector<Call>& calls) {
  const std::string first = describe(calls.front());
  for (std::size_t r = 1; r < calls.size(); ++r)
    if (const std::string other = describe(calls[r]); other != first)
      return fmt::format("internal error: rank {} issued {} where rank 0 issued {}", r, other, first);
  return {};
}

void run_collective(const std::vector<Call>& calls, const std::shared_ptr<World>& world) {
  Collective(calls).run(world);
}

}  // namespace baleen::parallel::threads
