#include "tests/parallel/conformance.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/philox.h"

namespace baleen::parallel {
namespace {

constexpr std::int64_t kSizes[] = {0, 1, 2, 3, 64, 1001, 20011};

/// Small whole numbers, exact in every type also when eight ranks are added.
double number(int rank, std::int64_t i, at::ScalarType type) {
  const bool tiny = type == at::kFloat8_e4m3fn || type == at::kFloat8_e5m2;
  return static_cast<double>((i * 5 + i / 7 + rank * (i % 3 + 1)) % (tiny ? 2 : 13));
}

/// Element i is numbers(i).
template <class Numbers>
at::Tensor tensor_of(std::int64_t count, at::ScalarType type, at::Device device, const Numbers& numbers) {
  const at::Tensor values = at::empty({count}, at::kDouble);
  auto* const data = values.data_ptr<double>();
  for (std::int64_t i = 0; i < count; ++i) data[i] = static_cast<double>(numbers(i));
  return values.to(type).to(device);
}

template <class Numbers>
void expect_numbers(const at::Tensor& tensor, const Numbers& numbers) {
  const at::Tensor found = tensor.to(at::kCPU).to(at::kDouble).contiguous();
  const auto* const data = found.data_ptr<double>();
  for (std::int64_t i = 0; i < found.numel(); ++i)
    if (const auto expected = static_cast<double>(numbers(i)); data[i] != expected) {
      ADD_FAILURE() << "element " << i << " of " << found.numel() << " is " << data[i] << ", not " << expected;
      return;
    }
}

/// One combination of communicator, device, type and size.
struct Case {
  Communicator& world;
  at::Device device;
  at::ScalarType type;
  std::int64_t count;

  at::Tensor of_rank(int rank, std::int64_t first, std::int64_t n) const {
    return tensor_of(n, type, device, [&](std::int64_t i) { return number(rank, first + i, type); });
  }
  at::Tensor blank(std::int64_t n) const {
    return tensor_of(n, type, device, [](std::int64_t) { return 1.0; });
  }

