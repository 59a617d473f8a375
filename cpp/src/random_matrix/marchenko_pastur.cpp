#include <algorithm>
#include <array>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/marchenko_pastur.hpp>
#include <limits>
#include <numbers>

namespace eigenscope::random_matrix {

namespace {

constexpr double pi = std::numbers::pi;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// The closed form of the mass cancels at small angles (it is O(φ³) made of O(φ) terms) and at small ratios (it is
/// O(c) made of O(1) terms). There the integrand is smooth enough for twenty quadrature nodes to reach rounding: its
/// poles lie |log q| away from the real axis.
constexpr double quadrature_angle = 0.5;
constexpr double quadrature_share = 0.5;
constexpr double quadrature_root = 0.2;

/// Positive half of the 20-point Gauss–Legendre rule on [-1, 1] (Abramowitz and Stegun, table 25.4).
constexpr std::array<double, 10> nodes = {
    0.0765265211334973337546404, 0.2277858511416450780804962, 0.3737060887154195606725482, 0.5108670019508270980043641,
    0.6360536807265150254528367, 0.7463319064601507926143051, 0.8391169718222188233945291, 0.9122344282513259058677524,
    0.9639719272779137912676661, 0.9931285991850949247861224};
constexpr std::array<double, 10> weights = {
    0.1527533871307258506980843, 0.1491729864726037467878287, 0.1420961093183820513292983, 0.1316886384491766268984945,
    0.1181945319615184173123774, 0.1019301198172404350367501, 0.0832767415767047487247581, 0.0626720483341090635695065,
    0.0406014298003869413310400, 0.0176140071391521183118620};

/// Newton in the angle converges in a few steps; bisection alone would need this many at worst.
constexpr int max_iterations = 200;

template <class Integrand>
double integrate_from_zero(double end, Integrand integrand) {
    double sum = 0;
    for (std::size_t i = 0; i < nodes.size(); ++i)
        sum += weights[i] * (integrand(end * (1 - nodes[i]) / 2) + integrand(end * (1 + nodes[i]) / 2));
    return sum * end / 2;
}

}  // namespace

MarchenkoPastur::MarchenkoPastur(double ratio, double variance)
    : ratio_(ratio),
      variance_(variance),
      root_(std::sqrt(ratio)),
      gap_(std::abs(1 - ratio) / (1 + std::sqrt(ratio))),
      q_(std::min(root_, 1 / root_)),
      share_(std::min(1.0, 1 / ratio)) {
    require(ratio > 0 && std::isfinite(ratio), "ratio must be positive and finite");
    require(variance > 0 && std::isfinite(variance), "variance must be positive and finite");
}

// (2/π) sin²φ / ((1 ∓ q)² ± 4 q sin²(φ/2)), φ measured from the lower (upper) edge.
double MarchenkoPastur::angular_density(double angle, bool lower) const {
    const double sine = std::sin(angle), half = std::sin(angle / 2);
    const double x = lower ? (1 - q_) * (1 - q_) + 4 * q_ * half * half : (1 + q_) * (1 + q_) - 4 * q_ * half * half;
    return x > 0 ? 2 / pi * sine * sine / x : 2 / pi;
}

// [(1 + q²) φ ± 2 q sin φ - 2 (1 - q²) atan2((1 ± q) sin(φ/2), (1 ∓ q) cos(φ/2))] / (2 π q²), φ from the lower (upper)
// edge: the two are one formula with q of opposite sign.
double MarchenkoPastur::mass(double angle, bool lower) const {
    const double q = lower ? q_ : -q_;
    const double smooth_angle = lower ? std::min(quadrature_angle, quadrature_share * (1 - q_)) : quadrature_angle;
    if (q_ < quadrature_root || angle < smooth_angle)
        return integrate_from_zero(angle, [this, lower](double t) { return angular_density(t, lower); });
    const double turn = std::atan2((1 + q) * std::sin(angle / 2), (1 - q) * std::cos(angle / 2));
    const double difference = (1 + q * q) * angle + 2 * q * std::sin(angle) - 2 * (1 - q * q) * turn;
    return difference / (2 * pi * q * q);
}

double MarchenkoPastur::pdf(double x) const {
    if (std::isnan(x)) return x;
    const double scaled = x / variance_;
    const double above = scaled - gap_ * gap_, below = (1 + root_) * (1 + root_) - scaled;
    if (above < 0 || below < 0) return 0;
    if (scaled == 0) return std::numeric_limits<double>::infinity();  // c = 1: the density is x^-½ at zero
    return std::sqrt(above) * std::sqrt(below) / (2 * pi * ratio_ * scaled) / variance_;
}

double MarchenkoPastur::cdf(double x) const {
    if (std::isnan(x)) return x;
    const double scaled = x / variance_;
    if (scaled < 0) return 0;
    const double above = scaled - gap_ * gap_, below = (1 + root_) * (1 + root_) - scaled;
    if (above <= 0) return atom();
    if (below <= 0) return 1;
    return std::min(1.0, atom() + share_ * mass(2 * std::atan2(std::sqrt(above), std::sqrt(below)), true));
}

double MarchenkoPastur::sf(double x) const {
    if (std::isnan(x)) return x;
    const double scaled = x / variance_;
    if (scaled < 0) return 1;
    const double above = scaled - gap_ * gap_, below = (1 + root_) * (1 + root_) - scaled;
    if (above <= 0) return share_;
    if (below <= 0) return 0;
    return share_ * std::min(1.0, mass(2 * std::atan2(std::sqrt(below), std::sqrt(above)), false));
}

// Newton on ∛mass(φ) = ∛target, nearly linear because the mass starts as φ³; bisection keeps it inside.
double MarchenkoPastur::solve_angle(double target, bool lower) const {
    double low = 0, high = pi, angle = pi / 2;
    const double root_target = std::cbrt(target);
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
        const double reached = mass(angle, lower);
        (reached < target ? low : high) = angle;
        const double root_mass = std::cbrt(reached);
        const double slope = angular_density(angle, lower) / (3 * root_mass * root_mass);
        double next = angle - (root_mass - root_target) / slope;
        if (!(next > low && next < high)) next = (low + high) / 2;
        if (std::abs(next - angle) <= epsilon * next) return next;
        angle = next;
    }
    return angle;
}

