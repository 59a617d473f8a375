// Random fills, for the tests of the generator and for test matrices.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <eigenscope/foundation/random.hpp>
#include <string>

#include "arrays.hpp"

namespace eigenscope::bind {

namespace {

py::tuple philox_raw(std::uint64_t key0, std::uint64_t key1, const py::sequence& counter) {
    if (py::len(counter) != 4)
        throw InvalidInput("a Philox counter has 4 words, got " + std::to_string(py::len(counter)));
    PhiloxWords words;
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = counter[i].cast<std::uint64_t>();
    words = philox(key0, key1, words);
    return py::make_tuple(words[0], words[1], words[2], words[3]);
}

enum class Law { gaussian, rademacher, uniform };

template <Law law, class Scalar>
py::object filled(std::uint64_t seed, std::uint64_t stream, Index rows, Index cols, Index first_row, int threads) {
    Matrix<Scalar> matrix(rows, cols);
    {
        const py::gil_scoped_release release;
        const Execution execution{threads, nullptr};
        if constexpr (law == Law::gaussian) fill_gaussian<Scalar>(seed, stream, matrix, first_row, execution);
        if constexpr (law == Law::rademacher) fill_rademacher<Scalar>(seed, stream, matrix, first_row, execution);
        if constexpr (law == Law::uniform) fill_uniform<Scalar>(seed, stream, matrix, first_row, execution);
    }
    return to_numpy(std::move(matrix));
}

/// A random matrix of NumPy type `dtype`, whose first row is row `first_row` of its stream.
template <Law law>
py::object random_matrix(std::uint64_t seed, std::uint64_t stream, Index rows, Index cols, const std::string& dtype,
                         Index first_row, int threads) {
    if (rows < 0 || cols < 0 || first_row < 0) throw InvalidInput("rows, cols and first_row must not be negative");
    if (dtype == "float32") return filled<law, float>(seed, stream, rows, cols, first_row, threads);
    if (dtype == "float64") return filled<law, double>(seed, stream, rows, cols, first_row, threads);
    if (dtype == "complex64") return filled<law, complex64>(seed, stream, rows, cols, first_row, threads);
    if (dtype == "complex128") return filled<law, complex128>(seed, stream, rows, cols, first_row, threads);
    throw InvalidInput("no random numbers of type '" + dtype + "': use float32, float64, complex64 or complex128");
}

template <Law law>
void define(py::module_& module, const char* name) {
    module.def(name, &random_matrix<law>, py::arg("seed"), py::arg("stream"), py::arg("rows"), py::arg("cols"),
               py::kw_only(), py::arg("dtype") = "float64", py::arg("first_row") = 0, py::arg("threads") = 1);
}

}  // namespace

void register_random(py::module_& module) {
    module.def("philox_raw", &philox_raw, py::arg("key0"), py::arg("key1"), py::arg("counter"));
    define<Law::gaussian>(module, "gaussian");
    define<Law::rademacher>(module, "rademacher");
    define<Law::uniform>(module, "uniform");
}

}  // namespace eigenscope::bind
