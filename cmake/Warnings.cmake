# fn_flags: what every object of ours is compiled with. fn_warnings: the house's warnings.
add_library(fn_flags INTERFACE)
target_compile_options(fn_flags INTERFACE -fno-math-errno -ffp-contract=fast
    $<$<COMPILE_LANGUAGE:C,CXX>:-fopenmp-simd> $<$<CONFIG:Release>:-O3>
    $<$<BOOL:${FN_NATIVE}>:-march=native>)
target_compile_definitions(fn_flags INTERFACE _POSIX_C_SOURCE=200809L
    $<$<BOOL:${FN_WITH_CUDA}>:FN_WITH_CUDA>)
if(FN_SANITIZE)
    target_compile_options(fn_flags INTERFACE -fsanitize=${FN_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all -g)
    target_link_options(fn_flags INTERFACE -fsanitize=${FN_SANITIZE})
endif()
if(FN_COVERAGE)
    target_compile_options(fn_flags INTERFACE --coverage -g)
    target_link_options(fn_flags INTERFACE --coverage)
endif()

# Errors for us and for CI; another compiler's new warning must not stop a newcomer.
if(DEFINED ENV{CI})
    set(werror ON)
else()
    set(werror OFF)
endif()
option(FN_WERROR "warnings are errors" ${werror})
add_library(fn_warnings INTERFACE)
target_compile_options(fn_warnings INTERFACE -Wall -Wextra -Wshadow -Wconversion
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes> -Wvla -Wformat=2
    $<$<BOOL:${FN_WERROR}>:-Werror>)
if(FN_SANITIZE) # gcc loses sight of lengths in instrumented code, and warns of them
    target_compile_options(fn_warnings INTERFACE -Wno-format-truncation)
endif()
