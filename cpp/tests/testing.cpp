#include "testing.hpp"

#include <cstdio>
#include <eigenscope/foundation/blas.hpp>
#include <exception>
#include <string_view>
#include <vector>

namespace testing {

namespace {

struct Test {
    std::string_view file;
    const char* name;
    Body body;
};

std::vector<Test>& tests() {
    static std::vector<Test> registered;
    return registered;
}

int failures = 0;

bool run(const Test& test) {
    const int before = failures;
    try {
        test.body();
    } catch (const std::exception& error) {
        report_failure(test.name, 0, std::string("unexpected exception: ") + error.what());
    }
    return failures == before;
}

}  // namespace

Registration::Registration(const char* file, const char* name, Body body) {
    tests().push_back({file, name, body});
}

void report_failure(const char* file, int line, const std::string& what) {
    ++failures;
    std::printf("%s:%d: %s\n", file, line, what.c_str());
}

template <class Scalar>
eigenscope::Matrix<Scalar> gaussian(eigenscope::Index rows, eigenscope::Index cols, std::uint64_t stream) {
    eigenscope::Matrix<Scalar> matrix(rows, cols);
    eigenscope::fill_gaussian<Scalar>(2024, stream, matrix, 0, {});
    return matrix;
}

template <class Scalar>
eigenscope::Matrix<Scalar> product(const eigenscope::Matrix<Scalar>& a, const eigenscope::Matrix<Scalar>& b) {
    eigenscope::Matrix<Scalar> c(a.rows(), b.cols());
    c.setZero();
    for (eigenscope::Index j = 0; j < b.cols(); ++j)
        for (eigenscope::Index l = 0; l < a.cols(); ++l)
            for (eigenscope::Index i = 0; i < a.rows(); ++i) c(i, j) += a(i, l) * b(l, j);
    return c;
}

template <class Scalar>
eigenscope::Matrix<Scalar> adjoint(const eigenscope::Matrix<Scalar>& a) {
    return a.adjoint();
}

template <class Scalar>
double relative_difference(const eigenscope::Matrix<Scalar>& a, const eigenscope::Matrix<Scalar>& b) {
    return static_cast<double>((a - b).norm() / b.norm());
}

#define EIGENSCOPE_INSTANTIATE(S)                                                                          \
    template eigenscope::Matrix<S> gaussian<S>(eigenscope::Index, eigenscope::Index, std::uint64_t);       \
    template eigenscope::Matrix<S> product<S>(const eigenscope::Matrix<S>&, const eigenscope::Matrix<S>&); \
    template eigenscope::Matrix<S> adjoint<S>(const eigenscope::Matrix<S>&);                               \
    template double relative_difference<S>(const eigenscope::Matrix<S>&, const eigenscope::Matrix<S>&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(eigenscope::complex64)
EIGENSCOPE_INSTANTIATE(eigenscope::complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace testing

/// Runs the tests whose file or name contains the argument, or all of them.
int main(int argc, char** argv) {
    eigenscope::blas::install_linked();
    const std::string_view wanted = argc > 1 ? argv[1] : "";
    int n_run = 0, n_failed = 0;
    for (const auto& test : testing::tests()) {
        if (test.file.find(wanted) == std::string_view::npos &&
            std::string_view(test.name).find(wanted) == std::string_view::npos)
            continue;
        ++n_run;
        if (!testing::run(test)) {
            ++n_failed;
            std::printf("FAILED %s\n", test.name);
        }
    }
    std::printf("%d tests, %d failed\n", n_run, n_failed);
    return n_run == 0 || n_failed > 0;
}
