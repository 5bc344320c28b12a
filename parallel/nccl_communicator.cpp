#include "parallel/nccl_communicator.h"

#include <ATen/cuda/CUDAEvent.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <nccl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "parallel/host_collectives.h"
#include "parallel/nccl_buffers.h"
#include "parallel/nccl_check.h"
#include "parallel/text_exchange.h"

namespace baleen::parallel {
namespace {

ncclDataType_t nccl_type(at::ScalarType type) {
  switch (type) {
    case at::kDouble:
      return ncclFloat64;
    case at::kFloat:
      return ncclFloat32;
    case at::kBFloat16:
      return ncclBfloat16;
    case at::kHalf:
      return ncclFloat16;
    case at::kFloat8_e4m3fn:
      return ncclFloat8e4m3;
    case at::kFloat8_e5m2:
      return ncclFloat8e5m2;
    case at::kLong:
      return ncclInt64;
    case at::kInt:
      return ncclInt32;
    case at::kUInt32:
      return ncclUint32;
    case at::kByte:
      return ncclUint8;
    default:
      throw core::Error(core::ExitCode::internal,
                        fmt::format("internal error: NCCL has no reduction of {} tensors", at::toString(type)));
  }
}

ncclRedOp_t nccl_op(ReduceOp op) {
  constexpr ncclRedOp_t kOps[] = {ncclSum, ncclMax, ncclMin};
  return kOps[static_cast<std::size_t>(op)];
}

using EventPtr = std::shared_ptr<at::cuda::CUDAEvent>;  // shared by the operations of a group

class NcclWork final : public Work {
 public:
  NcclWork(EventPtr done, std::vector<at::Tensor> tensors) : done_(std::move(done)), tensors_(std::move(tensors)) {}
  ~NcclWork() override {  // of a gather whose unit nobody used any more
    if (!tensors_.empty() && std::uncaught_exceptions() == 0) done_->block(c10::cuda::getCurrentCUDAStream());
  }
  NcclWork(const NcclWork&) = delete;
  NcclWork& operator=(const NcclWork&) = delete;
  void wait() override {
    done_->block(c10::cuda::getCurrentCUDAStream());
    tensors_.clear();  // whoever reuses their memory comes later on the current stream
  }
  bool done() override { return done_->query(); }

