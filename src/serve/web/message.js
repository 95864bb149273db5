/* message.js - a message on the page: its text, reasoning, versions and actions. */

/* Reasoning arrives in the stream and is no part of the kept answer: it is here until the page closes. */
const thoughts = new Map();

function copyText(text, button) {
    const done = () => {
        button.classList.add('done');
        if (!button.classList.contains('icon')) button.textContent = say('copied');
        find('spoken').textContent = say('copied');
        setTimeout(() => {
            button.classList.remove('done');
            if (!button.classList.contains('icon')) button.textContent = say('copy');
        }, 1200);
    };
    /* browsers have a clipboard on this machine and over HTTPS only */
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => copySelected(text, done));
    else copySelected(text, done);
}

function copySelected(text, done) {
    const area = make('textarea', 'hidden');
    area.value = text;
    document.body.append(area);
    area.select();
    if (document.execCommand('copy')) done();
    area.remove();
}

function makeAction(name, label, action) {
    const button = make('button', 'icon', icon(name));
    button.title = label;
    button.setAttribute('aria-label', label);
    button.addEventListener('click', () => action(button));
    return button;
}

function makeThought(text, open) {
    const e = make('details', 'thought', make('summary', '', say(open ? 'thinkingNow' : 'thinking')), make('div'));
    e.open = open;
    showMarkdown(e.lastChild, text);
    return e;
}

/* "2 of 3" with arrows. */
function makeVersions(tree, node, chosen) {
    const all = versionsOf(tree, node), i = all.indexOf(node);
    if (all.length < 2 || i < 0) return null;
    const go = (by, name, label) => {
        const b = makeAction(name, say(label), () => chosen(all[i + by]));
        b.disabled = !all[i + by];
        return b;
    };
    return make('span', 'versions', go(-1, 'left', 'before'),
                make('span', '', say('version', { i: i + 1, n: all.length })), go(1, 'right', 'after'));
}

/* A message of the tree. `acts`: what its buttons do, or null for one without buttons:
 * {edit(node, card), again(node), here(node), version(node)}. */
function makeMessage(tree, node, acts) {
    if (node.role === 'system') return makeSystem(node.content);
    const mine = node.role === 'user';
    const card = make('article', 'message ' + node.role);
    card.dataset.id = node.id;
    card.setAttribute('aria-label', mine ? say('you') : server.models.length ? nameOfModel() : 'wkv');
    const text = make('div', 'text');
    if (mine) text.textContent = node.content;
    else if (node.role === 'mix') text.append(make('p', 'soft', say('mixed')));
    else showMarkdown(text, node.content || '');
    if (thoughts.has(node.id)) card.append(makeThought(thoughts.get(node.id), false));
    card.append(text);
    if (!acts) return card;
    const row = make('div', 'actions');
    const versions = makeVersions(tree, node, acts.version);
    if (versions) row.append(versions);
    row.append(makeAction('copy', say('copy'), b => copyText(node.content || '', b)));
    if (mine) row.append(makeAction('edit', say('edit'), () => acts.edit(node, card)));
    else {
        if (node.role === 'assistant') row.append(makeAction('again', say('again'), () => acts.again(node)));
        row.append(makeAction('here', say('here'), () => acts.here(node)));
    }
    card.append(row);
    return card;
}

/* The opening of a conversation; an empty one is not shown. */
function makeSystem(content) {
    if (!(content || '').trim()) return make('span');
    const e = make('details', 'system', make('summary', '', say('systemText')), make('div', 'text', content));
    return e;
}

/* Input methods end a word with Enter, which sends nothing. Safari says so with a key code only. */
const isComposing = e => e.isComposing || e.keyCode === 229;

/* The question in place as a field; send(text) as a branch. */
function editMessage(card, node, send) {
    const area = make('textarea');
    area.value = node.content;
    area.setAttribute('aria-label', say('edit'));
    const cancel = make('button', '', say('cancel')), ok = make('button', 'main', say('editHint'));
    cancel.type = 'button';
    const form = make('form', 'editing', area, make('div', 'row', cancel, ok));
    const end = () => { form.replaceWith(...kept); };
    const kept = [...card.childNodes];
    form.addEventListener('submit', e => {
        e.preventDefault();
        if (!area.value.trim() || talk.running) return;
        end();
        send(area.value);
    });
    cancel.addEventListener('click', end);
    area.addEventListener('keydown', e => {
        if (e.key === 'Enter' && !e.shiftKey && !isComposing(e)) {
            e.preventDefault();
            form.requestSubmit();
        }
        if (e.key === 'Escape') {
            e.stopPropagation();
            end();
        }
    });
    area.addEventListener('input', () => fitHeight(area));
    card.replaceChildren(form);
    fitHeight(area);
    area.focus();
}

function fitHeight(area) {
    area.style.height = 'auto';
    area.style.height = area.scrollHeight + 'px';
}
