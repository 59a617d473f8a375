#include <algorithm>
#include <array>
#include <cmath>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/random_matrix/silverstein.hpp>
#include <limits>
#include <numbers>
#include <string>

namespace eigenscope::random_matrix {

namespace {

using complex = std::complex<double>;

constexpr double epsilon = std::numeric_limits<double>::epsilon();
/// Guarded Newton halves its bracket at worst, and a double has 53 bits and 2000 exponents.
constexpr int max_iterations = 200;
/// Newton doubles its digits: a step of this relative size leaves an error below rounding.
constexpr double last_step = 1e-9;
/// A prediction that needs more steps is too far away; the way there is cut in half.
constexpr int max_newton_steps = 10;
/// How far from 1 the sum may be that is 1 at a solution above the real axis, before the last Newton step.
constexpr double share_tolerance = 0.01;
/// Shorter steps in the angle θ mean that rounding, not distance, keeps Newton from arriving.
constexpr double shortest_stride = 1e-13;
/// Cuts of the way down from far above the real axis.
constexpr int max_cuts = 60;
/// Partial sums kept apart, so that the compiler may fill its vector registers.
constexpr std::size_t lanes = 4;
/// Far above the spectrum, where ψ(u) = u + c mean to a few percent, the way down to z begins.
constexpr double start_height = 8;

}  // namespace

/// ρ = c Σ w t² / (u - t)² = 1 - ψ'(u), and its derivatives.
struct SilversteinLaw::Sums {
    double value = 0;
    double slope = 0;
    double curvature = 0;
};

/// Around an edge e, where ψ'(e) = 0, nothing cancels in ψ(e + δ) - ψ(e) = δ² Σ q / (u - t) and
/// ψ'(e + δ) = δ Σ [q / (u - t) + r / (u - t)²] with q = c w t² / (e - t)², r = c w t² / (e - t).
struct SilversteinLaw::EdgeExpansion {
    double point;
    double sign;                              // +1: the interval lies above the edge
    std::vector<double> gaps, q, r, squares;  // squares: c w t²

    EdgeExpansion(const SilversteinLaw& law, const SupportEdge& edge, double sign_)
        : point(edge.point()), sign(sign_), gaps(padded(law)), q(gaps.size()), r(gaps.size()), squares(gaps.size()) {
        // Padding with q = r = 0 at a harmless distance fills the last lanes.
        std::fill(gaps.begin(), gaps.end(), 1.0);
        for (std::size_t i = 0; i < law.atoms_.size(); ++i) {
            const double t = law.atoms_[i];
            gaps[i] = (edge.base - t) + edge.offset;
            squares[i] = law.loads_[i] * t * t;
            r[i] = squares[i] / gaps[i];
            q[i] = r[i] / gaps[i];
        }
    }
    static std::size_t padded(const SilversteinLaw& law) { return (law.atoms_.size() + lanes - 1) / lanes * lanes; }

