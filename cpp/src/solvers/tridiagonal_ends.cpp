#include <algorithm>
#include <array>
#include <cmath>
#include <eigenscope/solvers/tridiagonal_ends.hpp>
#include <limits>

namespace eigenscope {

namespace {

/// Eigenvalues closer than this times eps and the norm are copies, between which no interval can end.
constexpr double copies_within = 64.0;
/// Values from the two ends closer than this, relative to the norm, may belong to one eigenvalue.
constexpr double clear_separation = 1e-3;

/// No eigenvalue of T is larger in absolute value (Gershgorin's circles).
template <class Real>
Real bound_of_norm(const blas::Tridiagonal<Real>& t) {
    const Index n = t.diagonal.size();
    Vector<Real> radii = t.diagonal.cwiseAbs();
    radii.head(n - 1) += t.off_diagonal.head(n - 1).cwiseAbs();
    radii.tail(n - 1) += t.off_diagonal.head(n - 1).cwiseAbs();
    return radii.maxCoeff();
}

}  // namespace

template <class Real>
std::optional<TridiagonalPairs<Real>> pairs_at_ends(const blas::Tridiagonal<Real>& t, Index lower, Index upper) {
    const Index n = t.diagonal.size(), above = n - upper;
    TridiagonalPairs<Real> pairs{Vector<Real>(lower + upper), Matrix<Real>(n, lower + upper)};
    if (lower + upper == 0) return pairs;
    const Real norm = bound_of_norm(t), accuracy = std::numeric_limits<Real>::epsilon() * norm;
    const Real apart = static_cast<Real>(copies_within) * accuracy;
    // The eigenvalues on both sides of the two cuts: number lower - 1 and lower, above - 1 and above.
    const std::array<Real, 2> nothing{-2 * norm, 2 * norm};
    std::optional<std::array<Real, 2>> around_low = nothing, around_high = nothing;
    if (lower > 0 && lower < n) around_low = blas::tridiagonal_neighbours<Real>(t, lower, accuracy);
    if (above > 0 && above < n) around_high = blas::tridiagonal_neighbours<Real>(t, above, accuracy);
    if (!around_low || !around_high) return std::nullopt;
    const auto low = *around_low, high = *around_high;
    if (low[1] - low[0] <= apart || high[1] - high[0] <= apart) return std::nullopt;
    if (lower > 0 && upper > 0 && high[1] - low[0] < static_cast<Real>(clear_separation) * norm) return std::nullopt;
    const Real low_end = lower == n ? 2 * norm : (low[0] + low[1]) / 2;
    const Real high_end = upper == n ? -2 * norm : (high[0] + high[1]) / 2;
    const bool found =
        (lower == 0 || blas::tridiagonal_eigh_between<Real>(t, -2 * norm, low_end, lower, pairs.values.data(),
                                                            pairs.vectors.data(), n)) &&
        (upper == 0 || blas::tridiagonal_eigh_between<Real>(t, high_end, 2 * norm, upper, pairs.values.data() + lower,
                                                            pairs.vectors.data() + lower * n, n));
    return found ? std::optional(std::move(pairs)) : std::nullopt;
}

#define EIGENSCOPE_INSTANTIATE(R) \
    template std::optional<TridiagonalPairs<R>> pairs_at_ends<R>(const blas::Tridiagonal<R>&, Index, Index);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
