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

/// Reals of a row that are taken at a time: three blocks and two sums of them stay in registers.
template <class Real>
constexpr int row_chunk = 2 * register_bytes / static_cast<int>(sizeof(Real));

/// Rows whose products are added in Real before they go into the double sums.
constexpr std::int64_t rows_per_sum = 128;

/// sums[j] += what add_row(sum, position, column) adds for the chunk of columns j of every row.
template <class Real, class AddRow>
EIGENSCOPE_ALWAYS_INLINE void sum_over_rows(std::int64_t rows, std::int64_t width, double* sums,
                                            const AddRow& add_row) {
    for_chunks<row_chunk<Real>, 1>(0, width, [&]<int W>(std::int64_t offset) {
        for (std::int64_t first = 0; first < rows; first += rows_per_sum) {
            const std::int64_t last = first + rows_per_sum < rows ? first + rows_per_sum : rows;
            Chunk<Real, W> even{}, odd{};
            std::int64_t row = first;
            for (; row + 1 < last; row += 2) {
                add_row(even, row * width + offset, offset);
                add_row(odd, (row + 1) * width + offset, offset);
            }
            if (row < last) add_row(even, row * width + offset, offset);
            even.add(odd);
            Real entries[W];
            even.store(entries);
            for (int k = 0; k < W; ++k) sums[offset + k] += static_cast<double>(entries[k]);
        }
    });
}

template <class Real>
void dot_rows(std::int64_t rows, std::int64_t width, const Real* EIGENSCOPE_RESTRICT x,
              const Real* EIGENSCOPE_RESTRICT y, double* sums) {
    sum_over_rows<Real>(rows, width, sums, [&]<int W>(Chunk<Real, W>& sum, std::int64_t at, std::int64_t) {
        sum.add_product(Chunk<Real, W>::load(x + at), Chunk<Real, W>::load(y + at));
    });
}

template <class Real>
void advance_rows(std::int64_t rows, std::int64_t width, const Real* EIGENSCOPE_RESTRICT a,
                  const Real* EIGENSCOPE_RESTRICT product, const Real* EIGENSCOPE_RESTRICT b,
                  const Real* EIGENSCOPE_RESTRICT current, const Real* EIGENSCOPE_RESTRICT c,
                  Real* EIGENSCOPE_RESTRICT previous, double* sums) {
    sum_over_rows<Real>(rows, width, sums, [&]<int W>(Chunk<Real, W>& sum, std::int64_t at, std::int64_t column) {
        const auto times = [&](const Real* factor, const Real* block) {
            return Chunk<Real, W>::load(factor + column).times(Chunk<Real, W>::load(block + at));
        };
        Chunk<Real, W> next = times(a, product);
        next.subtract(times(b, current));
        next.subtract(times(c, previous));
        next.store(previous + at);
        sum.add_product(next, next);
    });
}

template <class Real>
void add_real(RecurrenceKernels<Real>& table) {
    table.dot = dot<Real>;
    table.advance = advance<Real>;
    table.dot_rows = dot_rows<Real>;
    table.advance_rows = advance_rows<Real>;
}

}  // namespace

void add_recurrence(Kernels& table) {
    add_real<float>(table);
    add_real<double>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
