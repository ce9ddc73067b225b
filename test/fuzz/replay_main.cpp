// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target once on each file of the corpus, for builds without libFuzzer.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::uint8_t> read_file(const std::filesystem::path& path)
{
    std::ifstream stream(path, std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    return {text.begin(), text.end()};
}

} // namespace

int main(int argc, char** argv)
{
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        if (!std::filesystem::is_directory(argv[i])) continue;
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
            if (entry.is_regular_file()) files.push_back(entry.path());
        std::sort(files.begin(), files.end());
        for (const auto& file : files) {
            const auto input = read_file(file);
            std::fprintf(stderr, "%s\n", file.c_str()); // the last one named is the one that failed
            LLVMFuzzerTestOneInput(input.data(), input.size());
            ++count;
        }
    }
    const std::vector<std::uint8_t> empty;
    LLVMFuzzerTestOneInput(empty.data(), 0);
    std::printf("%zu inputs replayed\n", count);
    return 0;
}
