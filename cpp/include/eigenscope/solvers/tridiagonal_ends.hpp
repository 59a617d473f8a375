// A few eigenpairs from the ends of a symmetric tridiagonal matrix, the members of close groups included.
#pragma once

#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/types.hpp>
#include <optional>

namespace eigenscope {

template <class Real>
struct TridiagonalPairs {
    Vector<Real> values;
    Matrix<Real> vectors;
};

/// The `lower` smallest and the `upper` largest eigenpairs, ascending; vectors are orthogonal to a few hundred eps.
/// Nothing where LAPACK could not find them, where a wanted eigenvalue has a copy that is not wanted, or where LAPACK
/// might give one vector twice because the ends share an eigenvalue.
template <class Real>
std::optional<TridiagonalPairs<Real>> pairs_at_ends(const blas::Tridiagonal<Real>& t, Index lower, Index upper);

}  // namespace eigenscope
