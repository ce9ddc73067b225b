// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/gicv3/state.hpp"
#include "vm/bus.hpp"
#include "vm/interrupt_chip.hpp"

namespace gimbal::gicv3 {

/// The distributor's 64 KiB frame (IHI 0069, GICD_*). Locations without a register are RES0; an access size that
/// the register does not take is refused.
class Distributor final : public MmioDevice {
public:
    explicit Distributor(State& state) : state_(state) {}
    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

private:
    u64 read_word(u64 offset) const;
    void write_word(u64 offset, u32 value);
    State& state_;
};

/// All redistributors, one after the other: RD_base and SGI_base of 64 KiB for each vCPU (IHI 0069, GICR_*).
class Redistributors final : public MmioDevice {
public:
    explicit Redistributors(State& state) : state_(state) {}
    u64 size() const; ///< Bytes of the whole region.
    Result<u64, BusError> read(const AccessContext& context, u64 offset, AccessSize size) override;
    Result<void, BusError> write(const AccessContext& context, u64 offset, AccessSize size, u64 value) override;

private:
    struct Place {
        VcpuId vcpu;
        bool in_sgi_frame;
        u64 reg; // in its frame
    };
    Result<Place, BusError> locate(u64 offset) const;
    u64 read_control(VcpuId vcpu, u64 offset) const;
    void write_control(VcpuId vcpu, u64 offset, u32 value);
    u64 typer(VcpuId vcpu) const;
    State& state_;
};

/// A GICv3 without a CPU interface: attach one to state() before the first run. Put distributor() and redistributors()
/// on the bus.
class Gicv3 final : public InterruptChip {
public:
    explicit Gicv3(const Config& config) : state_(config), distributor_(state_), redistributors_(state_) {}

    bool has_spi(Spi spi) const override { return spi.value < state_.intids() - first_spi; }
    void set_spi(Spi spi, bool level) override;
    void set_ppi(VcpuId vcpu, Intid ppi, bool level) override;
    void reset_cpu(VcpuId vcpu) override;
    void reset(); ///< Power-on reset of the whole controller; the SPI inputs keep their levels.

    State& state() { return state_; }
    Distributor& distributor() { return distributor_; }
    Redistributors& redistributors() { return redistributors_; }

private:
    State state_;
    Distributor distributor_;
    Redistributors redistributors_;
};

} // namespace gimbal::gicv3