    struct Value {
        complex level;  // [ψ(e + δ) - ψ(e)] / δ²
        complex slope;  // ψ'(e + δ) / δ
        double share;   // c Σ w t² / |u - t|²
    };
    Value at(complex delta) const {
        const double x = delta.real(), y = delta.imag(), yy = y * y;
        std::array<double, lanes> level_re{}, level_im{}, square_re{}, square_im{}, share{};
        for (std::size_t i = 0; i < gaps.size(); i += lanes) {
            for (std::size_t l = 0; l < lanes; ++l) {
                // a + ib = 1 / (u - t)
                const double distance = gaps[i + l] + x;
                const double inverse = 1 / (distance * distance + yy);
                const double a = distance * inverse, b = -y * inverse;
                level_re[l] += q[i + l] * a;
                level_im[l] += q[i + l] * b;
                square_re[l] += r[i + l] * (a * a - b * b);
                square_im[l] += r[i + l] * (2 * a * b);
                share[l] += squares[i + l] * inverse;
            }
        }
        Value value{{0, 0}, {0, 0}, 0};
        for (std::size_t l = 0; l < lanes; ++l) {
            value.level += complex(level_re[l], level_im[l]);
            value.slope += complex(square_re[l], square_im[l]);
            value.share += share[l];
        }
        value.slope += value.level;
        return value;
    }
};

SilversteinLaw::SilversteinLaw(std::span<const double> atoms, std::span<const double> weights, double ratio)
    : atoms_(atoms.begin(), atoms.end()), loads_(weights.begin(), weights.end()), ratio_(ratio), total_load_(0) {
    require(!atoms.empty() && atoms.size() == weights.size(), "every atom needs one weight");
    for (double& load : loads_) {
        load *= ratio;
        total_load_ += load;
    }
    SupportInterval interval;
    interval.low = lowest_edge();
    double load = 0;
    for (std::size_t i = 0; i + 1 < atoms_.size(); ++i) {
        load += loads_[i];
        double offset = 0;
        if (!find_gap(i, offset)) continue;
        interval.high = edge_between(atoms_[i], 0, offset);
        interval.mass = load / ratio_;
        intervals_.push_back(interval);
        interval.low = edge_between(atoms_[i + 1], 0, offset - (atoms_[i + 1] - atoms_[i]));
        load = 0;
    }
    // ρ <= c t² / (u - t)² for the largest t bounds the highest critical point.
    interval.high = edge_between(atoms_.back(), 0, atoms_.back() * std::sqrt(total_load_));
    interval.mass = (load + loads_.back()) / ratio_;
    intervals_.push_back(interval);
    // With more features than samples the lowest interval is short of the share 1 - 1/c that lies at zero.
    if (total_load_ > 1) intervals_.front().mass -= (total_load_ - 1) / ratio_;
}

SilversteinLaw::Sums SilversteinLaw::sums(double base, double offset) const {
    Sums total;
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
        const double t = atoms_[i], inverse = 1 / ((base - t) + offset);
        const double square = loads_[i] * (t * inverse) * (t * inverse);
        total.value += square;
        total.slope -= 2 * square * inverse;
        total.curvature += 6 * square * inverse * inverse;
    }
    return total;
}

double SilversteinLaw::map(double u) const {
    double total = 1;
    for (std::size_t i = 0; i < atoms_.size(); ++i) total += loads_[i] * atoms_[i] / (u - atoms_[i]);
    return u * total;
}

double SilversteinLaw::slope(double u) const {
    return 1 - sums(0, u).value;
}

double SilversteinLaw::curvature(double u) const {
    return -sums(0, u).slope;
}

// ρ falls from above 1 at `inside` to 1 or less at `outside`. Newton on 1/√ρ, which is linear beside a single atom and
// far from all of them.
double SilversteinLaw::critical_offset(double base, double inside, double outside) const {
    double offset = outside;
    for (int step = 0; step < max_iterations; ++step) {
        const Sums rho = sums(base, offset);
        (rho.value > 1 ? inside : outside) = offset;
        double next = offset + 2 * rho.value * (1 - std::sqrt(rho.value)) / rho.slope;
        const bool is_inside = (next > inside) != (next > outside);
        if (!is_inside) next = inside + (outside - inside) / 2;
        if (std::abs(next - offset) <= epsilon * std::abs(next)) return next;
        offset = next;
    }
    return offset;
}

SupportEdge SilversteinLaw::edge_between(double base, double inside, double outside) const {
    SupportEdge edge;
    edge.base = base;
    edge.offset = critical_offset(base, inside, outside);
    // x = ψ(e) = e² c Σ w t / (e - t)², a form of positive terms that ψ'(e) = 0 allows.
    double total = 0;
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
        const double gap = (base - atoms_[i]) + edge.offset;
        total += loads_[i] * atoms_[i] / gap / gap;
    }
    edge.location = edge.point() * edge.point() * total;
    edge.curvature = -sums(base, edge.offset).slope;
    return edge;
}

