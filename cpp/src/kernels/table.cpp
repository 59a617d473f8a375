#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {

void fill(Kernels& table) {
    add_random(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
