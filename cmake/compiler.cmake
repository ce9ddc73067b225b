# SPDX-License-Identifier: Apache-2.0
# One set of flags for hosted code, a few more for freestanding code.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# No NDEBUG anywhere: our assertions stay on in releases.
foreach(language C CXX)
    set(CMAKE_${language}_FLAGS_RELEASE "-O2 -g1")
    set(CMAKE_${language}_FLAGS_RELWITHDEBINFO "-O2 -g")
    set(CMAKE_${language}_FLAGS_MINSIZEREL "-Os -g1")
    set(CMAKE_${language}_FLAGS_DEBUG "-Og -g")
endforeach()

set(gimbal_warnings -Wall -Wextra -Wconversion -Werror)
set(gimbal_freestanding_flags -fno-exceptions -fno-rtti -fno-threadsafe-statics)

# The same source gives the same object wherever the checkout is; llvm-cov needs to find the source, though.
if(NOT GIMBAL_COVERAGE)
    add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
endif()

if(GIMBAL_SANITIZE)
    # vptr needs RTTI, which freestanding libraries are built without.
    add_compile_options(-fsanitize=${GIMBAL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${GIMBAL_SANITIZE})
    if(GIMBAL_SANITIZE MATCHES "undefined")
        add_compile_options(-fno-sanitize=vptr)
    endif()
endif()
if(GIMBAL_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(GIMBAL_COVERAGE)
    add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
    add_link_options(-fprofile-instr-generate)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    find_program(GIMBAL_LLD NAMES ld.lld-19)
    if(GIMBAL_LLD)
        add_link_options(--ld-path=${GIMBAL_LLD})
    endif()
endif()

if(GIMBAL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(GIMBAL_CCACHE_PROGRAM ccache)
    if(GIMBAL_CCACHE_PROGRAM)
        # NOHASHDIR: the object does not depend on the build folder (see the prefix map above). A base folder makes
        # checkouts in different places share too, but its relative paths would keep build folders outside from sharing.
        set(launcher /usr/bin/env CCACHE_NOHASHDIR=1)
        cmake_path(IS_PREFIX CMAKE_SOURCE_DIR ${CMAKE_BINARY_DIR} NORMALIZE in_tree)
        if(in_tree)
            list(APPEND launcher CCACHE_BASEDIR=${CMAKE_SOURCE_DIR})
        endif()
        list(APPEND launcher ${GIMBAL_CCACHE_PROGRAM})
        set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
        set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    endif()
endif()
