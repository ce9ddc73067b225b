// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

// Litmus tests of the memory model (Arm ARM, B2.3 "Definition of the Armv8 memory model"). Each thread's body is
// written in instructions, so that the compiler orders nothing. The threads meet, awake, before each few cells of two
// variables, and then run the cells at the same moments of the counter, which needs no store between them.
namespace {

struct alignas(256) Cell {
    u64 x;
    u64 pad[15];
    u64 y; // in a line of its own
};

constexpr u32 cell_count = 256;
constexpr u32 cells_per_gate = 32;
constexpr u32 max_threads = 4;
constexpr u64 ticks_between_cells = 48; // of 16 ns
constexpr u64 ticks_to_start = 60;
// A relaxed outcome that the host can show is looked for this many times as long before the test is void.
constexpr u64 patience = 300;

struct Result {
    u64 r0;
    u64 r1;
};

alignas(256) Cell cells[cell_count];
Result results[max_threads][cell_count];

/// The last thread to arrive says when to start. Nobody sleeps: all CPUs run at that moment.
struct alignas(128) Gate {
    u64 arrived;
    u64 start;
};
Gate gates[cell_count / cells_per_gate];

using Body = void (*)(Cell& cell, Result& result);

/// What the architecture says of a test's condition, and what a host with the order of x86 (TSO) makes of it.
enum class Verdict : u8 {
    forbidden, ///< Must never be seen.
    seen,      ///< Allowed, and TSO shows it: a run that does not see it proves nothing.
    allowed,   ///< Allowed, but TSO or a stronger implementation never shows it.
};

struct Test {
    const char* name;
    Verdict verdict;
    u32 threads;
    Body bodies[max_threads];
    bool (*condition)(const Result* const* thread);
};

#define BODY(name, code)                                                                                               \
    void name(Cell& cell, Result& result)                                                                              \
    {                                                                                                                  \
        u64 r0 = 0, r1 = 0, t;                                                                                         \
        asm volatile(code                                                                                              \
                     : [r0] "+&r"(r0), [r1] "+&r"(r1), [t] "=&r"(t)                                                    \
                     : [x] "r"(&cell.x), [y] "r"(&cell.y), [one] "r"(u64{1})                                           \
                     : "memory", "cc");                                                                                \
        result = {r0, r1};                                                                                             \
    }

#define W(at) "str %[one], [%[" #at "]]\n"
#define W_RELEASE(at) "stlr %[one], [%[" #at "]]\n"
#define R(to, at) "ldr %[" #to "], [%[" #at "]]\n"
#define R_ACQUIRE(to, at) "ldar %[" #to "], [%[" #at "]]\n"
#define R_ACQUIRE_PC(to, at) "ldapr %[" #to "], [%[" #at "]]\n"
// The second access depends on the first one's value: by its address, by its data, by a branch and ISB.
#define R_ADDRESS(to, at, from) "eor %[t], %[" #from "], %[" #from "]\nldr %[" #to "], [%[" #at "], %[t]]\n"
#define W_DATA(at, from) "eor %[t], %[" #from "], %[" #from "]\nadd %[t], %[t], #1\nstr %[t], [%[" #at "]]\n"
#define CONTROL_ISB(from) "cbnz %[" #from "], 1f\n1: isb\n"
#define DMB "dmb ish\n"
#define DMB_LD "dmb ishld\n"
#define DMB_ST "dmb ishst\n"

BODY(write_x, W(x))
BODY(write_y, W(y))
BODY(wx_wy, W(x) W(y))
BODY(wx_dmb_wy, W(x) DMB W(y))
BODY(wx_dmbst_wy, W(x) DMB_ST W(y))
BODY(wx_wly, W(x) W_RELEASE(y))
BODY(ry_rx, R(r0, y) R(r1, x))
BODY(ry_dmb_rx, R(r0, y) DMB R(r1, x))
BODY(ry_dmbld_rx, R(r0, y) DMB_LD R(r1, x))
BODY(ry_addr_rx, R(r0, y) R_ADDRESS(r1, x, r0))
BODY(ry_ctrlisb_rx, R(r0, y) CONTROL_ISB(r0) R(r1, x))
BODY(ray_rx, R_ACQUIRE(r0, y) R(r1, x))
BODY(rqy_rx, R_ACQUIRE_PC(r0, y) R(r1, x))
BODY(rx_ry, R(r0, x) R(r1, y))
BODY(rx_dmb_ry, R(r0, x) DMB R(r1, y))
BODY(rx_addr_ry, R(r0, x) R_ADDRESS(r1, y, r0))
BODY(rax_ray, R_ACQUIRE(r0, x) R_ACQUIRE(r1, y))
BODY(ray_rax, R_ACQUIRE(r0, y) R_ACQUIRE(r1, x))
BODY(rx_rx, R(r0, x) R(r1, x))
BODY(wx_ry, W(x) R(r0, y))
BODY(wy_rx, W(y) R(r0, x))
BODY(wx_dmb_ry, W(x) DMB R(r0, y))
BODY(wy_dmb_rx, W(y) DMB R(r0, x))
BODY(wx_dmbst_ry, W(x) DMB_ST R(r0, y))
BODY(wy_dmbst_rx, W(y) DMB_ST R(r0, x))
BODY(wx_dmbld_ry, W(x) DMB_LD R(r0, y))
BODY(wy_dmbld_rx, W(y) DMB_LD R(r0, x))
BODY(wlx_ray, W_RELEASE(x) R_ACQUIRE(r0, y))
BODY(wly_rax, W_RELEASE(y) R_ACQUIRE(r0, x))
BODY(wlx_rqy, W_RELEASE(x) R_ACQUIRE_PC(r0, y))
BODY(wly_rqx, W_RELEASE(y) R_ACQUIRE_PC(r0, x))
BODY(rx_wy, R(r0, x) W(y))
BODY(ry_wx, R(r0, y) W(x))
BODY(rx_data_wy, R(r0, x) W_DATA(y, r0))
BODY(ry_data_wx, R(r0, y) W_DATA(x, r0))
BODY(rx_dmb_wy, R(r0, x) DMB W(y))
BODY(ry_dmb_wx, R(r0, y) DMB W(x))
BODY(rax_wy, R_ACQUIRE(r0, x) W(y))
BODY(ray_wx, R_ACQUIRE(r0, y) W(x))
BODY(rax_wly, R_ACQUIRE(r0, x) W_RELEASE(y))

using Threads = const Result* const*;
bool message_passed_stale(Threads t) { return t[1]->r0 == 1 && t[1]->r1 == 0; }
bool both_read_old(Threads t) { return t[0]->r0 == 0 && t[1]->r0 == 0; }
bool both_read_future(Threads t) { return t[0]->r0 == 1 && t[1]->r0 == 1; }
bool cause_lost(Threads t) { return t[1]->r0 == 1 && t[2]->r0 == 1 && t[2]->r1 == 0; }
bool orders_differ(Threads t) { return t[2]->r0 == 1 && t[2]->r1 == 0 && t[3]->r0 == 1 && t[3]->r1 == 0; }

// In WRC the middle thread reads x and writes y only if it saw x written; a write anyway is a different test, whose
// condition still asks for what it read.
constexpr Test tests[] = {
    {"MP+po+po",           Verdict::allowed,   2, {wx_wy, ry_rx},                             message_passed_stale},
    {"MP+dmb+po",          Verdict::allowed,   2, {wx_dmb_wy, ry_rx},                         message_passed_stale},
    {"MP+po+dmb",          Verdict::allowed,   2, {wx_wy, ry_dmb_rx},                         message_passed_stale},
    {"MP+dmb+dmb",         Verdict::forbidden, 2, {wx_dmb_wy, ry_dmb_rx},                     message_passed_stale},
    {"MP+dmb.st+dmb.ld",   Verdict::forbidden, 2, {wx_dmbst_wy, ry_dmbld_rx},                 message_passed_stale},
    {"MP+dmb.st+addr",     Verdict::forbidden, 2, {wx_dmbst_wy, ry_addr_rx},                  message_passed_stale},
    {"MP+dmb+ctrlisb",     Verdict::forbidden, 2, {wx_dmb_wy, ry_ctrlisb_rx},                 message_passed_stale},
    {"MP+stlr+ldar",       Verdict::forbidden, 2, {wx_wly, ray_rx},                           message_passed_stale},
    {"MP+stlr+ldapr",      Verdict::forbidden, 2, {wx_wly, rqy_rx},                           message_passed_stale},
    {"CoRR",               Verdict::forbidden, 2, {write_x, rx_rx},                           message_passed_stale},
    {"SB+po+po",           Verdict::seen,      2, {wx_ry, wy_rx},                             both_read_old       },
    {"SB+dmb.st+dmb.st",   Verdict::seen,      2, {wx_dmbst_ry, wy_dmbst_rx},                 both_read_old       },
    {"SB+dmb.ld+dmb.ld",   Verdict::seen,      2, {wx_dmbld_ry, wy_dmbld_rx},                 both_read_old       },
    {"SB+dmb+po",          Verdict::seen,      2, {wx_dmb_ry, wy_rx},                         both_read_old       },
    {"SB+dmb+dmb",         Verdict::forbidden, 2, {wx_dmb_ry, wy_dmb_rx},                     both_read_old       },
    {"SB+stlr.ldar",       Verdict::forbidden, 2, {wlx_ray, wly_rax},                         both_read_old       },
    {"SB+stlr.ldapr",      Verdict::allowed,   2, {wlx_rqy, wly_rqx},                         both_read_old       },
    {"LB+po+po",           Verdict::allowed,   2, {rx_wy, ry_wx},                             both_read_future    },
    {"LB+data+data",       Verdict::forbidden, 2, {rx_data_wy, ry_data_wx},                   both_read_future    },
    {"LB+dmb+dmb",         Verdict::forbidden, 2, {rx_dmb_wy, ry_dmb_wx},                     both_read_future    },
    {"LB+ldar+ldar",       Verdict::forbidden, 2, {rax_wy, ray_wx},                           both_read_future    },
    {"WRC+po+po",          Verdict::allowed,   3, {write_x, rx_wy, ry_rx},                    cause_lost          },
    {"WRC+data+addr",      Verdict::forbidden, 3, {write_x, rx_data_wy, ry_addr_rx},          cause_lost          },
    {"WRC+dmb+dmb",        Verdict::forbidden, 3, {write_x, rx_dmb_wy, ry_dmb_rx},            cause_lost          },
    {"WRC+ldar.stlr+ldar", Verdict::forbidden, 3, {write_x, rax_wly, ray_rx},                 cause_lost          },
    {"IRIW+po+po",         Verdict::allowed,   4, {write_x, write_y, rx_ry, ry_rx},           orders_differ       },
    {"IRIW+addr+addr",     Verdict::forbidden, 4, {write_x, write_y, rx_addr_ry, ry_addr_rx}, orders_differ       },
    {"IRIW+dmb+dmb",       Verdict::forbidden, 4, {write_x, write_y, rx_dmb_ry, ry_dmb_rx},   orders_differ       },
    {"IRIW+ldar+ldar",     Verdict::forbidden, 4, {write_x, write_y, rax_ray, ray_rax},       orders_differ       },
};

const Test* current;

u64 pass(Gate& gate)
{
    if (fetch_add(gate.arrived, 1) + 1 == current->threads)
        store_release(gate.start, counter() + ticks_to_start);
    else
        while (load_acquire(gate.start) == 0) {}
    return load(gate.start);
}

/// One pass over all cells, as thread `thread`.
void run_thread(u32 thread)
{
    const Body body = current->bodies[thread];
    u64 due = 0;
    for (u32 i = 0; i < cell_count; ++i, due += ticks_between_cells) {
        if (i % cells_per_gate == 0) {
            // Warm: a load that hits while the store beside it must wait for its line is what shows reordering.
            for (u32 next = i; next < i + cells_per_gate; ++next) {
                load(cells[next].x);
                load(cells[next].y);
            }
            due = pass(gates[i / cells_per_gate]);
        }
        // Which thread is early changes from cell to cell: interpreted code takes several ticks for a look.
        while (counter() + ((thread + 1) * (i & 7)) % 5 < due) {}
        body(cells[i], results[thread][i]);
    }
}

u64 run_batch(const Test& test)
{
    for (Cell& cell : cells) {
        store(cell.x, 0);
        store(cell.y, 0);
    }
    for (Gate& gate : gates) {
        store(gate.arrived, 0);
        store(gate.start, 0);
    }
    current = &test;
    run_on(test.threads, run_thread);
    u64 count = 0;
    for (u32 i = 0; i < cell_count; ++i) {
        const Result* outcome[max_threads] = {&results[0][i], &results[1][i], &results[2][i], &results[3][i]};
        if (test.condition(outcome)) ++count;
    }
    return count;
}

const Test* find_test(const char* name)
{
    for (const Test& test : tests) {
        u32 i = 0;
        while (name[i] != 0 && test.name[i] == name[i]) ++i;
        if (name[i] == test.name[i]) return &test;
    }
    return nullptr;
}

void run_test(const Test& test)
{
    u64 count = 0;
    u64 batches = 0;
    const bool must_be_seen = test.verdict == Verdict::seen && timing != 0;
    // What the host could show is forbidden only by a barrier of ours: as many batches count as show it without one,
    // run in turn with this test's.
    const bool witnessed = test.verdict == Verdict::forbidden && test.condition == both_read_old && timing != 0;
    const Test& witness = *find_test("SB+po+po");
    u64 shown = 0;
    const auto enough = [&] {
        if (batches < rounds) return false;
        return batches >= rounds * patience || ((!must_be_seen || count != 0) && (!witnessed || shown >= rounds));
    };
    for (; !enough(); ++batches) {
        count += run_batch(test);
        if (witnessed && run_batch(witness) != 0) ++shown;
    }
    const char* words = "allowed";
    bool passed = true;
    switch (test.verdict) {
    case Verdict::forbidden:
        passed = count == 0 && (!witnessed || shown >= rounds);
        words = passed ? "forbidden" : count != 0 ? "FORBIDDEN" : "VOID: forbidden";
        break;
    case Verdict::seen:
        passed = count != 0 || !must_be_seen;
        words = passed ? "expected" : "VOID: expected";
        break;
    case Verdict::allowed: break;
    }
    print_all("litmus ", test.name, ": ", words, ", seen ", count, " of ", batches * cell_count, "\n");
    report(test.name, passed);
}

} // namespace

void run_litmus()
{
    for (const Test& test : tests)
        if (test.threads <= cpu_count) run_test(test);
}
