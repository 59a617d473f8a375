// Three-term recurrences on columns of reals: one pass for the inner product, one for the next vector and its norm.
#include "arithmetic.hpp"
#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// Independent partial sums: enough of them that additions need not wait for each other.
template <class Real>
constexpr int lanes = 256 / static_cast<int>(sizeof(Real));

template <class Real>
double total(const Real* sums) {
    double sum = 0.0;
    for (int k = 0; k < lanes<Real>; ++k) sum += static_cast<double>(sums[k]);
    return sum;
}

template <class Real>
double dot(std::int64_t count, const Real* EIGENSCOPE_RESTRICT x, const Real* EIGENSCOPE_RESTRICT y) {
    constexpr int width = lanes<Real>;
    Real sums[width] = {};
    std::int64_t i = 0;
    for (; i + width <= count; i += width)
        for (int k = 0; k < width; ++k) sums[k] += x[i + k] * y[i + k];
    for (int k = 0; i < count; ++i, ++k) sums[k] += x[i] * y[i];
    return total(sums);
}

template <class Real>
double advance(std::int64_t count, Real a, const Real* EIGENSCOPE_RESTRICT product, Real b,
               const Real* EIGENSCOPE_RESTRICT current, Real c, Real* EIGENSCOPE_RESTRICT previous) {
    constexpr int width = lanes<Real>;
    Real sums[width] = {};
    std::int64_t i = 0;
    for (; i + width <= count; i += width)
        for (int k = 0; k < width; ++k) {
            const Real next = a * product[i + k] - b * current[i + k] - c * previous[i + k];
            previous[i + k] = next;
            sums[k] += next * next;
        }
    for (int k = 0; i < count; ++i, ++k) {
        const Real next = a * product[i] - b * current[i] - c * previous[i];
        previous[i] = next;
        sums[k] += next * next;
    }
    return total(sums);
}

/// Reals of a row that are taken at a time: two blocks and two sums of them stay in registers.
template <class Real>
constexpr int row_chunk = 2 * register_bytes / static_cast<int>(sizeof(Real));

/// Rows whose squares are added in Real before they go into the double sums.
constexpr std::int64_t rows_per_sum = 128;

template <class Real>
void advance_rows(std::int64_t rows, std::int64_t width, const Real* EIGENSCOPE_RESTRICT a,
                  const Real* EIGENSCOPE_RESTRICT b, const Real* EIGENSCOPE_RESTRICT current,
                  Real* EIGENSCOPE_RESTRICT next, double* squares) {
    for_chunks<row_chunk<Real>, 1>(0, width, [&]<int W>(std::int64_t offset) {
        const auto a_chunk = Chunk<Real, W>::load(a + offset), b_chunk = Chunk<Real, W>::load(b + offset);
        const auto advance_row = [&](Chunk<Real, W>& sum, std::int64_t row) {
            Real* target = next + row * width + offset;
            Chunk<Real, W> value = a_chunk.times(Chunk<Real, W>::load(target));
            value.subtract(b_chunk.times(Chunk<Real, W>::load(current + row * width + offset)));
            value.store(target);
            sum.add_product(value, value);
        };
        for (std::int64_t first = 0; first < rows; first += rows_per_sum) {
            const std::int64_t last = first + rows_per_sum < rows ? first + rows_per_sum : rows;
            Chunk<Real, W> even{}, odd{};
            std::int64_t row = first;
            for (; row + 1 < last; row += 2) {
                advance_row(even, row);
                advance_row(odd, row + 1);
            }
            if (row < last) advance_row(even, row);
            even.add(odd);
            Real entries[W];
            even.store(entries);
            for (int k = 0; k < W; ++k) squares[offset + k] += static_cast<double>(entries[k]);
        }
    });
}

template <class Real>
void add_real(RecurrenceKernels<Real>& table) {
    table.dot = dot<Real>;
    table.advance = advance<Real>;
    table.advance_rows = advance_rows<Real>;
}

}  // namespace

void add_recurrence(Kernels& table) {
    add_real<float>(table);
    add_real<double>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
