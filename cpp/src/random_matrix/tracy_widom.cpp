#include <array>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/tracy_widom.hpp>
#include <limits>
#include <numbers>
#include <span>

#include "tracy_widom_tables.hpp"

namespace eigenscope::random_matrix {

namespace {

/// A function with its first two derivatives.
struct Jet {
    double value = 0;
    double first = 0;
    double second = 0;
};

/// Chebyshev series on [low, high], differentiated along Clenshaw's recurrence:
/// b_k = a_k + 2 x b_{k+1} - b_{k+2}, and its first and second derivatives.
Jet evaluate(std::span<const double> coefficients, double low, double high, double s) {
    const double scale = 2 / (high - low), x = (s - low) * scale - 1;
    Jet b1, b2;
    for (std::size_t k = coefficients.size() - 1; k > 0; --k) {
        const Jet b0{coefficients[k] + 2 * x * b1.value - b2.value, 2 * (b1.value + x * b1.first) - b2.first,
                     2 * (2 * b1.first + x * b1.second) - b2.second};
        b2 = b1;
        b1 = b0;
    }
    return {coefficients[0] + x * b1.value - b2.value, (b1.value + x * b1.first - b2.first) * scale,
            (2 * b1.first + x * b1.second - b2.second) * scale * scale};
}

/// What is tabulated for one beta, and how the law decays: 1 - F ~ exp(-rate s^1.5) s^-power as s → ∞,
/// F ~ exp(-cubic |s|³ + root |s|^1.5) |s|^-logarithmic as s → -∞.
struct Law {
    std::array<std::span<const double>, 2> lower, upper;
    std::span<const double> tail;
    double rate, power;
    double cubic, root, logarithmic;
    double mean, variance;
};

const Law& law(int beta) {
    using namespace tables;
    using std::numbers::sqrt2;
    static const Law real{{lower_0_beta_1, lower_1_beta_1},
                          {upper_0_beta_1, upper_1_beta_1},
                          tail_beta_1,
                          2.0 / 3,
                          0.75,
                          1.0 / 24,
                          -1 / (3 * sqrt2),
                          1.0 / 16,
                          mean_beta_1,
                          variance_beta_1};
    static const Law complex{{lower_0_beta_2, lower_1_beta_2},
                             {upper_0_beta_2, upper_1_beta_2},
                             tail_beta_2,
                             4.0 / 3,
                             1.5,
                             1.0 / 12,
                             0,
                             1.0 / 8,
                             mean_beta_2,
                             variance_beta_2};
    static const Law quaternion{{lower_0_beta_4, lower_1_beta_4},
                                {upper_0_beta_4, upper_1_beta_4},
                                tail_beta_4,
                                4.0 / 3,
                                3.0,
                                1.0 / 24,
                                1 / (3 * sqrt2),
                                1.0 / 16,
                                mean_beta_4,
                                variance_beta_4};
    return beta == 1 ? real : beta == 2 ? complex : quaternion;
}

constexpr double split = tables::upper_breaks.front();
constexpr double asymptotic = tables::upper_breaks.back();
constexpr double lowest = tables::lower_breaks.front();

/// log F for s <= split; below the tables its leading asymptotics, continued from their end (F < 1e-21 there).
Jet log_cdf(const Law& l, double s) {
    const auto& breaks = tables::lower_breaks;
    if (s >= breaks[1]) return evaluate(l.lower[1], breaks[1], breaks[2], s);
    if (s >= breaks[0]) return evaluate(l.lower[0], breaks[0], breaks[1], s);
    const auto leading = [&l](double t) {
        return Jet{-l.cubic * t * t * t + l.root * std::pow(t, 1.5) - l.logarithmic * std::log(t),
                   3 * l.cubic * t * t - 1.5 * l.root * std::sqrt(t) + l.logarithmic / t,
                   -6 * l.cubic * t + 0.75 * l.root / std::sqrt(t) + l.logarithmic / (t * t)};
    };
    Jet jet = leading(-s);
    jet.value += log_cdf(l, lowest).value - leading(-lowest).value;
    return jet;
}

/// log(1 - F) for s > split.
Jet log_sf(const Law& l, double s) {
    const auto& breaks = tables::upper_breaks;
    if (s <= breaks[1]) return evaluate(l.upper[0], breaks[0], breaks[1], s);
    if (s <= breaks[2]) return evaluate(l.upper[1], breaks[1], breaks[2], s);
    // log(1 - F) = series(t) - rate s^1.5 - power log s with t = (s₀ / s)^1.5, dt/ds = -1.5 t / s.
    const double t = std::pow(asymptotic / s, 1.5), slope = -1.5 * t / s, curvature = 3.75 * t / (s * s);
    const Jet series = evaluate(l.tail, 0, 1, t);
    return {
        series.value - l.rate * s * std::sqrt(s) - l.power * std::log(s),
        series.first * slope - 1.5 * l.rate * std::sqrt(s) - l.power / s,
        series.second * slope * slope + series.first * curvature - 0.75 * l.rate / std::sqrt(s) + l.power / (s * s)};
}

/// Newton on the logarithm of the tail, which is monotone and nearly quadratic; bisection keeps it inside.
template <class LogTail>
double solve(double log_target, double low, double high, bool rising, LogTail log_tail) {
    constexpr int max_iterations = 200;
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    double s = rising ? high : low;
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
        const Jet jet = log_tail(s);
        ((jet.value < log_target) == rising ? low : high) = s;
        double next = s - (jet.value - log_target) / jet.first;
        if (!(next >= low && next <= high)) next = (low + high) / 2;
        if (std::abs(next - s) <= epsilon * (1 + std::abs(next))) return next;
        s = next;
    }
    return s;
}

}  // namespace

