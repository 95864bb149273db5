/* habits.c - the tables of other programs' spellings. */
#include "habits.h"
#include <string.h>
#include <strings.h>

#define SAME(spelling, where, option) {spelling, where, HABIT_SAME, option, NULL}
#define IGNORE(spelling, where, sentence) {spelling, where, HABIT_IGNORE, NULL, sentence}
#define SKIP_VALUE(spelling, where, sentence) {spelling, where, HABIT_SKIP, NULL, sentence}
#define SKIP_WORD(spelling, where, words, sentence) {spelling, where, HABIT_SKIP, words, sentence}
#define REFUSE(spelling, where, sentence) {spelling, where, HABIT_REFUSE, NULL, sentence}

static const char no_limit[] = "a state has no limit; -c is not needed";
static const char own_chunks[] = "a prompt is read in chunks of a fixed size; -b is not needed";
static const char chat_prompt[] =
    "turns are read from standard input, and --system TEXT is the system prompt; wkv generate -p TEXT continues a text";
static const char penalties[] = "penalties are subtracted from logits: --presence X, --frequency X, --penalty-decay X";
static const char talks[] = "wkv chat holds a conversation";
static const char talks_already[] = "chat is a conversation; the option is not needed";
static const char two_files[] = "the two files are arguments: the model, then the file to write";
static const char stats_instead[] = "--stats prints speeds, memory and the seed";
static const char strategy[] = "wkv runs on the CPU; --type f16, bf16, q8 or q4 sets the data type of the weights";
static const char checkpointing[] = "--checkpointing auto, on or off sets the recomputation of activations";
static const char one_device[] = "training runs on one device, all layers on --device";
static const char processes[] = "training runs on the CPU in f32; mpirun -n N wkv train uses N processes";
static const char data_type[] = "the extension gives the data format: .txt, .jsonl, .bin; the option is not needed";
static const char no_grammar[] = "wkv generate has --grammar, --json-schema and --regex";
static const char no_ending[] = "--ban ID excludes a token; --ban 0 excludes the end of a text in most models";
static const char no_attention[] = "RWKV has no attention to choose a kernel for; -fa is not needed";
static const char no_cache[] = "a float32 state of fixed size replaces the KV cache; the option is not needed";
static const char one_text[] = "one text is generated at a time; -np is not needed";
static const char no_limit_keep[] = "a state has no context limit; --keep is not needed";
static const char one_turn[] = "echo TEXT | wkv chat answers one turn and exits";
static const char replaces[] = "a file of that name is replaced; --overwrite is not needed";
static const char keeps_runs[] =
    "results of another run are never replaced; delete the folder, or choose another with -o";
static const char no_json[] = "the output is plain text; wkv info, tokenize, bench and pull have --json";
static const char pull[] = "wkv pull NAME downloads a model, and -m NAME opens it";

