// The thick-restart block Lanczos process that `lanczos` runs on an operator and on polynomials of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/lanczos.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "omission.hpp"

namespace eigenscope {

/// Blocks a fresh random start must grow before its Ritz values are believed.
inline constexpr Index fewest_probe_blocks = 3;
/// A converged first run may go on for this share of its work until residuals tell copies from neighbours: a probe
/// would begin from nothing.
inline constexpr double patience = 0.4;
/// An estimated residual is accepted up to this share of the tolerance; what is recomputed differs by rounding.
inline constexpr double acceptance = 0.9;

/// What a run on a polynomial of A must know about A; empty for A itself.
struct PolynomialRun {
    Index products_per_column = 1;
    /// Products spent outside this run, and those that its result will take.
    const Index* spent_matvecs = nullptr;
    Index reserved_matvecs = 0;
    std::uint64_t first_stream = 0;
    /// Largest residual at which a Ritz value meets the tolerance of A, given the best value that is left out.
    std::function<double(double value, double candidate)> accepted_residual;
};

template <class Scalar>
class ThickRestartLanczos {
    using Wide = Precise<Scalar>;

  public:
    /// Why a run pauses: its answer is complete or its budget spent, or the basis is full.
    enum class Pause { over, full };

    ThickRestartLanczos(BlockOperator<Scalar>& op, const LanczosOptions& options, const Execution& execution,
                        PolynomialRun polynomial = {})
        : op_(op),
          options_(options),
          execution_(execution),
          polynomial_(std::move(polynomial)),
          n_(op.rows()),
          capacity_(lanczos_basis_size(n_, options)),
          basis_(n_, capacity_ + options.block),
          projected_(Matrix<Wide>::Zero(capacity_, capacity_)),
          stream_(polynomial_.first_stream),
          began_(std::chrono::steady_clock::now()) {
        const double eps = std::numeric_limits<RealOf<Scalar>>::epsilon();
        breakdown_ = breakdown_factor * eps;
        floor_ = residual_floor * eps;
        tolerance_ = std::max(options.tolerance, floor_);
        // Residuals begin at about the norm of A.
        distance_ = 1.0 / tolerance_;
        result_.basis_bytes = (basis_.size() + 2 * n_ * options_.block) * Index{sizeof(Scalar)};
    }

    /// The first block: the guesses, completed with random vectors.
    void begin(ConstBlock<Scalar> start) {
        const Index given = std::min(start.cols, options_.block);
        Block<Scalar> first = columns(0, options_.block);
        start_is_random_ = given == 0;
        if (given > 0) first.columns(0, given).map() = start.columns(0, given).map();
        Index rank = 0;
        if (given > 0) rank = orthonormalize<Scalar>(first.columns(0, given), 0.0, execution_).rank;
        complete_with_random<Scalar>(known(), first, rank, options_.seed, next_stream(), execution_);
    }

    /// A first block of b orthonormal directions that are known to matter, with a share of random vectors: what the
    /// argument against omissions rests on.
    void begin_near(ConstBlock<Scalar> directions, double share) {
        Block<Scalar> first = columns(0, options_.block);
        complete_with_random<Scalar>(known(), first, 0, options_.seed, next_stream(), execution_);
        first.map() = directions.map() + static_cast<RealOf<Scalar>>(share) * first.map();
        orthonormalize<Scalar>(first, 0.0, execution_);
        random_share_ = share / std::sqrt(1.0 + share * share);
    }

    /// Grow the basis, restarting when it is full, until the run is over; a run that is full pauses when asked to.
    Pause run(bool pause_when_full) {
        // A run that is over may be asked for more while its basis is full.
        if (is_full()) restart();
        for (;;) {
            expand();
            if (!check_is_due()) continue;
            rayleigh_ritz();
            if (is_over()) return Pause::over;
            schedule_check();
            // A probe begins with a short basis, so ask again.
            if (!is_full()) continue;
            if (pause_when_full) return Pause::full;
            restart();
        }
    }

