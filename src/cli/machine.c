/* machine.c - causes of slow computing, detected from /proc and /sys. */
#include "machine.h"
#include "say.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 4096, MOST_CPUS = 4096 };

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* The first line of a file below root, without its newline. Returns 0 when there is none. */
static int line_of(char out[ROOM], const char *root, const char *fmt, ...)
{
    char path[ROOM];
    int n = snprintf(path, sizeof path, "%s", root);
    va_list args;
    va_start(args, fmt);
    n += vsnprintf(path + n, sizeof path - (size_t)n, fmt, args);
    va_end(args);
    *out = 0;
    FILE *file = n < ROOM ? fopen(path, "r") : NULL;
    int got = file && fgets(out, ROOM, file) != NULL;
    if (file) fclose(file);
    out[strcspn(out, "\n")] = 0;
    return got;
}

/* The value of the first line "key : value" in a file. */
static int value_of(char out[ROOM], const char *root, const char *name, const char *key)
{
    char path[ROOM], line[ROOM];
    snprintf(path, sizeof path, "%s%s", root, name);
    FILE *file = fopen(path, "r");
    int got = 0;
    size_t n = strlen(key);
    *out = 0;
    while (file && !got && fgets(line, sizeof line, file)) {
        size_t blank = strspn(line + (strncmp(line, key, n) ? 0 : n), " \t");
        if (strncmp(line, key, n) || line[n + blank] != ':') continue;
        char *value = line + n + blank + 1;
        value += strspn(value, " \t");
        snprintf(out, ROOM, "%.*s", (int)strcspn(value, "\n"), value);
        got = 1;
    }
    if (file) fclose(file);
    return got;
}

static finding *add_finding(findings *f, const char *id)
{
    finding *one = &f->at[f->n < FINDINGS ? f->n++ : FINDINGS - 1];
    *one = (finding){.id = id};
    return one;
}

#define SAY(to, ...) snprintf(to, sizeof(to), __VA_ARGS__)

/* ---- processor --------------------------------------------------------------------------------------------------- */

/* Mark the CPUs of a list "0-3,8"; returns their number. */
static int parse_list(const char *text, unsigned char in[MOST_CPUS])
{
    int n = 0;
    memset(in, 0, MOST_CPUS);
    for (const char *at = text; *at;) {
        char *end;
        long from = strtol(at, &end, 10), to = from;
        if (end == at) break;
        if (*end == '-') {
            at = end + 1;
            to = strtol(at, &end, 10);
            if (end == at) break;
        }
        for (long c = from < 0 ? 0 : from; c <= to && c < MOST_CPUS; c++) n += !in[c], in[c] = 1;
        at = *end == ',' ? end + 1 : end;
        if (at == end) break;
    }
    return n;
}

