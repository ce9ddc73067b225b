// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

usize page_size() { return static_cast<usize>(sysconf(_SC_PAGESIZE)); }

void fill(std::span<u8> bytes, u64 seed)
{
    Sequence sequence(seed);
    for (usize at = 0; at + sizeof(u64) <= bytes.size(); at += sizeof(u64)) {
        const u64 value = sequence.next();
        memcpy(bytes.data() + at, &value, sizeof(value));
    }
}

bool is_zero(std::span<const u8> bytes)
{
    return std::ranges::all_of(bytes, [](u8 byte) { return byte == 0; });
}

sigjmp_buf after_fault;
volatile usize fault_address;

void note_fault(int, siginfo_t* info, void*)
{
    fault_address = reinterpret_cast<usize>(info->si_addr);
    siglongjmp(after_fault, 1);
}

bool write_faults(volatile u8* at)
{
    if (sigsetjmp(after_fault, 1) != 0) return fault_address == reinterpret_cast<usize>(at);
    *at = 1;
    return false;
}

// The kilobytes of huge pages behind an address.
u64 huge_kilobytes(usize address)
{
    FILE* const file = fopen("/proc/self/smaps", "re");
    if (file == nullptr) return 0;
    char line[512];
    bool here = false;
    unsigned long long huge = 0;
    while (fgets(line, sizeof(line), file) != nullptr) {
        unsigned long long first = 0;
        unsigned long long last = 0;
        if (sscanf(line, "%llx-%llx ", &first, &last) == 2) here = address >= first && address < last;
        if (here && sscanf(line, "AnonHugePages: %llu", &huge) == 1) break;
    }
    fclose(file);
    return huge;
}

} // namespace

Outcome anonymous_memory()
{
    const Mapping memory(16 << 20);
    SELFTEST_REQUIRE(!memory.empty(), "no memory");
    const usize page = page_size();
    for (usize at = 0; at < memory.bytes().size(); at += page)
        SELFTEST_REQUIRE(is_zero(memory.bytes().subspan(at, 64)), "a new page is not zero at %zu", at);
    fill(memory.bytes(), 1);
    const u32 checksum = crc32(memory.bytes().first(1 << 20));
    // Discarded pages are new pages; the others keep what they have.
    madvise(memory.data() + (1 << 20), 1 << 20, MADV_DONTNEED);
    SELFTEST_REQUIRE(is_zero(memory.bytes().subspan(1 << 20, 1 << 20)), "discarded pages are not zero");
    SELFTEST_REQUIRE(crc32(memory.bytes().first(1 << 20)) == checksum, "pages beside the discarded ones changed");

    // Pages that move take what they hold with them.
    void* const moving = mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SELFTEST_REQUIRE(moving != MAP_FAILED, "no memory");
    memcpy(moving, memory.data(), 1 << 20);
    void* const moved = mremap(moving, 1 << 20, 8 << 20, MREMAP_MAYMOVE);
    SELFTEST_REQUIRE(moved != MAP_FAILED, "mremap failed");
    const std::span<const u8> bytes{static_cast<const u8*>(moved), 8 << 20};
    SELFTEST_REQUIRE(crc32(bytes.first(1 << 20)) == checksum, "moved pages changed");
    SELFTEST_REQUIRE(is_zero(bytes.subspan(2 << 20, 4096)), "a grown mapping is not zero");
    munmap(moved, 8 << 20);
    return passed("16 MiB touched, discarded and moved");
}

Outcome copy_on_write()
{
    const Mapping memory(4 << 20);
    SELFTEST_REQUIRE(!memory.empty(), "no memory");
    fill(memory.bytes(), 2);
    const u32 checksum = crc32(memory.bytes());
    for (u32 child_number = 0; child_number < 4; ++child_number) {
        const pid_t child = fork();
        if (child == 0) {
            if (crc32(memory.bytes()) != checksum) _exit(1);
            fill(memory.bytes(), 100 + child_number);
            const u32 own = crc32(memory.bytes());
            usleep(1000);
            _exit(crc32(memory.bytes()) == own && own != checksum ? 0 : 2);
        }
        // The parent writes while the child does.
        memory.data()[child_number * 4096] ^= 0xFF;
        SELFTEST_REQUIRE(exits_with(child, 0), "child %u saw another's writes", child_number);
        memory.data()[child_number * 4096] ^= 0xFF;
        SELFTEST_REQUIRE(crc32(memory.bytes()) == checksum, "child %u wrote into its parent", child_number);
    }
    return passed("4 children, 4 MiB each");
}

