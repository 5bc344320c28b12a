#pragma once
// What rank 0 tells before the first step: mesh, parameters, memory by class, data, the libraries in use.

#include <map>
#include <string>

#include "launch/process.h"
#include "parallel/mesh.h"
#include "trainer/trainer.h"

namespace baleen::trainer {

void print_banner(const Config& config, const parallel::Mesh& mesh, const launch::Process& process, Trainer& trainer);

/// env.json: host, device, threads and every library with version and path.
std::string environment_json(const launch::Process& process);

/// Name to version, Baleen's own included.
std::map<std::string, std::string> library_versions();

}  // namespace baleen::trainer