static const habit habits[] = {
    /* llama.cpp, rwkv.cpp, web-rwkv, Hugging Face: writing */
    SAME("--temp", "temperature", "temperature"),
    SAME("--n-predict", "temperature", "tokens"),
    SAME("--predict", "temperature", "tokens"),
    SAME("--num-predict", "temperature", "tokens"),
    SAME("--max-tokens", "temperature", "tokens"),
    SAME("--max-new-tokens", "temperature", "tokens"),
    SAME("--token-count", "temperature", "tokens"),
    SAME("--file", "prompt-file", "prompt-file"),
    SAME("--reverse-prompt", "stop", "stop"),
    SAME("-r", "stop", "stop"),
    SAME("--no-display-prompt", "no-echo", "no-echo"),
    SAME("--presence-penalty", "presence", "presence"),
    SAME("--alpha-presence", "presence", "presence"),
    SAME("--frequency-penalty", "frequency", "frequency"),
    SAME("--alpha-frequency", "frequency", "frequency"),
    SAME("--alpha-decay", "penalty-decay", "penalty-decay"),
    SAME("--typical-p", "typical", "typical"),
    SAME("--mirostat-ent", "mirostat", "mirostat"),
    SAME("--mirostat-tau", "mirostat", "mirostat"),
    SAME("--mirostat-lr", "mirostat-rate", "mirostat-rate"),
    SAME("--mirostat-eta", "mirostat-rate", "mirostat-rate"),
    SAME("--system-prompt", "system", "system"),
    SAME("-sys", "system", "system"),
    SAME("--log-disable", NULL, "quiet"),
    SKIP_VALUE("-c", "temperature", no_limit),
    SKIP_VALUE("--ctx-size", "temperature", no_limit),
    SKIP_VALUE("--n-ctx", "temperature", no_limit),
    SKIP_VALUE("--num-ctx", "temperature", no_limit),
    SKIP_VALUE("--ctx-len", "temperature", no_limit),
    SKIP_VALUE("-b", "temperature", own_chunks),
    SKIP_VALUE("-ub", "temperature", own_chunks),
    SKIP_VALUE("--batch-size", "temperature", own_chunks),
    SKIP_VALUE("--ubatch-size", "temperature", own_chunks),
    SKIP_WORD("-fa", "temperature", "on|off|auto|0|1", no_attention),
    SKIP_WORD("--flash-attn", "temperature", "on|off|auto|0|1", no_attention),
    SKIP_VALUE("-ctk", "temperature", no_cache),
    SKIP_VALUE("-ctv", "temperature", no_cache),
    SKIP_VALUE("--cache-type-k", "temperature", no_cache),
    SKIP_VALUE("--cache-type-v", "temperature", no_cache),
    SKIP_VALUE("-np", "temperature", one_text),
    SKIP_VALUE("--parallel", "temperature", one_text),
    SKIP_VALUE("--keep", "temperature", no_limit_keep),
    IGNORE("-st", "generate", "generate writes one text and exits; -st is not needed"),
    IGNORE("--single-turn", "generate", "generate writes one text and exits; --single-turn is not needed"),
    REFUSE("-st", "chat", one_turn),
    REFUSE("--single-turn", "chat", one_turn),
    REFUSE("--json", "temperature", no_json),
    IGNORE("--color", "temperature", "colours appear on a terminal; --color is not needed (NO_COLOR turns them off)"),
    IGNORE("--simple-io", "temperature", "--simple-io is not needed"),
    IGNORE("--no-warmup", "temperature", "there is no warm-up; --no-warmup is not needed"),
    IGNORE("-no-cnv", "generate", "generate continues the text as it is; -no-cnv is not needed"),
    IGNORE("--no-conversation", "generate", "generate continues the text as it is; --no-conversation is not needed"),
    REFUSE("-no-cnv", "chat", "wkv generate continues a text"),
    REFUSE("--no-conversation", "chat", "wkv generate continues a text"),
    REFUSE("-i", "generate", talks),
    REFUSE("--interactive", "generate", talks),
    REFUSE("--interactive-first", "generate", talks),
    REFUSE("-cnv", "generate", talks),
    REFUSE("--conversation", "generate", talks),
    REFUSE("-sys", "generate", "wkv chat --system TEXT sets a system prompt"),
    REFUSE("--system", "generate", "wkv chat --system TEXT sets a system prompt"),
    IGNORE("-i", "chat", talks_already),
    IGNORE("--interactive", "chat", talks_already),
    IGNORE("--interactive-first", "chat", talks_already),
    IGNORE("-cnv", "chat", talks_already),
    IGNORE("--conversation", "chat", talks_already),
    REFUSE("-p", "chat", chat_prompt),
    REFUSE("--prompt", "chat", chat_prompt),
    REFUSE("-f", "chat", "turns are read from standard input: wkv chat < FILE; wkv generate -f FILE continues a text"),
    REFUSE("--file", "chat",
           "turns are read from standard input: wkv chat < FILE; wkv generate -f FILE continues a text"),
    REFUSE("-r", "chat", "the template ends an answer; wkv generate --stop TEXT ends a text"),
    REFUSE("--reverse-prompt", "chat", "the template ends an answer; wkv generate --stop TEXT ends a text"),
    REFUSE("-e", "temperature", "escapes are not interpreted; $'a\\nb' in the shell gives two lines"),
    REFUSE("--escape", "temperature", "escapes are not interpreted; $'a\\nb' in the shell gives two lines"),
    REFUSE("-o", "generate", "the text goes to standard output; > FILE writes it to a file"),
    REFUSE("--repeat-penalty", "presence", penalties),
    REFUSE("--repetition-penalty", "presence", penalties),
    REFUSE("--repeat-last-n", "presence", penalties),
    REFUSE("--logit-bias", "bias", "--bias ID=X adds X to a logit"),
    REFUSE("--ignore-eos", "ban", no_ending),
    SAME("--grammar-file", "grammar", "grammar"),
    SAME("--json-schema-file", "json-schema", "json-schema"),
    REFUSE("--grammar", "temperature", no_grammar),
    REFUSE("--grammar-file", "temperature", no_grammar),
    REFUSE("--json-schema", "temperature", no_grammar),
    REFUSE("--regex", "temperature", no_grammar),
    REFUSE("-v", "stats", stats_instead),
    REFUSE("--verbose", "stats", stats_instead),
    REFUSE("-hf", NULL, pull),
    REFUSE("--hf-repo", NULL, pull),
    REFUSE("--lora-scaled", "lora-alpha", "--lora FILE --lora-alpha A scales an adapter by A / rank"),
    /* all programs: the model and the machine */
    SAME("--model-path", "model", "model"),
    SAME("--model-file", "model", "model"),
    SAME("--load-model", "model", "model"),
    SAME("--ckpt", "model", "model"),
    SAME("--tokenizer", "vocab", "vocab"),
    SAME("--vocab-file", "vocab", "vocab"),
    SAME("--random-seed", "seed", "seed"),
    SAME("--n-threads", "threads", "threads"),
    SAME("-ngl", "gpu-layers", "gpu-layers"),
    SAME("--n-gpu-layers", "gpu-layers", "gpu-layers"),
    REFUSE("-ngl", "steps", one_device),
    REFUSE("--gpu-layers", "steps", one_device),
    REFUSE("--n-gpu-layers", "steps", one_device),
    SAME("--num-threads", "threads", "threads"),
    REFUSE("--strategy", "type", strategy),
    REFUSE("--strategy", NULL, "wkv runs on the CPU; there are no strategies"),
    REFUSE("--overwrite", "train", keeps_runs),
    REFUSE("--overwrite", "tune", keeps_runs),
    REFUSE("--overwrite-output-dir", "train", keeps_runs),
    REFUSE("--overwrite-output-dir", "tune", keeps_runs),
    IGNORE("--overwrite", "convert", replaces),
    IGNORE("--overwrite", "merge", replaces),
    IGNORE("--overwrite", "vocab", replaces),
    IGNORE("--overwrite", "logits", replaces),
    /* conversion */
    REFUSE("-o", "convert", two_files),
    REFUSE("-m", "convert", two_files),
    REFUSE("--out", "convert", two_files),
    REFUSE("--outfile", "convert", two_files),
    REFUSE("--output", "convert", two_files),
    REFUSE("--model", "convert", two_files),
    REFUSE("-o", "merge", two_files),
    REFUSE("-m", "merge", two_files),
    REFUSE("--out", "merge", two_files),
    REFUSE("--output", "merge", two_files),
    REFUSE("--model", "merge", two_files),
    SAME("--outtype", "type", "type"),
    SAME("--ftype", "type", "type"),
    SAME("--dtype", "type", "type"),
    SAME("--quantize", "type", "type"),
    /* the official trainer, RWKV-PEFT */
    SAME("--n-layer", "layers", "layers"),
    SAME("--n-embd", "width", "width"),
    SAME("--dim-ffn", "ffn", "ffn"),
    SAME("--head-size-a", "head-size", "head-size"),
    SAME("--ctx-len", "context", "context"),
    SAME("--micro-bsz", "batch", "batch"),
    SAME("--batch-size", "batch", "batch"),
    SAME("--data-file", "data", "data"),
    SAME("--train-data", "data", "data"),
    SAME("--proj-dir", "out", "out"),
    SAME("--output-dir", "out", "out"),
    SAME("--output", "out", "out"),
    SAME("--lr-init", "lr", "lr"),
    SAME("--learning-rate", "lr", "lr"),
    SAME("--warmup-steps", "warmup", "warmup"),
    SAME("--max-steps", "steps", "steps"),
    SAME("--num-epochs", "epochs", "epochs"),
    SAME("--epoch-count", "epochs", "epochs"),
    SAME("--grad-clip", "clip", "clip"),
    SAME("--gradient-clip-val", "clip", "clip"),
    SAME("--lora-r", "rank", "rank"),
    SAME("--lora-rank", "rank", "rank"),
    SAME("--lora-load", "targets", "lora"),
    SAME("--train-parts", "targets", "train"),
    REFUSE("--grad-cp", "checkpointing", checkpointing),
    REFUSE("--my-testing", "version", "--version 4, 5.2, 6 or 7 is the version of a new model"),
    REFUSE("--peft", "train", "wkv tune --method lora, pissa or miss trains adapters"),
    REFUSE("--peft", "tune", "--method lora, pissa or miss trains adapters"),
    REFUSE("--train-type", "tune", "--method state trains an initial state, and --infctx N reads long texts in chunks"),
    REFUSE("--train-type", "train", "wkv tune --method state trains an initial state"),
    REFUSE("--data-type", "data", data_type),
    REFUSE("--precision", "data", processes),
    REFUSE("--accelerator", "data", processes),
    REFUSE("--devices", "data", processes),
    REFUSE("--num-nodes", "data", processes),
};

