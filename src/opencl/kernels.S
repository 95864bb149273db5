/* kernels.S - the texts of kernels/ as read-only strings; see program.c. */
#include "base/platform/data.inc"

        .macro text name, file
        symbol  \name
        .incbin "\file"
        .byte   0
        .endm

        read_only
        text    text_common, "common.cl"
        text    text_operations, "operations.cl"
        text    text_basic, "basic.cl"
        text    text_rows, "rows.cl"
        text    text_time, "time.cl"
        text    text_list, "list.cl"
        text    text_weights, "weights.cl"
        text    text_limits, "limits.cl"
        text    text_linear, "linear.cl"
        text    text_few, "few.cl"
