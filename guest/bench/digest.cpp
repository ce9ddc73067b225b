// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <bit>
#include <cstring>
#include <memory>

#include "guest/bench/bench.hpp"

#if defined(__aarch64__)
#include <arm_acle.h>
#include <arm_neon.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

// Checksums and digests: by tables and shifts as every compiler makes them, and by the instructions made for them.
namespace gimbal::bench {
namespace {

constexpr usize block_bytes = 64;
constexpr usize buffer_bytes = usize{64} << 10;

std::unique_ptr<u8[]> make_buffer()
{
    std::unique_ptr<u8[]> buffer(new u8[buffer_bytes]);
    Sequence sequence(11);
    for (usize i = 0; i < buffer_bytes; ++i) buffer[i] = static_cast<u8>(sequence.next());
    return buffer;
}

/// CRC-32 tables for a reflected polynomial, a byte at a time.
constexpr std::array<u32, 256> crc_table(u32 polynomial)
{
    std::array<u32, 256> table{};
    for (u32 i = 0; i < 256; ++i) {
        u32 value = i;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        table[i] = value;
    }
    return table;
}

constexpr auto ieee = crc_table(0xEDB8'8320);
constexpr auto castagnoli = crc_table(0x82F6'3B78);

u32 crc_by_table(const std::array<u32, 256>& table, u32 crc, const u8* data, usize size)
{
    for (usize i = 0; i < size; ++i) crc = (crc >> 8) ^ table[(crc ^ data[i]) & 0xFF];
    return crc;
}

/// FIPS 180-4 section 4.2.2.
constexpr std::array<u32, 64> sha_constants{
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2};
using Digest = std::array<u32, 8>;
constexpr Digest sha_start{0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                           0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};

void sha_block(Digest& digest, const u8* data)
{
    std::array<u32, 64> w;
    for (usize i = 0; i < 16; ++i) {
        std::memcpy(&w[i], data + 4 * i, 4);
        w[i] = __builtin_bswap32(w[i]);
    }
    for (usize i = 16; i < 64; ++i) {
        const u32 s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
        const u32 s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = digest;
    for (usize i = 0; i < 64; ++i) {
        const u32 s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
        const u32 first = h + s1 + ((e & f) ^ (~e & g)) + sha_constants[i] + w[i];
        const u32 s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
        const u32 second = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g;
        g = f;
        f = e;
        e = d + first;
        d = c;
        c = b;
        b = a;
        a = first + second;
    }
    const Digest added{a, b, c, d, e, f, g, h};
    for (usize i = 0; i < 8; ++i) digest[i] += added[i];
}

using ShaBlock = void (*)(Digest&, const u8*);

u64 sha_rounds(ShaBlock block, u64 rounds, Stopwatch& watch)
{
    const auto buffer = make_buffer();
    Digest digest = sha_start;
    watch.start();
    for (u64 round = 0; round < rounds; ++round)
        for (usize at = 0; at < buffer_bytes; at += block_bytes) block(digest, buffer.get() + at);
    watch.stop();
    u64 sum = 0;
    for (const u32 word : digest) sum = mix(sum + word);
    return sum;
}

#if defined(__aarch64__)

bool has_crc() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
bool has_sha() { return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0; }

[[gnu::target("crc")]] u32 crc_by_unit(u32 crc, const u8* data, usize size)
{
    for (usize i = 0; i < size; i += 8) {
        u64 word = 0;
        std::memcpy(&word, data + i, 8);
        crc = __crc32cd(crc, word);
    }
    return crc;
}

[[gnu::target("crypto")]] void sha_block_by_unit(Digest& digest, const u8* data)
{
    uint32x4_t w[4];
    for (int i = 0; i < 4; ++i) w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
    uint32x4_t abcd = vld1q_u32(digest.data());
    uint32x4_t efgh = vld1q_u32(digest.data() + 4);
    const uint32x4_t abcd_before = abcd;
    const uint32x4_t efgh_before = efgh;
    for (int i = 0; i < 16; ++i) {
        const uint32x4_t sum = vaddq_u32(w[i & 3], vld1q_u32(sha_constants.data() + 4 * i));
        if (i < 12)
            w[i & 3] = vsha256su1q_u32(vsha256su0q_u32(w[i & 3], w[(i + 1) & 3]), w[(i + 2) & 3], w[(i + 3) & 3]);
        const uint32x4_t held = abcd;
        abcd = vsha256hq_u32(abcd, efgh, sum);
        efgh = vsha256h2q_u32(efgh, held, sum);
    }
    vst1q_u32(digest.data(), vaddq_u32(abcd, abcd_before));
    vst1q_u32(digest.data() + 4, vaddq_u32(efgh, efgh_before));
}

#elif defined(__x86_64__)

bool has_crc() { return __builtin_cpu_supports("sse4.2") != 0; }

bool has_sha()
{
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b >> 29 & 1) != 0 && __builtin_cpu_supports("sse4.1") != 0;
}

[[gnu::target("sse4.2")]] u32 crc_by_unit(u32 crc, const u8* data, usize size)
{
    for (usize i = 0; i < size; i += 8) {
        u64 word = 0;
        std::memcpy(&word, data + i, 8);
        crc = static_cast<u32>(_mm_crc32_u64(crc, word));
    }
    return crc;
}

[[gnu::target("sha,sse4.1,ssse3")]] void sha_block_by_unit(Digest& digest, const u8* data)
{
    const __m128i order = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + 16 * i)), order);
    const auto word = [&](int i) { return static_cast<int>(digest[static_cast<usize>(i)]); };
    __m128i abef = _mm_set_epi32(word(0), word(1), word(4), word(5));
    __m128i cdgh = _mm_set_epi32(word(2), word(3), word(6), word(7));
    const __m128i abef_before = abef;
    const __m128i cdgh_before = cdgh;
    for (int i = 0; i < 16; ++i) {
        const auto* constants = reinterpret_cast<const __m128i*>(sha_constants.data() + 4 * i);
        const __m128i sum = _mm_add_epi32(w[i & 3], _mm_loadu_si128(constants));
        if (i < 12) {
            const __m128i shifted = _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4);
            w[i & 3] = _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]), shifted),
                                            w[(i + 3) & 3]);
        }
        cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
        const __m128i held = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
        abef = held;
    }
    std::array<u32, 4> first;
    std::array<u32, 4> second;
    _mm_storeu_si128(reinterpret_cast<__m128i*>(first.data()), _mm_add_epi32(abef, abef_before));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(second.data()), _mm_add_epi32(cdgh, cdgh_before));
    digest = {first[3], first[2], second[3], second[2], first[1], first[0], second[1], second[0]};
}