void read_processor(processor *p, const char *root)
{
    static unsigned char online[MOST_CPUS], allowed[MOST_CPUS], core[MOST_CPUS], allowed_core[MOST_CPUS];
    char line[ROOM];
    *p = (processor){0};
    if (!value_of(line, root, "/proc/cpuinfo", "model name")) value_of(line, root, "/proc/cpuinfo", "Model");
    snprintf(p->model, sizeof p->model, "%.127s", line);
    p->cpus = line_of(line, root, "/sys/devices/system/cpu/online") ? parse_list(line, online) : 0;
    p->allowed = value_of(line, root, "/proc/self/status", "Cpus_allowed_list") ? parse_list(line, allowed) : 0;
    memset(core, 0, sizeof core);
    memset(allowed_core, 0, sizeof allowed_core);
    for (int c = 0; c < MOST_CPUS; c++) {
        if (!p->cpus || !online[c]) continue;
        int first =
            line_of(line, root, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", c) ? atoi(line) : c;
        if (first < 0 || first >= MOST_CPUS) continue;
        p->cores += !core[first];
        core[first] = 1;
        if (!p->allowed || !allowed[c]) continue;
        p->allowed_cores += !allowed_core[first];
        allowed_core[first] = 1;
    }
}

int has_flag(const char *root, const char *flag)
{
    char line[ROOM];
    if (!value_of(line, root, "/proc/cpuinfo", "flags") && !value_of(line, root, "/proc/cpuinfo", "Features")) return 0;
    size_t n = strlen(flag);
    for (const char *at = line; (at = strstr(at, flag)); at += n)
        if ((at == line || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return 1;
    return 0;
}

void check_smt(findings *f, const processor *p)
{
    if (p->allowed < 2 || p->allowed_cores != 1) return;
    finding *one = add_finding(f, "smt");
    SAY(one->found, "the %d CPUs are threads of one core, hardly faster together than one of them", p->allowed);
    SAY(one->remedy, "%s",
        p->cores > 1 ? "allow the process to use other cores (taskset, the container's cpuset)"
                     : "choose a machine with two cores, or a virtual one with dedicated cores");
}

void check_affinity(findings *f, const processor *p)
{
    if (!p->allowed || p->allowed_cores >= p->cores) return;
    finding *one = add_finding(f, "affinity");
    SAY(one->found, "this process may use %d of %d cores", p->allowed_cores, p->cores);
    SAY(one->remedy, "widen the mask: taskset, numactl, or the container's cpuset");
}

/* CPUs of a cgroup's quota, 0: none. */
static double quota_of(const char *root, const char *group)
{
    char line[ROOM], period[ROOM];
    double q, of;
    if (line_of(line, root, "/sys/fs/cgroup%s/cpu.max", group))
        return sscanf(line, "%lf %lf", &q, &of) == 2 && of > 0 ? q / of : 0;
    static const char *const v1[] = {"cpu", "cpu,cpuacct"};
    for (int i = 0; i < 2; i++)
        if (line_of(line, root, "/sys/fs/cgroup/%s%s/cpu.cfs_quota_us", v1[i], group) &&
            line_of(period, root, "/sys/fs/cgroup/%s%s/cpu.cfs_period_us", v1[i], group))
            return atof(line) > 0 && atof(period) > 0 ? atof(line) / atof(period) : 0;
    return 0;
}

void check_quota(findings *f, const char *root, const processor *p)
{
    char path[ROOM], line[ROOM], group[ROOM] = "";
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) { /* "0::/user.slice", or of version 1 "4:cpu,cpuacct:/docker/1a" */
        char *colon = strchr(line, ':'), *last = colon ? strchr(colon + 1, ':') : NULL;
        if (!last || !(last == colon + 1 || !strncmp(colon + 1, "cpu:", 4) || !strncmp(colon + 1, "cpu,", 4))) continue;
        snprintf(group, sizeof group, "%.*s", (int)strcspn(last + 1, "\n"), last + 1);
        if (last != colon + 1) break;
    }
    if (file) fclose(file);
    double least = 0;
    for (;;) { /* the quotas of parent groups apply too; the last is the root's */
        if (!strcmp(group, "/")) *group = 0;
        double q = quota_of(root, group);
        if (q > 0 && (!least || q < least)) least = q;
        char *slash = strrchr(group, '/');
        if (!slash) break;
        *slash = 0;
    }
    int cores = p->allowed_cores ? p->allowed_cores : p->cores;
    if (!least || least >= cores) return;
    finding *one = add_finding(f, "quota");
    SAY(one->found, "a container's quota gives %.2g CPUs of time for %d cores: threads are throttled beyond it", least,
        cores);
    SAY(one->remedy, "raise it (docker run --cpus, resources.limits.cpu), or use -t %d", least < 1 ? 1 : (int)least);
}

void check_governor(findings *f, const char *root)
{
    static const char cpu0[] = "/sys/devices/system/cpu/cpu0/cpufreq/";
    char line[ROOM], driver[ROOM], most[ROOM];
    line_of(driver, root, "%sscaling_driver", cpu0);
    if (line_of(line, root, "%sscaling_governor", cpu0) && !strcmp(line, "powersave") && !strstr(driver, "pstate")) {
        finding *one = add_finding(f, "governor"); /* the pstate drivers call their normal mode powersave */
        SAY(one->found, "the CPU frequency governor is powersave: the clock stays low");
        SAY(one->remedy, "cpupower frequency-set -g schedutil (or performance)");
    }
    if (line_of(line, root, "%senergy_performance_preference", cpu0) && !strcmp(line, "power")) {
        finding *one = add_finding(f, "preference");
        SAY(one->found, "the processor's energy preference is power: the clock rises slowly and little");
        SAY(one->remedy, "powerprofilesctl set balanced (or performance)");
    }
    if (line_of(line, root, "/sys/firmware/acpi/platform_profile") && strstr(line, "low-power")) {
        finding *one = add_finding(f, "profile");
        SAY(one->found, "the platform profile is low-power, as on battery");
        SAY(one->remedy, "powerprofilesctl set balanced (or performance); plug the charger in");
    }
    if (line_of(line, root, "%sscaling_max_freq", cpu0) && line_of(most, root, "%scpuinfo_max_freq", cpu0) &&
        atof(line) > 0 && atof(line) < 0.9 * atof(most)) {
        finding *one = add_finding(f, "clock");
        SAY(one->found, "the clock is limited to %.2f GHz; the processor reaches %.2f GHz", atof(line) * 1e-6,
            atof(most) * 1e-6);
        SAY(one->remedy, "cpupower frequency-set -u %.0fMHz", atof(most) * 1e-3);
    }
}

/* The best instruction set of simd.c that the processor's flags allow; NULL: unknown flags. */
static const char *best_isa(const char *root)
{
    if (has_flag(root, "avx512f") && has_flag(root, "avx512dq") && has_flag(root, "avx512bw") &&
        has_flag(root, "avx512vl"))
        return "avx512";
    if (has_flag(root, "avx2") && has_flag(root, "fma") && has_flag(root, "f16c")) return "avx2";
    if (has_flag(root, "asimd")) return "neon";
    return has_flag(root, "fpu") || has_flag(root, "fp") ? "portable" : NULL;
}

void check_isa(findings *f, const char *root, const char *chosen, const char *int8, const char *forced)
{
    const char *best = best_isa(root);
    if (!best) return;
    if (forced && *forced && strcmp(chosen, best)) {
        finding *one = add_finding(f, "forced");
        SAY(one->found, "WKV_ISA=%.40s makes wkv use %s; the processor has %s", forced, chosen, best);
        SAY(one->remedy, "unset WKV_ISA");
    } else if (strcmp(chosen, best)) {
        finding *one = add_finding(f, "isa");
        SAY(one->found, "wkv uses %s; the processor has %s", chosen, best);
        SAY(one->remedy, "build wkv again on this machine, with a newer compiler");
    } else if (!strcmp(best, "portable")) {
        finding *one = add_finding(f, "simd");
        SAY(one->found, "the processor reports no AVX2: kernels are portable C with 128-bit vectors");
        SAY(one->remedy, "in a virtual machine choose the CPU type of the host (qemu: -cpu host); otherwise none");
    }
    if (!strcmp(chosen, best) && !strstr(int8, "VNNI") &&
        (has_flag(root, "avx_vnni") || (!strcmp(best, "avx512") && has_flag(root, "avx512_vnni")))) {
        finding *one = add_finding(f, "vnni");
        SAY(one->found, "the processor has VNNI, but wkv's int8 kernels use %s: q8 prompts are slower", int8);
        SAY(one->remedy, "build wkv again with GCC 11, Clang 12 or newer");
    }
}

/* ---- other programs ---------------------------------------------------------------------------------------------- */

void read_times(cpu_times *t, const char *root)
{
    char line[ROOM];
    double user, nice, system, idle, wait, irq, soft, stolen = 0;
    *t = (cpu_times){0};
    if (!line_of(line, root, "/proc/stat")) return;
    if (sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &irq, &soft, &stolen) <
        7)
        return;
    t->busy = user + nice + system + irq + soft;
    t->stolen = stolen;
    t->all = t->busy + stolen + idle + wait;
}

double check_busy(findings *f, const char *root, const cpu_times *before, const cpu_times *after, const processor *p)
{
    double all = after->all - before->all;
    if (!before->all || all <= 0) return 0;
    double busy = (after->busy - before->busy) / all, stolen = (after->stolen - before->stolen) / all;
    char line[ROOM];
    if (busy > BUSY) {
        finding *one = add_finding(f, "busy");
        line_of(line, root, "/proc/loadavg");
        SAY(one->found, "other programs use %.1f of %d CPUs (load average %.*s), which lowers the measured figures",
            busy * p->cpus, p->cpus, *line ? (int)strcspn(line, " ") : 1, *line ? line : "?");
        SAY(one->remedy, "stop them (top lists them), or use fewer threads (-t)");
    }
    if (stolen > 0.05) {
        finding *one = add_finding(f, "steal");
        SAY(one->found, "the host gives %.0f %% of the CPU time to other virtual machines", 100 * stolen);
        SAY(one->remedy, "use another host, or a machine type with dedicated CPUs");
    }
    return busy;
}

/* ---- memory and disk --------------------------------------------------------------------------------------------- */

static double kilobytes(const char *root, const char *key)
{
    char line[ROOM];
    return value_of(line, root, "/proc/meminfo", key) ? 1024 * atof(line) : 0;
}

void read_memory(memory_use *m, const char *root)
{
    m->total = kilobytes(root, "MemTotal");
    m->swap_used = kilobytes(root, "SwapTotal") - kilobytes(root, "SwapFree");
}

void check_swap(findings *f, const memory_use *m)
{
    char used[16];
    if (m->swap_used < 64e6 || m->swap_used < 0.02 * m->total) return;
    finding *one = add_finding(f, "swap");
    SAY(one->found, "%s are swapped out: memory is short, and pages are read back from the disk",
        as_bytes(used, m->swap_used));
    SAY(one->remedy, "stop other programs, or use a smaller model or --type q8 or q4");
}

void check_memory(findings *f, double need, double available)
{
    char a[16], b[16];
    if (need <= available) return;
    finding *one = add_finding(f, "memory");
    SAY(one->found, "the weights take %s, and %s of memory are free: every token reads the rest from the disk",
        as_bytes(a, need), as_bytes(b, available));
    SAY(one->remedy, "wkv convert MODEL SMALL.gguf --type q8 or q4, or a smaller model (wkv pull)");
}

void check_pages(findings *f, const char *root)
{
    char line[ROOM];
    if (!line_of(line, root, "/sys/kernel/mm/transparent_hugepage/enabled") || !strstr(line, "[never]")) return;
    finding *one = add_finding(f, "pages");
    SAY(one->found, "transparent huge pages are off, which costs a few per cent with large models");
    SAY(one->remedy, "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
}

void check_disk(findings *f, const char *root, const char *path, unsigned long type, unsigned major, unsigned minor)
{
    static const struct {
        unsigned long type;
        const char *name;
    } remote[] = {{0x6969, "NFS"},      {0xff534d42, "SMB"}, {0xfe534d42, "SMB"},  {0x517b, "SMB"},
                  {0x65735546, "FUSE"}, {0x01021997, "9p"},  {0x00c36400, "Ceph"}, {0x5346414f, "AFS"}};
    char line[ROOM];
    for (size_t i = 0; i < sizeof remote / sizeof *remote; i++)
        if ((type & 0xffffffff) == remote[i].type) {
            finding *one = add_finding(f, "network");
            SAY(one->found, "%.200s is on a %s file system: the first reading is slow", path, remote[i].name);
            SAY(one->remedy, "copy it to a local disk");
            return;
        }
    if (!line_of(line, root, "/sys/dev/block/%u:%u/queue/rotational", major, minor))
        line_of(line, root, "/sys/dev/block/%u:%u/../queue/rotational", major, minor);
    if (strcmp(line, "1") || has_flag(root, "hypervisor")) return; /* virtual disks report themselves as rotational */
    finding *one = add_finding(f, "disk");
    SAY(one->found, "%.200s is on a hard disk: the first reading is slow", path);
    SAY(one->remedy, "copy it to an SSD; the disk does not matter once the file is cached");
}

/* ---- measured ---------------------------------------------------------------------------------------------------- */

/* Usual figures, in bytes and float32 operations per second. Reading: one channel of DDR4 gives about 15 GB/s, desktops
 * with two give 30 to 80. Arithmetic of one thread: two vector multiply-adds per cycle at 2 to 5 GHz, half of that if
 * threads share a core. */
static const double usual_read = 10e9;
static const struct {
    const char *isa;
    double fma;
} usual[] = {{"avx512", 60e9}, {"avx2", 35e9}, {"neon", 15e9}, {"portable", 8e9}};

void check_limits(findings *f, const char *isa, int threads, double read, double fma, double fma_alone)
{
    if (read < usual_read) {
        finding *one = add_finding(f, "bandwidth");
        SAY(one->found, "memory is read at %.1f GB/s; 30 to 80 are usual on a desktop, 15 with one memory channel",
            read * 1e-9);
        SAY(one->remedy,
            "populate both memory channels; in a virtual machine use more CPUs, which often bring more bandwidth");
    }
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!strcmp(isa, usual[i].isa) && fma / threads < usual[i].fma) {
            finding *one = add_finding(f, "arithmetic");
            SAY(one->found,
                "a thread computes %.0f GFLOP/s with %s; %.0f or more are usual: the clock is low or the core shared",
                fma / threads * 1e-9, isa, usual[i].fma * 1e-9);
            SAY(one->remedy, "check temperature, battery and power profile; for a virtual machine choose another type");
        }
    if (threads > 1 && fma_alone > 0 && fma < 1.3 * fma_alone) {
        finding *one = add_finding(f, "scaling");
        SAY(one->found, "%d threads are %.2f times as fast as one: the CPUs share a core, or other programs use them",
            threads, fma / fma_alone);
        SAY(one->remedy, "choose a machine with dedicated cores; measure again when no other program runs");
    }
}

void check_build(findings *f, int optimized, const char *sanitizer)
{
    if (sanitizer) {
        finding *one = add_finding(f, "sanitizer");
        SAY(one->found, "this wkv is built with %s, which makes it several times slower", sanitizer);
        SAY(one->remedy, "run make, and use ./wkv");
    } else if (!optimized) {
        finding *one = add_finding(f, "build");
        SAY(one->found, "this wkv is built without optimization");
        SAY(one->remedy, "run make (CMAKE_BUILD_TYPE=Release), and use ./wkv");
    }
}
