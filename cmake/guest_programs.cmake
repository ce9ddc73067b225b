# SPDX-License-Identifier: Apache-2.0
# Static Linux programs of ours for inside a guest. One compiler makes them for every guest architecture and, where asked
# for, for the host, so that what is compared is the machine and not the compiler.

find_program(GIMBAL_GUEST_CXX clang++-19)
find_program(GIMBAL_GUEST_LINKER ld.lld-19)
# The guest architectures that Debian 12 has a C library for (libc6-dev-arm64-cross).
set(gimbal_guest_triple_aarch64 aarch64-linux-gnu)
set(gimbal_guest_isas "")
foreach(isa IN ITEMS aarch64)
    if(EXISTS /usr/${gimbal_guest_triple_${isa}}/lib/libc.a)
        list(APPEND gimbal_guest_isas ${isa})
    endif()
endforeach()
if(NOT GIMBAL_GUEST_CXX OR NOT GIMBAL_GUEST_LINKER OR NOT gimbal_guest_isas)
    if(GIMBAL_CI AND gimbal_with_tests)
        message(FATAL_ERROR "clang 19, lld 19 or the arm64 cross C library is missing (tools/setup check)")
    endif()
    message(STATUS "Guest programs (without clang 19 or lld 19 images too) are not built: no clang 19, lld 19 or cross C library")
    set(gimbal_guest_isas "")
endif()

# The language without its run-time library: a guest program needs the C library only.
set(guest_program_flags -std=c++23 -O2 -g1 -fno-exceptions -fno-rtti -fno-threadsafe-statics -ffp-contract=off
    -Wall -Wextra -Wconversion -Werror)
set(guest_program_link_flags -static -pthread --ld-path=${GIMBAL_GUEST_LINKER} -Wl,--gc-sections)

# gimbal_guest_object(<object> <source> <flags>...): one object of a program or of an image, by the guests' compiler.
function(gimbal_guest_object object source)
    cmake_path(GET object PARENT_PATH folder)
    cmake_path(RELATIVE_PATH object BASE_DIRECTORY ${PROJECT_BINARY_DIR}/guest OUTPUT_VARIABLE name)
    add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
        COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${GIMBAL_GUEST_CXX} ${ARGN} -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.
                -I${PROJECT_SOURCE_DIR} -MD -MT ${object} -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} DEPFILE ${object}.d COMMENT "Building guest object ${name}" VERBATIM)
    # For clang-tidy: CMake's own compilation database has no custom commands.
    if(ARGN MATCHES "--target=" AND source MATCHES "\\.cpp$")
        set(arguments ${GIMBAL_GUEST_CXX} ${ARGN} -I${PROJECT_SOURCE_DIR} -c ${source})
        list(JOIN arguments [=[", "]=] arguments)
        set_property(GLOBAL APPEND PROPERTY gimbal_guest_commands
            "{\"directory\": \"${PROJECT_BINARY_DIR}\", \"file\": \"${source}\", \"arguments\": [\"${arguments}\"]}")
    endif()
endfunction()

# One program for one ISA, or for the host if `isa` is `native`.
function(gimbal_guest_program_for isa name sources result)
    set(folder ${PROJECT_BINARY_DIR}/guest/programs/${isa})
    set(target_flags "")
    if(NOT isa STREQUAL native)
        set(target_flags --target=${gimbal_guest_triple_${isa}})
    endif()
    set(objects "")
    foreach(source IN LISTS sources)
        set(object ${folder}/${name}.objects/${source}.o)
        gimbal_guest_object(${object} ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${target_flags} ${guest_program_flags})
        list(APPEND objects ${object})
    endforeach()
    set(program ${folder}/${name})
    add_custom_command(OUTPUT ${program}
        COMMAND ${GIMBAL_GUEST_CXX} ${target_flags} ${guest_program_link_flags} ${objects} -o ${program}
        DEPENDS ${objects} COMMENT "Linking ${isa} guest program ${name}" VERBATIM)
    set(${result} ${program} PARENT_SCOPE)
endfunction()

# gimbal_guest_program(<name> SOURCES a.cpp... [NATIVE])
#
# The target guest_<name>: <build folder>/guest/programs/<isa>/<name> for every guest architecture that can be built for;
# NATIVE adds <build folder>/guest/programs/native/<name>. Without a cross compiler there is no such target.
function(gimbal_guest_program name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NATIVE" "" "SOURCES")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "gimbal_guest_program(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
    endif()
    if(NOT gimbal_guest_isas OR GIMBAL_SANITIZE OR GIMBAL_COVERAGE)
        return()
    endif()
    set(isas ${gimbal_guest_isas})
    if(arg_NATIVE)
        list(APPEND isas native)
    endif()
    set(programs "")
    foreach(isa IN LISTS isas)
        gimbal_guest_program_for(${isa} ${name} "${arg_SOURCES}" program)
        list(APPEND programs ${program})
    endforeach()
    add_custom_target(guest_${name} ALL DEPENDS ${programs})
endfunction()
