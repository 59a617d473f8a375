#include <algorithm>
#include <chrono>
#include <cmath>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/solvers/eigenpairs.hpp>
#include <eigenscope/solvers/lanczos.hpp>
#include <eigenscope/solvers/orthogonalize.hpp>
#include <eigenscope/solvers/tall_products.hpp>
#include <limits>

namespace eigenscope {

namespace {

/// Chance of missing an eigenvalue that the certificate accepts, per decision.
constexpr double omission_probability = 1e-3;
/// Blocks a fresh random start must grow before its Ritz values are believed.
constexpr Index fewest_probe_blocks = 3;
/// Values closer than this times the accepted residual count as copies of one value.
constexpr double copy_width = 16.0;
/// Convergence checks that a converged first run may wait for its next candidate to settle.
constexpr int patience = 3;

template <class Scalar>
class ThickRestartLanczos {
    using Wide = Precise<Scalar>;

  public:
    ThickRestartLanczos(BlockOperator<Scalar>& op, const LanczosOptions& options, const Execution& execution)
        : op_(op),
          options_(options),
          execution_(execution),
          n_(op.rows()),
          capacity_(lanczos_basis_size(n_, options)),
          basis_(n_, capacity_ + options.block),
          projected_(Matrix<Wide>::Zero(capacity_, capacity_)),
          began_(std::chrono::steady_clock::now()) {
        const double eps = std::numeric_limits<RealOf<Scalar>>::epsilon();
        breakdown_ = breakdown_factor * eps;
        floor_ = residual_floor * eps;
        tolerance_ = std::max(options.tolerance, floor_);
    }

    LanczosResult<Scalar> run(ConstBlock<Scalar> start) {
        result_.basis_bytes = (basis_.size() + 2 * n_ * options_.block) * Index{sizeof(Scalar)};
        try {
            begin(start);
            while (!advance()) {
            }
        } catch (const Interrupted&) {
            result_.interrupted = true;
            result_.status = Status::budget;
            if (size_ > 0) rayleigh_ritz();
        }
        return finish();
    }

  private:
    ConstBlock<Scalar> known() const { return ConstBlock<Scalar>(basis_.data(), n_, size_, n_); }
    Block<Scalar> columns(Index first, Index count) { return {basis_.data() + first * n_, n_, count, n_}; }

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

    /// One block step and, when due, a convergence check; true when the run is over.
    bool advance() {
        expand();
        const bool full = size_ + options_.block > capacity_;
        const bool worth_checking =
            size_ >= options_.k + options_.block && size_ - checked_size_ >= std::max(options_.block, size_ / 12);
        // A result has k pairs, whatever the budget.
        const bool ends_early = size_ >= options_.k && out_of_budget();
        if (!full && !worth_checking && !ends_early) return false;
        checked_size_ = size_;
        rayleigh_ritz();
        if (is_over()) return true;
        // A probe begins with a short basis, so ask again.
        if (size_ + options_.block > capacity_) restart();
        return false;
    }

    /// A V_j = V H + V_{j+1} R: the new column block of T = V^H A V is H, its successor the next block.
    void expand() {
        const Index b = options_.block;
        const Block<Scalar> current = columns(size_, b);
        Matrix<Scalar> product(n_, b);
        op_.apply(current, product, execution_);
        result_.n_matvecs += b;
        ++result_.n_applications;
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
        double largest = 0.0;
        for (Index i = 0; i < product.size(); ++i)
            largest = std::max(largest, static_cast<double>(std::abs(product.data()[i])));
        if (!std::isfinite(largest)) throw InvalidInput("the operator returned values that are not finite");
        if (largest > 0.0) scale_ = safe_scale<Scalar>(largest);
    }