// The lowest critical point lies at zero when c = 1, below it when c > 1 (bounded by the largest atom) and otherwise
// between zero and the smallest atom (which bounds it).
SupportEdge SilversteinLaw::lowest_edge() const {
    const double smallest = atoms_.front(), root = std::sqrt(total_load_);
    if (total_load_ == 1) {
        SupportEdge edge;
        edge.curvature = curvature(0);
        return edge;
    }
    if (total_load_ > 1) return edge_between(0, 0, atoms_.back() * (1 - root));
    const double bound = smallest * (1 - root);
    return bound < smallest / 2 ? edge_between(0, smallest, bound) : edge_between(smallest, 0, -smallest * root);
}

// Whether ρ < 1 somewhere between two atoms; ρ is convex there. `offset` is counted from the left atom.
bool SilversteinLaw::find_gap(std::size_t left, double& offset) const {
    const double t = atoms_[left], width = atoms_[left + 1] - t;
    const double a = std::cbrt(loads_[left] * t * t);
    const double b = std::cbrt(loads_[left + 1] * atoms_[left + 1] * atoms_[left + 1]);
    // The two neighbours alone have the minimum (a + b)³ / width².
    if ((a + b) * (a + b) * (a + b) >= width * width) return false;
    double low = 0, high = width;
    offset = width * a / (a + b);
    for (int step = 0; step < max_iterations; ++step) {
        const Sums rho = sums(t, offset);
        if (rho.value < 1) return true;
        (rho.slope < 0 ? low : high) = offset;
        // The tangent bounds a convex function from below.
        if (rho.value + rho.slope * ((rho.slope < 0 ? high : low) - offset) >= 1) return false;
        double next = offset - rho.slope / rho.curvature;
        if (!(next > low && next < high)) next = low + (high - low) / 2;
        if (std::abs(next - offset) <= epsilon * next) return false;
        offset = next;
    }
    return false;
}

/// Follows u from an edge into the bulk, in the angle θ of distance = width sin²(θ/2), in which u is analytic.
class SilversteinLaw::March {
  public:
    March(const EdgeExpansion& edge, double width) : edge_(edge), width_(width) { start(); }

    /// u at a distance no smaller than the last one.
    complex to(double distance) {
        if (distance == reached_) return edge_.point + delta_;
        const double goal = 2 * std::asin(std::sqrt(std::min(1.0, distance / width_)));
        bool is_fresh = reached_ == 0;
        while (reached_ < distance) {
            const bool arrives = angle_ + stride_ >= goal;
            const double end = arrives ? goal : angle_ + stride_, half = std::sin(end / 2);
            const bool arrived = step(end, arrives ? distance : width_ * half * half);
            stride_ *= arrived ? 2 : 0.5;
            stride_ = std::min(stride_, 1.0);
            if (stride_ >= shortest_stride) continue;
            // A point close to a near-merger may have led to another branch: once more from the edge, past it.
            if (is_fresh)
                throw InvalidInput("the law could not be followed at a distance of " + std::to_string(distance) +
                                   " from an edge: two intervals of the support all but merge there");
            is_fresh = true;
            start();
        }
        return edge_.point + delta_;
    }

  private:
    void start() {
        angle_ = reached_ = 0;
        stride_ = 1;
        delta_ = 0;
        derivative_ = {0, std::sqrt(width_ / std::abs(edge_.at(0).level.real())) / 2};
    }

    /// Newton for δ² level(δ) = ± distance; false when it does not arrive above the real axis.
    bool step(double angle, double distance) {
        complex delta = delta_ + (angle - angle_) * derivative_;
        for (int newton = 0; newton < max_newton_steps; ++newton) {
            const auto value = edge_.at(delta);
            const complex slope = delta * value.slope;
            const complex change = (delta * delta * value.level - edge_.sign * distance) / slope;
            delta -= change;
            if (!(std::abs(change) <= last_step * std::abs(delta))) continue;
            // Im ψ(u) = Im u (1 - c Σ w t² / |u - t|²) vanishes: that sum tells the solution from real roots.
            if (!(delta.imag() > 0 && std::abs(value.share - 1) < share_tolerance)) return false;
            derivative_ = edge_.sign * width_ * std::sin(angle) / 2 / slope;
            delta_ = delta;
            angle_ = angle;
            reached_ = distance;
            return true;
        }
        return false;
    }

