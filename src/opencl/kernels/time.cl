/* time.cl - the recurrences of versions 4 to 7 and their gradients (docs/models.md 2 to 5), as src/cpu/ref_time.c
 * defines them.
 *
 * S[h][i][j]: i the key, j the value channel of head h. Forward, a work-item owns a value channel of a span: no channel
 * reads another's. Backward, a work-group owns a head of a span. */

/* ---- version 4: aa, bb, pp of C each ----------------------------------------------------------------------------- */

kernel void wkv4(uint C, ulong at, global const long4 *spans, global float *states, REALS(w), REALS(u), REALS(k),
                 REALS(v), REALS(y))
{
    OPEN(w);
    OPEN(u);
    OPEN(k);
    OPEN(v);
    OPEN(y);
    const uint c = get_global_id(0);
    if (c >= C) return;
    const long4 span = spans[get_global_id(1)];
    wkv4_column(C, c, span, states + span.STATE + at, w, u, k, v, y);
}

/* before: the sums before each token, 3 matrices of T x C. dw, du: a row for each span, which columns_sum adds up. */
kernel void wkv4_back(uint C, ulong T, ulong at, global const long4 *spans, global float *dstates, REALS(state0),
                      REALS(w), REALS(u), REALS(k), REALS(v), REALS(dy), REALS(dk), REALS(dv), global float *dw,
                      global float *du, global float *before)
{
    OPEN(state0);
    OPEN(w);
    OPEN(u);
    OPEN(k);
    OPEN(v);
    OPEN(dy);
    OPEN(dk);
    OPEN(dv);
    const uint c = get_global_id(0);
    if (c >= C) return;
    const long4 span = spans[get_global_id(1)];
    const ulong TC = T * C;
    sums s = sums_get(state0 + get_global_id(1) * 3 * C + c, C), g = {0, 0, 0};
    for (long t = span.ROW; t < span.ROW + span.LENGTH; t++) {
        sums_put(before + t * C + c, TC, s);
        s = join4(s, token4(k[t * C + c], v[t * C + c]), w[c]);
    }
    global float *dstate = dstates + span.DSTATE + at + c;
    if (span.DSTATE >= 0) g = sums_get(dstate, C);
    if (g.aa == 0 && g.bb == 0) g.pp = -1e38f;
    float to_w = 0, to_u = 0;
    for (long t = span.ROW + span.LENGTH - 1; t >= span.ROW; t--) {
        const ulong j = t * C + c;
        const float kt = k[j], vt = v[j];
        s = sums_get(before + j, TC);
        const float m = fmax(s.pp, u[c] + kt), e1 = e_to(s.pp - m), e2 = e_to(u[c] + kt - m);
        const float D = e1 * s.bb + e2, y = (e1 * s.aa + e2 * vt) / D, q = dy[j] / D;
        const float e = q * e2, f = e_to(kt + g.pp);
        if (dk) dk[j] += e * (vt - y) + f * (g.aa * vt + g.bb);
        if (dv) dv[j] += e + f * g.aa;
        to_u += e * (vt - y);
        to_w += e_to(w[c] + g.pp + s.pp) * (g.aa * s.aa + g.bb * s.bb);
        const sums own = {q, -q * y, -m};
        g = join4(g, own, w[c]);
    }
    dw[get_global_id(1) * C + c] = to_w;
    du[get_global_id(1) * C + c] = to_u;
    if (span.DSTATE >= 0) sums_put(dstate, C, g);
}

/* ---- versions 5 and 6 -------------------------------------------------------------------------------------------- */

kernel void wkv6(uint C, uint N, uint w_rows, ulong at, global const long4 *spans, global float *states, REALS(r),
                 REALS(w), REALS(k), REALS(v), REALS(u), REALS(y))
{
    OPEN(r);
    OPEN(w);
    OPEN(k);
    OPEN(v);
    OPEN(u);
    OPEN(y);
    const uint c = get_global_id(0);
    if (c >= C) return;
    const long4 span = spans[get_global_id(1)];
    wkv6_column(C, N, c, span, w_rows, states + span.STATE + at, r, w, k, v, u, y);
}

/* The states of a head and span in backward: `marks` are the states before every CHUNK-th token, `before` those before
 * each token of a chunk and the one after it. */
enum { CHUNK = 16 };

/* A work-item's value channels of a head's state, or zeros. */
void copy_state(global float *to, global const float *from, uint N)
{
    for (uint n = get_local_id(0); n < N; n += GROUP)
        for (uint i = 0; i < N; i++) to[i * N + n] = from ? from[i * N + n] : 0;
}

/* One head of one span: a work-group of GROUP work-items, which share the channels. scratch, per head and span: marks,
 * CHUNK + 1 states, dL/dS. dw_row (version 5), du: a row for each span, zeroed; columns_sum adds them up. */
