// Chebyshev polynomials of a Hermitian operator: small where the spectrum is not wanted, steep where it is.
#pragma once

#include <cmath>
#include <eigenscope/operators/block_operator.hpp>

namespace eigenscope {

/// T_degree((x - center) / half_width): within [-1, 1] between `unwanted_end` and `cut`, growing beyond the cut. A
/// negative half width turns the axis round, so that values below the cut are wanted.
struct ChebyshevFilter {
    double center = 0.0;
    double half_width = 1.0;
    Index degree = 2;

    ChebyshevFilter(double unwanted_end, double cut, Index degree_)
        : center(0.5 * (unwanted_end + cut)), half_width(0.5 * (cut - unwanted_end)), degree(degree_) {}

    /// arcosh((x - center) / half_width), 0 within the interval.
    double depth(double x) const { return std::acosh(std::max(1.0, (x - center) / half_width)); }
    /// The eigenvalue beyond the cut that the polynomial takes to `value` > 1.
    double inverse(double value) const {
        return center + half_width * std::cosh(std::acosh(std::max(1.0, value)) / static_cast<double>(degree));
    }
};

/// P T(P A P) P, with P the projection off given orthonormal eigenvectors of A, applied by the three-term recurrence
/// T_{j+1} = 2 t T_j - T_{j-1}.
template <class Scalar>
class ChebyshevOperator final : public BlockOperator<Scalar> {
  public:
    /// `deflated` (n x any) must outlive the operator.
    ChebyshevOperator(BlockOperator<Scalar>& inner, const ChebyshevFilter& filter, ConstBlock<Scalar> deflated)
        : inner_(inner), filter_(filter), deflated_(deflated) {}

    Index rows() const override { return inner_.rows(); }
    Index cols() const override { return inner_.rows(); }
    void apply(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override;
    void apply_adjoint(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution) override {
        apply(x, y, execution);
    }

  private:
    void recur_by_rows(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution);
    void recur_by_columns(ConstBlock<Scalar> x, Block<Scalar> y, const Execution& execution);

    BlockOperator<Scalar>& inner_;
    const ChebyshevFilter filter_;
    const ConstBlock<Scalar> deflated_;
};

}  // namespace eigenscope
