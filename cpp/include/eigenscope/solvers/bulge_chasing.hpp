// A symmetric band matrix brought to tridiagonal form: the second of two stages on the way to eigenvalues, and its
// transformation back. Schwarz 1968; blocks of reflectors as in Haidar, Ltaief, Dongarra, SC11 (2011).
#pragma once

#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/foundation/types.hpp>
#include <eigenscope/solvers/band_reduction.hpp>
#include <vector>

namespace eigenscope {

/// The reflectors I - tau v v^T of all sweeps; step k of sweep s acts on the b rows from s + 1 + k b on.
class BulgeReflectors {
  public:
    static constexpr Index length = BandMatrix::bandwidth + 1;

    explicit BulgeReflectors(Index order);

    Index order() const { return order_; }
    Index sweeps() const { return order_ > 2 ? order_ - 2 : 0; }
    Index steps(Index sweep) const;
    /// v and tau of every step of a sweep, one after the other.
    double* sweep(Index number) { return numbers_.data() + begin_[static_cast<std::size_t>(number)]; }
    const double* sweep(Index number) const { return numbers_.data() + begin_[static_cast<std::size_t>(number)]; }

  private:
    Index order_;
    std::vector<Index> begin_;
    std::vector<double> numbers_;
};

/// T = Q^T B Q from a band matrix, which is destroyed; the reflectors of Q are kept where there is room for them.
blas::Tridiagonal<double> chase_bulges(BandMatrix& matrix, const Execution& execution, BulgeReflectors* kept = nullptr);

/// Z := Q Z with the Q of chase_bulges; Z is n x count. Bits do not depend on threads.
void multiply_by_bulges(const BulgeReflectors& reflectors, Block<double> z, const Execution& execution);

}  // namespace eigenscope
