# SPDX-License-Identifier: Apache-2.0
# How cameo's own targets are made: one place for standards, warnings, sanitizers, visibility.

include(CheckCXXCompilerFlag)
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(range-v3 REQUIRED)  # its version file refuses every request on Debian

# With ccache, precompiled headers need its sloppiness; the launcher sets it, so that plain `cmake --build` profits too.
find_program(CAMEO_CCACHE ccache)
if(CAMEO_CCACHE AND PROJECT_IS_TOP_LEVEL AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${CAMEO_CCACHE})
endif()

add_library(cameo_own_code INTERFACE)  # what every target of ours is compiled with, and no consumer sees
target_compile_features(cameo_own_code INTERFACE cxx_std_20)
target_include_directories(cameo_own_code INTERFACE "${PROJECT_SOURCE_DIR}/include")
target_compile_options(cameo_own_code INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                                                $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>)
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(cameo_own_code INTERFACE -Wno-restrict -Wno-stringop-overflow)  # false alarms (GCC bug 105651)
endif()
if(CAMEO_WARNINGS_AS_ERRORS)
  target_compile_options(cameo_own_code INTERFACE -Werror)
endif()
if(CAMEO_SANITIZE)
  set(flags -fsanitize=${CAMEO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(CAMEO_SANITIZE MATCHES "undefined")
    list(APPEND flags -fno-sanitize=vptr)  # LibTorch hides the type information that the check wants
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    list(APPEND flags -Wno-maybe-uninitialized)  # false alarms in instrumented code of the standard library
  endif()
  target_compile_options(cameo_own_code INTERFACE ${flags})
  target_link_options(cameo_own_code INTERFACE ${flags})
endif()
target_link_libraries(cameo_own_code INTERFACE Threads::Threads nlohmann_json::nlohmann_json range-v3::range-v3)

# An object library of ours; sources are added by the folders below src/.
function(cameo_add_objects target)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  add_library(${target} OBJECT)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_EXTENSIONS OFF
                        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_compile_definitions(${target} PRIVATE CAMEO_BUILDING)
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(${target} PRIVATE cameo_own_code ${arg_LIBRARIES})
endfunction()

# NAME_baseline.cpp and, where the machine's family has them, NAME_avx2.cpp and NAME_avx512.cpp of the calling folder.
# Products are fused with sums only where the code says so.
function(cameo_add_machine_sources target name)
  set(flags_baseline "")
  set(machines baseline)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    set(flags_avx2 -mavx2 -mfma)
    set(flags_avx512 -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma)
    list(APPEND machines avx2 avx512)
  endif()
  foreach(machine IN LISTS machines)
    set(source "${CMAKE_CURRENT_SOURCE_DIR}/${name}_${machine}.cpp")
    target_sources(${target} PRIVATE "${source}")
    set_property(SOURCE "${source}" TARGET_DIRECTORY ${target}
                 APPEND PROPERTY COMPILE_OPTIONS -ffp-contract=off ${flags_${machine}})
  endforeach()
endfunction()

# cameo::NAME, made of OBJECTS, and its twin NAME_static, which shows hidden symbols to the tests.
function(cameo_add_component name)
  cmake_parse_arguments(arg "" "" "OBJECTS;HEADERS;PUBLIC;PRIVATE" ${ARGN})
  set(target cameo_${name})
  add_library(${target})
  add_library(cameo::${name} ALIAS ${target})
  foreach(objects IN LISTS arg_OBJECTS)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}/include" FILES ${arg_HEADERS})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME ${target} LINKER_LANGUAGE CXX
                        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
                        VERIFY_INTERFACE_HEADER_SETS ON CXX_EXTENSIONS OFF)
  target_compile_features(${target} PUBLIC cxx_std_20)
  if(NOT BUILD_SHARED_LIBS)
    target_compile_definitions(${target} PUBLIC CAMEO_STATIC)
  endif()
  target_link_libraries(${target} PUBLIC ${arg_PUBLIC} PRIVATE ${arg_PRIVATE} Threads::Threads ${CMAKE_DL_LIBS})
  if(CAMEO_SANITIZE)
    target_link_options(${target} PRIVATE -fsanitize=${CAMEO_SANITIZE})
  endif()

  if(CAMEO_BUILD_TESTS)
    add_library(cameo_${name}_static STATIC EXCLUDE_FROM_ALL)
    foreach(objects IN LISTS arg_OBJECTS)
      if(NOT objects STREQUAL cameo_plain)
        target_sources(cameo_${name}_static PRIVATE $<TARGET_OBJECTS:${objects}>)
      endif()
    endforeach()
    set_target_properties(cameo_${name}_static PROPERTIES LINKER_LANGUAGE CXX)
    target_link_libraries(cameo_${name}_static PUBLIC cameo_plain_static ${arg_PRIVATE})
    if(name STREQUAL core)
      target_link_libraries(cameo_core_static PUBLIC cameo::torch)
    endif()
  endif()
