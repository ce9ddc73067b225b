// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/bits.hpp"
#include "base/result.hpp"
#include "base/spinlock.hpp"
#include "vm/types.hpp"
#include "vm/vcpu.hpp"

namespace gimbal {

enum class InterruptError : u8 {
    no_such_line, ///< The chip has no such SPI or PPI.
    full,         ///< A line has no room for another source.
};

/// The interrupt controller as devices and timers see it; behind it a kernel, a framework, list registers or our model.
/// Every call may come from any thread. Levels are inputs: the chip keeps them and looks at them again at each EOI.
class InterruptChip {
public:
    virtual bool has_spi(Spi spi) const = 0;
    /// A line that does not exist is ignored: has_spi() is asked when a device is wired, not here.
    virtual void set_spi(Spi spi, bool level) = 0;
    /// `ppi` is 16..31.
    virtual void set_ppi(VcpuId vcpu, Intid ppi, bool level) = 0;
    /// Power-on reset of one CPU's interface, when CPU_ON or a reset starts it. Its PPI levels are driven anew.
    virtual void reset_cpu(VcpuId vcpu) = 0;

protected:
    ~InterruptChip() = default;
};

/// What a chip in our address space calls to drive a CPU's inputs; any thread.
class CpuInterruptSink {
public:
    virtual void set_cpu_interrupt(VcpuId vcpu, InterruptInput input, bool level) noexcept = 0;

protected:
    ~CpuInterruptSink() = default;
};

class InterruptSource;

/// A shared line is the OR of its sources. The lock makes the order in which the chip hears of changes the order in
/// which they happened, so that a source going down can never hide another one going up.
class InterruptLine {
public:
    static constexpr unsigned max_sources = 32;

    /// Before the VM is finalized. Sources may be driven already, and the chip is told of a level that is high.
    Result<void, InterruptError> connect(InterruptChip& chip, Spi spi)
    {
        if (!chip.has_spi(spi)) return fail(InterruptError::no_such_line);
        SpinGuard guard(lock_);
        chip_ = &chip;
        spi_ = spi;
        if (asserted_ != 0) chip.set_spi(spi, true);
        return {};
    }
    /// The chip goes, and the sources stay: on return nobody is in it for this line's sake.
    void disconnect()
    {
        SpinGuard guard(lock_);
        chip_ = nullptr;
    }
    Result<InterruptSource, InterruptError> add_source();

    bool level()
    {
        SpinGuard guard(lock_);
        return asserted_ != 0;
    }
    Spi spi() const { return spi_; }

private:
    friend class InterruptSource;
    void set(unsigned source, bool level)
    {
        SpinGuard guard(lock_);
        const bool before = asserted_ != 0;
        asserted_ = level ? asserted_ | bit(source) : asserted_ & ~bit(source);
        const bool after = asserted_ != 0;
        if (before != after && chip_ != nullptr) chip_->set_spi(spi_, after);
    }

    SpinLock lock_;
    InterruptChip* chip_{};
    Spi spi_{};
    u64 asserted_{};          // one bit per source; under lock_
    unsigned source_count_{}; // before finalize
};

/// A device's hold on its line. The default one is connected to nothing and may be driven all the same.
class InterruptSource {
public:
    InterruptSource() = default;
    void set(bool level)
    {
        if (line_ != nullptr) line_->set(index_, level);
    }

private:
    friend class InterruptLine;
    InterruptSource(InterruptLine& line, unsigned index) : line_(&line), index_(index) {}
    InterruptLine* line_{};
    unsigned index_{};
};

inline Result<InterruptSource, InterruptError> InterruptLine::add_source()
{
    if (source_count_ == max_sources) return fail(InterruptError::full);
    return InterruptSource(*this, source_count_++);
}

} // namespace gimbal
