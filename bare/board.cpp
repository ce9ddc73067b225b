// SPDX-License-Identifier: Apache-2.0
#include "bare/board.hpp"

extern "C" {
#include <libfdt.h>
}

#include "base/bits.hpp"

namespace gimbal::bare {
namespace {

using Applied = Result<void, BoardError>;

// Linux, Documentation/devicetree/bindings/interrupt-controller/arm,gic-v3.yaml
constexpr u32 gic_spi = 0;
constexpr u32 gic_ppi = 1;
constexpr u32 ppi_base = 16;
constexpr u32 ppi_count = 16;
constexpr u32 spi_base = 32;
constexpr u32 spi_count = 988;
constexpr u32 trigger_edge_mask = 3;
constexpr u32 interrupt_cells_min = 3;
constexpr BoardInterrupt usual_maintenance{25, false}; // Arm BSA

constexpr const char* old_gics[] = {"arm,gic-400", "arm,cortex-a15-gic", "arm,cortex-a9-gic", "arm,cortex-a7-gic"};

/// What must be known before the devices are looked at, because it may come behind them in the tree.
struct Landmarks {
    u32 gic_phandle{};
    u32 interrupt_cells{};
    StrView console_path;  ///< Of /chosen's stdout-path, without options; empty if there is none.
    StrView console_alias; ///< The same when it is a name of /aliases.
    StrView bootargs;
    bool has_old_gic{};
};

/// "/pl011@9000000:115200n8" or "serial0" in the right member.
void note_stdout(const TreeWalk& node, Landmarks& landmarks)
{
    StrView path = node.text("stdout-path");
    path = path.take_until(':');
    (path.starts_with("/") ? landmarks.console_path : landmarks.console_alias) = path;
}

/// The aliases may come before or behind /chosen: they are searched when both are known.
StrView find_alias(std::span<const u8> tree, StrView alias)
{
    TreeWalk walk(tree);
    std::array<char, 32> name{};
    if (alias.empty() || alias.size() >= name.size()) return {};
    for (usize i = 0; i < alias.size(); ++i) name[i] = alias[i];
    while (walk.next())
        if (walk.depth() == 1 && walk.name() == "aliases") return walk.text(name.data());
    return {};
}

Result<Landmarks, BoardError> find_landmarks(std::span<const u8> tree)
{
    Landmarks found;
    TreeWalk walk(tree);
    while (walk.next()) {
        if (walk.depth() == 1 && walk.name() == "chosen") {
            note_stdout(walk, found);
            found.bootargs = walk.text("bootargs");
        }
        if (!walk.enabled()) continue;
        for (const char* const old : old_gics) found.has_old_gic |= walk.is_compatible(old);
        if (found.interrupt_cells != 0 || !walk.is_compatible("arm,gic-v3")) continue;
        found.gic_phandle = walk.cell("phandle").value_or(0);
        found.interrupt_cells = walk.cell("#interrupt-cells").value_or(0);
        if (found.interrupt_cells < interrupt_cells_min) return fail(BoardError::bad_gic);
    }
    if (walk.damaged()) return fail(BoardError::bad_tree);
    if (found.interrupt_cells == 0) return fail(found.has_old_gic ? BoardError::old_gic : BoardError::no_gic);
    if (found.console_path.empty()) found.console_path = find_alias(tree, found.console_alias);
    return found;
}

/// Fills a Board from the nodes of one walk.
class BoardReader {
public:
    BoardReader(std::span<const u8> tree, const Landmarks& landmarks, Board& board)
        : tree_(tree), landmarks_(landmarks), board_(board), walk_(tree)
    {
    }

