// One look at all elements: what is not finite, and how large the rest is.
#pragma once

#include <eigenscope/foundation/progress.hpp>
#include <eigenscope/panels/source.hpp>

namespace eigenscope {

struct ScanSummary {
    Index n_nonfinite = 0;
    Index first_row = -1;
    Index first_column = -1;
    Index rows_touched = 0;
    Index columns_touched = 0;
    double largest_magnitude = 0.0;
};

/// Count what is not finite, and find the largest magnitude of what is.
ScanSummary scan(const DenseSource& source, const Execution& execution);

}  // namespace eigenscope
