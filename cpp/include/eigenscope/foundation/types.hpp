// Views of memory that somebody else owns, and the scalar types the core is built for.
#pragma once

#include <Eigen/Core>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace eigenscope {

using Index = std::int64_t;
using complex64 = std::complex<float>;
using complex128 = std::complex<double>;

template <class Scalar>
using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
template <class Scalar>
using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;

template <class Scalar>
using RealOf = typename Eigen::NumTraits<Scalar>::Real;
template <class Scalar>
inline constexpr bool is_complex = std::is_same_v<Scalar, complex64> || std::is_same_v<Scalar, complex128>;

/// The scalar in which small dense algebra is done: double precision, whatever the data are stored in.
template <class Scalar>
using Precise = std::conditional_t<is_complex<Scalar>, complex128, double>;

/// A column-major block of vectors, rows x cols, columns `stride` elements apart.
template <class Scalar>
struct Block {
    Scalar* data = nullptr;
    Index rows = 0;
    Index cols = 0;
    Index stride = 0;

    Block() = default;
    Block(Scalar* data_, Index rows_, Index cols_, Index stride_)
        : data(data_), rows(rows_), cols(cols_), stride(stride_) {}
    // A writable block may be read.
    template <class Other>
        requires std::is_same_v<Scalar, const Other>
    Block(const Block<Other>& other)  // NOLINT: implicit, like a pointer to const
        : data(other.data), rows(other.rows), cols(other.cols), stride(other.stride) {}
    template <class Derived>
    Block(Eigen::PlainObjectBase<Derived>& matrix)  // NOLINT: implicit, a matrix is a block
        : data(matrix.data()), rows(matrix.rows()), cols(matrix.cols()), stride(matrix.rows()) {}
    template <class Derived>
        requires std::is_const_v<Scalar>
    Block(const Eigen::PlainObjectBase<Derived>& matrix)  // NOLINT
        : data(matrix.data()), rows(matrix.rows()), cols(matrix.cols()), stride(matrix.rows()) {}

    Block columns(Index first, Index count) const { return {data + first * stride, rows, count, stride}; }
    Block rows_range(Index first, Index count) const { return {data + first, count, cols, stride}; }
    Scalar* column(Index j) const { return data + j * stride; }

    using Plain = Matrix<std::remove_const_t<Scalar>>;
    using MapType =
        Eigen::Map<std::conditional_t<std::is_const_v<Scalar>, const Plain, Plain>, 0, Eigen::OuterStride<>>;
    MapType map() const { return MapType(data, rows, cols, Eigen::OuterStride<>(stride)); }
};

template <class Scalar>
using ConstBlock = Block<const Scalar>;

/// Compressed sparse rows; `IndexType` is int32 or int64. A CSC matrix is the CSR of its transpose.
template <class Scalar, class IndexType>
struct CsrView {
    Index rows = 0;
    Index cols = 0;
    const IndexType* row_start = nullptr;
    const IndexType* columns = nullptr;
    const Scalar* values = nullptr;

    Index nonzeros() const { return rows == 0 ? 0 : static_cast<Index>(row_start[rows] - row_start[0]); }
};

}  // namespace eigenscope