endfunction()

# Many processes need the headers of Gloo, whose code LibTorch has. Tried by an all-reduce of one process, since the
# headers come from elsewhere.
function(cameo_find_gloo)
  set(CAMEO_HAS_GLOO OFF PARENT_SCOPE)
  if(NOT CAMEO_WITH_GLOO)
    return()
  endif()
  include(CheckCXXSourceRuns)
  set(CMAKE_REQUIRED_FLAGS -std=c++20)
  set(CMAKE_REQUIRED_LIBRARIES cameo::torch Threads::Threads)
  set(CMAKE_REQUIRED_QUIET ON)
  check_cxx_source_runs("
    #define USE_C10D_GLOO
    #include <torch/csrc/distributed/c10d/HashStore.hpp>
    #include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
    int main() {
      auto options = c10d::ProcessGroupGloo::Options::create();
      options->devices.push_back(c10d::ProcessGroupGloo::createDefaultDevice());
      auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(c10::make_intrusive<c10d::HashStore>(), 0, 1, options);
      std::vector<at::Tensor> tensors{at::ones({3})};
      group->allreduce(tensors)->wait();
      return tensors[0].sum().item<float>() == 3.0f ? 0 : 1;
    }" CAMEO_GLOO_WORKS)
  if(CAMEO_GLOO_WORKS)
    set(CAMEO_HAS_GLOO ON PARENT_SCOPE)
  elseif(CAMEO_WITH_GLOO STREQUAL AUTO)
    message(STATUS "cameo: no usable Gloo headers found (Debian: libgloo-dev), training in many processes is left out")
  else()
    message(FATAL_ERROR "cameo: CAMEO_WITH_GLOO is ON, but an all-reduce by Gloo does not work (Debian: libgloo-dev)")
  endif()
endfunction()

# The CUDA module is built where a toolkit is; without one everything else builds and passes.
function(cameo_find_cuda)
  set(CAMEO_HAS_CUDA OFF PARENT_SCOPE)
  if(NOT CAMEO_WITH_CUDA)
    return()
  endif()
  include(CheckLanguage)
  find_program(nvcc nvcc HINTS /usr/local/cuda/bin ENV CUDA_HOME PATH_SUFFIXES bin)
  if(nvcc AND NOT CMAKE_CUDA_COMPILER)
    set(CMAKE_CUDA_COMPILER "${nvcc}" CACHE FILEPATH "")
  endif()
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    set(CAMEO_HAS_CUDA ON PARENT_SCOPE)
  elseif(CAMEO_WITH_CUDA STREQUAL AUTO)
    message(STATUS "cameo: no nvcc found, the CUDA module is left out")
  else()
    message(FATAL_ERROR "cameo: CAMEO_WITH_CUDA is ON, but no nvcc was found (set CMAKE_CUDA_COMPILER)")
  endif()
endfunction()
