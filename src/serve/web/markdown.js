/* markdown.js - Markdown as DOM nodes. Text enters the page through textContent only, so that no text of a model can
 * become markup; links open http and https, and images are links, so that nothing is loaded. */

const NESTING = 8;  /* of quotes, lists and emphasis; deeper ones are text */
const REACH = 2000; /* characters between the two ends of a span: a bound on the search */

function make(tag, className, ...children) {
    const e = document.createElement(tag);
    if (className) e.className = className;
    e.append(...children);
    return e;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

function safeAddress(text) {
    try {
        const url = new URL(text);
        return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
    } catch {
        return null;
    }
}

function makeLink(text, address) {
    const url = safeAddress(address);
    if (!url) return null;
    const a = make('a', '', text);
    a.href = url;
    a.target = '_blank';
    a.rel = 'noopener noreferrer';
    return a;
}

/* The content up to `mark`, or null: there is none nearby, or it is empty. */
function upTo(text, at, mark) {
    const end = text.slice(at, at + REACH).indexOf(mark);
    return end > 0 ? text.slice(at, at + end) : null;
}

const isWord = c => c !== undefined && /[\p{L}\p{N}]/u.test(c);

/* A span at a position: [node, characters], or null. */
function readSpan(text, at, depth) {
    const c = text[at];
    if (c === '\\' && /[!-/:-@[-`{-~]/.test(text[at + 1] || '')) return [text[at + 1], 2];
    if (c === '`') {
        const mark = text.slice(at, at + REACH).match(/^`+/)[0];
        const code = upTo(text, at + mark.length, mark);
        return code ? [make('code', '', code.trim() || code), code.length + 2 * mark.length] : null;
    }
    if (c === '*' || c === '_' || c === '~') return readEmphasis(text, at, depth);
    if (c === '[' || (c === '!' && text[at + 1] === '[')) return readLink(text, at);
    if (c === 'h' && !isWord(text[at - 1])) {
        const url = text.slice(at, at + REACH).match(/^https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}*_]/);
        const a = url && makeLink(url[0], url[0]);
        return a ? [a, url[0].length] : null;
    }
    return null;
}

function readEmphasis(text, at, depth) {
    const c = text[at], mark = text[at + 1] === c ? c + c : c;
    const tag = c === '~' ? 'del' : mark.length === 2 ? 'strong' : 'em';
    if ((c === '~' && mark.length < 2) || (c === '_' && isWord(text[at - 1])) || depth >= NESTING) return null;
    const inner = upTo(text, at + mark.length, mark);
    const after = inner && text[at + inner.length + 2 * mark.length];
    if (!inner || /^\s|\s$/.test(inner) || (c === '_' && isWord(after))) return null;
    const e = make(tag);
    putSpans(e, inner, depth + 1);
    return [e, inner.length + 2 * mark.length];
}

function readLink(text, at) {
    const image = text[at] === '!', begin = at + (image ? 2 : 1);
    const name = upTo(text, begin, '](');
    const address = name && !name.includes('\n') && upTo(text, begin + name.length + 2, ')');
    if (!address) return null;
    const a = makeLink(image ? say('image', { text: name }) : name, address.split(' ')[0]);
    return a && [a, begin - at + name.length + 2 + address.length + 1];
}

function putSpans(to, text, depth) {
    let plain = '';
    const flush = () => {
        if (plain) to.append(plain);
        plain = '';
    };
    for (let at = 0; at < text.length;) {
        const span = '\\`*_~[!h\n'.includes(text[at]) ? readSpan(text, at, depth) : null;
        if (text[at] === '\n') {
            flush();
            to.append(make('br'));
            at++;
        } else if (span) {
            flush();
            to.append(span[0]);
            at += span[1];
        } else
            plain += text[at++];
    }
    flush();
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */

const FENCE = /^ {0,3}(```+|~~~+)\s*([\w+#.-]*)/;
const HEADING = /^(#{1,6})\s+(?=\S)/;
const ITEM = /^(\s*)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const LINE = /^ {0,3}([-*_])( *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const TABLE = /^ *\|?( *:?-+:? *\|)+( *:?-+:? *)?$/;

const isTable = (lines, i) => lines[i].includes('|') && i + 1 < lines.length && TABLE.test(lines[i + 1]);
const beginsBlock = (lines, i) =>
    [FENCE, HEADING, ITEM, LINE, QUOTE].some(r => r.test(lines[i])) || isTable(lines, i);

const endsFence = (line, mark) => line.trim().startsWith(mark) && !line.trim().replaceAll(mark[0], '');

/* A line after an item: another item, an indented line, the rest of a paragraph; a blank line before one of the first
 * two. */
function isOfList(lines, i) {
    const continues = line => ITEM.test(line) || /^\s{2,}\S/.test(line);
    if (!lines[i].trim()) return i + 1 < lines.length && continues(lines[i + 1]);
    return continues(lines[i]) || !beginsBlock(lines, i);
}

/* The kind of a block and the number of the line after it. */
function findBlock(lines, i) {
    const from = i, fence = lines[i].match(FENCE);
    if (fence) {
        while (++i < lines.length && !endsFence(lines[i], fence[1]));
        return ['code', Math.min(i + 1, lines.length)];
    }
    if (HEADING.test(lines[i])) return ['heading', i + 1];
    if (LINE.test(lines[i])) return ['line', i + 1];
    if (QUOTE.test(lines[i])) {
        while (++i < lines.length && QUOTE.test(lines[i]));
        return ['quote', i];
    }
    if (ITEM.test(lines[i])) {
        while (++i < lines.length && isOfList(lines, i));
        return ['list', i];
    }
    if (isTable(lines, i)) {
        while (++i < lines.length && lines[i].includes('|'));
        return ['table', i];
    }
    while (++i < lines.length && lines[i].trim() && !beginsBlock(lines, i));
    return ['text', Math.max(i, from + 1)];
}

function makeCode(lines) {
    const [, mark, name] = lines[0].match(FENCE);
    const closed = lines.length > 1 && endsFence(lines[lines.length - 1], mark);
    const text = lines.slice(1, closed ? -1 : undefined).join('\n');
    const copy = make('button', 'copy', say('copy'));
    copy.addEventListener('click', () => copyText(text, copy));
    const header = make('header', '', make('span', '', name), copy);
    return make('div', 'code', header, make('pre', '', make('code', '', text)));
}

/* Items with the indentation of the first; other lines belong to the item before them. */
function makeList(lines, depth) {
    const [, indent, mark] = lines[0].match(ITEM);
    const list = make(/\d/.test(mark) ? 'ol' : 'ul');
    if (/\d/.test(mark)) list.start = parseInt(mark, 10);
    const items = [];
    for (const line of lines) {
        const item = line.match(ITEM);
        if (item && item[1].length <= indent.length + 1) items.push([item[3]]);
        else items[items.length - 1].push(line.replace(/^\s{1,4}/, ''));
    }
    for (const item of items) {
        const e = make('li');
        putBlocks(e, item, depth + 1);
        /* an item of one paragraph has no margins */
        if (e.firstChild && e.firstChild.tagName === 'P') e.firstChild.replaceWith(...e.firstChild.childNodes);
        list.append(e);
    }
    return list;
}

const cellsOf = line => line.trim().replace(/^\||\|$/g, '').split('|').map(c => c.trim());

function makeTable(lines) {
    const table = make('table');
    lines.forEach((line, i) => {
        if (i === 1) return;
        const row = make('tr');
        for (const text of cellsOf(line)) {
            const cell = make(i ? 'td' : 'th');
            putSpans(cell, text, 0);
            row.append(cell);
        }
        table.append(row);
    });
    return make('div', 'scroll', table);
}

function makeBlock(kind, lines, depth) {
    if (kind === 'code') return makeCode(lines);
    if (kind === 'line') return make('hr');
    if (kind === 'table') return makeTable(lines);
    if (kind === 'list' && depth < NESTING) return makeList(lines, depth);
    const heading = kind === 'heading' && lines[0].match(HEADING);
    const e = make(heading ? 'h' + Math.min(heading[1].length + 1, 6) : kind === 'quote' ? 'blockquote' : 'p');
    if (kind === 'quote' && depth < NESTING) putBlocks(e, lines.map(l => l.replace(QUOTE, '')), depth + 1);
    else if (heading) putSpans(e, lines[0].slice(heading[0].length).trimEnd().replace(/ #+$/, ''), 0);
    else putSpans(e, lines.join('\n'), 0);
    return e;
}

function findBlocks(lines) {
    const blocks = [];
    for (let i = 0; i < lines.length;) {
        if (!lines[i].trim()) {
            i++;
            continue;
        }
        const [kind, end] = findBlock(lines, i);
        blocks.push([kind, lines.slice(i, end)]);
        i = end;
    }
    return blocks;
}

function putBlocks(to, lines, depth) {
    for (const [kind, part] of findBlocks(lines)) to.append(makeBlock(kind, part, depth));
}

/* Show a text in an element. Blocks that have not changed since the last call keep their nodes, so that a growing
 * answer does not flicker and a selection stays. */
function showMarkdown(to, text) {
    const blocks = findBlocks(text.replace(/\r\n?/g, '\n').split('\n'));
    const old = to.blocks || [];
    to.blocks = blocks.map(([kind, lines], i) => {
        const source = kind + lines.join('\n');
        return old[i] && old[i].source === source ? old[i] : { source, node: makeBlock(kind, lines, 0) };
    });
    for (let i = 0; i < Math.max(old.length, to.blocks.length); i++) {
        const before = old[i], now = to.blocks[i];
        if (!now) before.node.remove();
        else if (!before) to.append(now.node);
        else if (before !== now) before.node.replaceWith(now.node);
    }
}
