// SPDX-License-Identifier: Apache-2.0
#include "bare/console_input.hpp"

namespace gimbal::bare {

namespace {

constexpr StrView prompt_words = "(gimbal-el2) ";

} // namespace

void ConsoleInput::take(u8 byte, HostTicks now)
{
    if (escaped_) {
        escaped_ = false;
        take_command(byte, now);
    } else if (byte == escape) {
        escaped_ = true;
    } else if (prompting_) {
        take_prompt_key(byte, now);
    } else {
        send(byte);
    }
}

void ConsoleInput::take_command(u8 byte, HostTicks now)
{
    if (byte >= '0' && byte <= '9') {
        if (prompting_) close_prompt(now);
        if (byte == '0') return select(std::nullopt, now);
        return select(static_cast<unsigned>(byte - '1'), now);
    }
    switch (byte) {
    case 'a':
    case 'A':
    case escape:
        if (!prompting_) send(escape);
        return;
    case 'c':
    case 'C': return prompting_ ? close_prompt(now) : open_prompt();
    case '?': return help();
    default: return mux_.ring_bell();
    }
}

void ConsoleInput::take_prompt_key(u8 byte, HostTicks now)
{
    switch (editor_.take(byte)) {
    case LineEditor::Key::nothing: return;
    case LineEditor::Key::changed: return draw_prompt();
    case LineEditor::Key::left: return close_prompt(now);
    case LineEditor::Key::entered: break;
    }
    const StrView typed = editor_.line().trimmed();
    if (typed.empty()) return close_prompt(now);
    Line(mux_).text(prompt_words).text(typed);
    mux_.set_prompt({});
    const bool stays = target_.command(typed);
    editor_.clear();
    if (!stays) return close_prompt(now);
    draw_prompt();
}

void ConsoleInput::send(u8 byte)
{
    if (mux_.guest_count() == 0) return;
    if (!queues_[selected_].push(byte)) return mux_.ring_bell();
    offer(selected_);
}

void ConsoleInput::offer(unsigned guest)
{
    auto& queue = queues_[guest];
    while (!queue.empty()) {
        const u8 byte = queue.front();
        if (target_.receive(guest, {&byte, 1}) == 0) return;
        queue.pop();
    }
}

void ConsoleInput::select(std::optional<unsigned> guest, HostTicks now)
{
    if (guest && *guest >= mux_.guest_count()) return say("gimbal-el2: there is no such guest; Ctrl-A ? lists them\n");
    if (guest) selected_ = *guest;
    mux_.show(guest, now);
}

void ConsoleInput::open_prompt()
{
    prompting_ = true;
    say("gimbal-el2: help lists the commands, an empty line returns to the guests\n");
    editor_.clear();
    draw_prompt();
}

void ConsoleInput::close_prompt(HostTicks now)
{
    prompting_ = false;
    editor_.clear();
    mux_.clear_prompt(now);
}

void ConsoleInput::draw_prompt()
{
    char text[prompt_words.size() + LineEditor::longest_line];
    usize size = 0;
    for (const char c : prompt_words) text[size++] = c;
    for (const char c : editor_.line()) text[size++] = c;
    mux_.set_prompt({text, size});
}

void ConsoleInput::say(const char* text) { mux_.write(text, StrView(text).size()); }

void ConsoleInput::help()
{
    say("gimbal-el2: Ctrl-A 1 to 9: show one guest and type to it; Ctrl-A 0: show all of them\n"
        "gimbal-el2: Ctrl-A C: management; Ctrl-A A: send Ctrl-A\n");
    for (unsigned guest = 0; guest < mux_.guest_count(); ++guest)
        Line(mux_)
            .text("  ")
            .number(guest + 1)
            .text("  ")
            .text(mux_.name(guest))
            .text(guest == selected_ ? ", gets the input" : "");
}

} // namespace gimbal::bare
