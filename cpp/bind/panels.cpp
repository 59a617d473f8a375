// One-pass moments and the scan for values that are not finite.
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <eigenscope/panels/moments.hpp>
#include <eigenscope/panels/scan.hpp>
#include <string>

#include "arrays.hpp"
#include "interruption.hpp"

namespace eigenscope::bind {

namespace {

py::dict moments_to_python(Moments&& moments) {
    py::dict result;
    result["count"] = moments.features.count;
    result["lag_one_autocorrelation"] = moments.features.lag_one_autocorrelation();
    result["mean"] = to_numpy(std::move(moments.features.mean));
    result["squared_deviation"] = to_numpy(std::move(moments.features.squared_deviation));
    result["cross_products"] = to_numpy(std::move(moments.cross_products));
    return result;
}

py::dict compute_moments(const py::object& array, const IndexArray& rows, const IndexArray& columns, double scale,
                         bool single_precision, int threads) {
    const DenseSource source = to_source(array, rows, columns);
    return moments_to_python(without_gil(threads, [&](const Execution& execution) {
        return single_precision ? moments<float>(source, scale, execution) : moments<double>(source, scale, execution);
    }));
}

py::dict compute_sample_gram(const py::object& array, const IndexArray& rows, const IndexArray& columns, double scale,
                             bool center, bool standardize, bool single_precision, int threads) {
    const DenseSource source = to_source(array, rows, columns);
    return moments_to_python(without_gil(threads, [&](const Execution& execution) {
        return single_precision ? sample_gram<float>(source, scale, center, standardize, execution)
                                : sample_gram<double>(source, scale, center, standardize, execution);
    }));
}

py::dict compute_feature_sums(const py::object& array, const IndexArray& rows, const IndexArray& columns, double scale,
                              int threads) {
    const DenseSource source = to_source(array, rows, columns);
    Moments moments(0);
    moments.features = without_gil(
        threads, [&](const Execution& execution) { return feature_sums<double>(source, scale, execution); });
    return moments_to_python(std::move(moments));
}

Index workspace_bytes(Index rows, Index cols, bool single_precision, int threads) {
    return single_precision ? moments_workspace_bytes<float>(rows, cols, threads)
                            : moments_workspace_bytes<double>(rows, cols, threads);
}

py::dict compute_scan(const py::object& array, const IndexArray& rows, const IndexArray& columns, int threads) {
    const DenseSource source = to_source(array, rows, columns);
    const ScanSummary found = without_gil(threads, [&](const Execution& execution) { return scan(source, execution); });
    py::dict result;
    result["n_nonfinite"] = found.n_nonfinite;
    result["first_row"] = found.first_row;
    result["first_column"] = found.first_column;
    result["rows_touched"] = found.rows_touched;
    result["columns_touched"] = found.columns_touched;
    result["largest_magnitude"] = found.largest_magnitude;
    return result;
}

}  // namespace

void register_panels(py::module_& module) {
    module.def("moments", &compute_moments, py::arg("array"), py::kw_only(), py::arg("rows") = py::none(),
               py::arg("columns") = py::none(), py::arg("scale") = 1.0, py::arg("single_precision") = false,
               py::arg("threads") = 1);
    module.def("sample_gram", &compute_sample_gram, py::arg("array"), py::kw_only(), py::arg("rows") = py::none(),
               py::arg("columns") = py::none(), py::arg("scale") = 1.0, py::arg("center") = true,
               py::arg("standardize") = false, py::arg("single_precision") = false, py::arg("threads") = 1);
    module.def("feature_sums", &compute_feature_sums, py::arg("array"), py::kw_only(), py::arg("rows") = py::none(),
               py::arg("columns") = py::none(), py::arg("scale") = 1.0, py::arg("threads") = 1);
    module.def("moments_workspace_bytes", &workspace_bytes, py::arg("rows"), py::arg("cols"),
               py::arg("single_precision"), py::arg("threads"));
    module.def("scan", &compute_scan, py::arg("array"), py::kw_only(), py::arg("rows") = py::none(),
               py::arg("columns") = py::none(), py::arg("threads") = 1);
}

}  // namespace eigenscope::bind
