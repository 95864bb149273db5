/* report_page.c - a report as one HTML file: style, content, and a script for exact values. */
#include "base/markup.h"
#include "study/palette.h"
#include "study/report.h"

static const char style[] =
    "*{box-sizing:border-box}"
    "body{font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;margin:0 auto;"
    "max-width:920px;padding:2.2rem 1.25rem 3rem;overflow-wrap:break-word}"
    "h1{font-size:1.75rem;line-height:1.25;margin:0 0 .6rem;letter-spacing:-.01em}"
    "h2{font-size:1.25rem;line-height:1.3;margin:2.6rem 0 .4rem}"
    "p{margin:.6rem 0;max-width:46rem}.lead{font-size:1.08rem}"
    "dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,12rem),1fr));gap:.9rem 1.5rem;"
    "margin:1.4rem 0;padding:1rem 1.1rem;border-radius:8px}dt{font-size:.86rem;line-height:1.3}"
    "dd{margin:.1rem 0 0;line-height:1.35}"
    "dd b{font-size:1.15rem}dd span{font-size:.86rem}"
    "figure{margin:1.8rem 0;container-type:inline-size;min-width:0;break-inside:avoid}"
    "figcaption{margin-bottom:.7rem;line-height:1.4}figcaption b{display:block;font-size:1.08rem}"
    "figcaption span{font-size:.92rem}"
    ".row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:0 2.2rem}"
    ".scroll{overflow-x:auto}"
    ".chart{display:block;width:100%;height:auto}.narrow{max-width:520px}"
    ".full .narrow{display:none}"
    "@container(max-width:700px){.full .wide{display:none}.full .narrow{display:block}}"
    "table{border-collapse:collapse;font-size:.92rem;line-height:1.35;margin:1rem 0;font-variant-numeric:tabular-nums}"
    "caption{text-align:left;padding-bottom:.5rem;font-size:.92rem}"
    "th,td{text-align:left;padding:.35rem 1.1rem .35rem 0;vertical-align:top}thead th{vertical-align:bottom}"
    "td{min-width:6rem}tbody th{font-weight:400}.number{text-align:right;white-space:nowrap}"
    "pre{font:.88rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre-wrap;"
    "padding:.7rem .9rem;border-radius:6px;margin:.8rem 0}"
    "details{margin-top:.5rem;font-size:.92rem}summary{cursor:pointer;width:max-content}"
    "footer{margin-top:3rem;padding-top:1rem;font-size:.88rem}"
    "#value{position:fixed;z-index:2;display:none;pointer-events:none;white-space:pre-line;font-size:.84rem;"
    "line-height:1.4;padding:.4rem .6rem;border-radius:5px;max-width:20rem}"
    ".near{fill-opacity:1!important}"
    "@media print{body{max-width:none;padding:0;font-size:11pt}details,#value{display:none!important}"
    ".scroll{overflow:visible}h2{break-after:avoid}}";

static void put_theme(FILE *f, const palette_theme *t)
{
    fprintf(f, "html{background:%s}body{color:%s}h1,h2,figcaption b,dd{color:%s}", t->ground, t->ink, t->ink);
    fprintf(f, "figcaption span,dt,dd span,caption,thead th,footer,summary{color:%s}", t->soft);
    fprintf(f, "thead th{border-bottom:1px solid %s}tbody tr+tr>*{border-top:1px solid %s}", t->axis, t->grid);
    fprintf(f, "pre,dl{background:%s}footer{border-top:1px solid %s}", t->panel, t->grid);
    fprintf(f, "#value{background:%s;color:%s}.near{fill:%s}", t->ink, t->ground, t->ink);
}

/* The value nearest to the pointer in a plot, or of the bar or cell below it. Without the script, browsers show the
 * same <title> after a while. */
static const char script[] =
    "const box=document.getElementById('value');"
    "for(const svg of document.querySelectorAll('svg.chart')){"
    "let points=null,near=null;"
    "const leave=()=>{box.style.display='none';if(near)near.classList.remove('near');near=null};"
    "const enter=()=>{if(points)return;points=[];for(const t of svg.querySelectorAll('title')){const e=t.parentNode;"
    "e.value=t.textContent;t.remove();if(e.tagName==='circle')points.push(e)}};"
    "const show=p=>{enter();let e=null,best=900;"
    "const at=new DOMPoint(p.clientX,p.clientY).matrixTransform(svg.getScreenCTM().inverse());"
    "for(const c of points){const d=(c.cx.baseVal.value-at.x)**2+(c.cy.baseVal.value-at.y)**2;if(d<best)best=d,e=c}"
    "if(!e&&p.target.value)e=p.target;leave();if(!e)return;"
    "if(e.tagName==='circle'){near=e;e.classList.add('near');e.setAttribute('r',4)}"
    "box.textContent=e.value;box.style.display='block';"
    "box.style.left=Math.max(4,Math.min(p.clientX+14,innerWidth-box.offsetWidth-8))+'px';"
    "box.style.top=(p.clientY+18+box.offsetHeight>innerHeight?p.clientY-box.offsetHeight-12:p.clientY+18)+'px'};"
    "svg.addEventListener('pointermove',show);svg.addEventListener('pointerdown',show);"
    "svg.addEventListener('pointerleave',leave)}";

void report_put(FILE *f, const wkv_report *r)
{
    fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>",
          f);
    markup_put(f, r->title, SIZE_MAX);
    fputs("</title>\n<style>", f);
    fputs(style, f);
    put_theme(f, &palette_light);
    fputs("@media screen and (prefers-color-scheme:dark){", f);
    put_theme(f, &palette_dark);
    fputs("}\n", f);
    palette_style(f, 1);
    fputs("</style>\n</head>\n<body>\n<h1>", f);
    markup_put(f, r->title, SIZE_MAX);
    fputs("</h1>\n", f);
    if (r->summary) fputs("<p class=\"lead\">", f), markup_put(f, r->summary, SIZE_MAX), fputs("</p>\n", f);
    wkv_report *own = (wkv_report *)(uintptr_t)r; /* bytes on their way to its texts arrive; nothing else changes */
    stream_update(own->to_facts, &own->facts);
    stream_update(own->to_body, &own->body);
    if (r->facts.text) fputs("<dl>\n", f), fputs(r->facts.text, f), fputs("</dl>\n", f);
    if (r->body.text) fputs(r->body.text, f);
    if (r->in_row) fputs("</div>\n", f);
    fputs("<footer>", f);
    if (r->command) fputs("Made by<pre>", f), markup_put(f, r->command, SIZE_MAX), fputs("</pre>", f);
    fprintf(f, "wkv %s</footer>\n<div id=\"value\"></div>\n<script>%s</script>\n</body>\n</html>\n", wkv_version(),
            script);
}
