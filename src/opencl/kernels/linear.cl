/* linear.cl - matrix products of many rows, and their gradients, over stored weights of one TYPE, which the host
 * defines. */

/* Columns [first, first + n) of ROWS rows of x from row t, turned: [column][row], zeros past the end. */
void load_tile(local float *tile, global const float *x, ulong cols, uint T, uint t, uint first, uint n)
{
    barrier(CLK_LOCAL_MEM_FENCE); /* the tile before was read */
    for (uint i = get_local_id(0); i < BLOCK * ROWS; i += GROUP) {
        const uint j = i % BLOCK, k = i / BLOCK;
        tile[j * ROWS + k] = j < n && t + k < T ? x[(ulong)(t + k) * cols + first + j] : 0;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* Many rows: a work-item has ROWS rows of an output, a work-group shares the rows of x. */
kernel void linear_rows(uint T, global const uchar *w, ulong w_from, int layout, ulong in, ulong out, REALS(x),
                        float scale, int kind, REALS(bias), REALS(from), REALS(to), REALS(times), REALS(plus), REALS(y))
{
    OPEN(x);
    OPEN(bias);
    OPEN(from);
    OPEN(to);
    OPEN(times);
    OPEN(plus);
    OPEN(y);
    const uint o = get_global_id(0), t = get_global_id(1) * ROWS;
    const int skips = layout == LAYOUT_INPUT_MAJOR || layout == LAYOUT_SPARSE_BLOCKS;
    local float tile[BLOCK * ROWS];
    float value[BLOCK], sums[ROWS];
    float16 sum = 0;
    w += w_from;
    for (uint begin = 0; begin < in; begin += STRETCH) {
        float16 part = 0;
        for (uint block = begin; block < min((ulong)begin + STRETCH, in); block += BLOCK) {
            const uint n = min((ulong)BLOCK, in - block);
            load_tile(tile, x, in, T, t, block, n);
            if (o < out) block_of_weights(TYPE, value, w, layout, in, out, o, block, n);
            for (uint j = 0; j < n && o < out; j++) {
                const float16 xj = vload16(j, tile), next = fma(xj, (float16)(value[j]), part);
                part = skips ? select(next, part, xj == (float16)(0)) : next;
            }
        }
        sum += part;
    }
    if (o >= out) return;
    vstore16(sum, 0, sums);
    for (uint k = 0; k < ROWS && t + k < T; k++)
        y[(ulong)(t + k) * out + o] =
            finish(sums[k], (ulong)(t + k) * out + o, o, scale, kind, bias, from, to, times, plus);
}

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* dx (+)= dy W': a work-item has ROWS rows of an input. */
kernel void linear_dx(uint T, global const uchar *w, ulong w_from, int layout, ulong in, ulong out, REALS(dy),
                      float scale, int adds, REALS(dx))
{
    OPEN(dy);
    OPEN(dx);
    const uint i = get_global_id(0), t = get_global_id(1) * ROWS;
    local float tile[BLOCK * ROWS];
    float sums[ROWS];
    float16 sum = 0;
    w += w_from;
    for (uint from = 0; from < out; from += STRETCH) {
        float16 part = 0;
        for (uint block = from; block < min((ulong)from + STRETCH, out); block += BLOCK) {
            const uint n = min((ulong)BLOCK, out - block);
            load_tile(tile, dy, out, T, t, block, n);
            for (uint j = 0; j < n && i < in; j++)
                part = fma(vload16(j, tile), (float16)(weight(TYPE, w, layout, in, out, block + j, i)), part);
        }
        sum += part;
    }
    if (i >= in) return;
    vstore16(sum, 0, sums);
    for (uint k = 0; k < ROWS && t + k < T; k++) {
        const ulong at = (ulong)(t + k) * in + i;
        dx[at] = sums[k] * scale + (adds ? dx[at] : 0);
    }
}

/* dw[i][j] += the sum over rows of a[t][i] b[t][j]: a work-item has ROWS consecutive i of a j. */
kernel void linear_dw(uint T, uint rows, uint cols, REALS(a), REALS(b), float scale, REALS(dw))
{
    OPEN(a);
    OPEN(b);
    OPEN(dw);
    const uint j = get_global_id(0), i = get_global_id(1) * ROWS, mine = min((uint)ROWS, rows - i);
    if (j >= cols) return;
    float sums[ROWS], few[ROWS];
    float16 sum = 0;
    for (uint k = 0; k < ROWS; k++) few[k] = 0;
    for (uint t = 0; t < T; t++) {
        global const float *at = a + (ulong)t * rows + i;
        for (uint k = 0; k < mine && mine < ROWS; k++) few[k] = at[k];
        sum = fma(mine < ROWS ? vload16(0, few) : vload16(0, at), (float16)(b[(ulong)t * cols + j]), sum);
    }
    vstore16(sum, 0, sums);
    for (uint k = 0; k < mine; k++) dw[(ulong)(i + k) * cols + j] += sums[k] * scale;
}
