// SPDX-License-Identifier: Apache-2.0
// The hypervisor from its entry to its end: one thread of control per CPU, which becomes that CPU's scheduler.
#include "arch/aarch64/mpidr.hpp"
#include "bare/aarch64/containment.hpp"
#include "bare/aarch64/control.hpp"
#include "bare/aarch64/guest_profile.hpp"
#include "bare/aarch64/hardware_tlb.hpp"
#include "bare/aarch64/start.hpp"
#include "bare/arena.hpp"
#include "bare/board.hpp"
#include "bare/boot_memory.hpp"
#include "bare/options.hpp"
#include "bare/own_tables.hpp"
#include "bare/page_stack.hpp"
#include "bare/uart.hpp"

namespace gimbal::bare {
namespace {

using aarch64::SysReg;

constexpr unsigned max_cpus = GuestHost::max_cpus;
constexpr u64 table_bytes = 1 << 20;
constexpr u64 psci_cpu_on = 0xC400'0003;
constexpr u64 psci_system_off = 0x8400'0008;

extern "C" {
extern const char image_head[], text_last[], rodata_last[], image_last[], secondary_cpu[];
void enable_mmu(u64 mair, u64 tcr, u64 ttbr, u64 sctlr);
}

u64 address(const void* where) { return reinterpret_cast<u64>(where); }

u64 call_firmware(u64 function, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0)
{
    register u64 x0 asm("x0") = function;
    register u64 x1 asm("x1") = a1;
    register u64 x2 asm("x2") = a2;
    register u64 x3 asm("x3") = a3;
    asm volatile("smc #0"
                 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11",
                   "x12", "x13", "x14", "x15", "x16", "x17");
    return x0;
}

struct Hypervisor final : BoardInterrupts {
    explicit Hypervisor(const Board& the_board)
        : board(the_board), uart(board.console.base), gic(board), control(uart, clock)
    {
    }
    void take_spi(u32 intid) override;

