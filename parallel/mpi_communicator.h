#pragma once
// Collectives of host tensors over MPI. Never moves device pointers: Error(internal) for a tensor that is not on the
// CPU.
//
// Reductions are our own, for every dtype: each rank receives its part from all, adds in rank order (half and 8-bit
// floating types in FP32), and the parts are gathered. So bits depend neither on timing nor on the algorithm that the
// MPI library picks, and equal those of the thread communicator.
// Operations progress inside calls of this communicator, from one thread (MPI_THREAD_FUNNELED). MPI's errors become
// Error(rank_lost).

#include <cstdint>
#include <memory>

#include "parallel/communicator.h"

namespace baleen::parallel {

/// Over all ranks of MPI_COMM_WORLD, by a duplicate of it. MPI must be initialised, and finalised only after this
/// communicator and all that were split from it are gone. Messages are cut into pieces of at most `piece_bytes`, as
/// MPI counts in int.
std::unique_ptr<Communicator> make_mpi_communicator(std::int64_t piece_bytes = std::int64_t{1} << 30);

}  // namespace baleen::parallel
