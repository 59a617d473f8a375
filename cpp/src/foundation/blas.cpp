#include <algorithm>
#include <array>
#include <eigenscope/foundation/blas.hpp>
#include <eigenscope/foundation/error.hpp>
#include <limits>
#include <string>
#include <utility>
#include <vector>

// One row per routine family: real single, real double, complex single, complex double.
#define EIGENSCOPE_ROUTINES(X)               \
    X(gemm, sgemm, dgemm, cgemm, zgemm)      \
    X(herk, ssyrk, dsyrk, cherk, zherk)      \
    X(trsm, strsm, dtrsm, ctrsm, ztrsm)      \
    X(potrf, spotrf, dpotrf, cpotrf, zpotrf) \
    X(geqp3, sgeqp3, dgeqp3, cgeqp3, zgeqp3) \
    X(geqrf, sgeqrf, dgeqrf, cgeqrf, zgeqrf) \
    X(larft, slarft, dlarft, clarft, zlarft) \
    X(ungqr, sorgqr, dorgqr, cungqr, zungqr) \
    X(heevd, ssyevd, dsyevd, cheevd, zheevd) \
    X(heevr, ssyevr, dsyevr, cheevr, zheevr) \
    X(gesdd, sgesdd, dgesdd, cgesdd, zgesdd)

// Routines of real matrices alone.
#define EIGENSCOPE_REAL_ROUTINES(X) \
    X(sterf, ssterf, dsterf)        \
    X(stebz, sstebz, dstebz)        \
    X(sytrd, ssytrd, dsytrd)        \
    X(stemr, sstemr, dstemr)        \
    X(ormtr, sormtr, dormtr)

#ifdef EIGENSCOPE_LINKED_BLAS
#define EIGENSCOPE_PASTE_(a, b, c) a##b##c
#define EIGENSCOPE_PASTE(a, b, c) EIGENSCOPE_PASTE_(a, b, c)
#define EIGENSCOPE_SYMBOL(name) EIGENSCOPE_PASTE(EIGENSCOPE_BLAS_PREFIX, name, _)
#define EIGENSCOPE_DECLARE(family, s, d, c, z) \
    extern "C" void EIGENSCOPE_SYMBOL(s)();    \
    extern "C" void EIGENSCOPE_SYMBOL(d)();    \
    extern "C" void EIGENSCOPE_SYMBOL(c)();    \
    extern "C" void EIGENSCOPE_SYMBOL(z)();
#define EIGENSCOPE_DECLARE_REAL(family, s, d) \
    extern "C" void EIGENSCOPE_SYMBOL(s)();   \
    extern "C" void EIGENSCOPE_SYMBOL(d)();
EIGENSCOPE_ROUTINES(EIGENSCOPE_DECLARE)
EIGENSCOPE_REAL_ROUTINES(EIGENSCOPE_DECLARE_REAL)
#endif

