// SPDX-License-Identifier: Apache-2.0
//
// SHA-1 and SHA-256 as the SHA instructions split them (FIPS 180-4; Arm ARM shared/functions/crypto).

#include <bit>

#include "engine/translator/vector/elementwise.hpp"

namespace gimbal::translator::vector {
namespace {

using ir::VecOp;
using Words = Lanes<u32, 16>;

constexpr u32 choose(u32 x, u32 y, u32 z) { return (x & y) ^ (~x & z); }
constexpr u32 parity(u32 x, u32 y, u32 z) { return x ^ y ^ z; }
constexpr u32 majority(u32 x, u32 y, u32 z) { return (x & y) ^ (x & z) ^ (y & z); }

/// Four rounds of SHA-1: a holds a, b, c, d from element 0 up, b holds e; c the schedule words with the constant added.
template <auto f>
void sha1_hash(CpuState&, V128* out, const V128* abcd, const V128* e_in, const V128* schedule, u64)
{
    Words x(abcd);
    const Words w(schedule);
    auto e = static_cast<u32>(e_in->lo);
    for (unsigned i = 0; i < 4; ++i) {
        const u32 next = std::rotl(x.e[0], 5) + f(x.e[1], x.e[2], x.e[3]) + e + w.e[i];
        e = x.e[3];
        x.e[3] = x.e[2];
        x.e[2] = std::rotl(x.e[1], 30);
        x.e[1] = x.e[0];
        x.e[0] = next;
    }
    x.store(out);
}

/// w[t-16] ^ w[t-14] ^ w[t-8] for four t.
void sha1_schedule_0(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64)
{
    const V128 first = *a;
    *d = {first.lo ^ first.hi ^ c->lo, first.hi ^ b->lo ^ c->hi};
}

/// Adds w[t-3] and rotates; the last of the four words needs the first's result.
void sha1_schedule_1(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Words x(a), y(b);
    Words w;
    for (unsigned i = 0; i < 3; ++i) w.e[i] = std::rotl(x.e[i] ^ y.e[i + 1], 1);
    w.e[3] = std::rotl(x.e[3], 1) ^ std::rotl(w.e[0], 1);
    w.store(d);
}

/// Each word moves up by one, and a new one comes in at the bottom.
Words rotate_in(const Words& x, u32 first)
{
    Words result;
    for (unsigned i = 1; i < 4; ++i) result.e[i] = x.e[i - 1];
    result.e[0] = first;
    return result;
}

/// Four rounds of SHA-256 over the state a..h, in two registers.
void sha256_rounds(Words& abcd, Words& efgh, const Words& w)
{
    for (unsigned i = 0; i < 4; ++i) {
        const u32 a = abcd.e[0];
        const u32 e = efgh.e[0];
        const u32 sigma_1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const u32 sigma_0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const u32 t1 = efgh.e[3] + sigma_1 + choose(e, efgh.e[1], efgh.e[2]) + w.e[i];
        const u32 t2 = sigma_0 + majority(a, abcd.e[1], abcd.e[2]);
        efgh = rotate_in(efgh, abcd.e[3] + t1);
        abcd = rotate_in(abcd, t1 + t2);
    }
}

void sha256_hash(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64)
{
    Words abcd(a), efgh(b);
    sha256_rounds(abcd, efgh, Words(c));
    abcd.store(d);
}

void sha256_hash_2(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64)
{
    Words efgh(a), abcd(b);
    sha256_rounds(abcd, efgh, Words(c));
    efgh.store(d);
}

constexpr u32 schedule_sigma_0(u32 x) { return std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3); }
constexpr u32 schedule_sigma_1(u32 x) { return std::rotr(x, 17) ^ std::rotr(x, 19) ^ (x >> 10); }

/// w[t-16] + sigma0(w[t-15]) for four t.
void sha256_schedule_0(CpuState&, V128* d, const V128* a, const V128* b, const V128*, u64)
{
    const Words x(a), y(b);
    Words w;
    for (unsigned i = 0; i < 4; ++i) w.e[i] = x.e[i] + schedule_sigma_0(i < 3 ? x.e[i + 1] : y.e[0]);
    w.store(d);
}

/// Adds w[t-7] and sigma1(w[t-2]); the last two words need the first two results.
void sha256_schedule_1(CpuState&, V128* d, const V128* a, const V128* b, const V128* c, u64)
{
    const Words x(a), y(b), z(c);
    Words w;
    for (unsigned i = 0; i < 4; ++i)
        w.e[i] = x.e[i] + (i < 3 ? y.e[i + 1] : z.e[0]) + schedule_sigma_1(i < 2 ? z.e[i + 2] : w.e[i - 2]);
    w.store(d);
}

constexpr Row row_of(VecOp op, VecFn function)
{
    Row row{op};
    row.at(32, 16) = function;
    return row;
}

constexpr Row rows[] = {
    row_of(VecOp::sha1_choose, sha1_hash<choose>),       row_of(VecOp::sha1_parity, sha1_hash<parity>),
    row_of(VecOp::sha1_majority, sha1_hash<majority>),   row_of(VecOp::sha1_schedule_0, sha1_schedule_0),
    row_of(VecOp::sha1_schedule_1, sha1_schedule_1),     row_of(VecOp::sha256_hash, sha256_hash),
    row_of(VecOp::sha256_hash_2, sha256_hash_2),         row_of(VecOp::sha256_schedule_0, sha256_schedule_0),
    row_of(VecOp::sha256_schedule_1, sha256_schedule_1),
};

} // namespace

std::span<const Row> sha_rows() { return rows; }

} // namespace gimbal::translator::vector
