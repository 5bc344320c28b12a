// `baleen data tokenize`: what it reports, what it refuses with which message and exit code, and what a kill leaves.

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "data/token_dataset.h"
#include "tests/data/command.h"

namespace baleen::data {
namespace {

using core::ExitCode;
using testing::HasSubstr;

class TokenizeVerb : public testing::Test {
 protected:
  std::string in(const std::string& name) const { return (folder_ / name).string(); }
  Outcome tokenize(const std::string& input, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {"tokenize", in(input), "--tokenizer", "bytes", "--output", in("out.h5")};
    words.insert(words.end(), more.begin(), more.end());
    return run_data(words);
  }
  void expect_bad_input(const std::string& input, std::initializer_list<std::string> parts) const {
    expect_refused(tokenize(input), ExitCode::usage, parts);
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5"));
    EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5.partial"));
  }

  tests::TemporaryFolder folder_;
};

TEST_F(TokenizeVerb, ReportsCountsAndSpeed) {
  write_file(folder_ / "a.jsonl", "{\"text\": \"four\"}\n{\"text\": \"\"}\n{\"text\": \"more\"}\n");
  const Outcome outcome = tokenize("a.jsonl", {"--threads", "2"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr(in("out.h5") + ": 10 tokens (uint16) in 2 documents"));
  EXPECT_THAT(outcome.out, HasSubstr("1 empty document was left out"));
  EXPECT_THAT(outcome.out, HasSubstr("MB/s"));
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(read_dataset_info(folder_ / "out.h5").tokens, 10);
}

TEST_F(TokenizeVerb, ReadsPipes) {
  const Outcome outcome = run_data({"tokenize", "/dev/stdin", "--output", in("out.h5")}, "exec < /etc/os-release");
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const std::string pipe = in("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const Outcome piped = run_data({"tokenize", pipe, "--output", in("piped.h5")}, "{ printf abc > '" + pipe + "' & }");
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_EQ(read_dataset_info(folder_ / "piped.h5").tokens, 4);
}

TEST_F(TokenizeVerb, InvalidUtf8) {
  write_file(folder_ / "a.txt", "caf\xE9 au lait");
  expect_bad_input("a.txt", {"a.txt: not valid UTF-8 at byte 3", "convert the file to UTF-8"});
  write_file(folder_ / "a.jsonl", "{\"text\": \"caf\xE9\"}");
  expect_bad_input("a.jsonl", {"a.jsonl: not valid UTF-8 at byte 13", "convert the file to UTF-8"});
}

TEST_F(TokenizeVerb, EmptyFile) {
  write_file(folder_ / "a.txt", "");
  expect_bad_input("a.txt", {"a.txt is empty; expected text", "leave it out"});
  write_file(folder_ / "full.txt", "text");
  expect_refused(run_data({"tokenize", in("full.txt"), in("a.txt"), "--output", in("out.h5")}), ExitCode::usage,
                 {"a.txt is empty"});
}

TEST_F(TokenizeVerb, EmptyPipe) {
  expect_refused(run_data({"tokenize", "/dev/stdin", "--output", in("out.h5")}, "exec < /dev/null"), ExitCode::usage,
                 {"/dev/stdin is empty; expected text"});
}

TEST_F(TokenizeVerb, MissingFile) {
  expect_bad_input("nowhere.txt", {"cannot open", "nowhere.txt", "check the path"});
}

TEST_F(TokenizeVerb, Folder) {
  std::filesystem::create_directory(folder_ / "texts");
  expect_bad_input("texts", {"texts is a folder; expected a text file", "name the files in it: "});
}

TEST_F(TokenizeVerb, UnreadablePath) {
  std::filesystem::create_symlink("loop.txt", folder_ / "loop.txt");
  expect_bad_input("loop.txt", {"cannot open", "loop.txt"});
}

TEST_F(TokenizeVerb, BrokenJson) {
  write_file(folder_ / "a.jsonl", "{\"text\": \"good\"}\n\n{\"text\": \"bad}\n");
  expect_bad_input("a.jsonl", {"a.jsonl:3: broken JSON at column", "correct the line, or leave it out"});
  write_file(folder_ / "a.jsonl", "{\"text\": \"half a surrogate \\ud800\"}\n");
  expect_bad_input("a.jsonl", {"a.jsonl:1: broken JSON at column"});
}

TEST_F(TokenizeVerb, JsonThatIsNoObject) {
  write_file(folder_ / "a.jsonl", "[\"text\"]\n");
  expect_bad_input("a.jsonl",
                   {"a.jsonl:1: expected an object such as {\"text\": \"...\"}, found array", "--format text"});
}

TEST_F(TokenizeVerb, JsonWithoutTheKey) {
  write_file(folder_ / "a.jsonl", "{\"body\": \"x\", \"id\": 1}\n");
  expect_bad_input("a.jsonl", {"a.jsonl:1: no key \"text\"; the object has: body, id", "--text-key"});
  EXPECT_EQ(tokenize("a.jsonl", {"--text-key", "body"}).code, 0);
}

TEST_F(TokenizeVerb, JsonTextThatIsNoString) {
  write_file(folder_ / "a.jsonl", "{\"text\": \"x\"}\n{\"text\": 7}\n");
  expect_bad_input("a.jsonl", {"a.jsonl:2: \"text\" is number, expected a string"});
}

TEST_F(TokenizeVerb, NothingButEmptyTexts) {
  write_file(folder_ / "a.jsonl", "\n{\"text\": \"\"}\n");
  expect_bad_input("a.jsonl", {"the input has no text", "check the input files"});
}

TEST_F(TokenizeVerb, UnknownTokenizer) {
  write_file(folder_ / "a.txt", "x");
  expect_refused(run_data({"tokenize", in("a.txt"), "--output", in("out.h5"), "--tokenizer", "gpt9"}), ExitCode::usage,
                 {"unknown tokenizer \"gpt9\"", "known tokenizers: bytes"});
}

TEST_F(TokenizeVerb, OutputFolderMissing) {
  write_file(folder_ / "a.txt", "x");
  expect_refused(run_data({"tokenize", in("a.txt"), "--output", in("no/such/out.h5")}), ExitCode::usage,
                 {"the output folder " + in("no/such") + " does not exist", "mkdir -p " + in("no/such")});
}

TEST_F(TokenizeVerb, OutputIsAFolder) {
  write_file(folder_ / "a.txt", "x");
  expect_refused(run_data({"tokenize", in("a.txt"), "--output", folder_.path().string(), "--force"}), ExitCode::usage,
                 {"is a folder; expected a file name", "dataset.h5"});
}

TEST_F(TokenizeVerb, OutputExists) {
  write_file(folder_ / "a.txt", "x");
  write_file(folder_ / "out.h5", "precious");
  expect_refused(tokenize("a.txt"), ExitCode::usage, {"out.h5 exists", "--force"});
  EXPECT_EQ(read_file(folder_ / "out.h5"), "precious");
  EXPECT_EQ(tokenize("a.txt", {"--force"}).code, 0);
  EXPECT_EQ(read_dataset_info(folder_ / "out.h5").tokens, 2);
}

TEST_F(TokenizeVerb, OutputIsTheInput) {
  write_file(folder_ / "out.h5", "precious");
  expect_refused(tokenize("out.h5", {"--force"}), ExitCode::usage,
                 {"is both input and output", "choose another output"});
  EXPECT_EQ(read_file(folder_ / "out.h5"), "precious");
}

TEST_F(TokenizeVerb, BadUsage) {
  write_file(folder_ / "a.txt", "x");
  const std::string help = "`baleen data tokenize --help` shows what it takes";
  expect_refused(run_data({"tokenize", in("a.txt")}), ExitCode::usage, {"--output is missing", help});
  expect_refused(run_data({"tokenize", "--output", "x.h5"}), ExitCode::usage, {"there is no INPUT", help});
  expect_refused(tokenize("a.txt", {"--threads", "0"}), ExitCode::usage, {"--threads is 0; expected 1 to 1024", help});
  expect_refused(tokenize("a.txt", {"--threads", "many"}), ExitCode::usage, {"--threads", help});
  expect_refused(tokenize("a.txt", {"--format", "csv"}), ExitCode::usage,
                 {"--format is csv; expected auto, text or jsonl", help});
}

// Files may not grow beyond 64 KiB: what a full disk looks like to the program.
TEST_F(TokenizeVerb, FullDisk) {
  write_file(folder_ / "a.txt", std::string(4 << 20, 'x'));
  expect_refused(run_data({"tokenize", in("a.txt"), "--output", in("out.h5")}, "trap '' XFSZ; ulimit -f 64"),
                 ExitCode::storage, {"cannot write"});
  EXPECT_THAT(files_in(folder_.path()), testing::ElementsAre("a.txt"));
}

// Already the head of the dataset does not fit, or its end: HDF5 meets the limit, which does not become its riddle.
TEST_F(TokenizeVerb, AFullDiskThatHdf5MeetsGivesTheSystemsReason) {
  write_file(folder_ / "a.txt", "text");
  for (const char* kib : {"0", "1"}) {
    const Outcome outcome =
        tests::run(std::string("{ (trap '' XFSZ; ulimit -f ") + kib + "; exec $baleen data tokenize '" + in("a.txt") +
                   "' --output '" + in("out.h5") + "'); echo ends with $?; } 2>&1 | cat");
    EXPECT_THAT(outcome.out, testing::AllOf(HasSubstr("baleen: cannot write " + in("out.h5.partial") +
                                                      ": File too large\n  files may"),
                                            HasSubstr("ends with 40\n")));
    EXPECT_THAT(files_in(folder_.path()), testing::ElementsAre("a.txt"));
  }
}

class Child {
 public:
  explicit Child(const std::vector<std::string>& words) {
    std::vector<std::string> all = {(tests::program_folder() / "baleen").string(), "data"};
    all.insert(all.end(), words.begin(), words.end());
    std::vector<char*> arguments;
    for (std::string& word : all) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(STDOUT_FILENO);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
  }
  /// The wait status.
  int kill_and_wait() {
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    return status;
  }

 private:
  pid_t pid_;
};

TEST_F(TokenizeVerb, AKillWhileReadingLeavesNoOutput) {
  const std::string pipe = in("pipe.txt");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  Child child({"tokenize", pipe, "--output", in("out.h5")});
  {
    std::ofstream feed(pipe);  // opens once the child reads
    feed << std::string(9 << 20, 'x') << std::flush;
    EXPECT_TRUE(WIFSIGNALED(child.kill_and_wait()));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out.h5"));
  write_file(folder_ / "a.txt", "again");
  EXPECT_EQ(tokenize("a.txt").code, 0) << "what the kill left is in nobody's way";
  EXPECT_EQ(read_dataset_info(folder_ / "out.h5").tokens, 6);
}

TEST_F(TokenizeVerb, AKillAtAnyTimeLeavesAWholeFileOrNone) {
  write_file(folder_ / "a.txt", std::string(8 << 20, 'x'));
  int absent = 0;
  for (int milliseconds = 0; milliseconds < 400; milliseconds += 20) {
    std::filesystem::remove(folder_ / "out.h5");
    Child child({"tokenize", in("a.txt"), "--output", in("out.h5")});
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    child.kill_and_wait();
    if (!std::filesystem::exists(folder_ / "out.h5")) {
      ++absent;
      continue;
    }
    const TokenDataset dataset = TokenDataset::open(folder_ / "out.h5");
    ASSERT_EQ(dataset.info().tokens, (8 << 20) + 1);
    dataset.verify_block(0);
  }
  EXPECT_GT(absent, 0) << "no kill came in time to mean anything";
}

}  // namespace
}  // namespace baleen::data