  double reduced(std::int64_t i, ReduceOp op) const {
    double result = number(0, i, type);
    for (int r = 1; r < world.size(); ++r) {
      const double b = number(r, i, type);
      result = op == ReduceOp::sum ? result + b : op == ReduceOp::max ? std::max(result, b) : std::min(result, b);
    }
    return result;
  }
};

void reductions(const Case& c) {
  const int me = c.world.rank(), ranks = c.world.size();
  for (const ReduceOp op : {ReduceOp::sum, ReduceOp::max, ReduceOp::min}) {
    const at::Tensor all = c.of_rank(me, 0, c.count);
    c.world.all_reduce(all, op)->wait();
    expect_numbers(all, [&](std::int64_t i) { return c.reduced(i, op); });

    const auto of_me = [&](std::int64_t i) { return c.reduced(me * c.count + i, op); };
    const at::Tensor input = c.of_rank(me, 0, c.count * ranks), output = c.blank(c.count);
    c.world.reduce_scatter(output, input, op)->wait();
    expect_numbers(output, of_me);
    const at::Tensor part = input.narrow(0, me * c.count, c.count);
    c.world.reduce_scatter(part, input, op)->wait();
    expect_numbers(part, of_me);
  }
}

void gathers(const Case& c) {
  const int me = c.world.rank(), ranks = c.world.size();
  const auto rank_by_rank = [&](std::int64_t i) { return number(static_cast<int>(i / c.count), i % c.count, c.type); };
  const at::Tensor output = c.blank(c.count * ranks);
  c.world.all_gather(output, c.of_rank(me, 0, c.count))->wait();
  expect_numbers(output, rank_by_rank);

  const at::Tensor in_place = c.blank(c.count * ranks), part = in_place.narrow(0, me * c.count, c.count);
  part.copy_(c.of_rank(me, 0, c.count));
  c.world.all_gather(in_place, part)->wait();
  expect_numbers(in_place, rank_by_rank);

  for (int root = 0; root < ranks; ++root) {
    const at::Tensor tensor = c.of_rank(me, 0, c.count);
    c.world.broadcast(tensor, root)->wait();
    expect_numbers(tensor, [&](std::int64_t i) { return number(root, i, c.type); });
  }
}

void exchanges(const Case& c) {
  const int me = c.world.rank(), ranks = c.world.size();
  const at::Tensor output = c.blank(c.count * ranks);
  c.world.all_to_all(output, c.of_rank(me, 0, c.count * ranks))->wait();
  expect_numbers(output, [&](std::int64_t i) {
    return number(static_cast<int>(i / c.count), me * c.count + i % c.count, c.type);
  });
  if (ranks == 1) return;

  const int next = (me + 1) % ranks, before = (me + ranks - 1) % ranks;
  const at::Tensor mine = c.of_rank(me, 0, c.count), theirs = c.blank(c.count), more = c.blank(c.count + 1);
  std::vector<WorkPtr> works;
  c.world.group([&] {  // two messages the same way: they arrive in order
    works.push_back(c.world.send(mine, next));
    works.push_back(c.world.send(c.of_rank(me, 1, c.count + 1), next));
    works.push_back(c.world.recv(theirs, before));
    works.push_back(c.world.recv(more, before));
  });
  for (const WorkPtr& work : works) work->wait();
  expect_numbers(theirs, [&](std::int64_t i) { return number(before, i, c.type); });
  expect_numbers(more, [&](std::int64_t i) { return number(before, i + 1, c.type); });
}

at::Tensor one_number(double value, at::Device device) {
  return tensor_of(1, at::kDouble, device, [=](std::int64_t) { return value; });
}

void splits(Communicator& world, at::Device device) {
  const int me = world.rank(), ranks = world.size();
  // Odd and even ranks, each in descending order.
  const std::unique_ptr<Communicator> half = world.split(me % 2, -me);
  const int of_my_color = (ranks + 1 - me % 2) / 2;
  ASSERT_EQ(half->size(), of_my_color);
  EXPECT_EQ(half->rank(), of_my_color - 1 - me / 2);
  const at::Tensor ranks_of_half = tensor_of(of_my_color, at::kDouble, device, [](std::int64_t) { return 0.0; });
  half->all_gather(ranks_of_half, one_number(me, device))->wait();
  expect_numbers(ranks_of_half,
                 [&](std::int64_t i) { return static_cast<double>(2 * (of_my_color - 1 - i) + me % 2); });

  // A split of the split: each rank alone.
  const std::unique_ptr<Communicator> alone = half->split(half->rank(), 0);
  ASSERT_EQ(alone->size(), 1);
  const at::Tensor mine = one_number(me, device);
  alone->all_reduce(mine, ReduceOp::sum)->wait();
  expect_numbers(mine, [&](std::int64_t) { return static_cast<double>(me); });
  half->barrier();
  world.barrier();
}

/// Operations of two communicators under way at once; each rank waits for them in its own order.
void overlaps(Communicator& world, at::Device device) {
  constexpr std::int64_t kCount = 50000;  // not so small that it is done when issued
  const std::unique_ptr<Communicator> other = world.split(0, world.rank());
  const int me = world.rank(), ranks = world.size();
  std::vector<at::Tensor> tensors;
  std::vector<WorkPtr> works;
  for (int k = 0; k < 4; ++k) {
    tensors.push_back(tensor_of(kCount, at::kFloat, device, [=](std::int64_t i) { return me + k + i % 5; }));
    works.push_back((k % 2 == 0 ? world : *other).all_reduce(tensors.back(), ReduceOp::sum));
  }
  if (me % 2 == 1) std::reverse(works.begin(), works.end());
  for (const WorkPtr& work : works) work->wait();
  for (int k = 0; k < 4; ++k)
    expect_numbers(tensors[static_cast<std::size_t>(k)],
                   [&](std::int64_t i) { return ranks * (ranks - 1) / 2 + ranks * (k + static_cast<double>(i % 5)); });
  // One rank waits before the barrier, the others after it.
  const WorkPtr work = world.all_reduce(tensors[0], ReduceOp::max);
  if (me == 0) work->wait();
  other->barrier();
  if (me != 0) work->wait();
}

}  // namespace

std::vector<at::ScalarType> nccl_types() {
  return {at::kDouble,      at::kFloat, at::kBFloat16, at::kHalf,   at::kFloat8_e4m3fn,
          at::kFloat8_e5m2, at::kLong,  at::kInt,      at::kUInt32, at::kByte};
}

std::vector<at::ScalarType> host_types() {
  std::vector<at::ScalarType> types = nccl_types();
  types.push_back(at::kUInt16);
  return types;
}

void expect_conformance(Communicator& world, at::Device device, const std::vector<at::ScalarType>& types) {
  for (const at::ScalarType type : types)
    for (const std::int64_t count : kSizes) {
      SCOPED_TRACE(testing::Message() << world.name() << " rank " << world.rank() << " of " << world.size() << ", "
                                      << at::toString(type) << " x " << count);
      const Case c{world, device, type, count};
      reductions(c);
      gathers(c);
      exchanges(c);
    }
  splits(world, device);
  overlaps(world, device);
}

at::Tensor awkward_values(int rank, std::int64_t count, at::ScalarType type) {
  const core::RandomStream stream{1, static_cast<std::uint64_t>(rank)};
  return tensor_of(count, type, at::kCPU, [&](std::int64_t i) {
    const double uniform = core::random_uniform(stream, static_cast<std::uint64_t>(i));
    return at::isFloatingType(type) ? std::ldexp(uniform - 0.5, static_cast<int>(i % 9)) : std::floor(uniform * 40);
  });
}

}  // namespace baleen::parallel
