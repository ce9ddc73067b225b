// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <vector>

#include "engine/translator/cpu/aarch64/cpu.hpp"
#include "test/engine/translator/lib/backend_under_test.hpp"
#include "vm/aarch64/trapped_registers.hpp"

// Runs a bare-metal image on one translated CPU with nothing around it but a PL011 that only sends: privileged_runner
// IMAGE.elf. What the image sends goes to standard output; PSCI SYSTEM_OFF ends the run.
namespace gimbal {
namespace {

constexpr u64 ram_base = 0x4000'0000;
constexpr u64 ram_size = u64{64} << 20;
constexpr u64 uart_base = 0x0900'0000;
constexpr u64 psci_system_off = 0x8400'0008;

class HostClock final : public Clock {
public:
    HostTicks now() const override
    {
        timespec time{};
        ::clock_gettime(CLOCK_MONOTONIC, &time);
        return {static_cast<u64>(time.tv_sec) * frequency_hz() + static_cast<u64>(time.tv_nsec) / 16};
    }
    u64 frequency_hz() const override { return 62'500'000; }
};

/// Copies the segments of a 64-bit ELF file to RAM; its entry, or 0.
u64 load_elf(const std::vector<char>& file, u8* ram)
{
    const auto read = [&]<class T>(u64 at, T& value) {
        value = {};
        if (at + sizeof value <= file.size()) std::memcpy(&value, file.data() + at, sizeof value);
    };
    u64 entry = 0;
    u64 headers = 0;
    u16 count = 0;
    read(24, entry);
    read(32, headers);
    read(56, count);
    for (u64 header = headers; count != 0; --count, header += 56) {
        u32 type = 0;
        u64 offset = 0;
        u64 address = 0;
        u64 size = 0;
        read(header, type);
        read(header + 8, offset);
        read(header + 24, address);
        read(header + 32, size);
        if (type != 1) continue;
        if (address < ram_base || size > ram_size || address - ram_base > ram_size - size ||
            offset + size > file.size())
            return 0;
        std::memcpy(ram + (address - ram_base), file.data() + offset, size);
    }
    return entry;
}

Completion answer_access(const MmioExit& access)
{
    if (align_down(access.gpa.value, 4096) != uart_base) return Completion::make_inject(InjectKind::external_abort);
    if (access.direction == Direction::write && access.gpa.value == uart_base)
        std::putchar(static_cast<int>(access.data & 0xFF));
    return Completion::make_done(0);
}

int run(translator::aarch64::Cpu& cpu, aarch64::TrappedRegisters& registers, const Clock& clock)
{
    for (Completion answer{};;) {
        const Exit exit = cpu.run(answer);
        answer = {};
        switch (exit.kind) {
        case ExitKind::mmio: answer = answer_access(exit.mmio); break;
        case ExitKind::system_register: answer = registers.access({0}, exit.system_register, clock.now()); break;
        case ExitKind::hypercall:
            if (exit.call.arguments[0] == psci_system_off) return 0;
            answer = Completion::make_done(~u64{0});
            break;
        case ExitKind::kicked: break;
        case ExitKind::secure_call:
        case ExitKind::iocsr:
        case ExitKind::idle:
        case ExitKind::timer_fired:
        case ExitKind::stage2_fault:
        case ExitKind::host_interrupt:
        case ExitKind::system_event:
        case ExitKind::debug:
        case ExitKind::fatal:
            std::fprintf(stderr, "unexpected exit %u at pc 0x%llx\n", static_cast<unsigned>(exit.kind),
                         static_cast<unsigned long long>(cpu.state().common.pc));
            return 1;
        }
    }
}

int main(const char* path)
{
    std::ifstream input(path, std::ios::binary);
    const std::vector<char> file{std::istreambuf_iterator<char>(input), {}};
    void* ram = ::mmap(nullptr, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    GuestMemory memory;
    if (ram == MAP_FAILED || !memory.map({{ram_base}, ram_size, static_cast<u8*>(ram), false, false})) return 1;
    const u64 entry = load_elf(file, static_cast<u8*>(ram));
    if (entry == 0) {
        std::fprintf(stderr, "%s: no ELF image of this machine\n", path);
        return 1;
    }
    const HostClock clock;
    VirtualTimers timers;
    if (!timers.start(clock.now())) return 1;
    translator::Machine machine(
        memory, clock, timers,
        {.backend = translator::test::backend_under_test(), .verify_ir = std::getenv("GIMBAL_VERIFY_IR") != nullptr});
    translator::aarch64::Cpu cpu(machine, {0});
    aarch64::TrappedRegisters registers(translator::cpu_profile(), timers, nullptr, clock.frequency_hz());
    cpu.reset({.pc = entry, .arguments = {}});
    return run(cpu, registers, clock);
}

} // namespace
} // namespace gimbal

int main(int argc, char** argv)
{
    if (argc != 2) return 2;
    return gimbal::main(argv[1]);
}
