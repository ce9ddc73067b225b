// SPDX-License-Identifier: Apache-2.0
#include "device/pl011/pl011.hpp"

#include "test/device/fakes.hpp"

namespace gimbal::test {
namespace {

constexpr u64 DR = 0x00, RSR = 0x04, FR = 0x18, IBRD = 0x24, FBRD = 0x28, LCR_H = 0x2C, CR = 0x30, IFLS = 0x34,
              IMSC = 0x38, RIS = 0x3C, MIS = 0x40, ICR = 0x44, DMACR = 0x48;
constexpr u64 TX = 0x20, RX = 0x10, RT = 0x40, OE = 0x400, BE = 0x200;
constexpr u64 enabled = 0x301;

class Uart : public testing::Test {
protected:
    usize receive(const std::string& text)
    {
        return uart.receive({reinterpret_cast<const u8*>(text.data()), text.size()});
    }
    void use_fifos() { reg.write(LCR_H, 0x70); }
    void type(const std::string& text)
    {
        for (const char c : text) reg.write(DR, static_cast<u8>(c));
    }

    FakeLine irq;
    FakeSink sink;
    Pl011 uart{sink, irq.source, true};
    Driver reg{uart};
};

TEST_F(Uart, DDI0183_ResetValues)
{
    EXPECT_EQ(reg.read(CR), enabled);
    EXPECT_EQ(reg.read(IFLS), 0x12U);
    EXPECT_EQ(reg.read(FR), 0x97U);
    for (const u64 offset : {RSR, u64{0x20}, IBRD, FBRD, LCR_H, IMSC, RIS, MIS, ICR, DMACR})
        EXPECT_EQ(reg.read(offset), 0U) << std::hex << offset;
    Pl011 cold(sink, {}, false);
    EXPECT_EQ((Driver{cold}.read(CR)), 0x300U);
}

TEST_F(Uart, DDI0183_WritableBits)
{
    for (const auto& [offset, value] : std::initializer_list<std::pair<u64, u64>>{
             {0x20,  0xFF  },
             {IBRD,  0xFFFF},
             {FBRD,  0x3F  },
             {LCR_H, 0xFF  },
             {CR,    0xFF87},
             {IFLS,  0x3F  },
             {IMSC,  0x7FF },
             {DMACR, 7     }
    }) {
        reg.write(offset, 0xFFFF'FFFF);
        EXPECT_EQ(reg.read(offset), value) << std::hex << offset;
        reg.write(offset, 0);
    }
    reg.write(FR, 0xFFFF);
    reg.write(MIS, 0xFFFF);
    reg.write(RIS, 0xFFFF);
    EXPECT_EQ(reg.read(FR) & 0x1FF, 0x97U);
}

TEST_F(Uart, DDI0183_UARTPeriphID_Identification)
{
    constexpr u8 expected[] = {0x11, 0x10, 0x14, 0x00, 0x0D, 0xF0, 0x05, 0xB1};
    for (u64 i = 0; i < 8; ++i) {
        reg.write(0xFE0 + 4 * i, 0);
        EXPECT_EQ(reg.read(0xFE0 + 4 * i), expected[i]);
    }
}

TEST_F(Uart, AccessSizesAndReservedLocations)
{
    reg.write(IBRD, 0x1234, AccessSize::bytes_2);
    EXPECT_EQ(reg.read(IBRD, AccessSize::bytes_1), 0x34U);
    EXPECT_EQ(reg.read(IBRD, AccessSize::bytes_2), 0x1234U);
    EXPECT_TRUE(reg.refuses(DR, AccessSize::bytes_8));
    EXPECT_TRUE(reg.refuses(DR + 1, AccessSize::bytes_1));
    EXPECT_TRUE(reg.refuses(0x08, AccessSize::bytes_4));
    EXPECT_TRUE(reg.refuses(0x80, AccessSize::bytes_4));
    EXPECT_TRUE(reg.refuses(0x1000, AccessSize::bytes_4));
}

TEST_F(Uart, OutputLeavesAtOnce)
{
    type("hello");
    EXPECT_EQ(sink.text, "hello");
    EXPECT_EQ(reg.read(FR) & 0xA8, 0x80U);
    EXPECT_EQ(reg.read(RIS), TX);
}

TEST_F(Uart, NothingLeavesWhileDisabled)
{
    use_fifos();
    reg.write(CR, 0x300);
    type("ab");
    EXPECT_EQ(sink.text, "");
    EXPECT_EQ(reg.read(FR) & 0x88, 0x08U);
    reg.write(CR, enabled);
    EXPECT_EQ(sink.text, "ab");
    reg.write(CR, 0x201); // TXE off
    type("c");
    EXPECT_EQ(sink.text, "ab");
}

TEST_F(Uart, AFullSinkFillsTheFifoAndNothingIsLost)
{
    use_fifos();
    sink.room = 2;
    std::string sent;
    while ((reg.read(FR) & 0x20) == 0) {
        const char c = static_cast<char>('a' + static_cast<int>(sent.size()));
        reg.write(DR, static_cast<u8>(c));
        sent += c;
    }
    EXPECT_EQ(sent.size(), 18U);
    EXPECT_EQ(sink.text.size(), 2U);
    reg.write(DR, '!'); // into a full FIFO: FR said so
    sink.room = ~usize{0};
    uart.transmit_ready();
    EXPECT_EQ(sink.text, sent);
    EXPECT_EQ(reg.read(FR) & 0xA8, 0x80U);
}

TEST_F(Uart, DDI0183_UARTTXINTR_TheTransmitInterruptIsATransition)
{
    use_fifos(); // trigger at half
    reg.write(IMSC, TX);
    EXPECT_FALSE(irq.level()); // an empty FIFO alone raises nothing
    sink.room = 0;
    type("0123456789");
    EXPECT_FALSE(irq.level());
    sink.room = 1;
    uart.transmit_ready(); // 9 left
    EXPECT_FALSE(irq.level());
    sink.room = 1;
    uart.transmit_ready(); // 8 left
    EXPECT_TRUE(irq.level());
    EXPECT_EQ(reg.read(MIS), TX);
    type("x"); // above the trigger again
    EXPECT_FALSE(irq.level());
    sink.room = 1;
    uart.transmit_ready();
    EXPECT_TRUE(irq.level());
    reg.write(ICR, TX);
    EXPECT_FALSE(irq.level());
}

TEST_F(Uart, TheTransmitInterruptWithoutFifos)
{
    sink.room = 0;
    type("a");
    EXPECT_EQ(reg.read(FR) & 0x20, 0x20U);
    EXPECT_EQ(reg.read(RIS), 0U);
    sink.room = 1;
    uart.transmit_ready();
    EXPECT_EQ(reg.read(RIS), TX);
    type("b");
    EXPECT_EQ(reg.read(RIS), 0U);
}

TEST_F(Uart, InputIsReadInOrderAndRefusedWhenFull)
{
    EXPECT_EQ(receive("xy"), 1U); // one entry without FIFOs
    EXPECT_EQ(uart.receive_room(), 0U);
    EXPECT_EQ(sink.ready_calls, 0U);
    EXPECT_EQ(reg.read(FR) & 0x50, 0x40U);
    EXPECT_EQ(reg.read(DR), 'x');
    EXPECT_EQ(sink.ready_calls, 1U);
    use_fifos();
    EXPECT_EQ(uart.receive_room(), 16U);
    EXPECT_EQ(receive("0123456789abcdefgh"), 16U);
    EXPECT_EQ(reg.read(RIS) & OE, 0U); // refused is not lost
    for (const char c : std::string("0123456789abcdef")) EXPECT_EQ(reg.read(DR), static_cast<u64>(c));
    EXPECT_EQ(sink.ready_calls, 2U);
    EXPECT_EQ(reg.read(FR) & 0x10, 0x10U);
    EXPECT_EQ(reg.read(DR), 0U); // empty
}

TEST_F(Uart, InputWaitsWhileTheReceiverIsOff)
{
    reg.write(CR, 0x101);
    EXPECT_EQ(receive("a"), 0U);
    EXPECT_EQ(sink.ready_calls, 0U);
    reg.write(CR, 0x300);
    EXPECT_EQ(sink.ready_calls, 0U);
    reg.write(CR, enabled);
    EXPECT_EQ(sink.ready_calls, 1U);
    EXPECT_EQ(receive("a"), 1U);
}

TEST_F(Uart, DDI0183_UARTRXINTR_TheReceiveInterruptFollowsTheTriggerLevel)
{
    for (const auto& [select, level] : std::initializer_list<std::pair<u64, unsigned>>{
             {0, 2 },
             {1, 4 },
             {2, 8 },
             {3, 12},
             {4, 14},
             {7, 14}
    }) {
        reg.write(LCR_H, 0x10);
        reg.write(IFLS, select << 3);
        reg.write(IMSC, RX);
        for (unsigned i = 1; i < level; ++i) receive("a");
        EXPECT_FALSE(irq.level()) << level;
        receive("b");
        EXPECT_TRUE(irq.level()) << level;
        reg.read(DR);
        EXPECT_FALSE(irq.level()) << level;
        while ((reg.read(FR) & 0x10) == 0) reg.read(DR);
        reg.write(ICR, 0x7FF);
    }
}

TEST_F(Uart, DDI0183_UARTRTINTR_TheReceiveTimeoutLastsUntilTheFifoIsEmpty)
{
    use_fifos();
    reg.write(IMSC, RT);
    receive("ab");
    EXPECT_TRUE(irq.level());
    reg.read(DR);
    EXPECT_TRUE(irq.level());
    reg.read(DR);
    EXPECT_FALSE(irq.level());
    receive("c");
    reg.write(ICR, RT);
    EXPECT_FALSE(irq.level());
}

TEST_F(Uart, DDI0183_UARTRTINTR_WithoutFifosEveryCharacterIsAReceiveInterruptAndATimeout)
{
    reg.write(IMSC, RX | RT);
    receive("a");
    EXPECT_EQ(reg.read(MIS), RX | RT); // reading the holding register clears both
    reg.read(DR);
    EXPECT_FALSE(irq.level());
}

TEST_F(Uart, DDI0183_UARTRSR_OverrunInLoopbackIsReported)
{
    reg.write(CR, enabled | 0x80);
    EXPECT_EQ(uart.receive_room(), 0U); // the pin is disconnected
    type("a");
    EXPECT_EQ(sink.text, "");
    type("b");
    EXPECT_EQ(reg.read(RIS) & OE, OE);
    EXPECT_EQ(reg.read(RSR), 8U);
    reg.write(RSR, 0); // clears OE here, not in the data register
    EXPECT_EQ(reg.read(DR), 0x800U | 'a');
    EXPECT_EQ(reg.read(RSR), 0U);
    type("x");
    type("y");
    EXPECT_EQ(reg.read(DR), 0x800U | 'x');
    EXPECT_EQ(reg.read(DR), 0x800U);
    type("c"); // fits: DR.OE goes, RSR.OE stays until it is cleared
    EXPECT_EQ(reg.read(DR), static_cast<u64>('c'));
    EXPECT_EQ(reg.read(RSR), 8U);
    reg.write(RSR, 0);
    EXPECT_EQ(reg.read(RSR), 0U);
    reg.write(CR, 0x181); // RXE off: looped characters go nowhere
    type("d");
    EXPECT_EQ(reg.read(FR) & 0x10, 0x10U);
}

TEST_F(Uart, ABreakInLoopbackIsOneZeroCharacter)
{
    reg.write(CR, enabled | 0x80);
    reg.write(LCR_H, 0x11);
    EXPECT_EQ(reg.read(RIS) & BE, BE);
    EXPECT_EQ(reg.read(DR), 0x400U);
    EXPECT_EQ(reg.read(RSR), 4U);
    EXPECT_EQ(reg.read(FR) & 0x10, 0x10U);
}

TEST_F(Uart, DDI0183_UARTCR_ModemLinesLoopBackAndInterrupt)
{
    reg.write(IMSC, 0xF);
    reg.write(CR, enabled | 0x80); // CTS, DSR and DCD fall
    EXPECT_EQ(reg.read(MIS), 0xEU);
    reg.write(ICR, 0xF);
    EXPECT_FALSE(irq.level());
    reg.write(CR, enabled | 0x80 | 0x3C00);
    EXPECT_EQ(reg.read(FR) & 0x107, 0x107U);
    EXPECT_EQ(reg.read(MIS), 0xFU);
    reg.write(CR, enabled | 0x80 | 0x8000); // CTSEn without RTS: the transmitter waits
    type("a");
    EXPECT_EQ(reg.read(FR) & 0x18, 0x18U);
    reg.write(CR, enabled | 0x80 | 0x8800);
    EXPECT_EQ(reg.read(DR), static_cast<u64>('a'));
}

TEST_F(Uart, TurningFifosOffLosesNoInput)
{
    use_fifos();
    EXPECT_EQ(receive("abc"), 3U);
    reg.write(LCR_H, 0);
    EXPECT_EQ(receive("d"), 0U);
    EXPECT_EQ(reg.read(DR), static_cast<u64>('a'));
    EXPECT_EQ(reg.read(DR), static_cast<u64>('b'));
    EXPECT_EQ(sink.ready_calls, 0U);
    EXPECT_EQ(reg.read(DR), static_cast<u64>('c'));
    EXPECT_EQ(sink.ready_calls, 1U);
}

TEST_F(Uart, ResetDropsTheLineAndOffersRoom)
{
    reg.write(IMSC, RX);
    EXPECT_EQ(receive("ab"), 1U);
    EXPECT_TRUE(irq.level());
    uart.reset();
    EXPECT_FALSE(irq.level());
    EXPECT_EQ(sink.ready_calls, 1U);
    EXPECT_EQ(reg.read(CR), enabled);
}

} // namespace
} // namespace gimbal::test
