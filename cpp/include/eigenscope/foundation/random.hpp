// Random numbers as a function of (seed, stream, row, column): any part of a random matrix can be made alone, by
// any number of threads, with the same bits.
#pragma once

#include <array>
#include <cstdint>
#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>

namespace eigenscope {

using PhiloxWords = std::array<std::uint64_t, 4>;

/// One block of Philox4x64-10. `numpy.random.Philox(key=[key0, key1], counter=c)` steps its counter before it
/// draws, so its first four raw words are this function of c + 1.
PhiloxWords philox(std::uint64_t key0, std::uint64_t key1, const PhiloxWords& counter);

// Element (i, j) of a filled block belongs to row first_row + i and column j. Its word u is word j mod 4 of the
// Philox block with key {seed, 0} and counter {j / 4, row, stream, 0}; with k = floor(u / 2^11) its value is
//     Gaussian     Phi^-1((k + 1/2) 2^-53)
//     Rademacher   +1 when u < 2^63, otherwise -1
//     uniform      k 2^-53, in [0, 1)
// computed in double precision and rounded, so that float and double share streams. Complex element j takes its
// real part from column 2j and its imaginary part from column 2j + 1; Gaussian and Rademacher elements are then
// divided by sqrt(2), so that E|z|^2 = 1.

template <class Scalar>
void fill_gaussian(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row,
                   const Execution& execution);

template <class Scalar>
void fill_rademacher(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row,
                     const Execution& execution);

/// Sparse signs: row by row `entries` random columns hold ±1 / sqrt(entries), the others zero (all columns, when there
/// are no more than that). Real, whatever the scalar.
template <class Scalar>
void fill_sparse_sign(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index entries,
                      const Execution& execution);

template <class Scalar>
void fill_uniform(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row,
                  const Execution& execution);

}  // namespace eigenscope
