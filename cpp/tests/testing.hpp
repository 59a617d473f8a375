// A test framework of one page. TEST(name) { … } registers a test; CHECK and its kin record failures and go on.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <eigenscope/foundation/random.hpp>
#include <eigenscope/foundation/types.hpp>
#include <string>

namespace testing {

using Body = void (*)();

struct Registration {
    Registration(const char* file, const char* name, Body body);
};

void report_failure(const char* file, int line, const std::string& what);

template <class Scalar>
double epsilon() {
    return std::numeric_limits<eigenscope::RealOf<Scalar>>::epsilon();
}

// Plain loops, compiled once: Eigen's products would take minutes to compile under the sanitizers.

/// A Gaussian matrix, different for every stream.
template <class Scalar>
eigenscope::Matrix<Scalar> gaussian(eigenscope::Index rows, eigenscope::Index cols, std::uint64_t stream);

/// A B
template <class Scalar>
eigenscope::Matrix<Scalar> product(const eigenscope::Matrix<Scalar>& a, const eigenscope::Matrix<Scalar>& b);

/// A^H
template <class Scalar>
eigenscope::Matrix<Scalar> adjoint(const eigenscope::Matrix<Scalar>& a);

/// || A - B || / || B || in the Frobenius norm.
template <class Scalar>
double relative_difference(const eigenscope::Matrix<Scalar>& a, const eigenscope::Matrix<Scalar>& b);

}  // namespace testing

#define TEST(name)                                                                    \
    static void name();                                                               \
    static const testing::Registration registration_of_##name(__FILE__, #name, name); \
    static void name()

#define CHECK(condition)                                                           \
    do {                                                                           \
        if (!(condition)) testing::report_failure(__FILE__, __LINE__, #condition); \
    } while (false)

/// The value is at most the bound, and not a NaN.
#define CHECK_BELOW(value, bound)                                                                                    \
    do {                                                                                                             \
        const double measured = (value), allowed = (bound);                                                          \
        if (!(measured <= allowed))                                                                                  \
            testing::report_failure(__FILE__, __LINE__,                                                              \
                                    #value " = " + std::to_string(measured / allowed) + " times its bound " #bound); \
    } while (false)

#define CHECK_CLOSE(value, expected, tolerance) CHECK_BELOW(std::abs((value) - (expected)), tolerance)

#define CHECK_THROWS(expression, Error)                                                            \
    do {                                                                                           \
        bool thrown = false;                                                                       \
        try {                                                                                      \
            expression;                                                                            \
        } catch (const Error&) {                                                                   \
            thrown = true;                                                                         \
        }                                                                                          \
        if (!thrown) testing::report_failure(__FILE__, __LINE__, #expression " threw no " #Error); \
    } while (false)
