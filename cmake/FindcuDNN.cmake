# FindcuDNN -- header and library of NVIDIA's cuDNN, and its version: the target cuDNN::cuDNN.
#
# CUDNN_ROOT, a variable of CMake's or of the environment, may name where to look first: a
# prefix, or a Python environment in which pip has installed it (.../site-packages/nvidia/cudnn
# below it). There the library has no name without a version.
set(roots ${CUDNN_ROOT} $ENV{CUDNN_ROOT})
foreach(root ${roots})
    file(GLOB pip ${root}/lib/python3*/site-packages/nvidia/cudnn)
    list(APPEND roots ${pip})
endforeach()
list(APPEND roots ${CUDAToolkit_LIBRARY_ROOT} ${CUDAToolkit_TARGET_DIR} /usr/local/cuda)

find_path(cuDNN_INCLUDE_DIR cudnn_version.h HINTS ${roots} PATH_SUFFIXES include)
find_library(cuDNN_LIBRARY NAMES cudnn libcudnn.so.9 NAMES_PER_DIR HINTS ${roots}
    PATH_SUFFIXES lib lib64)
mark_as_advanced(cuDNN_INCLUDE_DIR cuDNN_LIBRARY)

if(cuDNN_INCLUDE_DIR)
    foreach(part MAJOR MINOR PATCHLEVEL)
        file(STRINGS ${cuDNN_INCLUDE_DIR}/cudnn_version.h line
            REGEX "^#define CUDNN_${part} +[0-9]+")
        string(REGEX REPLACE ".* " "" cuDNN_${part} "${line}")
    endforeach()
    set(cuDNN_VERSION ${cuDNN_MAJOR}.${cuDNN_MINOR}.${cuDNN_PATCHLEVEL})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(cuDNN REQUIRED_VARS cuDNN_LIBRARY cuDNN_INCLUDE_DIR
    VERSION_VAR cuDNN_VERSION)

if(cuDNN_FOUND AND NOT TARGET cuDNN::cuDNN)
    add_library(cuDNN::cuDNN UNKNOWN IMPORTED)
    set_target_properties(cuDNN::cuDNN PROPERTIES IMPORTED_LOCATION ${cuDNN_LIBRARY}
        INTERFACE_INCLUDE_DIRECTORIES ${cuDNN_INCLUDE_DIR})
endif()
