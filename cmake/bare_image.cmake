# SPDX-License-Identifier: Apache-2.0
# gimbal-el2.bin, the type-1 image for AArch64: the freestanding libraries, what runs at EL2 only, and
# nothing else.

if(NOT bare_archives_aarch64)
    return() # said already why
endif()
find_program(GIMBAL_BARE_LINKER ld.lld-19)
find_program(GIMBAL_BARE_OBJCOPY llvm-objcopy-19)

set(image_source ${PROJECT_SOURCE_DIR}/bare/aarch64)
set(image_folder ${PROJECT_BINARY_DIR}/bare/aarch64)
file(GLOB image_sources CONFIGURE_DEPENDS ${image_source}/*.S ${image_source}/*.cpp
    ${PROJECT_SOURCE_DIR}/engine/el2/hardware/*.S ${PROJECT_SOURCE_DIR}/engine/el2/hardware/*.cpp)
list(FILTER image_sources EXCLUDE REGEX "/offsets\\.cpp$")
set(image_objects "")
foreach(source IN LISTS image_sources)
    cmake_path(GET source FILENAME file)
    set(object ${image_folder}/${file}.o)
    set(language_flags "")
    if(file MATCHES "cpp$")
        set(language_flags ${bare_flags})
    endif()
    add_custom_command(OUTPUT ${object}
        COMMAND ${CMAKE_COMMAND} -E make_directory ${image_folder}
        COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${GIMBAL_BARE_CXX}
                ${bare_flags_aarch64} ${language_flags} -I${PROJECT_SOURCE_DIR} -I${PROJECT_BINARY_DIR}
                -MD -MT ${object} -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} gimbal_arch_aarch64_offsets_header gimbal_el2_hardware_offsets_header
                gimbal_bare_aarch64_offsets_header
        DEPFILE ${object}.d
        COMMENT "Building the EL2 image's ${file}" VERBATIM)
    list(APPEND image_objects ${object})
endforeach()

set(image_elf ${image_folder}/gimbal-el2.elf)
set(image_binary ${PROJECT_BINARY_DIR}/bin/gimbal-el2.bin)
add_custom_command(OUTPUT ${image_binary}
    COMMAND ${GIMBAL_BARE_LINKER} -pie --no-dynamic-linker -z notext -z norelro --gc-sections --fatal-warnings
            -T ${image_source}/image.ld ${image_objects} --start-group ${bare_archives_aarch64} --end-group -o ${image_elf}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${PROJECT_BINARY_DIR}/bin
    COMMAND ${GIMBAL_BARE_OBJCOPY} -O binary ${image_elf} ${image_binary}
    DEPENDS ${image_objects} ${bare_archives_aarch64} ${image_source}/image.ld
    COMMENT "Linking gimbal-el2.bin" VERBATIM)
add_custom_target(gimbal_el2_image ALL DEPENDS ${image_binary})
