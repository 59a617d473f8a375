#include <algorithm>
#include <array>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/random_matrix/shrinkage.hpp>
#include <numbers>

namespace eigenscope::random_matrix {

namespace {

constexpr double pi = std::numbers::pi;
const double root_five = std::sqrt(5.0);

/// Rows of the sum that one task takes; the columns of a row stay in cache.
constexpr Index rows_per_task = 64;
/// Partial sums kept apart, so that the compiler may fill its vector registers.
constexpr std::size_t lanes = 4;

/// From this many kernel half-widths √5 h l_j on, the Hilbert transform comes from its series, where the closed form
/// would cancel; (1/3)^(2 · 17) is below rounding.
constexpr double far = 3;
constexpr int series_terms = 17;

constexpr std::array<double, series_terms> series_coefficients() {
    std::array<double, series_terms> coefficients{};
    for (int k = 0; k < series_terms; ++k)
        coefficients[static_cast<std::size_t>(k)] = 1.0 / ((2 * k + 1) * (2 * k + 3));
    return coefficients;
}

/// Σ term(j) over first <= j < last in `lanes` interleaved partial sums.
template <class Term>
double lane_sum(std::size_t first, std::size_t last, Term term) {
    std::array<double, lanes> partial{};
    std::size_t j = first;
    for (; j + lanes <= last; j += lanes)
        for (std::size_t l = 0; l < lanes; ++l) partial[l] += term(j + l);
    double total = (partial[0] + partial[1]) + (partial[2] + partial[3]);
    for (; j < last; ++j) total += term(j);
    return total;
}

/// Hilbert transform of the kernels that are far away: -(3 / (√5 π)) Σ_k y^(2k+1) / ((2k+1)(2k+3)), y = √5 / x.
double far_hilbert(std::span<const double> l, double at, double bandwidth, std::size_t first, std::size_t last) {
    static constexpr auto coefficients = series_coefficients();
    const double reach = root_five * bandwidth;
    const double sum = lane_sum(first, last, [&](std::size_t j) {
        const double y = reach * l[j] / (at - l[j]), square = y * y;
        double series = coefficients.back();
        for (int k = series_terms - 2; k >= 0; --k)
            series = series * square + coefficients[static_cast<std::size_t>(k)];
        return y * series / l[j];
    });
    return -3 / (root_five * pi) * sum;
}

}  // namespace

void smoothed_density(std::span<const double> eigenvalues, double bandwidth, const Execution& execution,
                      std::span<double> density, std::span<double> hilbert) {
    const std::size_t count = eigenvalues.size();
    require(density.size() == count && hilbert.size() == count, "one value per eigenvalue");
    const auto l = eigenvalues;
    const double reach = far * root_five * bandwidth, scale = 1 / (bandwidth * static_cast<double>(count));
    parallel::for_ranges(static_cast<Index>(count), rows_per_task, execution, [&](Index first_row, Index last_row) {
        for (auto i = static_cast<std::size_t>(first_row); i < static_cast<std::size_t>(last_row); ++i) {
            // Near kernels, |l_i - l_j| <= reach l_j, lie side by side.
            const auto begin = std::lower_bound(l.begin(), l.end(), l[i] / (1 + reach));
            const auto end = reach < 1 ? std::upper_bound(begin, l.end(), l[i] / (1 - reach)) : l.end();
            const auto near_first = static_cast<std::size_t>(begin - l.begin());
            const auto near_last = static_cast<std::size_t>(end - l.begin());
            double bump = 0, transform = 0;
            for (std::size_t j = near_first; j < near_last; ++j) {
                // k(x) = 3 (1 - x²/5) / (4 √5); H(x) = -3x / (10π) + k(x) log|(√5 - x) / (√5 + x)| / π
                const double x = (l[i] - l[j]) / (bandwidth * l[j]), kernel = 3 / (4 * root_five) * (1 - x * x / 5);
                if (kernel > 0) bump += kernel / l[j];
                const double quotient = std::abs((root_five - x) / (root_five + x));
                const bool regular = quotient > 0 && std::isfinite(quotient);
                transform += (-0.3 * x + (regular ? kernel * std::log(quotient) : 0)) / (pi * l[j]);
            }
            transform += far_hilbert(l, l[i], bandwidth, 0, near_first);
            transform += far_hilbert(l, l[i], bandwidth, near_last, count);
            density[i] = bump * scale;
            hilbert[i] = transform * scale;
        }
    });
}

void inverse_resolvent(std::span<const double> eigenvalues, double bandwidth, const Execution& execution,
                       std::span<double> theta, std::span<double> conjugate) {
    const std::size_t count = eigenvalues.size();
    require(theta.size() == count && conjugate.size() == count, "one value per eigenvalue");
    const auto l = eigenvalues;
    const double h = bandwidth, scale = 1 / static_cast<double>(count);
    parallel::for_ranges(static_cast<Index>(count), rows_per_task, execution, [&](Index first_row, Index last_row) {
        for (auto i = static_cast<std::size_t>(first_row); i < static_cast<std::size_t>(last_row); ++i) {
            // In d = 1 - l_j / l_i = (L_j - L_i) / L_j: θ = mean d / (d² + h²), φ = mean h / (d² + h²).
            const double inverse = 1 / l[i];
            theta[i] = scale * lane_sum(0, count, [&](std::size_t j) {
                           const double d = 1 - l[j] * inverse;
                           return d / (d * d + h * h);
                       });
            conjugate[i] = scale * h * lane_sum(0, count, [&](std::size_t j) {
                               const double d = 1 - l[j] * inverse;
                               return 1 / (d * d + h * h);
                           });
        }
    });
}

void resolvent(std::span<const double> eigenvalues, double offset, const Execution& execution,
               std::span<std::complex<double>> values) {
    const std::size_t count = eigenvalues.size();
    require(values.size() == count, "one value per eigenvalue");
    const auto l = eigenvalues;
    const double square = offset * offset, scale = 1 / static_cast<double>(count);
    parallel::for_ranges(static_cast<Index>(count), rows_per_task, execution, [&](Index first_row, Index last_row) {
        for (auto i = static_cast<std::size_t>(first_row); i < static_cast<std::size_t>(last_row); ++i) {
            // 1 / (d - iη) = (d + iη) / (d² + η²)
            const double real = lane_sum(0, count, [&](std::size_t j) {
                const double d = l[i] - l[j];
                return d / (d * d + square);
            });
            const double imaginary = offset * lane_sum(0, count, [&](std::size_t j) {
                                         const double d = l[i] - l[j];
                                         return 1 / (d * d + square);
                                     });
            values[i] = {real * scale, imaginary * scale};
        }
    });
}

}  // namespace eigenscope::random_matrix
