# SPDX-License-Identifier: Apache-2.0
# Every FREESTANDING library, built for the bare targets: the target `freestanding`. One more source per library
# includes each of its headers, so that header-only code is compiled too. tools/check-freestanding judges the result.

find_program(GIMBAL_BARE_CXX clang++-19)
find_program(GIMBAL_BARE_CC clang-19)
find_program(GIMBAL_BARE_AR llvm-ar-19)
set(GIMBAL_BARE_SYSROOT /usr/aarch64-linux-gnu CACHE PATH "Where the cross C++ headers are (Debian's arm64 cross packages)")
set(GIMBAL_LIBFDT_SOURCE ${PROJECT_BINARY_DIR}/../apt/libfdt CACHE PATH "Where tools/fetch-libfdt left its source")
set(bare_headers ${GIMBAL_BARE_SYSROOT}/include/c++/12)

if(NOT gimbal_with_tests OR GIMBAL_SANITIZE OR GIMBAL_COVERAGE)
    return()
endif()
if(NOT GIMBAL_BARE_CXX OR NOT GIMBAL_BARE_CC OR NOT GIMBAL_BARE_AR OR NOT EXISTS ${bare_headers}/expected)
    if(GIMBAL_CI)
        message(FATAL_ERROR "clang 19, llvm 19 or the arm64 cross C++ headers are missing (tools/setup check)")
    endif()
    message(STATUS "Freestanding libraries are not built for the bare targets: no clang 19 or no cross headers")
    return()
endif()

# libfdt's headers depend on no target. The host's will do to compile against, but their folder holds its C library too.
set(libfdt_include ${GIMBAL_LIBFDT_SOURCE})
if(NOT EXISTS ${GIMBAL_LIBFDT_SOURCE}/fdt_ro.c)
    if(GIMBAL_CI)
        message(FATAL_ERROR "there is no source of libfdt in ${GIMBAL_LIBFDT_SOURCE} (tools/fetch-libfdt)")
    endif()
    message(STATUS "libfdt is not built for the bare targets: no source in ${GIMBAL_LIBFDT_SOURCE} (tools/fetch-libfdt)")
    find_path(GIMBAL_LIBFDT_INCLUDE libfdt.h)
    set(libfdt_include ${GIMBAL_LIBFDT_INCLUDE})
endif()
foreach(header IN ITEMS libfdt.h libfdt_env.h fdt.h)
    if(EXISTS ${libfdt_include}/${header})
        configure_file(${libfdt_include}/${header} ${PROJECT_BINARY_DIR}/freestanding/include/${header} COPYONLY)
    endif()
endforeach()

# The C++ headers of the arm64 cross package serve both ISAs: their freestanding part does not depend on the target.
# loongarch64's triple names the soft-float ABI, which -mabi alone would only set with a warning.
set(bare_common_flags -O2 -g1 -ffreestanding -fno-pic -nostdlibinc -ffile-prefix-map=${PROJECT_SOURCE_DIR}=.)
set(bare_flags -std=c++23 ${bare_common_flags} -nostdinc++ -isystem ${bare_headers}
    -isystem ${bare_headers}/aarch64-linux-gnu -isystem ${GIMBAL_BARE_SYSROOT}/include
    -isystem ${PROJECT_BINARY_DIR}/freestanding/include
    ${gimbal_freestanding_flags} ${gimbal_warnings} -I${PROJECT_SOURCE_DIR})
# Not our code: its warnings are not ours either.
set(bare_libfdt_flags -std=gnu11 ${bare_common_flags} -w -mstrict-align -I${GIMBAL_LIBFDT_SOURCE} -isystem ${GIMBAL_BARE_SYSROOT}/include)
# Aligned accesses only: the image runs with the MMU off until its tables are there, and all memory is Device then.
set(bare_flags_aarch64 --target=aarch64-none-elf -mgeneral-regs-only -mno-outline-atomics -mstrict-align)
set(bare_flags_loongarch64 --target=loongarch64-unknown-none-gnusf -msoft-float)

# A source that includes every header below `directory`, rewritten only if it changes. Left out are hosted ones and those
# of folders with a CMakeLists.txt of their own.
function(gimbal_header_source name directory result)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${directory}/*.hpp)
    file(GLOB_RECURSE others CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${directory}/*/CMakeLists.txt)
    foreach(other IN LISTS others)
        cmake_path(GET other PARENT_PATH other)
        list(FILTER headers EXCLUDE REGEX "^${other}/")
    endforeach()
    list(FILTER headers EXCLUDE REGEX "(^|/)hosted/")
    set(text "// SPDX-License-Identifier: Apache-2.0\n")
    foreach(header IN LISTS headers)
        string(APPEND text "#include \"${header}\"\n")
    endforeach()
    set(path ${PROJECT_BINARY_DIR}/freestanding/${name}_headers.cpp)
    file(CONFIGURE OUTPUT ${path} CONTENT "${text}" @ONLY)
    set(${result} ${path} PARENT_SCOPE)
