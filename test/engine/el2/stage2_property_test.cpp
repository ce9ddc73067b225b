// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>

#include "test/engine/el2/stage2_fixture.hpp"
#include "test/engine/el2/text.hpp"

// Random calls while the VM runs on other CPUs. After each: the tables say what a plain list of ranges says, by a
// second walker; the history of stores, barriers and TLBI was legal at every moment; no page is lost.
namespace gimbal::el2::test {
namespace {

constexpr u64 kib4 = 1u << 12, mib2 = 1u << 21, gib1 = 1u << 30;

/// The list of ranges.
class Reference {
public:
    bool all(bool mapped, u64 ipa, u64 size) const
    {
        u64 covered = 0;
        for (const Piece& piece : pieces_) {
            const u64 first = std::max(piece.ipa, ipa);
            const u64 last = std::min(piece.ipa + piece.size, ipa + size);
            if (first < last) covered += last - first;
        }
        return covered == (mapped ? size : 0);
    }
    void map(const Piece& piece)
    {
        pieces_.insert(std::upper_bound(pieces_.begin(), pieces_.end(), piece, by_ipa), piece);
        pieces_ = join(pieces_);
    }
    void unmap(u64 ipa, u64 size)
    {
        cut(ipa);
        cut(ipa + size);
        std::erase_if(pieces_, [&](const Piece& piece) { return piece.ipa >= ipa && piece.ipa < ipa + size; });
    }
    void protect(u64 ipa, u64 size, const Stage2Attributes& attributes)
    {
        cut(ipa);
        cut(ipa + size);
        for (Piece& piece : pieces_) {
            if (piece.ipa >= ipa && piece.ipa < ipa + size) piece.attributes = attributes;
        }
        pieces_ = join(pieces_);
    }
    const std::vector<Piece>& pieces() const { return pieces_; }
    std::vector<Piece> joined() const { return join(pieces_); }

private:
    static bool by_ipa(const Piece& a, const Piece& b) { return a.ipa < b.ipa; }
    void cut(u64 at)
    {
        for (usize i = 0; i < pieces_.size(); ++i) {
            Piece& piece = pieces_[i];
            if (at <= piece.ipa || at - piece.ipa >= piece.size) continue;
            const u64 head = at - piece.ipa;
            const Piece tail{at, piece.size - head, piece.physical + head, piece.attributes};
            piece.size = head;
            pieces_.insert(pieces_.begin() + static_cast<std::ptrdiff_t>(i) + 1, tail);
            return;
        }
    }

    std::vector<Piece> pieces_;
};

struct Shape {
    u8 pa_bits;
    u8 ipa_bits;
    bool xnx;
};

class Machine {
public:
    Machine(const Shape& shape, u64 seed)
        : vm_({.granule_4kib = true, .pa_bits = shape.pa_bits, .vmid_bits = 16, .xnx = shape.xnx, .cnp = true},
              shape.ipa_bits, 48),
          random_(seed),
          limit_(u64{1} << shape.ipa_bits),
          physical_limit_(u64{1} << shape.pa_bits),
          xnx_(shape.xnx)
    {
    }

    void step()
    {
        vm_.pool.allow(pick(4) == 0 ? vm_.pool.held() + static_cast<u32>(pick(3)) : 48);
        const u32 held = vm_.pool.held();
        const u64 kind = pick(10);
        Result<void, Stage2Error> result = fail(Stage2Error::misaligned);
        std::string what;
        if (kind < 5 || reference_.pieces().empty()) {
            result = map(pick(2) == 0 ? beside_another() : anywhere(), what);
        } else {
            result = change(kind < 7, what);
        }
        if (!result && result.error() == Stage2Error::out_of_pages) {
            ++out_of_pages_;
            ASSERT_EQ(vm_.pool.held(), held) << what << ": pages are lost";
        }
        done_ += result.has_value() ? 1 : 0;
        vm_.check_history(what);
        ASSERT_EQ(vm_.walk_all(), reference_.joined()) << what;
        compare_translate(what);
    }

