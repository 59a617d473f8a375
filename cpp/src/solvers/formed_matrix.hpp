// A matrix written out, for LAPACK.
#pragma once

#include <algorithm>
#include <eigenscope/operators/block_operator.hpp>

namespace eigenscope {

template <class Scalar>
struct FormedMatrix {
    Matrix<Scalar> matrix;
    Index n_matvecs = 0;
    Index n_applications = 0;
};

/// A itself where the operator holds it, and otherwise its product with the identity, a block of columns at a time.
template <class Scalar>
FormedMatrix<Scalar> form_matrix(BlockOperator<Scalar>& op, const Execution& execution) {
    constexpr Index identity_block = 64;
    const Index n = op.cols();
    FormedMatrix<Scalar> formed{Matrix<Scalar>(op.rows(), n)};
    if (op.form(formed.matrix, execution)) {
        formed.n_applications = 1;
        return formed;
    }
    for (Index first = 0; first < n; first += identity_block) {
        const Index count = std::min(identity_block, n - first);
        Matrix<Scalar> identity = Matrix<Scalar>::Zero(n, count);
        for (Index j = 0; j < count; ++j) identity(first + j, j) = Scalar(1);
        op.apply(identity, Block<Scalar>(formed.matrix).columns(first, count), execution);
        ++formed.n_applications;
    }
    formed.n_matvecs = n;
    return formed;
}

}  // namespace eigenscope
