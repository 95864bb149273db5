/* test_doctor.c - the checks of wkv doctor on folders that stand for a machine's /proc and /sys, and the command itself
 * once. The test does not depend on the machine that runs it. */
#include "cli/machine.c"
#include "cli/say.c"
#include "folder.h"
#include "test.h"
#include <stdlib.h>

static findings f;

/* A file of the machine; its folders are made. */
static void put_file(const char *path, const char *text)
{
    char name[512];
    int n = snprintf(name, sizeof name, "%s%s", folder, path);
    for (int i = (int)strlen(folder) + 1; i < n; i++) {
        if (name[i] != '/') continue;
        name[i] = 0;
        folder_create(name, 0700);
        name[i] = '/';
    }
    FILE *file = fopen(name, "w");
    if (!file) {
        FAILED("%s cannot be written", name);
        return;
    }
    fputs(text, file);
    fclose(file);
}

static void begin_machine(void)
{
    f = (findings){0};
    if (*folder) folder_end();
    folder_begin("doctor");
}

/* Exactly one finding, with this id and with these words in its sentence and its remedy. */
static void expect(const char *id, const char *found, const char *remedy)
{
    EXPECT_EQ(f.n, 1);
    EXPECT_STR(f.at[0].id, id);
    EXPECT_HAS(f.at[0].found, found);
    EXPECT_HAS(f.at[0].remedy, remedy);
    f.n = 0;
}

static processor two_cpus(const char *first, const char *second, const char *allowed)
{
    processor p;
    put_file("/sys/devices/system/cpu/online", "0-1\n");
    put_file("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list", first);
    put_file("/sys/devices/system/cpu/cpu1/topology/thread_siblings_list", second);
    put_file("/proc/self/status", allowed);
    put_file("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 fma f16c\n");
    read_processor(&p, folder);
    return p;
}

static void topology(void)
{
    begin_machine();
    processor p = two_cpus("0-1\n", "0-1\n", "Name:\tx\nCpus_allowed_list:\t0-1\n");
    EXPECT_STR(p.model, "Some CPU");
    EXPECT_EQ(p.cpus, 2);
    EXPECT_EQ(p.cores, 1);
    check_affinity(&f, &p);
    EXPECT_EQ(f.n, 0);
    check_smt(&f, &p);
    expect("smt", "2 CPUs are threads of one core", "dedicated cores");
    p = two_cpus("0\n", "1\n", "Cpus_allowed_list:\t0-1\n");
    EXPECT_EQ(p.cores, 2);
    check_smt(&f, &p);
    check_affinity(&f, &p);
    EXPECT_EQ(f.n, 0);
    p = two_cpus("0\n", "1\n", "Cpus_allowed_list:\t1\n");
    check_smt(&f, &p);
    check_affinity(&f, &p);
    expect("affinity", "1 of 2 cores", "taskset");
    char list[MOST_CPUS];
    EXPECT_EQ(parse_list("0-3,8,10-11", (unsigned char *)list), 7);
    EXPECT_EQ(parse_list("", (unsigned char *)list), 0);
    EXPECT_EQ(parse_list("3-", (unsigned char *)list), 0);
    EXPECT_EQ(parse_list("5,99999999", (unsigned char *)list), 1);
}

static void nothing_known(void)
{
    begin_machine();
    processor p;
    cpu_times t;
    memory_use m;
    read_processor(&p, folder);
    read_times(&t, folder);
    read_memory(&m, folder);
    check_smt(&f, &p);
    check_affinity(&f, &p);
    check_quota(&f, folder, &p);
    check_governor(&f, folder);
    check_isa(&f, folder, "avx2", "AVX2", NULL);
    EXPECT(check_busy(&f, folder, &t, &t, &p) == 0);
    check_swap(&f, &m);
    check_pages(&f, folder);
    check_disk(&f, folder, "x.pth", 0xef53, 8, 1);
    check_build(&f, 1, NULL);
    EXPECT_EQ(f.n, 0);
}

