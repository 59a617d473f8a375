// The inner loops that are compiled once per instruction set and chosen when the program runs. Plain pointers
// only: this header is read by translation units with different flags, which must share nothing but layouts.
#pragma once

#include <cstdint>

namespace eigenscope {

/// The pointers of one instruction set. Every kernel is sequential and computes the same bits wherever it runs;
/// between instruction sets, floating-point results agree to rounding (fused multiply-add).
struct Kernels {
    /// Philox4x64-10 of `count` counters that differ in word 1 alone: block i encrypts
    /// {counter[0], counter[1] + i, counter[2], counter[3]}; its word l goes to words[l * count + i].
    void (*philox)(const std::uint64_t* key, const std::uint64_t* counter, std::int64_t count, std::uint64_t* words);

    /// values[i] = Phi^-1((floor(words[i] / 2^11) + 1/2) 2^-53), the standard normal quantile.
    void (*normal)(const std::uint64_t* words, std::int64_t count, double* values);
};

/// The kernels for this processor, or those that EIGENSCOPE_INSTRUCTION_SET = baseline, v3 or v4 asks for;
/// throws InvalidInput when that one is unknown, not built, or not supported here. Decided at the first call.
const Kernels& kernels();

/// The kernels of one instruction set, or null when it is unknown, not built, or not supported here.
const Kernels* kernels_for(const char* instruction_set);

/// The name of what kernels() returns.
const char* instruction_set();

}  // namespace eigenscope
