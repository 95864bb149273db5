/* test_windows.c - Windows alone: long paths, Chinese letters in arguments and names of files, the folders of the user,
 * text typed at a console, and Ctrl-C. The program is ./wkv.exe. */
#include "base/platform/windows/windows.h"
#include "base/file.h"
#include "base/platform/terminal.h"
#include "folder.h"
#include "process.h"
#include "test.h"
#include <process.h>

#define MODEL TEST_DIR "/golden/models/v7-n32-f16.pth"

static char out[1 << 16];

/* Run the program; its output is then in `out`. The exit status. */
static int wkv(const char *const *words)
{
    const char *argv[16] = {process_program()};
    child c;
    for (int n = 0; words[n]; n++) argv[n + 1] = words[n];
    *out = 0;
    if (child_start(&c, argv, 1, 1)) return -1;
    out[fread(out, 1, sizeof out - 1, c.output)] = 0;
    return process_wait(&c);
}

#define WKV(...) wkv((const char *const[]){__VA_ARGS__, NULL})

/* ---- paths ------------------------------------------------------------------------------------------------------- */

/* A path that has `n` characters behind `begin`. */
static const char *long_path(const char *begin, int n)
{
    static char path[1024];
    const int at = snprintf(path, sizeof path, "%s", begin);
    for (int i = 0; i < n; i++) path[at + i] = i % 50 == 49 ? '/' : 'x';
    path[at + n] = 0;
    return path;
}

static void expect_wide(const char *path, const wchar_t *begin, int n)
{
    wchar_t *wide = wide_path(path);
    char *narrow = narrow_text(wide);
    if (wcsncmp(wide, begin, wcslen(begin)) || (int)wcslen(wide) != n) FAILED("%s became %s", path, narrow);
    free(narrow);
    free(wide);
}

/* Wine opens long paths without the prefix too, so their form itself is compared. */
static void long_paths_have_the_prefix(void)
{
    wchar_t before[MAX_PATH], deep[MAX_PATH] = L"";
    expect_wide("a/b", L"a/b", 3);
    expect_wide(long_path("C:/", 300), L"\\\\?\\C:\\xxx", 307);
    expect_wide(long_path("//server/share/", 300), L"\\\\?\\UNC\\server\\share\\xxx", 321);
    expect_wide(long_path("\\\\?\\C:\\", 300), L"\\\\?\\C:\\xxx", 307);
    const char *path = long_path(in_folder(""), 200); /* a short name in a deep folder */
    EXPECT_EQ(file_make_folders(path, 0777), 0);
    GetCurrentDirectoryW(MAX_PATH, before);
    wchar_t *wide = wide_text(path);
    EXPECT(SetCurrentDirectoryW(wide));
    free(wide);
    GetCurrentDirectoryW(MAX_PATH, deep);
    expect_wide(long_path("", 40), L"\\\\?\\", (int)wcslen(deep) + 45);
    expect_wide("short", L"short", 5);
    SetCurrentDirectoryW(before);
}

/* Its folder has 310 characters, some of three bytes, and so has what is written beside it. */
static void a_model_at_a_long_chinese_path(void)
{
    char path[1024], other[1100], parent[1024];
    char *bytes = NULL;
    size_t n = 0;
    snprintf(path, sizeof path, "%s", in_folder(""));
    for (int i = 0; i < 5; i++)
        snprintf(path + strlen(path), sizeof path - strlen(path), "很久很久以前在一个遥远的村子里-%040d/", i);
    EXPECT_EQ(file_make_folders(path, 0777), 0);
    char *name = path + strlen(path);
    strcpy(name, "模型.pth");
    EXPECT_EQ(file_slurp(&bytes, &n, MODEL), 0);
    EXPECT_EQ(file_write(path, bytes, n), 0);
    free(bytes);
    EXPECT_EQ(WKV("info", path), 0);
    EXPECT_HAS(out, "模型.pth");
    snprintf(other, sizeof other, "%.*s写出.safetensors", (int)(name - path), path);
    EXPECT_EQ(WKV("convert", path, other), 0);
    EXPECT_EQ(WKV("info", other), 0);
    EXPECT_HAS(out, "写出.safetensors");
    snprintf(parent, sizeof parent, "%.*s", (int)(name - path - 1), path);
    int files = 0;
    name_list *l = listing_open(parent);
    for (const char *found; l && (found = listing_next(l));)
        files += !strcmp(found, "模型.pth") || !strcmp(found, "写出.safetensors");
    listing_close(l);
    EXPECT_EQ(files, 2);
    EXPECT_EQ(entry_remove(path), 0);
    EXPECT_EQ(WKV("info", path), 1);
}