static void quotas(void)
{
    begin_machine();
    processor p = two_cpus("0\n", "1\n", "Cpus_allowed_list:\t0-1\n");
    put_file("/proc/self/cgroup", "0::/a/b\n");
    put_file("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
    check_quota(&f, folder, &p);
    EXPECT_EQ(f.n, 0);
    put_file("/sys/fs/cgroup/a/cpu.max", "150000 100000\n"); /* the group above */
    check_quota(&f, folder, &p);
    expect("quota", "1.5 CPUs of time for 2 cores", "-t 1");
    put_file("/sys/fs/cgroup/a/cpu.max", "400000 100000\n");
    check_quota(&f, folder, &p);
    EXPECT_EQ(f.n, 0);
    put_file("/proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/docker/1\n");
    put_file("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us", "50000\n");
    put_file("/sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us", "100000\n");
    check_quota(&f, folder, &p);
    expect("quota", "0.5 CPUs", "-t 1");
}

static void clocks(void)
{
    begin_machine();
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n");
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "acpi-cpufreq\n");
    check_governor(&f, folder);
    expect("governor", "powersave", "cpupower");
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "intel_pstate\n"); /* its normal way */
    check_governor(&f, folder);
    EXPECT_EQ(f.n, 0);
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference", "power\n");
    check_governor(&f, folder);
    expect("preference", "power", "balanced");
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/energy_performance_preference", "balance_performance\n");
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "1200000\n");
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "4800000\n");
    check_governor(&f, folder);
    expect("clock", "1.20 GHz; the processor reaches 4.80", "4800MHz");
    put_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "4800000\n");
    put_file("/sys/firmware/acpi/platform_profile", "low-power\n");
    check_governor(&f, folder);
    expect("profile", "low-power", "balanced");
}

static void instruction_sets(void)
{
    begin_machine();
    put_file("/proc/cpuinfo", "flags : fpu avx2 fma f16c avx512f avx512dq avx512bw avx512vl avx512_vnni amx_int8\n");
    EXPECT(has_flag(folder, "amx_int8") && has_flag(folder, "fpu") && !has_flag(folder, "amx") &&
           !has_flag(folder, "int8"));
    check_isa(&f, folder, "avx512", "AVX-512 VNNI", NULL);
    EXPECT_EQ(f.n, 0);
    check_isa(&f, folder, "avx2", "AVX2", "avx2");
    expect("forced", "WKV_ISA=avx2", "unset WKV_ISA");
    check_isa(&f, folder, "avx2", "AVX2", NULL);
    expect("isa", "the processor has avx512", "build wkv again");
    check_isa(&f, folder, "avx512", "AVX-512", NULL);
    expect("vnni", "VNNI", "GCC 11");
    put_file("/proc/cpuinfo", "flags : fpu sse2\n");
    check_isa(&f, folder, "portable", "portable C", NULL);
    expect("simd", "no AVX2", "-cpu host");
    put_file("/proc/cpuinfo", "Features\t: fp asimd\n");
    check_isa(&f, folder, "neon", "NEON", "");
    EXPECT_EQ(f.n, 0);
}

static void others(void)
{
    begin_machine();
    processor p = {.cpus = 4};
    cpu_times before, after;
    put_file("/proc/stat", "cpu  1000 0 0 9000 0 0 0 0 0 0\ncpu0 1 2 3\n");
    read_times(&before, folder);
    put_file("/proc/stat", "cpu  1090 5 5 9100 0 0 0 0 0 0\n");
    put_file("/proc/loadavg", "3.21 2.00 1.00 1/100 42\n");
    read_times(&after, folder);
    EXPECT_NEAR(check_busy(&f, folder, &before, &after, &p), 0.5, 1e-9);
    expect("busy", "2.0 of 4 CPUs (load average 3.21)", "top");
    put_file("/proc/stat", "cpu  1000 0 0 9170 0 0 0 30 0 0\n");
    read_times(&after, folder);
    check_busy(&f, folder, &before, &after, &p);
    expect("steal", "15 %", "dedicated");
    put_file("/proc/stat", "cpu  1010 0 0 9190 0 0 0 0 0 0\n");
    read_times(&after, folder);
    check_busy(&f, folder, &before, &after, &p);
    EXPECT_EQ(f.n, 0);
}

