#pragma once
// The ranks of an MPI communicator and what they have under way. Internal to the MPI communicator.

#include <ATen/core/Tensor.h>
#include <mpi.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

namespace baleen::parallel::mpi {

/// Throws Error(rank_lost) with MPI's words unless `code` is success.
void check(int code, const char* call);

/// A collective or message under way.
struct Operation {
  std::vector<MPI_Request> requests;
  std::function<void()> next;       // once they are complete: the local part, which may start more requests
  std::vector<at::Tensor> tensors;  // what the requests read and write
  bool done = false;
};

/// Owns two duplicates of the same group of ranks. Operations start on the first in the order of issue, which all ranks
/// share; what `next` starts goes to the second, and runs in the order of issue too. So the order of collectives is the
/// same on all ranks although each rank gets to its `next` in its own time.
class Group {
 public:
  /// Takes over `comm`. Collective.
  Group(MPI_Comm comm, std::int64_t piece_bytes);
  ~Group();
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  MPI_Comm first() const { return first_; }
  MPI_Comm second() const { return second_; }
  std::int64_t piece_bytes() const { return piece_bytes_; }

  void start(std::shared_ptr<Operation> operation);
  static void wait(const Operation& operation);
  /// Moves all groups of the process on: a peer of another communicator may wait for this rank's `next`.
  static void progress();

  /// Starts them in pieces that fit MPI's int counts, and adds their requests to `to`. Part r of `out` is rank r's
  /// `in`, which may be that part of `out`.
  void all_gather(MPI_Comm comm, const std::byte* in, std::byte* out, std::int64_t part_bytes, Operation& to) const;
  /// Part r of `in` goes to rank r, part r of `out` comes from there.
  void all_to_all(MPI_Comm comm, const std::byte* in, std::byte* out, std::int64_t part_bytes, Operation& to) const;
  /// Calls start(byte, bytes, request) for each piece of a message.
  void in_pieces(const at::Tensor& tensor, Operation& to,
                 const std::function<int(std::byte*, int, MPI_Request*)>& start) const;

 private:
  void advance();

  MPI_Comm first_, second_ = MPI_COMM_NULL;
  int rank_ = 0, size_ = 1;
  std::int64_t piece_bytes_;
  std::deque<std::shared_ptr<Operation>> under_way_;
};

}  // namespace baleen::parallel::mpi
