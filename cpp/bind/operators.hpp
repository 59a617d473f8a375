// Operators as Python objects: they own the C++ operator and keep alive whatever it reads.
#pragma once

#include <eigenscope/operators/block_operator.hpp>
#include <memory>
#include <vector>

#include "arrays.hpp"

namespace eigenscope::bind {

template <class Scalar>
struct PythonOperator {
    std::unique_ptr<BlockOperator<Scalar>> op;
    std::vector<py::object> kept_alive;
};

/// "float32", "float64", "complex64" or "complex128".
template <class Scalar>
constexpr const char* scalar_name() {
    if constexpr (std::is_same_v<Scalar, float>) return "float32";
    if constexpr (std::is_same_v<Scalar, double>) return "float64";
    if constexpr (std::is_same_v<Scalar, complex64>) return "complex64";
    return "complex128";
}

template <class Scalar>
void register_solvers(py::class_<PythonOperator<Scalar>>& python_class);

}  // namespace eigenscope::bind
