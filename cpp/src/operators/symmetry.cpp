#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/parallel.hpp>
#include <eigenscope/operators/symmetry.hpp>
#include <limits>
#include <vector>

namespace eigenscope {

namespace {

/// Two square tiles of doubles fill half of a first-level cache.
constexpr Index tile = 32;

/// Largest magnitude so far. Without its sign bit an IEEE number is ordered as an integer, with infinity and NaN on
/// top, so an integer maximum is quick and loses nothing.
template <class Real>
class Largest {
    using Bits = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

  public:
    void add(const Real* values, Index count) {
        Bits largest = bits_;
        for (Index i = 0; i < count; ++i) {
            Bits bits;
            std::memcpy(&bits, values + i, sizeof bits);
            bits &= std::numeric_limits<Bits>::max();
            largest = bits > largest ? bits : largest;
        }
        bits_ = largest;
    }
    double value() const { return static_cast<double>(std::bit_cast<Real>(bits_)); }

  private:
    Bits bits_ = 0;
};

template <class Scalar>
Scalar element(const DenseSource& source, Index i, Index j) {
    Scalar value;
    std::memcpy(&value, source.data + i * source.row_stride + j * source.column_stride, sizeof value);
    return value;
}

template <class Scalar>
Scalar conjugate(Scalar value) {
    if constexpr (is_complex<Scalar>) return std::conj(value);
    return value;
}

/// One band of tiles: rows [first, first + tile) against the columns from `first` on.
template <class Scalar>
Asymmetry compare_band(const DenseSource& source, Index first) {
    using Real = RealOf<Scalar>;
    constexpr Index parts = sizeof(Scalar) / sizeof(Real);
    const Index rows = std::min(tile, source.rows - first);
    Largest<Real> largest, difference;
    Scalar upper[tile * tile], lower[tile * tile];
    for (Index across = first; across < source.cols; across += tile) {
        const Index columns = std::min(tile, source.cols - across);
        for (Index i = 0; i < rows; ++i)
            for (Index j = 0; j < columns; ++j) upper[i * tile + j] = element<Scalar>(source, first + i, across + j);
        for (Index j = 0; j < columns; ++j)
            for (Index i = 0; i < rows; ++i)
                lower[i * tile + j] = conjugate(element<Scalar>(source, across + j, first + i));
        for (Index i = 0; i < rows; ++i) {
            largest.add(reinterpret_cast<const Real*>(upper + i * tile), columns * parts);
            largest.add(reinterpret_cast<const Real*>(lower + i * tile), columns * parts);
            for (Index j = 0; j < columns; ++j) upper[i * tile + j] -= lower[i * tile + j];
            difference.add(reinterpret_cast<const Real*>(upper + i * tile), columns * parts);
        }
    }
    return {largest.value(), difference.value()};
}

/// The maximum, NaN when one of them is.
double larger(double a, double b) {
    return std::isnan(a) || a > b ? a : b;
}

template <class Scalar>
Asymmetry compare(const DenseSource& source, const Execution& execution) {
    const Index bands = (source.rows + tile - 1) / tile;
    std::vector<Asymmetry> found(static_cast<std::size_t>(bands));
    parallel::run_tasks(bands, execution, [&](Index band, int) {
        found[static_cast<std::size_t>(band)] = compare_band<Scalar>(source, band * tile);
    });
    Asymmetry total;
    for (const Asymmetry& band : found) {
        total.largest = larger(total.largest, band.largest);
        total.difference = larger(total.difference, band.difference);
    }
    return total;
}

}  // namespace

bool can_compare_with_adjoint(const DenseSource& source) {
    const bool floating = source.type == ElementType::float32 || source.type == ElementType::float64 ||
                          source.type == ElementType::complex_single || source.type == ElementType::complex_double;
    return floating && !source.byte_swapped && source.rows == source.cols && !source.row_index && !source.column_index;
}

Asymmetry asymmetry(const DenseSource& source, const Execution& execution) {
    require(can_compare_with_adjoint(source), "the matrix cannot be compared with its adjoint where it lies");
    switch (source.type) {
        case ElementType::float32:
            return compare<float>(source, execution);
        case ElementType::complex_single:
            return compare<complex64>(source, execution);
        case ElementType::complex_double:
            return compare<complex128>(source, execution);
        default:
            return compare<double>(source, execution);
    }
}

}  // namespace eigenscope
