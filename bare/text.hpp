// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/str_view.hpp"
#include "base/types.hpp"

namespace gimbal::bare {

/// Where the hypervisor's own words go. Any CPU; a call's bytes stay together.
class TextSink {
public:
    virtual void write(const char* text, usize size) = 0;

protected:
    ~TextSink() = default;
};

/// One line, put together piece by piece and handed over whole; what does not fit is cut off.
class Line {
public:
    explicit Line(TextSink& sink) : sink_(sink) {}
    ~Line()
    {
        text_[size_] = '\n';
        sink_.write(text_, size_ + 1);
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    Line& text(StrView words);
    Line& hex(u64 value);
    Line& number(u64 value);

private:
    static constexpr usize room = 160;
    void put(char c)
    {
        if (size_ < room) text_[size_++] = c;
    }
    TextSink& sink_;
    char text_[room + 1];
    usize size_{};
};

} // namespace gimbal::bare
