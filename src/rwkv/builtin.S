/* builtin.S - the files of the built-in model as read-only data; see builtin.h. MODEL_FILE and VOCAB_FILE are paths that
 * the build gives. Only directives that every ELF assembler has, so it serves each processor. */

        .section .rodata

        .globl  wkv_builtin_model, wkv_builtin_model_size, wkv_builtin_vocab, wkv_builtin_vocab_size
        .hidden wkv_builtin_model, wkv_builtin_model_size, wkv_builtin_vocab, wkv_builtin_vocab_size

        .balign 64
wkv_builtin_model:
        .incbin MODEL_FILE
.Lmodel_end:
        .byte   0
        .balign 64
wkv_builtin_vocab:
        .incbin VOCAB_FILE
.Lvocab_end:
        .byte   0
        .balign 8
wkv_builtin_model_size:
        .quad   .Lmodel_end - wkv_builtin_model
wkv_builtin_vocab_size:
        .quad   .Lvocab_end - wkv_builtin_vocab

        .section .note.GNU-stack, "", %progbits
