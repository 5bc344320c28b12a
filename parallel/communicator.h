#pragma once
// Collectives and point-to-point over one group of ranks.
//
// Tensors are contiguous, of equal dtype and element count on all ranks, on the device the communicator was made for.
// Every call returns a Work; the tensors must live, and not be touched, until it is waited for. Sums run in rank order
// on the host implementations (MPI, threads): results do not depend on timing.
// On a GPU the collective runs on the communicator's own stream, after what the caller's current stream holds;
// Work::wait() makes the caller's current stream wait and does not block the host. On the CPU wait() blocks.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace baleen::parallel {

enum class ReduceOp { sum, max, min };

class Work {
 public:
  virtual ~Work() = default;
  virtual void wait() = 0;
  /// Whether it is over, without waiting. A receive that is done still needs wait() before its tensor is read.
  virtual bool done() = 0;
};
using WorkPtr = std::unique_ptr<Work>;

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Name of the implementation for banners: "self", "threads", "mpi", "nccl".
  virtual std::string name() const = 0;
  /// Whether a sum is ((rank 0 + rank 1) + rank 2) + ..., whatever collective makes it. NCCL's is not.
  virtual bool sums_in_rank_order() const { return true; }
  /// Bytes that it has taken of the device's memory beside LibTorch's allocator, as measured when it was made and where
  /// a collective was used for the first time, or with a larger tensor; 0 where it takes none. Without gather_bytes().
  virtual std::int64_t device_bytes() const { return 0; }
  /// Bytes of its own, beside LibTorch's allocator, that it has given out by empty_for_gather() and keeps.
  virtual std::int64_t gather_bytes() const { return 0; }

  /// What all_gather() in place fills best: a new flat tensor, its memory this communicator's where that is of use. All
  /// ranks ask for the same sizes, and let go of the tensors, in the same order.
  virtual at::Tensor empty_for_gather(std::int64_t elements, const at::TensorOptions& options);

  /// In place: every rank ends with the reduction of all.
  [[nodiscard]] virtual WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) = 0;
  /// output holds size() parts of input's length, rank by rank. input may be this rank's part of output (in place).
  [[nodiscard]] virtual WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) = 0;
  /// input holds size() parts of output's length; output is the reduction of this rank's. output may be that part of
  /// input.
  [[nodiscard]] virtual WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) = 0;
  [[nodiscard]] virtual WorkPtr broadcast(const at::Tensor& tensor, int root) = 0;
  /// Part i of input goes to rank i; part i of output comes from rank i. Not in place.
  [[nodiscard]] virtual WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) = 0;
  [[nodiscard]] virtual WorkPtr send(const at::Tensor& tensor, int peer) = 0;
  [[nodiscard]] virtual WorkPtr recv(const at::Tensor& tensor, int peer) = 0;
  /// Sends and receives issued inside `calls` start together, so that their order cannot deadlock.
  virtual void group(const std::function<void()>& calls) = 0;

  /// Collective: ranks of equal color form a new communicator, ordered by key.
  virtual std::unique_ptr<Communicator> split(int color, int key) = 0;
  /// Blocks the host until all ranks are here.
  virtual void barrier() = 0;
};

/// One rank. All operations are the identity and cost nothing but the copy where output and input differ.
std::unique_ptr<Communicator> make_self_communicator();

/// Work that is already done.
WorkPtr completed_work();

}  // namespace baleen::parallel