 private:
  EventPtr done_;
  std::vector<at::Tensor> tensors_;
};

std::int64_t free_bytes() {
  std::size_t free = 0, total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<std::int64_t>(free);
}

/// Calls, and adds what is taken of the device's memory meanwhile. NCCL allocates on the host's side of a call, and
/// nobody else does beside it.
template <class Call>
ncclResult_t measured(std::int64_t& bytes, const Call& call) {
  const std::int64_t before = free_bytes();
  const ncclResult_t result = call();
  bytes += std::max<std::int64_t>(before - free_bytes(), 0);
  return result;
}

class NcclCommunicator final : public Communicator {
 public:
  /// Takes over `comm`, which has taken so many bytes.
  NcclCommunicator(ncclComm_t comm, std::int64_t bytes, bool copy_engines = false)
      : comm_(comm),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true)),
        buffers_(copy_engines ? std::make_shared<NcclBuffers>(comm) : nullptr),
        device_bytes_(bytes) {
    check_nccl(ncclCommUserRank(comm_, &rank_), comm_, "ncclCommUserRank");
    check_nccl(ncclCommCount(comm_, &size_), comm_, "ncclCommCount");
  }
  ~NcclCommunicator() override {
    // Destroying waits for all ranks. While an exception unwinds they may never come, and aborting may wait as well: it
    // frees memory, which waits for the kernels of other communicators. The process is about to end.
    if (std::uncaught_exceptions() > 0) return;
    if (buffers_) {  // a gather that nobody waited for may still write through what is unmapped then
      cudaStreamSynchronize(stream_);
      buffers_->deregister();
    }
    ncclCommDestroy(comm_);
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string name() const override { return "nccl"; }
  bool sums_in_rank_order() const override { return false; }
  std::int64_t device_bytes() const override { return device_bytes_; }
  std::int64_t gather_bytes() const override { return buffers_ ? buffers_->bytes() : 0; }
  at::Tensor empty_for_gather(std::int64_t elements, const at::TensorOptions& options) override {
    return buffers_ ? buffers_->take(elements, options) : Communicator::empty_for_gather(elements, options);
  }
  c10::Stream stream() const { return stream_.unwrap(); }

  WorkPtr all_reduce(const at::Tensor& tensor, ReduceOp op) override {
    check_tensor(tensor, at::kCUDA);
    const auto type = nccl_type(tensor.scalar_type());
    return issue("ncclAllReduce", {tensor}, [&] {
      return ncclAllReduce(tensor.data_ptr(), tensor.data_ptr(), elements(tensor), type, nccl_op(op), comm_, stream_);
    });
  }
  WorkPtr all_gather(const at::Tensor& output, const at::Tensor& input) override {
    check_tensors(output, input, size_, at::kCUDA);
    return issue("ncclAllGather", {output, input}, [&] {
      return ncclAllGather(input.data_ptr(), output.data_ptr(), input.nbytes(), ncclUint8, comm_, stream_);
    });
  }
  WorkPtr reduce_scatter(const at::Tensor& output, const at::Tensor& input, ReduceOp op) override {
    check_tensors(input, output, size_, at::kCUDA);
    const auto type = nccl_type(input.scalar_type());
    return issue("ncclReduceScatter", {output, input}, [&] {
      return ncclReduceScatter(input.data_ptr(), output.data_ptr(), elements(output), type, nccl_op(op), comm_,
                               stream_);
    });
  }
  WorkPtr broadcast(const at::Tensor& tensor, int root) override {
    check_tensor(tensor, at::kCUDA);
    core::require(root >= 0 && root < size_, "the root of a broadcast is a rank of the communicator");
    return issue("ncclBroadcast", {tensor}, [&] {
      return ncclBroadcast(tensor.data_ptr(), tensor.data_ptr(), tensor.nbytes(), ncclUint8, root, comm_, stream_);
    });
  }
  WorkPtr all_to_all(const at::Tensor& output, const at::Tensor& input) override {
    check_tensors(output, input, 1, at::kCUDA);
    core::require(input.numel() % size_ == 0, "an all-to-all has equal parts");
    const std::size_t part = input.nbytes() / static_cast<std::size_t>(size_);
    return issue("ncclAlltoAll", {output, input},
                 [&] { return ncclAlltoAll(input.data_ptr(), output.data_ptr(), part, ncclUint8, comm_, stream_); });
  }
  WorkPtr send(const at::Tensor& tensor, int peer) override {
    check_peer(tensor, peer);
    return issue("ncclSend", {tensor},
                 [&] { return ncclSend(tensor.data_ptr(), tensor.nbytes(), ncclUint8, peer, comm_, stream_); });
  }
  WorkPtr recv(const at::Tensor& tensor, int peer) override {
    check_peer(tensor, peer);
    return issue("ncclRecv", {tensor},
                 [&] { return ncclRecv(tensor.data_ptr(), tensor.nbytes(), ncclUint8, peer, comm_, stream_); });
  }

  /// What is issued inside is launched at the end, as one; so all of it shares the event recorded then.
  void group(const std::function<void()>& calls) override {
    core::require(group_done_ == nullptr, "groups are not nested");
    const EventPtr done = group_done_ = std::make_shared<at::cuda::CUDAEvent>();
    check_nccl(ncclGroupStart(), comm_, "ncclGroupStart");
    calls();
    group_done_.reset();
    check_nccl(used("a group", 1) ? ncclGroupEnd() : measured(device_bytes_, ncclGroupEnd), comm_, "ncclGroupEnd");
    done->record(stream_);
  }

  std::unique_ptr<Communicator> split(int color, int key) override {
    ncclComm_t part = nullptr;
    std::int64_t taken = 0;
    const auto make = [&] { return ncclCommSplit(comm_, color, key, &part, nullptr); };
    check_nccl(measured(taken, make), comm_, "ncclCommSplit", core::ExitCode::environment);
    return std::make_unique<NcclCommunicator>(part, taken);
  }

  void barrier() override {
    all_reduce(at::zeros({1}, at::TensorOptions().dtype(at::kInt).device(stream_.device())), ReduceOp::sum)->wait();
    c10::cuda::getCurrentCUDAStream().synchronize();
  }

 private:
  static std::size_t elements(const at::Tensor& tensor) { return static_cast<std::size_t>(tensor.numel()); }

  void check_peer(const at::Tensor& tensor, int peer) const {
    check_tensor(tensor, at::kCUDA);
    core::require(peer >= 0 && peer < size_ && peer != rank_, "a message goes to another rank of the communicator");
  }

  /// Whether this collective was used with so many bytes already: NCCL connects, and allocates, for a collective and an
  /// algorithm when they are first needed.
  bool used(std::string_view collective, std::size_t bytes) {
    std::size_t& most = most_bytes_[collective];
    if (bytes <= most) return true;
    most = bytes;
    return false;
  }

  /// Issues call() on our stream, after what the current stream holds.
  template <class Call>
  WorkPtr issue(const char* name, std::vector<at::Tensor> tensors, const Call& call) {
    for (const at::Tensor& tensor : tensors)
      core::require(tensor.device() == stream_.device(), "tensors of a collective are on the communicator's GPU");
    ncclResult_t earlier = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(comm_, &earlier), comm_, "ncclCommGetAsyncError");
    check_nccl(earlier, comm_, "an earlier NCCL operation");
    ready_.record(c10::cuda::getCurrentCUDAStream());
    ready_.block(stream_);
    const bool allocates_nothing = group_done_ != nullptr || used(name, tensors.front().nbytes());
    check_nccl(allocates_nothing ? call() : measured(device_bytes_, call), comm_, name);
    if (group_done_) return std::make_unique<NcclWork>(group_done_, std::move(tensors));
    auto done = std::make_shared<at::cuda::CUDAEvent>();
    done->record(stream_);
    return std::make_unique<NcclWork>(std::move(done), std::move(tensors));
  }