Outcome protection()
{
    struct sigaction action{};
    action.sa_sigaction = note_fault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, nullptr);
    const usize page = page_size();
    constexpr usize pages = 64;
    const Mapping memory(pages * page);
    SELFTEST_REQUIRE(!memory.empty(), "no memory");
    for (u32 round = 0; round < 4; ++round) {
        fill(memory.bytes(), round); // in the TLB as writable
        mprotect(memory.data(), pages * page, PROT_READ);
        for (usize index = 0; index < pages; ++index)
            SELFTEST_REQUIRE(write_faults(memory.data() + index * page + index), "page %zu can be written", index);
        mprotect(memory.data(), pages * page, PROT_READ | PROT_WRITE);
        for (usize index = 0; index < pages; ++index)
            SELFTEST_REQUIRE(!write_faults(memory.data() + index * page + index), "page %zu cannot be written", index);
    }
    return passed("%zu pages, 4 times", pages);
}

Outcome file_mappings()
{
    const usize page = page_size();
    const usize size = 64 * page;
    const File file(memfd_create("selftest", MFD_CLOEXEC));
    SELFTEST_REQUIRE(file.valid() && ftruncate(file.fd(), static_cast<off_t>(size)) == 0, "no file");
    void* const shared = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    void* const own = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file.fd(), 0);
    SELFTEST_REQUIRE(shared != MAP_FAILED && own != MAP_FAILED, "no file mapping");
    const std::span shared_bytes{static_cast<u8*>(shared), size};
    const std::span own_bytes{static_cast<u8*>(own), size};

    fill(shared_bytes, 3);
    SELFTEST_REQUIRE(memcmp(own, shared, size) == 0, "a private mapping is not the file before it is written");
    own_bytes[5 * page] ^= 0xFF;
    shared_bytes[6 * page] ^= 0xFF;
    SELFTEST_REQUIRE(own_bytes[5 * page] != shared_bytes[5 * page], "a private write reached the file");
    SELFTEST_REQUIRE(own_bytes[6 * page] == shared_bytes[6 * page], "a shared write did not reach the private mapping");

    // The same file by read and write.
    u8 block[512];
    for (usize at = 0; at < size; at += 3 * page) {
        SELFTEST_REQUIRE(pread(file.fd(), block, sizeof(block), static_cast<off_t>(at)) == sizeof(block),
                         "pread failed");
        SELFTEST_REQUIRE(memcmp(block, shared_bytes.data() + at, sizeof(block)) == 0, "read and map differ at %zu", at);
        memset(block, static_cast<int>(at / page), sizeof(block));
        SELFTEST_REQUIRE(pwrite(file.fd(), block, sizeof(block), static_cast<off_t>(at)) == sizeof(block),
                         "pwrite failed");
        SELFTEST_REQUIRE(memcmp(block, shared_bytes.data() + at, sizeof(block)) == 0, "write and map differ at %zu",
                         at);
    }
    // A child's writes through the shared mapping are ours.
    const pid_t child = fork();
    if (child == 0) {
        fill(shared_bytes, 4);
        _exit(0);
    }
    SELFTEST_REQUIRE(exits_with(child, 0), "the child failed");
    const Mapping expected(size);
    fill(expected.bytes(), 4);
    SELFTEST_REQUIRE(memcmp(expected.data(), shared, size) == 0, "a child's shared writes are missing");
    munmap(shared, size);
    munmap(own, size);
    return passed("shared, private, read and written");
}

Outcome huge_pages()
{
    constexpr usize huge = 2 << 20;
    const Mapping memory(8 * huge);
    SELFTEST_REQUIRE(!memory.empty(), "no memory");
    if (madvise(memory.data(), 8 * huge, MADV_HUGEPAGE) != 0) return skipped("the kernel has none");
    fill(memory.bytes(), 5);
    const u32 checksum = crc32(memory.bytes());
    const auto in_use = static_cast<unsigned long long>(huge_kilobytes(reinterpret_cast<usize>(memory.data())));
    // A protection in their middle splits them.
    const usize page = page_size();
    const usize middle = 3 * huge + 5 * page;
    mprotect(memory.data() + middle, page, PROT_NONE);
    mprotect(memory.data() + middle, page, PROT_READ | PROT_WRITE);
    madvise(memory.data() + middle, page, MADV_DONTNEED);
    SELFTEST_REQUIRE(is_zero(memory.bytes().subspan(middle, page)), "a page discarded from a huge one is not zero");
    const Mapping expected(8 * huge);
    fill(expected.bytes(), 5);
    SELFTEST_REQUIRE(crc32(expected.bytes()) == checksum, "huge pages lost data");
    memset(expected.data() + middle, 0, page);
    SELFTEST_REQUIRE(memcmp(expected.data(), memory.data(), 8 * huge) == 0, "splitting a huge page changed its data");
    if (in_use == 0) return skipped("the kernel gives none");
    return passed("%llu KiB in huge pages", in_use);
}

} // namespace gimbal::selftest
