// What the program finds on the machine and beside itself.

#include <gmock/gmock.h>

#include "tests/support/program.h"
#include "tests/support/temporary_folder.h"

namespace baleen::apps {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tests::Outcome;
using tests::program_folder;
using tests::run;

TEST(Compute, MissingProgramIsExplained) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy_file(program_folder() / "baleen", folder / "baleen");
  const Outcome outcome = run("./baleen train run.toml", folder.path());
  EXPECT_EQ(outcome.code, 11);
  EXPECT_THAT(outcome.err, AllOf(StartsWith("baleen: baleen train runs in "),
                                 HasSubstr("/baleen-compute, which cannot be started: No such file or directory\n"),
                                 HasSubstr("./bootstrap build")));
}

TEST(Compute, GetsItsArgumentsUnchanged) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy_file(program_folder() / "baleen", folder / "baleen");
  folder.write("baleen-compute", "#!/bin/sh\nfor word in \"$@\"; do printf '<%s>' \"$word\"; done\nexit 75\n");
  std::filesystem::permissions(folder / "baleen-compute", std::filesystem::perms::owner_all);
  const Outcome outcome = run("./baleen generate runs/a --prompt 'two  words' '' --top-k=3 '*'", folder.path());
  EXPECT_EQ(outcome.out, "<generate><runs/a><--prompt><two  words><><--top-k=3><*>");
  EXPECT_EQ(outcome.code, 75);
}

TEST(Doctor, NamesWhatIsMissingAndWhatBringsIt) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy_file(program_folder() / "baleen", folder / "baleen");
  const Outcome outcome = run("PATH=/nowhere ./baleen doctor", folder.path());
  EXPECT_EQ(outcome.code, 11) << outcome.err;
  for (const char* part :
       {"MISSING MPI         mpirun was not found\n                    -> apt-get install openmpi-bin",
        "/baleen-compute is not there: train and generate cannot run", "processor", "memory", "disk",
        "GPU         none"})
    EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST(Doctor, SaysWhereTheCacheIsAndThatItCannotBeWritten) {
  const tests::TemporaryFolder folder;
  folder.write("file", "");
  EXPECT_THAT(run("BALEEN_CACHE=$PWD/new/folder $baleen doctor", folder.path()).out,
              HasSubstr("ok      cache       " + (folder / "new/folder").string() + "\n"));
  EXPECT_THAT(run("BALEEN_CACHE=file/below $baleen doctor", folder.path()).out,
              HasSubstr("note    cache       cannot write to file/below\n                    -> name another folder"));
}

TEST(Doctor, ShowsTheLibrariesOfTheProgramBesideIt) {
  const tests::TemporaryFolder folder;
  std::filesystem::copy_file(program_folder() / "baleen", folder / "baleen");
  folder.write("baleen-compute", "#!/bin/sh\necho LibTorch 2.11.0\n");
  folder.write("mpirun", "#!/bin/sh\necho 'mpirun (Open MPI) 4.1.4'\n");
  for (const char* program : {"baleen-compute", "mpirun"})
    std::filesystem::permissions(folder / program, std::filesystem::perms::owner_all);
  const Outcome outcome = run("PATH=\"$PWD:$PATH\" ./baleen doctor", folder.path());
  EXPECT_EQ(outcome.code, 0) << outcome.out;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("ok      library     LibTorch 2.11.0"), HasSubstr("mpirun (Open MPI) 4.1.4"),
                                 Not(HasSubstr("MISSING"))));
}

}  // namespace
}  // namespace baleen::apps
