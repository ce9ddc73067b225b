# SPDX-License-Identifier: Apache-2.0
# Offsets of C++ types for assembly. The source places strings of the form "->NAME value" in its assembly output, where
# any compiler for any 64-bit target evaluates them; the header has one #define for each.

if(CMAKE_SCRIPT_MODE_FILE)
    file(STRINGS ${ASSEMBLY} lines REGEX "->[A-Z0-9_]+ [0-9]+")
    set(text "/* Generated from ${SOURCE_NAME}. */\n#pragma once\n")
    foreach(line IN LISTS lines)
        string(REGEX REPLACE ".*->([A-Z0-9_]+) ([0-9]+).*" "#define \\1 \\2\n" define "${line}")
        string(APPEND text "${define}")
    endforeach()
    if(NOT lines)
        message(FATAL_ERROR "${ASSEMBLY} holds no offsets")
    endif()
    file(WRITE ${HEADER} "${text}")
    return()
endif()

set(gimbal_offsets_script ${CMAKE_CURRENT_LIST_FILE})

# gimbal_offsets(<name> <source>): the target gimbal_<name>; whoever depends on it includes
# "generated/<path of the source's folder>/<its stem>.h".
function(gimbal_offsets name source)
    file(RELATIVE_PATH folder ${PROJECT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR})
    cmake_path(GET source STEM stem)
    set(assembly ${CMAKE_CURRENT_BINARY_DIR}/${stem}.s)
    set(header ${PROJECT_BINARY_DIR}/generated/${folder}/${stem}.h)
    add_custom_command(OUTPUT ${header}
        COMMAND ${CMAKE_CXX_COMPILER} -std=c++23 -O1 -I${PROJECT_SOURCE_DIR} -MD -MF ${assembly}.d -MT ${header} -S
            ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${assembly}
        COMMAND ${CMAKE_COMMAND} -DASSEMBLY=${assembly} -DHEADER=${header} -DSOURCE_NAME=${folder}/${source}
            -P ${gimbal_offsets_script}
        DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${gimbal_offsets_script}
        DEPFILE ${assembly}.d
        VERBATIM)
    add_custom_target(gimbal_${name}_header DEPENDS ${header})
    add_library(gimbal_${name} INTERFACE)
    add_dependencies(gimbal_${name} gimbal_${name}_header)
    target_include_directories(gimbal_${name} INTERFACE ${PROJECT_BINARY_DIR})
endfunction()
