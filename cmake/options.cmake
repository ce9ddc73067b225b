# SPDX-License-Identifier: Apache-2.0
# What a user may choose with -D.

if(NOT CMAKE_BUILD_TYPE)
    set(CMAKE_BUILD_TYPE Release CACHE STRING "Release or Debug" FORCE)
endif()

set(GIMBAL_SANITIZE "" CACHE STRING "Sanitizers for everything: address,undefined or thread")
set(GIMBAL_TESTS AUTO CACHE STRING "ON: tests are built and googletest must be there; AUTO: if it is there; OFF: none")
set_property(CACHE GIMBAL_TESTS PROPERTY STRINGS AUTO ON OFF)
option(GIMBAL_FUZZ "Build the libFuzzer targets (clang only); without it they are built as corpus replayers" OFF)
option(GIMBAL_COVERAGE "Instrument for llvm-cov (clang only)" OFF)
option(GIMBAL_CI "Fail what would be skipped for a missing tool" OFF)
set(GIMBAL_TEST_PREFIX "" CACHE STRING "Comes before the name of every test, to tell configurations apart")
# Host code for x86-64, made with xbyak; without it the translator interprets.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    find_path(GIMBAL_XBYAK xbyak/xbyak.h)
endif()
# ThreadSanitizer does not see what such code does.
if(GIMBAL_XBYAK AND NOT GIMBAL_SANITIZE MATCHES "thread")
    option(GIMBAL_JIT "Build the translator's x86-64 backend" ON)
else()
    set(GIMBAL_JIT OFF)
endif()
option(GIMBAL_CCACHE "Compile through ccache if it is there" ON)

if((GIMBAL_FUZZ OR GIMBAL_COVERAGE) AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "GIMBAL_FUZZ and GIMBAL_COVERAGE need clang (use the clang presets)")
endif()

if(GIMBAL_TESTS STREQUAL "AUTO")
    find_package(GTest QUIET)
    set(gimbal_with_tests ${GTest_FOUND})
elseif(GIMBAL_TESTS)
    find_package(GTest REQUIRED)
    set(gimbal_with_tests TRUE)
else()
    set(gimbal_with_tests FALSE)
endif()
if(NOT gimbal_with_tests)
    message(STATUS "Tests are not built (GIMBAL_TESTS=${GIMBAL_TESTS})")
endif()
