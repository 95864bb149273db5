/* catalog.c - published checkpoints by short name.
 *
 * Sources, read in November 2026. File names and sizes of World, Raven and Pile: the file lists of the repositories
 * (huggingface.co/OWNER/NAME/tree/main); SHA-256 and exact sizes: their Git LFS pages and pointers. G1d 0.1B: a
 * download line for that name in a public test; G1d 0.4B: a deployment script that checks the name against the
 * repository. G1k: 1.5B and 13.3B with revision, size and SHA-256 in two independent reports; 2.9B and 7.2B by name,
 * published on the same day, so the same revision is used. RWKV/RWKV7-...: the documentation of transformers' rwkv7.
 * GGUF: Git LFS pointers. */
#include "catalog.h"
#include "option.h"
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define G1D "main"
#define G1K "cd67fb95fa9e2ce8757f8d21d713e74a9c788118"

/* clang-format off */
const published catalog[] = {
    {"g1-0.1b", "BlinkDL/rwkv7-g1", G1D, "rwkv7-g1d-0.1b-20260129-ctx8192.pth",
     "bf16", "7", 12, 768, 65536, 191034624, 382000000,
     NULL, "chat and reasoning; the smallest, for trying"},
    {"g1-0.4b", "BlinkDL/rwkv7-g1", G1D, "rwkv7-g1d-0.4b-20260210-ctx8192.pth",
     "bf16", "7", 24, 1024, 65536, 450767872, 902000000,
     NULL, "chat and reasoning; small machines"},
    {"g1-1.5b", "BlinkDL/rwkv7-g1", G1K, "rwkv7-g1k-1.5b-20260930-ctx25600.pth",
     "bf16", "7", 24, 2048, 65536, 1527404544, 3060000000,
     "dfc1fc450641d5e00c5f412b5530a17b2a734ac02bde04d98c57608f5daaf773", "chat and reasoning; a good first model"},
    {"g1-2.9b", "BlinkDL/rwkv7-g1", G1K, "rwkv7-g1k-2.9b-20260930-ctx25600.pth",
     "bf16", "7", 32, 2560, 65536, 2947735040, 5900000000,
     NULL, "chat and reasoning; 8 GB of memory"},
    {"g1-7.2b", "BlinkDL/rwkv7-g1", G1K, "rwkv7-g1k-7.2b-20260930-ctx25600.pth",
     "bf16", "7", 32, 4096, 65536, 7199141888, 14400000000,
     NULL, "chat and reasoning; 16 GB of memory"},
    {"g1-13.3b", "BlinkDL/rwkv7-g1", G1K, "rwkv7-g1k-13.3b-20260930-ctx25600.pth",
     "bf16", "7", 61, 4096, 65536, 13270298624, 26540868485,
     "31799b3f8207e74c1b47f359184ac1c658c927ff697971447f7bf0fd18ae393f",
     "chat and reasoning; the largest of version 7"},
    {"g1-2.9b-q4", "shoumenchougou/RWKV7-G1g-2.9B-GGUF", "ab60c5e00f988bf6ebc54144770c0a395f1429bf",
     "rwkv7-g1g-2.9b-Q4_K_M.gguf",
     "q4_K", "7", 32, 2560, 65536, 2947735040, 1919047616,
     "72f0fbb674ca21acf035b66023083055f6cede4942deb1f1b8475390752cfdf3", "GGUF, vocabulary inside; 4 GB of memory"},
    {"g1-7.2b-q8", "shoumenchougou/RWKV7-G1k-7.2B-GGUF", "ed8edcb5eecfad7902a53238044ffb0f239918cd",
     "rwkv7-g1k-7.2b-Q8_0.gguf",
     "q8_0", "7", 32, 4096, 65536, 7199141888, 7930820544,
     "cc93dce01fb8750627e4ba2a853de7803655b2fa65b74206587a5d9620bba14f", "GGUF, vocabulary inside; 12 GB of memory"},
    {"g1-13.3b-q6", "shoumenchougou/RWKV7-G1i-13.3B-GGUF", "cc972b4529e81eb4abd51fac2529caa773da48c4",
     "rwkv7-g1i-13.3b-Q6_K.gguf",
     "q6_K", "7", 61, 4096, 65536, 13270298624, 11600000000,
     "dcd147f24f8749420ebc784c5b9c75ca2c0d2ced2e6f365be18ed97a4508d488", "GGUF, vocabulary inside; 16 GB of memory"},
    {"g1-1.5b-hf", "RWKV/RWKV7-1.5B-20260805", "main", NULL, "bf16", "7", 24, 2048, 65536, 1527404544, 3060000000,
     NULL, "Hugging Face folder with tokenizer and template"},

    {"world-0.1b", "BlinkDL/rwkv-7-world", "main", "RWKV-x070-World-0.1B-v2.8-20241210-ctx4096.pth",
     "bf16", "7", 12, 768, 65536, 191034624, 382000000,
     "60c98129b9529963bff2c164b8ab4bd17c19332ae06dc2dcae32aa3a3739295a", "continuing text, 100 languages; fine-tuning"},
    {"world-0.4b", "BlinkDL/rwkv-7-world", "main", "RWKV-x070-World-0.4B-v2.9-20250107-ctx4096.pth",
     "bf16", "7", 24, 1024, 65536, 450767872, 902000000,
     "c08cf602b33e59a5717b8f0cafaf7f04c50c1c67166e477aa2f47c5ca180da4a", "continuing text, 100 languages; fine-tuning"},
    {"world-1.5b", "BlinkDL/rwkv-7-world", "main", "RWKV-x070-World-1.5B-v3-20250127-ctx4096.pth",
     "bf16", "7", 24, 2048, 65536, 1527404544, 3060000000,
     "23e13ff62ac6f80b28910ffc230324939e80ddb00b98f892a5951c0da071e700", "continuing text, 100 languages; fine-tuning"},
    {"world-2.9b", "BlinkDL/rwkv-7-world", "main", "RWKV-x070-World-2.9B-v3-20250211-ctx4096.pth",
     "bf16", "7", 32, 2560, 65536, 2947735040, 5895796446,
     "5d7901b91ef1646115db03d03d171370bca454061ad426a1256fda9e1c428cf8", "continuing text, 100 languages; fine-tuning"},
    {"world6-1.6b", "BlinkDL/rwkv-6-world", "main", "RWKV-x060-World-1B6-v2.1-20240328-ctx4096.pth",
     "bf16", "6", 24, 2048, 65536, 1600000000, 3200000000,
     "cda1f0ebe802e2859bfa129546372fd1eac60319111f215f65ced67dd334db36", "version 6 (Finch); its tuned states"},
    {"world6-3b", "BlinkDL/rwkv-6-world", "main", "RWKV-x060-World-3B-v2.1-20240417-ctx4096.pth",
     "bf16", "6", 32, 2560, 65536, 3100000000, 6200000000,
     NULL, "version 6 (Finch); its tuned states"},
    {"world6-7b", "BlinkDL/rwkv-6-world", "main", "RWKV-x060-World-7B-v3-20241112-ctx4096.pth",
     "bf16", "6", 32, 4096, 65536, 7650000000, 15300000000,
     NULL, "version 6 (Finch)"},
    {"world6-14b", "BlinkDL/rwkv-6-world", "main", "RWKV-x060-World-14B-v2.1-20240719-ctx4096.pth",
     "bf16", "6", 61, 4096, 65536, 14050000000, 28100000000,
     NULL, "version 6 (Finch)"},
    {"world5-0.4b", "BlinkDL/rwkv-5-world", "main", "RWKV-5-World-0.4B-v2-20231113-ctx4096.pth",
     "bf16", "5.2", 24, 1024, 65536, 462000000, 924000000,
     NULL, "version 5.2 (Eagle)"},
    {"world5-1.5b", "BlinkDL/rwkv-5-world", "main", "RWKV-5-World-1B5-v2-20231025-ctx4096.pth",
     "bf16", "5.2", 24, 2048, 65536, 1580000000, 3160000000,
     NULL, "version 5.2 (Eagle)"},
    {"world5-3b", "BlinkDL/rwkv-5-world", "main", "RWKV-5-World-3B-v2-20231113-ctx4096.pth",
     "bf16", "5.2", 32, 2560, 65536, 3065000000, 6130000000,
     NULL, "version 5.2 (Eagle)"},
    {"world4-0.1b", "BlinkDL/rwkv-4-world", "main", "RWKV-4-World-0.1B-v1-20230520-ctx4096.pth",
     "bf16", "4", 12, 768, 65536, 193000000, 386000000,
     NULL, "version 4 (Dove), World vocabulary"},
    {"world4-0.4b", "BlinkDL/rwkv-4-world", "main", "RWKV-4-World-0.4B-v1-20230529-ctx4096.pth",
     "bf16", "4", 24, 1024, 65536, 461500000, 923000000,
     NULL, "version 4 (Dove), World vocabulary"},
    {"world4-1.5b", "BlinkDL/rwkv-4-world", "main", "RWKV-4-World-1.5B-v1-fixed-20230612-ctx4096.pth",
     "bf16", "4", 24, 2048, 65536, 1580000000, 3160000000,
     NULL, "version 4 (Dove), World vocabulary"},

    {"raven-1.5b", "BlinkDL/rwkv-4-raven", "main", "RWKV-4-Raven-1B5-v12-Eng98%-Other2%-20230520-ctx4096.pth",
     "bf16", "4", 24, 2048, 50277, 1515106304, 3030000000,
     NULL, "version 4 tuned for instructions, English"},
    {"raven-3b", "BlinkDL/rwkv-4-raven", "main", "RWKV-4-Raven-3B-v12-Eng98%-Other2%-20230520-ctx4096.pth",
     "bf16", "4", 32, 2560, 50277, 2984627200, 5970000000,
     NULL, "version 4 tuned for instructions, English"},
    {"raven-14b", "BlinkDL/rwkv-4-raven", "main", "RWKV-4-Raven-14B-v12-Eng98%-Other2%-20230523-ctx8192.pth",
     "bf16", "4", 40, 5120, 50277, 14148597760, 28300000000,
     NULL, "version 4 tuned for instructions, English"},
    {"pile-169m", "BlinkDL/rwkv-4-pile-169m", "main", "RWKV-4-Pile-169M-20220807-8023.pth",
     "bf16", "4", 12, 768, 50277, 169342464, 338718755,
     "713c6f6137a08d3a86ab57df4f09ea03563329beb3bbabc23509d6c57aa0f9e2", "version 4, trained on the Pile; research"},
    {"pile-430m", "BlinkDL/rwkv-4-pile-430m", "main", "RWKV-4-Pile-430M-20220808-8066.pth",
     "bf16", "4", 24, 1024, 50277, 430397440, 860861859,
     "261e6b8fef1c7c9e08a4dde31bf5caf8e79c4da38126d77977a4707de82a7f64", "version 4, trained on the Pile; research"},
    {"pile-1.5b", "BlinkDL/rwkv-4-pile-1b5", "main", "RWKV-4-Pile-1B5-20220929-ctx4096.pth",
     "bf16", "4", 24, 2048, 50277, 1515106304, 3030000000,
     "6c97043e1bb0867368249290c97a2fe8ffc5ec12ceb1b5251f4ee911f9982c23", "version 4, trained on the Pile; research"},
    {"pile-3b", "BlinkDL/rwkv-4-pile-3b", "main", "RWKV-4-Pile-3B-20221110-ctx4096.pth",
     "bf16", "4", 32, 2560, 50277, 2984627200, 5970000000,
     "9500633f23d86fbae3cb3cbe7908b97b971e9561edf583c2c5c60b10b02bcc27", "version 4, trained on the Pile; research"},
    {"pile-7b", "BlinkDL/rwkv-4-pile-7b", "main", "RWKV-4-Pile-7B-20230109-ctx4096.pth",
     "bf16", "4", 32, 4096, 50277, 7392649216, 14800000000,
     "9ea1271b25deb6c72bd29f629147d5013cc7d7c69f9715192f6b6b92fca08f64", "version 4, trained on the Pile; research"},
    {"pile-14b", "BlinkDL/rwkv-4-pile-14b", "main", "RWKV-4-Pile-14B-20230313-ctx8192-test1050.pth",
     "bf16", "4", 40, 5120, 50277, 14148597760, 28300000000,
     "9e1b9b44f2a98124d86fe35e298f230e3a4fa7b60431962da282817ae1b0bf32", "version 4, trained on the Pile; research"},
    {"pile7-168m", "BlinkDL/rwkv-7-pile", "main", "RWKV-x070-Pile-168M-20241120-ctx4096.pth",
     "bf16", "7", 12, 768, 50304, 167500000, 335000000,
     NULL, "version 7, trained on the Pile; research"},
    {"pile7-421m", "BlinkDL/rwkv-7-pile", "main", "RWKV-x070-Pile-421M-20241127-ctx4096.pth",
     "bf16", "7", 24, 1024, 50304, 421000000, 842414919,
     "00bcbc502587dfc01f5f37033400c3d8a13c38da4f2c3b72ff7c8dab961a2be5", "version 7, trained on the Pile; research"},
    {"pile7-1.5b", "BlinkDL/rwkv-7-pile", "main", "RWKV-x070-Pile-1.47B-20241210-ctx4096.pth",
     "bf16", "7", 24, 2048, 50304, 1465000000, 2930288193,
     "2b5dc71a921e59d2eaa947c8276d4d5fac873ea12dad47f9f5a8390ff0d8e507", "version 7, trained on the Pile; research"},
    {.name = NULL},
};
/* clang-format on */

const char *catalog_file(const published *p) { return p->file ? p->file : strrchr(p->repository, '/') + 1; }

int catalog_begins(const published *p, const char *name)
{
    return *name && !strncasecmp(catalog_file(p), name, strlen(name));
}

const published *catalog_find(const char *name)
{
    const published *found = NULL;
    int n = 0;
    for (const published *p = catalog; p->name; p++) {
        if (!strcmp(p->name, name)) return p;
        if (catalog_begins(p, name)) found = p, n++;
    }
    return n == 1 ? found : NULL;
}

const published *catalog_nearest(const char *name)
{
    const published *best = NULL;
    int least = 99;
    for (const published *p = catalog; p->name; p++) {
        int d = word_distance(name, p->name);
        if (d < least) {
            least = d;
            best = p;
        }
    }
    return best && word_is_near(name, least) ? best : NULL;
}
