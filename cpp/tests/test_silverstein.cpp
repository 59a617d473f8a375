#include <cmath>
#include <complex>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/shrinkage.hpp>
#include <eigenscope/random_matrix/silverstein.hpp>
#include <numbers>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;
using random_matrix::SilversteinLaw;
using complex = std::complex<double>;

namespace {

/// Logarithmically spaced atoms of equal weight: at small ratios their bumps all but separate.
SilversteinLaw broad_law(std::size_t count, double ratio) {
    std::vector<double> atoms(count), weights(count, 1.0 / static_cast<double>(count));
    for (std::size_t i = 0; i < count; ++i)
        atoms[i] = std::pow(10.0, -4 + 4 * static_cast<double>(i) / static_cast<double>(count - 1));
    return {atoms, weights, ratio};
}

}  // namespace

TEST(white_noise_has_the_edges_of_marchenko_and_pastur) {
    for (const double ratio : {1e-8, 0.3, 1.0, 4.0}) {
        const SilversteinLaw law(std::vector{1.0}, std::vector{1.0}, ratio);
        CHECK(law.intervals().size() == 1);
        const auto& [low, high, mass] = law.intervals().front();
        const double root = std::sqrt(ratio);
        CHECK_CLOSE(low.location, (1 - root) * (1 - root), 1e-13);
        CHECK_CLOSE(high.location, (1 + root) * (1 + root), 1e-13 * high.location);
        CHECK_CLOSE(mass, std::min(1.0, 1 / ratio), 1e-14);
    }
}

TEST(points_inside_solve_the_equation_however_they_are_spaced) {
    for (const double ratio : {1e-3, 1e-2, 0.5, 2.0}) {
        const SilversteinLaw law = broad_law(300, ratio);
        for (std::size_t which = 0; which < law.intervals().size(); ++which) {
            const auto& interval = law.intervals()[which];
            const double low = interval.low.location, width = interval.high.location - low;
            for (const int count : {3, 40}) {
                std::vector<double> above, below;
                for (int i = 1; i < count; ++i) {
                    above.push_back(width * i / count);
                    below.push_back(width - above.back());
                }
                std::vector<complex> points(above.size());
                law.solve_inside(which, above, below, points);
                for (std::size_t i = 0; i < points.size(); ++i) {
                    CHECK(points[i].imag() > 0);
                    const complex beside = law.solve_complex({low + above[i], 1e-9 * width});
                    CHECK_BELOW(std::abs(points[i] - beside), 1e-4 * std::abs(points[i]));
                }
            }
        }
    }
}

TEST(points_outside_lie_on_the_real_axis) {
    const SilversteinLaw law(std::vector{0.125, 1.0}, std::vector{0.5, 0.5}, 0.1);
    CHECK(law.intervals().size() == 2);
    for (const double x : {-3.0, 1e-3, 0.3, 2.0, 1e6})
        CHECK_CLOSE(law.map(law.solve_outside(x)), x, 1e-12 * std::abs(x));
    CHECK(std::isnan(law.solve_outside(1.0)));
    CHECK_THROWS(law.solve_complex({1.0, 0.0}), InvalidInput);
}

TEST(pair_sums_do_not_depend_on_threads) {
    std::vector<double> values;
    for (int i = 0; i < 500; ++i) values.push_back(0.01 + 0.003 * i * i);
    std::vector<double> density(500), hilbert(500), other_density(500), other_hilbert(500);
    random_matrix::smoothed_density(values, 0.1, {}, density, hilbert);
    random_matrix::smoothed_density(values, 0.1, {3, nullptr}, other_density, other_hilbert);
    CHECK(density == other_density);
    CHECK(hilbert == other_hilbert);
    // Far above all kernels the Hilbert transform of the density is -1 / (π (x - mean)).
    const std::vector<double> pair = {1.0, 1e6};
    random_matrix::smoothed_density(pair, 0.1, {}, std::span(density).first(2), std::span(hilbert).first(2));
    CHECK_CLOSE(hilbert[1], -1 / (2 * std::numbers::pi * 1e6), 1e-5 / 1e6);
}
