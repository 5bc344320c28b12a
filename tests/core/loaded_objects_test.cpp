#include "core/loaded_objects.h"

#include <gmock/gmock.h>

#include "core/version.h"

namespace baleen::core {
namespace {

TEST(LoadedObjects, AreTheProgramAndItsLibrariesEachWithItsBuild) {
  const std::vector<LoadedObject> objects = loaded_objects();
  ASSERT_GT(objects.size(), 1U);
  EXPECT_EQ(objects.front().path, "");
  EXPECT_EQ(objects.front().build, build_id());
  EXPECT_THAT(objects.front().build, testing::StartsWith("unmarked-")) << "linked without a build id";
  bool has_libc = false;
  for (const LoadedObject& object : objects) {
    EXPECT_THAT(object.build, testing::MatchesRegex("(unmarked-)?[0-9a-f]{16,}")) << object.path;
    has_libc |= object.file().starts_with("libc.so");
  }
  EXPECT_TRUE(has_libc);
}

TEST(LoadedObjects, AreTheSameEachTime) {
  const std::vector<LoadedObject> first = loaded_objects(), second = loaded_objects();
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].build, second.at(i).build) << first[i].path;
}

}  // namespace
}  // namespace baleen::core
