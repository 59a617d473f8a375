#include <algorithm>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/spikes.hpp>
#include <limits>

namespace eigenscope::random_matrix {

namespace {

constexpr double epsilon = std::numeric_limits<double>::epsilon();
/// The fixed point contracts by about k / n a step: slow only where the answer is not identifiable anyway.
constexpr int max_fixed_point_steps = 500;
constexpr int max_bisections = 200;
constexpr double fixed_point_tolerance = 32 * epsilon;

/// ψ(u) = u + c ∫ t u / (u - t) dH(t) maps a population spike u to its sample eigenvalue; between the noise and the
/// smallest spike ψ' = 1 - c ∫ t² / (u - t)² dH and its sign changes at the edges of the sample bulk.
class SpikeMap {
  public:
    SpikeMap(std::span<const double> spikes, double variance, double n_samples, double n_features)
        : spikes_(spikes),
          variance_(variance),
          n_samples_(n_samples),
          noise_count_(n_features - static_cast<double>(spikes.size())) {}

    double value(double u) const {
        return u + sum([u](double t) { return t * u / (u - t); });
    }
    double slope(double u) const {
        return 1 - sum([u](double t) { return t * t / ((u - t) * (u - t)); });
    }
    double curvature(double u) const {
        return 2 * sum([u](double t) { return t * t / ((u - t) * (u - t) * (u - t)); });
    }

  private:
    /// c ∫ g dH = [(p - k) g(s²) + Σ g(ρ_i)] / n.
    template <class Term>
    double sum(Term term) const {
        double total = noise_count_ * term(variance_);
        for (const double spike : spikes_) total += term(spike);
        return total / n_samples_;
    }

    std::span<const double> spikes_;
    double variance_;
    double n_samples_;
    double noise_count_;
};

/// Root of a function that falls from positive to negative on (low, high).
template <class Function>
double bisect(double low, double high, Function function) {
    for (int step = 0; step < max_bisections; ++step) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        (function(middle) > 0 ? low : high) = middle;
    }
    return low + (high - low) / 2;
}

}  // namespace

NoiseAndSpikes kritchman_nadler(std::span<const double> leading, double rest, double n_samples, double n_features) {
    const double noise_count = n_features - static_cast<double>(leading.size());
    require(noise_count > 0 && n_samples > 0, "as many signals as features leave no noise to measure");
    NoiseAndSpikes result;
    result.spikes.resize(leading.size());
    double variance = rest / noise_count;
    bool real = true;
    for (int step = 0; step < max_fixed_point_steps && !result.converged; ++step) {
        double explained = 0;
        real = true;
        for (std::size_t i = 0; i < leading.size(); ++i) {
            // Larger root; below the edge it is complex and the double root √(l s²) takes its place.
            const double l = leading[i], half = (l + variance - variance * noise_count / n_samples) / 2;
            const double discriminant = half * half - l * variance;
            real = real && half > 0 && discriminant >= 0;
            result.spikes[i] = half > 0 && discriminant >= 0 ? half + std::sqrt(discriminant) : std::sqrt(l * variance);
            explained += l - result.spikes[i];
        }
        const double next = (rest + explained) / noise_count;
        result.converged = std::abs(next - variance) <= fixed_point_tolerance * next;
        variance = next;
    }
    result.variance = variance;
    result.converged = result.converged && real;
    return result;
}

NoiseEdge noise_edge(std::span<const double> spikes, double variance, double n_samples, double n_features) {
    const SpikeMap map(spikes, variance, n_samples, n_features);
    const double white = variance * (1 + std::sqrt(n_features / n_samples));
    NoiseEdge edge;
    double u = white;
    if (!spikes.empty()) {
        const double smallest = *std::min_element(spikes.begin(), spikes.end());
        if (!(smallest > variance)) return edge;
        // ψ' rises from -∞ at the noise to its greatest value, where ψ'' = 0, and falls to -∞ at the smallest spike.
        const double top = bisect(variance, smallest, [&map](double t) { return map.curvature(t); });
        if (!(map.slope(top) > 0)) return edge;
        u = bisect(variance, top, [&map](double t) { return -map.slope(t); });
    }
    edge.location = map.value(u);
    // Tracy–Widom scale (z''/2)^⅓ n^-⅔ with z'' = ψ''(u) u⁴ (El Karoui 2007), z a function of v = -1/u.
    edge.scale = std::cbrt(map.curvature(u) / 2) * std::cbrt(u) * u / std::cbrt(n_samples * n_samples);
    edge.separated = true;
    return edge;
}

}  // namespace eigenscope::random_matrix
