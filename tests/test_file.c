/* test_file.c - files are written so that nothing is lost: links, modes, part files, long names; only regular files
 * are read. */
#include "base/error.h"
#include "base/file.h"
#include "folder.h"
#include "test.h"
#include "wkv_file.h"
#include <dirent.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void expect_text(const char *path, const char *text)
{
    char *found;
    size_t n;
    if (file_slurp(&found, &n, path)) {
        FAILED("%s", wkv_error());
        return;
    }
    EXPECT_STR(found, text);
    free(found);
}

static mode_t mode_of(const char *path)
{
    struct stat about;
    return lstat(path, &about) ? 0 : about.st_mode & 07777;
}

static int is_link(const char *path)
{
    struct stat about;
    return !lstat(path, &about) && S_ISLNK(about.st_mode);
}

/* Part files in the folder. */
static int parts(void)
{
    int n = 0;
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) n += strstr(e->d_name, ".part-") != NULL;
    if (d) closedir(d);
    return n;
}

static void links_are_followed(void)
{
    folder_create(in_folder("other"), 0777);
    write_file(in_folder("other/target"), "old");
    EXPECT_EQ(symlink("other/target", in_folder("link")), 0);
    EXPECT_EQ(symlink("link", in_folder("link2")), 0);
    EXPECT_EQ(file_write(in_folder("link2"), "new", 3), 0);
    EXPECT(is_link(in_folder("link")) && is_link(in_folder("link2")));
    expect_text(in_folder("other/target"), "new");

    EXPECT_EQ(symlink("other/absent", in_folder("dangling")), 0);
    EXPECT_EQ(file_write(in_folder("dangling"), "made", 4), 0);
    EXPECT(is_link(in_folder("dangling")));
    expect_text(in_folder("other/absent"), "made");

    EXPECT_EQ(symlink("round", in_folder("round")), 0);
    EXPECT_EQ(file_write(in_folder("round"), "x", 1), WKV_EIO);
    EXPECT_HAS(wkv_error(), "round: cannot be written: ");
    EXPECT_EQ(file_write(in_folder("other"), "x", 1), WKV_EIO);
    EXPECT_HAS(wkv_error(), "it is a directory");
    EXPECT_EQ(file_write("", "x", 1), WKV_EIO);
}

static void modes_are_kept(void)
{
    const char *path = in_folder("secret");
    file_out o;
    write_file(path, "old");
    chmod(path, 0600);
    EXPECT_EQ(file_create(&o, path, FILE_REGULAR), 0);
    EXPECT_EQ(mode_of(o.part), 0600);
    EXPECT_EQ(file_put(&o, "new", 3), 0);
    expect_text(path, "old");
    EXPECT_EQ(file_commit(&o), 0);
    expect_text(path, "new");
    EXPECT_EQ(mode_of(path), 0600);
    chmod(path, 0444);
    EXPECT_EQ(file_write(path, "again", 5), 0);
    EXPECT_EQ(mode_of(path), 0444);
    mode_t mask = umask(027);
    EXPECT_EQ(file_write(in_folder("fresh"), "x", 1), 0);
    umask(mask);
    EXPECT_EQ(mode_of(in_folder("fresh")), 0640);
}

static void streams_are_written_as_they_are(void)
{
    const char *fifo = in_folder("fifo");
    char got[8] = "";
    file_out o;
    EXPECT_EQ(mkfifo(fifo, 0600), 0);
    EXPECT_EQ(file_create(&o, fifo, FILE_REGULAR), WKV_EARG); /* no process reads it, and opening must not wait */
    EXPECT_HAS(wkv_error(), "fifo: is a FIFO, and the output is read back");
    pid_t child = fork();
    if (!child) _exit(file_write(fifo, "abc", 3) != 0);
    FILE *f = fopen(fifo, "r");
    EXPECT(fread(got, 1, 7, f) == 3);
    fclose(f);
    int status;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    EXPECT_STR(got, "abc");
    struct stat about;
    EXPECT(!stat(fifo, &about) && S_ISFIFO(about.st_mode));
    EXPECT_EQ(file_write("/dev/null", "abc", 3), 0);
    EXPECT(!stat("/dev/null", &about) && S_ISCHR(about.st_mode));
}

static void only_regular_files_are_read(void)
{
    char *text;
    size_t n;
    file_map map;
    FILE *f;
    const char *fifo = in_folder("fifo"); /* without a writer: opening it would wait */
    EXPECT_EQ(file_open(&map, fifo), WKV_EIO);
    EXPECT_HAS(wkv_error(), "fifo: is a FIFO, expected a regular file");
    EXPECT_EQ(file_load(&map, fifo), WKV_EIO);
    EXPECT_EQ(file_slurp(&text, &n, fifo), WKV_EIO);
    EXPECT_EQ(file_stream(&f, fifo), WKV_EIO);
    EXPECT_EQ(file_log(&f, fifo), WKV_EIO);
    EXPECT_EQ(file_slurp(&text, &n, "/dev/zero"), WKV_EIO);
    EXPECT_HAS(wkv_error(), "/dev/zero: is a device, expected a regular file");
    EXPECT_EQ(file_slurp(&text, &n, folder), WKV_EIO);
    EXPECT_HAS(wkv_error(), "is a directory, expected a file");
}

