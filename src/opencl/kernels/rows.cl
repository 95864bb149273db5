/* rows.cl - sums within a row: norms, unit heads, bonus, softmax, and the norm with shift and mixtures. A work-group of
 * GROUP work-items is one row, or one group or head of it. */

kernel void norm(uint C, uint groups, float eps, REALS(x), REALS(w), REALS(b), REALS(y))
{
    OPEN(x);
    OPEN(w);
    OPEN(b);
    OPEN(y);
    local float s[GROUP];
    const uint n = C / groups, first = get_group_id(0) % groups * n;
    float mean, rs;
    x += (ulong)get_group_id(0) * n;
    y += (ulong)get_group_id(0) * n;
    moments(x, n, eps, s, &mean, &rs);
    for (uint i = get_local_id(0); i < n; i += GROUP) y[i] = normal_of(x[i], mean, rs, w[first + i], b[first + i]);
}

/* stats: mean and 1 / sqrt(variance + eps) of each group of each row, for norm_columns */
kernel void norm_back(uint C, uint groups, float eps, REALS(x), REALS(w), REALS(dy), REALS(dx), global float2 *stats)
{
    OPEN(x);
    OPEN(w);
    OPEN(dy);
    OPEN(dx);
    local float s[GROUP];
    const uint n = C / groups, first = get_group_id(0) % groups * n, me = get_local_id(0);
    const ulong at = (ulong)get_group_id(0) * n;
    float mean, rs, sum = 0, dot_x = 0; /* of dy w, and of dy w with the normalised x */
    moments(x + at, n, eps, s, &mean, &rs);
    if (!me) stats[get_group_id(0)] = (float2)(mean, rs);
    if (!dx) return;
    for (uint i = me; i < n; i += GROUP) {
        const float dn = dy[at + i] * w[first + i];
        sum += dn;
        dot_x += dn * ((x[at + i] - mean) * rs);
    }
    sum = group_sum(sum, s);
    dot_x = group_sum(dot_x, s);
    for (uint i = me; i < n; i += GROUP)
        dx[at + i] += rs * (dy[at + i] * w[first + i] - sum / n - (x[at + i] - mean) * rs * dot_x / n);
}

/* dw and db, a column each, from the rows in order */
kernel void norm_columns(uint T, uint C, uint groups, REALS(x), REALS(dy), REALS(dw), REALS(db),
                         global const float2 *stats)
{
    OPEN(x);
    OPEN(dy);
    OPEN(dw);
    OPEN(db);
    const uint c = get_global_id(0), g = c / (C / groups);
    if (c >= C) return;
    float to_w = dw ? dw[c] : 0, to_b = db ? db[c] : 0;
    for (uint t = 0; t < T; t++) {
        const ulong i = (ulong)t * C + c;
        const float2 m = stats[(ulong)t * groups + g];
        to_w += dy[i] * ((x[i] - m.x) * m.y);
        to_b += dy[i];
    }
    if (dw) dw[c] = to_w;
    if (db) db[c] = to_b;
}

kernel void unit(uint N, REALS(x), REALS(y))
{
    OPEN(x);
    OPEN(y);
    local float s[GROUP];
    const ulong at = (ulong)get_group_id(0) * N;
    const float by = unit_scale(group_sum(squares_of(x + at, N), s));
    for (uint i = get_local_id(0); i < N; i += GROUP) y[at + i] = x[at + i] * by;
}

kernel void unit_back(uint N, REALS(x), REALS(y), REALS(dy), REALS(dx))
{
    OPEN(x);
    OPEN(y);
    OPEN(dy);
    OPEN(dx);
    local float s[GROUP];
    const ulong at = (ulong)get_group_id(0) * N;
    float len = sqrt(group_sum(squares_of(x + at, N), s)), dot_y = 0;
    for (uint i = get_local_id(0); i < N; i += GROUP) dot_y += y[at + i] * dy[at + i];
    dot_y = group_sum(dot_y, s);
    if (len < UNIT_FLOOR) dot_y = 0, len = UNIT_FLOOR; /* there it is a plain scaling */
    for (uint i = get_local_id(0); i < N; i += GROUP) dx[at + i] += (dy[at + i] - y[at + i] * dot_y) / len;
}

kernel void bonus(uint C, uint heads, REALS(r), REALS(k), REALS(u), REALS(v), REALS(y))
{
    OPEN(r);
    OPEN(k);
    OPEN(u);
    OPEN(v);
    OPEN(y);
    local float s[GROUP];
    const uint N = C / heads;
    const ulong at = (ulong)get_group_id(0) * N;
    const float by = group_sum(products_of(r + at, k + at, u + get_group_id(0) % heads * N, N), s);
    for (uint i = get_local_id(0); i < N; i += GROUP) y[at + i] = by * v[at + i];
}

