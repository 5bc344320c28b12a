#pragma once
// Communicators cost start-up time and GPU memory: these are made only where a run asks for them. No LibTorch.

namespace baleen::parallel {

struct MeshOptions {
  bool gathers = false;   // ZeRO: weights are gathered beside gradients that are being summed
  int tensor_groups = 0;  // parts that parameters split in groups have (KV heads); 0: none is shared
  bool trace = false;     // what the communicators do can be recorded: Mesh::trace()
};

}  // namespace baleen::parallel