  ncclComm_t comm_;
  c10::cuda::CUDAStream stream_;
  at::cuda::CUDAEvent ready_;
  std::shared_ptr<NcclBuffers> buffers_;                // where gathers go by copy engines
  EventPtr group_done_;                                 // inside group(): what its Works wait for
  std::map<std::string_view, std::size_t> most_bytes_;  // by collective
  std::int64_t device_bytes_;
  int rank_ = 0, size_ = 1;
};

/// Copy engines reach the GPUs of one host.
bool on_one_host(Communicator& host) {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  const std::vector<std::string> names = gather_texts(host, name.data());
  return std::ranges::count(names, names.front()) == std::ssize(names);
}

}  // namespace

void check_nccl(ncclResult_t result, ncclComm_t comm, const char* call, core::ExitCode code) {
  if (result == ncclSuccess) return;
  throw core::Error(code, fmt::format("{} failed: {}: {}", call, ncclGetErrorString(result), ncclGetLastError(comm)),
                    "look at the log of the rank that ended first; NCCL_DEBUG=INFO makes NCCL tell more");
}

std::unique_ptr<Communicator> make_nccl_communicator(Communicator& host, const NcclOptions& options) {
  const at::Tensor bytes = at::zeros({sizeof(ncclUniqueId)}, at::kByte);
  auto* id = static_cast<ncclUniqueId*>(bytes.data_ptr());
  constexpr auto kEnvironment = core::ExitCode::environment;
  if (host.rank() == 0) check_nccl(ncclGetUniqueId(id), nullptr, "ncclGetUniqueId", kEnvironment);
  host.broadcast(bytes, 0)->wait();
  ncclComm_t comm = nullptr;
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  if (options.most_ctas > 0) config.maxCTAs = options.most_ctas;
  const bool copy_engines = options.copy_engines && on_one_host(host);
  if (copy_engines) config.CTAPolicy = NCCL_CTA_POLICY_ZERO;
  std::int64_t taken = 0;
  const auto make = [&] { return ncclCommInitRankConfig(&comm, host.size(), *id, host.rank(), &config); };
  check_nccl(measured(taken, make), nullptr, "ncclCommInitRankConfig", kEnvironment);
  return std::make_unique<NcclCommunicator>(comm, taken, copy_engines);
}

std::optional<c10::Stream> nccl_stream(const Communicator& communicator) {
  const auto* ours = dynamic_cast<const NcclCommunicator*>(&communicator);
  return ours == nullptr ? std::nullopt : std::optional(ours->stream());
}

NcclLibrary nccl_library() {
  int version = 0;
  check_nccl(ncclGetVersion(&version), nullptr, "ncclGetVersion", core::ExitCode::environment);
  Dl_info file{};
  const int found = dladdr(reinterpret_cast<const void*>(&ncclGetVersion), &file);
  return {fmt::format("{}.{}.{}", version / 10000, version % 10000 / 100, version % 100),
          found != 0 && file.dli_fname != nullptr ? file.dli_fname : ""};
}

}  // namespace baleen::parallel