    const Board& board;
    Uart uart;
    PhysicalGic gic;
    CounterClock clock;
    PageStack pages;
    HardwareTlb tlb;
    aarch64::CpuProfile profile{};
    el2::VmidCpu vmid_cpus[max_cpus];
    std::optional<el2::VmidAllocator> vmids;
    Cpu cpus[max_cpus];
    CpuStart starts[max_cpus]{};
    unsigned cpu_count{1};
    std::optional<Placement<max_cpus>> placement;
    std::optional<BoardClock> wall_clock;
    std::optional<GuestHost> host;
    Control control;
    Channels channels;
};

constinit OwnTables tables;
constinit Hypervisor* hypervisor = nullptr;
constinit Board board;
constinit Options options;
constinit std::span<CpuStacks> stacks;
constinit std::optional<Uart> early_uart; // none until the board is known: there is nowhere to say anything

void Hypervisor::take_spi(u32 intid)
{
    control.console().interrupt(); // the only one that is on
    PhysicalGic::deactivate(intid);
}

[[noreturn]] void power_off()
{
    call_firmware(psci_system_off);
    while (true) wfi();
}

[[noreturn]] void give_up(const char* why, StrView guest = {})
{
    if (early_uart) Line(*early_uart).text("gimbal-el2: ").text(guest).text(guest.empty() ? "" : ": ").text(why);
    power_off();
}

/// Nobody hears us before the board's console is known.
void read_the_board(const void* device_tree)
{
    constexpr usize tree_limit = 2 << 20; // booting.rst of Linux: at most 2 MiB
    const auto read = read_board({static_cast<const u8*>(device_tree), tree_limit}, board);
    if (board.console.size != 0) early_uart.emplace(board.console.base);
    fault_scene.console = board.console.base;
    if (!read) give_up(board_error_text(read.error()));
    if (board.psci != PsciConduit::smc) give_up("the board has no PSCI by SMC");
    const auto wanted = read_options(board.bootargs);
    if (!wanted) give_up(options_error_text(wanted.error()));
    options = *wanted;
}

/// Data, but for the guards of the stacks, which lie in ascending order.
bool map_memory(u64 first, u64 last)
{
    for (const CpuStacks& cpu : stacks)
        for (const u8* const guard : {cpu.guard, cpu.report_guard}) {
            const u64 hole = address(guard);
            if (hole < first || hole >= last) continue;
            if (hole != first && !tables.map(first, hole - first, PageKind::data)) return false;
            first = hole + CpuStacks::guard_bytes;
        }
    return first == last || tables.map(first, last - first, PageKind::data).has_value();
}

/// The image by kinds of pages, the rest of the memory as data, the devices that the hypervisor drives.
bool map_everything()
{
    const u64 base = address(image_head);
    const u64 end = address(image_last);
    if (!tables.map(base, address(text_last) - base, PageKind::code) ||
        !tables.map(address(text_last), address(rodata_last) - address(text_last), PageKind::constant) ||
        !tables.map(address(rodata_last), end - address(rodata_last), PageKind::data))
        return false;
    for (const Region& memory : board.memory) {
        const u64 first = align_up(memory.base, 4096);
        const u64 last = (memory.base + memory.size) & ~u64{4095};
        if (first < base && !map_memory(first, last < base ? last : base)) return false;
        if (last > end && !map_memory(first > end ? first : end, last)) return false;
    }
    const auto map_device = [](const Region& region) {
        const u64 first = region.base & ~u64{4095};
        return tables.map(first, align_up(region.base + region.size, 4096) - first, PageKind::device).has_value();
    };
    for (const Region& region : board.redistributors)
        if (!map_device(region)) return false;
    return map_device(board.distributor) && map_device(board.console) && (!board.clock || map_device(*board.clock));
}

u64 own_tcr()
{
    return OwnTables::tcr(el2_mode.regime(), static_cast<unsigned>(read_register<SysReg::id_aa64mmfr0_el1>() & 0xF));
}

void turn_mmu_on(Arena& arena)
{
    const std::span<u8> memory = arena.take(OwnTables::usual_memory, 4096);
    const usize cpus = board.cpus.size() < max_cpus ? board.cpus.size() + 1 : max_cpus; // this one may not be listed
    const std::span<u8> room = arena.take(cpus * sizeof(CpuStacks), 4096);
    if (memory.empty() || room.empty()) give_up("the board has too little memory");
    stacks = {reinterpret_cast<CpuStacks*>(room.data()), cpus};
    tables.begin(choose_el2_mode(options.use_vhe).regime(), memory);
    if (!map_everything()) give_up("the board's memory cannot be mapped");
    discard_cached(image_head, address(image_last) - address(image_head));
    discard_cached(memory.data(), memory.size());
    discard_cached(room.data(), room.size());
    enable_mmu(OwnTables::mair, own_tcr(), tables.root(), OwnTables::sctlr);
}

u64 image_size()
{
    u64 size;
    __builtin_memcpy(&size, image_head + 16, sizeof(size));
    return size;
}

Arena free_memory(const void* device_tree)
{
    const Region taken[] = {
        {address(image_head),  image_size()   },
        {address(device_tree), board.tree_size}
    };
    const Region free = largest_free(board, taken);
    return Arena(free.base, free.base + free.size);
}

/// The first CPU is the one that runs this, whatever its place in the tree.
void list_cpus(Hypervisor& self)
{
    const u64 own = aarch64::MpidrEl1{read_register<SysReg::mpidr_el1>()}.affinity();
    u64 affinities[max_cpus] = {own};
    for (const BoardCpu& cpu : board.cpus)
        if (cpu.affinity != own && cpu.can_start && self.cpu_count < max_cpus)
            affinities[self.cpu_count++] = cpu.affinity;
    for (unsigned i = 0; i < self.cpu_count; ++i)
        self.cpus[i].set_up(i, affinities[i], self.gic, self, self.clock.frequency_hz());
}

void start_secondaries()
{
    for (unsigned i = 1; i < hypervisor->cpu_count; ++i) {
        CpuStart& start = hypervisor->starts[i];
        start = {stacks[i].end(), el2_mode.hcr(),   OwnTables::mair,     own_tcr(),
                 tables.root(),   OwnTables::sctlr, &hypervisor->cpus[i]};
        clean_to_memory(&start, sizeof(start));
        const u64 result =
            call_firmware(psci_cpu_on, hypervisor->cpus[i].mpidr(), address(secondary_cpu), address(&start));
        if (result != 0) give_up("firmware does not start a CPU");
    }
}

void take_exceptions()
{
    write_register<SysReg::vbar_el2>(address(el2_vectors));
    isb();
}

void start_cpu(void* argument)
{
    Cpu& cpu = *static_cast<Cpu*>(argument);
    expect_faults(stacks[cpu.index()]);
    if (!cpu.start()) give_up("a CPU has no redistributor");
    if (options.test_fault && options.test_fault->cpu == cpu.index()) {
        cpu.test_fault = options.test_fault->kind;
        cpu.test_fault_turns = options.test_fault->turns;
    }
    bare::run_cpu(&cpu);
}

void start_guests(Arena& arena)
{
    const u64 own_size = address(image_last) - address(image_head);
    const u64 offset = payload::offset_behind(own_size);
    if (image_size() <= offset) give_up("there are no guests: `gimbal pack` adds them");
    static constinit std::optional<payload::Reader> reader;
    const auto opened =
        payload::Reader::open({reinterpret_cast<const u8*>(image_head) + offset, image_size() - offset});
    if (!opened) give_up(payload::error_text(opened.error()));
    reader = *opened;
    if (!hypervisor->channels.create(reader->channels(), arena))
        give_up("the board has too little memory for channels");
    for (const std::span<u8> memory : hypervisor->channels.memories()) clean_to_memory(memory.data(), memory.size());
    for (const payload::Vm& description : reader->vms()) {
        const std::span<u8> ram = arena.take(description.memory_size, u64{2} << 20);
        GuestMachine* machine =
            arena.make<GuestMachine>(description, *reader, *hypervisor->host, hypervisor->control.plug());
        if (ram.empty() || machine == nullptr) give_up("the board has too little memory for its guests");
        if (const auto made = machine->set_up(ram); !made) give_up(guest_error_text(made.error()), machine->name());
        hypervisor->control.add(*machine);
        Line(hypervisor->control.console().mux())
            .text("gimbal-el2: ")
            .text(payload::name(description))
            .text(": ")
            .number(description.cpu_count)
            .text(" CPUs, ")
            .number(description.memory_size >> 20)
            .text(" MiB");
    }
}

} // namespace

void run_cpu(void* cpu)
{
    auto& self = *static_cast<Cpu*>(cpu);
    self.scheduler().run();
    if (self.index() == 0) power_off(); // the console's task is the last there
    while (true) wfi();
}

} // namespace gimbal::bare

