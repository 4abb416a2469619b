# SPDX-License-Identifier: Apache-2.0
# Makes cameo::torch from a LibTorch (2.6 or newer). LibTorch's own TorchConfig.cmake is not used: it wants a CUDA toolkit
# where the wheel was built with one, and rewrites the consumer's flags. Loaded by the build and by the installed config.
#
# Looked for, in this order: Torch_DIR (.../share/cmake/Torch) as a CMake or environment variable, CMAKE_PREFIX_PATH,
# the cache that `./run` fills (CAMEO_CACHE, by default the user's cache folder).
if(TARGET cameo::torch)
  return()
endif()

set(_cameo_torch_candidates)
foreach(_dir IN ITEMS "${Torch_DIR}" "$ENV{Torch_DIR}")
  if(_dir)
    cmake_path(ABSOLUTE_PATH _dir NORMALIZE)
    list(APPEND _cameo_torch_candidates "${_dir}/../../.." "${_dir}")
  endif()
endforeach()
if(NOT _cameo_torch_candidates)
  foreach(_dir IN LISTS CMAKE_PREFIX_PATH)
    list(APPEND _cameo_torch_candidates "${_dir}" "${_dir}/../../..")
  endforeach()
  if(DEFINED ENV{CAMEO_CACHE})
    set(_dir "$ENV{CAMEO_CACHE}")
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(_dir "$ENV{XDG_CACHE_HOME}/cameo")
  else()
    set(_dir "$ENV{HOME}/.cache/cameo")
  endif()
  list(APPEND _cameo_torch_candidates "${_dir}/libtorch-2.11.0/torch")
endif()

set(_cameo_torch_root)
foreach(_dir IN LISTS _cameo_torch_candidates)
  if(EXISTS "${_dir}/include/ATen/ATen.h" AND EXISTS "${_dir}/lib/libtorch_cpu.so")
    cmake_path(ABSOLUTE_PATH _dir NORMALIZE OUTPUT_VARIABLE _cameo_torch_root)
    break()
  endif()
endforeach()
if(NOT _cameo_torch_root)
  list(JOIN _cameo_torch_candidates "\n  " _dir)
  set(_cameo_torch_problem "cameo: no LibTorch found. Run `./run build`, which fetches one, or set Torch_DIR to the folder \
share/cmake/Torch of a LibTorch 2.6 or newer. Looked in:\n  ${_dir}")
  if(CMAKE_FIND_PACKAGE_NAME STREQUAL cameo)  # inside find_package(cameo): let its QUIET and REQUIRED decide
    set(cameo_FOUND FALSE)
    set(cameo_NOT_FOUND_MESSAGE "${_cameo_torch_problem}")
    return()
  endif()
  message(FATAL_ERROR "${_cameo_torch_problem}")
endif()

set(_cameo_torch_version 0)
foreach(_file IN ITEMS torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(_cameo_torch_version STREQUAL 0 AND EXISTS "${_cameo_torch_root}/include/${_file}")
    file(STRINGS "${_cameo_torch_root}/include/${_file}" _lines REGEX "define TORCH_VERSION_(MAJOR|MINOR) ")
    string(REGEX MATCH "MAJOR ([0-9]+)" _line "${_lines}")
    set(_cameo_torch_version "${CMAKE_MATCH_1}")
    string(REGEX MATCH "MINOR ([0-9]+)" _line "${_lines}")
    string(APPEND _cameo_torch_version ".${CMAKE_MATCH_1}")
  endif()
endforeach()
if(_cameo_torch_version VERSION_LESS 2.6)
  message(FATAL_ERROR "cameo: LibTorch expected 2.6 or newer, got ${_cameo_torch_version} in ${_cameo_torch_root}")
endif()
if(NOT cameo_FIND_QUIETLY)
  message(STATUS "cameo: LibTorch ${_cameo_torch_version} in ${_cameo_torch_root}")
endif()

add_library(cameo::torch INTERFACE IMPORTED)
set_target_properties(cameo::torch PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES "${_cameo_torch_root}/include;${_cameo_torch_root}/include/torch/csrc/api/include"
  # torch_cpu and c10, not torch: that one drags in torch_cuda
  INTERFACE_LINK_LIBRARIES "${_cameo_torch_root}/lib/libtorch_cpu.so;${_cameo_torch_root}/lib/libc10.so"
  INTERFACE_LINK_OPTIONS "LINKER:-rpath,${_cameo_torch_root}/lib")
set(CAMEO_TORCH_ROOT "${_cameo_torch_root}")
