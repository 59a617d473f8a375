# A BLAS and LAPACK to link, for builds without Python's: the C++ tests. scipy-openblas32 spells every symbol with
# the prefix scipy_; any other BLAS is taken by its plain Fortran names. Integers have 32 bits.
add_library(eigenscope_linked_blas INTERFACE)
find_package(OpenBLAS CONFIG QUIET)
if(OpenBLAS_FOUND AND OpenBLAS_DIR MATCHES "scipy_openblas32")
  target_link_libraries(eigenscope_linked_blas INTERFACE OpenBLAS::OpenBLAS)
  set(blas_prefix "scipy_")
else()
  find_package(BLAS REQUIRED)
  find_package(LAPACK REQUIRED)
  target_link_libraries(eigenscope_linked_blas INTERFACE LAPACK::LAPACK BLAS::BLAS)
  set(blas_prefix "")
endif()
target_compile_definitions(eigenscope_linked_blas INTERFACE EIGENSCOPE_LINKED_BLAS EIGENSCOPE_BLAS_PREFIX=${blas_prefix})
