/* palette.c - colours and the style sheet of charts. */
#include "study/palette.h"
#include <math.h>

/* clang-format off */
const palette_theme palette_light = {
    .ground = "#ffffff", .ink = "#1d2329", .soft = "#57616b", .grid = "#e4e8ec", .axis = "#8b96a1", .panel = "#f5f7f9"};
const palette_theme palette_dark = {
    .ground = "#14181c", .ink = "#e7ebef", .soft = "#a3aeb9", .grid = "#2b3239", .axis = "#697581", .panel = "#1d2329"};

/* Blue, vermilion, green, purple, ochre, grey, after Okabe and Ito (2008), darker or lighter for texts. */
static const char *const light_series[PALETTE_SERIES] = {"#0062a8", "#c24400", "#007a5e", "#9c3f86", "#7d6200", "#56606a"};
static const char *const dark_series[PALETTE_SERIES] = {"#5ab1ef", "#ff9356", "#37c99d", "#e793cf", "#dcbb45", "#b4bec8"};
static const char *const dashes[PALETTE_SERIES] = {"none", "9 4", "3 3", "12 4 3 4", "6 3 2 3 2 3", "1.5 3"};

/* Colours at equal distances, from the ground to the strongest contrast with it. */
static const int light_scale[][3] = {
    {251, 250, 238}, {207, 230, 208}, {128, 196, 196}, {49, 140, 184}, {31, 83, 152}, {20, 32, 88}};
static const int dark_scale[][3] = {
    {26, 33, 44}, {30, 62, 104}, {28, 108, 138}, {52, 158, 150}, {150, 207, 120}, {248, 243, 160}};
static const int light_diverging[][3] = {
    {18, 70, 132}, {74, 142, 196}, {176, 208, 230}, {246, 246, 244}, {248, 204, 158}, {226, 130, 52}, {150, 58, 0}};
static const int dark_diverging[][3] = {
    {150, 208, 255}, {70, 142, 206}, {34, 74, 114}, {30, 35, 41}, {116, 62, 18}, {206, 112, 36}, {255, 190, 120}};
/* clang-format on */

/* The colour of level i on a scale of n given colours. */
static void mix(int out[3], const int (*scale)[3], int n, int i)
{
    const double at = (double)i / (PALETTE_LEVELS - 1) * (n - 1);
    const int k = at < n - 1 ? (int)at : n - 2;
    for (int c = 0; c < 3; c++) out[c] = (int)lround(scale[k][c] + (at - k) * (scale[k + 1][c] - scale[k][c]));
}

/* Relative luminance (WCAG 2.2). */
static double luminance(const int rgb[3])
{
    static const double weight[] = {0.2126, 0.7152, 0.0722};
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        const double x = rgb[c] / 255.0;
        sum += weight[c] * (x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4));
    }
    return sum;
}

static void put_scale(FILE *f, const int (*scale)[3], int n, char fill, char stroke, char text)
{
    for (int i = 0; i < PALETTE_LEVELS; i++) {
        int c[3];
        mix(c, scale, n, i);
        fprintf(f, ".%c%d{fill:#%02x%02x%02x}", fill, i, c[0], c[1], c[2]);
        if (stroke) fprintf(f, ".%c%d{stroke:#%02x%02x%02x}", stroke, i, c[0], c[1], c[2]);
        fprintf(f, ".%c%d{fill:%s}", text, i, luminance(c) > 0.18 ? "#111" : "#fff");
    }
}

static void put_theme(FILE *f, const palette_theme *t, const char *const *series, int dark, int scales)
{
    fprintf(f, ".ground{fill:%s}.ink{fill:%s}.soft{fill:%s}.edge{stroke:%s}.halo{stroke:%s}", t->ground, t->ink,
            t->soft, t->ink, t->ground);
    fprintf(f, ".grid{stroke:%s}.axis,.rule{stroke:%s}.none{stroke:%s}", t->grid, t->axis, t->axis);
    for (int i = 0; i < PALETTE_SERIES; i++) fprintf(f, ".s%d{stroke:%s}.f%d{fill:%s}", i, series[i], i, series[i]);
    if (!scales) return;
    put_scale(f, dark ? dark_scale : light_scale, 6, 'q', 'k', 'w');
    put_scale(f, dark ? dark_diverging : light_diverging, 7, 'v', 0, 'y');
}

void palette_style(FILE *f, int scales)
{
    fputs(
        ".chart text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;"
        "white-space:pre}"
        ".title{font-weight:600}.line,.fit,.thin,.grid,.axis,.rule,.none{fill:none}"
        ".line{stroke-width:2.2;stroke-linejoin:round;stroke-linecap:butt}.fit{stroke-width:1.4;stroke-dasharray:5 4}"
        ".thin{stroke-width:1;stroke-opacity:.75}.band{fill-opacity:.17}.point{stroke-width:1.2;fill-opacity:.8}"
        ".bar{fill-opacity:.9}.grid{stroke-width:1}.axis{stroke-width:1.2}.rule{stroke-width:1.2;stroke-dasharray:3 3}"
        ".lead{stroke-width:1;stroke-opacity:.6;fill:none}.range{stroke-width:1.4;fill:none}"
        ".none{stroke-width:1}.halo{paint-order:stroke;stroke-width:4;stroke-linejoin:round}.hit{fill-opacity:0}",
        f);
    for (int i = 0; i < PALETTE_SERIES; i++) fprintf(f, ".d%d{stroke-dasharray:%s}", i, dashes[i]);
    put_theme(f, &palette_light, light_series, 0, scales);
    fputs("@media screen and (prefers-color-scheme:dark){", f);
    put_theme(f, &palette_dark, dark_series, 1, scales);
    fputs("}", f);
}

int palette_level(double x) { return (int)lround(fmin(1, fmax(0, x)) * (PALETTE_LEVELS - 1)); }
