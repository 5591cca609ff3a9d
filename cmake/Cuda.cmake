# The CUDA backend: FN_CUDA=AUTO (where its toolkit is found), ON (or the configuration fails), OFF.
# Sets FN_WITH_CUDA, and makes fn_gpu: kernels and wrappers for a real GPU. Tests link their
# emulation instead, fn_gpu_emu (tests/emu/). Both are objects, so that either satisfies the
# references of fn_kernels, which is compiled once.
set(FN_CUDA AUTO CACHE STRING "the CUDA backend: AUTO, ON or OFF")
set_property(CACHE FN_CUDA PROPERTY STRINGS AUTO ON OFF)
if(NOT FN_CUDA MATCHES "^(AUTO|ON|OFF)$")
    message(FATAL_ERROR "FN_CUDA=${FN_CUDA}: expected AUTO, ON or OFF")
endif()

set(FN_CUDNN_OLDEST 9.8) # the first that makes plans without a device
set(FN_NO_CUDA "") # the reason
if(FN_CUDA STREQUAL OFF)
    set(FN_NO_CUDA "FN_CUDA is OFF")
else()
    include(CheckLanguage)
    list(APPEND CMAKE_MODULE_PATH ${CMAKE_SOURCE_DIR}/cmake)
    find_program(FN_NVCC nvcc HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES bin)
    if(FN_NVCC)
        if(NOT DEFINED CMAKE_CUDA_COMPILER)
            set(CMAKE_CUDA_COMPILER ${FN_NVCC})
        endif()
        check_language(CUDA)
        check_language(CXX) # nvcc's host compiler, and the emulation's
        find_package(CUDAToolkit QUIET)
        find_package(cuDNN QUIET)
    endif()
    if(NOT CMAKE_CUDA_COMPILER OR NOT CUDAToolkit_FOUND)
        set(FN_NO_CUDA "there is no CUDA toolkit")
    elseif(NOT CMAKE_CXX_COMPILER)
        set(FN_NO_CUDA "there is no g++")
    elseif(NOT cuDNN_FOUND)
        set(FN_NO_CUDA "no cuDNN was found: set CUDNN_ROOT to where it is")
    elseif(cuDNN_VERSION VERSION_LESS FN_CUDNN_OLDEST)
        set(FN_NO_CUDA "cuDNN ${cuDNN_VERSION} is older than ${FN_CUDNN_OLDEST}")
    endif()
    if(FN_NO_CUDA AND FN_CUDA STREQUAL ON)
        message(FATAL_ERROR "FN_CUDA=ON: ${FN_NO_CUDA}")
    endif()
endif()

if(FN_NO_CUDA)
    set(FN_WITH_CUDA OFF)
    set(FN_GPU_SOURCES core/device_none.c)
    message(STATUS "facenet ${PROJECT_VERSION}: CPU backend only, ${FN_NO_CUDA}")
else()
    set(FN_WITH_CUDA ON)
    # Named: A100, H100, and whatever is newest in this toolkit, as code and for the JIT.
    execute_process(COMMAND ${FN_NVCC} --list-gpu-arch OUTPUT_VARIABLE known)
    string(REGEX MATCHALL "compute_[0-9]+" known "${known}")
    list(TRANSFORM known REPLACE compute_ "")
    list(SORT known COMPARE NATURAL)
    list(GET known -1 newest)
    set(CMAKE_CUDA_ARCHITECTURES 80-real 90-real ${newest} CACHE STRING "GPUs to compile for")
    enable_language(CXX)
    enable_language(CUDA)
    set(CMAKE_CXX_STANDARD 17)
    set(CMAKE_CUDA_STANDARD 17)
    file(GLOB FN_CU CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/kernels/*.cu)
    file(GLOB wrappers CONFIGURE_DEPENDS kernels/cudnn*.c kernels/cublas*.c)
    set(FN_GPU_SOURCES core/device_cuda.c ${wrappers} ${FN_CU})
    message(STATUS "facenet ${PROJECT_VERSION}: CPU, and CUDA ${CUDAToolkit_VERSION} with cuDNN "
        "${cuDNN_VERSION} for ${CMAKE_CUDA_ARCHITECTURES}")
endif()

# What is implemented twice, for a GPU and for the emulation, is not in its folder's library.
function(fn_without_gpu list)
    list(FILTER ${list} EXCLUDE REGEX "/(device_cuda|device_none|cudnn[a-z_]*|cublas)\\.c$")
    if(FN_WITH_CUDA)
        list(FILTER ${list} EXCLUDE REGEX "_none\\.c$")
    else()
        list(FILTER ${list} EXCLUDE REGEX "_cuda\\.c$")
    endif()
    set(${list} ${${list}} PARENT_SCOPE)
endfunction()

function(fn_gpu_library)
    add_library(fn_gpu OBJECT ${FN_GPU_SOURCES})
    target_link_libraries(fn_gpu PUBLIC fn_core)
    target_compile_options(fn_gpu PRIVATE
        $<$<COMPILE_LANGUAGE:C>:$<TARGET_PROPERTY:fn_warnings,INTERFACE_COMPILE_OPTIONS>>
        $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra
            $<$<BOOL:${FN_WERROR}>:-Werror=all-warnings>>)
    if(FN_WITH_CUDA)
        target_compile_definitions(fn_gpu PRIVATE CUDNN_WARN_DEPRECATED)
        target_link_libraries(fn_gpu PUBLIC cuDNN::cuDNN CUDA::cublas CUDA::cudart_static)
    endif()
endfunction()