/* A file larger than the available memory is refused before any is allocated, with both sizes. */
static void sizes_are_compared_with_memory(void)
{
    char *text;
    size_t n;
    file_map map;
    const char *path = in_folder("sparse");
    write_file(path, "x");
    if (truncate(path, (off_t)1 << 42)) SKIP("no sparse files of 4 TB here");
    EXPECT_EQ(file_slurp(&text, &n, path), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "sparse: has 4398046511104 bytes, and ");
    EXPECT_HAS(wkv_error(), "bytes of memory are free");
    EXPECT_EQ(file_load(&map, path), WKV_ENOMEM);
    EXPECT_HAS(wkv_error(), "sparse: has 4398046511104 bytes, and ");
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

static void dead_part_files_are_removed(void)
{
    static const char *const mine[] = {
        "a",         "a.part-",    "a.part-x1",      "a.part-1.txt", "a.part-12345678901",
        "ab.part-2", "a.part-2-3", "b.part-final.md"};
    char path[160];
    file_out o;
    snprintf(path, sizeof path, "%s", in_folder("a")); /* answers of in_folder do not stay */
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++) write_file(in_folder(mine[i]), "mine");
    write_file(in_folder("a.part-1"), "dead"); /* the process lives, but it does not write this */
    write_file(in_folder("a.part-999999"), "dead");
    symlink("a", in_folder("a.part-7"));
    folder_create(in_folder("a.part-8"), 0777);

    /* another process at work on the same path */
    int ready[2], done[2];
    char byte = 0;
    EXPECT(!pipe(ready) && !pipe(done));
    pid_t child = fork();
    if (!child) {
        file_out other;
        int e = file_create(&other, path, FILE_ANY);
        if (write(ready[1], "x", 1) != 1 || read(done[0], &byte, 1) != 1) e = 1;
        _exit(e || file_put(&other, "theirs", 6) || file_commit(&other));
    }
    EXPECT(read(ready[0], &byte, 1) == 1);
    EXPECT_EQ(file_write(path, "ours", 4), 0);
    char part[32];
    snprintf(part, sizeof part, "a.part-%d", (int)child);
    EXPECT(!access(in_folder(part), F_OK));
    EXPECT(access(in_folder("a.part-1"), F_OK) && access(in_folder("a.part-999999"), F_OK));
    expect_text(path, "ours");
    EXPECT(write(done[1], "x", 1) == 1);
    int status;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    expect_text(path, "theirs");
    for (size_t i = 1; i < sizeof mine / sizeof *mine; i++) expect_text(in_folder(mine[i]), "mine");
    EXPECT(is_link(in_folder("a.part-7")));
    EXPECT(!access(in_folder("a.part-8"), F_OK));

    /* the same path twice in one process */
    EXPECT_EQ(file_create(&o, path, FILE_ANY), 0);
    EXPECT_EQ(file_write(path, "twice", 5), WKV_EIO);
    EXPECT_HAS(wkv_error(), "another process is writing it");
    file_abandon(&o);
    EXPECT_EQ(file_write(path, "twice", 5), 0);

    /* one of this process's own number, left by an earlier process */
    snprintf(part, sizeof part, "a.part-%d", (int)getpid());
    write_file(in_folder(part), "dead");
    EXPECT_EQ(file_write(path, "thrice", 6), 0);
    expect_text(path, "thrice");
    EXPECT(access(in_folder(part), F_OK) != 0);
    for (size_t i = 1; i < sizeof mine / sizeof *mine; i++) remove(in_folder(mine[i]));
    remove(in_folder("a.part-7"));
    rmdir(in_folder("a.part-8"));
    EXPECT_EQ(parts(), 0);
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
    EXPECT_EQ(parts(), 0);
}

static void identity(void)
{
    file_map map;
    write_file(in_folder("one"), "1");
    write_file(in_folder("two"), "1");
    EXPECT_EQ(link(in_folder("one"), in_folder("hard")), 0);
    EXPECT_EQ(symlink("one", in_folder("soft")), 0);
    EXPECT_EQ(file_open(&map, in_folder("soft")), 0);
    EXPECT(file_is(in_folder("hard"), map.id) && !file_is(in_folder("two"), map.id) &&
           !file_is(in_folder("absent"), map.id));
    file_close(&map);
    EXPECT(wkv_file_same(in_folder("hard"), in_folder("soft")) && !wkv_file_same(in_folder("one"), in_folder("two")));
    EXPECT_EQ(wkv_file_refuse_input(in_folder("hard"), in_folder("soft"), "the text"), WKV_EARG);
    EXPECT_HAS(wkv_error(), "hard: is an input, the text ");
    EXPECT_HAS(wkv_error(), "write to another path");
    EXPECT_EQ(wkv_file_refuse_input(in_folder("two"), in_folder("soft"), "the text"), 0);
    EXPECT_EQ(wkv_file_refuse_input(in_folder("two"), NULL, "the text"), 0);
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

int main(void)
{
    folder_begin("file");
    RUN(links_are_followed);
    RUN(modes_are_kept);
    RUN(streams_are_written_as_they_are);
    RUN(only_regular_files_are_read);
    RUN(sizes_are_compared_with_memory);
    RUN(loaded_files_are_copies);
    RUN(dead_part_files_are_removed);
    RUN(long_names);
    RUN(identity);
    RUN(public_files);
    folder_end();
    return DONE();
}
