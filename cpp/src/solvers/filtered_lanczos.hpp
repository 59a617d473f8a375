// Lanczos on Chebyshev polynomials of an operator whose wanted end is crowded: the polynomial does the work of many
// steps without orthogonalisation (Fang and Saad 2012; Li, Xi, Erlandson and Saad 2019).
#pragma once

#include <eigenscope/solvers/chebyshev.hpp>
#include <memory>
#include <utility>

#include "thick_restart.hpp"

namespace eigenscope {

/// Cycles of plain Lanczos that must remain, at the pace so far, before polynomials take over.
inline constexpr double plain_cycles = 3.0;
/// Blocks of a filtered basis beyond the wanted vectors.
inline constexpr Index filtered_blocks = 20;
/// degree * arcosh(t) of the most wanted value: it is amplified about e^4 / 2 = 27 times.
inline constexpr double wanted_depth = 4.0;
/// Blocks a new polynomial is expected to need: its basis is built anew.
inline constexpr double fresh_blocks = 15.0;
/// Progress below this between two pauses is none.
inline constexpr double smallest_gain = 0.01;
/// Length of the random part in the first block of a polynomial, beside what is known already.
inline constexpr double random_share = 0.3;
/// Pairs this far below the tolerance may be deflated.
inline constexpr double deflation_margin = 0.1;
inline constexpr Index largest_degree = 1000;

template <class Scalar>
class FilteredLanczos {
    using Wide = Precise<Scalar>;
    using Run = ThickRestartLanczos<Scalar>;

  public:
    FilteredLanczos(BlockOperator<Scalar>& op, const LanczosOptions& options, const Execution& execution)
        : op_(op), options_(options), execution_(execution), n_(op.rows()), deflated_(n_, 0) {
        const double eps = std::numeric_limits<RealOf<Scalar>>::epsilon();
        tolerance_ = std::max(options.tolerance, residual_floor * eps);
        // Rounding of what is amplified stays below the fourth root of eps of what is not.
        deepest_ = std::log(2.0) - 0.25 * std::log(eps);
        began_ = std::chrono::steady_clock::now();
    }

    LanczosResult<Scalar> run(ConstBlock<Scalar> start) {
        auto plain = std::make_unique<Run>(op_, options_, execution_);
        try {
            plain->begin(start);
            double distance = 0.0;
            for (;;) {
                if (plain->run(true) == Run::Pause::over) return plain->finish();
                note_unwanted_end(*plain);
                const double previous = std::exchange(distance, plain->distance_to_convergence());
                const double pace = previous > distance ? std::log(previous / distance) : 0.0;
                if (!(previous > 0.0 && direction_ != 0.0 && std::log(distance) > plain_cycles * pace)) continue;
                learn(*plain);
                if (may_filter()) break;
            }
        } catch (const Interrupted&) {
            plain->salvage();
            return plain->finish();
        }
        plain.reset();
        filter(start);
        return std::move(best_);
    }

  private:
    /// Which end is wanted, +1 or -1, and where the other one is; 0 when both ends are.
    void note_unwanted_end(const Run& plain) {
        const Vector<double> values = plain.ritz_values() / plain.scale();
        const double scale = plain.scale();
        const Index k = options_.k;
        double sign = options_.which == Which::smallest_algebraic ? -1.0 : 1.0;
        if (options_.which == Which::largest_magnitude) sign = values[0] < 0.0 ? -1.0 : 1.0;
        Index last = 0;
        (sign * values).minCoeff(&last);
        const double end = sign * values[last] - plain.ritz_residuals()[last] / scale;
        unwanted_end_ = std::min(unwanted_end_, end);
        const bool one_ended = options_.which == Which::largest_algebraic ||
                               options_.which == Which::smallest_algebraic ||
                               (options_.which == Which::largest_magnitude &&
                                (sign * values.head(k)).minCoeff() > std::max(0.0, -unwanted_end_));
        direction_ = one_ended ? sign : 0.0;
    }