    const EdgeExpansion& edge_;
    double width_;
    double angle_, reached_;
    double stride_;  // the longest step in θ that is tried
    complex delta_;
    complex derivative_;  // dδ/dθ
};

void SilversteinLaw::solve_inside(std::size_t which, std::span<const double> above_low,
                                  std::span<const double> below_high, std::span<complex> points) const {
    const std::size_t count = points.size();
    require(which < intervals_.size() && above_low.size() == count && below_high.size() == count,
            "one pair of distances per point of an interval that exists");
    const SupportInterval& interval = intervals_[which];
    const double width = interval.high.location - interval.low.location;
    std::size_t middle = 0;
    const EdgeExpansion low(*this, interval.low, 1), high(*this, interval.high, -1);
    March upward(low, width), downward(high, width);
    for (; middle < count && above_low[middle] < below_high[middle]; ++middle)
        points[middle] = upward.to(above_low[middle]);
    for (std::size_t i = count; i-- > middle;) points[i] = downward.to(below_high[i]);
}

double SilversteinLaw::solve_outside(double x) const {
    double low, high;
    if (x < intervals_.front().low.location) {
        // u <= x <= u + c mean for u < 0
        double mean = 0;
        for (std::size_t i = 0; i < atoms_.size(); ++i) mean += loads_[i] * atoms_[i];
        low = std::min(x, 0.0) - mean;
        high = intervals_.front().low.point();
    } else if (x > intervals_.back().high.location) {
        low = intervals_.back().high.point();
        high = x;
    } else {
        std::size_t next = 1;
        while (next < intervals_.size() && intervals_[next].low.location <= x) ++next;
        if (next == intervals_.size() || x <= intervals_[next - 1].high.location)
            return std::numeric_limits<double>::quiet_NaN();
        low = intervals_[next - 1].high.point();
        high = intervals_[next].low.point();
    }
    double u = low + (high - low) / 2;
    for (int step = 0; step < max_iterations; ++step) {
        const double excess = map(u) - x;
        (excess > 0 ? high : low) = u;
        double next = u - excess / slope(u);
        if (!(next > low && next < high)) next = low + (high - low) / 2;
        if (std::abs(next - u) <= epsilon * std::abs(next)) return next;
        u = next;
    }
    return u;
}

// From high above the real axis, where u is known, down to z; the way is cut where Newton does not follow.
complex SilversteinLaw::solve_complex(complex z) const {
    require(z.imag() > 0, "the point must lie above the real axis");
    double height = start_height * (1 + total_load_) * std::max(atoms_.back(), std::abs(z));
    height = std::max(height, z.imag());
    complex u = {z.real(), height};
    double target = height, factor = 0.25;
    for (int cuts = 0; cuts < max_cuts;) {
        complex next = u;
        bool converged = false;
        for (int newton = 0; newton < max_newton_steps && !converged; ++newton) {
            complex level = 1, slope = 1;
            for (std::size_t i = 0; i < atoms_.size(); ++i) {
                const complex share = atoms_[i] / (next - atoms_[i]);
                level += loads_[i] * share;
                slope -= loads_[i] * share * share;
            }
            const complex change = (next * level - complex(z.real(), target)) / slope;
            next -= change;
            converged = std::abs(change) <= last_step * std::abs(next);
        }
        if (converged && next.imag() > 0) {
            u = next;
            height = target;
            if (height == z.imag()) return u;
            factor = std::max(factor * factor, 1e-6);
        } else {
            factor = std::sqrt(factor);
            ++cuts;
        }
        target = std::max(z.imag(), height * factor);
    }
    return {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::quiet_NaN()};
}

// m = -Σ w / (u - t) / (z / u), where z / u = 1 + c Σ w t / (u - t) stays finite at zero.
complex SilversteinLaw::stieltjes(complex u, complex z) const {
    complex resolvent = 0, level = 1;
    for (std::size_t i = 0; i < atoms_.size(); ++i) {
        const complex share = loads_[i] / (u - atoms_[i]);
        resolvent += share;
        level += share * atoms_[i];
    }
    return -resolvent / ratio_ / (u == 0.0 ? level : z / u);
}

}  // namespace eigenscope::random_matrix
