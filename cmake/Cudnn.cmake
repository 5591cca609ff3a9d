# The files that call cuDNN and cuBLAS, as the library fn_cudnn, and their tests. Without the
# libraries fn_cudnn is empty, and the tests say so and are skipped.
set(FN_CUDNN_OLDEST 9.8) # the first that makes plans without a device
if(NOT FN_CUDA STREQUAL OFF)
    list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
    find_package(CUDAToolkit QUIET)
    find_package(cuDNN QUIET)
endif()

if(FN_CUDA STREQUAL OFF)
    set(why "FN_CUDA is OFF")
elseif(NOT CUDAToolkit_FOUND)
    set(why "there is no CUDA toolkit")
elseif(NOT cuDNN_FOUND)
    set(why "no cuDNN was found: set CUDNN_ROOT to where it is")
elseif(cuDNN_VERSION VERSION_LESS FN_CUDNN_OLDEST)
    set(why "cuDNN ${cuDNN_VERSION} is older than ${FN_CUDNN_OLDEST}")
endif()

if(why)
    message(STATUS "cuDNN: not used, ${why}")
    add_library(fn_cudnn INTERFACE)
    target_compile_definitions(fn_cudnn INTERFACE "FN_NO_CUDNN=\"${why}\"")
else()
    message(STATUS "cuDNN: ${cuDNN_VERSION}, ${cuDNN_LIBRARY}")
    file(GLOB sources CONFIGURE_DEPENDS kernels/cudnn*.c kernels/cublas*.c)
    add_library(fn_cudnn STATIC ${sources})
    target_compile_definitions(fn_cudnn PRIVATE CUDNN_WARN_DEPRECATED)
    target_link_libraries(fn_cudnn PRIVATE fn_warnings cuDNN::cuDNN CUDA::cudart CUDA::cublas
        PUBLIC fn_flags fn_kernels)
endif()

foreach(test test_cudnn test_cudnn_plans)
    target_link_libraries(${test} PRIVATE fn_cudnn)
    if(CUDA_nvrtc_LIBRARY AND NOT why)
        # cuDNN opens and closes it for every plan, and it loses memory each time. Where it is
        # open already, the tests take a fifth of the time. CUDA::nvrtc would bring the driver.
        target_link_options(${test} PRIVATE LINKER:--no-as-needed)
        target_link_libraries(${test} PRIVATE ${CUDA_nvrtc_LIBRARY})
    endif()
endforeach()
