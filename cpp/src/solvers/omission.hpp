// Whether a Krylov process from random start vectors may have missed a wanted eigenvalue.
#pragma once

#include <eigenscope/solvers/lanczos.hpp>

namespace eigenscope {

/// What the process knows: Ritz values, most wanted first, the first k of them accepted.
struct RitzSet {
    const Vector<double>& values;
    const Vector<double>& residuals;
    Index k;
    double n;     // the order; larger by 1 / s² where random vectors were a share s of the start
    Index block;  // random vectors the process began with
    Which which;
    double accepted_residual;
    double floor;  // what rounding leaves of a residual
};

/// The extreme Ritz values after so many blocks from a random start, without a restart; no blocks without one.
struct FirstRun {
    Index blocks = 0;
    double lowest = 0.0;
    double highest = 0.0;
};

/// If an eigenvalue mu beyond the accepted set had been missed, the best new Ritz vector y = p(A) x of a random start x
/// would have a component |p(mu)| |e·x| >= |e·x| along its vector e, since p grows beyond the Ritz values and has norm
/// one among them; its residual would be at least gap * |e·x|. Now |e·x| is |g| / sqrt(n) with g Gaussian, and b
/// columns give b chances: |g| < c for all of them has probability (c sqrt(2/pi))^b. So a residual below c * gap /
/// sqrt(n) excludes an omission with the stated probability; one below the tolerance excludes any value that differs by
/// more than the tolerance.
bool candidates_are_settled(const RitzSet& set, const FirstRun& first_run);

/// Whether `block` of the values may be copies of one: Ritz values of one eigenvalue lie within their residuals of it,
/// and those of a cluster wider than that leave residuals of its width.
bool may_hold_copies(const RitzSet& set);

/// Whether `block` of the values are equal to rounding.
bool holds_copies(const RitzSet& set);

}  // namespace eigenscope