/* dots: dy v of each head of each row, for bonus_columns */
kernel void bonus_back(uint C, uint heads, REALS(r), REALS(k), REALS(u), REALS(v), REALS(dy), REALS(dr), REALS(dk),
                       REALS(dv), global float *dots)
{
    OPEN(r);
    OPEN(k);
    OPEN(u);
    OPEN(v);
    OPEN(dy);
    OPEN(dr);
    OPEN(dk);
    OPEN(dv);
    local float s[GROUP];
    const uint N = C / heads;
    const ulong at = (ulong)get_group_id(0) * N;
    u += get_group_id(0) % heads * N;
    const float by = group_sum(products_of(r + at, k + at, u, N), s);
    float ds = 0;
    for (uint i = get_local_id(0); i < N; i += GROUP) ds += dy[at + i] * v[at + i];
    ds = group_sum(ds, s);
    if (!get_local_id(0)) dots[get_group_id(0)] = ds;
    for (uint i = get_local_id(0); i < N; i += GROUP) {
        if (dv) dv[at + i] += by * dy[at + i];
        if (dr) dr[at + i] += ds * k[at + i] * u[i];
        if (dk) dk[at + i] += ds * r[at + i] * u[i];
    }
}

kernel void bonus_columns(uint T, uint C, uint heads, REALS(r), REALS(k), REALS(du), global const float *dots)
{
    OPEN(r);
    OPEN(k);
    OPEN(du);
    const uint c = get_global_id(0), h = c / (C / heads);
    if (c >= C) return;
    float sum = du[c];
    for (uint t = 0; t < T; t++) sum += dots[(ulong)t * heads + h] * r[(ulong)t * C + c] * k[(ulong)t * C + c];
    du[c] = sum;
}