using namespace gimbal;
using namespace gimbal::bare;

extern "C" {

void bare_secondary_main(void* cpu);
void bare_secondary_main(void* cpu)
{
    take_exceptions();
    start_cpu(cpu);
}

void bare_main(const void* device_tree);
void bare_main(const void* device_tree)
{
    fault_scene.image = address(image_head);
    fault_scene.image_end = address(image_last);
    fault_scene.power_off = power_off;
    take_exceptions();
    read_the_board(device_tree);
    Arena arena = free_memory(device_tree);
    turn_mmu_on(arena);
    hypervisor = arena.make<Hypervisor>(bare::board);
    const std::span<u8> pages = arena.take(table_bytes, 4096);
    if (hypervisor == nullptr || pages.empty()) give_up("the board has too little memory");
    Hypervisor& self = *hypervisor;
    self.pages.add(address(pages.data()), pages.size());
    self.profile = guest_profile();
    const el2::Stage2Features features =
        el2::probe_stage2({read_register<SysReg::id_aa64mmfr0_el1>()}, {read_register<SysReg::id_aa64mmfr1_el1>()},
                          {read_register<SysReg::id_aa64mmfr2_el1>()});
    self.vmids.emplace(features.vmid_bits, self.vmid_cpus);
    list_cpus(self);
    self.gic.start_distributor();
    self.placement.emplace(self.cpu_count);
    self.wall_clock.emplace(self.clock, bare::board.clock);
    self.host.emplace(GuestHost{self.clock, self.pages, self.tlb, *self.vmids, std::span(self.cpus, self.cpu_count),
                                self.profile, self.gic, features, *self.placement, *self.wall_clock,
                                self.control.console().mux(), self.control, self.channels});
    Line(self.uart)
        .text("gimbal-el2: ")
        .number(self.cpu_count)
        .text(el2_mode.vhe ? " CPUs, VHE" : " CPUs, nVHE")
        .text(el2_mode.forced && !options.use_vhe ? " (this CPU has nothing else)" : "");
    start_guests(arena);
    if (!self.cpus[0].scheduler().add(self.control.console())) give_up("the first CPU has no room for the console");
    self.control.console().start();
    if (bare::board.console_interrupt) self.gic.enable_spi(bare::board.console_interrupt->intid, self.cpus[0].mpidr());
    fault_scene.cpus = {self.cpus, self.cpu_count};
    fault_scene.stacks = stacks;
    fault_scene.mux = &self.control.console().mux();
    start_secondaries();
    run_on_stack(stacks[0].end(), start_cpu, &self.cpus[0]);
}

} // extern "C"
