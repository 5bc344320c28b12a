// Dataset files: what opens can be read in full; what does not is refused with a message.

#include <cstdlib>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/token_dataset.h"
#include "data/token_writer.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/input_file.h"
#include "tests/support/temporary_folder.h"

namespace {

namespace data = baleen::data;

void read_all(const data::TokenDataset& dataset) {
  for (std::int64_t block = 0; block < static_cast<std::int64_t>(dataset.digests().size()); ++block) {
    dataset.verify_block(block);
  }
  std::vector<data::TokenId> document;
  const auto offsets = dataset.document_offsets();
  for (std::size_t d = 0; d + 1 < offsets.size(); ++d) {
    document.resize(offsets[d + 1] - offsets[d]);
    dataset.read(static_cast<std::int64_t>(offsets[d]), std::span(document));
    for (const data::TokenId token : document) {
      if (token < 0 || token >= dataset.info().vocab_size) std::abort();
    }
  }
}

std::string seed(std::int64_t vocab_size, int documents) {
  const baleen::tests::TemporaryFolder folder;
  const std::filesystem::path file = folder / "seed.h5";
  {
    data::TokenWriter writer(file, {"bytes", vocab_size, static_cast<data::TokenId>(vocab_size - 1), false});
    for (int d = 0; d < documents; ++d) {
      writer.append(std::vector<data::TokenId>(static_cast<std::size_t>(d % 5), d));
      writer.end_document();
    }
    writer.commit();
  }
  read_all(data::TokenDataset::open(file));  // a seed that is refused would let every run end early
  return folder.read("seed.h5");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const InputFile file(bytes, size);
  try {
    read_all(data::TokenDataset::open(file.path()));
  } catch (const baleen::core::Error& error) {
    if (error.code() != baleen::core::ExitCode::usage || error.next_action().empty()) std::abort();
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {seed(257, 3), seed(257, 40), seed(100'000, 10)};
}
