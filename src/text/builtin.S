/* builtin.S - the vocabularies of models/vocabularies as read-only data; see builtin.h. The build names their folder to
 * the assembler. */

        .section .note.GNU-stack, "", %progbits

.macro packed name, file
        .section .rodata
        .globl  \name, \name\()_size
        .hidden \name, \name\()_size
        .balign 8
\name:
        .incbin "\file"
1:      .balign 8
\name\()_size:
        .quad   1b - \name
.endm

        packed wkv_builtin_world, "rwkv_vocab_v20230424.txt.gz"
        packed wkv_builtin_neox, "20B_tokenizer.json.gz"
