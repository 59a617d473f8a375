#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/operators/views.hpp>
#include <eigenscope/solvers/quadrature.hpp>
#include <vector>

#include "testing.hpp"

using namespace eigenscope;

namespace {

const Execution one_thread{1, nullptr};

/// diag(values) times a block, m x n with m >= n.
template <class Scalar>
CallbackOperator<Scalar> diagonal(const std::vector<double>& values, Index m) {
    const auto n = static_cast<Index>(values.size());
    const auto multiply = [values](ConstBlock<Scalar> x, Block<Scalar> y) {
        for (Index j = 0; j < x.cols; ++j)
            for (Index i = 0; i < y.rows; ++i) {
                const bool inside = i < x.rows && i < static_cast<Index>(values.size());
                y.column(j)[i] =
                    inside ? x.column(j)[i] * static_cast<RealOf<Scalar>>(values[std::size_t(i)]) : Scalar(0);
            }
    };
    return CallbackOperator<Scalar>(m, n, multiply, multiply);
}

QuadratureOptions small_run(Index degree, Index n_probes) {
    QuadratureOptions options;
    options.degree = degree;
    options.n_probes = n_probes;
    options.block = 4;
    return options;
}

double moment(const QuadratureRules& rules, Index probe, int order) {
    double sum = 0.0;
    for (Index k = 0; k < rules.nodes.rows(); ++k)
        if (std::isfinite(rules.nodes(k, probe)))
            sum += rules.weights(k, probe) * std::pow(rules.nodes(k, probe), order);
    return sum;
}

/// v^H A^order v for A = diag(values)
template <class Scalar>
double expected_moment(const Matrix<Scalar>& probes, Index probe, const std::vector<double>& values, int order) {
    double sum = 0.0;
    for (Index i = 0; i < probes.rows(); ++i)
        sum += std::norm(Precise<Scalar>(probes(i, probe))) * std::pow(values[std::size_t(i)], order);
    return sum;
}

template <class Scalar>
void check_moments(bool gram) {
    const std::vector<double> values = {-1.5, -0.2, 0.1, 0.4, 0.9, 1.1, 1.7, 2.0};
    std::vector<double> spectrum = values;
    if (gram)
        for (double& value : spectrum) value *= value;
    auto op = diagonal<Scalar>(values, gram ? 11 : 8);
    for (const bool reorthogonalize : {false, true}) {
        QuadratureOptions options = small_run(3, 6);
        options.gram = gram;
        options.reorthogonalize = reorthogonalize;
        const Quadrature result = spectral_quadrature<Scalar>(op, options, one_thread);
        Matrix<Scalar> probes(8, 6);
        fill_probes<Scalar>(options, 0, probes, one_thread);
        // Three nodes are exact up to the fifth power.
        for (Index probe = 0; probe < 6; ++probe)
            for (int order = 0; order < 6; ++order)
                CHECK_CLOSE(moment(result.fine, probe, order), expected_moment(probes, probe, spectrum, order),
                            1e4 * testing::epsilon<Scalar>());
    }
}

}  // namespace

TEST(quadratures_are_exact_for_polynomials) {
    check_moments<float>(false);
    check_moments<double>(false);
    check_moments<complex64>(false);
    check_moments<complex128>(false);
}

TEST(quadratures_of_gram_operators_are_exact_for_polynomials) {
    check_moments<double>(true);
    check_moments<complex128>(true);
}

TEST(recurrences_end_at_invariant_subspaces) {
    auto identity = diagonal<double>(std::vector<double>(20, 1.0), 20);
    const Quadrature one = spectral_quadrature<double>(identity, small_run(10, 5), one_thread);
    auto zero = diagonal<double>(std::vector<double>(20, 0.0), 20);
    const Quadrature nothing = spectral_quadrature<double>(zero, small_run(10, 5), one_thread);
    for (Index probe = 0; probe < 5; ++probe) {
        CHECK_CLOSE(one.fine.nodes(0, probe), 1.0, 8 * testing::epsilon<double>());
        CHECK_CLOSE(one.fine.weights(0, probe), 1.0, 8 * testing::epsilon<double>());
        CHECK(std::isnan(one.fine.nodes(1, probe)));
        CHECK(nothing.fine.nodes(0, probe) == 0.0);
        CHECK(std::isnan(nothing.fine.nodes(1, probe)));
    }
}

TEST(a_probe_does_not_depend_on_its_group) {
    auto op = diagonal<double>({1.0, 2.0, 3.0, 5.0, 8.0, 13.0}, 6);
    QuadratureOptions options = small_run(3, 7);
    const Quadrature all = spectral_quadrature<double>(op, options, one_thread);
    options.first_probe = 5;
    options.n_probes = 2;
    const Quadrature last = spectral_quadrature<double>(op, options, one_thread);
    for (Index k = 0; k < 3; ++k) CHECK(last.fine.nodes(k, 1) == all.fine.nodes(k, 6));
}

TEST(stopped_quadratures_return_whole_groups) {
    auto op = diagonal<double>({1.0, 2.0, 3.0, 5.0, 8.0, 13.0}, 6);
    QuadratureOptions options = small_run(5, 12);
    options.monitor = [](const QuadratureProgress& progress) { return progress.n_probes == 8; };
    const Quadrature result = spectral_quadrature<double>(op, options, one_thread);
    CHECK(!result.complete);
    CHECK(result.fine.nodes.cols() == 8);
    auto wide = diagonal<double>({1.0, 2.0}, 3);
    CHECK_THROWS(spectral_quadrature<double>(wide, small_run(2, 2), one_thread), InvalidInput);
}