    /// Take over what plain Lanczos found: estimates of the wanted end, and the best pairs.
    void learn(Run& plain) {
        const Index known = static_cast<Index>(plain.ritz_values().size());
        const Index count = std::min(known, options_.k + options_.block + 1);
        best_ = plain.result();
        best_.norm = norm_ = plain.ritz_values().cwiseAbs().maxCoeff() / plain.scale();
        keep(plain.ritz_values().head(count) / plain.scale(), plain.vectors(count),
             plain.ritz_residuals().head(count) / plain.scale());
    }

    /// The first pairs as the answer so far, all of them as what is known of the wanted end.
    void keep(Vector<double> values, Matrix<Scalar> vectors, Vector<double> residuals) {
        const Index k = std::min<Index>(options_.k, values.size());
        best_.eigenvalues = values.head(k);
        best_.eigenvectors = vectors.leftCols(k);
        best_.residual_norms = residuals.head(k);
        mark_converged(best_, tolerance_);
        known_values_ = direction_ * values;
        known_vectors_ = std::move(vectors);
        known_residuals_ = std::move(residuals);
    }

    void filter(ConstBlock<Scalar> start) {
        try {
            for (Index cycle = 1;; ++cycle) {
                deflate_outliers();
                if (run_cycle(cycle, start)) return;
            }
        } catch (const Interrupted&) {
            if (execution_.stop) execution_.stop->acknowledge();
            best_.interrupted = true;
            best_.status = Status::budget;
        }
    }

    /// The interval to damp: from the far end to the first value that is certainly not wanted. A Ritz value is never
    /// more wanted than the eigenvalue of its number, so at least k + block eigenvalues lie beyond this cut.
    double cut() const {
        const Index last = std::min<Index>(options_.k + options_.block, known_values_.size() - 1);
        return known_values_[last];
    }

    ChebyshevFilter filter_for(Index most_wanted) const {
        ChebyshevFilter filter(direction_ * unwanted_end_, direction_ * cut(), 2);
        const double depth = filter.depth(direction_ * known_values_[most_wanted]);
        const double degree = std::min(wanted_depth / std::max(depth, 1e-6), static_cast<double>(largest_degree));
        // Even, so that a value beyond the far end shows itself instead of hiding at the negative end.
        filter.degree = std::max<Index>(2, 2 * static_cast<Index>(0.5 * degree));
        return filter;
    }

    /// Whether the budget has room for the k columns of a filtered basis that an answer takes, and for that answer.
    bool may_filter() const {
        const Index columns = options_.k + options_.block;
        const Index needed = columns * filter_for(0).degree + reserved_matvecs();
        return options_.max_matvecs == 0 || best_.n_matvecs + needed <= options_.max_matvecs;
    }

    /// Products with the vectors that a run on a polynomial returns.
    Index reserved_matvecs() const { return options_.k + options_.block + 1; }

    /// Converged values that stand so far out that a polynomial of use for the others would overflow the digits.
    Index outliers() const {
        Index count = 0;
        while (count + 1 < options_.k && count + 1 < known_values_.size() &&
               known_residuals_[count] <= deflation_margin * tolerance_ * norm_) {
            const ChebyshevFilter next = filter_for(count + 1);
            const double depth = next.depth(direction_ * known_values_[count]);
            if (static_cast<double>(next.degree) * depth <= deepest_) break;
            ++count;
        }
        return count;
    }

    void deflate_outliers() {
        const Index count = outliers();
        deflated_ = known_vectors_.leftCols(count);
        deflated_values_ = known_values_.head(count);
    }

