/* golden.S - tiny models with the logits that the official program gives for them (tests/golden/models), as read-only data
 * for selftest.c. The build names their folder to the assembler. */

#include "base/platform/data.inc"

/* one entry of `golden_models`: name, model, its bytes, tokens, their bytes, logits, the hash of our own */
.macro golden name, bits
        read_only
        .balign 64
        label   model\@
        .incbin "\name\().pth"
1:      .balign 64
        label   tokens\@
        .incbin "\name\().tokens.i32"
2:      .balign 64
        label   logits\@
        .incbin "\name\().logits.f32"
        label   name\@
        .asciz "\name"
        read_only_addresses
        .balign 8
        .dc.a name\@, model\@, 1b - model\@, tokens\@, 2b - tokens\@, logits\@ /* of the size of a pointer */
        .balign 8
        .quad \bits
.endm

        read_only_addresses
        .balign 8
        symbol golden_models
        golden v4-c32-f32, 0x3e0954f07e877dd5
        golden v5.0-n16-bf16, 0x56cad4e21d71a79d
        golden v5.1-n16-f16, 0x1da053bcbf4040e3
        golden v5.2-n64-bf16, 0x68454d609b604546
        golden v6-n16-bf16, 0x708dc4380404da4f
        golden v7-n16-bf16, 0x60754a5e166f95a4
        read_only_addresses
        .dc.a 0, 0, 0, 0, 0, 0
        .balign 8
        .quad 0