#else

bool has_crc() { return false; }
bool has_sha() { return false; }
u32 crc_by_unit(u32 crc, const u8* data, usize size) { return crc_by_table(castagnoli, crc, data, size); }
void sha_block_by_unit(Digest& digest, const u8* data) { sha_block(digest, data); }

#endif

} // namespace

u64 run_crc32(const Job& job, Stopwatch& watch)
{
    const auto buffer = make_buffer();
    u32 crc = ~u32{0};
    const u64 rounds = job.rounds(192);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) crc = crc_by_table(ieee, crc, buffer.get(), buffer_bytes);
    watch.stop();
    return crc;
}

u64 run_crc32c(const Job& job, Stopwatch& watch)
{
    if (!has_crc()) give_up("this CPU has no CRC instructions");
    const auto buffer = make_buffer();
    u32 crc = ~u32{0};
    const u64 rounds = job.rounds(512);
    watch.start();
    for (u64 i = 0; i < rounds; ++i) crc = crc_by_unit(crc, buffer.get(), buffer_bytes);
    watch.stop();
    if (crc_by_unit(1, buffer.get(), 4096) != crc_by_table(castagnoli, 1, buffer.get(), 4096))
        give_up("the CRC instructions and the table disagree");
    return crc;
}

u64 run_sha256(const Job& job, Stopwatch& watch) { return sha_rounds(sha_block, job.rounds(96), watch); }

u64 run_sha256_unit(const Job& job, Stopwatch& watch)
{
    if (!has_sha()) give_up("this CPU has no SHA-256 instructions");
    const auto buffer = make_buffer();
    Digest unit = sha_start;
    Digest shifts = sha_start;
    for (usize at = 0; at < 16 * block_bytes; at += block_bytes) {
        sha_block_by_unit(unit, buffer.get() + at);
        sha_block(shifts, buffer.get() + at);
    }
    if (unit != shifts) give_up("the SHA-256 instructions and the shifts disagree");
    return sha_rounds(sha_block_by_unit, job.rounds(128), watch);
}

} // namespace gimbal::bench
