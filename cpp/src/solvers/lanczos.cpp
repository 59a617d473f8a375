#include <eigenscope/solvers/lanczos.hpp>

#include "filtered_lanczos.hpp"
#include "thick_restart.hpp"

namespace eigenscope {

template <class Scalar>
LanczosResult<Scalar> lanczos(BlockOperator<Scalar>& op, const LanczosOptions& options, ConstBlock<Scalar> start,
                              const Execution& execution) {
    if (lanczos_basis_size(op.rows(), options) + options.block > op.rows())
        throw InvalidInput("the basis does not fit the space: use dense_eigh for this many eigenpairs");
    if (options.filter && !options.squared) return FilteredLanczos<Scalar>(op, options, execution).run(start);
    ThickRestartLanczos<Scalar> process(op, options, execution);
    try {
        process.begin(start);
        process.run(false);
        return process.finish();
    } catch (const Interrupted&) {
        process.salvage();
        return process.finish();
    }
}

#define EIGENSCOPE_INSTANTIATE(S) \
    template LanczosResult<S> lanczos<S>(BlockOperator<S>&, const LanczosOptions&, ConstBlock<S>, const Execution&);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

}  // namespace eigenscope
