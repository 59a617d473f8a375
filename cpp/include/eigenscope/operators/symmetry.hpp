// How far a dense matrix is from its adjoint, in one look at every element.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/panels/source.hpp>

namespace eigenscope {

struct Asymmetry {
    double largest = 0.0;     // max |a_ij|, infinite or NaN when some element is
    double difference = 0.0;  // max |a_ij - conj(a_ji)|
};

/// Whether `asymmetry` can read the source: square, floating or complex numbers in native byte order.
bool can_compare_with_adjoint(const DenseSource& source);

Asymmetry asymmetry(const DenseSource& source, const Execution& execution);

}  // namespace eigenscope