kernel void wkv6_back(uint C, uint N, uint w_rows, ulong at, ulong marks, global const long4 *spans,
                      global float *dstates, REALS(state0), REALS(r), REALS(w), REALS(k), REALS(v), REALS(u), REALS(dy),
                      REALS(dr), REALS(dw), REALS(dk), REALS(dv), global float *dw_row, global float *du,
                      global float *scratch)
{
    OPEN(state0);
    OPEN(r);
    OPEN(w);
    OPEN(k);
    OPEN(v);
    OPEN(u);
    OPEN(dy);
    OPEN(dr);
    OPEN(dw);
    OPEN(dk);
    OPEN(dv);
    const uint h = get_group_id(0), me = get_local_id(0), heads = C / N, c = h * N;
    const ulong NN = (ulong)N * N, of = get_group_id(1) * heads + h, to_row = get_group_id(1) * C + c;
    const long4 span = spans[get_group_id(1)];
    global float *mark = scratch + of * (marks + CHUNK + 2) * NN, *before = mark + marks * NN,
                 *G = before + (CHUNK + 1) * NN;
    global float *given = span.DSTATE < 0 ? 0 : dstates + span.DSTATE + at + h * NN;
    copy_state(G, given, N);
    for (uint n = me; n < N; n += GROUP)
        for (uint i = 0; i < N; i++) {
            float s = state0[of * NN + i * N + n];
            for (long t = 0; t < span.LENGTH; t++) {
                const ulong j = (span.ROW + t) * C + c, jw = w_rows == 1 ? c : j;
                if (t % CHUNK == 0) mark[t / CHUNK * NN + i * N + n] = s;
                s = fma(w[jw + i], s, k[j + i] * v[j + n]);
            }
        }
    for (long first = (span.LENGTH - 1) / CHUNK * CHUNK; first >= 0; first -= CHUNK) {
        const long last = min((long)first + CHUNK, span.LENGTH) - 1;
        for (uint n = me; n < N; n += GROUP)
            for (uint i = 0; i < N; i++) {
                float s = mark[first / CHUNK * NN + i * N + n];
                for (long t = first; t <= last; t++) {
                    const ulong j = (span.ROW + t) * C + c, jw = w_rows == 1 ? c : j;
                    before[(t - first) * NN + i * N + n] = s;
                    s = fma(w[jw + i], s, k[j + i] * v[j + n]);
                }
            }
        for (long t = last; t >= first; t--) {
            const ulong j = (span.ROW + t) * C + c, jw = w_rows == 1 ? c : j;
            global const float *S = before + (t - first) * NN;
            float vg = 0, ruk = 0;
            for (uint i = 0; i < N; i++) {
                vg = fma(v[j + i], dy[j + i], vg);
                ruk = fma(r[j + i] * u[c + i], k[j + i], ruk);
            }
            barrier(CLK_GLOBAL_MEM_FENCE); /* G and S are complete */
            for (uint i = me; i < N; i += GROUP) {
                float Sg = 0, Gv = 0, GS = 0;
                for (uint n = 0; n < N; n++) {
                    const float g = G[i * N + n], s = S[i * N + n];
                    Sg = fma(s, dy[j + n], Sg);
                    Gv = fma(g, v[j + n], Gv);
                    GS = fma(g, s, GS);
                }
                if (dr) dr[j + i] += Sg + u[c + i] * k[j + i] * vg;
                if (dk) dk[j + i] += Gv + u[c + i] * r[j + i] * vg;
                du[to_row + i] += r[j + i] * k[j + i] * vg;
                if (dw && w_rows > 1) dw[j + i] += GS;
                if (w_rows == 1) dw_row[to_row + i] += GS;
            }
            barrier(CLK_GLOBAL_MEM_FENCE);
            for (uint n = me; n < N; n += GROUP) {
                float to_v = dy[j + n] * ruk;
                for (uint i = 0; i < N; i++) {
                    const float g = G[i * N + n];
                    to_v = fma(g, k[j + i], to_v);
                    G[i * N + n] = fma(w[jw + i], g, r[j + i] * dy[j + n]);
                }
                if (dv) dv[j + n] += to_v;
            }
        }
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
    if (given) copy_state(given, G, N);
}

/* ---- version 7 --------------------------------------------------------------------------------------------------- */

kernel void wkv7(uint C, uint N, ulong at, global const long4 *spans, global float *states, REALS(r), REALS(w),
                 REALS(k), REALS(v), REALS(a), REALS(b), REALS(y))
{
    OPEN(r);
    OPEN(w);
    OPEN(k);
    OPEN(v);
    OPEN(a);
    OPEN(b);
    OPEN(y);
    const uint c = get_global_id(0);
    if (c >= C) return;
    const long4 span = spans[get_global_id(1)];
    wkv7_column(C, N, c, span, states + span.STATE + at, r, w, k, v, a, b, y);
}

/* As wkv6_back. scratch, per head and span: marks, CHUNK + 1 states, dL/dS, S a of each token of a chunk, and its
 * gradient. */
kernel void wkv7_back(uint C, uint N, ulong at, ulong marks, global const long4 *spans, global float *dstates,
                      REALS(state0), REALS(r), REALS(w), REALS(k), REALS(v), REALS(a), REALS(b), REALS(dy), REALS(dr),
                      REALS(dw), REALS(dk), REALS(dv), REALS(da), REALS(db), global float *scratch)
{
    OPEN(state0);
    OPEN(r);
    OPEN(w);
    OPEN(k);
    OPEN(v);
    OPEN(a);
    OPEN(b);
    OPEN(dy);
    OPEN(dr);
    OPEN(dw);
    OPEN(dk);
    OPEN(dv);
    OPEN(da);
    OPEN(db);
    const uint h = get_group_id(0), me = get_local_id(0), heads = C / N, c = h * N;
    const ulong NN = (ulong)N * N, of = get_group_id(1) * heads + h;
    const long4 span = spans[get_group_id(1)];
    global float *mark = scratch + of * ((marks + CHUNK + 2) * NN + (CHUNK + 1) * N), *states = mark + marks * NN,
                 *G = states + (CHUNK + 1) * NN, *sa = G + NN, *ds = sa + CHUNK * N;
    global float *given = span.DSTATE < 0 ? 0 : dstates + span.DSTATE + at + h * NN;
    copy_state(G, given, N);
    for (uint n = me; n < N; n += GROUP) {
        for (uint i = 0; i < N; i++) mark[i * N + n] = state0[of * NN + i * N + n];
        for (long t = 0; t < span.LENGTH - 1; t++) { /* the state runs from mark to mark */
            const ulong j = (span.ROW + t) * C + c;
            global float *from = mark + t / CHUNK * NN + n, *to = mark + (t + 1) / CHUNK * NN + n;
            global float *now = states + n; /* within a chunk */
            absorb7((t + 1) % CHUNK == 0 ? to : now, t % CHUNK == 0 ? from : now, N, v[j + n], w + j, k + j, a + j,
                    b + j);
        }
    }
    for (long first = (span.LENGTH - 1) / CHUNK * CHUNK; first >= 0; first -= CHUNK) {
        const long last = min((long)first + CHUNK, span.LENGTH) - 1;
        for (uint n = me; n < N; n += GROUP) {
            for (uint i = 0; i < N; i++) states[i * N + n] = mark[first / CHUNK * NN + i * N + n];
            for (long t = first; t <= last; t++) {
                const ulong j = (span.ROW + t) * C + c;
                global float *S = states + (t - first) * NN + n;
                sa[(t - first) * N + n] = absorb7(S + NN, S, N, v[j + n], w + j, k + j, a + j, b + j);
            }
        }
        for (long t = last; t >= first; t--) {
            const ulong j = (span.ROW + t) * C + c;
            global const float *before = states + (t - first) * NN, *after = before + NN, *s = sa + (t - first) * N;
            for (uint n = me; n < N; n += GROUP) {
                float to_v = 0, to_s = 0;
                for (uint i = 0; i < N; i++) {
                    const float g = fma(dy[j + n], r[j + i], G[i * N + n]);
                    G[i * N + n] = g;
                    to_v = fma(g, k[j + i], to_v);
                    to_s = fma(g, b[j + i], to_s);
                }
                if (dv) dv[j + n] += to_v;
                ds[n] = to_s;
            }
            barrier(CLK_GLOBAL_MEM_FENCE); /* states, G, sa and ds are complete */
            for (uint i = me; i < N; i += GROUP) {
                float Sg = 0, Gv = 0, Gs = 0, GS = 0, Sd = 0;
                for (uint n = 0; n < N; n++) {
                    const float g = G[i * N + n], S = before[i * N + n];
                    Sg = fma(after[i * N + n], dy[j + n], Sg);
                    Gv = fma(g, v[j + n], Gv);
                    Gs = fma(g, s[n], Gs);
                    GS = fma(g, S, GS);
                    Sd = fma(S, ds[n], Sd);
                }
                if (dr) dr[j + i] += Sg;
                if (dk) dk[j + i] += Gv;
                if (db) db[j + i] += Gs;
                if (dw) dw[j + i] += GS;
                if (da) da[j + i] += Sd;
            }
            barrier(CLK_GLOBAL_MEM_FENCE);
            for (uint n = me; n < N; n += GROUP)
                for (uint i = 0; i < N; i++) G[i * N + n] = fma(G[i * N + n], w[j + i], ds[n] * a[j + i]);
        }
        barrier(CLK_GLOBAL_MEM_FENCE);
    }
    if (given) copy_state(given, G, N);
}