/* ---- arguments and folders --------------------------------------------------------------------------------------- */

static void arguments_arrive_as_they_are(void)
{
    static const char *const texts[] = {"从前有一只猫", "naïve 😀", "a \"quoted\" word", "C:\\folder\\", "\\\\\"\\"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        EXPECT_EQ(WKV("generate", "-n", "1", "-p", texts[i]), 0);
        if (strncmp(out, texts[i], strlen(texts[i]))) FAILED("%s became %s", texts[i], out);
    }
}

/* Set LOCALAPPDATA to a folder with Chinese letters. */
static const char *local_folder(void)
{
    static char path[160];
    snprintf(path, sizeof path, "%s", in_folder("本地"));
    folder_create(path, 0700);
    wchar_t *wide = wide_text(path);
    _wputenv_s(L"LOCALAPPDATA", wide);
    free(wide);
    return path;
}

static void the_folders_of_the_user(void)
{
    char got[256], expected[256];
    const char *local = local_folder();
    static const struct {
        user_folder kind;
        const char *variable, *below;
    } kinds[] = {
        {USER_DATA, "XDG_DATA_HOME", ""}, {USER_STATE, "XDG_STATE_HOME", ""}, {USER_CACHE, "XDG_CACHE_HOME", "/cache"}};
    for (int i = 0; i < 3; i++) {
        unsetenv(kinds[i].variable);
        snprintf(expected, sizeof expected, "%s%s", local, kinds[i].below);
        EXPECT(system_folder(got, sizeof got, kinds[i].kind));
        EXPECT_STR(got, expected);
        setenv(kinds[i].variable, "C:/elsewhere", 1);
        EXPECT(system_folder(got, sizeof got, kinds[i].kind));
        EXPECT_STR(got, "C:/elsewhere");
        unsetenv(kinds[i].variable);
    }
    EXPECT_EQ(WKV("chat", "--session", "empty", "-q"), 0);
    snprintf(got, sizeof got, "%s/wkv/store/wkv.db", local);
    EXPECT(entry_is_file(got));
    FILE *f = fopen(in_folder("long.txt"), "w"); /* long enough for the cache */
    for (int i = 0; i < 1200; i++) fprintf(f, "%d ", i);
    fclose(f);
    EXPECT_EQ(WKV("generate", "-f", in_folder("long.txt"), "-n", "1"), 0);
    snprintf(got, sizeof got, "%s/cache/wkv/states", local);
    EXPECT(entry_is_folder(got));
}

/* ---- the console ------------------------------------------------------------------------------------------------- */

/* Type a text, with \r for the key of a line's end. */
static void type_keys(const wchar_t *text)
{
    INPUT_RECORD keys[256];
    DWORD n = 0, done;
    for (; *text; text++)
        for (int down = 1; down >= 0; down--)
            keys[n++] = (INPUT_RECORD){.EventType = KEY_EVENT,
                                       .Event.KeyEvent = {.bKeyDown = down,
                                                          .wRepeatCount = 1,
                                                          .wVirtualKeyCode = *text == '\r' ? VK_RETURN : 0,
                                                          .uChar.UnicodeChar = *text}};
    EXPECT(WriteConsoleInputW((HANDLE)_get_osfhandle(0), keys, n, &done) && done == n);
}