    /// What is known after an interruption; another one gives it up.
    void salvage() {
        if (result_.interrupted) throw Interrupted();
        if (execution_.stop) execution_.stop->acknowledge();
        result_.interrupted = true;
        result_.status = Status::budget;
        if (size_ > 0 && ritz_vectors_.rows() != size_) rayleigh_ritz();
    }

    const Vector<double>& ritz_values() const { return ritz_values_; }
    const Vector<double>& ritz_residuals() const { return ritz_residuals_; }
    /// Power of two that the operator is multiplied by in Ritz values and residuals.
    double scale() const { return scale_; }
    const LanczosResult<Scalar>& result() const { return result_; }

    /// Ritz vectors number 0 … count - 1.
    Matrix<Scalar> vectors(Index count) {
        Matrix<Scalar> found(n_, count);
        multiply<Scalar>(known(), ritz_vectors_.leftCols(count), found, execution_);
        return found;
    }

    /// Ask for smaller residuals before the run is over again.
    void tighten(double factor) { strictness_ *= factor; }

    /// Largest residual of the wanted pairs in units of what is accepted.
    double distance_to_convergence() const {
        double worst = 0.0;
        for (Index j = 0; j < std::min(options_.k, size_); ++j)
            worst = std::max(worst, ritz_residuals_[j] / std::max(accepted_residual(j), 1e-300));
        return worst;
    }

    /// Ritz vectors and residuals ‖A v - theta v‖ recomputed from the operator.
    LanczosResult<Scalar> finish() {
        const Index k = options_.k, known_pairs = std::min(k, static_cast<Index>(ritz_values_.size()));
        result_.norm = norm_ / scale_;
        // An interruption may come before there are k Ritz pairs: the rest is unknown.
        result_.eigenvalues = Vector<double>::Constant(k, std::numeric_limits<double>::quiet_NaN());
        result_.residual_norms = Vector<double>::Constant(k, std::numeric_limits<double>::infinity());
        result_.eigenvalues.head(known_pairs) = ritz_values_.head(known_pairs) / scale_;
        result_.eigenvectors.resize(n_, k);
        if (known_pairs > 0) result_.eigenvectors.leftCols(known_pairs) = vectors(known_pairs);
        complete_with_random<Scalar>(ConstBlock<Scalar>(result_.eigenvectors).columns(0, known_pairs),
                                     Block<Scalar>(result_.eigenvectors).columns(known_pairs, k - known_pairs), 0,
                                     options_.seed, next_stream(), execution_);
        if (result_.interrupted || !options_.recompute_residuals) {
            result_.residual_norms.head(known_pairs) = ritz_residuals_.head(known_pairs) / scale_;
        } else {
            result_.residual_norms = residual_norms<Scalar>(op_, result_.eigenvalues, result_.eigenvectors, execution_);
            result_.n_matvecs += k;
            ++result_.n_applications;
        }
        mark_converged(result_, tolerance_);
        return std::move(result_);
    }

  private:
    ConstBlock<Scalar> known() const { return ConstBlock<Scalar>(basis_.data(), n_, size_, n_); }
    Block<Scalar> columns(Index first, Index count) { return {basis_.data() + first * n_, n_, count, n_}; }

    /// A Rayleigh-Ritz step costs little beside a polynomial, but not beside a product: wait for half of the columns
    /// that the pace so far says are missing, but for no more than half of those there are.
    void schedule_check() {
        const double before = std::exchange(distance_, distance_to_convergence());
        const double columns = static_cast<double>(size_ - checked_size_);
        checked_size_ = size_;
        check_interval_ = polynomial_.products_per_column > 1 ? 0 : size_ / 12;
        if (polynomial_.products_per_column > 1 || certifying_ || columns <= 0.0 || !(distance_ > 1.0)) return;
        const double pace = std::log(std::max(before / distance_, 1.01)) / columns;
        const double missing = std::min(std::log(distance_) / pace, static_cast<double>(size_));
        check_interval_ = std::max(check_interval_, static_cast<Index>(0.5 * missing));
    }

