# SPDX-License-Identifier: Apache-2.0
# Installation: a tree that may be moved. The config finds LibTorch by the rules of CameoTorch.cmake, on the consumer's machine.
include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/cameo")
file(RELATIVE_PATH lib_from_bin "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")

set(installed)
foreach(component IN LISTS components)
  list(APPEND installed cameo_${component})
  set_target_properties(cameo_${component} PROPERTIES INSTALL_RPATH "$ORIGIN;${CAMEO_TORCH_ROOT}/lib")
endforeach()
install(TARGETS ${installed} EXPORT cameoTargets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT cameoTargets NAMESPACE cameo:: DESTINATION ${config_dir})
if(CAMEO_BUILD_APPS)
  set_target_properties(cameo PROPERTIES INSTALL_RPATH "$ORIGIN/${lib_from_bin};${CAMEO_TORCH_ROOT}/lib")
  install(TARGETS cameo RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(CAMEO_HAS_CUDA)
  install(TARGETS cameo_cuda LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/cameoConfig.cmake.in" "${PROJECT_BINARY_DIR}/cameoConfig.cmake"
                              INSTALL_DESTINATION ${config_dir} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/cameoConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/cameoConfig.cmake" "${PROJECT_BINARY_DIR}/cameoConfigVersion.cmake"
              "${PROJECT_SOURCE_DIR}/cmake/CameoTorch.cmake" "${PROJECT_SOURCE_DIR}/cmake/CameoIoDependencies.cmake"
        DESTINATION ${config_dir})
install(DIRECTORY "${PROJECT_SOURCE_DIR}/models" DESTINATION ${CMAKE_INSTALL_DATADIR}/cameo)
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/NOTICE" DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/cameo)
