/* builtin.S - the file of the built-in model as read-only data; see builtin.h. MODEL_FILE is a path that the build gives.
 * Only directives that every ELF assembler has, so it serves each processor. */

        .section .rodata

        .globl  wkv_builtin_model, wkv_builtin_model_size
        .hidden wkv_builtin_model, wkv_builtin_model_size

        .balign 64
wkv_builtin_model:
        .incbin MODEL_FILE
.Lmodel_end:
        .byte   0
        .balign 8
wkv_builtin_model_size:
        .quad   .Lmodel_end - wkv_builtin_model

        .section .note.GNU-stack, "", %progbits
