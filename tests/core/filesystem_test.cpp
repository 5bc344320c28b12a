#include "core/filesystem.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

namespace baleen::core {
namespace {

using testing::HasSubstr;

Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ExitCode::internal, ""};
}

int entries_in(const std::filesystem::path& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) count += !entry.path().empty();
  return count;
}

TEST(WriteFileAtomically, ReplacesTheWholeFileAndLeavesNothingElse) {
  const tests::TemporaryFolder folder;
  const std::string large(1 << 20, 'x');
  for (const std::string& content : {std::string("first"), large, std::string("")}) {
    write_file_atomically(folder / "file", content);
    EXPECT_EQ(read_file(folder / "file"), content);
    EXPECT_EQ(entries_in(folder.path()), 1);
  }
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheDiskIsFull) {
  const tests::TemporaryFolder folder;
  folder.write("file", "old");
  const Error error = error_of([&] {
    const tests::FileSizeLimit limit(1);
    write_file_atomically(folder / "file", "new");
  });
  EXPECT_EQ(error.code(), ExitCode::storage);
  EXPECT_THAT(error.what(), HasSubstr("cannot write " + (folder / "file").string() + ": File too large"));
  EXPECT_THAT(error.next_action(), HasSubstr("raise the limit"));
  EXPECT_THAT(storage_error("write", "file", ENOSPC).next_action(), HasSubstr("free some space"));
  EXPECT_EQ(folder.read("file"), "old");
  EXPECT_EQ(entries_in(folder.path()), 1);
}

TEST(WriteFileAtomically, NamesAFolderThatIsMissing) {
  const tests::TemporaryFolder folder;
  const Error error = error_of([&] { write_file_atomically(folder / "none/file", "new"); });
  EXPECT_EQ(error.code(), ExitCode::storage);
  EXPECT_THAT(error.what(), HasSubstr("none/file: No such file or directory"));
}

TEST(ReadFile, NamesThePathAndTheCause) {
  const tests::TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { read_file(folder / "none"); }).what(), HasSubstr("none: No such file or directory"));
  EXPECT_THAT(error_of([&] { read_file(folder.path()); }).what(), HasSubstr("Is a directory"));
  folder.write("file", "content");
  EXPECT_THAT(error_of([&] { read_file(folder / "file/below"); }).what(), HasSubstr("Not a directory"));
}

TEST(MakeFolder, MakesAllAndMindsFiles) {
  const tests::TemporaryFolder folder;
  make_folder(folder / "a/b/c");
  make_folder(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
  folder.write("file", "");
  EXPECT_EQ(error_of([&] { make_folder(folder / "file/below"); }).code(), ExitCode::storage);
}

/// Sets environment variables for the life of a test: nullptr takes one away.
class Environment {
 public:
  void set(const char* name, const char* value) {
    const char* old = std::getenv(name);
    before_.emplace_back(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    apply(name, value);
  }
  ~Environment() {
    for (auto i = before_.rbegin(); i != before_.rend(); ++i) apply(i->first, i->second ? i->second->c_str() : nullptr);
  }

 private:
  static void apply(const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

TEST(CacheFolder, IsWhereTheEnvironmentSays) {
  Environment environment;
  environment.set("BALEEN_CACHE", "/cache");
  environment.set("XDG_CACHE_HOME", "/xdg");
  environment.set("HOME", "/me");
  EXPECT_EQ(cache_folder(), "/cache");
  environment.set("BALEEN_CACHE", "");
  EXPECT_EQ(cache_folder(), "/xdg/baleen");
  environment.set("XDG_CACHE_HOME", nullptr);
  EXPECT_EQ(cache_folder(), "/me/.cache/baleen");
  environment.set("HOME", nullptr);
  EXPECT_EQ(cache_folder(), "");
}

TEST(StorageError, SaysWhatToDo) {
  EXPECT_THAT(storage_error("write", "f", EACCES).next_action(), HasSubstr("permissions"));
  EXPECT_THAT(storage_error("write", "f", EROFS).next_action(), HasSubstr("read-only"));
  EXPECT_THAT(storage_error("write", "f", ENAMETOOLONG).next_action(), HasSubstr("too long: choose a shorter one"));
  EXPECT_STREQ(storage_error("write", "f", EDQUOT).what(), "cannot write f: Disk quota exceeded");
}

}  // namespace
}  // namespace baleen::core
