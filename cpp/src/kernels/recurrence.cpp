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

template <class Real>
void add_real(RecurrenceKernels<Real>& table) {
    table.dot = dot<Real>;
    table.advance = advance<Real>;
}

}  // namespace

void add_recurrence(Kernels& table) {
    add_real<float>(table);
    add_real<double>(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