static void typed_text_is_read_as_utf8(void)
{
    char *line = NULL;
    size_t capacity = 0;
    EXPECT(freopen("CONIN$", "r+", stdin) != NULL);
    EXPECT(terminal_is(0));
    type_keys(L"你好 café 😀\rnext\r");
    EXPECT(terminal_waits(1000));
    EXPECT_EQ(terminal_line(&line, &capacity), strlen("你好 café 😀\n"));
    EXPECT_STR(line, "你好 café 😀\n");
    EXPECT_EQ(terminal_line(&line, &capacity), 5);
    EXPECT_STR(line, "next\n");
    free(line);
}

/* Read back from the screen, whose code page is not that of UTF-8 before and after the program. */
static void text_is_shown_as_utf8(void)
{
    enum { CELLS = 8000 };
    static wchar_t screen[CELLS + 1];
    char command[256];
    DWORD n;
    const UINT before = GetConsoleOutputCP();
    write_file(in_folder("shown.txt"), "naïve café");
    snprintf(command, sizeof command, "wkv.exe generate -f %s -n 1 -q >CON", in_folder("shown.txt"));
    EXPECT_EQ(_spawnlp(_P_WAIT, "cmd", "cmd", "/c", command, NULL), 0);
    HANDLE h = CreateFileW(L"CONOUT$", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                           OPEN_EXISTING, 0, NULL);
    EXPECT(ReadConsoleOutputCharacterW(h, screen, CELLS, (COORD){0, 0}, &n));
    EXPECT(wcsstr(screen, L"naïve café") != NULL);
    CloseHandle(h);
    EXPECT(before != CP_UTF8);
    EXPECT_EQ(GetConsoleOutputCP(), before);
}

/* /quit is typed after the answer: lines that come at once are one question. */
static void a_chat_at_the_console(void)
{
    int status;
    local_folder();
    const intptr_t chat = _spawnlp(_P_NOWAIT, "cmd", "cmd", "/c", "wkv.exe chat --session typed -n 4 >NUL", NULL);
    type_keys(L"你叫什么名字？\r");
    for (int i = 0; i < 100 && !strstr(out, "你叫什么名字？"); i++) {
        Sleep(100);
        WKV("session", "show", "typed", "-q");
    }
    EXPECT_HAS(out, "你叫什么名字？");
    type_keys(L"/quit\r");
    EXPECT(_cwait(&status, chat, 0) == chat && !status);
}

/* It ends as on other systems: with its files whole, and the exit status 130. */
static void ctrl_c_ends_a_training(void)
{
    const char *run = in_folder("run"), *text = in_folder("text.txt");
    entry_info log = {0};
    child c;
    FILE *f = fopen(text, "w");
    for (int i = 0; i < 500; i++) fprintf(f, "The old man of the sea told a story %d.\n", i * i);
    fclose(f);
    const char *const argv[] = {process_program(), "train", "-d", text,       "--vocab", "bytes", "-L", "1", "-C", "16",
                                "--head-size",     "16",    "-n", "10000000", "-q",      "-o",    run,  NULL};
    if (child_start(&c, argv, 1, 1)) FAILED("no child");
    snprintf(out, sizeof out, "%s/train.jsonl", run);
    for (int i = 0; i < 600 && !log.bytes; i++) {
        Sleep(50);
        if (entry_read(&log, out)) log.bytes = 0;
    }
    EXPECT(log.bytes > 0);
    process_ask_to_end(&c);
    out[fread(out, 1, sizeof out - 1, c.output)] = 0;
    EXPECT_EQ(process_wait(&c), 130);
    EXPECT_HAS(out, "final.safetensors");
    EXPECT_EQ(part_files(run), 0);
    snprintf(out, sizeof out, "%s/final.safetensors", run);
    EXPECT_EQ(WKV("generate", "-m", strdup(out), "-n", "5", "The"), 0);
}

int main(void)
{
    folder_begin("windows");
    RUN(long_paths_have_the_prefix);
    RUN(a_model_at_a_long_chinese_path);
    RUN(arguments_arrive_as_they_are);
    RUN(the_folders_of_the_user);
    RUN(typed_text_is_read_as_utf8);
    RUN(text_is_shown_as_utf8);
    RUN(a_chat_at_the_console);
    RUN(ctrl_c_ends_a_training);
    folder_end();
    return DONE();
}
