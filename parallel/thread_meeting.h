#pragma once
// What the ranks of a thread communicator share: where they meet for collectives and leave messages. Internal to it.

#include <ATen/core/Tensor.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "parallel/communicator.h"

namespace baleen::parallel::threads {

struct Group;

/// What all threads of one run share. One lock for everything: ranks are few and hold it for moments.
struct World {
  std::mutex mutex;
  std::vector<std::weak_ptr<Group>> groups;
  std::exception_ptr first;  // what ended the first rank that failed
  std::string why;           // the same in words, for the ranks that waited for it

  void throw_if_failed() const {
    if (first) throw core::Error(core::ExitCode::rank_lost, why);
  }
};

/// Something issued, done once its peers have issued theirs.
struct Pending {
  bool done = false;
  std::string error;  // where the ranks disagree about what it is
};

struct Message : Pending {
  bool send = false;
  at::Tensor tensor;
};

enum class Kind { all_reduce, all_gather, reduce_scatter, broadcast, all_to_all, barrier, split };

/// One rank's side of a collective.
struct Call {
  Kind kind = Kind::barrier;
  at::Tensor output{}, input{};
  ReduceOp op = ReduceOp::sum;
  int root = 0;
  int color = 0, key = 0;
  std::shared_ptr<Group>* new_group = nullptr;  // results of a split
  int* new_rank = nullptr;
};

struct Meeting : Pending {
  explicit Meeting(int ranks) : calls(static_cast<std::size_t>(ranks)) {}
  std::vector<Call> calls;
  int issued = 0;
};

/// The ranks of one communicator.
struct Group {
  Group(std::shared_ptr<World> w, int n) : world(std::move(w)), size(n) {}
  std::shared_ptr<World> world;
  int size;
  std::condition_variable changed;  // something of this communicator is done: the ranks of others sleep on
  std::map<std::uint64_t, std::shared_ptr<Meeting>> meetings;                // by number, not yet complete
  std::map<std::pair<int, int>, std::deque<std::shared_ptr<Message>>> mail;  // by (sender, receiver)
};

std::shared_ptr<Group> make_group(const std::shared_ptr<World>& world, int size);

/// Empty where all ranks issued the same collective; else who issued what.
std::string disagreement(const std::vector<Call>& calls);

/// Runs a collective for all its ranks at once.
void run_collective(const std::vector<Call>& calls, const std::shared_ptr<World>& world);

}  // namespace baleen::parallel::threads
