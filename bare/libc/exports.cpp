// SPDX-License-Identifier: Apache-2.0
// C's names, for images without a C library; never for a host. With -ffreestanding the compiler makes no call to memcpy
// of the loop in memcpy.
#include "bare/libc/memory.hpp"
#include "bare/libc/string.hpp"

namespace libc = gimbal::libc;
using gimbal::usize;

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, usize size) { return libc::memcpy(to, from, size); }
void* memmove(void* to, const void* from, usize size) { return libc::memmove(to, from, size); }
void* memset(void* to, int value, usize size) { return libc::memset(to, value, size); }
int memcmp(const void* a, const void* b, usize size) { return libc::memcmp(a, b, size); }
void* memchr(const void* in, int value, usize size) { return const_cast<void*>(libc::memchr(in, value, size)); }

usize strlen(const char* text) { return libc::strlen(text); }
usize strnlen(const char* text, usize limit) { return libc::strnlen(text, limit); }
int strcmp(const char* a, const char* b) { return libc::strcmp(a, b); }
int strncmp(const char* a, const char* b, usize limit) { return libc::strncmp(a, b, limit); }
char* strchr(const char* text, int value) { return const_cast<char*>(libc::strchr(text, value)); }
char* strrchr(const char* text, int value) { return const_cast<char*>(libc::strrchr(text, value)); }

} // extern "C"