endfunction()

# The archive of one library for one ISA.
function(gimbal_bare_archive name isa result)
    get_property(sources GLOBAL PROPERTY gimbal_freestanding_${name}_sources)
    get_property(directory GLOBAL PROPERTY gimbal_freestanding_${name}_directory)
    gimbal_header_source(${name} ${directory} header_source)
    set(folder ${PROJECT_BINARY_DIR}/freestanding/${isa}/${name})
    set(objects "")
    foreach(source IN LISTS sources header_source)
        cmake_path(GET source FILENAME file)
        string(SHA256 digest ${source})
        string(SUBSTRING ${digest} 0 6 digest)
        set(object ${folder}/${file}.${digest}.o)
        add_custom_command(OUTPUT ${object}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
            COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${GIMBAL_BARE_CXX} ${bare_flags} ${bare_flags_${isa}}
                    -MD -MT ${object} -MF ${object}.d -c ${source} -o ${object}
            DEPENDS ${source} DEPFILE ${object}.d COMMENT "Building ${isa} object ${name}/${file}" VERBATIM)
        list(APPEND objects ${object})
    endforeach()
    set(archive ${PROJECT_BINARY_DIR}/freestanding/${isa}/lib${name}.a)
    add_custom_command(OUTPUT ${archive}
        COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
        COMMAND ${GIMBAL_BARE_AR} qc ${archive} ${objects} DEPENDS ${objects} VERBATIM)
    set(${result} ${archive} PARENT_SCOPE)
endfunction()

# The archive of libfdt for one ISA; nothing without its source. Aligned accesses only: a board's tree may be read before
# the MMU is on.
function(gimbal_bare_libfdt isa result)
    set(${result} "" PARENT_SCOPE)
    file(GLOB sources CONFIGURE_DEPENDS ${GIMBAL_LIBFDT_SOURCE}/fdt*.c)
    list(FILTER sources EXCLUDE REGEX "/fdt_overlay\\.c$") # no image has a use for overlays
    if(NOT sources)
        return()
    endif()
    set(folder ${PROJECT_BINARY_DIR}/freestanding/${isa}/libfdt)
    set(objects "")
    foreach(source IN LISTS sources)
        cmake_path(GET source FILENAME file)
        add_custom_command(OUTPUT ${folder}/${file}.o
            COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
            COMMAND ${CMAKE_C_COMPILER_LAUNCHER} ${GIMBAL_BARE_CC} ${bare_libfdt_flags} ${bare_flags_${isa}}
                    -c ${source} -o ${folder}/${file}.o
            DEPENDS ${source} COMMENT "Building ${isa} object libfdt/${file}" VERBATIM)
        list(APPEND objects ${folder}/${file}.o)
    endforeach()
    set(archive ${PROJECT_BINARY_DIR}/freestanding/${isa}/libfdt.a)
    add_custom_command(OUTPUT ${archive}
        COMMAND ${CMAKE_COMMAND} -E rm -f ${archive}
        COMMAND ${GIMBAL_BARE_AR} qc ${archive} ${objects} DEPENDS ${objects} VERBATIM)
    set(${result} ${archive} PARENT_SCOPE)
endfunction()

get_property(bare_libraries GLOBAL PROPERTY gimbal_freestanding_libraries)
add_custom_target(freestanding)
foreach(isa IN ITEMS aarch64 loongarch64)
    set(archives "")
    foreach(name IN LISTS bare_libraries)
        gimbal_bare_archive(${name} ${isa} archive)
        list(APPEND archives ${archive})
    endforeach()
    gimbal_bare_libfdt(${isa} archive)
    list(APPEND archives ${archive})
    set(bare_archives_${isa} ${archives})
    add_custom_target(freestanding_${isa} DEPENDS ${archives})
    add_dependencies(freestanding freestanding_${isa})
    add_test(NAME freestanding_${isa} COMMAND ${PROJECT_SOURCE_DIR}/tools/check-freestanding ${isa} ${archives})
    set_tests_properties(freestanding_${isa} PROPERTIES LABELS lint)
endforeach()
