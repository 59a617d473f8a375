#include <cstdlib>
#include <eigenscope/foundation/error.hpp>
#include <eigenscope/foundation/kernels.hpp>
#include <string>
#include <string_view>

namespace eigenscope {

namespace kernels_baseline {
void fill(Kernels& table);
}
#ifdef EIGENSCOPE_HAS_KERNELS_V3
namespace kernels_v3 {
void fill(Kernels& table);
}
#endif
#ifdef EIGENSCOPE_HAS_KERNELS_V4
namespace kernels_v4 {
void fill(Kernels& table);
}
#endif

namespace {

using Fill = void (*)(Kernels&);

/// Filled once; function-local statics are safe when two threads come first.
template <Fill fill>
const Kernels& table() {
    static const Kernels filled = [] {
        Kernels empty{};
        fill(empty);
        return empty;
    }();
    return filled;
}

/// From the most demanding to the least.
constexpr const char* instruction_sets[] = {"v4", "v3", "baseline"};

// The features named are those the kernels use; every processor that has them has the rest of its x86-64 level.
#ifdef EIGENSCOPE_HAS_KERNELS_V3
bool supports_v3() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
           __builtin_cpu_supports("bmi2");
}
#endif
#ifdef EIGENSCOPE_HAS_KERNELS_V4
bool supports_v4() {
    return supports_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

const char* choose() {
    if (const char* wanted = std::getenv("EIGENSCOPE_INSTRUCTION_SET"); wanted && *wanted) {
        for (const char* name : instruction_sets)
            if (std::string_view(wanted) == name && kernels_for(name)) return name;
        std::string message = "EIGENSCOPE_INSTRUCTION_SET=" + std::string(wanted) + " is not available here; choose";
        for (const char* name : instruction_sets)
            if (kernels_for(name)) message += std::string(" ") + name;
        throw InvalidInput(message);
    }
    for (const char* name : instruction_sets)
        if (kernels_for(name)) return name;
    return "baseline";
}

}  // namespace

const Kernels* kernels_for(const char* name) {
    const std::string_view wanted(name);
    if (wanted == "baseline") return &table<kernels_baseline::fill>();
#ifdef EIGENSCOPE_HAS_KERNELS_V3
    if (wanted == "v3" && supports_v3()) return &table<kernels_v3::fill>();
#endif
#ifdef EIGENSCOPE_HAS_KERNELS_V4
    if (wanted == "v4" && supports_v4()) return &table<kernels_v4::fill>();
#endif
    return nullptr;
}

const char* instruction_set() {
    static const char* const chosen = choose();
    return chosen;
}

const Kernels& kernels() {
    static const Kernels& chosen = *kernels_for(instruction_set());
    return chosen;
}

}  // namespace eigenscope
