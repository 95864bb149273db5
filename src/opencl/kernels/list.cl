/* list.cl - a list of operations on few rows in one launch (src/opencl/list.c). A work-group of GROUP work-items has
 * the same columns of every operation, all rows of them: it runs one operation after another, and reads nothing of an
 * operation before that another work-group computes. */

enum { OP_ADD, OP_MUL, OP_LERP, OP_MAP, OP_COPY, OP_NORM, OP_UNIT, OP_BONUS, OP_SHIFT, OP_WKV4, OP_WKV6, OP_WKV7 };
enum { OPERANDS = 7, BUFFERS = 8, MOST = 15 };

/* An operation, as the host has it. Operand 0 is written. An operand is an offset in values, of the buffer that 4 bits
 * of `buffers` number. */
typedef struct {
    uint kind, rows, C;
    uint number; /* add, mul, lerp: rows of the last operand; map: its kind; copy: stride; wkv6: rows of w */
    uint at;     /* of the states */
    float eps;
    uint buffers, operand[OPERANDS];
} operation;

typedef struct {
    operation list[MOST];
} operations;

/* group_sum where it is wanted, 0 elsewhere; all work-items agree. */
float group_sum_if(int wanted, float x, local float *s)
{
    return group_tree(wanted ? GROUP / 2 : 0, wanted ? x : 0, s);
}

/* A work-group's columns of each operation: blocks of `width`, every get_num_groups(0)-th. */
kernel void list(operations all, int n, uint width, global const long4 *spans, int n_spans, global float *states,
                 global float *b0, global float *b1, global float *b2, global float *b3, global float *b4,
                 global float *b5, global float *b6, global float *b7)
{
    local float s[GROUP];
    global float *const buffer[BUFFERS] = {b0, b1, b2, b3, b4, b5, b6, b7};
    const uint me = get_local_id(0);
    for (int i = 0; i < n; i++) {
        const operation q = all.list[i];
        const int by_span = q.kind >= OP_SHIFT, kind = q.kind;
        const uint C = q.C;
        global float *p[OPERANDS];
        for (int k = 0; k < OPERANDS; k++) {
            const uint from = q.buffers >> 4 * k & 15;
            p[k] = from < BUFFERS ? buffer[from] + q.operand[k] : 0;
        }
        for (uint row = 0; row < (by_span ? n_spans : q.rows); row++)
            for (uint first = get_group_id(0) * width; first < C; first += get_num_groups(0) * width) {
                const uint m = min(width, C - first);
                const ulong at = (ulong)row * C + first;
                float sum = kind == OP_NORM    ? sum_of(p[1] + at, m)
                            : kind == OP_UNIT  ? squares_of(p[1] + at, m)
                            : kind == OP_BONUS ? products_of(p[1] + at, p[2] + at, p[3] + first, m)
                                               : 0;
                sum = group_sum_if(kind == OP_NORM || kind == OP_UNIT || kind == OP_BONUS, sum, s);
                const float mean = sum / m;
                const float spread =
                    group_sum_if(kind == OP_NORM, kind == OP_NORM ? spread_of(p[1] + at, m, mean) : 0, s);
                const float by = kind == OP_NORM ? scale_of_spread(spread, m, q.eps) : unit_scale(sum);
                for (uint j = me; j < m; j += GROUP) {
                    const uint c = first + j;
                    const ulong x = at + j, one = q.number == 1 ? c : x; /* of an operand that may be one row */
                    const long4 span = by_span ? spans[row] : (long4)(0);
                    global float *state = by_span ? states + span.STATE + q.at : 0;
                    switch (kind) {
                    case OP_ADD: p[0][x] = p[1][x] + p[2][one]; break;
                    case OP_MUL: p[0][x] = p[1][x] * p[2][one]; break;
                    case OP_LERP: p[0][x] = lerp_of(p[1][x], p[2][x], p[3][one]); break;
                    case OP_MAP: p[0][x] = map_of(q.number, p[1][x]); break;
                    case OP_COPY: p[0][x] = p[1][(ulong)row * q.number + c]; break;
                    case OP_NORM: p[0][x] = normal_of(p[1][x], mean, by, p[2][c], p[3][c]); break;
                    case OP_UNIT: p[0][x] = p[1][x] * by; break;
                    case OP_BONUS: p[0][x] = sum * p[4][x]; break;
                    case OP_SHIFT: shift_column(C, c, span, state + c, p[1], p[0]); break;
                    case OP_WKV4: wkv4_column(C, c, span, state, p[1], p[2], p[3], p[4], p[0]); break;
                    case OP_WKV6:
                        wkv6_column(C, width, c, span, q.number, state, p[1], p[2], p[3], p[4], p[5], p[0]);
                        break;
                    case OP_WKV7:
                        wkv7_column(C, width, c, span, state, p[1], p[2], p[3], p[4], p[5], p[6], p[0]);
                        break;
                    }
                }
            }
        barrier(CLK_GLOBAL_MEM_FENCE); /* the next operation reads other work-items' values of this one */
    }
}