    /// Eigenpairs of T, most wanted first, with residual estimates ‖R s_last‖.
    void rayleigh_ritz() {
        Matrix<Wide> vectors = projected_.topLeftCorner(size_, size_);
        Vector<double> values(size_);
        blas::eigh<Wide>(size_, vectors.data(), size_, values.data(), true);
        const auto order = certifying_ ? probe_order(values) : wanted_order(values, options_.which);
        ritz_values_.resize(size_);
        ritz_vectors_.resize(size_, size_);
        for (Index j = 0; j < size_; ++j) {
            ritz_values_[j] = values[order[static_cast<std::size_t>(j)]];
            ritz_vectors_.col(j) = vectors.col(order[static_cast<std::size_t>(j)]);
        }
        norm_ = std::max(norm_, values.cwiseAbs().maxCoeff());
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

    /// Half the tolerance, since the estimate and the recomputed residual differ by rounding. For A^H A the residual
    /// is sigma times that of the singular triplet, so it must be smaller by sigma / sigma_1.
    double accepted_residual(Index j) const {
        const double floor = floor_ * norm_, whole = tolerance_ * norm_;
        if (!options_.squared) return 0.5 * whole;
        return std::max(0.5 * whole * std::sqrt(std::max(0.0, ritz_values_[j] / norm_)), floor);
    }

    bool is_over() {
        const Index n_converged = count_converged();
        if (report(n_converged)) return end_with(Status::budget);
        if (n_converged >= options_.k) {
            if (!options_.certify || start_excludes_omission()) return end_with(Status::converged);
            if (!certifying_) {
                if (++unsettled_checks_ > patience || !may_still_exclude()) begin_probe();
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
        const Index next = options_.block + (options_.recompute_residuals ? options_.k : 0);
        const bool no_products = options_.max_matvecs > 0 && result_.n_matvecs + next > options_.max_matvecs;
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began_;
        return no_products || (options_.max_seconds > 0.0 && elapsed.count() > options_.max_seconds);
    }

    bool end_with(Status status) {
        result_.status = status;
        return true;
    }

    bool report(Index n_converged) {
        if (execution_.stop) execution_.stop->poll();
        if (execution_.stop && execution_.stop->stop_requested()) throw Interrupted();
        if (!options_.monitor) return false;
        LanczosProgress progress;
        progress.n_matvecs = result_.n_matvecs;
        progress.n_converged = n_converged;
        progress.n_wanted = options_.k;
        progress.largest_residual =
            norm_ > 0.0 ? ritz_residuals_.head(std::min(options_.k, size_)).maxCoeff() / norm_ : 0.0;
        progress.certifying = certifying_;
        return options_.monitor(progress);
    }

    /// The argument of `probe_is_settled` holds for the first run too when it began with b random vectors, except for
    /// the copies of a value beyond the b-th: those vectors are orthogonal to its whole Krylov space. So the first run
    /// is proof enough while fewer than b of the values found are copies of one. A run that has not yet settled its
    /// next candidate goes on for a block or two, which costs less than a probe.
    bool start_excludes_omission() const {
        if (certifying_ || !start_is_random_ || !candidates_are_settled()) return false;
        const Index count = std::min(options_.k + 1, size_), b = options_.block;
        Vector<double> values = ritz_values_.head(count);
        std::sort(values.data(), values.data() + count);
        const double width = copy_width * accepted_residual(options_.k - 1);
        for (Index j = 0; j + b <= count; ++j)
            if (values[j + b - 1] - values[j] <= width) return false;
        return result_.n_applications >= fewest_probe_blocks;
    }

    /// Whether only the next candidate, not a cluster or given start vectors, keeps the first run from being proof.
    bool may_still_exclude() const { return start_is_random_ && !candidates_are_settled(); }

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

    bool found_more() const {
        const Vector<double> change = ritz_values_.head(options_.k) - certified_values_;
        return change.cwiseAbs().maxCoeff() > tolerance_ * norm_;
    }

    /// If an eigenvalue mu beyond the accepted set had been missed, the best new Ritz vector y = p(A) x of a random
    /// start x would have a component |p(mu)| |e·x| >= |e·x| along its vector e, since p grows beyond the Ritz values
    /// and has norm one among them; its residual would be at least gap * |e·x|. Now |e·x| is |g| / sqrt(n) with g
    /// Gaussian, and b columns give b chances: |g| < c for all of them has probability (c sqrt(2/pi))^b. So a residual
    /// below c * gap / sqrt(n) excludes an omission with the stated probability; one below the tolerance excludes any
    /// value that differs by more than the tolerance.
    bool probe_is_settled() const { return probe_blocks_ >= fewest_probe_blocks && candidates_are_settled(); }

    bool candidates_are_settled() const {
        const double b = static_cast<double>(options_.block);
        const double c = std::sqrt(std::acos(-1.0) / 2.0) * std::pow(omission_probability, 1.0 / b);
        const double reach = c / std::sqrt(static_cast<double>(n_));
        const auto settled_at = [&](bool upper) {
            // The accepted value next to the candidates at this end, and the best candidate.
            Index candidate = -1;
            for (Index j = options_.k; j < size_; ++j)
                if (candidate < 0 || (ritz_values_[j] > ritz_values_[candidate]) == upper) candidate = j;
            if (candidate < 0) return true;
            const double gap = std::abs(boundary(upper) - ritz_values_[candidate]);
            return ritz_residuals_[candidate] <= std::max(accepted_residual(options_.k - 1), reach * gap);
        };
        const bool needs_upper = options_.which != Which::smallest_algebraic;
        const bool needs_lower = options_.which != Which::largest_algebraic;
        return (!needs_upper || settled_at(true)) && (!needs_lower || settled_at(false));
    }

    /// The least wanted accepted value at one end.
    double boundary(bool upper) const {
        const auto accepted = ritz_values_.head(options_.k);
        switch (options_.which) {
            case Which::largest_algebraic:
                return accepted.minCoeff();
            case Which::smallest_algebraic:
                return accepted.maxCoeff();
            case Which::largest_magnitude: {
                const double magnitude = accepted.cwiseAbs().minCoeff();
                return upper ? magnitude : -magnitude;
            }
            case Which::both_ends:
                break;
        }
        double value = upper ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity();
        for (Index j = upper ? 0 : 1; j < options_.k; j += 2)
            value = upper ? std::min(value, accepted[j]) : std::max(value, accepted[j]);
        return std::isfinite(value) ? value : accepted[0];
    }

    /// V := V S for the first `count` Ritz vectors, T := diag(theta); the next block stays as it is.
    void keep(Index count) {
        const Index b = options_.block;
        const Matrix<Scalar> next = columns(size_, b).map();
        multiply_in_place<Scalar>(columns(0, size_), ritz_vectors_.leftCols(count), execution_);
        projected_.setZero();
        projected_.topLeftCorner(count, count).diagonal() = ritz_values_.head(count).template cast<Wide>();
        columns(count, b).map() = next;
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

    /// Ritz vectors and residuals ‖A v - theta v‖ recomputed from the operator.
    LanczosResult<Scalar> finish() {
        const Index k = std::min(options_.k, static_cast<Index>(ritz_values_.size()));
        result_.norm = norm_ / scale_;
        result_.eigenvalues = ritz_values_.head(k) / scale_;
        result_.eigenvectors.resize(n_, k);
        if (k > 0)
            multiply<Scalar>(known(), ritz_vectors_.leftCols(k), result_.eigenvectors, Execution{execution_.threads});
        if (result_.interrupted || !options_.recompute_residuals) {
            result_.residual_norms = ritz_residuals_.head(k) / scale_;
        } else {
            result_.residual_norms = residual_norms<Scalar>(op_, result_.eigenvalues, result_.eigenvectors, execution_);
            result_.n_matvecs += k;
            ++result_.n_applications;
        }
        mark_converged(result_, tolerance_);
        return std::move(result_);
    }

    BlockOperator<Scalar>& op_;
    const LanczosOptions& options_;
    const Execution& execution_;
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
    Index probe_blocks_ = 0;
    int unsettled_checks_ = 0;
    bool certifying_ = false;
    bool start_is_random_ = true;
    bool scale_chosen_ = false;
    double scale_ = 1.0;
    double norm_ = 0.0;
    double breakdown_ = 0.0;
    double floor_ = 0.0;
    double tolerance_ = 0.0;
    std::uint64_t stream_ = 0;
    std::chrono::steady_clock::time_point began_;
    LanczosResult<Scalar> result_;
};

}  // namespace

template <class Scalar>
LanczosResult<Scalar> lanczos(BlockOperator<Scalar>& op, const LanczosOptions& options, ConstBlock<Scalar> start,
                              const Execution& execution) {
    if (lanczos_basis_size(op.rows(), options) + options.block > op.rows())
        throw InvalidInput("the basis does not fit the space: use dense_eigh for this many eigenpairs");
    return ThickRestartLanczos<Scalar>(op, options, execution).run(start);
}

#define EIGENSCOPE_INSTANTIATE(S) \
    template LanczosResult<S> lanczos<S>(BlockOperator<S>&, const LanczosOptions&, ConstBlock<S>, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
