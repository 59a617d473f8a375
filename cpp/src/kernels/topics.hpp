// What each kernel source puts into the table. Included inside one instruction set's build only.
#pragma once

#include <eigenscope/foundation/kernels.hpp>

namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE {

void add_random(Kernels& table);
void add_transpose(Kernels& table);
void add_csr(Kernels& table);
void add_gram(Kernels& table);
void add_bulge(Kernels& table);
void add_recurrence(Kernels& table);
void add_tall(Kernels& table);

}  // namespace eigenscope::EIGENSCOPE_KERNEL_NAMESPACE
