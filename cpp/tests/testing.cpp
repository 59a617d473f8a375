#include "testing.hpp"

#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

namespace testing {

namespace {

struct Test {
    std::string_view file;
    const char* name;
    Body body;
};

std::vector<Test>& tests() {
    static std::vector<Test> registered;
    return registered;
}

int failures = 0;

bool run(const Test& test) {
    const int before = failures;
    try {
        test.body();
    } catch (const std::exception& error) {
        report_failure(test.name, 0, std::string("unexpected exception: ") + error.what());
    }
    return failures == before;
}

}  // namespace

Registration::Registration(const char* file, const char* name, Body body) {
    tests().push_back({file, name, body});
}

void report_failure(const char* file, int line, const std::string& what) {
    ++failures;
    std::printf("%s:%d: %s\n", file, line, what.c_str());
}

}  // namespace testing

/// Runs the tests whose file or name contains the argument, or all of them.
int main(int argc, char** argv) {
    const std::string_view wanted = argc > 1 ? argv[1] : "";
    int n_run = 0, n_failed = 0;
    for (const auto& test : testing::tests()) {
        if (test.file.find(wanted) == std::string_view::npos &&
            std::string_view(test.name).find(wanted) == std::string_view::npos)
            continue;
        ++n_run;
        if (!testing::run(test)) {
            ++n_failed;
            std::printf("FAILED %s\n", test.name);
        }
    }
    std::printf("%d tests, %d failed\n", n_run, n_failed);
    return n_run == 0 || n_failed > 0;
}
