/* builtin.S - the file of the built-in model as read-only data; see builtin.h. MODEL_FILE is a path that the build
 * gives. Only directives that every assembler has, so it serves each processor. */
#include "base/platform/data.inc"

        read_only
        .balign 64
        symbol  wkv_builtin_model
1:      .incbin MODEL_FILE
2:      .byte   0
        .balign 8
        symbol  wkv_builtin_model_size
        .quad   2b - 1b
