#include "core/error.h"
#include "parallel/nccl_communicator.h"

namespace baleen::parallel {

std::unique_ptr<Communicator> make_nccl_communicator(Communicator&, const NcclOptions&) {
  throw core::Error(core::ExitCode::environment, "this build of Baleen has no NCCL, so it cannot use GPUs",
                    "build with -DBALEEN_CUDA=ON (preset gpu), or set launch.device = \"cpu\"");
}

std::optional<c10::Stream> nccl_stream(const Communicator&) {
  return std::nullopt;
}

NcclLibrary nccl_library() {
  return {};
}

}  // namespace baleen::parallel
