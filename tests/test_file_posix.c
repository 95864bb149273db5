/* test_file_posix.c - files of POSIX: links are followed, modes are kept, FIFOs and devices are written as they are, and
 * only regular files are read. */
#include "base/file.h"
#include "folder.h"
#include "same.h"
#include "test.h"
#include "wkv_file.h"
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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

int main(void)
{
    folder_begin("file-posix");
    RUN(links_are_followed);
    RUN(modes_are_kept);
    RUN(streams_are_written_as_they_are);
    RUN(only_regular_files_are_read);
    RUN(identity);
    folder_end();
    return DONE();
}
