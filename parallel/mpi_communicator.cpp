#include "parallel/mpi_communicator.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "parallel/host_collectives.h"
#include "parallel/mpi_group.h"

namespace baleen::parallel {
namespace {

using mpi::check, mpi::Group, mpi::Operation;

/// Up to this many bytes over all ranks every rank receives and adds everything: one round of messages instead of two.
constexpr std::int64_t kSmallBytes = 64 << 10;

/// Adds what all ranks sent, one part of `count` elements after the other in `received`, into `out`.
void reduce(const Group& group, const at::Tensor& received, std::byte* out, std::int64_t count, ReduceOp op) {
  std::vector<const void*> parts;
  parts.reserve(static_cast<std::size_t>(group.size()));
  for (int r = 0; r < group.size(); ++r) parts.push_back(element(received, r * count));
  void* const outputs[] = {out};
  reduce_in_order(parts, outputs, count, received.scalar_type(), op);
}

class MpiWork final : public Work {
 public:
  MpiWork(std::shared_ptr<Group> group, std::shared_ptr<Operation> operation)
      : group_(std::move(group)), operation_(std::move(operation)) {}
  void wait() override { Group::wait(*operation_); }
  bool done() override {
    Group::progress();
    return operation_->done;
  }

 private:
  std::shared_ptr<Group> group_;
  std::shared_ptr<Operation> operation_;
};

class MpiCommunicator final : public Communicator {
 public:
  explicit MpiCommunicator(std::shared_ptr<Group> group) : group_(std::move(group)) {}

  int rank() const override { return group_->rank(); }
  int size() const override { return group_->size(); }
  std::string name() const override { return "mpi"; }

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override;
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    check_tensors(output, input, size(), at::kCPU);
    const auto operation = keep({output, input});
    group_->all_gather(group_->first(), element(input, 0), element(output, 0), bytes(input), *operation);
    return start(operation);
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override;
  WorkPtr broadcast(const at::Tensor& tensor, int root) override {
    check_tensor(tensor, at::kCPU);
    core::require(root >= 0 && root < size(), "the root of a broadcast is a rank of the communicator");
    return in_pieces(tensor, [=, comm = group_->first()](std::byte* piece, int n, MPI_Request* request) {
      return MPI_Ibcast(piece, n, MPI_BYTE, root, comm, request);
    });
  }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    check_tensors(output, input, 1, at::kCPU);
    core::require(input.numel() % size() == 0, "an all-to-all has equal parts");
    const auto operation = keep({output, input});
    group_->all_to_all(group_->first(), element(input, 0), element(output, 0), bytes(input) / size(), *operation);
    return start(operation);
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override {
    check_peer(tensor, peer);
    return in_pieces(tensor, [=, comm = group_->first()](std::byte* piece, int n, MPI_Request* request) {
      return MPI_Isend(piece, n, MPI_BYTE, peer, 0, comm, request);
    });
  }
  WorkPtr recv(const at::Tensor& tensor, int peer) override {
    check_peer(tensor, peer);
    return in_pieces(tensor, [=, comm = group_->first()](std::byte* piece, int n, MPI_Request* request) {
      return MPI_Irecv(piece, n, MPI_BYTE, peer, 0, comm, request);
    });
  }
  void group(const std::function<void()>& calls) override { calls(); }  // nothing here blocks before wait()

  std::unique_ptr<Communicator> split(int color, int key) override {
    barrier();  // MPI_Comm_split blocks: no rank may still need this one to move an operation on
    MPI_Comm part = MPI_COMM_NULL;
    check(MPI_Comm_split(group_->first(), color, key, &part), "MPI_Comm_split");
    return std::make_unique<MpiCommunicator>(std::make_shared<Group>(part, group_->piece_bytes()));
  }
  void barrier() override {
    const auto operation = keep({});
    check(MPI_Ibarrier(group_->first(), &operation->requests.emplace_back(MPI_REQUEST_NULL)), "MPI_Ibarrier");
    start(operation)->wait();
  }

 private:
  static std::int64_t bytes(const at::Tensor& tensor) { return static_cast<std::int64_t>(tensor.nbytes()); }
  static std::shared_ptr<Operation> keep(std::vector<at::Tensor> tensors) {
    const auto operation = std::make_shared<Operation>();
    operation->tensors = std::move(tensors);
    return operation;
  }
  void check_peer(const at::Tensor& tensor, int peer) const {
    check_tensor(tensor, at::kCPU);
    core::require(peer >= 0 && peer < size() && peer != rank(), "a message goes to another rank of the communicator");
  }
  WorkPtr start(const std::shared_ptr<Operation>& operation) {
    group_->start(operation);
    return std::make_unique<MpiWork>(group_, operation);
  }
  WorkPtr in_pieces(const at::Tensor& tensor, const std::function<int(std::byte*, int, MPI_Request*)>& f) {
    const auto operation = std::make_shared<Operation>();
    group_->in_pieces(tensor, *operation, f);
    return start(operation);
  }
  std::shared_ptr<Group> group_;
};

/// The tensor is cut into equal parts, one per rank, and a tail shorter than the number of ranks. Each rank receives
/// its part from all and the tail from all, adds both, and the parts are gathered.
WorkPtr MpiCommunicator::all_reduce(const at::Tensor& tensor, ReduceOp op) {
  check_tensor(tensor, at::kCPU);
  const std::int64_t count = tensor.numel();
  const std::int64_t part = bytes(tensor) * size() <= kSmallBytes ? 0 : count / size();
  const std::int64_t body = part * size(), tail = count - body;
  const at::Tensor parts = at::empty({body}, tensor.options());
  const at::Tensor tails = at::empty({tail * size()}, tensor.options());
  const auto operation = keep({tensor, parts, tails});
  group_->all_to_all(group_->first(), element(tensor, 0), element(parts, 0), part * tensor.element_size(), *operation);
  group_->all_gather(group_->first(), element(tensor, body), element(tails, 0), tail * tensor.element_size(),
                     *operation);
  operation->next = [&group = *group_, &running = *operation, tensor, parts, tails, part, body, tail, op] {
    std::byte* const mine = element(tensor, group.rank() * part);
    reduce(group, parts, mine, part, op);
    reduce(group, tails, element(tensor, body), tail, op);
    group.all_gather(group.second(), mine, element(tensor, 0), part * tensor.element_size(), running);
  };
  return start(operation);
}

WorkPtr MpiCommunicator::reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) {
  check_tensors(input, output, size(), at::kCPU);
  const at::Tensor parts = at::empty_like(input);
  const auto operation = keep({output, input, parts});
  group_->all_to_all(group_->first(), element(input, 0), element(parts, 0), bytes(output), *operation);
  operation->next = [&group = *group_, output, parts, op] {
    reduce(group, parts, element(output, 0), output.numel(), op);
  };
  return start(operation);
}

}  // namespace

std::unique_ptr<Communicator> make_mpi_communicator(std::int64_t piece_bytes) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  core::require(initialized != 0, "MPI is initialised before its communicators are made");
  MPI_Comm world = MPI_COMM_NULL;
  check(MPI_Comm_dup(MPI_COMM_WORLD, &world), "MPI_Comm_dup");
  return std::make_unique<MpiCommunicator>(std::make_shared<Group>(world, piece_bytes));
}

}  // namespace baleen::parallel