static void memory(void)
{
    begin_machine();
    memory_use m;
    put_file("/proc/meminfo", "MemTotal:  8000000 kB\nSwapTotal: 2000000 kB\nSwapFree: 1500000 kB\n");
    read_memory(&m, folder);
    EXPECT(m.total == 8192000000.0 && m.swap_used == 512000000.0);
    check_swap(&f, &m);
    expect("swap", "512 MB are swapped out", "--type q8");
    m.swap_used = 1e6;
    check_swap(&f, &m);
    EXPECT_EQ(f.n, 0);
    check_memory(&f, 3e9, 4e9);
    EXPECT_EQ(f.n, 0);
    check_memory(&f, 14.4e9, 4e9);
    expect("memory", "the weights take 14.4 GB, and 4.00 GB", "wkv convert");
    put_file("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
    check_pages(&f, folder);
    EXPECT_EQ(f.n, 0);
    put_file("/sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n");
    check_pages(&f, folder);
    expect("pages", "huge pages are off", "madvise");
}

static void disks(void)
{
    begin_machine();
    check_disk(&f, folder, "/mnt/x.pth", 0x6969, 0, 50);
    expect("network", "/mnt/x.pth is on a NFS", "local disk");
    check_disk(&f, folder, "x.pth", (unsigned long)(int32_t)0xff534d42, 0, 50);
    expect("network", "SMB", "local disk");
    put_file("/proc/cpuinfo", "flags : fpu\n");
    put_file("/sys/dev/block/8:0/queue/rotational", "1\n");
    check_disk(&f, folder, "x.pth", 0xef53, 8, 0);
    expect("disk", "hard disk", "SSD");
    put_file("/sys/dev/block/8:1/partition", "1\n"); /* a partition has its disk's queue above it */
    put_file("/sys/dev/block/queue/rotational", "1\n");
    check_disk(&f, folder, "x.pth", 0xef53, 8, 1);
    expect("disk", "hard disk", "SSD");
    put_file("/proc/cpuinfo", "flags : fpu hypervisor\n");
    check_disk(&f, folder, "x.pth", 0xef53, 8, 0);
    EXPECT_EQ(f.n, 0);
}

static void measured(void)
{
    f.n = 0;
    check_limits(&f, "avx2", 4, 40e9, 300e9, 90e9);
    EXPECT_EQ(f.n, 0);
    check_limits(&f, "avx2", 4, 5e9, 300e9, 90e9);
    expect("bandwidth", "5.0 GB/s", "memory channels");
    check_limits(&f, "avx512", 4, 40e9, 80e9, 20e9);
    expect("arithmetic", "20 GFLOP/s with avx512", "temperature");
    check_limits(&f, "avx2", 2, 40e9, 105e9, 100e9);
    expect("scaling", "2 threads are 1.05 times", "dedicated cores");
    check_build(&f, 0, NULL);
    expect("build", "without optimization", "make");
    check_build(&f, 1, "AddressSanitizer");
    expect("sanitizer", "AddressSanitizer", "make");
    for (int i = 0; i < 2 * FINDINGS; i++) check_build(&f, 0, NULL);
    EXPECT_EQ(f.n, FINDINGS);
}

static void the_command(void)
{
#ifdef _WIN32
    SKIP("its command is of a shell of POSIX");
#endif
    char line[512], *all = calloc(1, 1 << 16);
    const char *program = getenv("WKV");
    snprintf(line, sizeof line, "'%s' doctor --json -m '%s/golden/models/v7-n32-f16.pth'", program ? program : "./wkv",
             TEST_DIR);
    FILE *out = popen(line, "r");
    size_t n = out && all ? fread(all, 1, (1 << 16) - 1, out) : 0;
    EXPECT(n > 0);
    EXPECT(out && pclose(out) == 0);
    for (const char *const *key =
             (const char *const[]){"isa", "bandwidth_gbs", "fma_gflops", "findings", "weight_bytes", NULL};
         *key; key++)
        EXPECT_HAS(all, *key);
    free(all);
}

int main(void)
{
    RUN(topology);
    RUN(nothing_known);
    RUN(quotas);
    RUN(clocks);
    RUN(instruction_sets);
    RUN(others);
    RUN(memory);
    RUN(disks);
    RUN(measured);
    RUN(the_command);
    folder_end();
    return DONE();
}