static int applies(const habit *h, const command *c)
{
    const option *o;
    if (!h->where || !strcmp(h->where, c->name)) return 1;
    for (int i = 0; (o = option_at(c, i, NULL)); i++)
        if (!strcmp(o->name, h->where)) return 1;
    return 0;
}

const habit *habit_option(const command *c, const char *spelling)
{
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (!strcmp(habits[i].spelling, spelling) && applies(&habits[i], c)) return &habits[i];
    return NULL;
}

static const char version_number[] =
    "the value is the target surprise in bits, not a version; --mirostat 5 is llama.cpp's default, and 1.0 or 2.0 is 1 "
    "or 2 bits";
static const char nearest_q8[] = "k-quants and i-quants can be read, not written; q8 is the nearest";
static const char nearest_q5[] = "k-quants and i-quants can be read, not written; q5 is the nearest";
static const char nearest_q4[] = "k-quants and i-quants can be read, not written; q4 is the nearest";

/* A trailing * matches the rest of a value. */
static const struct {
    const char *option, *value, *sentence;
} values[] = {
    {"mirostat", "1", version_number},
    {"mirostat", "2", version_number},
    {"type", "q2_k*", nearest_q4},
    {"type", "q3_k*", nearest_q4},
    {"type", "q4_k*", nearest_q4},
    {"type", "q5_k*", nearest_q5},
    {"type", "q6_k*", nearest_q8},
    {"type", "q8_k*", nearest_q8},
    {"type", "iq*", nearest_q4},
    {"type", "mxfp4*", nearest_q4},
    {"type", "nf4", nearest_q4},
    {"type", "int8", "q8 has 8 bits"},
    {"type", "int4", "q4 has 4 bits"},
    {"type", "fp16*", "use f16, or q8 for 8 bits"},
    {"type", "fp32*", "use f32"},
};

