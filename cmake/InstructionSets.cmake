# The files in cpp/src/kernels hold plain-pointer kernels without Eigen or the standard library's templates;
# each is compiled once per x86-64 level, in a namespace of its own, and chosen at run time. Everything that
# sees Eigen has one flag set: Eigen's alignment follows the flags, and mixing them corrupts the heap.
# Within one kernel a product and a sum may be rounded once: every thread runs the same code, so bits still do not
# depend on threads, and between instruction sets equality is promised only to rounding.
add_library(eigenscope_fused INTERFACE)
if(NOT MSVC)
  target_compile_options(eigenscope_fused INTERFACE -ffp-contract=fast)
endif()

function(eigenscope_add_kernels target)
  set(levels baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64" AND NOT MSVC)
    list(APPEND levels v3 v4)
  endif()
  foreach(level IN LISTS levels)
    set(library "${target}_kernels_${level}")
    add_library(${library} OBJECT ${ARGN})
    target_include_directories(${library} PRIVATE "${PROJECT_SOURCE_DIR}/cpp/include")
    # Last, so that its option overrides the general one.
    target_link_libraries(${library} PRIVATE eigenscope_options eigenscope_fused)
    target_compile_definitions(${library} PRIVATE EIGENSCOPE_KERNEL_NAMESPACE=kernels_${level})
    if(EIGENSCOPE_SANITIZE)
      # Optimising unrolled loops with a check at every access takes longer than all else together.
      target_compile_options(${library} PRIVATE -O0)
    endif()
    if(level STREQUAL "v3")
      target_compile_options(${library} PRIVATE -march=x86-64-v3)
    elseif(level STREQUAL "v4")
      target_compile_options(${library} PRIVATE -march=x86-64-v4 -mprefer-vector-width=512)
    endif()
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${library}>)
    string(TOUPPER ${level} level_name)
    target_compile_definitions(${target} PRIVATE EIGENSCOPE_HAS_KERNELS_${level_name})
  endforeach()
endfunction()