    Applied read()
    {
        GIMBAL_TRY_VOID(read_reserve_map());
        board_.bootargs = landmarks_.bootargs;
        find_console();
        while (walk_.next())
            if (walk_.enabled()) GIMBAL_TRY_VOID(read_node());
        if (walk_.damaged()) return fail(BoardError::bad_tree);
        if (board_.memory.empty()) return fail(BoardError::no_memory);
        if (board_.cpus.empty()) return fail(BoardError::no_cpu);
        if (board_.redistributors.empty()) return fail(BoardError::bad_gic);
        if (board_.console.size == 0) return fail(BoardError::no_console);
        if (board_.virtual_timer.intid == 0) return fail(BoardError::no_timer);
        return {};
    }

private:
    /// The reserve map in front of the nodes.
    Applied read_reserve_map()
    {
        const int count = fdt_num_mem_rsv(tree_.data());
        if (count < 0) return fail(BoardError::bad_tree);
        for (int i = 0; i < count; ++i) {
            u64 base = 0;
            u64 size = 0;
            u64 end = 0;
            if (fdt_get_mem_rsv(tree_.data(), i, &base, &size) != 0 || add_overflows(base, size, end))
                return fail(BoardError::bad_tree);
            if (size != 0 && !board_.reserved.add({base, size})) return fail(BoardError::too_many);
        }
        return {};
    }

    void find_console()
    {
        const StrView path = landmarks_.console_path;
        if (!path.empty() && path.starts_with("/")) // libfdt takes others for aliases, and trusts them to end
            console_offset_ = fdt_path_offset_namelen(tree_.data(), path.data(), static_cast<int>(path.size()));
    }

    Applied read_node()
    {
        if (walk_.depth() == 0) return {};
        if (walk_.text("device_type") == "memory") return read_regions(board_.memory);
        if (walk_.depth() == 2 && walk_.parent_name() == "reserved-memory") return read_regions(board_.reserved);
        if (walk_.depth() == 2 && walk_.parent_name() == "cpus") return read_cpu();
        if (walk_.is_compatible("arm,psci-0.2") || walk_.is_compatible("arm,psci-1.0")) return read_psci();
        if (walk_.is_compatible("arm,gic-v3")) return read_gic();
        if (walk_.is_compatible("arm,pl011")) return read_console();
        if (walk_.is_compatible("arm,pl031")) return read_clock();
        if (walk_.is_compatible("arm,armv8-timer")) return read_timer();
        if (walk_.is_compatible("virtio,mmio")) return read_virtio();
        return {};
    }

    /// Entry `index` of `interrupts`, if it is one of the GIC's (and not of the group above that has no trigger).
    std::optional<BoardInterrupt> interrupt(usize index) const
    {
        const auto value = walk_.property("interrupts");
        const usize at = index * landmarks_.interrupt_cells;
        if (!value || (at + landmarks_.interrupt_cells) * 4 > value->size() ||
            walk_.interrupt_parent() != landmarks_.gic_phandle)
            return std::nullopt;
        const u32 kind = TreeWalk::cell_at(*value, at);
        const u32 number = TreeWalk::cell_at(*value, at + 1);
        const bool edge = (TreeWalk::cell_at(*value, at + 2) & trigger_edge_mask) != 0;
        if (kind == gic_spi && number < spi_count) return BoardInterrupt{spi_base + number, edge};
        if (kind == gic_ppi && number < ppi_count) return BoardInterrupt{ppi_base + number, edge};
        return std::nullopt;
    }

    template <usize capacity>
    Applied read_regions(FixedList<Region, capacity>& list)
    {
        for (usize i = 0;; ++i) {
            const auto region = walk_.region(i);
            if (!region) return {}; // memory to be reserved anywhere has a size only
            if (region->size != 0 && !list.add(*region)) return fail(BoardError::too_many);
        }
    }

    Applied read_cpu()
    {
        const auto affinity = walk_.unit();
        if (walk_.text("device_type") != "cpu" || !affinity) return {};
        if (!board_.cpus.add({*affinity, walk_.text("enable-method") == "psci"})) return fail(BoardError::too_many);
        return {};
    }

    Applied read_psci()
    {
        const StrView method = walk_.text("method");
        if (method == "smc") board_.psci = PsciConduit::smc;
        if (method == "hvc") board_.psci = PsciConduit::hvc;
        return {};
    }