    bool is_full() const { return size_ + options_.block > capacity_; }

    bool check_is_due() const {
        const bool worth_checking =
            size_ >= options_.k + options_.block && size_ - checked_size_ >= std::max(options_.block, check_interval_);
        // A result has k pairs, whatever the budget.
        const bool ends_early = size_ >= options_.k && out_of_budget();
        return is_full() || worth_checking || ends_early;
    }

    /// A V_j = V H + V_{j+1} R: the new column block of T = V^H A V is H, its successor the next block.
    void expand() {
        const Index b = options_.block;
        const Block<Scalar> current = columns(size_, b);
        Matrix<Scalar> product(n_, b);
        op_.apply(current, product, execution_);
        result_.n_matvecs += b * polynomial_.products_per_column;
        result_.n_applications += polynomial_.products_per_column;
        choose_scale(product);
        if (scale_ != 1.0) product *= static_cast<RealOf<Scalar>>(scale_);
        if (norm_ == 0.0) norm_ = column_norms<Scalar>(product, execution_).maxCoeff();
        const ConstBlock<Scalar> extended(basis_.data(), n_, size_ + b, n_);
        const auto projection = orthonormalize_against<Scalar>(extended, product, breakdown_ * norm_, options_.seed,
                                                               next_stream(), execution_);
        // From here on nothing can be interrupted: size, T and R change together.
        size_ += b;
        projected_.block(0, size_ - b, size_, b) = projection.coefficients;
        projected_.block(size_ - b, 0, b, size_) = projection.coefficients.adjoint();
        auto corner = projected_.block(size_ - b, size_ - b, b, b);
        corner = (0.5 * (corner + corner.adjoint())).eval();
        coupling_ = projection.r;
        columns(size_, b).map() = product;
        probe_blocks_ += certifying_;
    }

    /// A power of two that brings the operator near 1, where squares neither overflow nor vanish.
    void choose_scale(const Matrix<Scalar>& product) {
        if (scale_chosen_) return;
        scale_chosen_ = true;
        const double largest = finite_magnitude(product.data(), product.size());
        if (largest > 0.0) scale_ = safe_scale<Scalar>(largest);
    }

    /// Eigenpairs of T, most wanted first, with residual estimates ‖R s_last‖.
    void rayleigh_ritz() {
        const auto [values, vectors] = hermitian_eigenpairs<Wide>(projected_.topLeftCorner(size_, size_), execution_);
        const auto order = certifying_ ? probe_order(values) : wanted_order(values, options_.which);
        ritz_values_.resize(size_);
        ritz_vectors_.resize(size_, size_);
        for (Index j = 0; j < size_; ++j) {
            ritz_values_[j] = values[order[static_cast<std::size_t>(j)]];
            ritz_vectors_.col(j) = vectors.col(order[static_cast<std::size_t>(j)]);
        }
        norm_ = std::max(norm_, values.cwiseAbs().maxCoeff());
        if (result_.n_restarts == 0 && !certifying_) {
            first_run_ = {size_ / options_.block, values[0], values[size_ - 1]};
        }
        const Index b = std::min(options_.block, size_);
        ritz_residuals_ = (coupling_ * ritz_vectors_.bottomRows(b)).colwise().norm().transpose();
    }

    /// Most wanted first; beyond the accepted pairs both ends in turn, so that a restart loses neither candidate.
    std::vector<Index> probe_order(const Vector<double>& ascending) const {
        auto order = wanted_order(ascending, options_.which);
        if (options_.which != Which::largest_magnitude || size_ <= options_.k) return order;
        std::vector<Index> others(order.begin() + options_.k, order.end());
        std::sort(others.begin(), others.end());
        const std::size_t count = others.size(), k = static_cast<std::size_t>(options_.k);
        for (std::size_t j = 0; j < count; ++j) order[k + j] = j % 2 == 0 ? others[count - 1 - j / 2] : others[j / 2];
        return order;
    }