    /// Lanczos on one polynomial; true when the answer stands.
    bool run_cycle(Index cycle, ConstBlock<Scalar> start) {
        const Index q = deflated_.cols();
        const ChebyshevFilter filter = filter_for(q);
        ChebyshevOperator<Scalar> polynomial(op_, filter, deflated_);
        LanczosOptions options = options_;
        options.k = options_.k - q;
        options.which = Which::largest_algebraic;
        options.recompute_residuals = false;
        options.basis_size = std::min(options.k + filtered_blocks * options.block, n_ - options.block - q);
        PolynomialRun run;
        run.products_per_column = filter.degree;
        run.spent_matvecs = &best_.n_matvecs;
        run.reserved_matvecs = reserved_matvecs();
        run.first_stream = static_cast<std::uint64_t>(cycle) << 32;
        run.accepted_residual = [this, filter](double value, double candidate) {
            return acceptance * tolerance_ * norm_ * slope(filter, value, candidate);
        };
        if (options_.max_seconds > 0.0) options.max_seconds = std::max(1e-9, options_.max_seconds - elapsed());
        Run lanczos(polynomial, options, execution_, run);
        const Charge charge{best_, lanczos};
        begin(lanczos, start, run.first_stream);
        distance_ = std::numeric_limits<double>::infinity();
        blocks_before_ = 0.0;
        for (;;) {
            const auto pause = lanczos.run(true);
            const LanczosResult<Scalar> before = best_;
            const double missed = extract(lanczos, options.k);
            if (pause == Run::Pause::over) {
                best_.status = lanczos.result().status;
                if (best_.status == Status::budget) return prefer_better_of(before);
                if (missed <= 1.0) return deflated_is_complete();
                if (++failures_ > most_failures) return stagnate();
                lanczos.tighten(0.5 / missed);
            } else if (is_outgrown(filter, blocks_of(lanczos, filter))) {
                return false;
            }
        }
    }

    /// A mixture of the pairs known so far, which hold what start vectors of the caller gave, and a share of random
    /// vectors, without which the run would exclude no omission.
    void begin(Run& lanczos, ConstBlock<Scalar> start, std::uint64_t stream) {
        const Index q = deflated_.cols(), b = options_.block, known = known_vectors_.cols() - q;
        if (known < b) return lanczos.begin(start);
        Matrix<Scalar> mixture(known, b), directions(n_, b);
        complete_with_random<Scalar>(ConstBlock<Scalar>(mixture.data(), known, 0, known), mixture, 0, options_.seed,
                                     stream + 1, execution_);
        multiply<Scalar>(ConstBlock<Scalar>(known_vectors_).columns(q, known), mixture.template cast<Wide>(),
                         directions, execution_);
        lanczos.begin_near(directions, random_share);
    }

    /// Blocks that a run on a polynomial has multiplied so far.
    double blocks_of(const Run& lanczos, const ChebyshevFilter& filter) const {
        return static_cast<double>(lanczos.result().n_matvecs) / static_cast<double>(filter.degree * options_.block);
    }

    /// Whether the polynomial that the spectrum as now known allows would be done before this one at its pace since the
    /// last pause; the blocks before the first only fill the basis.
    bool is_outgrown(const ChebyshevFilter& filter, double blocks) {
        const double distance = log_distance();
        const double gained = std::exchange(distance_, distance) - distance;
        const double new_blocks = blocks - std::exchange(blocks_before_, blocks);
        if (distance <= 0.0 || std::isinf(gained)) return false;
        // What is no better would only begin again.
        const Index next = filter_for(outliers()).degree;
        if (next < 2 * filter.degree) return false;
        const double missing = distance / std::max(gained, smallest_gain) * new_blocks;
        return missing * static_cast<double>(filter.degree) > fresh_blocks * static_cast<double>(next);
    }

    /// How far all wanted pairs together are from convergence. The largest residual alone rises and falls, as one pair
    /// after the other comes into sight.
    double log_distance() const {
        double sum = 0.0;
        for (const double residual : best_.residual_norms)
            sum += std::log(std::max(1.0, residual / (tolerance_ * norm_)));
        return sum;
    }

    /// Mean steepness of the polynomial between a value and the best one left out: a residual of the polynomial is
    /// about this times one of A, since slow components lie near the wanted end. What is accepted is then verified.
    static double slope(const ChebyshevFilter& filter, double value, double candidate) {
        if (value <= 1.0) return 0.0;
        const double below = std::max(1.0, std::min(candidate, 0.5 * (1.0 + value)));
        return (value - below) / std::abs(filter.inverse(value) - filter.inverse(below));
    }

