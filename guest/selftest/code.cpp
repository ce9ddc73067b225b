// SPDX-License-Identifier: Apache-2.0
// Code that a program writes while it runs, as a just-in-time compiler does.
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

#include "guest/selftest/architecture.hpp"
#include "guest/selftest/checks.hpp"
#include "guest/selftest/support.hpp"

namespace gimbal::selftest {
namespace {

using Function = u32 (*)();

void clean(std::span<u8> code)
{
    auto* const first = reinterpret_cast<char*>(code.data());
    __builtin___clear_cache(first, first + code.size());
}

struct Handover {
    Function function{};
    std::atomic<u32> published{0};
    std::atomic<u32> executed{0};
    u32 wrong{};
    u32 rounds{};
};

// Executes each version as soon as it is there.
void* execute(void* argument)
{
    auto& handover = *static_cast<Handover*>(argument);
    pin_to(cpu_at(1));
    for (u32 round = 1; round <= handover.rounds; ++round) {
        while (handover.published.load(std::memory_order_acquire) != round) sched_yield();
        architecture::instruction_barrier();
        if (handover.function() != round * 7) ++handover.wrong;
        handover.executed.store(round, std::memory_order_release);
    }
    return nullptr;
}

} // namespace

Outcome written_code()
{
    const Mapping memory(64 * 1024, PROT_READ | PROT_WRITE | PROT_EXEC);
    if (memory.empty()) return skipped("no memory that can be written and executed");
    // In one place again and again, and then in many.
    for (u32 value = 0; value < 2000; ++value) {
        const usize length = architecture::emit_return(memory.bytes(), value * 0x10001);
        clean(memory.bytes().first(length));
        const u32 result = reinterpret_cast<Function>(memory.data())();
        SELFTEST_REQUIRE(result == value * 0x10001, "version %u returned %#x", value, result);
    }
    for (usize at = 0; at < memory.bytes().size(); at += 64)
        architecture::emit_return(memory.bytes().subspan(at), static_cast<u32>(at));
    clean(memory.bytes());
    for (usize at = 0; at < memory.bytes().size(); at += 64)
        SELFTEST_REQUIRE(reinterpret_cast<Function>(memory.data() + at)() == at, "the function at %zu is another", at);

    // Written through one mapping, executed through another.
    const auto page = static_cast<usize>(sysconf(_SC_PAGESIZE));
    const File file(memfd_create("selftest", MFD_CLOEXEC));
    SELFTEST_REQUIRE(file.valid() && ftruncate(file.fd(), static_cast<off_t>(page)) == 0, "no file");
    void* const writable = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
    void* const executable = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_SHARED, file.fd(), 0);
    SELFTEST_REQUIRE(writable != MAP_FAILED && executable != MAP_FAILED, "no file mapping");
    for (u32 value = 0; value < 300; ++value) {
        const usize length = architecture::emit_return({static_cast<u8*>(writable), page}, value);
        clean({static_cast<u8*>(writable), length});
        clean({static_cast<u8*>(executable), length});
        const u32 result = reinterpret_cast<Function>(executable)();
        SELFTEST_REQUIRE(result == value, "version %u of another mapping returned %u", value, result);
    }
    munmap(writable, page);
    munmap(executable, page);
    return passed("2000 versions in place, 1024 places, 300 through another mapping");
}

Outcome code_of_another_cpu()
{
    if (cpu_count() == 1) return skipped("one CPU");
    const Mapping memory(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    if (memory.empty()) return skipped("no memory that can be written and executed");
    Handover handover;
    handover.function = reinterpret_cast<Function>(memory.data());
    handover.rounds = 1000;
    pin_to(cpu_at(0));
    pthread_t thread{};
    SELFTEST_REQUIRE(pthread_create(&thread, nullptr, execute, &handover) == 0, "no thread");
    for (u32 round = 1; round <= handover.rounds; ++round) {
        clean(memory.bytes().first(architecture::emit_return(memory.bytes(), round * 7)));
        handover.published.store(round, std::memory_order_release);
        while (handover.executed.load(std::memory_order_acquire) != round) sched_yield();
    }
    pthread_join(thread, nullptr);
    SELFTEST_REQUIRE(handover.wrong == 0, "%u of %u versions were old", handover.wrong, handover.rounds);
    return passed("%u versions", handover.rounds);
}

} // namespace gimbal::selftest
