/* test_chat.c - the program on a terminal: texts that are typed, and chat with its Tab, its history between sessions
 * and a terminal that is made narrower. The program is $WKV or ./wkv on a pseudo-terminal; chat needs libedit. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700 /* posix_openpt */
#include "folder.h"
#include "test.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char *program;
static const char alone[] = "no pseudo-terminal, or a build without libedit";
static int terminal = -1;
static pid_t child;
static char seen[1 << 16];
static size_t n_seen;

typedef const char *arguments[9]; /* the last one is NULL */

static void be_child(const char *name, const arguments words)
{
    setsid();
    int f = open(name, O_RDWR); /* becomes the controlling terminal */
    for (int i = 0; i < 3; i++) dup2(f, i);
    execv(program, (char **)(uintptr_t)words);
    _exit(127);
}

static int begin_with(const arguments words)
{
    n_seen = 0;
    terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0 || grantpt(terminal) || unlockpt(terminal)) return 0;
    ioctl(terminal, TIOCSWINSZ, &(struct winsize){.ws_row = 24, .ws_col = 80});
    const char *name = ptsname(terminal);
    fflush(stdout);
    if (!(child = fork())) be_child(name, words);
    return child > 0;
}

/* whether the program has an editor's command of this name */
static int has(const char *name)
{
    char find[512];
    snprintf(find, sizeof find, "grep -q %s '%s'", name, program);
    return !system(find);
}

static int begin(void)
{
    return has("em-inc-search-prev") && begin_with((arguments){"wkv", "chat", "-n", "1", "-T", "0", "-t", "1"});
}

/* Read until the text behind `from` holds `words`; the place behind them, or 0 after 20 seconds. */
static size_t wait_for(const char *words, size_t from)
{
    for (int waits = 0; waits < 200;) {
        seen[n_seen] = 0;
        const char *at = strstr(seen + from, words);
        if (at) return (size_t)(at - seen) + strlen(words);
        struct pollfd in = {.fd = terminal, .events = POLLIN};
        if (poll(&in, 1, 100) <= 0) {
            waits++;
            continue;
        }
        ssize_t got = read(terminal, seen + n_seen, sizeof seen - n_seen - 1);
        if (got <= 0) break;
        n_seen += (size_t)got;
    }
    FAILED("the terminal shows no \"%s\" in: %s", words, seen + from);
    return 0;
}

static void type(const char *keys) { EXPECT_EQ(write(terminal, keys, strlen(keys)), (long long)strlen(keys)); }

static void end(const char *keys)
{
    int status;
    type(keys);
    char rest[256];
    struct pollfd in = {.fd = terminal, .events = POLLIN};
    while (poll(&in, 1, 20000) > 0 && read(terminal, rest, sizeof rest) > 0) continue; /* until the program closes it */
    kill(child, SIGKILL); /* one that hangs; else it has ended */
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(terminal);
}

/* A text that is typed ends with one Ctrl-D, and a note says that it is waited for. */
static void typed_text(void)
{
    const arguments text = {"wkv", "tokenize", "--vocab", "bytes"},
                    lines = {"wkv", "tokenize", "--vocab", "bytes", "--jsonl", "-"};
    if (!begin_with(text)) SKIP("no pseudo-terminal");
    size_t at = wait_for("until Ctrl-D", 0);
    type("ab\n\004");
    wait_for("97 98 10", at);
    end("");
    if (!begin_with(lines)) return;
    at = wait_for("until Ctrl-D", 0);
    type("{\"text\": \"ab\"}\n\004");
    wait_for("[97, 98]", at);
    end("");
}

/* The prompt appears before the editor has the terminal: a key that the terminal would take itself waits for a Tab's
 * answer. The line is empty again. */
static size_t wait_for_editor(void)
{
    size_t at = wait_for("> ", 0);
    type("/he\t");
    at = wait_for("lp", at);
    type("\001\013");
    return at;
}

static void tab_and_resize(void)
{
    if (!begin()) SKIP("%s", alone);
    size_t at = wait_for("> ", 0);
    type("/he\t\r");
    at = wait_for("this list", at);
    at = wait_for("> ", at);
    type("/zz\t"); /* nothing to complete: no tab either */
    at = wait_for("zz", at);
    type("abcdefghij klmnopqrst uvwxyz abcdefghij klmnopqrst");
    at = wait_for("klmnopqrst", wait_for("uvwxyz", at));
    ioctl(terminal, TIOCSWINSZ, &(struct winsize){.ws_row = 24, .ws_col = 40});
    at = wait_for("\033[1A\r\033[J", at); /* from the second row, where the terminal has put the cursor */
    at = wait_for("> ", at);
    at = wait_for("klmnopqrst", wait_for("uvwxyz", at));
    type("\r");
    at = wait_for("unknown command /zzabcdefghij", at);
    wait_for("> ", at);
    end("exit\r");
}

/* A character typed at the beginning of a line of three rows is followed by all of the line: libedit's insertion of
 * characters, \033[@ or \033[4h, loses its end. */
static void insert_in_long_line(void)
{
    if (!begin()) SKIP("%s", alone);
    size_t at = wait_for_editor();
    for (int i = 0; i < 17; i++) type("abcdefghi ");
    type("the end");
    at = wait_for("the end", at);
    type("\001X");
    wait_for("the end", wait_for("X", at));
    EXPECT(!strstr(seen + at, "\033[1@") && !strstr(seen + at, "\033[@") && !strstr(seen + at, "\033[4h"));
    end("\001\013/quit\r");
}

/* Backspace deletes an emoji of five code points, a family, at once. */
static void delete_emoji(void)
{
    if (!has("wkv-delete-grapheme")) SKIP("a build without utf8proc");
    if (!begin()) SKIP("%s", alone);
    size_t at = wait_for_editor();
    type("/zz\U0001f468\u200d\U0001f469\u200d\U0001f467");
    at = wait_for("\U0001f467", at);
    type("\177yy\r");
    at = wait_for("unknown command /zzyy;", wait_for("\r\033[J", at));
    wait_for("> ", at);
    end("exit\r");
}

/* The line is in a file that only its owner reads, and comes back with the arrow in another session. */
static void history(void)
{
    char line[256];
    const char *path = in_folder("wkv/history");
    struct stat s;
    if (!begin()) SKIP("%s", alone);
    EXPECT_EQ(stat(path, &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0600);
    size_t at = wait_for("> ", 0);
    type("\033[A\033[A");
    wait_for("/zzabcdefghij", at);
    end("\001\013exit\r");
    FILE *f = fopen(path, "a");
    for (int i = 0; f && i < 2000; i++) fprintf(f, "line %d\n", i);
    if (f) fclose(f);
    if (!begin()) return;
    at = wait_for("> ", 0);
    type("\033[A");
    wait_for("line 1999", at);
    end("\001\013/quit\r");
    int lines = 0;
    if ((f = fopen(path, "r")))
        while (fgets(line, sizeof line, f)) lines++;
    if (f) fclose(f);
    EXPECT(lines == 1001);
    EXPECT(!stat(path, &s) && (s.st_mode & 0777) == 0600);
}

int main(void)
{
    program = getenv("WKV");
    if (!program) program = "./wkv";
    if (access(program, X_OK)) return printf("skip chat: %s is not there\n0 passed, 0 failed, 1 skipped\n", program), 0;
    folder_begin("chat");
    setenv("XDG_STATE_HOME", folder, 1);
    setenv("HOME", folder, 1);
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    RUN(typed_text);
    RUN(tab_and_resize);
    RUN(history);
    RUN(insert_in_long_line);
    RUN(delete_emoji);
    folder_end();
    return DONE();
}
