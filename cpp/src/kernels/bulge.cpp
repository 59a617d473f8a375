// One sweep of the reduction of a band matrix to tridiagonal form: Householder reflectors that annihilate a column
// below its first subdiagonal and chase what they create down the band.
#include <cmath>

#include "arithmetic.hpp"
#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

constexpr int lanes = BulgeKernels::lanes;
constexpr int width = BulgeKernels::bandwidth;
constexpr int parts = width / lanes;
using Part = Chunk<double, lanes>;

/// A column of a width x width block, or a vector of that length, in registers.
struct Column {
    Part part[parts];

    static Column load(const double* source) {
        Column column;
        for (int q = 0; q < parts; ++q) column.part[q] = Part::load(source + q * lanes);
        return column;
    }
    void store(double* target) const {
        for (int q = 0; q < parts; ++q) part[q].store(target + q * lanes);
    }
    void add(double factor, const Column& x) {
        for (int q = 0; q < parts; ++q) part[q].add(factor, x.part[q]);
    }
    double dot(const Column& x) const {
        Part sum = {};
        for (int q = 0; q < parts; ++q) sum.add_product(part[q], x.part[q]);
        return sum.sum();
    }
};

/// H = I - tau v v^T with v_0 = 1 such that H x = beta e_0; x is overwritten by v. Returns beta.
double make_reflector(double* x, double& tau) {
    const Column column = Column::load(x);
    const double first = x[0];
    double rest = 0.0;
    for (int i = 1; i < width; ++i) rest += x[i] * x[i];
    tau = 0.0;
    double beta = first, factor = 0.0;
    if (rest > 0.0) {
        const double length = std::sqrt(first * first + rest);
        beta = first < 0.0 ? length : -length;
        tau = (beta - first) / beta;
        factor = 1.0 / (first - beta);
    }
    Column v = {};
    v.add(factor, column);
    v.store(x);
    x[0] = 1.0;
    return beta;
}

/// One at and after entry `lanes`: a load from lanes - 1 - l keeps what lies after lane l.
constexpr double after[2 * lanes] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1};

/// The share of the columns of part P, and of all after them, in D v: a symmetric product from one triangle, in which
/// every column serves as a column and, transposed, as a row. Row products go to `rows`, the others to w.
template <int P>
void multiply_lower(const double* block, std::int64_t stride, const double* v, const Column& reflector, double* rows,
                    Column& w) {
    for (int j = P * lanes; j < (P + 1) * lanes; ++j) {
        const double* column = block + j * stride;
        Part below = {}, product = {};
        below.add_product(Part::load(column + P * lanes), Part::load(after + lanes - 1 - j % lanes));
        product.add_product(below, reflector.part[P]);
        w.part[P].add(v[j], below);
        for (int q = P + 1; q < parts; ++q) {
            const Part entries = Part::load(column + q * lanes);
            product.add_product(entries, reflector.part[q]);
            w.part[q].add(v[j], entries);
        }
        rows[j] = product.sum() + column[j] * v[j];
    }
    if constexpr (P + 1 < parts) multiply_lower<P + 1>(block, stride, v, reflector, rows, w);
}

/// D := D - v w^T - w v^T on the lower triangle, from the columns of part P on; w is given in registers too.
template <int P>
void update_lower(double* block, std::int64_t stride, const double* v, const double* w, const Column& v_column,
                  const Column& w_column) {
    for (int j = P * lanes; j < (P + 1) * lanes; ++j) {
        double* column = block + j * stride;
        for (int q = P; q < parts; ++q) {
            Part entries = Part::load(column + q * lanes);
            entries.add(-w[j], v_column.part[q]);
            entries.add(-v[j], w_column.part[q]);
            entries.store(column + q * lanes);
        }
    }
    if constexpr (P + 1 < parts) update_lower<P + 1>(block, stride, v, w, v_column, w_column);
}

/// D := H D H for the symmetric block whose lower triangle starts at `block`, columns `stride` apart, H = I - tau v
/// v^T: w = tau D v, w := w - tau/2 (w^T v) v, D := D - v w^T - w v^T. Slots above the diagonal are scratch.
void apply_two_sided(double* block, std::int64_t stride, const double* v, double tau) {
    const Column reflector = Column::load(v);
    Column product = {};
    double rows[width], w[width];
    multiply_lower<0>(block, stride, v, reflector, rows, product);
    product.add(1.0, Column::load(rows));
    Column scaled = {};
    scaled.add(tau, product);
    scaled.add(-0.5 * tau * scaled.dot(reflector), reflector);
    scaled.store(w);
    update_lower<0>(block, stride, v, w, reflector, scaled);
}

/// B := H' B H for the block below: B := B (I - tau v v^T), then B := H' B with the reflector H' that clears its first
/// column below the first entry. H' may take the place of H.
void push_bulge(double* block, std::int64_t stride, const double* reflector_before, double* reflector_after) {
    const double* v = reflector_before;
    const double tau = reflector_before[width];
    Column product = {};
    for (int j = 0; j < width; ++j) product.add(tau * v[j], Column::load(block + j * stride));
    double next[width];
    Column first = Column::load(block);
    first.add(-v[0], product);
    first.store(next);
    double next_tau;
    const double beta = make_reflector(next, next_tau);
    Column cleared = {};
    cleared.store(block);
    block[0] = beta;
    const Column reflector = Column::load(next);
    for (int j = 1; j < width; ++j) {
        Column column = Column::load(block + j * stride);
        column.add(-v[j], product);
        column.add(-next_tau * column.dot(reflector), reflector);
        column.store(block + j * stride);
    }
    reflector.store(reflector_after);
    reflector_after[width] = next_tau;
}

void chase(double* band, std::int64_t stride, std::int64_t sweep, std::int64_t first_step, std::int64_t last_step,
           double* reflectors, std::int64_t reflector_stride) {
    for (std::int64_t step = first_step; step < last_step; ++step) {
        const std::int64_t row = sweep + 1 + step * width;
        double* const v = reflectors + step * reflector_stride;
        if (step == 0) {
            double* column = band + sweep * stride + 1;
            Column::load(column).store(v);
            const double beta = make_reflector(v, v[width]);
            Column cleared = {};
            cleared.store(column);
            column[0] = beta;
        } else {
            push_bulge(band + (row - width) * stride + width, stride - 1, v - reflector_stride, v);
        }
        apply_two_sided(band + row * stride, stride - 1, v, v[width]);
    }
}

}  // namespace

void add_bulge(Kernels& table) {
    table.chase = chase;
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
