// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime.hpp"

// Random translation regimes. Whatever is random around it, the upper half maps the image where `upper_half` says, and
// page 0 of the lower half maps the snippets for EL0.

/// Memory that descriptors may point to; its words are SVC instructions whose immediates name their place.
constexpr u64 pool_first = 0x4100'0000;
constexpr u64 pool_bytes = 0x20'0000;

/// One half of the address space.
struct Half {
    unsigned index;   ///< 0: TTBR0, 1: TTBR1
    unsigned granule; ///< log2: 12, 14 or 16
    unsigned size;    ///< TxSZ
    u64* root;
};

/// A leaf that the tables were built for.
struct Leaf {
    unsigned half;
    u64 va;     ///< Somewhere in it
    u64* entry; ///< As the image sees it
    unsigned level;
};

struct Tables {
    Regime regime;
    Half half[2];
    Leaf leaves[24];
    unsigned leaf_count;
    u64* image_entry;     ///< The one that must not change.
    bool hardware_access; ///< TCR.HA
    bool hardware_dirty;  ///< TCR.HD
};
extern Tables tables;

void make_tables();
void fill_pool();
u64 pool_digest();

/// What the tables say, permissions aside. None of it is logged: it only keeps probes inside the pool.
struct Target {
    bool mapped;  ///< There is a leaf.
    bool in_pool; ///< And the 64 bytes from the address are in the pool.
    bool device;
    u64 physical;
    u64* entry;
    unsigned level;
};
Target find_target(u64 va);

inline unsigned stride(unsigned granule) { return granule - 3; }
inline unsigned level_shift(unsigned granule, unsigned level) { return granule + (3 - level) * stride(granule); }
inline unsigned start_level(const Half& half)
{
    const unsigned bits = 64 - half.size - half.granule;
    return 4 - (bits + stride(half.granule) - 1) / stride(half.granule);
}
inline u64 output_mask(unsigned shift) { return low_mask(48) & ~low_mask(shift); }
bool block_allowed(unsigned granule, unsigned level);
bool block_faults(unsigned granule, unsigned level); ///< On the peer and on ours.
u64 random_leaf(const Half& half, unsigned level);
