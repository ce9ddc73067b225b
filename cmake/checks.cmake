# SPDX-License-Identifier: Apache-2.0
# The checks on the source as ctest entries, once: in the plain configuration.

if(NOT gimbal_with_tests OR GIMBAL_SANITIZE OR GIMBAL_COVERAGE)
    return()
endif()

function(gimbal_source_check name label)
    add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 900)
endfunction()

gimbal_source_check(lint_format lint ${PROJECT_SOURCE_DIR}/tools/format --check)
foreach(check IN ITEMS layering length text behaviours)
    gimbal_source_check(lint_${check} lint ${PROJECT_SOURCE_DIR}/tools/check-${check})
endforeach()
gimbal_source_check(lint_faults lint ${PROJECT_SOURCE_DIR}/tools/plant-faults --check)
foreach(test IN ITEMS check apt_sources initrd make_rootfs)
    gimbal_source_check(tools_${test}_test lint ${PROJECT_SOURCE_DIR}/test/tools/${test}_test.py)
endforeach()

get_property(commands GLOBAL PROPERTY gimbal_guest_commands)
list(JOIN commands ",\n" commands)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/guest/compile_commands.json CONTENT "[${commands}]\n" @ONLY)

# Bounded: the parts a guest's input reaches first, and our guests. `make lint` does all.
gimbal_source_check(tidy tidy ${PROJECT_SOURCE_DIR}/tools/run-tidy ${PROJECT_BINARY_DIR} base arch vm device host app
    guest)
set_tests_properties(tidy PROPERTIES PROCESSORS 2)

# That the tests notice: each planted fault must make one fail.
gimbal_source_check(planted_faults long ${PROJECT_SOURCE_DIR}/tools/plant-faults --build ${PROJECT_BINARY_DIR})
set_tests_properties(planted_faults PROPERTIES TIMEOUT 3600 PROCESSORS 2)
