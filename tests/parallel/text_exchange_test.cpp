#include "parallel/text_exchange.h"

#include <gmock/gmock.h>

#include "parallel/thread_communicator.h"

namespace baleen::parallel {
namespace {

TEST(TextExchange, GathersTextsOfAnyLength) {
  const std::vector<std::string> texts{"", "one line\n", std::string(100000, 'x') + "é", "last"};
  run_threads(4, [&](Communicator& host) {
    EXPECT_EQ(gather_texts(host, texts[static_cast<std::size_t>(host.rank())]), texts);
    EXPECT_THAT(gather_texts(host, ""), testing::Each(""));
  });
}

TEST(TextExchange, SendsTheRootsTextToAll) {
  run_threads(3, [](Communicator& host) {
    EXPECT_EQ(broadcast_text(host, "of rank " + std::to_string(host.rank()), 1), "of rank 1");
    EXPECT_EQ(broadcast_text(host, host.rank() == 2 ? "" : "another", 2), "");
  });
}

TEST(TextExchange, OfOneRankIsItsOwn) {
  const auto alone = make_self_communicator();
  EXPECT_EQ(gather_texts(*alone, "mine"), std::vector<std::string>{"mine"});
  EXPECT_EQ(broadcast_text(*alone, "mine", 0), "mine");
}

}  // namespace
}  // namespace baleen::parallel