    Index count_converged() const {
        Index count = 0;
        while (count < std::min(options_.k, size_) && ritz_residuals_[count] <= accepted_residual(count)) ++count;
        return count;
    }

    /// Just below the tolerance. For A^H A the residual is sigma times that of the singular triplet, so it must be
    /// smaller by sigma / sigma_1.
    double accepted_residual(Index j) const {
        const double floor = floor_ * norm_, whole = tolerance_ * norm_;
        if (polynomial_.accepted_residual) {
            const Index next = std::min(options_.k, size_ - 1);
            const double accepted =
                polynomial_.accepted_residual(ritz_values_[j] / scale_, ritz_values_[next] / scale_) * scale_;
            return std::max(strictness_ * accepted, floor);
        }
        if (!options_.squared) return acceptance * whole;
        return std::max(0.5 * whole * std::sqrt(std::max(0.0, ritz_values_[j] / norm_)), floor);
    }

    bool is_over() {
        const Index n_converged = count_converged();
        if (report(n_converged)) return end_with(Status::budget);
        if (n_converged >= options_.k) {
            if (!options_.certify || start_excludes_omission()) return end_with(Status::converged);
            if (converged_after_ == 0) converged_after_ = result_.n_matvecs;
            if (!certifying_) {
                if (!may_still_exclude()) begin_probe();
            } else if (probe_is_settled()) {
                if (!found_more()) return end_with(Status::converged);
                begin_probe();
            }
        }
        if (out_of_budget()) return end_with(n_converged >= options_.k ? Status::possible_omission : Status::budget);
        return false;
    }

    bool out_of_budget() const {
        // Another block, and the recomputed residuals.
        const Index next = options_.block * polynomial_.products_per_column + polynomial_.reserved_matvecs +
                           (options_.recompute_residuals ? options_.k : 0);
        const bool no_products = options_.max_matvecs > 0 && spent() + next > options_.max_matvecs;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
        return no_products || (options_.max_seconds > 0.0 && elapsed.count() > options_.max_seconds);
    }

    Index spent() const { return result_.n_matvecs + (polynomial_.spent_matvecs ? *polynomial_.spent_matvecs : 0); }

    bool end_with(Status status) {
        result_.status = status;
        return true;
    }

    bool report(Index n_converged) {
        if (execution_.stop) execution_.stop->poll();
        if (execution_.stop && execution_.stop->stop_requested()) throw Interrupted();
        if (!options_.monitor) return false;
        LanczosProgress progress;
        progress.n_matvecs = spent();
        progress.n_converged = n_converged;
        progress.n_wanted = options_.k;
        // In units of what is accepted, so that it means the same for a polynomial of the operator.
        progress.largest_residual =
            options_.squared ? ritz_residuals_.head(std::min(options_.k, size_)).maxCoeff() / std::max(norm_, 1e-300)
                             : std::min(1.0, distance_to_convergence() * acceptance * tolerance_);
        progress.certifying = certifying_;
        return options_.monitor(progress);
    }

    /// The argument of the certificate holds for the first run too when it began with b random vectors, except for the
    /// copies of a value beyond the b-th: those vectors are orthogonal to its whole Krylov space. So the first run is
    /// proof enough while fewer than b of the values found are copies of one.
    bool start_excludes_omission() const {
        return !certifying_ && start_is_random_ && result_.n_applications >= fewest_probe_blocks &&
               candidates_are_settled() && !may_hold_copies(ritz_set());
    }

    /// Whether smaller residuals may make the first run proof: not against copies to rounding, or given start vectors.
    bool may_still_exclude() const {
        const double limit = (1.0 + patience) * static_cast<double>(converged_after_) +
                             static_cast<double>(3 * options_.block * polynomial_.products_per_column);
        return start_is_random_ && !holds_copies(ritz_set()) && static_cast<double>(result_.n_matvecs) < limit;
    }

