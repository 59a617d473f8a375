// Philox4x64-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3") and the normal
// quantile by rational functions (Wichura 1988, algorithm AS 241, PPND16).
#include <math.h>

#include "arithmetic.hpp"
#include "topics.hpp"

#if defined(_MSC_VER) && defined(_M_X64)
#include <intrin.h>
#endif

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {
namespace {

/// The 128-bit product a b as two words.
inline void multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& high, std::uint64_t& low) {
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 Wide;
    const Wide product = static_cast<Wide>(a) * b;
    high = static_cast<std::uint64_t>(product >> 64);
    low = static_cast<std::uint64_t>(product);
#elif defined(_MSC_VER) && defined(_M_X64)
    low = _umul128(a, b, &high);
#else
    const std::uint64_t mask = 0xffffffffu, a_low = a & mask, a_high = a >> 32, b_low = b & mask, b_high = b >> 32;
    const std::uint64_t middle = a_high * b_low + ((a_low * b_low) >> 32);
    const std::uint64_t cross = a_low * b_high + (middle & mask);
    high = a_high * b_high + (middle >> 32) + (cross >> 32);
    low = a * b;
#endif
}

void philox(const std::uint64_t* key, const std::uint64_t* counter, std::int64_t count, std::uint64_t* words) {
    constexpr std::uint64_t multiplier_0 = 0xD2E7470EE14C6C93, multiplier_1 = 0xCA5A826395121157;
    // The key advances by the golden ratio and by sqrt(3) - 1, both in units of 2^-64.
    constexpr std::uint64_t weyl_0 = 0x9E3779B97F4A7C15, weyl_1 = 0xBB67AE8584CAA73B;
    constexpr int rounds = 10;
    for (std::int64_t i = 0; i < count; ++i) {
        std::uint64_t c0 = counter[0], c1 = counter[1] + static_cast<std::uint64_t>(i), c2 = counter[2],
                      c3 = counter[3];
        std::uint64_t key_0 = key[0], key_1 = key[1];
        for (int round = 0; round < rounds; ++round) {
            std::uint64_t high_0, low_0, high_1, low_1;
            multiply(multiplier_0, c0, high_0, low_0);
            multiply(multiplier_1, c2, high_1, low_1);
            c0 = high_1 ^ c1 ^ key_0;
            c1 = low_1;
            c2 = high_0 ^ c3 ^ key_1;
            c3 = low_0;
            key_0 += weyl_0;
            key_1 += weyl_1;
        }
        words[i] = c0;
        words[count + i] = c1;
        words[2 * count + i] = c2;
        words[3 * count + i] = c3;
    }
}

/// q = (k + 1/2) 2^-53 - 1/2 with k = floor(word / 2^11), exact and never zero: the halves of k are placed in the
/// last bits of 2^52 and 2^84, which is a conversion to double that every instruction set vectorises.
inline double centred_uniform(std::uint64_t word) {
    const std::uint64_t k = word >> 11;
    const double low = as_double((k & 0xffffffffu) | 0x4330000000000000u) - (0x1p52 - 0.5);
    const double high = as_double((k >> 32) | 0x4530000000000000u) - (0x1p84 + 0x1p52);
    return (high + low) * 0x1p-53;
}

/// Coefficients of numerator and denominator, constant term first.
struct Rational {
    double numerator[8];
    double denominator[8];
};

inline double evaluate(const Rational& f, double x) {
    double above = f.numerator[7], below = f.denominator[7];
    for (int i = 6; i >= 0; --i) {
        above = above * x + f.numerator[i];
        below = below * x + f.denominator[i];
    }
    return above / below;
}

/// |q| <= 0.425, in 0.180625 - q^2.
constexpr Rational centre = {
    {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
    {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
     3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}};
/// r = sqrt(-log(1/2 - |q|)) <= 5, in r - 1.6.
constexpr Rational shoulder = {
    {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
    {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
     1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}};
/// r > 5, in r - 5.
constexpr Rational far_tail = {
    {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
    {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
     1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}};

/// log x of a normal positive x, without branches: x = 2^e m with m in [sqrt(1/2), sqrt(2)), s = (m-1)/(m+1),
/// log x = e log 2 + 2 (s + s^3/3 + s^5/5 + …). |s| <= 0.172, so terms beyond s^21 are below 2^-56.
inline double logarithm(double x) {
    constexpr std::uint64_t mantissa = 0x000fffffffffffffu, half_exponent = 0x3fe0000000000000u;
    const std::uint64_t bits = as_bits(x);
    const double exponent = as_double((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1022.0);
    const double m = as_double((bits & mantissa) | half_exponent);  // in [1/2, 1)
    const bool low = m < 0.70710678118654752440;
    const double centred = low ? m + m : m;
    const double e = low ? exponent - 1.0 : exponent;
    const double s = (centred - 1.0) / (centred + 1.0), square = s * s;
    double series = 1.0 / 21.0;
    constexpr double coefficients[] = {1.0 / 19.0, 1.0 / 17.0, 1.0 / 15.0, 1.0 / 13.0, 1.0 / 11.0,
                                       1.0 / 9.0,  1.0 / 7.0,  1.0 / 5.0,  1.0 / 3.0,  1.0};
    for (const double coefficient : coefficients) series = series * square + coefficient;
    return e * 0.69314718055994530942 + 2.0 * s * series;
}

constexpr int tile = 256;
constexpr double central_limit = 0.425;

/// Quantiles of a tile: the central rational for all, then the 15 % in the tails gathered, redone and put back.
void normal_tile(const std::uint64_t* EIGENSCOPE_RESTRICT words, int count, double* EIGENSCOPE_RESTRICT values) {
    double q[tile], r[tile];
    int place[tile];
    for (int i = 0; i < count; ++i) {
        q[i] = centred_uniform(words[i]);
        values[i] = q[i] * evaluate(centre, central_limit * central_limit - q[i] * q[i]);
    }
    int n_tail = 0;
    for (int i = 0; i < count; ++i) {
        place[n_tail] = i;
        n_tail += fabs(q[i]) > central_limit;
    }
    for (int t = 0; t < n_tail; ++t) r[t] = 0.5 - fabs(q[place[t]]);
    double farthest = 0.0;
    double z[tile];
    for (int t = 0; t < n_tail; ++t) {
        r[t] = sqrt(-logarithm(r[t]));
        z[t] = evaluate(shoulder, r[t] - 1.6);
    }
    for (int t = 0; t < n_tail; ++t) farthest = r[t] > farthest ? r[t] : farthest;
    if (farthest > 5.0)
        for (int t = 0; t < n_tail; ++t)
            if (r[t] > 5.0) z[t] = evaluate(far_tail, r[t] - 5.0);
    for (int t = 0; t < n_tail; ++t) values[place[t]] = copysign(z[t], q[place[t]]);
}

void normal(const std::uint64_t* words, std::int64_t count, double* values) {
    for (std::int64_t first = 0; first < count; first += tile) {
        const std::int64_t left = count - first;
        normal_tile(words + first, static_cast<int>(left < tile ? left : tile), values + first);
    }
}

}  // namespace

void add_random(Kernels& table) {
    table.philox = philox;
    table.normal = normal;
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