/* The largest logit, its first index, the sum of exponentials; then probabilities and the loss. */
kernel void softmax_nll(uint V, REALS(logits), REALS(nll), REALS(max), global int *argmax_buffer, ulong argmax_from,
                        global const int *targets)
{
    OPEN(logits);
    OPEN(nll);
    OPEN(max);
    local float s[GROUP];
    local uint where[GROUP];
    const uint t = get_group_id(0), me = get_local_id(0);
    global float *x = logits + (ulong)t * V;
    uint best = me < V ? me : 0;
    for (uint i = best; i < V; i += GROUP)
        if (x[i] > x[best]) best = i;
    s[me] = x[best];
    where[me] = best;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int half_of = GROUP / 2; half_of; half_of /= 2) {
        if (me < half_of) {
            const float other = s[me + half_of];
            if (other > s[me] || (other == s[me] && where[me + half_of] < where[me])) {
                s[me] = other;
                where[me] = where[me + half_of];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    const float top = s[0];
    const uint first = where[0];
    const int target = targets[t];
    const float of_target = target >= 0 ? x[target] : 0;
    barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
    float sum = 0;
    for (uint i = me; i < V; i += GROUP) sum += x[i] = e_to(x[i] - top);
    sum = group_sum(sum, s);
    for (uint i = me; i < V; i += GROUP) x[i] /= sum;
    if (me) return;
    max[t] = top;
    argmax_buffer[argmax_from + t] = first;
    nll[t] = target >= 0 ? log(sum) + top - of_target : 0;
}

/* scales: NULL, or each row's */
kernel void softmax_nll_back(ulong n, uint V, float scale, float l2wrap, REALS(logits), REALS(max),
                             global const int *argmax_buffer, ulong argmax_from, global const int *targets,
                             global const float *scales)
{
    OPEN(logits);
    OPEN(max);
    const ulong i = get_global_id(0), t = i / V;
    if (i >= n) return;
    const int target = targets[t], c = i % V;
    const float by = target < 0 ? 0 : scales ? scales[t] : scale;
    float x = logits[i] * by;
    if (c == target) x -= by;
    if (l2wrap != 0 && c == argmax_buffer[argmax_from + t]) x += l2wrap * max[t];
    logits[i] = x;
}

/* ---- norm, shift and mixtures ------------------------------------------------------------------------------------ */

#define MU(i) global const float *mu##i##_buffer
#define MUS MU(0), MU(1), MU(2), MU(3), MU(4), MU(5), MU(6), MU(7), ulong8 mu_from
#define MU_LIST                                                                                                        \
    {mu0_buffer + mu_from.s0, mu1_buffer + mu_from.s1, mu2_buffer + mu_from.s2, mu3_buffer + mu_from.s3,               \
     mu4_buffer + mu_from.s4, mu5_buffer + mu_from.s5, mu6_buffer + mu_from.s6, mu7_buffer + mu_from.s7}

/* A row's work-group also normalises the row before. That of a span's first row reads the state, and then sets it to
 * the span's last row. of_row: the span of each row. y: offsets in one buffer. */
kernel void norm_shift_mix(uint C, ulong at, float eps, int current, int n, global const long4 *spans,
                           global const int *of_row, global float *states, REALS(x), REALS(w), REALS(b),
                           global float *y_buffer, ulong8 y_from, MUS)
{
    OPEN(x);
    OPEN(w);
    OPEN(b);
    local float s[GROUP];
    const long t = get_group_id(0);
    const long4 span = spans[of_row[t]];
    const int first = t == span.ROW;
    global const float *now = x + t * C, *other = first ? x + (t + span.LENGTH - 1) * C : now - C;
    global float *state = states + span.STATE + at;
    global const float *mu[8] = MU_LIST;
    const ulong from[8] = {y_from.s0, y_from.s1, y_from.s2, y_from.s3, y_from.s4, y_from.s5, y_from.s6, y_from.s7};
    float mean, rs, other_mean, other_rs;
    moments(now, C, eps, s, &mean, &rs);
    moments(other, C, eps, s, &other_mean, &other_rs);
    for (uint c = get_local_id(0); c < C; c += GROUP) {
        const float z = normal_of(now[c], mean, rs, w[c], b[c]),
                    o = normal_of(other[c], other_mean, other_rs, w[c], b[c]);
        const float before = first ? state[c] : o;
        for (int i = 0; i < n; i++) y_buffer[from[i] + t * C + c] = mixture_of(z, before, mu[i][c], current);
        if (first) state[c] = o;
    }
}

/* dz[t] = the gradient of row t of z: its own part and that of the row after, or of the state. z is not read. */
kernel void mix_back_rows(ulong all, uint C, ulong at, int current, int n, global const long4 *spans,
                          global const int *of_row, global const float *dstates, global const float *dy_buffer,
                          ulong8 dy_from, MUS, global float *dz)
{
    const ulong j = get_global_id(0);
    if (j >= all) return;
    const long t = j / C, c = j % C;
    const long4 span = spans[of_row[t]];
    const int last = t == span.ROW + span.LENGTH - 1;
    global const float *mu[8] = MU_LIST;
    const ulong from[8] = {dy_from.s0, dy_from.s1, dy_from.s2, dy_from.s3,
                           dy_from.s4, dy_from.s5, dy_from.s6, dy_from.s7};
    float sum = 0, after = 0;
    for (int i = 0; i < n; i++) {
        const float m = mu[i][c], to_now = current ? m : 1 - m, to_before = current ? 1 - m : m;
        sum += dy_buffer[from[i] + j] * to_now;
        if (!last) after += dy_buffer[from[i] + j + C] * to_before;
    }
    if (last && span.DSTATE >= 0) after = dstates[span.DSTATE + at + c];
    dz[j] = sum + after;
}

/* The gradient of the states; after mix_back_rows, which reads that of the new states. */
kernel void mix_back_states(uint C, ulong at, int current, int n, global const long4 *spans, global float *dstates,
                            global const float *dy_buffer, ulong8 dy_from, MUS)
{
    const uint c = get_global_id(0);
    const long4 span = spans[get_global_id(1)];
    if (c >= C || span.DSTATE < 0) return;
    global const float *mu[8] = MU_LIST;
    const ulong from[8] = {dy_from.s0, dy_from.s1, dy_from.s2, dy_from.s3,
                           dy_from.s4, dy_from.s5, dy_from.s6, dy_from.s7};
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += dy_buffer[from[i] + span.ROW * C + c] * (current ? 1 - mu[i][c] : mu[i][c]);
    dstates[span.DSTATE + at + c] = sum;
}

/* One mixture's dmu, from the rows in order; z: the normalised rows. */
kernel void mix_back_mu(uint T, uint C, int current, global const long4 *spans, global const int *of_row,
                        global const float *z, REALS(state0), REALS(dy), REALS(dmu))
{
    OPEN(state0);
    OPEN(dy);
    OPEN(dmu);
    const uint c = get_global_id(0);
    if (c >= C) return;
    float sum = dmu[c];
    for (uint t = 0; t < T; t++) {
        const ulong i = (ulong)t * C + c;
        const int s = of_row[t];
        const float before = t == spans[s].ROW ? state0[(ulong)s * C + c] : z[i - C];
        sum += dy[i] * (current ? z[i] - before : before - z[i]);
    }
    dmu[c] = sum;
}