    /// Keep the wanted pairs alone and grow a Krylov space from fresh random vectors orthogonal to them: what the
    /// first start vectors had no component of, these have.
    void begin_probe() {
        certified_values_ = ritz_values_.head(options_.k);
        keep(options_.k);
        certifying_ = true;
        probe_blocks_ = 0;
        complete_with_random<Scalar>(known(), columns(size_, options_.block), 0, options_.seed, next_stream(),
                                     execution_);
    }

    /// Whether the set has changed. Where magnitude alone is wanted, values of opposite sign may stand for each other.
    bool found_more() const {
        Vector<double> found = ritz_values_.head(options_.k), before = certified_values_;
        if (options_.which == Which::largest_magnitude) found = found.cwiseAbs(), before = before.cwiseAbs();
        return (found - before).cwiseAbs().maxCoeff() > accepted_residual(options_.k - 1);
    }

    bool probe_is_settled() const { return probe_blocks_ >= fewest_probe_blocks && candidates_are_settled(); }

    RitzSet ritz_set() const {
        const double n_seen = static_cast<double>(n_) / (random_share_ * random_share_);
        return {ritz_values_,   ritz_residuals_, std::min(options_.k, size_),       n_seen,
                options_.block, options_.which,  accepted_residual(options_.k - 1), floor_ * norm_};
    }

    bool candidates_are_settled() const {
        return eigenscope::candidates_are_settled(ritz_set(), start_is_random_ ? first_run_ : FirstRun{});
    }

    /// V := V S for the first `count` Ritz vectors, T := diag(theta); the next block stays as it is.
    void keep(Index count) {
        const Index b = options_.block;
        const Matrix<Scalar> next = columns(size_, b).map();
        // Without the stop token: half a rotated basis is none.
        multiply_in_place<Scalar>(columns(0, size_), ritz_vectors_.leftCols(count), Execution{execution_.threads});
        projected_.setZero();
        projected_.topLeftCorner(count, count).diagonal() = ritz_values_.head(count).template cast<Wide>();
        columns(count, b).map() = next;
        ritz_values_.conservativeResize(count);
        ritz_residuals_.conservativeResize(count);
        ritz_vectors_.setIdentity(count, count);
        size_ = count;
        checked_size_ = 0;
    }

    /// Keep the wanted vectors and half of the others' room, so that slow ones keep their progress.
    void restart() {
        const Index room = capacity_ - 2 * options_.block;
        const Index wanted = std::min(options_.k, room);
        keep(std::min(room, wanted + (capacity_ - wanted) / 2));
        ++result_.n_restarts;
    }

    std::uint64_t next_stream() { return stream_ += 8; }

    BlockOperator<Scalar>& op_;
    const LanczosOptions& options_;
    const Execution& execution_;
    const PolynomialRun polynomial_;
    const Index n_;
    const Index capacity_;
    Matrix<Scalar> basis_;    // n x (capacity + block): V and the next block
    Matrix<Wide> projected_;  // T = V^H A V
    Matrix<Wide> coupling_;   // R: A V = V T + V_next R E_last^H
    Vector<double> ritz_values_;
    Matrix<Wide> ritz_vectors_;
    Vector<double> ritz_residuals_;
    Vector<double> certified_values_;
    Index size_ = 0;
    Index checked_size_ = 0;
    Index check_interval_ = 0;
    double distance_ = 0.0;
    Index probe_blocks_ = 0;
    Index converged_after_ = 0;
    FirstRun first_run_;
    double strictness_ = 1.0;
    bool certifying_ = false;
    bool start_is_random_ = true;
    double random_share_ = 1.0;
    bool scale_chosen_ = false;
    double scale_ = 1.0;
    double norm_ = 0.0;
    double breakdown_ = 0.0;
    double floor_ = 0.0;
    double tolerance_ = 0.0;
    std::uint64_t stream_;
    std::chrono::steady_clock::time_point began_;
    LanczosResult<Scalar> result_;
};

}  // namespace eigenscope
