/* values.c - new values of fields: numbers at borders, other fields' numbers, names that mean something. */
#include "mutation.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t below(rng *r, uint32_t n) { return (uint32_t)(rng_u64(r) >> 32) % n; }

int64_t number_at(const sound *s, const field *f)
{
    const uint8_t *p = s->file.data + f->at;
    int64_t x = 0;
    if (f->kind == DECIMAL) return strtoll((const char *)p, NULL, 10);
    if (f->kind == PICKLE_NUMBER && *p == 'J') return memcpy(&x, p + 1, 4), (int32_t)x;
    size_t skip = f->kind != PICKLE_NUMBER ? 0 : *p == 0x8a ? 2 : 1;
    memcpy(&x, p + skip, f->size - skip);
    return x;
}

int64_t hostile_number(rng *r, const sound *s, int64_t truth)
{
    static const int64_t interesting[] = {0,
                                          0,
                                          1,
                                          1,
                                          -1,
                                          2,
                                          3,
                                          5,
                                          7,
                                          8,
                                          16,
                                          31,
                                          32,
                                          33,
                                          64,
                                          127,
                                          128,
                                          255,
                                          256,
                                          1023,
                                          1024,
                                          1025,
                                          32767,
                                          32768,
                                          65535,
                                          65536,
                                          65537,
                                          1 << 20,
                                          1 << 24,
                                          (1 << 24) + 1,
                                          1 << 30,
                                          INT32_MAX - 1,
                                          INT32_MAX,
                                          1LL << 31,
                                          (1LL << 31) + 1,
                                          UINT32_MAX,
                                          1LL << 32,
                                          (1LL << 32) + 1,
                                          (1LL << 32) + 8,
                                          (1LL << 33) + 1,
                                          1LL << 40,
                                          1LL << 50,
                                          (1LL << 53) + 1,
                                          1LL << 61,
                                          1LL << 62,
                                          INT64_MAX - 1,
                                          INT64_MAX,
                                          INT64_MIN,
                                          INT64_MIN + 1,
                                          -2,
                                          -8,
                                          INT32_MIN};
    switch (below(r, 8)) {
    case 0: return (int64_t)((uint64_t)truth + 1);
    case 1: return (int64_t)((uint64_t)truth - 1);
    case 2: return (int64_t)((uint64_t)truth + ((uint64_t)1 << (8 * (1 + below(r, 7))))); /* the same after a cast */
    case 3: return below(r, 2) ? (int64_t)((uint64_t)truth * 2) : truth / 2;
    case 4: {
        const field *f = &s->fields[below(r, (uint32_t)s->n_fields)];
        if (f->kind <= PICKLE_NUMBER) return number_at(s, f);
    } /* fall through */
    default: return interesting[below(r, sizeof interesting / sizeof *interesting)];
    }
}

size_t hostile_name(rng *r, const sound *s, const field *f, char *out, size_t room)
{
    static const char *const names[] = {"emb.weight",
                                        "head.weight",
                                        "blocks.0.ln0.weight",
                                        "blocks.0.att.key.weight",
                                        "blocks.0.att.r_k",
                                        "blocks.0.att.time_maa_x",
                                        "blocks.0.att.ln_x.weight",
                                        "blocks.0.att.gate.weight",
                                        "blocks.0.att.time_faaaa",
                                        "blocks.0.att.time_first",
                                        "blocks.0.att.time_decay",
                                        "blocks.0.att.time_state",
                                        "blocks.1.att.time_state",
                                        "blocks.0.att.key.lora_A",
                                        "blocks.0.att.key.lora_B",
                                        "blocks.0.att.key.lora.0",
                                        "blocks.0.att.key.lora.1",
                                        "head.lora_A",
                                        "emb.lora_B",
                                        "blocks.2147483647.ln1.weight",
                                        "blocks.-1.ln1.weight",
                                        "blocks.99999999999999999999.att.key.weight",
                                        "blocks.1.ln1.weight",
                                        "blocks.2.ln1.weight",
                                        "model.embeddings.weight",
                                        "lora_alpha",
                                        "",
                                        "rwkv.blocks.0.attention.key.weight",
                                        "token_embd.weight",
                                        "blk.0.time_mix_key.weight",
                                        "blk.0.time_mix_lerp_fused.weight",
                                        "\xff\xfe",
                                        "general.alignment",
                                        "general.architecture",
                                        "tokenizer.ggml.tokens",
                                        "rwkv7.block_count",
                                        "wkv.head_size",
                                        "__metadata__",
                                        "a\nb"};
    const char *own = (const char *)s->file.data + f->at;
    switch (below(r, 5)) {
    case 0: return (size_t)snprintf(out, room, "%s", names[below(r, sizeof names / sizeof *names)]);
    case 1: { /* another layer of the same name */
        size_t digit = 0;
        while (digit < f->size && (own[digit] < '0' || own[digit] > '9')) digit++;
        if (digit < f->size && f->size < room) {
            memcpy(out, own, f->size);
            out[digit] = (char)('0' + below(r, 10));
            return f->size;
        }
    }         /* fall through */
    case 2: { /* another name of the file */
        const field *g = &s->fields[below(r, (uint32_t)s->n_fields)];
        if (g->kind == NAME && g->size < room) return memcpy(out, s->file.data + g->at, g->size), g->size;
    }         /* fall through */
    case 3: { /* a piece left out */
        size_t n = f->size < room ? f->size : room - 1, from = n ? below(r, (uint32_t)n) : 0,
               some = n - from ? 1 + below(r, (uint32_t)(n - from)) : 0;
        memcpy(out, own, from);
        memcpy(out + from, own + from + some, n - from - some);
        return n - some;
    }
    default: { /* long */
        size_t n = 1 + below(r, (uint32_t)room - 1);
        memset(out, 'x', n);
        return n;
    }
    }
}
