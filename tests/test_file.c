/* test_file.c - files are written so that nothing is lost: part files, several processes, long names; and large ones are
 * not read into too little memory. */
#include "base/file.h"
#include "folder.h"
#include "process.h"
#include "same.h"
#include "test.h"
#include "wkv_file.h"
#include <unistd.h>

/* A file larger than the available memory is refused before any is allocated, with both sizes; one that 32 bits cannot
 * address, for that. */
static void sizes_are_compared_with_memory(void)
{
    const int addressed = sizeof(size_t) > 4, code = addressed ? WKV_ENOMEM : WKV_EUNSUPPORTED;
    const char *sizes = addressed ? "sparse: has 4398046511104 bytes, and " : "sparse: has 4398046511104 bytes, more than";
    char *text;
    size_t n;
    file_map map;
    const char *path = in_folder("sparse");
    write_file(path, "x");
    if (truncate(path, (off_t)1 << 42)) SKIP("no sparse files of 4 TB here");
    EXPECT_EQ(file_slurp(&text, &n, path), code);
    EXPECT_HAS(wkv_error(), sizes);
    EXPECT_HAS(wkv_error(), addressed ? "bytes of memory are free" : "32-bit processors");
    EXPECT_EQ(file_load(&map, path), code);
    EXPECT_HAS(wkv_error(), sizes);
    remove(path);
}

static void loaded_files_are_copies(void)
{
    file_map map;
    write_file(in_folder("copied"), "abc");
    EXPECT_EQ(file_load(&map, in_folder("copied")), 0);
    EXPECT_EQ(truncate(in_folder("copied"), 0), 0);
    file_expect(&map, SMALL_READS);
    file_forget(&map, map.data, map.size);
    EXPECT(map.size == 3 && !memcmp(map.data, "abc", 3));
    file_close(&map);
    EXPECT_EQ(file_load(&map, in_folder("copied")), 0);
    EXPECT(!map.data && !map.size);
    file_close(&map);
}

/* The test as another process at work on the path: it prints its number, and ends its file when the file `go` is there. */
static int write_theirs(const char *path, const char *go)
{
    file_out o;
    const int failed = file_create(&o, path, FILE_ANY);
    printf("%ld\n", system_process());
    fflush(stdout);
    while (!entry_exists(go)) system_sleep(0.01);
    return failed || file_put(&o, "theirs", 6) || file_commit(&o);
}

static void dead_part_files_are_removed(void)
{
    static const char *const mine[] = {
        "a",         "a.part-",    "a.part-x1",      "a.part-1.txt", "a.part-12345678901",
        "ab.part-2", "a.part-2-3", "b.part-final.md"};
    char path[160], go[160], part[32];
    file_out o;
    entry_info about;
    snprintf(path, sizeof path, "%s", in_folder("a")); /* answers of in_folder do not stay */
    snprintf(go, sizeof go, "%s", in_folder("go"));
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) write_file(in_folder(mine[i]), "mine");
    write_file(in_folder("a.part-1"), "dead"); /* the process lives, but it does not write this */
    write_file(in_folder("a.part-999999"), "dead");
    const int linked = !symlink("a", in_folder("a.part-7"));
    folder_create(in_folder("a.part-8"), 0777);

    child other;
    long number = 0;
    EXPECT_EQ(process_again(&other, (const char *const[]){path, go, NULL}), 0);
    EXPECT_EQ(fscanf(other.output, "%ld", &number), 1);
    EXPECT_EQ(file_write(path, "ours", 4), 0);
    snprintf(part, sizeof part, "a.part-%ld", number);
    EXPECT(!access(in_folder(part), F_OK));
    EXPECT(access(in_folder("a.part-1"), F_OK) && access(in_folder("a.part-999999"), F_OK));
    expect_text(path, "ours");
    write_file(go, "");
    EXPECT_EQ(process_wait(&other), 0);
    expect_text(path, "theirs");
    for (size_t i = 1; i < sizeof mine / sizeof *mine; i++) expect_text(in_folder(mine[i]), "mine");
    if (linked) EXPECT(!entry_read_link(&about, in_folder("a.part-7")) && about.kind == ENTRY_LINK);
    EXPECT(!access(in_folder("a.part-8"), F_OK));

    /* the same path twice in one process */
    EXPECT_EQ(file_create(&o, path, FILE_ANY), 0);
    EXPECT_EQ(file_write(path, "twice", 5), WKV_EIO);
    EXPECT_HAS(wkv_error(), "another process is writing it");
    file_abandon(&o);
    EXPECT_EQ(file_write(path, "twice", 5), 0);

    /* one of this process's own number, left by an earlier process */
    snprintf(part, sizeof part, "a.part-%ld", system_process());
    write_file(in_folder(part), "dead");
    EXPECT_EQ(file_write(path, "thrice", 6), 0);
    expect_text(path, "thrice");
    EXPECT(access(in_folder(part), F_OK) != 0);
    for (size_t i = 1; i < sizeof mine / sizeof *mine; i++) remove(in_folder(mine[i]));
    remove(in_folder("a.part-7"));
    folder_remove(in_folder("a.part-8"));
    EXPECT_EQ(part_files(folder), 0);
}

static void long_names(void)
{
    char name[256], path[512];
    for (int n = 230; n <= 255; n += 25) {
        memset(name, 'n', sizeof name);
        name[n] = 0;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        EXPECT_EQ(file_write(path, "old", 3), 0);
        file_out o;
        EXPECT_EQ(file_create(&o, path, FILE_ANY), 0);
        char left[512];
        snprintf(left, sizeof left, "%.*s999999", (int)(strrchr(o.part, '-') + 1 - o.part), o.part);
        write_file(left, "dead");
        file_abandon(&o);
        EXPECT_EQ(file_write(path, "new", 3), 0);
        expect_text(path, "new");
        EXPECT(access(left, F_OK) != 0);
    }
    EXPECT_EQ(part_files(folder), 0);
}

static void public_files(void)
{
    wkv_file *f;
    const char *path = in_folder("public");
    EXPECT_EQ(wkv_file_create(&f, path), 0);
    EXPECT_EQ(wkv_file_put(f, "abc", 3), 0);
    EXPECT(access(path, F_OK) != 0);
    EXPECT_EQ(wkv_file_commit(f), 0);
    expect_text(path, "abc");
    EXPECT_EQ(wkv_file_create(&f, path), 0);
    wkv_file_abandon(f);
    expect_text(path, "abc");
    wkv_file_abandon(NULL);
    EXPECT_EQ(wkv_file_create(&f, in_folder("no/such")), WKV_EIO);
    EXPECT(!f);
    EXPECT_EQ(wkv_file_create(NULL, path), WKV_EARG);
    EXPECT_EQ(wkv_file_create(&f, NULL), WKV_EARG);
    EXPECT_EQ(wkv_file_commit(NULL), WKV_EARG);
}

int main(int n, char **words)
{
    if (n > 2) return write_theirs(words[1], words[2]);
    folder_begin("file");
    RUN(sizes_are_compared_with_memory);
    RUN(loaded_files_are_copies);
    RUN(dead_part_files_are_removed);
    RUN(long_names);
    RUN(public_files);
    folder_end();
    return DONE();
}
