#include "topics.hpp"

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {

void fill(Kernels& table) {
    add_random(table);
    add_transpose(table);
    add_csr(table);
    add_gram(table);
    add_bulge(table);
    add_recurrence(table);
    add_tall(table);
}

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
