#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <eigenscope/panels/pass.hpp>
#include <eigenscope/panels/scan.hpp>
#include <limits>
#include <vector>

namespace eigenscope {

namespace {

struct Counts {
    ScanSummary found;
    std::vector<char> columns;
};

/// Largest |x| of a line. Without its sign bit an IEEE number is ordered as an integer, with infinity and NaN on top,
/// so one integer maximum finds the largest magnitude and anything that is not finite.
template <class Real>
double largest_magnitude(const Real* line, Index length) {
    using Bits = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;
    constexpr Bits magnitude_mask = std::numeric_limits<Bits>::max();
    Bits largest = 0;
    for (Index j = 0; j < length; ++j) {
        Bits bits;
        std::memcpy(&bits, line + j, sizeof bits);
        bits &= magnitude_mask;
        largest = bits > largest ? bits : largest;
    }
    return static_cast<double>(std::bit_cast<Real>(largest));
}

/// A line element by element, for the rare line that holds something not finite. `row(i)` and `column(i)` say where
/// element i of the line stands.
template <class Scalar, class Row, class Column>
void inspect_line(const Scalar* line, Index length, Row&& row, Column&& column, std::vector<char>& rows, Counts& into) {
    for (Index i = 0; i < length; ++i) {
        const double magnitude = std::abs(line[i]);
        if (std::isfinite(magnitude)) {
            into.found.largest_magnitude = std::max(into.found.largest_magnitude, magnitude);
            continue;
        }
        const bool earlier = into.found.first_row < 0 || row(i) < into.found.first_row ||
                             (row(i) == into.found.first_row && column(i) < into.found.first_column);
        if (earlier) {
            into.found.first_row = row(i);
            into.found.first_column = column(i);
        }
        ++into.found.n_nonfinite;
        rows[static_cast<std::size_t>(row(i))] = 1;
        into.columns[static_cast<std::size_t>(column(i))] = 1;
    }
}

template <class Scalar>
void scan_panel(const DenseSource& source, Index first, Index count, Counts& into) {
    using Real = RealOf<Scalar>;
    std::vector<Scalar> scratch;
    if (!readable_in_place<Scalar>(source, {})) scratch.resize(static_cast<std::size_t>(count * source.cols));
    const auto panel = read_panel<Scalar>(source, first, count, 0, source.cols, {}, scratch.data());
    const Index n_lines = panel.row_major ? count : source.cols, length = panel.row_major ? source.cols : count;
    std::vector<char> rows(static_cast<std::size_t>(count), 0);
    for (Index i = 0; i < n_lines; ++i) {
        const Scalar* line = panel.data + i * panel.stride;
        constexpr Index parts = sizeof(Scalar) / sizeof(Real);
        const double part = largest_magnitude(reinterpret_cast<const Real*>(line), length * parts);
        if (std::isfinite(part) && parts == 1) {
            into.found.largest_magnitude = std::max(into.found.largest_magnitude, part);
        } else if (panel.row_major) {
            inspect_line(line, length, [i](Index) { return i; }, [](Index j) { return j; }, rows, into);
        } else {
            inspect_line(line, length, [](Index j) { return j; }, [i](Index) { return i; }, rows, into);
        }
    }
    into.found.rows_touched += std::count(rows.begin(), rows.end(), 1);
}

/// Counts of earlier rows gain those of later rows.
void add_later(Counts& into, const Counts& later) {
    if (into.found.first_row < 0) {
        into.found.first_row = later.found.first_row;
        into.found.first_column = later.found.first_column;
    }
    into.found.n_nonfinite += later.found.n_nonfinite;
    into.found.rows_touched += later.found.rows_touched;
    into.found.largest_magnitude = std::max(into.found.largest_magnitude, later.found.largest_magnitude);
    if (later.found.n_nonfinite > 0)
        for (std::size_t j = 0; j < into.columns.size(); ++j) into.columns[j] |= later.columns[j];
}

}  // namespace

ScanSummary scan(const DenseSource& source, const Execution& execution) {
    const Partition partition = cut_rows(source.rows, source.cols * Index{sizeof(double)}, source.cols);
    const auto make = [&] { return Counts{{}, std::vector<char>(static_cast<std::size_t>(source.cols), 0)}; };
    const auto absorb = [&](Counts& into, Index number, int) {
        Counts panel = make();
        const Index first = partition.first_row(number), count = partition.rows_in(number);
        if (source.type == ElementType::complex_single || source.type == ElementType::complex_double)
            scan_panel<complex128>(source, first, count, panel);
        else if (source.type == ElementType::float32 || source.type == ElementType::float16)
            scan_panel<float>(source, first, count, panel);
        else
            scan_panel<double>(source, first, count, panel);
        if (panel.found.first_row >= 0) panel.found.first_row += first;
        add_later(into, panel);
    };
    Counts counts = run_pass(partition, execution, make, absorb, add_later);
    counts.found.columns_touched = std::count(counts.columns.begin(), counts.columns.end(), 1);
    return counts.found;
}

}  // namespace eigenscope
