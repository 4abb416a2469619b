# SPDX-License-Identifier: Apache-2.0
# What cameo::io and cameo::video are made with. pkg-config for libzip and libav: Debian's CMake files for libzip want
# its command-line tools, and FFmpeg has none.
find_package(OpenImageIO 2.4 REQUIRED)
# Debian's OpenImageIO names the folders of libraries that it was built with and that need not be installed.
get_target_property(_cameo_includes OpenImageIO::OpenImageIO INTERFACE_INCLUDE_DIRECTORIES)
foreach(_folder IN LISTS _cameo_includes)
  if(NOT _folder MATCHES "^\\$<" AND NOT EXISTS "${_folder}")
    list(REMOVE_ITEM _cameo_includes "${_folder}")
  endif()
endforeach()
set_target_properties(OpenImageIO::OpenImageIO PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${_cameo_includes}")
find_package(meshoptimizer REQUIRED)
find_package(TinyGLTF REQUIRED)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
if(CAMEO_BUILD_VIDEO)
  pkg_check_modules(libav IMPORTED_TARGET libavformat libavcodec libavutil libswscale)
  if(NOT libav_FOUND)
    message(STATUS "cameo: no FFmpeg development files found, cameo::video is left out")
    set(CAMEO_BUILD_VIDEO OFF)
  endif()
endif()
