#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/foundation/random.hpp>
#include <numeric>
#include <vector>

namespace eigenscope {

namespace {

/// Rows made at once: their words and values stay in the first-level cache.
constexpr Index tile_rows = 256;
/// Tiles per task, so that a task takes some tens of microseconds.
constexpr Index tiles_per_task = 16;
/// Words of one Philox block: the columns that come out together.
constexpr Index words_per_block = 4;
/// Last word of the counter: keeps the draws of sparse signs apart from all others.
constexpr std::uint64_t sparse_sign_domain = 1;

using Transform = void (*)(const std::uint64_t* words, Index count, double* values);

void to_normal(const std::uint64_t* words, Index count, double* values) {
    kernels().normal(words, count, values);
}

void to_sign(const std::uint64_t* words, Index count, double* values) {
    for (Index i = 0; i < count; ++i) values[i] = words[i] >> 63 ? -1.0 : 1.0;
}

void to_uniform(const std::uint64_t* words, Index count, double* values) {
    for (Index i = 0; i < count; ++i) values[i] = static_cast<double>(words[i] >> 11) * 0x1p-53;
}

/// The real columns column … column + 3 of rows row … row + count - 1, those of them that the block has.
/// A complex column is two real ones, interleaved in memory.
template <class Scalar>
void fill_tile(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row, Index row, Index count,
               Index column, Transform transform, double scale) {
    using Real = RealOf<Scalar>;
    constexpr Index parts = is_complex<Scalar> ? 2 : 1;
    std::uint64_t words[words_per_block * tile_rows];
    double values[tile_rows];
    const std::uint64_t key[2] = {seed, 0};
    const std::uint64_t counter[4] = {static_cast<std::uint64_t>(column / words_per_block),
                                      static_cast<std::uint64_t>(first_row + row), stream, 0};
    kernels().philox(key, counter, count, words);
    const Index last = std::min(column + words_per_block, parts * block.cols);
    for (Index real_column = column; real_column < last; ++real_column) {
        transform(words + (real_column - column) * count, count, values);
        Real* target = reinterpret_cast<Real*>(block.column(real_column / parts) + row) + real_column % parts;
        for (Index i = 0; i < count; ++i) target[i * parts] = static_cast<Real>(scale * values[i]);
    }
}

template <class Scalar>
void fill(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row, const Execution& execution,
          Transform transform, double scale) {
    constexpr Index parts = is_complex<Scalar> ? 2 : 1;
    const Index groups = (parts * block.cols + words_per_block - 1) / words_per_block;
    const Index tiles = (block.rows + tile_rows - 1) / tile_rows;
    parallel::for_ranges(groups * tiles, tiles_per_task, execution, [&](Index first, Index last) {
        for (Index tile = first; tile < last; ++tile) {
            const Index row = (tile % tiles) * tile_rows;
            fill_tile(seed, stream, block, first_row, row, std::min(tile_rows, block.rows - row),
                      (tile / tiles) * words_per_block, transform, scale);
        }
    });
}

template <class Scalar>
constexpr double unit_variance = is_complex<Scalar> ? 0.70710678118654752440 : 1.0;

}  // namespace

PhiloxWords philox(std::uint64_t key0, std::uint64_t key1, const PhiloxWords& counter) {
    const std::uint64_t key[2] = {key0, key1};
    PhiloxWords words;
    kernels().philox(key, counter.data(), 1, words.data());
    return words;
}

template <class Scalar>
void fill_gaussian(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row,
                   const Execution& execution) {
    fill(seed, stream, block, first_row, execution, to_normal, unit_variance<Scalar>);
}

template <class Scalar>
void fill_rademacher(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row,
                     const Execution& execution) {
    fill(seed, stream, block, first_row, execution, to_sign, unit_variance<Scalar>);
}

template <class Scalar>
void fill_sparse_sign(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index entries,
                      const Execution& execution) {
    const Index count = std::min(entries, block.cols);
    const auto value = static_cast<RealOf<Scalar>>(1.0 / std::sqrt(static_cast<double>(std::max<Index>(1, count))));
    const auto fill_rows = [&](Index first, Index last) {
        std::vector<Index> columns(static_cast<std::size_t>(block.cols));
        for (Index row = first; row < last; ++row) {
            std::iota(columns.begin(), columns.end(), Index{0});
            for (Index j = 0; j < block.cols; ++j) block.column(j)[row] = Scalar(0);
            PhiloxWords words{};
            // The first `count` steps of a random permutation.
            for (Index step = 0; step < count; ++step) {
                if (step % words_per_block == 0)
                    words = philox(seed, 0,
                                   {static_cast<std::uint64_t>(step / words_per_block), static_cast<std::uint64_t>(row),
                                    stream, sparse_sign_domain});
                const std::uint64_t word = words[static_cast<std::size_t>(step % words_per_block)];
                const auto left = static_cast<std::uint64_t>(block.cols - step);
                std::swap(columns[static_cast<std::size_t>(step)],
                          columns[static_cast<std::size_t>(step) + static_cast<std::size_t>((word >> 1) % left)]);
                block.column(columns[static_cast<std::size_t>(step)])[row] = word & 1 ? -value : value;
            }
        }
    };
    parallel::for_ranges(block.rows, tile_rows, execution, fill_rows);
}

template <class Scalar>
void fill_uniform(std::uint64_t seed, std::uint64_t stream, Block<Scalar> block, Index first_row,
                  const Execution& execution) {
    fill(seed, stream, block, first_row, execution, to_uniform, 1.0);
}

#define EIGENSCOPE_INSTANTIATE(S)                                                                       \
    template void fill_gaussian<S>(std::uint64_t, std::uint64_t, Block<S>, Index, const Execution&);    \
    template void fill_rademacher<S>(std::uint64_t, std::uint64_t, Block<S>, Index, const Execution&);  \
    template void fill_sparse_sign<S>(std::uint64_t, std::uint64_t, Block<S>, Index, const Execution&); \
    template void fill_uniform<S>(std::uint64_t, std::uint64_t, Block<S>, Index, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
