#pragma once
// The matrices of a unit that products take in FP8, beside their values.

#include <vector>

#include "parallel/parameter.h"

namespace baleen::parallel {

class Fp8Values {
 public:
  /// From now on Parameter::fp8 of `first`, where `matrix` begins, is made of its values. Again: nothing.
  void keep(Parameter& first, const FusedParameters& matrix, kernels::Fp8Recipe recipe);
  /// The values are new.
  void outdate() { current_ = false; }
  /// Quantizes them where they are new.
  void refresh();
  /// The values are gone.
  void drop();
  /// Bytes of all matrices when they are there, less their scales.
  std::int64_t bytes() const;

 private:
  struct Kept {
    Parameter* first;
    FusedParameters matrix;
    kernels::Fp8Recipe recipe;
  };
  std::vector<Kept> kept_;
  bool current_ = false;
};

}  // namespace baleen::parallel
