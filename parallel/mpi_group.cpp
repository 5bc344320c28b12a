#include "parallel/mpi_group.h"

#include <thread>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string>
#include <utility>

#include "core/error.h"

namespace baleen::parallel::mpi {
namespace {

/// All groups of the process, as MPI is one per process.
std::vector<Group*>& groups() {
  static std::vector<Group*> all;
  return all;
}

/// `bytes` at a distance of `stride` from part to part.
class PartType {
 public:
  PartType(int bytes, std::int64_t stride) {
    MPI_Datatype piece = MPI_DATATYPE_NULL;
    check(MPI_Type_contiguous(bytes, MPI_BYTE, &piece), "MPI_Type_contiguous");
    check(MPI_Type_create_resized(piece, 0, static_cast<MPI_Aint>(stride), &type_), "MPI_Type_create_resized");
    check(MPI_Type_free(&piece), "MPI_Type_free");
    check(MPI_Type_commit(&type_), "MPI_Type_commit");
  }
  ~PartType() { MPI_Type_free(&type_); }  // requests that use it keep it
  PartType(const PartType&) = delete;
  PartType& operator=(const PartType&) = delete;
  MPI_Datatype get() const { return type_; }

 private:
  MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

/// f(first byte, bytes) for every piece of at most `limit` bytes.
template <class F>
void for_pieces(std::int64_t bytes, std::int64_t limit, const F& f) {
  for (std::int64_t begin = 0; begin < bytes; begin += limit)
    f(begin, static_cast<int>(std::min(limit, bytes - begin)));
}

MPI_Request* add_request(Operation& to) {
  return &to.requests.emplace_back(MPI_REQUEST_NULL);
}

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING + 1> words{};
  int length = 0;
  MPI_Error_string(code, words.data(), &length);
  throw core::Error(
      core::ExitCode::rank_lost, fmt::format("{} failed: {}", call, words.data()),
      "look for the rank that ended first, in its log or in the scheduler's, then start again with --resume");
}

Group::Group(MPI_Comm comm, std::int64_t piece_bytes) : first_(comm), piece_bytes_(piece_bytes) {
  check(MPI_Comm_set_errhandler(first_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check(MPI_Comm_dup(first_, &second_), "MPI_Comm_dup");
  check(MPI_Comm_rank(first_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(first_, &size_), "MPI_Comm_size");
  groups().push_back(this);
}

Group::~Group() {
  std::erase(groups(), this);
  // MPI still writes to what nobody waited for: those tensors must outlive us.
  if (!under_way_.empty()) new std::deque(std::move(under_way_));
  int finalized = 0;
  MPI_Finalized(&finalized);
  // Freeing is collective: not while an exception unwinds, which the other ranks know nothing of.
  if (finalized != 0 || std::uncaught_exceptions() > 0) return;
  MPI_Comm_free(&second_);
  MPI_Comm_free(&first_);
}

void Group::start(std::shared_ptr<Operation> operation) {
  under_way_.push_back(std::move(operation));
  progress();
}

void Group::wait(const Operation& operation) {
  while (!operation.done) {
    progress();
    std::this_thread::yield();  // ranks may be more than cores
  }
}

void Group::progress() {
  for (Group* group : groups()) group->advance();
}

void Group::advance() {
  bool next_blocked = false;  // an earlier operation has not come to its `next` yet
  for (const std::shared_ptr<Operation>& operation : under_way_) {
    int complete = 0;
    check(MPI_Testall(static_cast<int>(operation->requests.size()), operation->requests.data(), &complete,
                      MPI_STATUSES_IGNORE),
          "MPI_Testall");
    if (complete != 0) {
      operation->requests.clear();
      if (operation->next && !next_blocked) std::exchange(operation->next, nullptr)();
      operation->done = !operation->next && operation->requests.empty();
    }
    next_blocked = next_blocked || operation->next;
  }
  std::erase_if(under_way_, [](const auto& operation) { return operation->done; });
}

void Group::all_gather(MPI_Comm comm, const std::byte* in, std::byte* out, std::int64_t part_bytes,
                       Operation& to) const {
  const bool in_place = in == out + rank_ * part_bytes;
  for_pieces(part_bytes, std::max<std::int64_t>(piece_bytes_ / size_, 1), [&](std::int64_t begin, int bytes) {
    const PartType part(bytes, part_bytes);
    check(MPI_Iallgather(in_place ? MPI_IN_PLACE : in + begin, bytes, MPI_BYTE, out + begin, 1, part.get(), comm,
                         add_request(to)),
          "MPI_Iallgather");
  });
}

void Group::all_to_all(MPI_Comm comm, const std::byte* in, std::byte* out, std::int64_t part_bytes,
                       Operation& to) const {
  for_pieces(part_bytes, std::max<std::int64_t>(piece_bytes_ / size_, 1), [&](std::int64_t begin, int bytes) {
    const PartType part(bytes, part_bytes);
    check(MPI_Ialltoall(in + begin, 1, part.get(), out + begin, 1, part.get(), comm, add_request(to)), "MPI_Ialltoall");
  });
}

void Group::in_pieces(const at::Tensor& tensor, Operation& to,
                      const std::function<int(std::byte*, int, MPI_Request*)>& start) const {
  to.tensors.push_back(tensor);
  for_pieces(static_cast<std::int64_t>(tensor.nbytes()), piece_bytes_, [&](std::int64_t begin, int bytes) {
    check(start(static_cast<std::byte*>(tensor.data_ptr()) + begin, bytes, add_request(to)), "starting an MPI message");
  });
}

}  // namespace baleen::parallel::mpi