int habit_skips(const habit *h, const char *next)
{
    if (h->kind != HABIT_SKIP || !next) return 0;
    for (const char *word = h->option; word; word = strchr(word, '|') ? strchr(word, '|') + 1 : NULL)
        if (strcspn(word, "|") == strlen(next) && !strncmp(word, next, strlen(next))) return 1;
    return !h->option;
}

const char *habit_value(const option *o, const char *shown, const char *text)
{
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        size_t n = strlen(values[i].value);
        if (values[i].sentence == version_number && strcmp(shown, "--mirostat")) continue;
        int prefix = values[i].value[n - 1] == '*';
        if (!strcmp(o->name, values[i].option) &&
            (prefix ? !strncasecmp(text, values[i].value, n - 1) : !strcasecmp(text, values[i].value)))
            return values[i].sentence;
    }
    return NULL;
}

const char *habit_command(const char *name)
{
    static const struct {
        const char *name, *sentence;
    } others[] = {
        {"run", "wkv generate continues a text, wkv chat holds a conversation"},
        {"complete", "wkv generate continues a text"},
        {"cli", "wkv generate continues a text, wkv chat holds a conversation"},
        {"server", "wkv serve serves models over HTTP"},
        {"ps", "nothing runs in the background; a server's GET /v1/models lists its models"},
        {"stop", "nothing runs in the background; Ctrl-C ends a server"},
        {"quantize",
         "wkv convert IN OUT.gguf --type q8 or q4 writes a quantized model; --type on opening needs no file"},
        {"perplexity", "wkv eval --text TEXT measures it, wkv convert --check TEXT before and after a conversion"},
        {"lm-eval", "wkv eval measures tasks with the rules of lm-evaluation-harness"},
        {"finetune", "wkv tune adapts a model"},
        {"fine-tune", "wkv tune adapts a model"},
        {"lora", "wkv tune trains an adapter, wkv merge merges it into the model"},
        {"export-lora", "wkv merge merges an adapter into its model"},
        {"list",
         "wkv pull prints the models that can be downloaded; downloaded models are in $WKV_MODELS or "
         "~/.local/share/wkv"},
        {"ls",
         "wkv pull prints the models that can be downloaded; downloaded models are in $WKV_MODELS or "
         "~/.local/share/wkv"},
        {"rm", "a model is a file in $WKV_MODELS or ~/.local/share/wkv; rm removes it"},
        {"cp", "a model is a file in $WKV_MODELS or ~/.local/share/wkv; cp copies it"},
        {"create", "wkv convert writes a model, wkv merge writes one with its adapter"},
        {"download", "wkv pull NAME downloads a model"},
        {"show", "wkv info describes a model"},
        {"inspect", "wkv info describes a model"},
        {"version", "wkv --version prints the version"},
        {"embedding", "wkv logits writes the logits; embeddings are not written"},
        {"embeddings", "wkv logits writes the logits; embeddings are not written"},
        {"detokenize", "wkv tokenize --decode converts ids to text"},
        {"test", "wkv selftest checks this machine"},
        {"benchmark", "wkv bench measures speed"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(others[i].name, name)) return others[i].sentence;
    return NULL;
}
