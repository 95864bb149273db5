/* test_passes.c - a pass has fewer tokens if a layer is so wide, or memory so small, that the usual number would
 * not fit. */
#include "format/write.h"
#include "wkv.h"
#include "folder.h"
#include "test.h"
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { C = 2, F = 1 << 20, V = 4, TOKENS = 256, NO_CONTEXT = 3 }; /* exit statuses, too */

static int small_values(const tensor_out *t, float *out)
{
    for (int64_t i = 0; i < tensor_out_values(t); i++) out[i] = (float)(i * 7 % 13 - 6) / 16;
    return 0;
}

/* An RWKV-4 of one layer with a feed-forward network far wider than the rest. */
static int write_wide(const char *path)
{
    static const struct {
        const char *name;
        int rows, cols; /* rows 0: a vector */
    } list[] = {{"emb.weight", V, C},
                {"head.weight", V, C},
                {"blocks.0.ln0.weight", 0, C},
                {"blocks.0.ln0.bias", 0, C},
                {"blocks.0.ln1.weight", 0, C},
                {"blocks.0.ln1.bias", 0, C},
                {"blocks.0.ln2.weight", 0, C},
                {"blocks.0.ln2.bias", 0, C},
                {"blocks.0.att.time_decay", 0, C},
                {"blocks.0.att.time_first", 0, C},
                {"blocks.0.att.time_mix_k", 0, C},
                {"blocks.0.att.time_mix_v", 0, C},
                {"blocks.0.att.time_mix_r", 0, C},
                {"blocks.0.att.key.weight", C, C},
                {"blocks.0.att.value.weight", C, C},
                {"blocks.0.att.receptance.weight", C, C},
                {"blocks.0.att.output.weight", C, C},
                {"blocks.0.ffn.time_mix_k", 0, C},
                {"blocks.0.ffn.time_mix_r", 0, C},
                {"blocks.0.ffn.key.weight", F, C},
                {"blocks.0.ffn.receptance.weight", C, C},
                {"blocks.0.ffn.value.weight", C, F},
                {"ln_out.weight", 0, C},
                {"ln_out.bias", 0, C}};
    enum { N = sizeof list / sizeof *list };
    tensor_out t[N];
    for (int i = 0; i < N; i++) {
        t[i] = (tensor_out){.name = list[i].name, .type = F16, .dims = list[i].rows ? 2 : 1, .values = small_values};
        t[i].shape[0] = list[i].rows ? list[i].rows : list[i].cols;
        t[i].shape[1] = list[i].cols;
    }
    return safetensors_write(path, t, N, NULL);
}

/* In a process with little address space left for activations; 0: the same logits as token by token. */
static int run_limited(const char *path, int megabytes)
{
    struct rlimit limit = {(rlim_t)megabytes << 20, (rlim_t)megabytes << 20};
    int32_t ids[TOKENS];
    float all[V], one[V];
    wkv_model *m;
    wkv_context *c;
    wkv_state *s;
    for (int i = 0; i < TOKENS; i++) ids[i] = i * i % V;
    if (setrlimit(RLIMIT_AS, &limit)) return 2;
    /* threads that turn ffn.value take address space of their own, now more, now less */
    int e = wkv_model_open(&m, path, NULL);
    if (e) return e == WKV_ENOMEM ? NO_CONTEXT : 2;
    if (wkv_context_new(&c, m, &(wkv_context_options){.threads = 1}) || wkv_state_new(&s, m)) return NO_CONTEXT;
    if (wkv_eval(c, s, ids, TOKENS, all)) return 4;
    wkv_state_reset(s);
    for (int i = 0; i < TOKENS; i++)
        if (wkv_eval(c, s, ids + i, 1, one)) return 5;
    return memcmp(all, one, sizeof all) ? 6 : 0;
}

static void passes_fit_in_the_memory_there_is(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SKIP("a sanitizer needs more address space");
#endif
    int status = 0;
    if (!getenv("WKV_LONG")) SKIP("seconds; WKV_LONG=1 runs it");
    EXPECT_EQ(write_wide(in_folder("wide.safetensors")), 0);
    fflush(stdout);
    for (int megabytes = 600; megabytes < 1600;
         megabytes += 100) { /* a context takes a share of the machine's memory, halved until it is had */
        pid_t pid = fork();
        if (!pid) _exit(run_limited(in_folder("wide.safetensors"), megabytes));
        waitpid(pid, &status, 0);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != NO_CONTEXT) break;
    }
    EXPECT(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

int main(void)
{
    folder_begin("passes");
    RUN(passes_fit_in_the_memory_there_is);
    folder_end();
    return DONE();
}
