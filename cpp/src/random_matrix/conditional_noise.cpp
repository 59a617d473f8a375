#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/conditional_noise.hpp>
#include <limits>

namespace eigenscope::random_matrix {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
/// The fixed point of the variance contracts by about k / min(n, p) a step.
constexpr int max_variance_steps = 300;
constexpr double variance_tolerance = 32 * epsilon;
/// Newton needs about ten steps, bisection alone would need sixty.
constexpr int max_edge_steps = 100;
constexpr int max_lower_edge_steps = 200;

/// The equilibrium of m eigenvalues in the potential n x / 2 s² - |n-p|/2 log x - ½ Σ log(L_i - x) fills [a, b]. Its
/// resolvent is g(z) = V'(z) - R(z) M(z) with R(z) = √((z-a)(z-b)), M(z) = C / z - Σ 1 / (2 R(L_i) (z - L_i)) and
/// C = n / 2 s² + Σ 1 / (2 R(L_i)); m / z at infinity and no pole at 0 give the two equations of the edges:
///   a + b = (2 s² / n) (n + p - k - Σ L_i / R(L_i)),   √(a b) = |n-p| / (n / s² + Σ 1 / R(L_i)).
class Equilibrium {
  public:
    Equilibrium(std::span<const double> leading, double variance, double n_samples, double n_features)
        : leading_(leading), n_(n_samples), p_(n_features), variance_(variance) {
        solve();
    }

    bool separated() const { return separated_; }
    double upper() const { return upper_; }

    /// TW scale: the density is (κ/π) √(b - x) near b with κ = √(b - a) M(b), and the scale κ^-⅔.
    double scale() const {
        double factor = charge() / upper_;
        for (const double spike : leading_) factor += 1 / (2 * root(spike) * (spike - upper_));
        return std::pow((upper_ - lower_) * factor * factor, -1.0 / 3);
    }

    /// Σ_i Σ_j λ_j / (L_i - λ_j) = Σ_i (L_i g(L_i) - m), in a form without cancelling poles. With
    /// w_i = L_i - R(L_i): g(L_i) = C (w_i - √(ab)) / L_i + Σ_k (w_i + w_k - a - b) / (2 R(L_k) (R(L_i) + R(L_k))).
    double interaction() const {
        const double sum = lower_ + upper_, product = lower_ * upper_, geometric = std::sqrt(product);
        const auto deficit = [&](double spike, double r) { return (sum * spike - product) / (spike + r); };
        const double count = std::min(n_, p_) - static_cast<double>(leading_.size());
        double total = 0;
        for (const double spike : leading_) {
            const double r = root(spike), w = deficit(spike, r);
            double resolvent = charge() * (w - geometric) / spike;
            for (const double other : leading_) {
                const double s = root(other);
                resolvent += (w + deficit(other, s) - sum) / (2 * s * (r + s));
            }
            total += spike * resolvent - count;
        }
        return total;
    }

  private:
    double root(double x) const { return std::sqrt((x - lower_) * (x - upper_)); }
    double charge() const {
        double c = n_ / (2 * variance_);
        for (const double spike : leading_) c += 1 / (2 * root(spike));
        return c;
    }

    /// √(ab), for the current edges.
    double geometric_mean() const {
        double denominator = n_ / variance_;
        for (const double spike : leading_) denominator += 1 / root(spike);
        return std::abs(n_ - p_) / denominator;
    }

    /// The lower edge that belongs to this upper edge: b fixed, a = √(ab)² / b contracts.
    void solve_lower() {
        for (int step = 0; step < max_lower_edge_steps; ++step) {
            const double mean = geometric_mean(), next = std::min(upper_, mean * mean / upper_);
            const bool done = std::abs(next - lower_) <= epsilon * upper_;
            lower_ = next;
            if (done) return;
        }
    }

    /// Newton on the equation of a + b, whose slope is that of b alone; the spike is a pole, bisection guards.
    void solve() {
        const double k = static_cast<double>(leading_.size()), total = n_ + p_ - k, unit = 2 * variance_ / n_;
        const double short_side = std::sqrt(std::max(std::min(n_, p_) - k, 0.0)),
                     long_side = std::sqrt(std::max(n_, p_) - k);
        const double white = variance_ / n_ * (short_side + long_side) * (short_side + long_side);
        double low = 0, high = leading_.empty() ? 2 * white : *std::min_element(leading_.begin(), leading_.end());
        upper_ = white < high ? white : high / 2;
        lower_ = variance_ / n_ * (long_side - short_side) * (long_side - short_side);
        for (int step = 0; step < max_edge_steps; ++step) {
            lower_ = std::min(lower_, upper_);
            solve_lower();
            double excess = lower_ + upper_ - unit * total, slope = 1 - lower_ / upper_;
            for (const double spike : leading_) {
                const double r = root(spike);
                excess += unit * spike / r;
                slope += unit * spike / (2 * r * (spike - upper_));
            }
            (excess < 0 ? low : high) = upper_;
            double next = upper_ - excess / slope;
            if (!(next > low && next < high)) next = low + (high - low) / 2;
            const bool done = std::abs(next - upper_) <= 4 * epsilon * upper_;
            upper_ = next;
            if (done) {
                separated_ = upper_ > lower_;
                return;
            }
        }
    }

    std::span<const double> leading_;
    double n_, p_, variance_;
    double lower_ = 0, upper_ = 0;
    bool separated_ = false;
};

NoiseEdge edge_of(const Equilibrium& bulk) {
    return bulk.separated() ? NoiseEdge{bulk.upper(), bulk.scale(), true} : NoiseEdge{};
}

}  // namespace

NoiseEdge conditional_edge(std::span<const double> leading, double variance, double n_samples, double n_features) {
    require(variance > 0, "the noise variance must be positive");
    return edge_of(Equilibrium(leading, variance, n_samples, n_features));
}

ConditionalNoise conditional_noise(std::span<const double> leading, double rest, double n_samples, double n_features) {
    const double k = static_cast<double>(leading.size()), pairs = (n_samples - k) * (n_features - k);
    require(k < std::min(n_samples, n_features), "as many signals as dimensions leave no noise to measure");
    require(rest > 0, "nothing is left beyond the signals");
    ConditionalNoise result;
    result.variance = n_samples * rest / pairs;
    for (int step = 0; step < max_variance_steps && !result.converged; ++step) {
        const Equilibrium bulk(leading, result.variance, n_samples, n_features);
        result.edge = edge_of(bulk);
        const double remaining = bulk.separated() ? pairs - bulk.interaction() : 0;
        if (!(remaining > 0)) break;
        const double next = n_samples * rest / remaining;
        result.converged = std::abs(next - result.variance) <= variance_tolerance * next;
        result.variance = next;
    }
    return result;
}

}  // namespace eigenscope::random_matrix
