#include <algorithm>
#include <chrono>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/solvers/quadrature.hpp>
#include <limits>

namespace eigenscope {

namespace {

QuadratureRules empty_rules(Index degree, Index n_probes) {
    const double nothing = std::numeric_limits<double>::quiet_NaN();
    QuadratureRules rules;
    rules.nodes = rules.weights = rules.residual_norms = Matrix<double>::Constant(degree, n_probes, nothing);
    return rules;
}

/// T = S diag(theta) S^T: node theta_j, weight s_1j^2, residual |beta_m s_mj| (Golub and Welsch 1969).
void tridiagonal_rule(const RecurrenceCoefficients& coefficients, Index probe, Index length, double scale,
                      QuadratureRules& rules, Index column) {
    Matrix<double> vectors = Matrix<double>::Zero(length, length);
    for (Index k = 0; k < length; ++k) vectors(k, k) = coefficients.diagonal(k, probe);
    for (Index k = 0; k + 1 < length; ++k) vectors(k + 1, k) = coefficients.off_diagonal(k, probe);
    const double coupling = coefficients.off_diagonal(length - 1, probe);
    Vector<double> values(length);
    blas::eigh<double>(length, vectors.data(), length, values.data(), true);
    rules.nodes.col(column).head(length) = values / scale;
    rules.weights.col(column).head(length) = vectors.row(0).cwiseAbs2().transpose();
    rules.residual_norms.col(column).head(length) = coupling * vectors.row(length - 1).cwiseAbs().transpose() / scale;
}

/// B = P diag(sigma) S^T: node sigma_j^2, weight s_1j^2, residual |alpha_m beta_m s_mj|; ascending nodes.
void bidiagonal_rule(const RecurrenceCoefficients& coefficients, Index probe, Index length, double scale,
                     QuadratureRules& rules, Index column) {
    Matrix<double> bidiagonal = Matrix<double>::Zero(length, length), left(length, length), right(length, length);
    for (Index k = 0; k < length; ++k) bidiagonal(k, k) = coefficients.diagonal(k, probe);
    for (Index k = 0; k + 1 < length; ++k) bidiagonal(k, k + 1) = coefficients.off_diagonal(k, probe);
    const double last_diagonal = coefficients.diagonal(length - 1, probe);
    const double coupling = last_diagonal * coefficients.off_diagonal(length - 1, probe);
    Vector<double> sigma(length);
    blas::svd<double>(length, length, bidiagonal.data(), length, sigma.data(), left.data(), length, right.data(),
                      length);
    for (Index j = 0; j < length; ++j) {
        const Index from = length - 1 - j;
        rules.nodes(j, column) = sigma[from] / scale * (sigma[from] / scale);
        rules.weights(j, column) = right(from, 0) * right(from, 0);
        rules.residual_norms(j, column) = coupling * std::abs(right(from, length - 1)) / scale / scale;
    }
}

class Integration {
  public:
    Integration(const QuadratureOptions& options, Index n, const Execution& execution)
        : options_(options), execution_(execution), began_(std::chrono::steady_clock::now()) {
        const Index degree = std::min(options.degree, n);
        result_.fine = empty_rules(degree, options.n_probes);
        result_.coarse = empty_rules((degree + 1) / 2, options.n_probes);
    }

    template <class Scalar>
    Quadrature run(BlockOperator<Scalar>& op) {
        while (n_done_ < options_.n_probes && !stopped_) {
            const Index width = std::min({options_.block, options_.n_probes - n_done_, most_together(op.cols())});
            run_group(op, width);
        }
        for (QuadratureRules* rules : {&result_.fine, &result_.coarse})
            for (Matrix<double>* part : {&rules->nodes, &rules->weights, &rules->residual_norms})
                part->conservativeResize(Eigen::NoChange, n_done_);
        result_.complete = result_.complete && n_done_ == options_.n_probes;
        return std::move(result_);
    }

  private:
    Index most_together(Index n) const { return options_.probe == ProbeKind::orthogonal ? n : options_.n_probes; }

    template <class Scalar>
    void run_group(BlockOperator<Scalar>& op, Index width) {
        ProbeRecurrences<Scalar> group(op, options_, options_.first_probe + n_done_, width, execution_);
        result_.workspace_bytes = std::max(result_.workspace_bytes, group.bytes());
        const Index products = options_.gram ? 2 : 1;
        try {
            while (!group.finished() && !stopped_) {
                group.step();
                result_.n_matvecs += products * width;
                result_.n_applications += products;
                stopped_ = wants_to_stop(group.steps());
            }
        } catch (const Interrupted&) {
            if (execution_.stop) execution_.stop->acknowledge();
            result_.interrupted = stopped_ = true;
        }
        // Shorter recurrences are quadratures too, but only the very first group may be short: one degree for all.
        const bool whole = group.finished(), first = options_.first_probe + n_done_ == 0;
        if (whole || (first && group.steps() > 0)) collect(group);
        result_.complete = whole;
    }

    template <class Scalar>
    void collect(const ProbeRecurrences<Scalar>& group) {
        const RecurrenceCoefficients& coefficients = group.coefficients();
        const auto rule = options_.gram ? bidiagonal_rule : tridiagonal_rule;
        parallel::run_tasks(group.width(), execution_, [&](Index probe, int) {
            const Index length = coefficients.lengths[static_cast<std::size_t>(probe)], column = n_done_ + probe;
            rule(coefficients, probe, length, group.scale(), result_.fine, column);
            rule(coefficients, probe, (length + 1) / 2, group.scale(), result_.coarse, column);
        });
        n_done_ += group.width();
    }

    bool wants_to_stop(Index step) {
        if (execution_.stop) execution_.stop->poll();
        if (execution_.stop && execution_.stop->stop_requested()) throw Interrupted();
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
        if (options_.max_seconds > 0.0 && elapsed.count() > options_.max_seconds) return true;
        return options_.monitor && options_.monitor({n_done_, step, result_.n_matvecs});
    }

    const QuadratureOptions& options_;
    const Execution& execution_;
    const std::chrono::steady_clock::time_point began_;
    Quadrature result_;
    Index n_done_ = 0;
    bool stopped_ = false;
};

}  // namespace

template <class Scalar>
Quadrature spectral_quadrature(BlockOperator<Scalar>& op, const QuadratureOptions& options,
                               const Execution& execution) {
    if (!options.gram && op.rows() != op.cols()) throw InvalidInput("a spectral measure needs a square operator");
    if (options.degree < 1 || options.n_probes < 1 || options.block < 1)
        throw InvalidInput("degree, number of probes and block must be positive");
    return Integration(options, op.cols(), execution).run(op);
}

#define EIGENSCOPE_INSTANTIATE(S) \
    template Quadrature spectral_quadrature<S>(BlockOperator<S>&, const QuadratureOptions&, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