namespace eigenscope::blas {

namespace {

/// Where a family's row begins in the table.
enum Family {
#define EIGENSCOPE_ENUMERATE(family, s, d, c, z) family##_family, family##_d, family##_c, family##_z,
#define EIGENSCOPE_ENUMERATE_REAL(family, s, d) family##_family, family##_d,
    EIGENSCOPE_ROUTINES(EIGENSCOPE_ENUMERATE) EIGENSCOPE_REAL_ROUTINES(EIGENSCOPE_ENUMERATE_REAL)
#undef EIGENSCOPE_ENUMERATE
#undef EIGENSCOPE_ENUMERATE_REAL
        n_routines
};

struct Entry {
    std::string_view name;
    void* routine;
};

std::array<Entry, n_routines>& table() {
    static std::array<Entry, n_routines> entries = {{
#define EIGENSCOPE_ENTRY(family, s, d, c, z) {#s, nullptr}, {#d, nullptr}, {#c, nullptr}, {#z, nullptr},
#define EIGENSCOPE_ENTRY_REAL(family, s, d) {#s, nullptr}, {#d, nullptr},
        EIGENSCOPE_ROUTINES(EIGENSCOPE_ENTRY) EIGENSCOPE_REAL_ROUTINES(EIGENSCOPE_ENTRY_REAL)
#undef EIGENSCOPE_ENTRY
#undef EIGENSCOPE_ENTRY_REAL
    }};
    return entries;
}

template <class Scalar>
constexpr int type_column() {
    if constexpr (std::is_same_v<Scalar, float>) return 0;
    if constexpr (std::is_same_v<Scalar, double>) return 1;
    if constexpr (std::is_same_v<Scalar, complex64>) return 2;
    return 3;
}

template <class Scalar, class... Arguments>
void call(Family family, Arguments... arguments) {
    void* routine = table()[static_cast<std::size_t>(family + type_column<Scalar>())].routine;
    if (!routine) throw InvalidInput("the BLAS table is empty: import eigenscope, or call install_linked()");
    reinterpret_cast<void (*)(Arguments...)>(routine)(arguments...);
}

/// BLAS counts in 32 bits; panels keep every dimension far below.
int narrow(Index value) {
    if (value < 0 || value > std::numeric_limits<int>::max())
        throw InvalidInput("dimension " + std::to_string(value) + " does not fit a 32-bit BLAS call");
    return static_cast<int>(value);
}

void check(int info, const char* routine) {
    if (info != 0) throw LapackFailure(std::string(routine) + " failed with info = " + std::to_string(info));
}

/// LAPACK returns the optimal workspace length as a floating-point number, which float32 rounds down.
template <class Scalar>
int workspace_length(Scalar answer) {
    const double length = static_cast<double>(std::real(answer));
    return narrow(static_cast<Index>(length * (1.0 + 4.0 * std::numeric_limits<RealOf<Scalar>>::epsilon())) + 1);
}

}  // namespace

std::vector<std::string_view> routine_names() {
    std::vector<std::string_view> names;
    for (const Entry& entry : table()) names.push_back(entry.name);
    return names;
}

void install(std::string_view name, void* routine) {
    for (Entry& entry : table()) {
        if (entry.name == name) {
            entry.routine = routine;
            return;
        }
    }
    throw InvalidInput("unknown BLAS routine " + std::string(name));
}

bool ready() {
    return std::all_of(table().begin(), table().end(), [](const Entry& entry) { return entry.routine != nullptr; });
}

#ifdef EIGENSCOPE_LINKED_BLAS
void install_linked() {
#define EIGENSCOPE_INSTALL(family, s, d, c, z)                   \
    install(#s, reinterpret_cast<void*>(&EIGENSCOPE_SYMBOL(s))); \
    install(#d, reinterpret_cast<void*>(&EIGENSCOPE_SYMBOL(d))); \
    install(#c, reinterpret_cast<void*>(&EIGENSCOPE_SYMBOL(c))); \
    install(#z, reinterpret_cast<void*>(&EIGENSCOPE_SYMBOL(z)));
#define EIGENSCOPE_INSTALL_REAL(family, s, d)                    \
    install(#s, reinterpret_cast<void*>(&EIGENSCOPE_SYMBOL(s))); \
    install(#d, reinterpret_cast<void*>(&EIGENSCOPE_SYMBOL(d)));
    EIGENSCOPE_ROUTINES(EIGENSCOPE_INSTALL)
    EIGENSCOPE_REAL_ROUTINES(EIGENSCOPE_INSTALL_REAL)
#undef EIGENSCOPE_INSTALL
#undef EIGENSCOPE_INSTALL_REAL
}
#endif

template <class Scalar>
void gemm(Op op_a, Op op_b, Index m, Index n, Index k, Scalar alpha, const Scalar* a, Index lda, const Scalar* b,
          Index ldb, Scalar beta, Scalar* c, Index ldc) {
    if (m == 0 || n == 0) return;
    char ta = static_cast<char>(op_a), tb = static_cast<char>(op_b);
    int m_ = narrow(m), n_ = narrow(n), k_ = narrow(k), lda_ = narrow(std::max<Index>(1, lda)),
        ldb_ = narrow(std::max<Index>(1, ldb)), ldc_ = narrow(std::max<Index>(1, ldc));
    call<Scalar>(gemm_family, &ta, &tb, &m_, &n_, &k_, &alpha, a, &lda_, b, &ldb_, &beta, c, &ldc_);
}

template <class Scalar>
void gram_lower(Op op, Index n, Index k, const Scalar* a, Index lda, RealOf<Scalar> beta, Scalar* c, Index ldc) {
    if (n == 0) return;
    char uplo = 'L', trans = op == Op::none ? 'N' : is_complex<Scalar> ? 'C' : 'T';
    int n_ = narrow(n), k_ = narrow(k), lda_ = narrow(std::max<Index>(1, lda)), ldc_ = narrow(ldc);
    RealOf<Scalar> one = 1;
    call<Scalar>(herk_family, &uplo, &trans, &n_, &k_, &one, a, &lda_, &beta, c, &ldc_);
}

template <class Scalar>
void solve_upper_right(Index m, Index n, const Scalar* r, Index ldr, Scalar* b, Index ldb) {
    if (m == 0 || n == 0) return;
    char side = 'R', uplo = 'U', trans = 'N', diag = 'N';
    int m_ = narrow(m), n_ = narrow(n), ldr_ = narrow(ldr), ldb_ = narrow(ldb);
    Scalar one = 1;
    call<Scalar>(trsm_family, &side, &uplo, &trans, &diag, &m_, &n_, &one, r, &ldr_, b, &ldb_);
}

template <class Scalar>
bool cholesky_upper(Index n, Scalar* a, Index lda) {
    if (n == 0) return true;
    char uplo = 'U';
    int n_ = narrow(n), lda_ = narrow(lda), info = 0;
    call<Scalar>(potrf_family, &uplo, &n_, a, &lda_, &info);
    return info == 0;
}

template <class Scalar>
void pivoted_qr(Index m, Index n, Scalar* a, Index lda, Scalar* r, Index ldr, std::vector<Index>& pivots) {
    pivots.assign(static_cast<std::size_t>(n), 0);
    const Index reflectors = std::min(m, n);
    if (reflectors == 0) return;
    int m_ = narrow(m), n_ = narrow(n), k_ = narrow(reflectors), lda_ = narrow(lda), info = 0, query = -1;
    std::vector<int> columns(static_cast<std::size_t>(n), 0);
    std::vector<Scalar> tau(static_cast<std::size_t>(reflectors));
    std::vector<RealOf<Scalar>> real_work(static_cast<std::size_t>(2 * n));
    const auto factor = [&](Scalar* work, int* length) {
        if constexpr (is_complex<Scalar>)
            call<Scalar>(geqp3_family, &m_, &n_, a, &lda_, columns.data(), tau.data(), work, length, real_work.data(),
                         &info);
        else
            call<Scalar>(geqp3_family, &m_, &n_, a, &lda_, columns.data(), tau.data(), work, length, &info);
        check(info, "geqp3");
    };
    const auto form = [&](Scalar* work, int* length) {
        call<Scalar>(ungqr_family, &m_, &k_, &k_, a, &lda_, tau.data(), work, length, &info);
        check(info, "ungqr");
    };
    Scalar answer = 0;
    factor(&answer, &query);
    int length = workspace_length(answer);
    form(&answer, &query);
    length = std::max(length, workspace_length(answer));
    std::vector<Scalar> work(static_cast<std::size_t>(length));
    factor(work.data(), &length);
    for (Index j = 0; j < n; ++j) {
        pivots[static_cast<std::size_t>(j)] = columns[static_cast<std::size_t>(j)] - 1;
        for (Index i = 0; i < reflectors; ++i) r[i + j * ldr] = i <= j ? a[i + j * lda] : Scalar(0);
    }
    form(work.data(), &length);
}

template <class Scalar>
void householder_qr(Index m, Index n, Scalar* a, Index lda, Scalar* t, Index ldt) {
    const Index reflectors = std::min(m, n);
    if (reflectors == 0) return;
    char direction = 'F', storage = 'C';
    int m_ = narrow(m), n_ = narrow(n), k_ = narrow(reflectors), lda_ = narrow(lda), ldt_ = narrow(ldt), info = 0,
        query = -1;
    std::vector<Scalar> tau(static_cast<std::size_t>(reflectors));
    Scalar answer = 0;
    call<Scalar>(geqrf_family, &m_, &n_, a, &lda_, tau.data(), &answer, &query, &info);
    int length = workspace_length(answer);
    std::vector<Scalar> work(static_cast<std::size_t>(length));
    call<Scalar>(geqrf_family, &m_, &n_, a, &lda_, tau.data(), work.data(), &length, &info);
    check(info, "geqrf");
    call<Scalar>(larft_family, &direction, &storage, &m_, &k_, a, &lda_, tau.data(), t, &ldt_);
}

template <class Real>
void tridiagonal_eigenvalues(Index n, Real* diagonal, Real* off_diagonal) {
    if (n == 0) return;
    int n_ = narrow(n), info = 0;
    call<Real>(sterf_family, &n_, diagonal, off_diagonal, &info);
    check(info, "sterf");
}

template <class Real>
Tridiagonal<Real> tridiagonalize(Index n, Real* a, Index lda) {
    Tridiagonal<Real> t{Vector<Real>(n), Vector<Real>(n), Vector<Real>(n)};
    if (n == 0) return t;
    char uplo = 'L';
    int n_ = narrow(n), lda_ = narrow(lda), info = 0, query = -1;
    Real answer = 0;
    call<Real>(sytrd_family, &uplo, &n_, a, &lda_, t.diagonal.data(), t.off_diagonal.data(), t.reflectors.data(),
               &answer, &query, &info);
    int length = workspace_length(answer);
    std::vector<Real> work(static_cast<std::size_t>(length));
    call<Real>(sytrd_family, &uplo, &n_, a, &lda_, t.diagonal.data(), t.off_diagonal.data(), t.reflectors.data(),
               work.data(), &length, &info);
    check(info, "sytrd");
    return t;
}

template <class Real>
std::optional<std::array<Real, 2>> tridiagonal_neighbours(const Tridiagonal<Real>& t, Index i, Real tolerance) {
    const Index n = t.diagonal.size();
    char range = 'I', order = 'E';
    int n_ = narrow(n), il = narrow(i), iu = narrow(i + 1), found = 0, n_blocks = 0, info = 0;
    Real ignored = 0;
    Vector<Real> values(n);
    std::vector<int> block(static_cast<std::size_t>(n)), ends(static_cast<std::size_t>(n));
    // Sizes that LAPACK's manual gives.
    std::vector<Real> work(static_cast<std::size_t>(4 * n));
    std::vector<int> integer_work(static_cast<std::size_t>(3 * n));
    call<Real>(stebz_family, &range, &order, &n_, &ignored, &ignored, &il, &iu, &tolerance, t.diagonal.data(),
               t.off_diagonal.data(), &found, &n_blocks, values.data(), block.data(), ends.data(), work.data(),
               integer_work.data(), &info);
    if (info > 0 || found != 2) return std::nullopt;
    check(info, "stebz");
    return std::array<Real, 2>{values[0], values[1]};
}

template <class Real>
bool tridiagonal_eigh_between(const Tridiagonal<Real>& t, Real low, Real high, Index count, Real* eigenvalues,
                              Real* vectors, Index ldv) {
    const Index n = t.diagonal.size();
    // All three are overwritten, and as many eigenvalues as there are rows may be written.
    Vector<Real> diagonal = t.diagonal, off_diagonal = t.off_diagonal, values(n);
    char job = 'V', range = 'V';
    int n_ = narrow(n), ldv_ = narrow(ldv), il = 0, iu = 0, count_ = narrow(count), found = 0, try_high_accuracy = 1,
        info = 0;
    std::vector<int> support(static_cast<std::size_t>(2 * n));
    // Sizes that LAPACK's manual gives.
    int length = narrow(18 * n), integer_length = narrow(10 * n);
    std::vector<Real> work(static_cast<std::size_t>(length));
    std::vector<int> integer_work(static_cast<std::size_t>(integer_length));
    call<Real>(stemr_family, &job, &range, &n_, diagonal.data(), off_diagonal.data(), &low, &high, &il, &iu, &found,
               values.data(), vectors, &ldv_, &count_, support.data(), &try_high_accuracy, work.data(), &length,
               integer_work.data(), &integer_length, &info);
    std::copy_n(values.begin(), count, eigenvalues);
    return info == 0 && found == count_;
}

template <class Real>
void multiply_by_reflectors(Index n, const Real* a, Index lda, const Tridiagonal<Real>& t, Index cols, Real* c,
                            Index ldc) {
    if (n == 0 || cols == 0) return;
    char side = 'L', uplo = 'L', transposed = 'N';
    int n_ = narrow(n), cols_ = narrow(cols), lda_ = narrow(lda), ldc_ = narrow(ldc), info = 0, query = -1;
    Real answer = 0;
    // LAPACK's interface has no const; ormtr reads A and tau.
    Real *reflectors = const_cast<Real*>(a), *tau = const_cast<Real*>(t.reflectors.data());
    call<Real>(ormtr_family, &side, &uplo, &transposed, &n_, &cols_, reflectors, &lda_, tau, c, &ldc_, &answer, &query,
               &info);
    int length = workspace_length(answer);
    std::vector<Real> work(static_cast<std::size_t>(length));
    call<Real>(ormtr_family, &side, &uplo, &transposed, &n_, &cols_, reflectors, &lda_, tau, c, &ldc_, work.data(),
               &length, &info);
    check(info, "ormtr");
}

template <class Scalar>
void eigh(Index n, Scalar* a, Index lda, RealOf<Scalar>* eigenvalues, bool vectors) {
    if (n == 0) return;
    using Real = RealOf<Scalar>;
    char job = vectors ? 'V' : 'N', uplo = 'L';
    int n_ = narrow(n), lda_ = narrow(lda), info = 0, query = -1, integer_answer = 0;
    Scalar answer = 0;
    Real real_answer = 0;
    if constexpr (is_complex<Scalar>) {
        call<Scalar>(heevd_family, &job, &uplo, &n_, a, &lda_, eigenvalues, &answer, &query, &real_answer, &query,
                     &integer_answer, &query, &info);
        int length = workspace_length(answer), real_length = workspace_length(real_answer);
        std::vector<Scalar> work(static_cast<std::size_t>(length));
        std::vector<Real> real_work(static_cast<std::size_t>(real_length));
        std::vector<int> integer_work(static_cast<std::size_t>(integer_answer));
        call<Scalar>(heevd_family, &job, &uplo, &n_, a, &lda_, eigenvalues, work.data(), &length, real_work.data(),
                     &real_length, integer_work.data(), &integer_answer, &info);
    } else {
        call<Scalar>(heevd_family, &job, &uplo, &n_, a, &lda_, eigenvalues, &answer, &query, &integer_answer, &query,
                     &info);
        int length = workspace_length(answer);
        std::vector<Scalar> work(static_cast<std::size_t>(length));
        std::vector<int> integer_work(static_cast<std::size_t>(integer_answer));
        call<Scalar>(heevd_family, &job, &uplo, &n_, a, &lda_, eigenvalues, work.data(), &length, integer_work.data(),
                     &integer_answer, &info);
    }
    check(info, "heevd");
}

template <class Scalar>
void eigh_range(Index n, Scalar* a, Index lda, Index first, Index last, RealOf<Scalar>* eigenvalues, Scalar* vectors,
                Index ldv) {
    if (n == 0) return;
    using Real = RealOf<Scalar>;
    char job = 'V', range = 'I', uplo = 'L';
    int n_ = narrow(n), lda_ = narrow(lda), ldv_ = narrow(ldv), il = narrow(first + 1), iu = narrow(last + 1),
        found = 0, info = 0, query = -1, integer_answer = 0;
    Real low = 0, high = 0, accuracy = 0, real_answer = 0;
    Scalar answer = 0;
    std::vector<int> support(static_cast<std::size_t>(2 * n));
    std::vector<Real> all_eigenvalues(static_cast<std::size_t>(n));
    if constexpr (is_complex<Scalar>) {
        call<Scalar>(heevr_family, &job, &range, &uplo, &n_, a, &lda_, &low, &high, &il, &iu, &accuracy, &found,
                     all_eigenvalues.data(), vectors, &ldv_, support.data(), &answer, &query, &real_answer, &query,
                     &integer_answer, &query, &info);
        int length = workspace_length(answer), real_length = workspace_length(real_answer);
        std::vector<Scalar> work(static_cast<std::size_t>(length));
        std::vector<Real> real_work(static_cast<std::size_t>(real_length));
        std::vector<int> integer_work(static_cast<std::size_t>(integer_answer));
        call<Scalar>(heevr_family, &job, &range, &uplo, &n_, a, &lda_, &low, &high, &il, &iu, &accuracy, &found,
                     all_eigenvalues.data(), vectors, &ldv_, support.data(), work.data(), &length, real_work.data(),
                     &real_length, integer_work.data(), &integer_answer, &info);
    } else {
        call<Scalar>(heevr_family, &job, &range, &uplo, &n_, a, &lda_, &low, &high, &il, &iu, &accuracy, &found,
                     all_eigenvalues.data(), vectors, &ldv_, support.data(), &answer, &query, &integer_answer, &query,
                     &info);
        int length = workspace_length(answer);
        std::vector<Scalar> work(static_cast<std::size_t>(length));
        std::vector<int> integer_work(static_cast<std::size_t>(integer_answer));
        call<Scalar>(heevr_family, &job, &range, &uplo, &n_, a, &lda_, &low, &high, &il, &iu, &accuracy, &found,
                     all_eigenvalues.data(), vectors, &ldv_, support.data(), work.data(), &length, integer_work.data(),
                     &integer_answer, &info);
    }
    check(info, "heevr");
    std::copy_n(all_eigenvalues.begin(), last - first + 1, eigenvalues);
}

template <class Scalar>
void svd(Index m, Index n, Scalar* a, Index lda, RealOf<Scalar>* s, Scalar* u, Index ldu, Scalar* vh, Index ldvh) {
    const Index smaller = std::min(m, n);
    if (smaller == 0) return;
    using Real = RealOf<Scalar>;
    char job = 'S';
    int m_ = narrow(m), n_ = narrow(n), lda_ = narrow(lda), ldu_ = narrow(ldu), ldvh_ = narrow(ldvh), info = 0,
        query = -1;
    std::vector<int> integer_work(static_cast<std::size_t>(8 * smaller));
    Scalar answer = 0;
    if constexpr (is_complex<Scalar>) {
        const Index larger = std::max(m, n);
        std::vector<Real> real_work(static_cast<std::size_t>(
            std::max(5 * smaller * smaller + 5 * smaller, 2 * larger * smaller + 2 * smaller * smaller + smaller)));
        call<Scalar>(gesdd_family, &job, &m_, &n_, a, &lda_, s, u, &ldu_, vh, &ldvh_, &answer, &query, real_work.data(),
                     integer_work.data(), &info);
        int length = workspace_length(answer);
        std::vector<Scalar> work(static_cast<std::size_t>(length));
        call<Scalar>(gesdd_family, &job, &m_, &n_, a, &lda_, s, u, &ldu_, vh, &ldvh_, work.data(), &length,
                     real_work.data(), integer_work.data(), &info);
    } else {
        call<Scalar>(gesdd_family, &job, &m_, &n_, a, &lda_, s, u, &ldu_, vh, &ldvh_, &answer, &query,
                     integer_work.data(), &info);
        int length = workspace_length(answer);
        std::vector<Scalar> work(static_cast<std::size_t>(length));
        call<Scalar>(gesdd_family, &job, &m_, &n_, a, &lda_, s, u, &ldu_, vh, &ldvh_, work.data(), &length,
                     integer_work.data(), &info);
    }
    check(info, "gesdd");
}

#define EIGENSCOPE_INSTANTIATE(S)                                                                          \
    template void gemm<S>(Op, Op, Index, Index, Index, S, const S*, Index, const S*, Index, S, S*, Index); \
    template void gram_lower<S>(Op, Index, Index, const S*, Index, RealOf<S>, S*, Index);                  \
    template void solve_upper_right<S>(Index, Index, const S*, Index, S*, Index);                          \
    template bool cholesky_upper<S>(Index, S*, Index);                                                     \
    template void pivoted_qr<S>(Index, Index, S*, Index, S*, Index, std::vector<Index>&);                  \
    template void householder_qr<S>(Index, Index, S*, Index, S*, Index);                                   \
    template void eigh<S>(Index, S*, Index, RealOf<S>*, bool);                                             \
    template void eigh_range<S>(Index, S*, Index, Index, Index, RealOf<S>*, S*, Index);                    \
    template void svd<S>(Index, Index, S*, Index, RealOf<S>*, S*, Index, S*, Index);
EIGENSCOPE_INSTANTIATE(float)
EIGENSCOPE_INSTANTIATE(double)
EIGENSCOPE_INSTANTIATE(complex64)
EIGENSCOPE_INSTANTIATE(complex128)
#undef EIGENSCOPE_INSTANTIATE

#define EIGENSCOPE_INSTANTIATE_REAL(R)                                                                   \
    template void tridiagonal_eigenvalues<R>(Index, R*, R*);                                             \
    template Tridiagonal<R> tridiagonalize<R>(Index, R*, Index);                                         \
    template std::optional<std::array<R, 2>> tridiagonal_neighbours<R>(const Tridiagonal<R>&, Index, R); \
    template bool tridiagonal_eigh_between<R>(const Tridiagonal<R>&, R, R, Index, R*, R*, Index);        \
    template void multiply_by_reflectors<R>(Index, const R*, Index, const Tridiagonal<R>&, Index, R*, Index);
EIGENSCOPE_INSTANTIATE_REAL(float)
EIGENSCOPE_INSTANTIATE_REAL(double)
#undef EIGENSCOPE_INSTANTIATE_REAL

}  // namespace eigenscope::blas
