# SPDX-License-Identifier: Apache-2.0
# How the parts declare libraries, programs, tests and fuzzers.

set_property(GLOBAL PROPERTY gimbal_freestanding_libraries "")

# Adds a folder, or if it has no CMakeLists.txt whichever of the folders below it has one.
function(gimbal_add_part folder)
    if(EXISTS ${folder}/CMakeLists.txt)
        add_subdirectory(${folder})
        return()
    endif()
    file(GLOB children LIST_DIRECTORIES true CONFIGURE_DEPENDS ${folder}/*)
    foreach(child IN LISTS children)
        if(IS_DIRECTORY ${child})
            gimbal_add_part(${child})
        endif()
    endforeach()
endfunction()

function(gimbal_target_defaults target)
    target_compile_options(${target} PRIVATE ${gimbal_warnings})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
endfunction()

# gimbal_library(<name> [FREESTANDING] [SOURCES a.cpp...] [BARE_SOURCES b.cpp...] [DEPENDS target...])
#
# Makes the target gimbal_<name>; without sources it is header-only. FREESTANDING libraries lose exceptions, RTTI and
# guarded statics on the host too, and are built for the bare targets by the target `freestanding`; BARE_SOURCES for
# these only.
function(gimbal_library name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "FREESTANDING" "" "SOURCES;BARE_SOURCES;DEPENDS")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "gimbal_library(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()
    set(target gimbal_${name})
    if(arg_SOURCES)
        add_library(${target} STATIC ${arg_SOURCES})
        gimbal_target_defaults(${target})
        target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
        target_link_libraries(${target} PUBLIC ${arg_DEPENDS})
        if(arg_FREESTANDING)
            target_compile_options(${target} PRIVATE ${gimbal_freestanding_flags})
        endif()
    else()
        add_library(${target} INTERFACE)
        target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR})
        target_link_libraries(${target} INTERFACE ${arg_DEPENDS})
    endif()
    if(arg_FREESTANDING)
        list(APPEND arg_SOURCES ${arg_BARE_SOURCES})
        list(TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
        set_property(GLOBAL APPEND PROPERTY gimbal_freestanding_libraries ${name})
        set_property(GLOBAL PROPERTY gimbal_freestanding_${name}_sources "${arg_SOURCES}")
        set_property(GLOBAL PROPERTY gimbal_freestanding_${name}_directory ${CMAKE_CURRENT_SOURCE_DIR})
    endif()
endfunction()

# gimbal_executable(<name> SOURCES a.cpp... [DEPENDS target...] [INSTALL])
#
# A hosted program, left in <build folder>/bin.
function(gimbal_executable name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "INSTALL" "" "SOURCES;DEPENDS")
    add_executable(${name} ${arg_SOURCES})
    gimbal_target_defaults(${name})
    target_link_libraries(${name} PRIVATE ${arg_DEPENDS} gimbal_panic)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
    if(arg_INSTALL)
        install(TARGETS ${name} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
endfunction()

# Registers a ctest entry. In a sanitizer or coverage build only quick tests and fuzzers keep their labels: the long way
# round is walked once, in the plain build.
function(gimbal_add_test name labels timeout)
    if((GIMBAL_SANITIZE OR GIMBAL_COVERAGE) AND NOT labels MATCHES "^(quick|fuzz)$")
        list(TRANSFORM labels APPEND -instrumented)
    endif()
    set(test ${GIMBAL_TEST_PREFIX}${name})
    add_test(NAME ${test} COMMAND ${ARGN})
    set_tests_properties(${test} PROPERTIES LABELS "${labels}" TIMEOUT ${timeout}
        ENVIRONMENT "${gimbal_test_environment}")
    # 77 is a script's "a tool is missing".
    if(NOT GIMBAL_CI)
        set_tests_properties(${test} PROPERTIES SKIP_RETURN_CODE 77)
    else()
        set_tests_properties(${test} PROPERTIES FAIL_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
    endif()
endfunction()

set(gimbal_test_environment GIMBAL_SOURCE_DIR=${PROJECT_SOURCE_DIR} GIMBAL_BINARY_DIR=${PROJECT_BINARY_DIR})

# gimbal_test(<name> SOURCES x_test.cpp... [DEPENDS target...] [LABELS quick|check|long] [TIMEOUT seconds] [OWN_MAIN])
#
# A googletest program and one ctest entry, both called <name>_test. quick: under a second or so, runs in every check;
# check: runs in `make check`; long: only in `make check-long`. The default is quick.
function(gimbal_test name)
    if(NOT gimbal_with_tests)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 1 arg "OWN_MAIN" "TIMEOUT" "SOURCES;DEPENDS;LABELS")
    string(REGEX REPLACE "_test$" "" name ${name})
    set(target ${name}_test)
    add_executable(${target} ${arg_SOURCES})
    gimbal_target_defaults(${target})
    target_link_libraries(${target} PRIVATE ${arg_DEPENDS} gimbal_panic GTest::gmock GTest::gtest)
    if(NOT arg_OWN_MAIN)
        target_link_libraries(${target} PRIVATE GTest::gtest_main)
    endif()
    if(NOT arg_LABELS)
        set(arg_LABELS quick)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    gimbal_add_test(${target} "${arg_LABELS}" ${arg_TIMEOUT} ${target})
endfunction()

# gimbal_fuzzer(<name> SOURCES x_fuzz.cpp... [DEPENDS target...])
#
# <name>_fuzz from LLVMFuzzerTestOneInput, with its corpus in test/fuzz/corpus/<name>. With GIMBAL_FUZZ the ctest entry
# replays the corpus and fuzzes for GIMBAL_FUZZ_SECONDS (environment; 10 if unset); otherwise it only replays.
function(gimbal_fuzzer name)
    if(NOT gimbal_with_tests)
        return()
    endif()
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;DEPENDS")
    set(target ${name}_fuzz)
    set(corpus ${PROJECT_SOURCE_DIR}/test/fuzz/corpus/${name})
    add_executable(${target} ${arg_SOURCES})
    gimbal_target_defaults(${target})
    target_link_libraries(${target} PRIVATE ${arg_DEPENDS} gimbal_panic)
    if(GIMBAL_FUZZ)
        target_link_options(${target} PRIVATE -fsanitize=fuzzer)
        gimbal_add_test(${target} fuzz 1200 ${PROJECT_SOURCE_DIR}/tools/run-fuzzer $<TARGET_FILE:${target}> ${corpus})
    else()
        target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/test/fuzz/replay_main.cpp)
        gimbal_add_test(${target} quick 120 ${target} ${corpus})
    endif()
endfunction()
