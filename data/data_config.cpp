#include "data/data_config.h"

namespace baleen::data {

const core::Section<DataConfig>& data_section() {
  using T = DataConfig;
  static const auto section =
      core::Section<T>("data", "What to train and to validate on. Paths are relative to the working directory.")
          .field("train", &T::train,
                 "Dataset made by `baleen data tokenize`, or \"random\": random tokens, for measuring. Required.")
          .field("validation", &T::validation, "Dataset held out from training; empty: no validation.")
          .field("tokenizer", &T::tokenizer, "Tokenizer of the datasets and of generated text.",
                 core::one_of({"bytes"}))
          .field("pack", &T::pack,
                 "stream: a sequence runs over the borders of documents; documents: attention stops at them.",
                 core::one_of({"stream", "documents"}))
          .field("prefetch", &T::prefetch, "Batches made ahead by a thread; 0: none.", core::between(0, 1024));
  return section;
}

}  // namespace baleen::data
