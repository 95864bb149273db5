/* builtin.S - the vocabularies of models/vocabularies as read-only data; see builtin.h. The build names their folder to
 * the assembler. */
#include "base/platform/data.inc"

.macro packed name, file
        .balign 8
        symbol  \name
1:      .incbin "\file"
2:      .balign 8
        symbol  \name\()_size
        .quad   2b - 1b
.endm

        read_only
        packed wkv_builtin_world, "rwkv_vocab_v20230424.txt.gz"
        packed wkv_builtin_neox, "20B_tokenizer.json.gz"
