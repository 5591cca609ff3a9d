# The library for other programs, libfacenet.so and libfacenet.a, and what `cmake --install` puts
# where. Both export what include/facenet.h declares FN_API, and nothing else.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

foreach(folder core kernels nn data infer)
    list(APPEND objects $<TARGET_OBJECTS:fn_${folder}>)
endforeach()
list(APPEND objects $<TARGET_OBJECTS:fn_gpu>)
if(FN_WITH_CUDA)
    set(gpu_needs cuDNN::cuDNN CUDA::cublas CUDA::cudart_static)
    set(gpu_needs_line ${cuDNN_LIBRARY} ${CUDA_cublas_LIBRARY} ${CUDA_cudart_static_LIBRARY}
        -lrt -ldl -lpthread -lstdc++)
endif()

add_library(libfacenet SHARED ${objects})
set_target_properties(libfacenet PROPERTIES OUTPUT_NAME facenet LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_libraries(libfacenet PRIVATE fn_flags ${gpu_needs} fn_dnnl fn_hdf5 OpenMP::OpenMP_C
    PkgConfig::YAML PkgConfig::JANSSON JPEG::JPEG PNG::PNG OpenSSL::Crypto Threads::Threads m)

# Names that start with fn_ and are not public would meet those of another version, or keep
# somebody from taking them: one object of all, its hidden symbols made local.
set(object ${CMAKE_BINARY_DIR}/facenet.o)
add_custom_command(OUTPUT ${object}
    COMMAND ${CMAKE_C_COMPILER} -r -nostdlib -o ${object} ${objects}
    COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
    DEPENDS ${objects} COMMAND_EXPAND_LISTS VERBATIM)
set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
add_library(libfacenet_static STATIC ${object})
set_target_properties(libfacenet_static PROPERTIES OUTPUT_NAME facenet LINKER_LANGUAGE C)

# What a program links beside libfacenet.a.
set(FN_NEEDS ${YAML_LINK_LIBRARIES} ${JANSSON_LINK_LIBRARIES} ${JPEG_LIBRARIES} ${PNG_LIBRARIES}
    ${OPENSSL_CRYPTO_LIBRARY} ${HDF5_C_LIBRARIES} ${DNNL_LIBRARY} ${OpenMP_C_LIBRARIES} ${gpu_needs_line}
    -lm)
list(REMOVE_DUPLICATES FN_NEEDS)
list(JOIN FN_NEEDS " " FN_NEEDS_LINE)
set(config ${CMAKE_INSTALL_LIBDIR}/cmake/facenet)
file(RELATIVE_PATH FN_UP /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
string(REGEX REPLACE "/$" "" FN_UP ${FN_UP})
configure_file(cmake/facenet.pc.in facenet.pc @ONLY)
configure_package_config_file(cmake/facenet-config.cmake.in facenet-config.cmake
    INSTALL_DESTINATION ${config} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_INCLUDEDIR
    NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(facenet-config-version.cmake COMPATIBILITY SameMinorVersion)

# Networks and engines are found beside the program's bin (core/file.h, fn_file_installed): in a
# build too.
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/share/facenet)
foreach(folder nets engines)
    file(CREATE_LINK ${CMAKE_SOURCE_DIR}/configs/${folder}
        ${CMAKE_BINARY_DIR}/share/facenet/${folder} SYMBOLIC)
endforeach()

install(TARGETS facenet RUNTIME DESTINATION bin)
foreach(name train eval export)
    install(FILES ${CMAKE_BINARY_DIR}/bin/${name} DESTINATION bin)
endforeach()
install(TARGETS libfacenet libfacenet_static)
install(FILES include/facenet.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_BINARY_DIR}/facenet.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${CMAKE_BINARY_DIR}/facenet-config.cmake
    ${CMAKE_BINARY_DIR}/facenet-config-version.cmake DESTINATION ${config})
install(DIRECTORY configs/ DESTINATION share/facenet FILES_MATCHING PATTERN *.yaml)
install(DIRECTORY configs/engines DESTINATION share/facenet FILES_MATCHING PATTERN *.txt)
