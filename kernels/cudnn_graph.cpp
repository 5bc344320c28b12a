#include "kernels/cudnn_graph.h"

#include <cudnn_frontend.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace baleen::kernels::cudnn {
namespace {

namespace fe = cudnn_frontend;
using Attributes = std::shared_ptr<fe::graph::Tensor_attributes>;

/// Describes the tensors of a call to a graph.
class Describer {
 public:
  Describer(fe::graph::Graph& graph, const Call& call) : graph_(graph), call_(call) {}

  Attributes input(Name name) {
    const at::Tensor& t = tensor(name);
    Attributes attributes = graph_.tensor(fe::graph::Tensor_attributes().set_dim(sizes(t)).set_stride(strides(t)));
    return place(attributes, name);
  }
  void output(const Attributes& attributes, Name name) {
    const at::Tensor& t = tensor(name);
    attributes->set_output(true).set_dim(sizes(t)).set_stride(strides(t));
    place(attributes, name);
  }
  Attributes stats() { return describe_stats(graph_.tensor(fe::graph::Tensor_attributes())); }
  Attributes describe_stats(const Attributes& attributes) {
    const std::int64_t heads = call_.q().size(1), length = call_.length;
    attributes->set_data_type(fe::DataType_t::FLOAT).set_dim({call_.sequences, heads, length, 1});
    attributes->set_stride({heads * length, call_.packed ? 1 : length, call_.packed ? heads : 1, 1});
    return place(attributes, kStats);
  }

  /// The options that forward and backward share.
  template <typename Options>
  Options options() {
    Options options;
    options.set_causal_mask(true).set_attn_scale(1 / std::sqrt(static_cast<float>(call_.q().size(2))));
    if (call_.packed) {
      options.set_padding_mask(true).set_seq_len_q(lengths(kQueryLengths)).set_seq_len_kv(lengths(kKeyLengths));
    }
    return options;
  }

 private:
  const at::Tensor& tensor(Name name) const {
    return std::find_if(call_.operands.begin(), call_.operands.end(), [&](const Operand& o) { return o.name == name; })
        ->tensor;
  }
  std::vector<std::int64_t> sizes(const at::Tensor& t) const {
    return {call_.sequences, t.size(1), call_.length, t.size(2)};
  }
  std::vector<std::int64_t> strides(const at::Tensor& t) const {
    return {call_.length * t.stride(0), t.stride(1), t.stride(0), 1};
  }
  Attributes place(const Attributes& attributes, Name name) {
    attributes->set_uid(name);
    if (call_.packed)
      attributes->set_ragged_offset(indices(kBorders + name, call_.sequences + 1, fe::DataType_t::INT64));
    return attributes;
  }
  Attributes lengths(Name name) { return indices(name, call_.sequences, fe::DataType_t::INT32); }
  Attributes indices(std::int64_t uid, std::int64_t count, fe::DataType_t type) {
    return graph_.tensor(fe::graph::Tensor_attributes()
                             .set_uid(uid)
                             .set_dim({count, 1, 1, 1})
                             .set_stride({1, 1, 1, 1})
                             .set_data_type(type));
  }

  fe::graph::Graph& graph_;
  const Call& call_;
};

void describe_forward(fe::graph::Graph& graph, const Call& call) {
  Describer describe(graph, call);
  auto options = describe.options<fe::graph::SDPA_attributes>().set_generate_stats(true);
  const auto [out, stats] = graph.sdpa(describe.input(kQ), describe.input(kK), describe.input(kV), options);
  describe.output(out, kOut);
  describe.describe_stats(stats)->set_output(true);
}

void describe_backward(fe::graph::Graph& graph, const Call& call) {
  Describer describe(graph, call);
  auto options = describe.options<fe::graph::SDPA_backward_attributes>();
  options.set_deterministic_algorithm(call.deterministic);
  if (call.packed) options.set_max_total_seq_len_q(call.q().size(0)).set_max_total_seq_len_kv(call.q().size(0));
  const auto [dq, dk, dv] = graph.sdpa_backward(describe.input(kQ), describe.input(kK), describe.input(kV),
                                                describe.input(kOut), describe.input(kDout), describe.stats(), options);
  describe.output(dq, kDq);
  describe.output(dk, kDk);
  describe.output(dv, kDv);
}

}  // namespace

struct Graph::Frontend {
  fe::graph::Graph graph;
};

void check(bool good, const std::string& what) {
  if (good) return;
  throw core::Error(core::ExitCode::internal, "cuDNN attention failed: " + what,
                    "run again with CUDNN_LOGLEVEL_DBG=1 CUDNN_LOGDEST_DBG=stderr and report the output");
}

Graph::Graph(cudnnHandle_t handle, const Call& call, std::int64_t most_workspace)
    : frontend_(std::make_unique<Frontend>()) {
  fe::graph::Graph& graph = frontend_->graph;
  const bool bf16 = call.q().scalar_type() == at::kBFloat16;
  graph.set_io_data_type(bf16 ? fe::DataType_t::BFLOAT16 : fe::DataType_t::HALF)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  call.backward ? describe_backward(graph, call) : describe_forward(graph, call);
  graph.deselect_workspace_greater_than(most_workspace);
  fe::error_t status = graph.build(handle, {fe::HeurMode_t::A});
  if (status.is_good()) status = graph.get_workspace_size(workspace_);
  if (status.is_bad())
    refusal_ = status.get_message();
  else if (workspace_ > most_workspace)
    refusal_ = "its workspace of " + std::to_string(workspace_) + " bytes is too large";
}

Graph::~Graph() = default;

void Graph::execute(cudnnHandle_t handle, std::unordered_map<std::int64_t, void*>& pointers, void* workspace) const {
  fe::error_t status = frontend_->graph.execute(handle, pointers, workspace);
  check(status.is_good(), status.get_message());
}

}  // namespace baleen::kernels::cudnn
