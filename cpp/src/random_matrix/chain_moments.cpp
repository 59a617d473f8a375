#include <algorithm>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/random_matrix/chain_moments.hpp>
#include <vector>

namespace eigenscope::random_matrix {

namespace {

/// Triangular products skip the blocks of zeros of this size.
constexpr Index block = 84;
/// Powers of the triangle held at a time: moments up to 3 (powers_held + 1) cost 4 products instead of 8.
constexpr Index powers_held = 3;

/// Calls body(first row, rows, first column, columns) for the blocks on and below the diagonal.
template <class Body>
void for_lower_blocks(Index n, Body body) {
    for (Index i = 0; i < n; i += block)
        for (Index j = 0; j <= i; j += block) body(i, std::min(block, n - i), j, std::min(block, n - j));
}

/// Matrices of one chain of products, all n x n; only lower triangles are used.
template <class Real>
class Chains {
  public:
    Chains(Index n, Index n_moments)
        : n_(n),
          gram_(n, n),
          rest_(n, n),
          next_(n, n),
          powers_(static_cast<std::size_t>(std::clamp<Index>(n_moments - 1, 1, powers_held)),
                  Matrix<Real>::Zero(n, n)) {}

    /// A in units of n, transposed: its rows are written one after the other.
    Matrix<Real>& transposed_gram() { return gram_; }

    void moments(std::span<double> values) {
        const auto n_moments = static_cast<Index>(values.size());
        start();
        values[0] = gram_.diagonal().template cast<double>().sum();
        for (Index known = 1; known < n_moments;) {
            // tr(F^i Z) = Σ (F^i)ᵀ ∘ Z over lower triangles, Z = F^(3j) A
            for (const auto& power : powers_) {
                if (known == n_moments) break;
                values[static_cast<std::size_t>(known++)] = strictly_lower_dot(power);
            }
            if (known < n_moments) multiply_rest();
        }
        // (n choose m) / n^m, as a product so that it stays in range
        double chains = 1;
        for (Index m = 0; m < n_moments; ++m) {
            chains *= static_cast<double>(n_ - m) / (static_cast<double>(n_) * static_cast<double>(m + 1));
            values[static_cast<std::size_t>(m)] /= chains;
        }
    }

  private:
    void start() {
        // Fᵀ is the strictly lower triangle of Aᵀ, and of Z = A the lower one is kept.
        powers_[0].template triangularView<Eigen::StrictlyLower>() = gram_;
        for_lower_blocks(n_, [&](Index i, Index rows, Index j, Index cols) {
            rest_.block(i, j, rows, cols) = gram_.block(j, i, cols, rows).transpose();
        });
        for (std::size_t k = 1; k < powers_.size(); ++k)
            for_lower_blocks(n_, [&](Index i, Index rows, Index j, Index cols) {
                blas::gemm<Real>(blas::Op::none, blas::Op::none, rows, cols, i + rows - j, 1, at(powers_[0], i, j), n_,
                                 at(powers_[k - 1], j, j), n_, 0, at(powers_[k], i, j), n_);
            });
    }

    /// Z := F^3 Z, of which the lower triangle needs that of Z only.
    void multiply_rest() {
        for_lower_blocks(n_, [&](Index i, Index rows, Index j, Index cols) {
            blas::gemm<Real>(blas::Op::transpose, blas::Op::none, rows, cols, n_ - i, 1, at(powers_.back(), i, i), n_,
                             at(rest_, i, j), n_, 0, at(next_, i, j), n_);
        });
        rest_.swap(next_);
    }

    double strictly_lower_dot(const Matrix<Real>& power) const {
        double sum = 0;
        for (Index j = 0; j + 1 < n_; ++j)
            sum += static_cast<double>(power.col(j).tail(n_ - j - 1).dot(rest_.col(j).tail(n_ - j - 1)));
        return sum;
    }

    Real* at(Matrix<Real>& matrix, Index i, Index j) const { return matrix.data() + i + j * n_; }

    Index n_;
    Matrix<Real> gram_, rest_, next_;
    std::vector<Matrix<Real>> powers_;
};

/// ((c_ee - c_oe) - (c_eo - c_oo)) / (2 n) for the members e, o of pairs i (rows) and j (columns)
template <class Real>
void gather_pairs(const Real* cross, Index n, std::span<const Index> order, Vector<Real>& difference,
                  Matrix<Real>& transposed) {
    const Index pairs = transposed.rows();
    const Real unit = 1 / static_cast<Real>(2 * pairs);
    using Row = Eigen::Map<const Vector<Real>>;
    for (Index i = 0; i < pairs; ++i) {
        const auto first = static_cast<std::size_t>(2 * i);
        difference = Row(cross + order[first] * n, n) - Row(cross + order[first + 1] * n, n);
        for (Index j = 0; j < pairs; ++j) {
            const auto second = static_cast<std::size_t>(2 * j);
            transposed(j, i) = unit * (difference[order[second]] - difference[order[second + 1]]);
        }
    }
}

}  // namespace

template <class Real>
void chain_moments(const Real* gram, Index n, std::span<double> moments) {
    require(n > 0 && !moments.empty() && static_cast<Index>(moments.size()) <= n, "as many moments as samples at most");
    Chains<Real> chains(n, static_cast<Index>(moments.size()));
    chains.transposed_gram() = Eigen::Map<const Matrix<Real>>(gram, n, n) / static_cast<Real>(n);
    chains.moments(moments);
}

template <class Real>
void paired_chain_moments(const Real* cross, Index n, std::span<const Index> orders, Index n_moments,
                          const Execution& execution, std::span<double> moments) {
    require(n_moments > 0 && n_moments <= n / 2, "as many moments as pairs at most");
    const auto length = static_cast<std::size_t>(n), width = static_cast<std::size_t>(n_moments);
    require(orders.size() % length == 0 && moments.size() == orders.size() / length * width, "one row per order");
    for (const Index sample : orders) require(sample >= 0 && sample < n, "orders must hold samples");
    const auto workers = static_cast<std::size_t>(std::max(1, execution.threads));
    std::vector<Chains<Real>> chains;
    for (std::size_t worker = 0; worker < workers; ++worker) chains.emplace_back(n / 2, n_moments);
    std::vector<Vector<Real>> differences(workers);
    parallel::run_tasks(static_cast<Index>(orders.size() / length), execution, [&](Index task, int worker) {
        const auto draw = static_cast<std::size_t>(task), place = static_cast<std::size_t>(worker);
        gather_pairs(cross, n, orders.subspan(draw * length, length), differences[place],
                     chains[place].transposed_gram());
        chains[place].moments(moments.subspan(draw * width, width));
    });
}

#define EIGENSCOPE_INSTANTIATE(Real)                                                                              \
    template void chain_moments<Real>(const Real*, Index, std::span<double>);                                     \
    template void paired_chain_moments<Real>(const Real*, Index, std::span<const Index>, Index, const Execution&, \
                                             std::span<double>);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope::random_matrix