TracyWidom::TracyWidom(int beta) : beta_(beta) {
    require(beta == 1 || beta == 2 || beta == 4, "beta must be 1 (real), 2 (complex) or 4 (quaternion)");
}

double TracyWidom::cdf(double s) const {
    if (std::isnan(s)) return s;
    if (std::isinf(s)) return s < 0 ? 0 : 1;
    return s <= split ? std::exp(log_cdf(law(beta_), s).value) : -std::expm1(log_sf(law(beta_), s).value);
}

double TracyWidom::sf(double s) const {
    if (std::isnan(s)) return s;
    if (std::isinf(s)) return s < 0 ? 1 : 0;
    return s <= split ? -std::expm1(log_cdf(law(beta_), s).value) : std::exp(log_sf(law(beta_), s).value);
}

// f = (log F)' F, or -(log(1 - F))' (1 - F).
double TracyWidom::pdf(double s) const {
    if (std::isnan(s)) return s;
    if (std::isinf(s)) return 0;
    const Jet jet = s <= split ? log_cdf(law(beta_), s) : log_sf(law(beta_), s);
    return std::abs(jet.first) * std::exp(jet.value);
}

// f' = ((log F)'' + (log F)'²) F, and with the opposite sign for 1 - F.
double TracyWidom::pdf_slope(double s) const {
    if (std::isnan(s)) return s;
    if (std::isinf(s)) return 0;
    const Jet jet = s <= split ? log_cdf(law(beta_), s) : log_sf(law(beta_), s);
    const double magnitude = (jet.second + jet.first * jet.first) * std::exp(jet.value);
    return s <= split ? magnitude : -magnitude;
}

double TracyWidom::ppf(double probability) const {
    if (!(probability >= 0 && probability <= 1)) return std::numeric_limits<double>::quiet_NaN();
    const Law& l = law(beta_);
    if (probability == 0) return -std::numeric_limits<double>::infinity();
    if (probability > std::exp(log_cdf(l, split).value)) return isf(1 - probability);
    // F(-50) is below the smallest double.
    return solve(std::log(probability), -50, split, true, [&l](double s) { return log_cdf(l, s); });
}

double TracyWidom::isf(double probability) const {
    if (!(probability >= 0 && probability <= 1)) return std::numeric_limits<double>::quiet_NaN();
    const Law& l = law(beta_);
    if (probability == 0) return std::numeric_limits<double>::infinity();
    if (probability > std::exp(log_sf(l, split).value)) return ppf(1 - probability);
    // 1 - F(120) is below the smallest double.
    return solve(std::log(probability), split, 120, false, [&l](double s) { return log_sf(l, s); });
}

double TracyWidom::mean() const {
    return law(beta_).mean;
}
double TracyWidom::variance() const {
    return law(beta_).variance;
}

}  // namespace eigenscope::random_matrix
