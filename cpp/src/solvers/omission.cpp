#include "omission.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace eigenscope {

namespace {

/// Chance of missing an eigenvalue that is accepted, per decision.
constexpr double omission_probability = 1e-3;
/// Values closer than this times their residuals may be copies of one value.
constexpr double copy_width = 16.0;

/// The least wanted accepted value at one end.
double boundary(const RitzSet& set, bool upper) {
    const auto accepted = set.values.head(set.k);
    switch (set.which) {
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
    // Upper and lower values in turn; with one pair there is no lower one, and nothing below is wanted.
    double value = upper ? accepted[0] : -std::numeric_limits<double>::infinity();
    for (Index j = upper ? 0 : 1; j < set.k; j += 2)
        value = upper ? std::min(value, accepted[j]) : std::max(value, accepted[j]);
    return value;
}

/// Kuczynski and Wozniakowski (1992): from a random start, d steps leave the extreme Ritz value short of the extreme
/// eigenvalue by more than a share s of the spectrum's width with probability at most 1.648 sqrt(n)
/// exp(-sqrt(s) (2 d - 1)). So an end where Ritz values stay far from anything wanted holds nothing wanted.
bool far_end_is_excluded(const RitzSet& set, const FirstRun& first_run, bool upper) {
    const double gap = upper ? boundary(set, true) - first_run.highest : first_run.lowest - boundary(set, false);
    if (first_run.blocks == 0 || !(gap > 0.0)) return false;
    const double share = std::isinf(gap) ? 1.0 : gap / (gap + first_run.highest - first_run.lowest);
    const double exponent = std::sqrt(share) * (2.0 * static_cast<double>(first_run.blocks) - 1.0);
    return exponent >= std::log(1.648 * std::sqrt(set.n) / omission_probability);
}

/// The best candidate at one end has a small residual, or nothing can be there.
bool end_is_settled(const RitzSet& set, const FirstRun& first_run, bool upper) {
    if (far_end_is_excluded(set, first_run, upper)) return true;
    Index candidate = -1;
    for (Index j = set.k; j < set.values.size(); ++j)
        if (candidate < 0 || (set.values[j] > set.values[candidate]) == upper) candidate = j;
    if (candidate < 0) return true;
    const double b = static_cast<double>(set.block);
    const double c = std::sqrt(std::acos(-1.0) / 2.0) * std::pow(omission_probability, 1.0 / b);
    const double reach = c / std::sqrt(set.n);
    const double limit = boundary(set, upper);
    const double gap = std::isinf(limit) ? 0.0 : std::abs(limit - set.values[candidate]);
    return set.residuals[candidate] <= std::max(set.accepted_residual, reach * gap);
}

bool some_lie_within(const RitzSet& set, double width_per_residual) {
    const Index count = std::min<Index>(set.k + 1, set.values.size()), b = set.block;
    std::vector<Index> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), Index{0});
    std::sort(order.begin(), order.end(), [&](Index i, Index j) { return set.values[i] < set.values[j]; });
    for (auto first = order.begin(); first + b <= order.end(); ++first) {
        double width = set.floor;
        for (auto j = first; j < first + b; ++j) width = std::max(width, width_per_residual * set.residuals[*j]);
        if (set.values[*(first + b - 1)] - set.values[*first] <= width) return true;
    }
    return false;
}

}  // namespace

bool candidates_are_settled(const RitzSet& set, const FirstRun& first_run) {
    const bool needs_upper = set.which != Which::smallest_algebraic;
    const bool needs_lower = set.which != Which::largest_algebraic;
    return (!needs_upper || end_is_settled(set, first_run, true)) &&
           (!needs_lower || end_is_settled(set, first_run, false));
}

bool may_hold_copies(const RitzSet& set) {
    RitzSet with_margin = set;
    with_margin.floor *= copy_width;
    return some_lie_within(with_margin, copy_width);
}

bool holds_copies(const RitzSet& set) {
    return some_lie_within(set, 0.0);
}

}  // namespace eigenscope