    u64 done() const { return done_; }
    u64 out_of_pages() const { return out_of_pages_; }
    const TlbModel& tlb() const { return vm_.tlb; }

private:
    u64 pick(u64 below) { return random_() % below; }
    bool coin() { return pick(2) == 0; }

    Stage2Attributes attributes()
    {
        Stage2Attributes a{static_cast<Stage2Memory>(std::min(pick(6), u64{2})), coin(), coin()};
        if (pick(3) == 0) return stage2_ram;
        a.execute_el1 = coin();
        a.execute_el0 = xnx_ ? coin() : a.execute_el1;
        if (a.memory == Stage2Memory::device && pick(20) != 0) a.execute_el0 = a.execute_el1 = false;
        return a;
    }

    u64 size()
    {
        switch (pick(6)) {
        case 0: return kib4 * (1 + pick(4));
        case 1: return kib4 * (1 + pick(1200));
        case 2: return mib2 * (1 + pick(3));
        case 3: return mib2 * (510 + pick(4));
        case 4: return gib1 * (1 + pick(2));
        default: return gib1 + mib2 * pick(3) + kib4 * pick(3);
        }
    }

    Piece anywhere()
    {
        const u64 anchors[] = {0, gib1, limit_ / 2, limit_ - 2 * gib1};
        const u64 offset =
            (coin() ? gib1 * pick(2) : 0) + (coin() ? mib2 * pick(3) : 0) + (coin() ? kib4 * pick(3) : 0);
        Piece piece{anchors[pick(4)] + offset, size(), 0, attributes()};
        // How far the two addresses agree decides how large blocks can be.
        const u64 aligned = pick(physical_limit_ / gib1) * gib1;
        switch (pick(4)) {
        case 0: piece.physical = aligned + piece.ipa % gib1; break;
        case 1:
            piece.physical = aligned + piece.ipa % mib2;
            piece.size = std::min(piece.size, mib2 * 20);
            break;
        case 2:
            piece.physical = aligned + kib4 * pick(512);
            piece.size = std::min(piece.size, mib2 * 2);
            break;
        default: piece.physical = aligned + piece.ipa % gib1; piece.size = align_down(piece.size, mib2) + mib2;
        }
        return piece;
    }

    /// Continues a piece upwards or downwards, so that tables fill up and can be joined.
    Piece beside_another()
    {
        if (reference_.pieces().empty()) return anywhere();
        const Piece& other = reference_.pieces()[pick(reference_.pieces().size())];
        const u64 end = other.ipa + other.size;
        const u64 unit = coin() ? mib2 : gib1;
        if (coin()) {
            const u64 size = align_down(end + unit, unit) - end;
            return {end, coin() ? size : std::min(size, kib4 * (1 + pick(600))), other.physical + other.size,
                    other.attributes};
        }
        const u64 first = other.ipa == 0 ? 0 : align_down(other.ipa - 1, unit);
        const u64 size = std::max(other.ipa - first, kib4);
        if (other.ipa < size || other.physical < size) return anywhere();
        return {other.ipa - size, size, other.physical - size, other.attributes};
    }

    Result<void, Stage2Error> map(const Piece& piece, std::string& what)
    {
        what = (testing::Message() << "map " << piece).GetString();
        const auto result = vm_.stage2.map({piece.ipa}, piece.physical, piece.size, piece.attributes);
        const bool inside = piece.ipa + piece.size <= limit_ && piece.physical + piece.size <= physical_limit_;
        const bool sane = can_express(piece.attributes, vm_.layout);
        const bool is_free = reference_.all(false, piece.ipa, piece.size);
        if (result) {
            EXPECT_TRUE(inside && sane && is_free) << what;
            reference_.map(piece);
        } else if (result.error() != Stage2Error::out_of_pages) {
            const Stage2Error expected = !inside ? Stage2Error::out_of_range
                                         : !sane ? Stage2Error::bad_attributes
                                                 : Stage2Error::mapped;
            EXPECT_FALSE(inside && sane && is_free) << what;
            EXPECT_EQ(result.error(), expected) << what;
        }
        return result;
    }

