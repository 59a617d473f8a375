// The vectors of a group of Lanczos recurrences as row-major blocks, the layout in which sparse products run: nothing
// is turned or allocated between steps.
#pragma once

#include <algorithm>
#include <eigenscope/foundation/kernels.hpp>
#include <eigenscope/operators/block_operator.hpp>
#include <utility>
#include <vector>

#include "../operators/packed.hpp"

namespace eigenscope {

/// Probes that are multiplied together, as many as the operator keeps in cache.
template <class Scalar>
class RowMajorTile {
    using Real = RealOf<Scalar>;

  public:
    RowMajorTile(ConstBlock<Scalar> start, const Execution& execution)
        : rows_(start.rows), width_(start.cols), current_(start, execution), next_(start.rows * start.cols) {
        std::fill_n(next_.data(), size(), Scalar(0));
    }

    const Scalar* next() const { return next_.data(); }
    Index size() const { return rows_ * width_; }
    Index width() const { return width_; }

    /// next_j := A current_j - coupling_j next_j; returns Re <current_j, next_j>.
    Vector<double> multiply(BlockOperator<Scalar>& op, const Vector<double>& coupling, const Execution& execution) {
        const Vector<Real> row = per_real(coupling);
        return per_column(
            op.lanczos(current_.data(), next_.data(), width_, reinterpret_cast<const Scalar*>(row.data()), execution));
    }

    /// next_j := a_j next_j - b_j current_j, which becomes the current vector; returns the squares of the norms.
    Vector<double> advance(const Vector<double>& a, const Vector<double>& b, const Execution& execution) {
        const RecurrenceKernels<Real>& kernel = kernels();
        const Vector<Real> a_row = per_real(a), b_row = per_real(b);
        const Index chunks = (rows_ + chunk_rows - 1) / chunk_rows;
        Matrix<double> partial = Matrix<double>::Zero(width_ * parts, chunks);
        parallel::run_tasks(chunks, execution, [&](Index chunk, int) {
            const Index first = chunk * chunk_rows, offset = first * width_;
            kernel.advance_rows(std::min(chunk_rows, rows_ - first), width_ * parts, a_row.data(), b_row.data(),
                                reinterpret_cast<const Real*>(current_.data() + offset),
                                reinterpret_cast<Real*>(next_.data() + offset), partial.col(chunk).data());
        });
        std::swap(current_, next_);
        return per_column(partial.rowwise().sum());
    }

  private:
    static constexpr Index parts = is_complex<Scalar> ? 2 : 1;
    /// Rows of one task, cut by the shape alone.
    static constexpr Index chunk_rows = 4096;

    static Vector<Real> per_real(const Vector<double>& factors) {
        Vector<Real> row(factors.size() * parts);
        for (Index k = 0; k < row.size(); ++k) row[k] = static_cast<Real>(factors[k / parts]);
        return row;
    }

    static Vector<double> per_column(const Vector<double>& sums) {
        if constexpr (parts == 1) return sums;
        const Index width = sums.size() / parts;
        return sums(Eigen::seqN(0, width, 2)) + sums(Eigen::seqN(1, width, 2));
    }

    Index rows_;
    Index width_;
    PackedBlock<Scalar> current_, next_;
};

template <class Scalar>
class RowMajorProbes {
  public:
    RowMajorProbes(BlockOperator<Scalar>& op, ConstBlock<Scalar> start, const Execution& execution)
        : op_(op), width_(start.cols) {
        const Index together = op.row_major_width(width_);
        for (Index first = 0; first < width_; first += together)
            tiles_.emplace_back(start.columns(first, std::min(together, width_ - first)), execution);
    }

    const std::vector<RowMajorTile<Scalar>>& tiles() const { return tiles_; }
    Index size() const {
        Index total = 0;
        for (const auto& tile : tiles_) total += tile.size();
        return total;
    }

    /// As of a tile, for all probes.
    Vector<double> multiply(const Vector<double>& coupling, const Execution& execution) {
        return for_tiles([&](RowMajorTile<Scalar>& tile, Index first) {
            return tile.multiply(op_, coupling.segment(first, tile.width()), execution);
        });
    }
    Vector<double> advance(const Vector<double>& a, const Vector<double>& b, const Execution& execution) {
        return for_tiles([&](RowMajorTile<Scalar>& tile, Index first) {
            return tile.advance(a.segment(first, tile.width()), b.segment(first, tile.width()), execution);
        });
    }

  private:
    template <class Body>
    Vector<double> for_tiles(const Body& body) {
        Vector<double> results(width_);
        Index first = 0;
        for (auto& tile : tiles_) {
            results.segment(first, tile.width()) = body(tile, first);
            first += tile.width();
        }
        return results;
    }

    BlockOperator<Scalar>& op_;
    Index width_;
    std::vector<RowMajorTile<Scalar>> tiles_;
};

}  // namespace eigenscope