double MarchenkoPastur::ppf(double probability) const {
    if (!(probability >= 0 && probability <= 1)) return std::numeric_limits<double>::quiet_NaN();
    if (atom() > 0 && probability <= atom()) return 0;
    const double below = (probability - atom()) / share_, above = (1 - probability) / share_;
    if (below <= 0) return lower_edge();
    if (above <= 0) return upper_edge();
    // The quantile is measured from the nearer edge: x = (1 ∓ √c)² ± 4 √c sin²(φ/2).
    const bool lower = below < above;
    const double half = std::sin(solve_angle(lower ? below : above, lower) / 2), distance = 4 * root_ * half * half;
    return variance_ * (lower ? gap_ * gap_ + distance : (1 + root_) * (1 + root_) - distance);
}

// With a = z - (1 - c) and w = √(z - b₋) √(z - b₊), m = -2 / (a + w) = (w - a) / (2 c z): the form without
// cancellation.
std::complex<double> MarchenkoPastur::stieltjes(std::complex<double> z) const {
    // At an atom, which the law has for c > 1, and at the edge 0 for c = 1.
    if (z == 0.0 && ratio_ >= 1) return std::numeric_limits<double>::infinity();
    const std::complex<double> scaled = z / variance_;
    const double upper = (1 + root_) * (1 + root_);
    const std::complex<double> w = std::sqrt(scaled - gap_ * gap_) * std::sqrt(scaled - upper);
    const std::complex<double> a = scaled - (1 - ratio_);
    const std::complex<double> m =
        std::abs(a + w) >= std::abs(a - w) ? -2.0 / (a + w) : (w - a) / (2 * ratio_ * scaled);
    return m / variance_;
}

}  // namespace eigenscope::random_matrix
