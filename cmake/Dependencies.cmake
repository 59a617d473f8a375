# Eigen: a system copy wins when Eigen3_DIR or CMAKE_PREFIX_PATH names one; otherwise the headers of the
# build requirement cmeel-eigen, which lie in <site-packages>/cmeel.prefix without a CMake entry point.
if(EIGENSCOPE_PYTHON)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
else()
  find_package(Python 3.10 COMPONENTS Interpreter)
endif()

if(Python_FOUND)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" -c "import sys; print(';'.join(path for path in sys.path if path))"
    OUTPUT_VARIABLE python_paths OUTPUT_STRIP_TRAILING_WHITESPACE)
  foreach(path IN LISTS python_paths)
    if(IS_DIRECTORY "${path}/cmeel.prefix")
      list(APPEND CMAKE_PREFIX_PATH "${path}/cmeel.prefix")
    endif()
    if(IS_DIRECTORY "${path}/scipy_openblas32")
      list(APPEND CMAKE_PREFIX_PATH "${path}/scipy_openblas32")
    endif()
  endforeach()
endif()
# cmeel-eigen is also a build requirement, installed where scikit-build-core keeps its build environment.
foreach(path IN LISTS SKBUILD_SITE_PACKAGES CMAKE_PREFIX_PATH)
  if(IS_DIRECTORY "${path}/cmeel.prefix")
    list(APPEND CMAKE_PREFIX_PATH "${path}/cmeel.prefix")
  endif()
endforeach()

find_package(Eigen3 3.4 REQUIRED CONFIG)

if(EIGENSCOPE_PYTHON)
  find_package(pybind11 3.1 REQUIRED CONFIG)
endif()

# pip unpacks build requirements into an environment that lasts for one build. From copies that keep their place and
# their times, the next build of the same checkout compiles only what has changed.
function(eigenscope_keep_headers target library)
  get_target_property(found ${target} INTERFACE_INCLUDE_DIRECTORIES)
  list(GET found 0 source)
  set(kept "${PROJECT_BINARY_DIR}/headers/${library}")
  file(GLOB_RECURSE headers RELATIVE "${source}" "${source}/${library}/*")
  foreach(header IN LISTS headers)
    get_filename_component(folder "${kept}/${header}" DIRECTORY)
    file(MAKE_DIRECTORY "${folder}")
    file(COPY_FILE "${source}/${header}" "${kept}/${header}" ONLY_IF_DIFFERENT)
  endforeach()
  set_target_properties(${target} PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${kept}")
endfunction()

if(SKBUILD)
  eigenscope_keep_headers(Eigen3::Eigen Eigen)
  eigenscope_keep_headers(pybind11::pybind11_headers pybind11)
endif()

find_package(Threads REQUIRED)
if(EIGENSCOPE_PARALLEL STREQUAL "openmp")
  find_package(OpenMP REQUIRED COMPONENTS CXX)
endif()