    Applied read_gic()
    {
        if (!board_.redistributors.empty()) return {}; // only the first counts, as for the landmarks
        const auto distributor = walk_.region(0);
        if (!distributor || distributor->size == 0) return fail(BoardError::bad_gic);
        board_.distributor = *distributor;
        const u32 regions = walk_.cell("#redistributor-regions").value_or(1);
        for (u32 i = 0; i < regions; ++i) {
            const auto region = walk_.region(1 + usize{i});
            if (!region || region->size < Board::default_redistributor_stride) return fail(BoardError::bad_gic);
            if (!board_.redistributors.add(*region)) return fail(BoardError::too_many);
        }
        if (const auto stride = walk_.property("redistributor-stride"); stride && stride->size() == 8) {
            board_.redistributor_stride = u64{TreeWalk::cell_at(*stride, 0)} << 32 | TreeWalk::cell_at(*stride, 1);
            if (board_.redistributor_stride < Board::default_redistributor_stride) return fail(BoardError::bad_gic);
        }
        board_.gic_maintenance = maintenance();
        return {};
    }

    /// A GIC's own interrupt goes to itself, whatever its parent is called.
    BoardInterrupt maintenance() const
    {
        const auto value = walk_.property("interrupts");
        if (!value || TreeWalk::cell_at(*value, 0) != gic_ppi || TreeWalk::cell_at(*value, 1) >= ppi_count)
            return usual_maintenance;
        return {ppi_base + TreeWalk::cell_at(*value, 1), false};
    }

    /// The one that stdout-path names; the first if it names none that is a PL011.
    Applied read_console()
    {
        const auto registers = walk_.region(0);
        if (!registers || registers->size == 0) return {};
        if (board_.console.size != 0 && walk_.offset() != console_offset_) return {};
        board_.console = *registers;
        board_.console_interrupt = interrupt(0);
        return {};
    }

    /// The first; one that cannot be reached is none.
    Applied read_clock()
    {
        const auto registers = walk_.region(0);
        if (!board_.clock && registers && registers->size >= 4) board_.clock = *registers;
        return {};
    }

    /// Interrupts: secure, EL1 physical, virtual, EL2 physical (Linux, .../timer/arm,arch_timer.yaml).
    Applied read_timer()
    {
        const auto of_guests = interrupt(2);
        const auto ours = interrupt(3);
        if (!of_guests || !ours) return fail(BoardError::no_timer);
        board_.virtual_timer = *of_guests;
        board_.hypervisor_timer = *ours;
        return {};
    }

    Applied read_virtio()
    {
        const auto registers = walk_.region(0);
        const auto line = interrupt(0);
        if (!registers || registers->size == 0 || !line) return {};
        if (!board_.virtio.add({*registers, *line})) return fail(BoardError::too_many);
        return {};
    }

    std::span<const u8> tree_;
    const Landmarks& landmarks_;
    Board& board_;
    TreeWalk walk_;
    int console_offset_{-1};
};

} // namespace

const char* board_error_text(BoardError error)
{
    switch (error) {
    case BoardError::bad_tree: return "the board's device tree is damaged, or there is none";
    case BoardError::too_many: return "the board has more CPUs, memory regions or devices than this image can hold";
    case BoardError::no_memory: return "the board's device tree lists no memory";
    case BoardError::no_cpu: return "the board's device tree lists no CPU";
    case BoardError::old_gic: return "the board has a GICv2; this image needs a GICv3 (QEMU: -M virt,gic-version=3)";
    case BoardError::no_gic: return "the board's device tree lists no GICv3";
    case BoardError::bad_gic: return "the board's device tree describes its GICv3 in a way that makes no sense";
    case BoardError::no_console: return "the board's device tree lists no PL011";
    case BoardError::no_timer: return "the board's device tree lists no interrupts of the generic timer";
    }
    return "";
}

Applied read_board(std::span<const u8> tree, Board& board)
{
    board = {};
    const auto size = TreeWalk::check(tree);
    if (!size) return fail(BoardError::bad_tree);
    board.tree_size = *size;
    GIMBAL_TRY(landmarks, find_landmarks(tree.first(*size)));
    return BoardReader(tree.first(*size), landmarks, board).read();
}

} // namespace gimbal::bare