    Result<void, Stage2Error> change(bool unmap, std::string& what)
    {
        const Piece& piece = reference_.pieces()[pick(reference_.pieces().size())];
        Piece part = piece;
        if (pick(3) != 0) {
            const u64 unit = piece.size > mib2 && coin() ? mib2 : kib4;
            const u64 skip = std::min(pick(4) * unit, piece.size - kib4);
            part.ipa += skip;
            part.size = std::min(piece.size - skip, size());
        }
        if (pick(8) == 0) part.size += mib2; // beyond it: the next piece, or nothing
        part.attributes = attributes();
        what = (testing::Message() << (unmap ? "unmap " : "protect ") << part).GetString();
        const bool mapped = reference_.all(true, part.ipa, part.size);
        const bool sane = unmap || can_express(part.attributes, vm_.layout);
        const auto result = unmap ? vm_.stage2.unmap({part.ipa}, part.size)
                                  : vm_.stage2.protect({part.ipa}, part.size, part.attributes);
        if (result) {
            EXPECT_TRUE(mapped && sane) << what;
            if (unmap) {
                reference_.unmap(part.ipa, part.size);
            } else {
                reference_.protect(part.ipa, part.size, part.attributes);
            }
        } else if (result.error() != Stage2Error::out_of_pages) {
            EXPECT_FALSE(mapped && sane) << what;
        }
        return result;
    }

    void compare_translate(const std::string& what)
    {
        for (const Piece& piece : reference_.pieces()) {
            for (const u64 offset : {u64{0}, pick(piece.size), piece.size - 1}) {
                const auto found = vm_.stage2.translate({piece.ipa + offset});
                ASSERT_TRUE(found) << what;
                ASSERT_EQ(found->physical, piece.physical + offset) << what;
                ASSERT_EQ(found->attributes, piece.attributes) << what;
                ASSERT_LE(found->size, piece.size - offset) << what;
            }
            if (!reference_.all(false, piece.ipa + piece.size, 1)) continue;
            ASSERT_FALSE(vm_.stage2.translate({piece.ipa + piece.size})) << what;
        }
    }

    Stage2Fixture vm_;
    Reference reference_;
    std::mt19937_64 random_;
    u64 limit_, physical_limit_;
    bool xnx_;
    u64 done_{}, out_of_pages_{};
};

class Stage2Property : public testing::TestWithParam<Shape> {};

TEST_P(Stage2Property, EveryMomentOfEveryChangeIsLegal)
{
    u64 done = 0, out_of_pages = 0, stores = 0, invalidations = 0;
    for (u64 seed = 0; seed < 6; ++seed) {
        Machine machine(GetParam(), seed);
        for (int step = 0; step < 40; ++step) {
            machine.step();
            if (HasFailure()) {
                ADD_FAILURE() << "seed " << seed << ", step " << step;
                return;
            }
        }
        done += machine.done();
        out_of_pages += machine.out_of_pages();
        stores += machine.tlb().stores();
        invalidations += machine.tlb().invalidations();
    }
    // The test would prove little if it did little.
    EXPECT_GT(done, 60u);
    EXPECT_GT(out_of_pages, 3u);
    EXPECT_GT(stores, 2000u);
    EXPECT_GT(invalidations, 50u);
    RecordProperty("done", std::to_string(done) + " calls, " + std::to_string(stores) + " stores, " +
                               std::to_string(invalidations) + " TLBI");
}

INSTANTIATE_TEST_SUITE_P(Shapes, Stage2Property,
                         testing::Values(Shape{32, 32, false}, Shape{40, 39, true}, Shape{40, 40, false},
                                         Shape{44, 43, true}, Shape{44, 44, false}, Shape{48, 48, true}),
                         [](const auto& shape) { return "Ipa" + std::to_string(shape.param.ipa_bits); });

} // namespace
} // namespace gimbal::el2::test