    /// Rayleigh-Ritz with A itself on the deflated and the found vectors; the largest wanted residual in units of the
    /// tolerance.
    double extract(Run& lanczos, Index wanted) {
        const Index q = deflated_.cols();
        const Index count = std::min<Index>(wanted + options_.block + 1, lanczos.ritz_values().size());
        Matrix<Scalar> x(n_, q + count), ax(n_, q + count);
        x.leftCols(q) = deflated_;
        x.rightCols(count) = lanczos.vectors(count);
        // The random start of the run was not orthogonal to Q.
        const ConstBlock<Scalar> known(deflated_);
        const Block<Scalar> fresh = Block<Scalar>(x).columns(q, count);
        subtract_product<Scalar>(known, inner<Scalar>(known, fresh, execution_), fresh, execution_);
        orthonormalize<Scalar>(fresh, 0.0, execution_);
        op_.apply(x, ax, execution_);
        best_.n_matvecs += q + count;
        ++best_.n_applications;
        // H = X^H A X, symmetric to rounding; A (X S) - X S diag(theta) = residuals.
        const Matrix<Wide> h = inner<Scalar>(x, ax, execution_);
        auto [values, s] = hermitian_eigenpairs<Wide>(0.5 * (h + h.adjoint()), execution_);
        if (direction_ > 0.0) {
            values.reverseInPlace();
            s.rowwise().reverseInPlace();
        }
        multiply_in_place<Scalar>(x, s, execution_);
        multiply_in_place<Scalar>(ax, s, execution_);
        const Vector<double> residuals = residual_norms_of<Scalar>(ax, values, x);
        norm_ = std::max(norm_, values.cwiseAbs().maxCoeff());
        best_.norm = norm_;
        keep(values, std::move(x), residuals);
        return best_.residual_norms.maxCoeff() / (tolerance_ * norm_);
    }

    /// The complement holds nothing that is more wanted than a deflated value; otherwise deflate less and go on.
    bool deflated_is_complete() {
        const Index q = deflated_values_.size();
        return q == 0 || known_values_[options_.k - 1] <= deflated_values_[q - 1] + tolerance_ * norm_;
    }

    /// A polynomial that has barely begun knows less than the one before: Ritz values only rise towards what is wanted.
    bool prefer_better_of(const LanczosResult<Scalar>& before) {
        if (direction_ * (before.eigenvalues.sum() - best_.eigenvalues.sum()) > 0.0) {
            best_.eigenvalues = before.eigenvalues;
            best_.eigenvectors = before.eigenvectors;
            best_.residual_norms = before.residual_norms;
            mark_converged(best_, tolerance_);
        }
        return true;
    }

    bool stagnate() {
        best_.status = Status::stagnated;
        return true;
    }

    double elapsed() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

    /// Adds what a run has cost, also when it is left by an interruption.
    struct Charge {
        LanczosResult<Scalar>& total;
        const Run& run;

        ~Charge() {
            total.n_matvecs += run.result().n_matvecs;
            total.n_applications += run.result().n_applications;
            total.n_restarts += 1 + run.result().n_restarts;
            total.basis_bytes = std::max(total.basis_bytes, run.result().basis_bytes);
        }
    };

    static constexpr int most_failures = 8;

    BlockOperator<Scalar>& op_;
    const LanczosOptions& options_;
    const Execution& execution_;
    const Index n_;
    double tolerance_ = 0.0;
    double deepest_ = 0.0;
    double norm_ = 0.0;
    double direction_ = 0.0;
    /// In the direction of wanting: the smallest value is the far end, known values descend.
    double unwanted_end_ = std::numeric_limits<double>::infinity();
    Vector<double> known_values_;
    Matrix<Scalar> known_vectors_;
    Vector<double> known_residuals_;
    Matrix<Scalar> deflated_;
    Vector<double> deflated_values_;
    /// The distance from convergence at the last pause of this polynomial, and its blocks then.
    double distance_ = 0.0;
    double blocks_before_ = 0.0;
    int failures_ = 0;
    std::chrono::steady_clock::time_point began_;
    LanczosResult<Scalar> best_;
};

}  // namespace eigenscope
